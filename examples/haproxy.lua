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
--
-- A server that is drained, leaves or fails its check is out at once. One whose member has failed is
-- out while others pass. If none does, or this member is alone, the fault may be the network's or
-- its own: HAProxy keeps the last list. It also keeps what it has until the members are known.

local M = require("shoal.services").script {}
local again = 1 -- seconds
local settle = 3 -- seconds, from the first member that is known until one that is missing counts
local remember = 60 -- seconds, in which a server whose member has failed may become part of the last list
local changed = false
local met -- when that first member was seen
local known, keep_until = {}, 0 -- what has passed, by address, and until when those that failed are kept

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

-- What members say, and the same by address. HAProxy wants IP addresses, and weights up to 256.
local function read_instances(node)
  local list = node:service("web", { state = "any", where = function(one)
    return one.port and one.host and one.host:find "^[%x.:%[%]]+$"
  end })
  local most, wanted = 256, {}
  for _, one in ipairs(list) do most = math.max(most, one.weight) end
  for i, one in ipairs(list) do
    local host = one.host:gsub("[%[%]]", "")
    local state = one.state == "passing" and "ready" or one.state == "maintenance" and "drain" or "maint"
    list[i] = { addr = host .. ":" .. one.port, command = ("addr %s port %d"):format(host, one.port),
      weight = math.ceil(one.weight * 256 / most), state = state, member = one.member.addr }
    if state == "ready" or not wanted[list[i].addr] then wanted[list[i].addr] = list[i] end
  end
  return list, wanted
end

-- Adds those that passed until their members failed, if they are to be kept. How many were added?
local function add_failed(node, list, wanted)
  local alive, reasons, now, passing, kept = {}, {}, node:now(), false, 0
  for _, member in ipairs(node:members()) do alive[member.addr] = true end
  for _, member in ipairs(node:gone()) do reasons[member.addr] = member.reason end
  for addr, one in pairs(wanted) do
    known[addr] = one.state == "ready" and one or nil
    passing = passing or one.state == "ready"
  end
  if list[1] and next(alive) then met = met or now end
  if not passing or not next(alive) then keep_until = now + settle end
  for addr, one in pairs(known) do
    one.failed = not wanted[addr] and (one.failed or now) or nil
    local by_will = alive[one.member] or (reasons[one.member] or "failed") ~= "failed"
    if one.failed and (by_will or now > keep_until and now > one.failed + remember) then
      known[addr] = nil
    elseif one.failed and now <= keep_until then
      list[#list + 1], wanted[addr], kept, one.slot = one, one, kept + 1, nil
    end
  end
  return kept
end

-- What to say, and how many slots are left alone.
local function commands(slots, list, wanted, settled)
  local lines, free, left, untouched = {}, {}, 0, 0
  local function set(slot, what, value)
    if slot[what] ~= value then lines[#lines + 1] = ("set server %s %s %s"):format(slot.name, what, value) end
  end
  for _, slot in ipairs(slots) do
    local one = wanted[slot.addr]
    if one and not one.slot and one.state ~= "maint" then
      one.slot = slot
      set(slot, "weight", one.weight)
      set(slot, "state", one.state)
    elseif one or settled or slot.state == "maint" then
      free[#free + 1] = slot
      set(slot, "state", "maint") -- requests under way end as they would
    else
      untouched = untouched + 1
    end
  end
  for _, one in ipairs(list) do
    if one == wanted[one.addr] and not one.slot and one.state == "ready" and free[1] then
      local slot = table.remove(free, 1)
      lines[#lines + 1] = ("set server %s %s"):format(slot.name, one.command)
      lines[#lines + 1] = ("set server %s weight %d"):format(slot.name, one.weight)
      lines[#lines + 1] = ("set server %s state ready"):format(slot.name)
    elseif one == wanted[one.addr] and not one.slot and one.state == "ready" then
      left = left + 1
    end
  end
  return lines, left > 0 and left .. " servers have no slot" or nil, untouched
end

-- What is wrong, or nil.
local function sync(node)
  local slots, why = read_slots(node, node.args.backend or "web")
  if not slots then return why end
  local list, wanted = read_instances(node)
  local kept = add_failed(node, list, wanted)
  local lines, trouble, untouched = commands(slots, list, wanted, met and node:now() >= met + settle)
  for i = 1, #lines, 50 do
    local answer, failure = say(node, table.concat(lines, ";", i, math.min(i + 49, #lines)))
    if not answer then return failure end
    node:log("info", "haproxy was told", { commands = #lines, first = lines[i] })
  end
  return trouble or kept > 0 and ("the last list is kept: the members of %d servers have failed"):format(kept)
    or untouched > 0 and ("%d servers are kept until members are known"):format(untouched) or nil
end

function M.on_service(_, name)
  changed = changed or name == "web"
end

local function start(node)
  for name in pairs(node.args) do
    if name ~= "socket" and name ~= "backend" then error(("unknown argument '%s'"):format(name), 0) end
  end
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
