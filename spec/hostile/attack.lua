--- A small cluster of real members, and what a hostile peer (flood.c) does to it.
--
--   local cluster = attack.cluster { key = true }
--   local sent = attack.flood(cluster, "replay", 1000, 0, 1)     -- { sent=, bytes=, got=, got_bytes=, seconds= }
--   attack.problems(cluster)                                     -- {}: nothing came of it
--
-- With a key, the packets for the first member go through a relay that keeps them, as
-- somebody who listens on the way can.

local node = require "spec.support.node"
local process = require "spec.support.process"
local socket = require "socket"
local unix = require "socket.unix"
local wait = require "spec.support.wait"

local attack = {}

local FLOOD = "/spec/spec-flood"
local COUNT = 3
local MIB = 1024

--- Is what this needs built?
function attack.is_there()
  return process.read(process.build .. FLOOD) ~= nil
end

local function free_port()
  local udp = assert(socket.udp())
  assert(udp:setsockname("127.0.0.1", 0))
  local _, port = udp:getsockname()
  udp:close()
  return port
end

local function port_of(addr)
  return addr:match(":(%d+)$")
end

local function status(member, name)
  return tonumber(process.read(("/proc/%d/status"):format(member.pid)):match(name .. ":%s*(%d+)"))
end

--- Resident memory in KiB; with "most", the most there was since the member was started.
function attack.memory(member, most)
  return status(member, most and "VmHWM" or "VmRSS")
end

local function start_relay(cluster)
  local listen, to = free_port(), free_port()
  cluster.records = process.tempdir() .. "/packets"
  cluster.relay = process.start { process.build .. FLOOD, "relay", listen, to, cluster.records }
  cluster.port = to
  return { bind = "127.0.0.1:" .. to, advertise = "127.0.0.1:" .. listen }
end

local function start_member(cluster, i)
  local args = {}
  for _, word in ipairs(cluster.args) do args[#args + 1] = word end
  local options = { args = args, config = cluster.config, join = { cluster[1] } }
  if i == 1 and cluster.first then
    args[#args + 1] = "--advertise"
    args[#args + 1] = cluster.first.advertise
    options.bind, options.join = cluster.first.bind, { cluster[2] }
  end
  return node.start(options)
end

--- Members that know each other. options: `key`: packets are sealed; `config`.
function attack.cluster(options)
  local cluster = { config = options.config or "lan", args = {} }
  if options.key then
    local path = process.tempdir() .. "/key"
    assert(process.cli("keygen", path).code == 0)
    cluster.args = { "--key-file", path }
    cluster.first = start_relay(cluster)
  end
  for i = 1, COUNT do cluster[i] = start_member(cluster, i) end
  cluster.port = cluster.port or port_of(cluster[1].addr)
  attack.gathered(cluster)
  return cluster
end

function attack.gathered(cluster)
  wait.for_that(function() return node.converged(cluster) end, 60, "cluster")
end

--- The first one again, at its address, after a crash.
function attack.restart(cluster)
  cluster[1]:signal "KILL"
  cluster[1].process:wait(5)
  cluster[1] = start_member(cluster, 1)
end

--- What all of them think of each other, as text.
function attack.views(cluster)
  local lines = {}
  for i, member in ipairs(cluster) do
    for _, other in ipairs(member:members(true)) do
      lines[#lines + 1] = ("%d %s %s %d %s"):format(i, other.addr, other.state, other.incarnation,
        tostring(other.id.bump))
    end
  end
  table.sort(lines)
  return table.concat(lines, "\n")
end

local function own(cluster)
  local addrs = {}
  for _, member in ipairs(cluster) do addrs[member.addr] = true end
  return addrs
end

--- Which members of the cluster were declared down by others of it, by their logs.
function attack.fallen(cluster)
  local addrs, fallen = own(cluster), {}
  for _, member in ipairs(cluster) do
    for addr in member:log():gmatch "member down addr=(%S+)" do
      if addrs[addr] then fallen[#fallen + 1] = addr end
    end
  end
  return fallen
end

--- From now on only those count that fall later: one was ended by us.
function attack.forgive(cluster)
  cluster.forgiven = #attack.fallen(cluster)
end

--- Sends `count` packets of a kind to the first member.
function attack.flood(cluster, kind, count, rate, seed)
  local last = cluster.records or ("%.0f"):format(cluster[1]:info().identity.bump)
  local done = process.run { process.build .. FLOOD, kind, cluster.port, ("%.0f"):format(count),
    ("%.0f"):format(rate), seed, last }
  assert(done.code == 0, done.err)
  local numbers = {}
  for name, value in done.out:gmatch "(%S+)=(%S+)" do numbers[name] = tonumber(value) end
  return numbers
end

--- So many connections to a control socket that say half of something, or nothing.
function attack.half_open(member, count)
  local clients = {}
  for i = 1, count do
    local client = assert(unix())
    if client:connect(member.control) then
      client:settimeout(0)
      client:send(i % 2 == 0 and "\148\000\001" or "")
      clients[#clients + 1] = client
    end
  end
  return function()
    for _, client in ipairs(clients) do client:close() end
  end
end

--- Pings that the others sent, and acks that they got.
function attack.pings(cluster)
  local sent, answered = 0, 0
  for i = 2, COUNT do
    local packets = cluster[i]:info().packets
    sent = sent + packets.sent_by_message.ping
    answered = answered + packets.received_by_message.ack
  end
  return sent, answered
end

--- What came of it that must not, as sentences. `before`: attack.memory of the first member.
function attack.problems(cluster, before)
  local list = {}
  local fallen = attack.fallen(cluster)
  for i = 1 + (cluster.forgiven or 0), #fallen do list[#list + 1] = fallen[i] .. " was declared down" end
  local addrs = own(cluster)
  for i, member in ipairs(cluster) do
    local alive = 0
    for _, other in ipairs(member:members()) do alive = alive + (addrs[other.addr] and 1 or 0) end
    if alive ~= COUNT - 1 then list[#list + 1] = ("member %d sees %d of its own"):format(i, alive) end
  end
  local more = before and attack.memory(cluster[1], "most") - before or 0
  if more > 16 * MIB then list[#list + 1] = ("%d KiB more memory"):format(more) end
  return list
end

return attack
