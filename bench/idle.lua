-- SPDX-License-Identifier: MIT
-- One `shoal run` in an idle cluster of 32 with config `lan`: processor seconds
-- and wakeups per minute, MiB resident, milliseconds from exec to listening, how
-- many of them it had a processor, and from Ctrl-C to gone. The other 31 are nodes of this process.
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

-- { pid=, starter=, started=, busy=, pipe= }; the starter does the timing.
local function run_member(seed)
  local script = process.tempdir() .. "/empty.lua"
  process.write(script, "return {}\n")
  local pipe = assert(io.popen(table.concat({ "exec", driver.build .. "/shoal-bench-start", "started", process.shoal,
    "run", script, "--bind 127.0.0.1:0 --join", seed, "--config lan --cluster-size", OTHERS + 1 }, " ")))
  local starter, pid, started, busy = pipe:read("*n", "*n", "*n", "*n")
  return { pid = assert(pid, "it did not start"), starter = starter, started = started, busy = busy, pipe = pipe }
end

local function end_member(member)
  os.execute("kill " .. member.starter)
  local milliseconds = assert(member.pipe:read("*n"))
  member.pipe:close()
  return milliseconds
end

driver.run(function()
  local nodes = start_others()
  local member = run_member(nodes[1]:info().addr)
  driver.loop(shoal, 30, function() return nodes[OTHERS]:num_members() == OTHERS end)
  driver.loop(shoal, SETTLE)
  local cpu, wakeups = driver.cpu_of(member.pid), driver.wakeups_of(member.pid)
  driver.loop(shoal, WATCHED)
  cpu = (driver.cpu_of(member.pid) - cpu) * 60 / WATCHED
  wakeups = (driver.wakeups_of(member.pid) - wakeups) * 60 / WATCHED
  local memory = driver.resident(member.pid) / 2 ^ 20
  local stopped = end_member(member)
  process.cleanup()
  for _, node in ipairs(nodes) do
    node:close()
  end
  return cpu, wakeups, memory, member.started, member.busy, stopped
end, { cold = true })
