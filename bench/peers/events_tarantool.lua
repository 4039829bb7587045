-- SPDX-License-Identifier: MIT
-- `tarantool events_tarantool.lua REPETITIONS [read]`: what bench/event_lua.lua does
-- with shoal. 1,000 members come and go; for each repetition a line with the events
-- per processor second into a trigger that does nothing, or into one that reads what
-- shoal's handlers are given: identity, address, state, incarnation.
local clock = require "clock"
local fiber = require "fiber"
local swim = require "swim"
local uuid = require "uuid"

local MEMBERS, ROUNDS = 1000, 40

local heard

local function hear()
  heard = heard + 1
end

local function hear_and_read(member)
  heard = heard + 1
  return member:uuid(), member:uri(), member:status(), member:incarnation()
end

local function time(change)
  heard = 0
  for i = 1, MEMBERS do
    change(i)
  end
  local start = clock.proc()
  while heard < MEMBERS do
    fiber.yield()
  end
  return clock.proc() - start
end

local function round(trigger, ids)
  -- Never a heartbeat: nobody listens where these members are.
  local node = assert(swim.new { uuid = uuid.new(), uri = "127.0.0.1:0", heartbeat_rate = 1e6, gc_mode = "on" })
  node:on_member_event(trigger)
  local seconds = time(function(i)
    assert(node:add_member { uuid = ids[i], uri = ("127.9.%d.%d:9"):format(math.floor(i / 256), i % 256) })
  end) + time(function(i)
    assert(node:remove_member(ids[i]))
  end)
  node:delete()
  return seconds
end

local function rate(trigger)
  local ids, seconds = {}, 0
  for i = 1, MEMBERS do
    ids[i] = uuid.new()
  end
  for _ = 1, ROUNDS do
    seconds = seconds + round(trigger, ids)
  end
  return 2 * MEMBERS * ROUNDS / seconds
end

local trigger = arg[2] == "read" and hear_and_read or hear
rate(trigger) -- warm
for _ = 1, tonumber(arg[1]) do
  print(rate(trigger))
end
os.exit(0)
