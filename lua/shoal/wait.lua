-- SPDX-License-Identifier: MIT
-- node:wait() in a coroutine of cqueues.
--
-- Elsewhere node:wait() yields, and whoever turns the loop resumes it. A coroutine
-- that a cqueues controller owns is resumed by that controller alone, and yields
-- through functions of cqueues, from Lua. So there the wait is a loop of polls.

local blame = require("shoal.blame")
local core = require("shoal.core")

local yielding = core.methods.wait

-- What was raised, as the core words it.
local function as_message(raised)
  local meta = getmetatable(raised)
  if type(raised) == "string" or type(raised) == "number" or type(meta) == "table" and meta.__tostring then
    return tostring(raised)
  end
  return ("(error object is a %s value)"):format(type(raised))
end

-- The condition's answer, or nil and why there is none. It may close the node.
local function ask(node, condition)
  local ok, answer
  if not node:is_closed() then
    ok, answer = pcall(condition, node)
    if not ok then
      return nil, as_message(answer), "handler"
    end
  end
  if not answer and node:is_closed() then
    return nil, "node is closed", "closed"
  end
  return answer
end

local function polling(cqueues, node, condition, timeout)
  local stop = timeout and cqueues.monotime() + timeout
  while true do
    local answer, message, code = ask(node, condition)
    if answer or code then
      return answer, message, code
    end
    local left = stop and stop - cqueues.monotime()
    if left and left <= 0 then
      return nil, "the condition did not hold in time", "timeout"
    end
    cqueues.poll(node, left)
    core.step()
  end
end

function core.methods.wait(node, condition, timeout)
  if type(condition) ~= "function" then
    blame.misuse("node:wait: needs a condition function, got %s", blame.describe(condition))
  elseif timeout ~= nil then
    blame.check_seconds(timeout, "node:wait: timeout")
  end
  local cqueues = package.loaded.cqueues
  if cqueues and cqueues.running() and not node:is_closed() then -- the core refuses that
    return polling(cqueues, node, condition, timeout)
  end
  return yielding(node, condition, timeout)
end

return core.methods.wait
