-- SPDX-License-Identifier: MIT
-- member_up and member_down into empty Lua handlers: events per second from the
-- engine's queue, through the host, into the script.
local shoal = require "shoal"
local driver = require "bench.driver"

local MEMBERS, ROUNDS = 1000, 40

local heard

local function hear()
  heard = heard + 1
end

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
    handlers = { on_member_up = hear, on_member_down = hear } })
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
