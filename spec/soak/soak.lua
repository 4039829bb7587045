--- `make soak SECONDS=600 SEED=1`: thirty real members on loopback, and for that
-- long one of them after the other is killed, stopped, continued, told to leave,
-- started again on its address, or has its script edited. Then everybody must
-- agree, and nobody may have grown. Ends every process that it started, by its id.
--
--   luajit spec/soak/soak.lua SECONDS SEED

local node = require "spec.support.node"
local process = require "spec.support.process"
local wait = require "spec.support.wait"

local SECONDS, SEED = tonumber(arg[1] or 600), tonumber(arg[2] or 1)
local MEMBERS = 30
local AGREE_WITHIN = 60 -- seconds: a suspicion at its longest, and gossip
local KIB_MORE, FILES_MORE = 2048, 4 -- that a member may grow by

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

local version = 1
local folder = process.tempdir()
local script = process.write(folder .. "/soak.lua", SCRIPT:format(version))

-- ---- Members ------------------------------------------------------------------

local members = {} -- { node, addr, state = "up"|"stopped"|"gone" }

local function start(slot, addr)
  local seeds = {}
  for _, other in ipairs(members) do
    if other.state == "up" and other.node.addr ~= addr then seeds[#seeds + 1] = other.node.addr end
    if #seeds == 3 then break end
  end
  local started = node.start { script = script, bind = addr, join = seeds, args = { "--log-level", "error" } }
  members[slot] = { node = started, addr = started.addr, state = "up" }
end

local function status(member, field)
  local text = process.read(("/proc/%d/status"):format(member.node.pid))
  return tonumber(text:match(field .. ":%s*(%d+)"))
end

local function descriptors(member)
  local count = 0
  local list = io.popen(("ls /proc/%d/fd"):format(member.node.pid))
  for _ in list:lines() do count = count + 1 end
  list:close()
  return count
end

-- ---- What happens to them -------------------------------------------------------

local function end_it(member, signal)
  member.node:signal(signal)
  member.node:wait(10)
  member.state = "gone"
end

local happenings = {
  up = {
    kill = function(member) end_it(member, "KILL") end,
    leave = function(member) end_it(member, "TERM") end,
    stop = function(member) member.node:signal "STOP" member.state = "stopped" end,
    reload = function(member)
      version = version + 1
      process.write(script, SCRIPT:format(version))
      member.node:signal "HUP"
    end,
  },
  stopped = {
    continue = function(member) member.node:signal "CONT" member.state = "up" end,
    kill = function(member) end_it(member, "KILL") end,
  },
  gone = {
    restart = function(member, slot) start(slot, member.addr) end,
  },
}

local function pick(options)
  local names = {}
  for name in pairs(options) do names[#names + 1] = name end
  table.sort(names)
  local name = names[math.random(#names)]
  return name, options[name]
end

local function happen()
  local slot = math.random(MEMBERS)
  local member = members[slot]
  local name, fn = pick(happenings[member.state])
  fn(member, slot)
  return name
end

-- ---- The run ----------------------------------------------------------------------

local function run()
  for slot = 1, MEMBERS do start(slot) end
  local function all()
    local list = {}
    for i, member in ipairs(members) do list[i] = member.node end
    return list
  end
  wait.for_that(function() return node.converged(all()) end, AGREE_WITHIN, "cluster")
  say("%d members see each other", MEMBERS)

  local counts, stop = {}, wait.now() + SECONDS
  while wait.now() < stop do
    local name = happen()
    counts[name] = (counts[name] or 0) + 1
    wait.try(function() return false end, 0.05 + math.random() * 0.4) -- the pace of events, not a synchronisation
  end
  for name, count in pairs(counts) do say("%4d x %s", count, name) end

  for slot, member in ipairs(members) do
    if member.state == "stopped" then member.node:signal "CONT" member.state = "up" end
    if member.state == "gone" then start(slot, member.addr) end
  end
  local before = wait.now()
  wait.for_that(function() return node.converged(all()) end, AGREE_WITHIN, "agreement after the storm")
  say("everybody agrees after %.1f s", wait.now() - before)

  local fresh = { node = node.start { script = script, join = { members[1].addr } }, state = "up" }
  local memory, files = status(fresh, "VmRSS"), descriptors(fresh)
  for _, member in ipairs(members) do
    local kib, open = status(member, "VmRSS"), descriptors(member)
    assert(kib <= memory + KIB_MORE, ("%s has %d KiB, a fresh one %d"):format(member.addr, kib, memory))
    assert(open <= files + FILES_MORE, ("%s has %d descriptors, a fresh one %d"):format(member.addr, open, files))
  end
  say("nobody has grown: at most %d KiB and %d descriptors over a fresh one's %d and %d", KIB_MORE, FILES_MORE,
    memory, files)
end

local ok, message = xpcall(run, debug.traceback)
node.cleanup()
if not ok then
  io.stderr:write("soak: seed ", SEED, ": ", message, "\n")
  os.exit(1)
end
