-- SPDX-License-Identifier: MIT
-- What can befall members of a simulated network, and the network itself.
local Member = require "shoal.sim.member"
local blame = require "shoal.blame"

---@class shoal.sim.Net
local Net = {}

--- Changes the network: latency, loss, duplicate, reorder, reorder_by, corrupt, max_packet.
---@param options shoal.sim.NetworkOptions
function Net:set(options)
  self.handle:set(options)
end

--- Stops it like SIGSTOP: what arrives waits and is handled at once when it goes
--- on, after `seconds` (none: when `resume` is called).
---@param member shoal.sim.Member
---@param seconds? number
function Net:pause(member, seconds)
  local place = Member.running(self, member, "pause")
  if seconds ~= nil then
    blame.check_seconds(seconds, "net:pause: seconds")
  end
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
  self.handle:resume(Member.running(self, member, "resume"))
end

--- It takes so long for every packet, one after the other; 0: no longer.
---@param member shoal.sim.Member
---@param seconds number
function Net:slow(member, seconds)
  local place = Member.running(self, member, "slow")
  blame.check_seconds(seconds, "net:slow: seconds")
  self.handle:slow(place, seconds)
end

--- Moves its clock, the wall clock and the one that timers and the protocol go by;
--- forward or back.
---@param member shoal.sim.Member
---@param seconds number
function Net:step_clock(member, seconds)
  local place = Member.running(self, member, "step_clock")
  if type(seconds) ~= "number" or not (seconds > -1e9 and seconds < 1e9) then
    blame.misuse("net:step_clock: seconds must be a number of seconds between -1e9 and 1e9, got %s",
      blame.describe(seconds))
  end
  self.handle:step_clock(place, seconds)
end

--- Its wall clock is so many seconds ahead (behind, if negative), from now on: a machine
--- that does not know what time it is. Timers and the protocol do not go by it.
---@param member shoal.sim.Member
---@param seconds number
function Net:set_wall_clock(member, seconds)
  local place = Member.running(self, member, "set_wall_clock")
  if type(seconds) ~= "number" or not (seconds > -1e10 and seconds < 1e10) then
    blame.misuse("net:set_wall_clock: seconds must be a number of seconds between -1e10 and 1e10, got %s",
      blame.describe(seconds))
  end
  self.handle:set_wall_clock(place, seconds)
end

--- From now on packets are recorded, as they leave their senders; or, with false, no more.
---@param records? boolean
function Net:wiretap(records)
  self.handle:wiretap(records ~= false)
end

--- Sends every recorded packet once more, to where it went.
---@return integer count
function Net:replay()
  return self.handle:replay()
end

--- It is gone without a word, as after SIGKILL. Inside one of its own handlers:
--- when that has returned.
---@param member shoal.sim.Member
function Net:crash(member)
  self.handle:crash(Member.running(self, member, "crash"))
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
local function places_in(net, group, method)
  if group == "rest" then
    return nil
  end
  if Member.is(group) or type(group) == "string" then
    group = { group }
  elseif type(group) ~= "table" then
    blame.misuse("net:%s: a group is a list of members, one member or \"rest\", got %s", method,
      blame.describe(group))
  end
  local places = {}
  for i, member in ipairs(group) do
    places[i] = Member.place_of(net, member, method)
  end
  return places
end

-- Nothing separates a member from itself.
local function check_apart(from, to)
  local inside = {}
  for _, place in ipairs(from and to and from or {}) do
    inside[place] = true
  end
  for _, place in ipairs(from and to or {}) do
    if inside[place] then
      blame.misuse("net:partition: a member is in both groups")
    end
  end
end

--- Packets between the groups are lost. A group is a list of members, one member,
--- or "rest": all who are not in the other, also those that come later. `oneway`:
--- only from the first to the second. `loss`: not all of them, with that chance.
---@param group shoal.sim.Member[]|shoal.sim.Member|"rest"
---@param other shoal.sim.Member[]|shoal.sim.Member|"rest"
---@param options? { oneway?: boolean, loss?: number }
---@return shoal.sim.Partition
function Net:partition(group, other, options)
  blame.check_options(options, "net:partition", { "oneway", "loss" })
  options = options or {}
  local loss = options.loss or 1
  if type(loss) ~= "number" or not (loss >= 0 and loss <= 1) then
    blame.misuse("net:partition: option 'loss' must be a probability from 0 to 1, got %s", blame.describe(loss))
  end
  local from, to = places_in(self, group, "partition"), places_in(self, other, "partition")
  if not from and not to then
    blame.misuse("net:partition: 'rest' needs another group")
  end
  check_apart(from, to)
  local cuts = { self.handle:cut(from, to, loss) }
  if not options.oneway then
    cuts[2] = self.handle:cut(to, from, loss)
  end
  return setmetatable({ net = self, cuts = cuts }, Partition)
end

return Net
