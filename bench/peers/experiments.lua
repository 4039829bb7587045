-- SPDX-License-Identifier: MIT
--- What is measured of each system: functions that put figures into a table, by
-- the names that bench/peers/tables.lua has rows for.
local clusters = require "bench.peers.cluster"
local programs = require "bench.peers.programs"
local median = require "bench.figures".median

local experiments = {}

local STARTS, JOINS, MANY_JOINS, BROADCASTS, CRASHES, EVENT_ROUNDS = 9, 5, 3, 40, 15, 7
local MANY = 128
local TO_HEAR, TO_DETECT, TO_JOIN = 10, 90, 180 -- seconds

-- So that nothing happens at the same moment of everybody's period each time.
local function let_time_pass(most)
  programs.listen(math.random() * most)
end

-- ---- Alone ---------------------------------------------------------------------

--- From fork to a bound socket.
function experiments.start(system, figures)
  local times = {}
  for i = 1, STARTS do
    local start = programs.now()
    local member = clusters.start_member(system)
    clusters.await_listening(member)
    times[i] = (programs.now() - start) * 1000
    member.program:kill()
  end
  figures.start_ms = median(times)
end

-- ---- A cluster of processes -------------------------------------------------------

-- What it took to join, several times, is put into figures as `prefix`_s and so on.
local function summarize(figures, prefix, joins)
  for _, name in ipairs { "packets", "kib", "s" } do
    local values = {}
    for i, join in ipairs(joins) do
      values[i] = join[name]
    end
    figures[prefix .. "_" .. name], figures[prefix .. "_worst"] = median(values), values[#values]
  end
end

--- All through one seed, as fast as they can be started.
function experiments.join(system, figures)
  local joins = {}
  for i = 1, JOINS do
    local cluster = clusters.start(system, clusters.size)
    joins[i] = cluster.joined
    cluster:close()
  end
  summarize(figures, "join", joins)
end

local function used(member)
  return member.program:used()
end

local function idle(cluster, figures, seconds)
  local count = #cluster.members
  local traffic, from = programs.traffic(), programs.now()
  local cpu, wakeups = cluster:sum(used)
  programs.listen(seconds)
  local traffic_now, now = programs.traffic(), programs.now()
  local cpu_now, wakeups_now = cluster:sum(used)
  local minutes = (now - from) / 60
  figures.idle_cpu = (cpu_now - cpu) / count / minutes
  figures.idle_wakeups = (wakeups_now - wakeups) / count / minutes
  figures.idle_packets = (traffic_now.packets - traffic.packets) / count / (now - from)
  figures.idle_bytes = (traffic_now.bytes - traffic.bytes) / count / (now - from)
  local resident, proportional = cluster:sum(function(member) return member.program:memory() end)
  figures.idle_rss, figures.idle_pss = resident / count / 1024, proportional / count / 1024
end

-- One member under strace; its word for the sum is "total".
local function system_calls(cluster, figures, seconds)
  if os.execute "command -v strace >/dev/null 2>&1" ~= 0 then
    return
  end
  local strace = programs.start { "strace", "-c", "-f", "-p", tostring(cluster.members[2].program.pid) }
  programs.await(10, "strace", function() return strace.said:find "attached" end)
  programs.listen(seconds)
  strace:signal "INT"
  programs.await(10, "end of strace", function() return strace.ended end)
  local calls = strace.said:match "\n%s*100%.00%s+%S+%s+%S+%s+(%d+)[%s%d]*total"
  figures.idle_calls = tonumber(calls) / seconds * 60
end

-- From the moment that its maker has it to everybody having it; nil when some
-- do not get it.
local function broadcast_once(cluster, origin, data)
  cluster:tell(origin, data)
  local reached = programs.listen(TO_HEAR, function()
    return cluster:all(function(member) return member.got[data] end)
  end)
  if not reached then
    return nil
  end
  local last = cluster:latest(function(member) return member.got[data] end)
  return last - origin.got[data]
end

local function broadcast(cluster, figures)
  local times = {}
  for i = 1, BROADCASTS do
    let_time_pass(1)
    local origin = cluster.members[i % #cluster.members + 1]
    times[#times + 1] = broadcast_once(cluster, origin, "item-" .. i)
  end
  figures.broadcast_s, figures.broadcast_worst = median(times), times[#times]
  figures.broadcast_reached = #times
end

local function crash(cluster, figures)
  local firsts, lasts = {}, {}
  for i = 1, CRASHES do
    let_time_pass(3)
    local killed = programs.now()
    local victim = cluster:kill_one()
    programs.await(TO_DETECT, "word of a crash", function()
      return cluster:all(function(member) return member.down[victim.addr] end)
    end)
    local last, first = cluster:latest(function(member) return member.down[victim.addr] end)
    firsts[i], lasts[i] = first - killed, last - killed
    cluster:add_one()
  end
  figures.crash_first, figures.crash_all = median(firsts), median(lasts)
  figures.crash_worst = lasts[#lasts]
end

--- All that one cluster of processes can tell. `seconds` is how long it is
-- watched doing nothing.
function experiments.cluster(system, figures, seconds)
  local cluster = clusters.start(system, clusters.size)
  programs.listen(seconds / 4) -- until the news have gone round
  idle(cluster, figures, seconds)
  system_calls(cluster, figures, seconds / 2)
  broadcast(cluster, figures)
  crash(cluster, figures)
  figures.wrong, figures.load = cluster:num_wrong(), programs.load()
  cluster:close()
end

-- ---- Many in one process -----------------------------------------------------------

local function joined(system, count)
  local before, start = programs.traffic(), programs.now()
  local program = programs.start(system.many(count))
  programs.await(TO_JOIN, ("%d of %s"):format(count, system.name), function()
    assert(not program.ended, program.said)
    return program.said:find "joined"
  end)
  local seconds, now = programs.now() - start, programs.traffic()
  return program, { s = seconds, packets = (now.packets - before.packets) / count,
    kib = (now.bytes - before.bytes) / count / 1024 }
end

local function memory_of_one(system, settle)
  local program = joined(system, 1)
  programs.listen(settle)
  local resident = program:memory()
  program:kill()
  return resident
end

-- The last of them is watched for a while.
local function watch(program, figures, base, seconds)
  programs.listen(seconds)
  local before = program:used()
  programs.listen(seconds)
  figures.many_cpu = (program:used() - before) / MANY / seconds * 60
  figures.many_rss = (program:memory() - base) / (MANY - 1)
end

--- The same in one process, if the system is a library.
function experiments.many(system, figures, seconds)
  if not system.many then
    return
  end
  local base, joins = memory_of_one(system, 2), {}
  for i = 1, MANY_JOINS do
    local program
    program, joins[i] = joined(system, MANY)
    if i == MANY_JOINS then
      watch(program, figures, base, seconds / 4)
    end
    program:kill()
  end
  summarize(figures, "many", joins)
end

-- ---- Handlers ---------------------------------------------------------------------

local function millions(command)
  local list = {}
  for rate in programs.run(command):gmatch "[^\n]+" do
    list[#list + 1] = assert(tonumber(rate), rate) / 1e6
  end
  return median(list)
end

--- How many events a second go into a Lua handler.
function experiments.events(system, figures)
  if system.events then
    figures.events = millions(system.events(EVENT_ROUNDS))
    figures.events_read = millions(system.events(EVENT_ROUNDS, "read"))
  end
end

return experiments
