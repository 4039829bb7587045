-- A versioned key-value map that every member has a copy of. An entry is the text
-- "version key value"; the higher version wins, the clock is a good one:
--
--   shoal run examples/kv.lua --bind 127.0.0.1:7946
--   shoal broadcast "$(date +%s) colour blue"
--
-- The map is in node.store.kv, so editing this script does not lose it. How it is
-- tested against lost packets, crashes and partitions is in docs/testing.md.

local M = { broadcast = {} }

-- "version.told key value": how often it was told again makes old news news.
local function parse(data)
  local version, told, key, value = data:match("^(%d+)%.?(%d*) (%S+) (.*)$")
  return key, { version = tonumber(version), told = tonumber(told) or 0, value = value }
end

local function map(node)
  node.store.kv = node.store.kv or {}
  return node.store.kv
end

-- Equal versions: the greater value, so that all copies agree whatever came first.
local function is_news(entry, old)
  for _, field in ipairs { "version", "value", "told" } do
    if not old or entry[field] ~= old[field] then return not old or entry[field] > old[field] end
  end
  return false
end

function M.broadcast.receive(node, data)
  local key, entry = parse(data)
  local old = key and map(node)[key]
  if not key or not is_news(entry, old) then
    return nil
  end
  map(node)[key] = entry
  if not old or old.value ~= entry.value then
    node:log("info", "set " .. key, { value = entry.value, version = entry.version })
  end
  return key
end

-- Newcomers, and those who were cut off, are told the whole map, by one of us: by
-- whoever has waited in vain for another to do it. The lowest address waits least.
local PATIENCE = 0.5 -- seconds

function M.on_member_up(node)
  if not next(map(node)) then return end -- nothing to tell
  local lower = node:members { where = function(m) return m.addr < node:identity().addr end }
  for key, entry in pairs(map(node)) do
    node:after(PATIENCE * (#lower + 1), function()
      if map(node)[key] == entry then
        node:add_broadcast(("%d.%d %s %s"):format(entry.version, entry.told + 1, key, entry.value))
      end
    end)
  end
end

return M
