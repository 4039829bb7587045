-- SPDX-License-Identifier: MIT
-- member_up and member_down into empty Lua handlers: events per second from the
-- engine's queue, through the host, into the script. With a third argument,
-- "read", into handlers that look at what they are given.
local shoal = require "shoal"
local driver = require "bench.driver"

local MEMBERS, ROUNDS = 1000, 40

local heard

local function hear()
  heard = heard + 1
end

local function hear_and_read(_, member)
  heard = heard + 1
  return member.id, member.addr, member.state, member.incarnation
end

local handler = arg[3] == "read" and hear_and_read or hear

local function states(state)
  local list = {}
  for i = 1, MEMBERS do
    -- Nobody listens there, and it is all within this host.
    local addr = ("127.9.%d.%d:9"):format(math.floor(i / 256), i % 256)
    list[i] = { id = { addr = addr, bump = 1 }, state = state, incarnation = 0 }
  end
  return list
end

local up, down = states "alive", states "down"

local function time(node, list)
  assert(node:apply(list, { broadcast = false }))
  heard = 0
  local start = driver.cpu()
  driver.loop(shoal, 10, function() return heard == MEMBERS end)
  return driver.cpu() - start
end

local function round()
  local node = assert(shoal.start { bind = "127.0.0.1:0", log = false,
    handlers = { on_member_up = handler, on_member_down = handler } })
  local seconds = time(node, up) + time(node, down)
  node:close()
  return seconds
end

driver.run(function()
  local seconds = 0
  for _ = 1, ROUNDS do
    seconds = seconds + round()
  end
  return 2 * MEMBERS * ROUNDS / seconds
end)
