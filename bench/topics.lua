-- SPDX-License-Identifier: MIT
--- What becomes of what members publish, in the simulator, in `lan`.
--
--   require "bench.topics" (SEEDS) -> the rows of a table

local sim = require "shoal.sim"

local LATENCY = { 0.0005, 0.002 }

local function grown(seed, count)
  local net = sim.new { seed = seed, latency = LATENCY }
  local members = assert(net:spawn(count, { config = "lan" }))
  assert(net:run_until(function() return net:converged() end, 600, 0.1))
  net:run(3)
  return net, members
end

local function is_running(net, member)
  for _, one in ipairs(net:members()) do
    if one == member then return true end
  end
  return false
end

--- Follows what `member` hears: `sum.silent` counts the numbers that were neither heard
-- nor told as missed, and those that were heard twice.
local function follow(member, sum)
  local next_of = {}
  member:subscribe("t", function(_, sent_at, from, number)
    local expected = next_of[from.addr]
    if from.addr == member.addr then return end
    if expected and number ~= expected then sum.silent = sum.silent + math.abs(number - expected) end
    next_of[from.addr] = number + 1
    sum.heard = sum.heard + 1
    sum.delays[#sum.delays + 1] = member:now() - sent_at
  end)
  member:on("missed", function(_, _, from, first, last)
    sum.missed = sum.missed + (last and last - first + 1 or 0)
    sum.told = sum.told + 1
    next_of[from.addr] = last and last + 1
  end)
  return next_of
end

local function bytes_sent(members)
  local bytes = 0
  for _, member in ipairs(members) do bytes = bytes + member:stats().bytes_sent end
  return bytes
end

local function new_sum() return { heard = 0, silent = 0, missed = 0, told = 0, delays = {} } end

local function row_of(what, size, sum, expected, per_item)
  table.sort(sum.delays)
  local function at(part) return ("%.2f s"):format(sum.delays[math.ceil(part * #sum.delays)] or 0) end
  return { what, tostring(size), ("%d of %s"):format(sum.heard, expected or "-"), tostring(sum.silent),
    ("%d (%d times)"):format(sum.missed, sum.told), at(0.5), at(0.99), at(1),
    per_item and ("%.0f"):format(per_item) or "" }
end

--- 1,000 messages by one member, 20 a second.
local function stream(size, loss, seed)
  local net, members = grown(seed, size)
  local sum = new_sum()
  for i = 2, size do follow(members[i], sum) end
  local idle = bytes_sent(members)
  net:run(20)
  idle = (bytes_sent(members) - idle) / 20
  net:set { loss = loss }
  net:run(5)
  local before, from = bytes_sent(members), net:now()
  for _ = 1, 1000 do
    assert(members[1]:publish("t", net:now()))
    net:run(1 / 20)
  end
  net:run(10)
  local bytes = bytes_sent(members) - before - idle * (net:now() - from)
  return row_of(("1,000 messages, 20 a second, %d %% loss"):format(loss * 100), size, sum, 1000 * (size - 1),
    bytes / 1000 / size)
end

--- 10,000 by four members while a quarter is cut off, one is killed and started again, and
-- newcomers join.
local function hard(size, seed)
  local net, members = grown(seed, size)
  local sum, cut = new_sum(), nil
  for _, member in ipairs(members) do follow(member, sum) end
  net:set { loss = 0.2 }
  for k = 1, 10000 do
    local origin = members[k % 4 + 1]
    if is_running(net, origin) then assert(origin:publish("t", net:now())) end
    net:run(1 / 100)
    if k == 2000 then cut = net:partition({ members[1], members[2], members[5], members[6] }, "rest") end
    if k == 5000 then cut:heal() end
    if k == 6000 or k == 6500 then
      follow(assert(net:spawn { config = "lan", join = { members[2].addr } }), sum)
    end
    if k == 7000 then net:crash(members[3]) end
    if k == 7500 then
      members[3] = assert(net:restart(members[3]))
      follow(members[3], sum)
    end
  end
  net:set { loss = 0 }
  net:run(30)
  return row_of("10,000 by four members, 20 % loss, a split of 30 s, a restart, two newcomers", size, sum)
end

return function(seeds)
  local rows = { { "", "members", "heard", "neither heard nor told", "told as missed", "after (median)", "(99 %)",
    "(slowest)", "bytes per message and member" } }
  for _, size in ipairs { 16, 100 } do
    for _, loss in ipairs { 0, 0.2 } do rows[#rows + 1] = stream(size, loss, 1) end
  end
  for seed = 1, seeds do rows[#rows + 1] = hard(16, seed) end
  return rows
end
