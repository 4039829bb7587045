-- SPDX-License-Identifier: MIT
-- A simulated cluster of 1,000 members that join through one: how long 60
-- virtual seconds take.
local sim = require "shoal.sim"
local driver = require "bench.driver"

local MEMBERS, SECONDS = 1000, 60

driver.run(function()
  local start = driver.cpu()
  local net = sim.new { seed = 7, latency = { 0.0005, 0.002 } }
  net:spawn(MEMBERS, { config = "lan", handlers = {} })
  net:run(SECONDS)
  local seconds = driver.cpu() - start
  assert(net.list[MEMBERS].node:num_members() > MEMBERS / 2, "there is no cluster")
  net:close()
  collectgarbage()
  return seconds
end, { cold = true })
