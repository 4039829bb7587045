-- SPDX-License-Identifier: MIT
-- Assertions about simulated clusters, for busted (or whatever uses luassert):
--
--     require "shoal.sim.busted"
--
--     assert.converged(net)           everybody takes everybody else for active
--     assert.converged(net, 60)       within 60 virtual seconds
--     assert.sees(member, other)      alive
--     assert.sees(member, other, "suspect")
--     assert.sees(member, other, "down", "left")     with that reason
--     assert.down(net, other)         nobody who runs takes it for active
--     assert.down(net, other, 60)     within 60 virtual seconds
--     assert.is_not.converged(net), assert.is_not.sees(...), ...
--
-- What is not so is explained with what the members know.
local luassert = require "luassert"
local say = require "say"

-- The explanation in place of the arguments, which would be printed whole.
local function explain(arguments, text, ...)
  arguments[1] = text:format(...)
  arguments.n = 1
  arguments.nofmt = { true }
end

local function holds(net, condition, timeout)
  if timeout and timeout > 0 then
    return net:run_until(condition, timeout) ~= nil
  end
  return condition()
end

local function within(timeout)
  return timeout and (" within %g s"):format(timeout) or ""
end

local function converged(_, arguments)
  local net, timeout = arguments[1], arguments[2]
  local answer = holds(net, function() return net:converged() end, timeout)
  explain(arguments, "%s\n%s", within(timeout), net:picture())
  return answer
end

local function with_reason(state, reason)
  return reason and ("%s (%s)"):format(state, reason) or state
end

local function sees(_, arguments)
  local member, other, state, reason = arguments[1], arguments[2], arguments[3] or "alive", arguments[4]
  local seen, why = member:sees(other)
  explain(arguments, "%s to see %s as %s, but %s", tostring(member), tostring(other), with_reason(state, reason),
    seen and "sees it as " .. with_reason(seen, why) or "does not know it")
  return seen == state and (reason == nil or why == reason)
end

-- The first who takes it for active.
local function believer(net, other)
  for _, member in ipairs(net:members()) do
    local state = member ~= other and member:sees(other)
    if state == "alive" or state == "suspect" then
      return member, state
    end
  end
  return nil
end

local function down(_, arguments)
  local net, other, timeout = arguments[1], arguments[2], arguments[3]
  local answer = holds(net, function() return believer(net, other) == nil end, timeout)
  local member, state = believer(net, other)
  explain(arguments, "%s to be down%s, but %s", tostring(other), within(timeout),
    member and ("%s sees it as %s"):format(tostring(member), state) or "no member considers it active")
  return answer
end

local assertions = {
  converged = { converged, "Expected the members to agree%s", "Expected the members to disagree%s" },
  sees = { sees, "Expected %s", "Expected not: %s" },
  down = { down, "Expected %s", "Expected not: %s" },
}

for name, parts in pairs(assertions) do
  local positive, negative = "assertion.shoal." .. name .. ".positive", "assertion.shoal." .. name .. ".negative"
  say:set(positive, parts[2])
  say:set(negative, parts[3])
  luassert:register("assertion", name, parts[1], positive, negative)
end

return luassert
