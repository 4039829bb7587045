-- SPDX-License-Identifier: MIT
-- A member of a simulated network: a node that may crash and be started again at
-- the same address. What is not its own it asks the node that runs there now, so
-- it has every method of a node, and its store.
local blame = require "shoal.blame"

---@class shoal.sim.Member: shoal.Node
---@field addr string      "10.0.0.1:7946": where it is, whatever its identity says
---@field number integer   1, 2, 3, ... in the order in which addresses were first used
---@field node shoal.Node  what runs there now, or ran there last
---@field net shoal.sim.Net
local Member = {}

local meta = {}

local function is_member(value)
  return getmetatable(value) == meta
end

local function address_of(value)
  return is_member(value) and value.known_as or value
end

-- The options of ask(), with such members as addresses.
local function with_addresses(options)
  local copy = { members = {} }
  for name, value in pairs(options) do
    copy[name] = copy[name] or value
  end
  for i, value in ipairs(options.members) do
    copy.members[i] = address_of(value)
  end
  return copy
end

-- Members among the arguments as nodes know them: by address.
local function known(count, value, ...)
  if count == 0 then
    return
  end
  local list = type(value) == "table" and not is_member(value) and value.members
  if type(list) == "table" and is_member(list[1]) then
    value = with_addresses(value)
  end
  return address_of(value), known(count - 1, ...)
end

-- Methods of the node, called on whatever node the member has by then.
local forwards = {}

local function forward(name)
  if not forwards[name] then
    forwards[name] = function(self, ...)
      return self.node[name](self.node, known(select("#", ...), ...))
    end
  end
  return forwards[name]
end

--- Does it run? A paused member does.
---@return boolean
function Member:is_up()
  return self.net.handle:is_up(self.number - 1)
end

---@return boolean
function Member:is_paused()
  return self.net.handle:is_paused(self.number - 1)
end

--- The state in which it knows another member (or an address), nil when it does
--- not know it; and why that one is down.
---@param other shoal.sim.Member|string
---@return shoal.State?, shoal.Reason?
function Member:sees(other)
  if type(other) ~= "string" and not (type(other) == "table" and other.known_as) then
    blame.misuse("member:sees: needs a member or an address, got %s", blame.describe(other))
  end
  local seen = self.node:member(type(other) == "table" and other.known_as or other)
  if seen then
    return seen.state, seen.reason
  end
  return nil
end

local ANSWERED_WITHIN = 60

local begin_call = blame.shift(function(node, ...)
  return node:call(...)
end)

--- Runs a command of the member's script. Without `fn`: runs the network until the command has
--- answered, for 60 virtual seconds at most, and returns what it answers.
---@param name string
---@param args? table
---@param fn? fun(node: shoal.Node, result: any, message?: string, code?: shoal.Code)
---@return any result, string? message, shoal.Code? code
function Member:call(name, args, fn)
  if fn or type(args) == "function" then
    return begin_call(self.node, name, args, fn)
  end
  local outcome
  local ok, message, code = begin_call(self.node, name, args, function(_, ...)
    outcome = { ... }
  end)
  if ok then
    self.net:run_until(function()
      return outcome
    end, ANSWERED_WITHIN)
    outcome = outcome or { nil, ("no answer within %d s"):format(ANSWERED_WITHIN), "timeout" }
    ok, message, code = outcome[1], outcome[2], outcome[3]
  end
  return ok, message, code
end

local read_field = blame.shift(function(node, name)
  return node[name]
end)

function meta.__index(self, name)
  if Member[name] then
    return Member[name]
  end
  if name == "store" or name == "args" then
    return read_field(self.node, name)
  end
  return self.node[name] and forward(name)
end

-- As for a node: `store` is all that there is to set.
meta.__newindex = blame.shift(function(self, name, value)
  self.node[name] = value
end)

function meta.__tostring(self)
  return self.addr
end

local member = {}

--- `known_as` is the address in its identity, by which others know it.
---@return shoal.sim.Member
function member.new(net, number, node, known_as)
  return setmetatable({
    net = net,
    number = number,
    node = node,
    addr = node:bound(),
    known_as = known_as,
  }, meta)
end

--- Another node lives there from now on.
function member.revive(self, node, known_as)
  rawset(self, "node", node)
  rawset(self, "known_as", known_as)
end

---@return boolean
function member.is(value)
  return is_member(value)
end

--- The place of the member, or address, that the program gave to a method of the
--- network.
---@return integer
function member.place_of(net, who, method)
  local found = type(who) == "string" and net:member(who) or who
  if not member.is(found) or found.net ~= net then
    blame.misuse("net:%s: needs a member of this network, got %s", method, blame.describe(who))
  end
  return found.number - 1
end

--- The same of one that runs.
---@return integer
function member.running(net, who, method)
  local place = member.place_of(net, who, method)
  if not net.handle:is_up(place) then
    blame.misuse("net:%s: %s is not running", method, net.by_number[place + 1].addr)
  end
  return place
end

return member
