-- SPDX-License-Identifier: MIT
-- Checking our own services, round by round.
--
-- A round is { over=, timer=, asking= }: it has its verdict; what gives it one in time; the
-- coroutine that asks, { thread=, has_answered= }. Nothing can end a coroutine. So one that is
-- late has failed the round, and each round that is due until it ends: no other one is started
-- beside it.
local check = require "shoal.services.check"
local memory = require "shoal.services.memory"

local rounds = {}

local REPEAT = 30 -- seconds between two lines about a service that stays critical
local MOST_REASON = 200 -- bytes

-- Without the times that libcurl adds: these make no other reason.
local function plain(reason)
  return ((reason or ""):gsub("%d+ ms", ""))
end

-- A service that has never passed is critical from the start: nothing changes, and still
-- somebody wants to know why.
local function explain(node, service, one, known)
  local reason = plain(known.reason)
  if known.state ~= "critical" or known.logged == reason
    or known.logged_at and node:now() - known.logged_at < REPEAT then
    return
  end
  known.logged, known.logged_at = reason, node:now()
  node:log("warn", "the check of a service fails", {
    service = service.name, check = one.kind, reason = known.reason,
  })
end

local function take(runtime, node, service, i, answer, reason)
  local one, known = service.checks[i], memory.of(node, service).checks[i]
  known.reason = answer ~= "passing" and reason and reason:sub(1, MOST_REASON) or nil
  if not check.judge(one, known, answer) then
    return answer == "critical" and explain(node, service, one, known)
  end
  known.logged, known.logged_at = plain(known.reason), node:now()
  node:log(known.state == "passing" and "info" or "warn", "service is " .. known.state,
    { service = service.name, check = one.kind, reason = reason ~= "" and reason or nil })
  runtime.publish(node)
end

-- The first verdict counts.
local function finish(runtime, node, service, i, round, answer, reason)
  if round.over then
    return
  end
  round.over = true
  if round.timer then
    round.timer:cancel()
  end
  take(runtime, node, service, i, answer, reason)
end

local function is_running(asking)
  return asking.thread ~= nil and coroutine.status(asking.thread) ~= "dead"
end

-- Of the round before, when the next one is due.
local function why_missing(one, round)
  local asking = round.asking
  if asking.thread and not asking.has_answered and not is_running(asking) then
    return "the check raised an error"
  end
  return ("no answer within %g s"):format(one.kind == "lua" and one.timeout or one.every)
end

-- In Lua 5.1 a coroutine cannot wait inside of pcall. There a check that raises something
-- ends without an answer.
local CAN_CATCH = _VERSION ~= "Lua 5.1" or rawget(_G, "jit") ~= nil

local function with_traceback(raised)
  local is_text = type(raised) == "string" or type(raised) == "number"
  return debug.traceback(is_text and tostring(raised) or ("(error object is a %s value)"):format(type(raised)), 2)
end

local function ask(node, one)
  if CAN_CATCH then
    return xpcall(check.ask, with_traceback, node, one)
  end
  return true, check.ask(node, one)
end

local function start(runtime, node, service, i, round)
  local one = service.checks[i]
  local asking = round.asking
  node:go(function(n)
    asking.thread = coroutine.running()
    local ok, answer, reason = ask(n, one)
    asking.has_answered = true -- though it may be too late
    if ok then
      return finish(runtime, n, service, i, round, answer, reason)
    end
    finish(runtime, n, service, i, round, "critical", answer:match "[^\n]*")
    error(("service '%s': %s"):format(service.name, answer), 0) -- logged and counted as any other
  end)
end

local function check_round(runtime, node, service, i)
  local one = service.checks[i]
  local before, round = runtime.rounds[one], { asking = {} }
  runtime.rounds[one] = round
  if before then
    finish(runtime, node, service, i, before, "critical", why_missing(one, before))
  end
  if one.kind == "lua" then -- the others keep the time themselves
    round.timer = node:after(one.timeout, function(n)
      finish(runtime, n, service, i, round, "critical", why_missing(one, round))
    end)
  end
  if before and is_running(before.asking) then
    round.asking = before.asking
  else
    start(runtime, node, service, i, round)
  end
end

-- Of a ttl, after it was told something, or the version has changed.
local function await_ttl(runtime, node, service, i)
  local one, known = service.checks[i], memory.of(node, service).checks[i]
  if runtime.rounds[one] then
    runtime.rounds[one]:cancel()
  end
  local left = math.max(0, (known.deadline or node:now()) - node:now())
  runtime.rounds[one] = node:after(left, function(n)
    runtime.rounds[one] = nil
    known.reason = "nobody said that it works"
    if known.state ~= "critical" then
      known.state = "critical"
      n:log("warn", "service is critical",
        { service = service.name, check = "ttl", reason = known.reason })
      runtime.publish(n)
    end
  end)
end

--- Checks the services from now on, by name, so that one seed gives one run in a simulation.
---@param runtime { services: table<string, table>, rounds: table, publish: fun(node) }
---@param node shoal.Node
function rounds.begin(runtime, node)
  local names = {}
  for name in pairs(runtime.services) do
    names[#names + 1] = name
  end
  table.sort(names)
  for _, name in ipairs(names) do
    local service = runtime.services[name]
    for i, one in ipairs(service.checks) do
      if one.kind == "ttl" then
        await_ttl(runtime, node, service, i)
      else
        check_round(runtime, node, service, i)
        node:every(one.every, function(n)
          check_round(runtime, n, service, i)
        end)
      end
    end
  end
end

--- Takes what somebody says of a service that has a ttl. false: it has none.
---@param runtime table
---@param node shoal.Node
---@param service table
---@param state string
---@param note? string
---@return boolean
function rounds.report(runtime, node, service, state, note)
  local found = false
  for i, one in ipairs(service.checks) do
    if one.kind == "ttl" then
      found = true
      local known = memory.of(node, service).checks[i]
      known.state, known.deadline = state, node:now() + one.what
      known.reason = state ~= "passing" and note or nil
      await_ttl(runtime, node, service, i)
    end
  end
  return found
end

return rounds
