--- Waiting for something that other processes bring about: a condition and a
-- deadline, never a sleep of a guessed length.
--
--   wait.for_that(function() return node:sees(other) == "down" end, 5, "a down member")
--
-- Deadlines are for a plain build and a quiet machine. They are stretched, for a
-- busy one, and more where a sanitizer or the most aggressive garbage collection
-- makes everything slow (wait.slow).

local system = require "system" -- busted's own; posix is not there for every Lua

local wait = {}

local POLL = 0.005

local sanitizers = os.getenv("SHOAL_SANITIZERS")
wait.slow = (sanitizers and sanitizers ~= "") or os.getenv("SHOAL_GC") ~= nil
wait.slowness = wait.slow and 8 or 3

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

--- The condition's answer once it is true, or nil and the answer's second value
-- when it has not become so within `seconds`.
function wait.try(condition, seconds)
  local deadline = wait.now() + seconds * wait.slowness
  while true do
    local answer, why = condition()
    if answer then
      return answer
    elseif wait.now() > deadline then
      return nil, why
    end
    wait.moment()
  end
end

--- The same, but raises: "no <what> within 5 s: <why>". `why` is the second
-- value of the condition, so that a failing spec shows what was there instead.
function wait.for_that(condition, seconds, what)
  local answer, why = wait.try(condition, seconds)
  if not answer then
    error(("no %s within %g s%s"):format(what or "such thing", seconds * wait.slowness,
      why and ": " .. tostring(why) or ""), 2)
  end
  return answer
end

return wait
