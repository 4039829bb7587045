-- SPDX-License-Identifier: MIT
-- What is measured, at which cluster sizes, and what we want to reach.
--
-- `command` gives the command line of a benchmark's program. `count` says how
-- instructions per operation are had: "stopwatch" for the programs in C,
-- "difference" for scripts that do the same in each repetition.

local function engine(name)
  return function(at)
    return ("%s/shoal-bench %s %d %d"):format(at.build, name, at.members, at.repetitions)
  end
end

local SIZES = { 100, 1000, 10000, 100000 }

local cases = {
  { name = "ping_ack", unit = "ns", members = SIZES, reach = { [100] = 250 } },
  { name = "ping_ack_stale20", unit = "ns", members = SIZES, reach = { [100] = 2000 } },
  { name = "ping_ack_fresh20", unit = "ns", members = SIZES, reach = { [100] = 5000 } },
  { name = "apply", unit = "s", members = { 10000, 100000, 1000000 }, reach = { [1000000] = 1 } },
  { name = "member_bytes", unit = "bytes", members = { 100000 }, reach = { [100000] = 112 }, repetitions = 1 },
  { name = "member_bytes_queued", unit = "bytes", members = { 100000 }, reach = { [100000] = 192 }, repetitions = 1 },
  { name = "pick", unit = "ns", members = { 1000, 100000 } },
}

for _, case in ipairs(cases) do
  case.command = engine(case.name)
  case.count = not case.name:match("bytes") and "stopwatch"
end

return cases
