-- SPDX-License-Identifier: MIT
-- shoal.sim: a cluster of your handlers on a virtual clock and a bad network.
--
--     local sim = require "shoal.sim"
--     local net = sim.new { seed = 7, latency = { 0.0005, 0.002 }, loss = 0.05 }
--     local members = net:spawn(50, { handlers = "service.lua", config = "lan" })
--     assert(net:run_until(function() return net:converged() end, 60))
--     net:pause(members[3], 20)
--     net:partition({ members[1], members[2] }, "rest")
--
-- Nothing waits: an hour passes as fast as its events can be worked off. The same
-- seed and the same calls give the same run, byte for byte. docs/testing.md is
-- the manual.
local blame = require "shoal.blame"
local core = require "shoal.core"

--- From 1 to 2, evenly; or exponential: at least 1, and 2 on average, with a long tail.
---@class shoal.sim.Latency
---@field [1] number
---@field [2] number
---@field distribution? "uniform"|"exponential"

---@class shoal.sim.NetworkOptions
---@field latency? number|shoal.sim.Latency  seconds ({ 0.0005, 0.002 })
---@field loss? number       chance that a packet is lost
---@field duplicate? number  chance that it arrives twice
---@field reorder? number    chance that it is held back, by up to `reorder_by` seconds (0.01)
---@field reorder_by? number
---@field corrupt? number    chance that one of its bytes is changed
---@field max_packet? integer  bytes; larger ones are lost (no limit)

---@class shoal.sim.Options: shoal.sim.NetworkOptions
---@field seed? integer  of everything random (1)

---@class shoal.sim.Net
local Net = {}
Net.__index = Net

for _, part in ipairs { "members", "time", "views", "faults", "mocks" } do
  for name, method in pairs(require("shoal.sim." .. part)) do
    Net[name] = name == "run_until" and method or blame.shift(method)
  end
end

--- Ends it all: every member is gone, and no method may be called any more. A
--- network that is not closed stays as long as the program's Lua state.
Net.close = blame.shift(function(self)
  self.handle:close()
end)

local sim = {}

--- A network, with nobody in it.
---@type fun(options?: shoal.sim.Options): shoal.sim.Net
sim.new = blame.shift(function(options)
  return setmetatable({
    handle = core.simulation(options),
    list = {}, -- members in the order in which they were first spawned
    by_number = {},
    origins = {}, -- member -> function that makes the options it was spawned with
    failures = {},
    num_failures = 0,
  }, Net)
end)

return sim
