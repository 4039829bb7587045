--- `make demo`: what shoal does, on loopback, in well under half a minute.
--
-- Five members run examples/hello.lua. One is killed, and the others detect it; the
-- script is edited while they run it; one leaves. The demo exits with 1 if any of
-- this fails. It always cleans up.
--
--   luajit examples/demo.lua [folder of the build]

package.path = "./?.lua;" .. package.path

local interrupts = require "spec.support.interrupts"
local node = require "spec.support.node"
local process = require "spec.support.process"
local wait = require "spec.support.wait"

local NAMES = { "ada", "bo", "cleo", "dan", "eve" }
local began = wait.now()
local started = {} -- all members that were ever started

local function say(text, ...)
  io.stdout:write(("%5.1f s  "):format(wait.now() - began), text:format(...), "\n")
  io.stdout:flush()
end

--- Waits until `condition(member)` holds for each, and says so as it does.
local function each(members, seconds, what, condition)
  local missing = {}
  for _, member in ipairs(members) do
    missing[member] = true
  end
  wait.for_that(function()
    for _, member in ipairs(members) do
      if missing[member] and condition(member) then
        missing[member] = nil
        say("   %-4s  %s", member.name, what)
      end
    end
    return next(missing) == nil
  end, seconds, what)
end

local function without(members, gone)
  local others = {}
  for _, member in ipairs(members) do
    if member ~= gone then
      others[#others + 1] = member
    end
  end
  return others
end

local function hears(event, about)
  return function(member)
    return member:heard(event, about)
  end
end

local function start(script)
  say("five members start, each runs a copy of examples/hello.lua")
  local members = started
  for i, name in ipairs(NAMES) do
    members[i] = node.start { name = name, config = "loopback", script = script, join = { members[1] } }
    members[i]:watch()
    say("   %-4s  is at %s", name, members[i].addr)
  end
  each(members, 5, "sees the four others", function(member)
    return #member:members() == #NAMES - 1
  end)
  wait.for_that(function() return node.converged(members) end, 5, "agreement")
  return members
end

local function kill(members, victim)
  say("%s gets SIGKILL", victim.name)
  victim:signal "KILL"
  local rest = without(members, victim)
  each(rest, 10, "reports it down", hears("member_down", victim))
  return rest
end

local function edit(members, script)
  say("the script is edited on disk: goodbye becomes farewell")
  local before, heard = {}, {}
  for _, member in ipairs(members) do
    before[member], heard[member] = member:info(), #member:events()
  end
  local text, changes = process.read(script):gsub('"goodbye, "', '"farewell, "')
  assert(changes == 1, "there is no goodbye in the script")
  process.write(script, text)
  each(members, 5, "runs the new version", function(member)
    return member:info().script.generation == before[member].script.generation + 1
  end)
  for _, member in ipairs(members) do
    local now = member:info()
    assert(now.addr == before[member].addr and now.identity.bump == before[member].identity.bump,
      member.name .. " is not who it was")
    assert(#member:events() == heard[member], member.name .. " lost a member or itself")
  end
  wait.for_that(function() return node.converged(members) end, 5, "agreement")
  say("and none of them has lost its membership")
end

local function leave(members, leaver)
  say("%s leaves", leaver.name)
  local answer = leaver:ask "leave"
  assert(answer.code == 0, answer.err)
  local rest = without(members, leaver)
  each(rest, 1, "reports it down at once", hears("member_down", leaver))
  each(rest, 1, "says farewell", function(member)
    return member:log():find("farewell, " .. leaver.addr, 1, true)
  end)
  assert(leaver:wait(5) == 0, "it did not end well")
  return rest
end

local function stop(members)
  say("the others get SIGTERM")
  for _, member in ipairs(members) do
    member:signal "TERM"
  end
  each(members, 5, "has ended", function(member)
    return member:wait(5) == 0
  end)
end

local function run()
  local script = process.tempdir() .. "/hello.lua"
  process.write(script, assert(process.read("examples/hello.lua"), "run this in the repository"))
  local members = start(script)
  members = kill(members, members[5])
  edit(members, script)
  members = leave(members, members[4])
  stop(members)
end

if arg[1] then
  process.use(arg[1])
end
-- Ctrl-C and other signals end the demo like a failure, and do not interrupt the cleaning up.
interrupts.hold()
process.on_fork = interrupts.release
wait.check = function()
  assert(not interrupts.came(), "interrupted")
end
local succeeded, problem = pcall(run)
wait.check = function() end
if not succeeded and interrupts.came() then
  say("interrupted by %s", interrupts.came())
elseif not succeeded then
  say("FAILED: %s", tostring(problem))
  for _, member in ipairs(started) do
    io.stdout:write("\nlog of ", member.name, ":\n", member:log())
  end
end
local cleaned, residue = pcall(process.cleanup)
if not cleaned then
  say("FAILED: %s", tostring(residue))
end
if not (succeeded and cleaned) then
  os.exit(1, true)
end
say("all of it happened")
