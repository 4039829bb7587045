-- Keeps HAProxy's servers through its runtime API: the instances of the service `web`, in the fixed
-- slots of a backend. HAProxy is never reloaded. haproxy.cfg has
--
--   global                                                    backend web
--     stats socket /run/haproxy/admin.sock level admin          server-template web 1-10 0.0.0.0:80 disabled
--
--   shoal run examples/haproxy.lua --bind 10.0.0.1:7946 -- socket=/run/haproxy/admin.sock backend=web
--
-- What HAProxy has is read each second and made what it should be: so it has its servers again a
-- second after it was restarted.

local M = require("shoal.services").script {}
local again = 1 -- seconds
local changed = false

-- HAProxy answers a line and ends the connection. nil and why: it does not.
local function say(node, line)
  local c, why = node:connect(node.args.socket or "/run/haproxy/admin.sock", 2)
  if not c then return nil, why end
  local ok, answer = c:write(line .. "\n"), nil
  if ok then answer, why = c:read "*a" end
  c:close()
  return answer, why or "it did not answer"
end

-- The slots, in their order.
local function read_slots(node, backend)
  local answer, why = say(node, "show servers state " .. backend)
  local slots = {}
  for line in (answer or ""):gmatch "[^\n]+" do
    local f = {}
    for word in line:gmatch "%S+" do f[#f + 1] = word end
    if f[2] == backend and f[19] then
      local admin = tonumber(f[7]) -- bits: 1 and 2 maintenance, 4 it was once, 8 and 16 drain
      slots[#slots + 1] = { name = backend .. "/" .. f[4], addr = f[5] .. ":" .. f[19], weight = tonumber(f[8]),
        state = admin % 4 > 0 and "maint" or admin % 32 > 7 and "drain" or "ready" }
    end
  end
  return slots[1] and slots, answer and ("no slots in backend %s: %s"):format(backend, answer:match "[^\n]*") or why
end

-- What should be there, by address. HAProxy wants IP addresses, and weights up to 256.
local function read_instances(node)
  local list = node:service("web", { state = { "passing", "maintenance" }, where = function(one)
    return one.port and one.host and one.host:find "^[%x.:%[%]]+$"
  end })
  local most, wanted = 256, {}
  for _, one in ipairs(list) do most = math.max(most, one.weight) end
  for i, one in ipairs(list) do
    local host = one.host:gsub("[%[%]]", "")
    list[i] = { addr = host .. ":" .. one.port, command = ("addr %s port %d"):format(host, one.port),
      weight = math.ceil(one.weight * 256 / most), state = one.state == "passing" and "ready" or "drain" }
    wanted[list[i].addr] = list[i]
  end
  return list, wanted
end

local function commands(slots, list, wanted)
  local lines, free, left = {}, {}, 0
  local function set(slot, what, value)
    if slot[what] ~= value then lines[#lines + 1] = ("set server %s %s %s"):format(slot.name, what, value) end
  end
  for _, slot in ipairs(slots) do
    local one = wanted[slot.addr]
    if one and not one.slot then
      one.slot = slot
      set(slot, "weight", one.weight)
      set(slot, "state", one.state)
    else
      free[#free + 1] = slot
      set(slot, "state", "maint") -- requests under way end as they would
    end
  end
  for _, one in ipairs(list) do
    if not one.slot and one.state == "ready" and free[1] then
      local slot = table.remove(free, 1)
      lines[#lines + 1] = ("set server %s %s"):format(slot.name, one.command)
      lines[#lines + 1] = ("set server %s weight %d"):format(slot.name, one.weight)
      lines[#lines + 1] = ("set server %s state ready"):format(slot.name)
    elseif not one.slot and one.state == "ready" then
      left = left + 1
    end
  end
  return lines, left > 0 and left .. " servers have no slot" or nil
end

-- What is wrong, or nil.
local function sync(node)
  local slots, why = read_slots(node, node.args.backend or "web")
  if not slots then return why end
  local lines, trouble = commands(slots, read_instances(node))
  for i = 1, #lines, 50 do
    local answer, failure = say(node, table.concat(lines, ";", i, math.min(i + 49, #lines)))
    if not answer then return failure end
    node:log("info", "haproxy was told", { commands = #lines, first = lines[i] })
  end
  return trouble
end

function M.on_service(_, name)
  changed = changed or name == "web"
end

local function start(node)
  node:go(function(n)
    while true do
      changed = false
      local trouble = sync(n)
      if trouble and trouble ~= n.store.trouble then n:log("warn", "haproxy", { reason = trouble }) end
      n.store.trouble = trouble
      n:wait(function() return changed end, again)
    end
  end)
end

M.on_start, M.on_reload = start, start

return M
