-- SPDX-License-Identifier: MIT
-- What is measured, at which cluster sizes, and what we want to reach.
--
-- `command` gives the command line of a benchmark's program, and `count` says
-- that callgrind can count its instructions; of a script, those inside of which
-- function, and how many operations that are for each unit.

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
  { name = "member_bytes", unit = "bytes", members = { 100000 }, reach = { [100000] = 120 }, repetitions = 1 },
  { name = "member_bytes_queued", unit = "bytes", members = { 100000 }, reach = { [100000] = 192 }, repetitions = 1 },
  { name = "pick", unit = "ns", members = { 1000, 100000 } },
}

for _, case in ipairs(cases) do
  case.command = engine(case.name)
  case.count = not case.name:match("bytes")
end

-- A sealed ping is opened, answered, and the ack sealed; a changed one is refused.
for _, name in ipairs { "ping_ack_sealed", "reject" } do
  cases[#cases + 1] = { name = name, unit = "ns", members = { 100 }, count = true,
    reach = name == "ping_ack_sealed" and { [100] = 4000 } or nil,
    command = function(at)
      return ("%s/shoal-bench-seal %s %d %d"):format(at.build, name, at.members, at.repetitions)
    end }
end

-- An answer of DNS, without the sockets; and a change of what a member has.
for _, name in ipairs { "dns_a", "dns_srv", "dns_one", "dns_put" } do
  cases[#cases + 1] = { name = name, unit = "ns", members = { 10, 100000 }, count = true,
    command = function(at)
      return ("%s/shoal-bench-dns %s %d %d"):format(at.build, name, at.members, at.repetitions)
    end }
end

-- A script measures several things at once: a value for each unit, and none of
-- them has allocations of the engine's to tell of. What is not to be warmed up
-- runs in a process of its own each time.
local function script(name, units, more)
  local case = { name = name, units = units }
  for key, value in pairs(more or {}) do
    case[key] = value
  end
  function case.parts(at)
    local share, lib = at.build .. "/share/lua/5.1", at.build .. "/lib/lua/5.1"
    return {
      environment = ("LUA_PATH='%s/?.lua;%s/?/init.lua;./?.lua;;' LUA_CPATH='%s/?.so;;'"):format(share, share, lib),
      line = ("luajit bench/%s.lua %s %d %s"):format(name, at.build, at.repetitions, at.phases or ""),
    }
  end
  function case.command(at)
    local parts = case.parts(at)
    return parts.environment .. " " .. parts.line
  end
  cases[#cases + 1] = case
end

script("ping_ack_scripted", { { "of stock", 1.1 } }, { members = { 10000 },
  count = { under = "shoal_receive", operations = 20000 } })
script("broadcast_lua", { { "new/s", 1e6 }, { "known/s", 2e6 } }, {
  count = { under = "shoal_receive", operations = 60000 } })
script("event_lua", { { "events/s", 3e6 } }, { count = { under = "outbound_drain", operations = 80000 } })
script("udp", { { "packets/s" }, { "of echo/s" } })
script("dns", { { "answers/s", 20000 }, { "a CPU s", 20000 } })
script("idle", { { "CPU s/min", 0.01 }, { "wakeups/min" }, { "MiB", 4 }, { "ms to start", 8 }, { "ms of it busy" },
  { "ms to stop" } },
  { processes = 3, members = { 32 } })
script("join_128", { { "s", 1.5 }, { "CPU s/min", 0.01 }, { "KiB", 120 } }, { processes = 3, members = { 128 } })
script("reload", { { "ms", 5 } }, { count = { under = "reload_script", operations = 1 } })
script("busy", { { "ms, 100 run", 10 }, { "99 in 100", 10 }, { "worst" }, { "ms, 100/s" }, { "99 in 100" }, { "worst" },
  { "ms, idle" }, { "99 in 100" }, { "worst" } }, { processes = 3 })
script("sim", { { "s", 10 } }, { processes = 1, members = { 1000 } })

return cases
