-- SPDX-License-Identifier: MIT
-- What the benchmarks in Lua share. Each is a program
--
--   luajit bench/NAME.lua BUILD REPETITIONS [PHASES]
--
-- that warms up and prints a line for each repetition, with a value for each
-- unit that bench/cases.lua gives for it. Where instructions are counted there is
-- no warm-up, and only so many units are measured.
local ffi = require "ffi"

local driver = { build = arg[1], repetitions = tonumber(arg[2]), phases = tonumber(arg[3]) or math.huge }

ffi.cdef [[
  struct bench_timespec { long seconds, nanoseconds; };
  int clock_gettime(int clock, struct bench_timespec *out);
]]

local time = ffi.new "struct bench_timespec"

local function clock(number)
  return function()
    ffi.C.clock_gettime(number, time)
    return tonumber(time.seconds) + tonumber(time.nanoseconds) * 1e-9
  end
end

--- Seconds of a clock that only goes forward; those of the processor that this
--- process has used.
driver.now = clock(1)
driver.cpu = clock(2)

--- Makes a file with that text, or writes it anew.
function driver.write(path, text)
  local file = assert(io.open(path, "w"))
  assert(file:write(text))
  file:close()
end

--- `measure` does its work once and returns the values.
function driver.run(measure, options)
  if driver.phases == math.huge and not (options and options.cold) then
    measure()
  end
  for _ = 1, driver.repetitions do
    print(table.concat({ measure() }, " "))
  end
end

local function status(pid, name)
  for line in io.lines(("/proc/%s/status"):format(pid)) do
    local value = line:match("^" .. name .. ":%s*(%d+)")
    if value then
      return tonumber(value)
    end
  end
end

--- Bytes of memory that a process ("self" or a pid) has resident.
function driver.resident(pid)
  return status(pid, "VmRSS") * 1024
end

--- How often its main thread has waited for something.
function driver.wakeups_of(pid)
  return status(pid, "voluntary_ctxt_switches")
end

--- Seconds of processor time that a process has used, to the nanosecond.
function driver.cpu_of(pid)
  local file = assert(io.open(("/proc/%d/schedstat"):format(pid)))
  local nanoseconds = file:read("*n")
  file:close()
  return nanoseconds * 1e-9
end

--- Lets the loop run until `condition` holds, or that many seconds.
function driver.loop(shoal, seconds, condition)
  local deadline = driver.now() + seconds
  while not (condition and condition()) do
    if driver.now() > deadline then
      return not condition or error("it took more than " .. seconds .. " s", 2)
    end
    shoal.step(0.02)
  end
  return true
end

return driver
