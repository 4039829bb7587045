-- A key-value map with a copy on every member, in node.store.kv. An entry is the text "version
-- key value"; the greater version wins. The time makes a good version:
--
--   shoal run examples/kv.lua --bind 127.0.0.1:7946
--   shoal publish set "$(date +%s) colour blue"
--
-- docs/testing.md shows how it is tested against lost packets, crashes and partitions.

local M = { topics = {}, on_ask = {} }
local LIMIT = 1000 -- bytes of an entry, and of an answer: it must fit into a packet

function M.topics.set(node, text)
  local version, key, value = tostring(text):match("^(%d+) (%S+) (.*)$")
  if not key or #text > LIMIT then return node:log("warn", "not an entry") end
  local new = { version = tonumber(version), value = value, text = text }
  local old = node.store.kv[key] or { version = -1 }
  if new.version < old.version or new.version == old.version and text <= old.text then return end
  node.store.kv[key] = new
  node:log("info", "set " .. key, { value = value, version = new.version })
end

-- The entries behind this key, as many as fit, and a checksum of all of them. A map of
-- megabytes would need more checksums, so that only the parts that differ are sent.
local function entries(node, after)
  local keys, list, size, sum = {}, {}, 0, 0
  for key in pairs(node.store.kv) do keys[#keys + 1] = key > after and key or nil end
  table.sort(keys)
  for i, key in ipairs(keys) do
    local text = node.store.kv[key].text
    size = size + #text + 3 -- its length is sent, too
    if size <= LIMIT + 3 then list[i] = text end
    for j = 1, #text do sum = (sum * 31 + text:byte(j)) % 2^32 end
  end
  return list, sum
end

function M.on_ask.entries(node, asked)
  local list, sum = entries(node, asked.after)
  return sum ~= asked.sum and list or {}
end

local function ask(node, member, after)
  local _, sum = entries(node, after)
  node:ask("entries", { after = after, sum = sum }, { members = { member } }, function(_, answers)
    local list = answers[1] and answers[1].data or {}
    for _, text in ipairs(list) do M.topics.set(node, text) end
    if list[1] then ask(node, member, list[#list]:match(" (%S+)")) end
  end)
end

-- Random members, ever less often: one that is asked may be new, too, or have missed the same.
local timer

local function ask_after(node, seconds, member)
  if timer then timer:cancel() end
  timer = node:after(seconds * (0.5 + math.random()), function()
    for _, any in ipairs(node:owner(tostring(math.random()), { n = 2 })) do
      member = member or any.addr ~= node:identity().addr and any
    end
    if member then ask(node, member, "") end
    ask_after(node, math.min(2 * seconds, 60))
  end)
end

-- A newcomer asks, and a member that missed something; its author first.
local function begin(node, _, from)
  node.store.kv = node.store.kv or {} -- survives edits of this script
  ask_after(node, 0.5, from)
end

M.on_start, M.on_reload, M.on_active, M.on_missed = begin, begin, begin, begin

return M
