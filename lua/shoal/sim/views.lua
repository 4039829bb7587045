-- SPDX-License-Identifier: MIT
-- What can be seen of a simulated network from outside, by an eye that sees all.
local Member = require "shoal.sim.member"
local blame = require "shoal.blame"

---@class shoal.sim.Net
local Net = {}

--- Does everybody who takes part (runs, and has not left) take all the others for
--- active, and nobody else? If not: who does not, and whom it does not see (nil:
--- it sees members that are not there). A suspect is active, as in node:members().
---@return boolean, shoal.sim.Member? member, shoal.sim.Member? other
function Net:converged()
  local agree, place, other = self.handle:converged()
  return agree, place and self.by_number[place + 1], other and self.by_number[other + 1]
end

--- How many take part; and how many active members, itself included, they count:
--- the one that counts fewest, the median, the most.
---@return integer members, integer? fewest, integer? median, integer? most
function Net:census()
  return self.handle:census()
end

local MAX_LINES = 12

local function describe(member)
  local counts = { alive = 0, suspect = 0, down = 0, left = 0 }
  for _, known in ipairs(member:state()) do
    counts[known.state] = counts[known.state] + 1
    counts.left = counts.left + (known.reason == "left" and 1 or 0)
  end
  return ("  %-21s %s%s: %d alive, %d suspect, %d down%s"):format(member.addr, member:connection(),
    member:is_paused() and ", paused" or "", counts.alive, counts.suspect, counts.down,
    counts.left > 0 and (" (%d left)"):format(counts.left) or "")
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
      other and "does not see " .. other.addr or "sees members that are not there")
  end
  return table.concat(lines, "\n")
end

--- Handlers that failed: when, whose, what and why; the first hundred.
---@return { at: number, member: shoal.sim.Member, what: string, message: string }[] list, integer how_many
function Net:errors()
  return self.failures, self.num_failures
end

---@class shoal.sim.Record
---@field wrong_downs integer    how often another one found it down though it ran and could be reached
---@field excused_downs integer  the same, though it was paused or cut off
---@field renewals integer       how often it had to take a new identity
---@field returns integer        how often it refuted that it was down
---@field ended? number          since when it does not run; nil: it does
---@field noticed number[]       when the others found out

--- What the others said of a member, held against what was so.
---@param member shoal.sim.Member
---@return shoal.sim.Record
function Net:record(member)
  return self.handle:record(Member.place_of(self, member, "record"))
end

--- From now on `seen` tells when a packet that carries `data` first came to a
--- member, and how many did; `origin` has it already. One at a time.
---@param data string
---@param origin shoal.sim.Member
function Net:watch(data, origin)
  if type(data) ~= "string" or data == "" then
    blame.misuse("net:watch: needs data that is not empty, got %s", blame.describe(data))
  end
  self.handle:watch(data, Member.place_of(self, origin, "watch"))
end

---@param member shoal.sim.Member
---@return number? seconds  when, if it did
---@return integer copies   in how many packets
function Net:seen(member)
  return self.handle:seen(Member.place_of(self, member, "seen"))
end

--- Packets sent to and from everybody, or by and to one member.
---@param member? shoal.sim.Member
---@return table<string, integer>
function Net:stats(member)
  if member then
    return self.handle:traffic(Member.running(self, member, "stats"))
  end
  return self.handle:counts()
end

--- A hash of all that happened: the same for two runs that were the same.
---@return string
function Net:trace()
  return self.handle:trace()
end

return Net
