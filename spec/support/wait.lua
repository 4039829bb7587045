--- Waiting for something that other processes bring about: a condition and a
-- deadline, never a sleep of a guessed length.
--
--   wait.for_that(function() return node:sees(other) == "down" end, 5, "a down member")
--
-- A deadline is there to end a spec that fails, and is never what a spec is about:
-- the machine may be busy. So those that are given, for a plain build and a quiet
-- machine, are stretched, and more where a sanitizer or the most aggressive garbage
-- collection makes everything slow (wait.slow).

local system = require "system" -- busted's own; posix is not there for every Lua

local wait = {}

local POLL = 0.005

local sanitizers = os.getenv("SHOAL_SANITIZERS")
wait.slow = (sanitizers and sanitizers ~= "") or os.getenv("SHOAL_GC") ~= nil
wait.slowness = wait.slow and 20 or 10

--- Seconds of the monotonic clock.
function wait.now()
  return system.monotime()
end

--- Called at every moment of waiting; may raise, to end it.
wait.check = function() end

--- Lets other processes have the processor for a moment.
function wait.moment()
  wait.check()
  system.sleep(POLL)
end

--- Lets time pass, for what must not happen meanwhile, or not too often.
function wait.pass(seconds)
  local ends = wait.now() + seconds
  while wait.now() < ends do
    wait.moment()
  end
end

-- The clock is read before the condition is asked, which so has its chance after
-- the machine has stood still.
local function try(condition, seconds)
  local deadline = wait.now() + seconds * wait.slowness
  while true do
    local late = wait.now() > deadline
    local answer, why = condition()
    if answer or late then
      return answer, why
    end
    wait.moment()
  end
end

--- The condition's answer once it is true. When it does not become so within
-- `seconds`, raises: "no <what> within 5 s: <why>". `why` is the second value of the
-- condition, so that a failing spec shows what was there instead.
function wait.for_that(condition, seconds, what)
  local answer, why = try(condition, seconds)
  if not answer then
    error(("no %s within %g s%s"):format(what or "such thing", seconds * wait.slowness,
      why and ": " .. tostring(why) or ""), 2)
  end
  return answer
end

return wait
