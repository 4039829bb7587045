-- SPDX-License-Identifier: MIT
--- What the machine says, and nginx does not: a clock that is never set, shared by all
-- processes, and whether a process lives.

local ffi = require "ffi"

-- Under names of our own, so that no other library's declaration is in the way.
ffi.cdef [[
typedef struct { long seconds; long nanoseconds; } shoal_resty_time;
int shoal_resty_clock_gettime(int clock, shoal_resty_time *time) __asm__("clock_gettime");
int shoal_resty_kill(int pid, int signal) __asm__("kill");
]]

local machine = {}

local CLOCK_MONOTONIC = ffi.os == "OSX" and 6 or ffi.os == "BSD" and 4 or 1
local NO_SUCH_PROCESS = 3

local time = ffi.new "shoal_resty_time"

--- Seconds of the monotonic clock.
---@return number
function machine.now()
  ffi.C.shoal_resty_clock_gettime(CLOCK_MONOTONIC, time)
  return tonumber(time.seconds) + tonumber(time.nanoseconds) / 1e9
end

--- A process of another user lives, too.
---@param pid integer
---@return boolean
function machine.is_alive(pid)
  return ffi.C.shoal_resty_kill(pid, 0) == 0 or ffi.errno() ~= NO_SUCH_PROCESS
end

--- Is something at this path? A socket cannot be opened, but then says another thing than
-- what is missing.
---@param path string
---@return boolean
function machine.exists(path)
  local file, _, code = io.open(path, "rb")
  if file then
    file:close()
    return true
  end
  return code ~= 2 -- ENOENT
end

return machine
