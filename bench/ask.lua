-- SPDX-License-Identifier: MIT
--- One question of node:ask to all members, in the simulator, in `lan`.
--
--   require "bench.ask" (SEEDS) -> the rows of a table

local sim = require "shoal.sim"

local figures = require "bench.figures"

local LATENCY = { 0.0005, 0.002 }
local CALM = 20 -- seconds in which the usual traffic is counted
local SIZES, LOSSES = { 100, 1000 }, { 0, 0.2 }

local function answering() return { on_ask = { version = function() return "1.4.2" end } } end

local function grown(seed, count)
  local net = sim.new { seed = seed, latency = LATENCY }
  local members = assert(net:spawn(count, { config = "lan", handlers = answering() }))
  assert(net:run_until(function() return net:converged() end, 600, 0.1))
  net:run(3)
  return net, members
end

local function sent(members)
  local packets, bytes = 0, 0
  for _, member in ipairs(members) do
    local stats = member:stats()
    packets, bytes = packets + stats.packets_sent, bytes + stats.bytes_sent
  end
  return packets, bytes
end

local function ask(net, asker)
  local from, answers, missing, time = net:now(), nil, nil, nil
  assert(asker:ask("version", nil, { timeout = 10 }, function(_, got, lacking)
    answers, missing, time = #got, #lacking, net:now() - from
  end))
  assert(net:run_until(function() return time end, 20, 0.01))
  net:run(1) -- the last receipts
  return answers, missing, time, net:now() - from
end

--- Asks once, and counts what all members send beyond the usual.
local function measure(size, loss, seed, sum)
  local net, members = grown(seed, size)
  net:set { loss = loss }
  net:run(5)
  local packets, bytes = sent(members)
  net:run(CALM)
  local packets_then, bytes_then = sent(members)
  local answers, missing, time, took = ask(net, members[1])
  local packets_now, bytes_now = sent(members)
  sum.answers, sum.missing = sum.answers + answers, sum.missing + missing
  sum.times[#sum.times + 1] = time
  sum.packets = sum.packets + packets_now - packets_then - (packets_then - packets) / CALM * took
  sum.bytes = sum.bytes + bytes_now - bytes_then - (bytes_then - bytes) / CALM * took
end

local function row(size, loss, seeds)
  local sum = { answers = 0, missing = 0, packets = 0, bytes = 0, times = {} }
  for seed = 1, seeds do measure(size, loss, seed, sum) end
  local median = figures.median(sum.times) -- sorts them
  return { tostring(size), ("%d %%"):format(loss * 100), ("%d of %d"):format(sum.answers, size * seeds),
    tostring(sum.missing), ("%.2f s"):format(median), ("%.2f s"):format(sum.times[#sum.times]),
    ("%.1f"):format(sum.packets / size / seeds), ("%.0f"):format(sum.bytes / size / seeds) }
end

return function(seeds)
  local rows = { { "members", "packets lost", "answered", "named as missing", "ended after (median)", "(slowest)",
    "packets per member", "bytes" } }
  for _, size in ipairs(SIZES) do
    for _, loss in ipairs(LOSSES) do rows[#rows + 1] = row(size, loss, seeds) end
  end
  return rows
end
