-- SPDX-License-Identifier: MIT
--- `make bench-namespaces`: what a cluster of real processes bears, each on a host of its
-- own (a network namespace on a virtual switch). Prints a table, and writes it into
-- docs/reliability.md. As root; it ends what it started and removes its namespaces.
--
--   luajit bench/namespaces.lua BUILD [REPETITIONS=3] [FILE] [ONLY=name]
--
-- Sixteen members with the default config, all of which have the first two as seeds. What is
-- timed is what they print, from the moment that the network is whole, or the process
-- is ended or started, to the last event that makes one view of all views; and after that
-- everybody is listened to for some seconds more.

local stdlib = require "posix.stdlib"
local figures = require "bench.figures"
local hosts = require "spec.support.hosts"
local programs = require "bench.peers.programs"

local BUILD = arg[1] or "build"
local REPETITIONS = tonumber(arg[2] or 3)
local FILE = arg[3] or "docs/reliability.md"
local ONLY = arg[4]
local MEMBERS, SPARE = 16, 17 -- the host of whoever comes later
local PORT = 7946
local TO_AGREE, TO_SETTLE = 120, 8 -- seconds
local DEAD, NAME = "10.77.0.19", "members.test"

local net, folder

-- ---- Members -------------------------------------------------------------------

local cluster -- of this experiment: members by number, events in order

local function note(member, line, now)
  local kind, addr, more = line:match "^(%l+) (%S+) (%S*)$"
  if kind == "self" then
    member.bump = more
  elseif kind then
    member.view[addr] = kind ~= "down" and more or nil
    cluster.events[#cluster.events + 1] = { kind = kind, addr = addr, more = more, by = member, at = now }
  end
end

local function address(i)
  return ("%s:%d"):format(net:address(i), PORT)
end

-- What runs on host `i`, in front of which `words` stand.
local function command(i, options)
  local list = net:within(i)
  local function add(...)
    for _, word in ipairs { ... } do
      list[#list + 1] = word
    end
  end
  add("sh", "-c", 'mount --bind "$0" /etc/hosts && exec "$@"', folder .. "/hosts")
  if options.clock then
    add("env", "LD_PRELOAD=" .. options.clock, "FAKETIME=-1d")
  end
  cluster.started = cluster.started + 1
  add(BUILD .. "/bin/shoal", "run", "bench/namespaces_member.lua", "--bind", address(i), "--log-level", "warn",
    "--control", ("%s/%d.sock"):format(folder, cluster.started))
  for _, seed in ipairs(options.join or { address(1), address(2) }) do
    add("--join", seed)
  end
  if options.advertise then
    add("--advertise", options.advertise)
  end
  return list
end

local function start(i, options)
  local member = { addr = options.advertise or address(i), view = {}, host = i }
  member.program = programs.start(command(i, options), function(line, now) note(member, line, now) end)
  return member
end

local function add(i, options)
  local member = start(i, options or {})
  cluster.members[i] = member
  return member
end

-- ---- What they see ---------------------------------------------------------------

-- Does everybody see everybody else, as who they are, and nobody else? Or why not.
local function is_one_view()
  local all = figures.count(cluster.members)
  for _, member in pairs(cluster.members) do
    if member.program.ended then
      error(member.program.said, 0)
    end
    if figures.count(member.view) ~= all - 1 then
      return false, ("%s sees %d"):format(member.addr, figures.count(member.view))
    end
    for _, other in pairs(cluster.members) do
      if other ~= member and (not other.bump or member.view[other.addr] ~= other.bump) then
        return false, ("%s sees %s as %s, which is %s"):format(member.addr, other.addr,
          tostring(member.view[other.addr]), tostring(other.bump))
      end
    end
  end
  return true
end

local function await_one_view(what)
  if not programs.listen(TO_AGREE, is_one_view) then
    error(("no %s within %d s: %s"):format(what, TO_AGREE, select(2, is_one_view())), 0)
  end
end

local function new_cluster()
  cluster = { members = {}, events = {}, started = cluster and cluster.started or 0 }
  for i = 1, MEMBERS do
    add(i)
  end
  await_one_view("cluster")
  programs.listen(TO_SETTLE)
end

local function end_cluster()
  for _, member in pairs(cluster.members) do
    member.program:kill()
  end
end

-- Since the event with that number: reports that a living member is down, and changes of identity.
local function since(first, from, is_false)
  local sum = { downs = 0, renames = 0 }
  for i = first, #cluster.events do
    local event = cluster.events[i]
    if event.kind == "down" and is_false(event) then
      sum.downs = sum.downs + 1
      io.stderr:write(("%+.3f s: %s reports %s down (%s)\n"):format(event.at - from, event.by.addr, event.addr,
        event.more))
    elseif event.kind == "rename" then
      sum.renames = sum.renames + 1
    end
  end
  return sum
end

-- The moment of the last event, from `from`, once there is one view.
local function agree(from, first, is_false, what)
  await_one_view(what)
  local last = cluster.events[#cluster.events]
  local seconds = last and last.at > from and last.at - from or 0
  programs.listen(TO_SETTLE)
  assert(is_one_view(), what .. ": there is one view no longer")
  local sum = since(first, from, is_false)
  return { seconds = seconds, downs = sum.downs, renames = sum.renames }
end

local function any()
  return true
end

-- ---- Experiments -------------------------------------------------------------------

local experiments = {}

-- Some are cut off; what both sides say of each other meanwhile is true.
local function cut(group, seconds)
  return function()
    local inside, first = {}, #cluster.events + 1
    for _, i in ipairs(group) do
      inside[address(i)] = true
    end
    net:cut(group)
    programs.listen(seconds)
    net:heal()
    local healed = programs.now()
    return agree(healed, first, function(event)
      return event.at >= healed or not inside[event.addr] == not inside[event.by.addr]
    end, "one view after a cut")
  end
end

experiments[1] = { "one of 16 is cut off for 60 s", cut({ 16 }, 60) }
experiments[2] = { "two halves of 8, cut for 120 s", cut({ 9, 10, 11, 12, 13, 14, 15, 16 }, 120) }

experiments[3] = { "a twin with the address of a member, killed after 2 s", function()
  local first = #cluster.events + 1
  local twin = start(SPARE, { advertise = address(5) })
  programs.listen(2)
  twin.program:kill()
  return agree(programs.now(), first, any, "one view after a twin")
end }

experiments[4] = { "a restart with the clock a day behind", function()
  local first, victim = #cluster.events + 1, cluster.members[7]
  local clock = programs.run { "faketime", "-f", "+0d", "sh", "-c", "echo $LD_PRELOAD" }:match "%S+"
  victim.program:kill()
  local from = programs.now()
  add(7, { clock = clock })
  return agree(from, first, any, "one view after a restart")
end }

experiments[5] = { "a newcomer whose seed is a name, the first address of which is dead", function()
  local first, from = #cluster.events + 1, programs.now()
  add(SPARE, { join = { NAME .. ":" .. PORT } })
  return agree(from, first, any, "one view with a newcomer")
end }

-- ---- The table ----------------------------------------------------------------------

local function measure(experiment)
  local times, downs, renames = {}, 0, 0
  for i = 1, REPETITIONS do
    new_cluster()
    local result = experiment[2]()
    end_cluster()
    times[i], downs, renames = result.seconds, downs + result.downs, renames + result.renames
    io.stderr:write(("%s: %.2f s, %d down, %d renames\n"):format(experiment[1], result.seconds, result.downs,
      result.renames))
  end
  local middle = ("%.1f s"):format(figures.median(times)) -- sorts them
  return { experiment[1], tostring(downs), tostring(renames), middle, ("%.1f s"):format(times[#times]) }
end

local function main()
  local file = assert(io.open(folder .. "/hosts", "w"))
  assert(file:write(("127.0.0.1 localhost\n%s %s\n%s %s\n"):format(DEAD, NAME, net:address(1), NAME)))
  assert(file:close())
  local rows = {
    { "what happens", "living members reported down", "renames reported", "all agree after (median)", "(slowest)" },
  }
  for i, experiment in ipairs(experiments) do
    if not ONLY or ONLY == tostring(i) then
      rows[#rows + 1] = measure(experiment)
    end
  end
  local text = figures.markdown(rows)
  io.stdout:write(text)
  if not ONLY then
    figures.write(FILE, function(name) return name == "processes" and text or nil end)
  end
end

local reason
net, reason = hosts.new(SPARE)
assert(net, reason)
folder = assert(stdlib.mkdtemp((os.getenv "TMPDIR" or "/tmp") .. "/shoal-bench-XXXXXX"))
local ok, message = xpcall(main, debug.traceback)
programs.kill_all()
net:remove()
os.execute("rm -rf " .. folder)
if not ok then
  io.stderr:write(message, "\n")
  os.exit(1)
end
