-- A versioned key-value map that every member has a copy of. An entry is the text
-- "version key value"; the higher version wins, the clock is a good one:
--
--   shoal run examples/kv.lua --bind 127.0.0.1:7946
--   shoal broadcast "$(date +%s) colour blue"
--
-- The map is in node.store.kv, so editing this script does not lose it.

local M = { broadcast = {} }

local function parse(data)
  local version, key, value = data:match("^(%d+) (%S+) (.*)$")
  return tonumber(version), key, value
end

local function map(node)
  node.store.kv = node.store.kv or {}
  return node.store.kv
end

-- Equal versions: the greater value, so that all copies agree whatever came first.
local function is_newer(version, value, old)
  return not old or version > old.version or (version == old.version and value > old.value)
end

function M.broadcast.receive(node, data, sender)
  local version, key, value = parse(data)
  if not version then
    return nil -- not ours to judge, and not worth passing on
  end
  local old = map(node)[key]
  if is_newer(version, value, old) then
    map(node)[key] = { version = version, value = value }
    node:log("info", "set " .. key, { value = value, version = version })
    return key
  end
  -- We tell a newcomer what we know: that is not news to us, but it must go out.
  local again = not sender and old.version == version and old.value == value
  return again and key or nil
end

-- Newcomers get the whole map, from the member with the lowest address alone.
local function is_first(node, newcomer)
  local mine = node:identity().addr
  local lower = node:members { where = function(m) return m.addr < mine and m.addr ~= newcomer.addr end }
  return #lower == 0
end

function M.on_member_up(node, member)
  if is_first(node, member) then
    for key, entry in pairs(map(node)) do
      node:add_broadcast(("%d %s %s"):format(entry.version, key, entry.value))
    end
  end
end

return M
