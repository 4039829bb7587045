-- SPDX-License-Identifier: MIT
-- One `shoal run` in an idle cluster of 32 with config `lan`: processor seconds
-- per minute, MiB resident, milliseconds from exec to listening. The other 31
-- are nodes of this process.
local shoal = require "shoal"
local process = require "spec.support.process"
local driver = require "bench.driver"

local OTHERS, SETTLE, WATCHED = 31, 3, 20

process.use(driver.build)

local function start_others()
  local nodes = {}
  for i = 1, OTHERS do
    nodes[i] = assert(shoal.start { bind = "127.0.0.1:0", log = false, config = "lan", cluster_size = OTHERS + 1,
      join = nodes[1] and { nodes[1]:info().addr } or nil })
  end
  return nodes
end

local function run_member(seed)
  local script = process.tempdir() .. "/empty.lua"
  process.write(script, "return {}\n")
  local start = driver.now()
  local member = process.start { process.shoal, "run", script, "--bind", "127.0.0.1:0", "--join", seed,
    "--config", "lan", "--cluster-size", tostring(OTHERS + 1) }
  while not member:stderr():find("started", 1, true) do
    assert(driver.now() - start < 10, member:stderr())
  end
  return member, (driver.now() - start) * 1000
end

driver.run(function()
  local nodes = start_others()
  local member, listening = run_member(nodes[1]:info().addr)
  driver.loop(shoal, 30, function() return nodes[OTHERS]:num_members() == OTHERS end)
  driver.loop(shoal, SETTLE)
  local before = driver.cpu_of(member.pid)
  driver.loop(shoal, WATCHED)
  local cpu = (driver.cpu_of(member.pid) - before) * 60 / WATCHED
  local memory = driver.resident(member.pid) / 2 ^ 20
  process.cleanup()
  for _, node in ipairs(nodes) do
    node:close()
  end
  return cpu, memory, listening
end, { cold = true })
