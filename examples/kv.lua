-- A versioned key-value map, with a copy on every member. An entry is the text
-- "version key value". The higher version wins; the time makes a good version:
--
--   shoal run examples/kv.lua --bind 127.0.0.1:7946
--   shoal broadcast "$(date +%s) colour blue"
--
-- The map is in node.store.kv, so it survives edits of this script. docs/testing.md
-- shows how it is tested against lost packets, crashes and partitions.

local M = { broadcast = {} }

-- "version.told key value": `told` counts repeats, so that a repeated entry is new.
local function parse(data)
  local version, told, key, value = data:match("^(%d+)%.?(%d*) (%S+) (.*)$")
  return key, { version = tonumber(version), told = tonumber(told) or 0, value = value }
end

local function map(node)
  node.store.kv = node.store.kv or {}
  return node.store.kv
end

-- Of equal versions the greater value wins, so that all copies agree in the end.
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

-- One member sends the whole map to new members, and to those that were cut off: the
-- one with the lowest address. The others wait longer, in case it does not.
local PATIENCE = 0.5 -- seconds

function M.on_member_up(node)
  if not next(map(node)) then return end -- nothing to send
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
