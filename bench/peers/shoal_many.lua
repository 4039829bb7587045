-- SPDX-License-Identifier: MIT
-- `luajit shoal_many.lua COUNT`, for bench/peers/run.lua: as many nodes in this
-- process, all through the first. Prints "joined" when all know all.
local shoal = require "shoal"

local count = tonumber(arg[1])
local nodes = {}

for i = 1, count do
  nodes[i] = assert(shoal.start { bind = "127.0.0.1:0", log = false, config = "lan", cluster_size = count,
    join = nodes[1] and { nodes[1]:info().addr } or nil })
end

local function all_know_all()
  for _, node in ipairs(nodes) do
    if node:num_members() < count - 1 then
      return false
    end
  end
  return true
end

repeat
  shoal.step(0.02)
until all_know_all()
io.stdout:write("joined\n")
io.stdout:flush()
while true do
  shoal.step(60)
end
