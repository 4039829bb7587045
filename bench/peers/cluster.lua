-- SPDX-License-Identifier: MIT
--- A cluster of members of one system, each a process of its own.
--
--   local cluster = clusters.start(system, 32)
--   cluster:all(function(member) return member.got["x"] end)
--
-- A member has what it was heard to say, and when: `up` and `down` by address,
-- `got` by data. Nothing of it is about itself.
local figures = require "bench.figures"
local programs = require "bench.peers.programs"
local systems = require "bench.peers.systems"

local TO_LISTEN, TO_CONVERGE = 20, 180 -- seconds

local clusters = {}

local Cluster = {}
Cluster.__index = Cluster

--- Starts one member; `seed` is another, or nil.
function clusters.start_member(system, seed)
  local member = { port = programs.free_port(), system = system, up = {}, down = {}, got = {} }
  member.addr = "127.0.0.1:" .. member.port
  member.program = programs.start(system.member(member.port, seed and seed.addr or ""), function(line, now)
    local kind, what = system.hear(line)
    if what and what ~= member.addr and member[kind] then
      member[kind][what] = member[kind][what] or now
    end
  end)
  return member
end

--- Waits until it listens; looks often, for this is measured.
function clusters.await_listening(member)
  local deadline = programs.now() + TO_LISTEN
  while not programs.is_bound(member.port) do
    programs.listen(0)
    if member.program.ended or programs.now() > deadline then
      error(("%s does not listen: %s"):format(member.system.name, member.program.said), 0)
    end
    programs.pause()
  end
end

local function check_running(members)
  for _, member in ipairs(members) do
    if member.program.ended then
      error(("%s ended: %s"):format(member.system.name, member.program.said), 0)
    end
  end
end

--- A cluster in which all know all. `joined` says how long that took from the
-- start of the second member on.
function clusters.start(system, count)
  local self = setmetatable({ system = system, members = {} }, Cluster)
  self.members[1] = clusters.start_member(system)
  clusters.await_listening(self.members[1])
  local start, before = programs.now(), programs.traffic()
  for i = 2, count do
    self.members[i] = clusters.start_member(system, self.members[1])
  end
  programs.await(TO_CONVERGE, system.name .. " cluster", function()
    check_running(self.members)
    return self:all(function(member) return figures.count(member.up) == count - 1 end)
  end)
  local now = programs.traffic()
  self.joined = { s = programs.now() - start, packets = (now.packets - before.packets) / count,
    kib = (now.bytes - before.bytes) / count / 1024 }
  return self
end

--- Does it hold for all of them?
function Cluster:all(holds)
  for _, member in ipairs(self.members) do
    if not holds(member) then
      return false
    end
  end
  return true
end

--- The sum over all of them of both values.
function Cluster:sum(of)
  local first, second = 0, 0
  for _, member in ipairs(self.members) do
    local a, b = of(member)
    first, second = first + a, second + (b or 0)
  end
  return first, second
end

--- The last and the first of the moments of all of them.
function Cluster:latest(of)
  local last, first = 0, math.huge
  for _, member in ipairs(self.members) do
    local moment = of(member)
    last, first = math.max(last, moment), math.min(first, moment)
  end
  return last, first
end

--- Makes a member say something to all.
function Cluster:tell(member, data)
  if self.system.tell then
    programs.run(self.system.tell(member.port, data))
  else
    member.program:write(data .. "\n")
  end
end

--- One more, until all know it and it knows all.
function Cluster:add_one()
  local fresh = clusters.start_member(self.system, self.members[1])
  for _, member in ipairs(self.members) do -- a port may have been somebody else's
    member.up[fresh.addr], member.down[fresh.addr] = nil, nil
  end
  table.insert(self.members, 2, fresh) -- not the next victim
  programs.await(TO_CONVERGE, "word of a newcomer", function()
    check_running(self.members)
    return figures.count(fresh.up) >= #self.members - 1 and self:all(function(member)
      return member == fresh or member.up[fresh.addr]
    end)
  end)
end

--- Kills the last member and forgets it; the others are left.
function Cluster:kill_one()
  local victim = table.remove(self.members)
  victim.program:kill()
  return victim
end

--- How often somebody who lives was reported down.
function Cluster:num_wrong()
  local lives, wrong = {}, 0
  for _, member in ipairs(self.members) do
    lives[member.addr] = true
  end
  for _, member in ipairs(self.members) do
    for addr in pairs(member.down) do
      wrong = wrong + (lives[addr] and 1 or 0)
    end
  end
  return wrong
end

function Cluster:close()
  for _, member in ipairs(self.members) do
    member.program:kill()
  end
end

clusters.size = systems.members

return clusters
