-- SPDX-License-Identifier: MIT
-- The virtual clock of a simulated network.
local blame = require "shoal.blame"

---@class shoal.sim.Net
local Net = {}

-- How often run_until() asks, in virtual seconds.
local STEP = 0.01

-- The clock counts microseconds: a moment between two is never reached.
local function moment(seconds)
  return math.floor(seconds * 1e6 + 0.5) / 1e6
end

--- Seconds since the beginning.
---@return number
function Net:now()
  return self.handle:now()
end

--- Lets `seconds` pass.
---@param seconds number
function Net:run(seconds)
  blame.check_seconds(seconds, "net:run: seconds")
  self.handle:run(self:now() + seconds)
end

-- The conditions that run_until() asks are the program's: only this is ours.
local run_to = blame.shift(function(self, moment_to_come)
  self.handle:run(moment_to_come)
end)

--- Lets time pass until `condition(net)` holds: its value. `nil, message` when it
--- does not within `timeout` seconds. It is asked every hundredth of a second, or
--- `step` seconds.
---@param condition fun(net: shoal.sim.Net): any
---@param timeout number
---@param step? number
---@return any, string? message
function Net:run_until(condition, timeout, step)
  blame.check_callable(condition, "net:run_until")
  blame.check_seconds(timeout, "net:run_until: timeout")
  blame.check_seconds(step or STEP, "net:run_until: step")
  step = math.max(step or STEP, 1e-6)
  local deadline = moment(self:now() + timeout)
  while true do
    local value = condition(self)
    if value then
      return value
    end
    local now = self:now()
    if now >= deadline then
      return nil, ("the condition did not hold within %g s:\n%s"):format(timeout, self:picture())
    end
    run_to(self, math.min(now + step, deadline))
  end
end

--- Calls `fn()` when `seconds` have passed, whoever is paused then. What it raises
--- comes out of `run`.
---@param seconds number
---@param fn fun()
function Net:after(seconds, fn)
  blame.check_seconds(seconds, "net:after: seconds")
  if type(fn) ~= "function" then
    blame.misuse("net:after: needs a function, got %s", blame.describe(fn))
  end
  self.handle:after(seconds, fn)
end

--- A whole number from 1 to `m`, from the network's seed.
---@param m integer
---@return integer
function Net:random(m)
  if type(m) ~= "number" or not (m >= 1 and m <= 2 ^ 32) or m % 1 ~= 0 then
    blame.misuse("net:random: needs a whole number from 1 to 4294967296, got %s", blame.describe(m))
  end
  return self.handle:random(m)
end

return Net
