--- `make soak SECONDS=600 SEED=1`: thirty real members on loopback, and for that
-- long one of them after the other is killed, stopped, continued, told to leave,
-- started again on its address, or has its script edited. Then everybody must
-- agree, and nobody may have grown. Ends every process that it started, by its id.
--
--   luajit spec/soak/soak.lua [SECONDS [SEED [MEMBERS]]]

local interrupts = require "spec.support.interrupts"
local node = require "spec.support.node"
local process = require "spec.support.process"
local wait = require "spec.support.wait"

local SECONDS = tonumber(arg[1] or 600)
local SEED = tonumber(arg[2] or 1)
local MEMBERS = tonumber(arg[3] or 30)
local AGREE_WITHIN = 60 -- seconds: a suspicion at its longest, and gossip
local ENDS_WITHIN = 10
local KIB_MORE, FILES_MORE = 2048, 4 -- that a member may have over a fresh one
local TELL_EVERY = 60

math.randomseed(SEED)
process.use(os.getenv("SHOAL_BUILD") or "build")

local began = wait.now()

local function say(...)
  io.stdout:write(("%6.1f s  "):format(wait.now() - began), string.format(...), "\n")
  io.stdout:flush()
end

local SCRIPT = [[
-- version %d
local M = {}
function M.on_start(node) node.store.ups = 0 end
function M.on_member_up(node) node.store.ups = (node.store.ups or 0) + 1 end
return M
]]

local script, version

-- Nobody may come upon half of it.
local function write_next_version()
  version = (version or 0) + 1
  process.write(script .. ".new", SCRIPT:format(version))
  assert(os.rename(script .. ".new", script))
end

-- ---- Members ------------------------------------------------------------------

local members = {} -- { node, addr, state = "up"|"stopped"|"gone" }

local function start(slot, addr)
  local seeds = {}
  for _, other in ipairs(members) do
    if other.state == "up" and other.addr ~= addr and #seeds < 3 then
      seeds[#seeds + 1] = other.addr
    end
  end
  local started = node.start { script = script, bind = addr or node.own_address(), join = seeds,
    config = "loopback", args = { "--log-level", "error" } }
  members[slot] = { node = started, addr = started.addr, state = "up" }
  return started
end

local function nodes()
  local list = {}
  for i, member in ipairs(members) do
    list[i] = member.node
  end
  return list
end

local function resident_kib(one)
  return tonumber(process.read(("/proc/%d/status"):format(one.pid)):match("VmRSS:%s*(%d+)"))
end

local function descriptors(one)
  local count = 0
  local list = io.popen(("ls /proc/%d/fd"):format(one.pid))
  for _ in list:lines() do
    count = count + 1
  end
  list:close()
  return count
end

--- The least, the median and the most of `figure(node)`.
local function spread(figure)
  local list = {}
  for i, one in ipairs(nodes()) do
    list[i] = figure(one)
  end
  table.sort(list)
  return list[1], list[math.ceil(#list / 2)], list[#list]
end

-- ---- What happens to them -------------------------------------------------------

local history = {}

local function end_it(member, signal)
  member.node:signal(signal)
  member.node:wait(ENDS_WITHIN)
  member.state = "gone"
end

local happenings = {
  up = {
    kill = function(member) end_it(member, "KILL") end,
    leave = function(member) end_it(member, "TERM") end,
    stop = function(member)
      member.node:signal "STOP"
      member.state = "stopped"
    end,
    reload = function(member)
      write_next_version()
      member.node:signal "HUP"
    end,
  },
  stopped = {
    continue = function(member)
      member.node:signal "CONT"
      member.state = "up"
    end,
    kill = function(member) end_it(member, "KILL") end,
  },
  gone = {
    restart = function(member, slot) start(slot, member.addr) end,
  },
}

local function pick(options)
  local names = {}
  for name in pairs(options) do
    names[#names + 1] = name
  end
  table.sort(names)
  local name = names[math.random(#names)]
  return name, options[name]
end

local function happen()
  local slot = math.random(MEMBERS)
  local member = members[slot]
  local name, act = pick(happenings[member.state])
  history[#history + 1] = { at = wait.now() - began, what = name, addr = member.addr }
  act(member, slot)
end

local function check_alive()
  for _, member in ipairs(members) do
    if member.state ~= "gone" and member.node.process:ended() then
      error(("%s ended by itself (%s): %s"):format(member.addr, member.node.process.code, member.node:log()), 0)
    end
  end
end

local function storm()
  local stop, tell_at = wait.now() + SECONDS, wait.now() + TELL_EVERY
  while wait.now() < stop do
    happen()
    check_alive()
    if wait.now() > tell_at then
      say("%d things have happened", #history)
      tell_at = tell_at + TELL_EVERY
    end
    wait.pass(0.05 + math.random() * 0.4) -- the pace of events, not a synchronisation
  end
end

local function bring_back()
  for slot, member in ipairs(members) do
    if member.state == "stopped" then
      happenings.stopped.continue(member)
    elseif member.state == "gone" then
      start(slot, member.addr)
    end
  end
end

-- ---- What must hold ---------------------------------------------------------------

local function expect_agreement(what)
  local before = wait.now()
  wait.for_that(function()
    check_alive()
    return node.converged(nodes())
  end, AGREE_WITHIN, what)
  return wait.now() - before
end

local function expect_nothing_grown()
  local fresh = start(#members + 1)
  expect_agreement "agreement with one more"
  local kib, files = resident_kib(fresh), descriptors(fresh)
  local least, median, most = spread(resident_kib)
  say("resident     %d KiB a fresh member; the others %d to %d, median %d", kib, least, most, median)
  assert(most <= kib + KIB_MORE, "somebody has grown")
  least, median, most = spread(descriptors)
  say("descriptors  %d a fresh member; the others %d to %d, median %d", files, least, most, median)
  assert(most <= files + FILES_MORE, "somebody keeps descriptors open")
end

local function expect_silence()
  for _, member in ipairs(members) do
    assert(member.node:log() == "", ("%s complains: %s"):format(member.addr, member.node:log()))
  end
end

local function summarise()
  local counts, names = {}, {}
  for _, one in ipairs(history) do
    if not counts[one.what] then
      names[#names + 1] = one.what
    end
    counts[one.what] = (counts[one.what] or 0) + 1
  end
  table.sort(names)
  for i, name in ipairs(names) do
    names[i] = ("%d x %s"):format(counts[name], name)
  end
  say("happened     %s", table.concat(names, ", "))
end

local function run()
  script = process.tempdir() .. "/soak.lua"
  write_next_version()
  for slot = 1, MEMBERS do
    start(slot)
  end
  say("%d members agree after %.1f s; seed %d", MEMBERS, expect_agreement "cluster", SEED)
  storm()
  summarise()
  bring_back()
  say("agreement    after %.1f s", expect_agreement "agreement after the storm")
  expect_nothing_grown()
  expect_silence()
end

-- ---- When it fails ------------------------------------------------------------------

local function tell_failure(problem)
  io.stderr:write("soak: seed ", SEED, ": ", tostring(problem), "\nwhat happened last:\n")
  for i = math.max(1, #history - 20), #history do
    local one = history[i]
    io.stderr:write(("  %6.1f s  %-8s  %s\n"):format(one.at, one.what, one.addr))
  end
  for _, member in ipairs(members) do
    local log = member.node:log()
    if log and log ~= "" then
      io.stderr:write("log of ", member.addr, ":\n", log)
    end
  end
end

-- Ctrl-C and its kind end the run like a failure, and have no say in the cleaning.
interrupts.hold()
process.on_fork = interrupts.release
wait.check = function()
  if interrupts.came() then
    error("interrupted by " .. interrupts.came(), 0)
  end
end
local good, problem = xpcall(run, function(message)
  return interrupts.came() and message or debug.traceback(message)
end)
wait.check = function() end
if not good then
  tell_failure(problem)
end
local cleaned, residue = pcall(process.cleanup)
if not cleaned then
  io.stderr:write("soak: ", tostring(residue), "\n")
end
if not (good and cleaned) then
  os.exit(1, true)
end
say("all is well, and everybody has ended")
