-- SPDX-License-Identifier: MIT
-- Who is in a simulated network: how members are started, and started again.
local Member = require "shoal.sim.member"
local blame = require "shoal.blame"

---@class shoal.sim.Net
local Net = {}

local function first_up(net, except)
  for _, member in ipairs(net.list) do
    if member ~= except and member:is_up() then
      return member
    end
  end
  return nil
end

-- The options of shoal.start for one member of a network.
local function start_options(options, number, size)
  local given = type(options) == "function" and options(number) or options or {}
  if type(given) ~= "table" then
    blame.misuse("net:spawn: needs a table of options, or a function that returns one, got %s",
      blame.describe(given))
  end
  local all = { log = false }
  for name, value in pairs(given) do
    all[name] = value
  end
  if all.advertise ~= nil then
    blame.misuse("net:spawn: a simulated member has one address: give it with 'bind'")
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

-- A member is a place: whoever is started where one was is that one again.
local function settle(net, place, node, known_as)
  local number = place + 1
  local member = net.by_number[number]
  if member then
    Member.revive(member, node, known_as)
    return member
  end
  member = Member.new(net, number, node, known_as)
  net.by_number[number] = member
  net.list[#net.list + 1] = member
  return member
end

local function start(net, options, except)
  local who = { member = except }
  choose_seed(net, options, except)
  note_errors(net, options, who)
  local node, place, known_as = net.handle:spawn(options)
  if not node then
    return nil, place, known_as
  end
  who.member = settle(net, place, node, known_as)
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
  elseif not (count >= 1 and count < 2 ^ 32) or count % 1 ~= 0 then
    blame.misuse("net:spawn: the count must be a whole number, 1 or more, got %s", tostring(count))
  end
  local size = count_up(self) + (count or 1)
  local members = {}
  for i = 1, count or 1 do
    local member, message, code = start(self, start_options(options, i, size))
    if not member then
      return nil, message, code
    end
    self.origins[member] = function()
      return start_options(options, i, size)
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
  if which ~= nil and which ~= "all" then
    blame.misuse("net:members: the argument must be \"all\", got %s", blame.describe(which))
  end
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
  if type(addr) ~= "string" then
    blame.misuse("net:member: needs an address, got %s", blame.describe(addr))
  end
  for _, member in ipairs(self.list) do
    if member.addr == addr then
      return member
    end
  end
  return nil
end

--- Starts it again, at its address and with the options that it was spawned with,
--- or with others; it crashes first if it runs. Its store is empty, it knows
--- nobody, and joins whoever runs.
---@param member shoal.sim.Member
---@param options? shoal.StartOptions
---@return shoal.sim.Member?, string? message, string? code
function Net:restart(member, options)
  local place = Member.place_of(self, member, "restart")
  if member:is_up() and not self.handle:crash(place, true) then
    blame.misuse("net:restart: must not be called from a handler of that member")
  end
  local all = options and start_options(options, 1, count_up(self) + 1) or self.origins[member]()
  all.bind = member.addr
  return start(self, all, member)
end

return Net
