-- SPDX-License-Identifier: MIT
-- 128 nodes in one process, real sockets on loopback, config `lan`: seconds from
-- the first join to everybody knowing everybody, processor seconds per node and
-- minute afterwards, and KiB of resident memory per node.
local shoal = require "shoal"
local driver = require "bench.driver"

local NODES, WATCHED = 128, 10

driver.run(function()
  local before = driver.resident "self"
  local nodes = {}
  local start = driver.now()
  for i = 1, NODES do
    nodes[i] = assert(shoal.start { bind = "127.0.0.1:0", log = false, config = "lan", cluster_size = NODES,
      join = nodes[1] and { nodes[1]:info().addr } or nil })
  end
  driver.loop(shoal, 60, function()
    for _, node in ipairs(nodes) do
      if node:num_members() < NODES - 1 then
        return false
      end
    end
    return true
  end)
  local joined, cpu = driver.now() - start, driver.cpu()
  driver.loop(shoal, WATCHED)
  local busy = (driver.cpu() - cpu) / NODES * 60 / WATCHED
  local memory = (driver.resident "self" - before) / NODES / 1024
  for _, node in ipairs(nodes) do
    node:close()
  end
  return joined, busy, memory
end, { cold = true })
