--- A cluster of engines in virtual time, for specs that tell a story:
--
--   local net = cluster.new { config = "lan", loss = 0.1 }
--   local a, b, c = net:spawn("a", "b", "c")
--   net:join_all(a)
--   net:run_until(net.converged, 10)
--   net:crash(c)
--   net:run_until(function() return a:sees(c) == "down" end, 10)
--   assert.equal(1, a:heard("member_down", c))
--
-- Nothing here reads a clock or math.random: a seed gives the same story again.
--
-- The network
--   cluster.new{ seed=, latency=seconds|{least,most}, loss=0..1, config=, core=options for all }
--   net:spawn(name, ...)           members with these names as addresses; names, or option tables of
--                                  core.new with a `name` (`core.new`'s identity= wins over the name)
--   net:join_all(member)           everybody else announces to it
--   net:step()                     the next thing that happens: packets of one moment, or one tick
--   net:run(seconds)               everything that happens in that time
--   net:run_until(condition, s)    until condition(net) holds; raises with a picture when it does not in s
--   net:converged()                does every running member see exactly the others, alive?
--   net:drop(filter)               loses packets for which filter(packet) holds; returns a function that
--                                  takes it back. A packet is { at=, from=member, to=member or nil,
--                                  message=, bytes=, id=identity addressed, endpoint= }
--   net:partition(group, ...)      members hear only their own group (those in none: nobody); net:heal()
--   net:crash(m)                   gone, with all that is on its way to it
--   net:pause(m), net:resume(m)    as SIGSTOP: packets wait, time passes; then all at once
--   net.now, net.trace, net.loss   the clock; every packet that was sent; may be changed at any time
--
-- A member
--   m.engine, m.name, m.addr       the engine itself; its name; the address it goes by
--   m:identity()
--   m:announce(other)  m:leave()  m:gossip()  m:broadcast()  m:add_broadcast(data)  m:apply(states, options)
--   m:change_identity(id)  m:reuse_down_identity()  m:set_config(t)
--                                  the engine's entry points at net.now, effects taken out and delivered;
--                                  they answer what the engine answers
--   m:sees(other)                  "alive", "suspect", "down" or nil
--   m:heard(event[, about])        how often it was told (about: a member or an address)
--   m.events                       { { at=, event=, a=, b= }, ... }
--   m.sent                         the packets it sent
--   m.errors                       { { at=, code=, message=, packet= }, ... } of receive and tick
--   m:forget()                     empties the three lists

local core = require "shoal.core"
local unpack = table.unpack or unpack -- luacheck: std max

local Net, Member = {}, {}
Net.__index, Member.__index = Net, Member

local cluster = {}

-- Engines may ask to be ticked again at the same moment, but not for ever.
local MAX_TICKS_AT_ONE_MOMENT = 1000

--- Lehmer's generator: enough for delays and losses, the same everywhere.
local function generator(seed)
  local state = seed % 2147483646 + 1
  return function()
    state = state * 16807 % 2147483647
    return state / 2147483647
  end
end

function cluster.new(options)
  options = options or {}
  local latency = options.latency or 0.001
  if type(latency) == "number" then
    latency = { latency, latency }
  end
  return setmetatable({
    now = 0,
    trace = {},
    members = {},   -- in the order of their birth
    by_addr = {},   -- who gets what is sent to an address
    flying = {},    -- packets on their way, the next one last
    filters = {},
    groups = nil,   -- member -> number of its side, while partitioned
    random = generator(options.seed or 1),
    seed = options.seed or 1,
    latency = latency,
    loss = options.loss or 0,
    config = options.config or "lan",
    core = options.core or {},
    sequence = 0,
  }, Net)
end

-- ---- Members ----------------------------------------------------------------

local function spawn(net, options)
  local all = { seed = net.seed * 1000 + #net.members, config = net.config }
  for _, source in ipairs { net.core, options } do
    for key, value in pairs(source) do
      all[key] = value
    end
  end
  all.name = nil
  all.identity = all.identity or core.stock_identity(options.name, 0)
  local engine = assert(core.new(all))
  local addr = engine:self().addr
  local member = setmetatable({
    net = net,
    engine = engine,
    name = options.name or tostring(addr),
    addr = addr,
    running = true,
    events = {},
    sent = {},
    errors = {},
  }, Member)
  net.members[#net.members + 1] = member
  net.by_addr[addr] = member
  return member
end

function Net:spawn(...)
  local spawned = {}
  for i, what in ipairs { ... } do
    spawned[i] = spawn(self, type(what) == "table" and what or { name = what })
  end
  return unpack(spawned)
end

function Net:join_all(seed)
  for _, member in ipairs(self.members) do
    if member ~= seed and member.running then
      assert(member:announce(seed))
    end
  end
end

function Member:identity()
  return self.engine:identity()
end

function Member:sees(other)
  local known = self.engine:member(type(other) == "table" and other.addr or other)
  return known and known.state
end

local function is_about(event, addr)
  local subject = event.b or event.a
  return type(subject) == "table" and subject.addr == addr
end

function Member:heard(name, about)
  local addr = type(about) == "table" and about.addr or about
  local count = 0
  for _, event in ipairs(self.events) do
    if event.event == name and (addr == nil or is_about(event, addr)) then
      count = count + 1
    end
  end
  return count
end

function Member:forget()
  self.events, self.sent, self.errors = {}, {}, {}
end

-- ---- The engines' effects become packets ------------------------------------

local function insert_by_time(flying, packet)
  local i = #flying
  while i > 0 and (flying[i].due < packet.due
      or flying[i].due == packet.due and flying[i].sequence < packet.sequence) do
    i = i - 1
  end
  table.insert(flying, i + 1, packet)
end

local function is_lost(net, packet)
  if not packet.to or not packet.to.running then
    return true
  end
  local groups = net.groups
  if groups and (not groups[packet.from] or groups[packet.from] ~= groups[packet.to]) then
    return true
  end
  for filter in pairs(net.filters) do
    if filter(packet) then
      return true
    end
  end
  return net.loss > 0 and net.random() < net.loss
end

local function send(net, from, id, bytes, message, endpoint)
  local packet = {
    at = net.now, from = from, to = net.by_addr[endpoint],
    id = id, endpoint = endpoint, message = message, bytes = bytes,
  }
  net.trace[#net.trace + 1] = packet
  from.sent[#from.sent + 1] = packet
  if is_lost(net, packet) then
    packet.lost = true
    return
  end
  local least, most = net.latency[1], net.latency[2]
  net.sequence = net.sequence + 1
  packet.sequence = net.sequence
  packet.due = net.now + least + (most > least and net.random() * (most - least) or 0)
  insert_by_time(net.flying, packet)
end

local function drain(member)
  local net = member.net
  for kind, w, x, y, z in member.engine:effects() do
    if kind == "send" then
      send(net, member, w, x, y, z)
    else
      member.events[#member.events + 1] = { at = net.now, event = w, a = x, b = y }
    end
  end
end

local function note_error(member, ok, message, code, packet)
  if not ok then
    local errors = member.errors
    errors[#errors + 1] = { at = member.net.now, code = code, message = message, packet = packet }
  end
end

for _, verb in ipairs {
  "gossip", "broadcast", "leave", "change_identity", "reuse_down_identity", "set_config",
  "add_broadcast", "apply",
} do
  Member[verb] = function(self, ...)
    local ok, message, code = self.engine[verb](self.engine, self.net.now, ...)
    drain(self)
    return ok, message, code
  end
end

function Member:announce(other)
  local to = getmetatable(other) == Member and other:identity() or other
  local ok, message, code = self.engine:announce(self.net.now, to)
  drain(self)
  return ok, message, code
end

local function receive(member, packet)
  note_error(member, member.engine:receive(member.net.now, packet.bytes))
  drain(member)
end

-- ---- Time -------------------------------------------------------------------

local function next_tick(net)
  local due, who
  for _, member in ipairs(net.members) do
    local deadline = member.running and not member.paused and member.engine:deadline()
    if deadline and (not due or deadline < due) then
      due, who = deadline, member
    end
  end
  return due, who
end

local function next_moment(net)
  local packet = net.flying[#net.flying]
  local due, who = next_tick(net)
  if packet and (not due or packet.due <= due) then
    return packet.due, packet, nil
  end
  return due, nil, who
end

local function tick(net, member)
  if member.ticked_at == net.now then
    member.ticks = member.ticks + 1
    assert(member.ticks < MAX_TICKS_AT_ONE_MOMENT, member.name .. " wants to be ticked for ever")
  else
    member.ticked_at, member.ticks = net.now, 1
  end
  note_error(member, member.engine:tick(net.now))
  drain(member)
end

local function deliver(net)
  local packet = table.remove(net.flying)
  local member = packet.to
  if member.paused then
    member.waiting[#member.waiting + 1] = packet
  elseif member.running then
    receive(member, packet)
  end
end

--- Does the next thing, if it is due until `limit`. false: there was none.
function Net:step(limit)
  local at, packet, member = next_moment(self)
  if not at or limit and at > limit then
    return false
  end
  self.now = math.max(self.now, at)
  if packet then
    deliver(self)
  else
    tick(self, member)
  end
  return true
end

function Net:run(seconds)
  local limit = self.now + seconds
  while self:step(limit) do end
  self.now = limit
end

function Net:run_until(condition, seconds)
  local limit = self.now + seconds
  while not condition(self) do
    if not self:step(limit) then
      self.now = limit
      if condition(self) then
        return true
      end
      error(("not so after %g s:\n%s"):format(seconds, self:picture()), 2)
    end
  end
  return true
end

-- ---- What can happen to a network -------------------------------------------

function Net:drop(filter)
  self.filters[filter] = true
  return function()
    self.filters[filter] = nil
  end
end

function Net:partition(...)
  self.groups = {}
  for number, group in ipairs { ... } do
    for _, member in ipairs(group) do
      self.groups[member] = number
    end
  end
end

function Net:heal()
  self.groups = nil
  self.filters = {}
end

function Net:crash(member)
  member.running = false
  if self.by_addr[member.addr] == member then
    self.by_addr[member.addr] = nil
  end
end

function Net.pause(_, member)
  assert(member.running and not member.paused)
  member.paused, member.waiting = true, {}
end

function Net.resume(_, member)
  local waiting = member.waiting
  member.paused, member.waiting = nil, nil
  for _, packet in ipairs(waiting) do
    receive(member, packet)
  end
end

-- ---- What everybody sees ----------------------------------------------------

local function running(net)
  local members = {}
  for _, member in ipairs(net.members) do
    if member.running then
      members[#members + 1] = member
    end
  end
  return members
end

function Net:converged()
  local members = running(self)
  for _, member in ipairs(members) do
    if member.engine:num_members() ~= #members - 1 then
      return false
    end
    for _, other in ipairs(members) do
      if other ~= member and member:sees(other) ~= "alive" then
        return false
      end
    end
  end
  return true
end

--- One line for each member: what it is and whom it sees.
function Net:picture()
  local lines = { ("t = %.3f"):format(self.now) }
  for _, member in ipairs(self.members) do
    local seen = {}
    for _, known in ipairs(member.engine:members { state = "all" }) do
      seen[#seen + 1] = ("%s %s/%d"):format(tostring(known.addr), known.state, known.incarnation)
    end
    table.sort(seen)
    local how = not member.running and "crashed" or member.paused and "paused"
      or member.engine:connection()
    lines[#lines + 1] = ("  %s (%s): %s"):format(member.name, how, table.concat(seen, ", "))
  end
  return table.concat(lines, "\n")
end

return cluster
