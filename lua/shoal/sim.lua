-- SPDX-License-Identifier: MIT
-- shoal.sim: a cluster of your handlers on a virtual clock and a bad network.
--
--     local sim = require "shoal.sim"
--     local net = sim.new { seed = 7, latency = { 0.0005, 0.002 }, loss = 0.05 }
--     local members = net:spawn(50, { handlers = "service.lua", config = "lan" })
--     assert(net:run_until(function() return net:converged() end, 60))
--     net:pause(members[3], 20)
--     net:partition({ members[1], members[2] }, "rest")
--
-- Nothing waits: an hour passes as fast as its events can be worked off. The same
-- seed and the same calls give the same run, byte for byte. docs/testing.md is
-- the manual.
local core = require "shoal.core"
local Member = require "shoal.sim.member"

-- How often run_until() asks, in virtual seconds.
local STEP = 0.01

---@class shoal.sim.Net
local Net = {}
Net.__index = Net

local function misuse(text, ...)
  error(text:format(...), 3)
end

-- ---- Members ---------------------------------------------------------------

-- The member that is meant, as its number counts in C.
local function place_of(net, who, method)
  if type(who) == "string" then
    who = net:member(who)
  end
  if not Member.is(who) or who.net ~= net then
    error(("net:%s: needs a member of this network"):format(method), 3)
  end
  return who.number - 1
end

local function first_up(net, except)
  for _, member in ipairs(net.list) do
    if member ~= except and member:is_up() then
      return member
    end
  end
  return nil
end

-- The options of shoal.start for one member of a network.
local function start_options(net, options, number, size)
  local given = type(options) == "function" and options(number) or options or {}
  if type(given) ~= "table" then
    misuse("net:spawn: needs a table of options, or a function that returns one, got %s", type(given))
  end
  local all = { log = false }
  for name, value in pairs(given) do
    all[name] = value
  end
  if all.advertise ~= nil then
    misuse("net:spawn: a simulated member has one address: give it with 'bind'")
  end
  all.cluster_size = all.cluster_size or size
  return all
end

local function note_errors(net, options, who)
  local tell = options.on_error
  options.on_error = function(what, message)
    local list = net.failures
    net.num_failures = net.num_failures + 1
    if #list < 100 then
      list[#list + 1] = { at = net:now(), member = who.member, what = what, message = message }
    end
    if tell then
      tell(what, message)
    end
  end
end

-- Whom it joins unless the program says: somebody who is there.
local function choose_seed(net, options, member)
  if options.join == nil then
    local seed = first_up(net, member)
    options.join = seed and { seed.addr } or {}
  elseif options.join == false then
    options.join = nil
  end
end

local function start(net, options, member)
  local who = { member = member }
  choose_seed(net, options, member)
  note_errors(net, options, who)
  local node, place, known_as = net.handle:spawn(options)
  if not node then
    return nil, place, known_as
  end
  if member then
    Member.revive(member, node, known_as)
    return member
  end
  who.member = Member.new(net, place + 1, node, known_as)
  net.list[place + 1] = who.member
  return who.member
end

local function count_up(net)
  local count = 0
  for _, member in ipairs(net.list) do
    count = count + (member:is_up() and 1 or 0)
  end
  return count
end

--- Starts `count` members and returns them as a list; without a count one, and
--- returns it. The options are those of `shoal.start`, or a function that returns
--- them for the i-th; besides,
---   * `log` is false,
---   * `cluster_size` is as many as run by then,
---   * `join` is the first member that runs; false: nobody,
---   * `bind` is an address that nobody has had, or "ip:port"; there is no
---     `advertise`.
---@param count? integer
---@param options? shoal.StartOptions|fun(i: integer): shoal.StartOptions
---@return shoal.sim.Member[]|shoal.sim.Member members or nil, message, code
---@return string? message, string? code
function Net:spawn(count, options)
  if type(count) ~= "number" then
    count, options = nil, count
  elseif count < 1 or count ~= math.floor(count) then
    misuse("net:spawn: how many must be a whole number from 1, got %s", tostring(count))
  end
  local size = count_up(self) + (count or 1)
  local members = {}
  for i = 1, count or 1 do
    local member, message, code = start(self, start_options(self, options, i, size))
    if not member then
      return nil, message, code
    end
    self.origins[member] = function()
      return start_options(self, options, i, size)
    end
    members[i] = member
  end
  if not count then
    return members[1]
  end
  return members
end

--- Those that run, in the order of their numbers; with "all" those that crashed
--- or were closed as well.
---@param which? "all"
---@return shoal.sim.Member[]
function Net:members(which)
  local members = {}
  for _, member in ipairs(self.list) do
    if which == "all" or member:is_up() then
      members[#members + 1] = member
    end
  end
  return members
end

--- The member at that address.
---@param addr string
---@return shoal.sim.Member?
function Net:member(addr)
  for _, member in ipairs(self.list) do
    if member.addr == addr then
      return member
    end
  end
  return nil
end

-- ---- Time ------------------------------------------------------------------

--- Seconds since the beginning.
---@return number
function Net:now()
  return self.handle:now()
end

--- Lets `seconds` pass.
---@param seconds number
function Net:run(seconds)
  self.handle:run(self:now() + seconds)
end

--- Lets time pass until `condition(net)` holds: its value. `nil, message` when it
--- does not within `timeout` seconds. It is asked every hundredth of a second, or
--- `step` seconds.
---@param condition fun(net: shoal.sim.Net): any
---@param timeout number
---@param step? number
---@return any, string? message
function Net:run_until(condition, timeout, step)
  step = step or STEP
  local deadline = self:now() + timeout
  while true do
    local value = condition(self)
    if value then
      return value
    end
    local now = self:now()
    if now >= deadline then
      return nil, ("not so after %g s:\n%s"):format(timeout, self:picture())
    end
    self.handle:run(math.min(now + step, deadline))
  end
end

--- Calls `fn()` when `seconds` have passed, whoever is paused then. What it raises
--- comes out of `run`.
---@param seconds number
---@param fn fun()
function Net:after(seconds, fn)
  self.handle:after(seconds, fn)
end

--- A whole number from 1 to `m`, from the network's seed.
---@param m integer
---@return integer
function Net:random(m)
  return self.handle:random(m)
end

-- ---- What everybody sees ---------------------------------------------------

--- Does everybody who takes part (runs, and has not left) see all the others
--- alive, and nobody else? If not: who does not, and whom it does not see (nil:
--- it sees some who are not there).
---@return boolean, shoal.sim.Member? member, shoal.sim.Member? other
function Net:converged()
  local agree, place, other = self.handle:converged()
  return agree, place and self.list[place + 1], other and self.list[other + 1]
end

--- How many take part; and how many active members, itself included, they count:
--- the one that counts fewest, the median, the most.
---@return integer members, integer? fewest, integer? median, integer? most
function Net:census()
  return self.handle:census()
end

local MAX_LINES = 12

local function describe(member)
  local counts = {}
  for _, known in ipairs(member:state()) do
    counts[known.state] = (counts[known.state] or 0) + 1
  end
  return ("  %-21s %s%s: %d alive, %d suspect, %d down"):format(member.addr, member:connection(),
    member:is_paused() and ", paused" or "", counts.alive or 0, counts.suspect or 0, counts.down or 0)
end

--- What the members know, a line each, for people.
---@return string
function Net:picture()
  local members = self:members()
  local lines = { ("at %.3f s, %d members run:"):format(self:now(), #members) }
  for i = 1, math.min(#members, MAX_LINES) do
    lines[#lines + 1] = describe(members[i])
  end
  if #members > MAX_LINES then
    lines[#lines + 1] = ("  and %d more"):format(#members - MAX_LINES)
  end
  local _, doubter, other = self:converged()
  if doubter then
    lines[#lines + 1] = ("  %s %s"):format(doubter.addr,
      other and "does not see " .. other.addr .. " alive" or "sees some who are not there")
  end
  return table.concat(lines, "\n")
end

--- Handlers that failed: when, whose, what and why; the first hundred.
---@return { at: number, member: shoal.sim.Member, what: string, message: string }[] list, integer how_many
function Net:errors()
  return self.failures, self.num_failures
end

--- What the others said of a member, held against what was so:
---   wrong_downs    how often one of them found it down though it ran, was not
---                  paused, and nothing cut them off from each other
---   excused_downs  the same, though it was paused or cut off
---   renewals       how often it had to take a new identity
---   ended, noticed since when it does not run (nil: it does), and when the others
---                  found out
---@param member shoal.sim.Member
---@return { wrong_downs: integer, excused_downs: integer, renewals: integer, ended?: number, noticed: number[] }
function Net:record(member)
  return self.handle:record(place_of(self, member, "record"))
end

--- From now on `seen` tells when a packet that carries `data` first came to a
--- member; `origin` has it already. One at a time.
---@param data string
---@param origin shoal.sim.Member
function Net:watch(data, origin)
  self.handle:watch(data, place_of(self, origin, "watch"))
end

---@param member shoal.sim.Member
---@return number? seconds when, if it did
function Net:seen(member)
  return self.handle:seen(place_of(self, member, "seen"))
end

--- Packets sent to and from everybody, or by and to one member.
---@param member? shoal.sim.Member
---@return table<string, integer>
function Net:stats(member)
  if member then
    return self.handle:traffic(place_of(self, member, "stats"))
  end
  return self.handle:counts()
end

--- A hash of all that happened: the same for two runs that were the same.
---@return string
function Net:trace()
  return self.handle:trace()
end

-- ---- Faults ----------------------------------------------------------------

--- Changes the network: latency, loss, duplicate, reorder, reorder_by, max_packet.
---@param options shoal.sim.NetworkOptions
function Net:set(options)
  self.handle:set(options)
end

--- Stops it like SIGSTOP: what arrives waits and is handled at once when it goes
--- on, after `seconds` (none: when `resume` is called).
---@param member shoal.sim.Member
---@param seconds? number
function Net:pause(member, seconds)
  local place = place_of(self, member, "pause")
  self.handle:pause(place)
  if seconds then
    local node = member.node
    self:after(seconds, function()
      if member.node == node and member:is_paused() then
        self.handle:resume(place)
      end
    end)
  end
end

---@param member shoal.sim.Member
function Net:resume(member)
  self.handle:resume(place_of(self, member, "resume"))
end

--- It takes so long for every packet, one after the other; 0: no longer.
---@param member shoal.sim.Member
---@param seconds number
function Net:slow(member, seconds)
  self.handle:slow(place_of(self, member, "slow"), seconds)
end

--- Moves its clock, the wall clock and the one that timers and the protocol go by;
--- forward or back.
---@param member shoal.sim.Member
---@param seconds number
function Net:step_clock(member, seconds)
  self.handle:step_clock(place_of(self, member, "step_clock"), seconds)
end

--- It is gone without a word, as after SIGKILL. Inside one of its own handlers:
--- when that has returned.
---@param member shoal.sim.Member
function Net:crash(member)
  self.handle:crash(place_of(self, member, "crash"))
end

--- Starts it again, at its address and with the options that it was spawned with,
--- or with others; it crashes first if it runs. Its store is empty, it knows
--- nobody, and joins whoever runs.
---@param member shoal.sim.Member
---@param options? shoal.StartOptions
---@return shoal.sim.Member?, string? message, string? code
function Net:restart(member, options)
  local place = place_of(self, member, "restart")
  if member:is_up() and not self.handle:crash(place) then
    misuse("net:restart: not inside a handler of the member's own")
  end
  local all = options and start_options(self, options, 1, count_up(self) + 1) or self.origins[member]()
  all.bind = member.addr
  return start(self, all, member)
end

---@class shoal.sim.Partition
local Partition = {}
Partition.__index = Partition

--- Ends it.
function Partition:heal()
  for _, cut in ipairs(self.cuts) do
    self.net.handle:heal(cut)
  end
  self.cuts = {}
end

-- A list of places; nil for "rest".
local function places_of(net, group, method)
  if group == "rest" then
    return nil
  end
  if Member.is(group) or type(group) == "string" then
    group = { group }
  end
  local places = {}
  for i, member in ipairs(group) do
    places[i] = place_of(net, member, method)
  end
  return places
end

--- Packets between the groups are lost. A group is a list of members, one member,
--- or "rest": all who are not in the other, also those that come later. `oneway`:
--- only from the first to the second. `loss`: not all of them, with that chance.
---@param group shoal.sim.Member[]|shoal.sim.Member|"rest"
---@param other shoal.sim.Member[]|shoal.sim.Member|"rest"
---@param options? { oneway?: boolean, loss?: number }
---@return shoal.sim.Partition
function Net:partition(group, other, options)
  options = options or {}
  local from, to = places_of(self, group, "partition"), places_of(self, other, "partition")
  if not from and not to then
    misuse("net:partition: the rest of what?")
  end
  local loss = options.loss or 1
  local cuts = { self.handle:cut(from, to, loss) }
  if not options.oneway then
    cuts[2] = self.handle:cut(to, from, loss)
  end
  return setmetatable({ net = self, cuts = cuts }, Partition)
end

--- Ends it all: every member is gone, and no method may be called any more. A
--- network that is not closed stays as long as the program's Lua state.
function Net:close()
  self.handle:close()
end

-- ---- The module ------------------------------------------------------------

---@class shoal.sim.NetworkOptions
---@field latency? number|{ [1]: number, [2]: number, distribution?: "uniform"|"exponential" }  seconds, or from and to; exponential: the first, and on average as much more as the second says: a long tail ({ 0.0005, 0.002 })
---@field loss? number       chance that a packet is lost
---@field duplicate? number  chance that it arrives twice
---@field reorder? number    chance that it is held back, by up to `reorder_by` seconds (0.01)
---@field reorder_by? number
---@field max_packet? integer  bytes; larger ones are lost (no limit)

---@class shoal.sim.Options: shoal.sim.NetworkOptions
---@field seed? integer  of everything random (1)

local sim = {}

--- A network, with nobody in it.
---@param options? shoal.sim.Options
---@return shoal.sim.Net
function sim.new(options)
  return setmetatable({
    handle = core.simulation(options),
    list = {},        -- members by number
    origins = {},     -- member -> function that makes the options it was spawned with
    failures = {},
    num_failures = 0,
  }, Net)
end

return sim
