--- /events: what happens, as server-sent events.
--
-- A client first gets the state (`begin`, `members` with some members each, `ready`), then
-- what changes. Each event has an id. A client that comes back with the last one that it
-- has seen gets what it has missed, if that is still known; otherwise the state again. So
-- it misses nothing, or is told.
--
-- The past is a ring of encoded events, kept whether anybody listens or not. The cost of
-- an event is one encoding, and one write for each client; that of the state is spread over
-- turns of the loop.

local control = require("shoal.control")
local core = require("shoal.core")
local instances = require("shoal.services.instances")
local json = require("shoal.format.json")
local request = require("shoal.serve.http.request")
local turns = require("shoal.serve.turns")

local events = {}

local HEADERS = { ["Content-Type"] = "text/event-stream", ["Cache-Control"] = "no-store", ["X-Accel-Buffering"] = "no" }

local RING = 1000 -- events
local MOST = 64 -- clients
local PIECE, PIECE_BYTES = 200, 2 ^ 16 -- members and bytes in one event, about
local MOST_WAITING = 2 ^ 18 -- bytes; with another event it is less than a client may leave unread
local PAUSE = 0.01 -- seconds, while a client reads
local TICK, ALIVE = 1, 15 -- seconds: to look at what tells nobody; between comments

-- What is passed on, of what a node tells. What members publish or send is theirs.
local WANTED = {
  member_up = true, member_down = true, member_forgotten = true, rename = true, tags = true, active = true,
  idle = true, defunct = true, rejoin = true, returned = true,
}

-- Those after which other members, or other services, may be found.
local CHANGES = { member_up = true, member_down = true, member_forgotten = true, rename = true, tags = true }

---@class shoal.http.Events
---@field private on_change fun()
---@field node shoal.Node
---@field past shoal.History
---@field private base string     part of an id: another start has others
---@field private last integer    number of the last event
---@field private ring table<integer, string>
---@field private clients table<shoal.Exchange, table>
---@field private count integer
---@field private turns shoal.Turns
---@field private ticks integer
---@field private own string      what this node says of itself, packed
---@field private probing? fun()  while somebody wants to know
local Events = {}
Events.__index = Events

-- ---- Clients ----

local function id_of(self, number)
  return self.base .. "-" .. ("%.0f"):format(number)
end

local function own_member(self)
  local info = self.node:info()
  return { addr = info.addr, id = info.identity, name = info.name, cluster = info.cluster, state = info.state,
    since = info.started_at, version = info.version, tags = self.node:tags() }
end

local function begin_state(self, client)
  client.state, client.from, client.at = self.node:members({ state = "all" }), 1, self.last
  client.exchange:write(("retry: 1000\nevent: begin\ndata: %s\n\n"):format(json.encode({
    view = self.past.view, self = own_member(self), members = #client.state,
  })))
end

local function write_members(client)
  local list, parts, size, at = client.state, {}, 0, client.from
  while at <= #list and at < client.from + PIECE and size < PIECE_BYTES do
    local part = json.encode_object(list[at], json.MEMBER)
    parts[#parts + 1], size, at = part, size + #part, at + 1
  end
  client.from = at
  if parts[1] then
    client.exchange:write(("event: members\ndata: [%s]\n\n"):format(table.concat(parts, ",")))
  end
end

-- A client that is behind is written to when it has read.
local function is_behind(client)
  return client.exchange:waiting() > MOST_WAITING
end

-- What has happened, as far as it takes it; or the state, if so much is not known any more.
local function write_past(self, client)
  while client.at < self.last and not client.state and not is_behind(client) do
    local event = self.ring[client.at + 1]
    if not event then
      begin_state(self, client)
    else
      client.at = client.at + 1
      client.exchange:write(event)
    end
  end
end

local pump

-- Goes on in a later turn, of which this client has one at a time.
local function go_on(self, client, fn)
  self.turns:add(client.exchange, function()
    client.waits = nil
    fn(self, client)
  end)
  client.waits = true
end

-- ... when it has read.
local function go_on_later(self, client)
  client.waits = self.node:after(PAUSE, function()
    client.waits = nil
    turns.try(client.exchange, go_on, self, client, pump)
  end)
end

-- What it lacks: the state, piece by piece, then what has happened since.
function pump(self, client)
  if not self.clients[client.exchange] or client.waits then
    return
  end
  write_past(self, client)
  if client.state and client.from > #client.state then
    client.state = nil
    client.exchange:write(("id: %s\nevent: ready\ndata: {}\n\n"):format(id_of(self, client.at)))
    return pump(self, client)
  elseif not client.state and client.at == self.last then
    return
  elseif is_behind(client) then
    return go_on_later(self, client)
  elseif client.state then
    write_members(client)
  end
  go_on(self, client, pump)
end

local function begin(self, client)
  begin_state(self, client)
  pump(self, client)
end

-- ---- Events ----

local function add(self, name, data)
  self.last = self.last + 1
  self.ring[self.last] = ("id: %s\nevent: %s\ndata: %s\n\n"):format(id_of(self, self.last), name,
    json.encode_object(data))
  self.ring[self.last - RING] = nil
  for _, client in pairs(self.clients) do
    pump(self, client)
  end
end

-- Each service whose tag has changed: what it was, what it is.
local function add_services(self, member, changed)
  for tag, one in pairs(changed) do
    local name = instances.name_of(tag)
    if name then
      local before, after = one.before, one.after
      add(self, "service", {
        time = self.node:time(), name = name, member = member.addr,
        before = type(before) == "table" and before.state or nil, state = type(after) == "table" and after.state or nil,
      })
    end
  end
end

-- A report of control.describe(), with a finer time.
local function on_event(self, event, ...)
  if not WANTED[event] then
    return
  end
  local report = control.describe(event, ...)
  report.time, report.event = self.node:time(), nil
  add(self, event, report)
  if CHANGES[event] then
    self.on_change()
  end
  if event == "tags" then
    add_services(self, ...)
  end
end

local function differences(before, after)
  local changed = {}
  for name in pairs(after) do
    if before[name] == nil or core.pack(before[name]) ~= core.pack(after[name]) then
      changed[name] = { before = before[name], after = after[name] }
    end
  end
  for name in pairs(before) do
    if after[name] == nil then
      changed[name] = { before = before[name] }
    end
  end
  return changed
end

-- Nobody tells of our own tags.
local function look_at_own(self)
  local tags = self.node:tags()
  local packed = core.pack(tags)
  if packed == self.own then
    return
  end
  local before = core.unpack(self.own)
  self.on_change()
  add(self, "self", { time = self.node:time(), member = own_member(self) })
  add_services(self, { addr = self.node:info().addr }, differences(before, tags))
  self.own = packed -- if something failed it is told again rather than not at all
end

local function tick(self)
  look_at_own(self)
  self.ticks = self.ticks + 1
  if self.ticks % ALIVE == 0 then
    for exchange in pairs(self.clients) do
      exchange:write(":\n\n")
    end
  end
end

-- Not one of those that are kept: there are many, and to miss one is nothing.
local function tell_probe(self, data)
  for exchange, client in pairs(self.clients) do
    if client.probes and not client.state and not client.waits then
      exchange:write(("event: probe\ndata: %s\n\n"):format(data))
    end
  end
end

-- Diagnostics cost something, so they are heard only while somebody wants them.
local function hear_probes(self)
  local wanted = false
  for _, client in pairs(self.clients) do
    wanted = wanted or client.probes
  end
  if wanted and not self.probing then
    self.probing = function(_, member)
      tell_probe(self, json.encode({ time = self.node:time(), member = member.addr }))
    end
    self.node:on("probe_started", self.probing)
  elseif self.probing and not wanted then
    self.node:off("probe_started", self.probing)
    self.probing = nil
  end
end

-- ---- Coming and going ----

local function number_of(self, id)
  local base, number = (id or ""):match("^(.*)%-(%d+)$")
  number = base == self.base and tonumber(number)
  return number and number <= self.last and (number == self.last or self.ring[number + 1]) and number or nil
end

--- The route.
---@param asked shoal.http.Request
function Events:subscribe(asked)
  local exchange = asked.exchange
  if self.count >= MOST then
    return 503, "too many are listening\n", { ["Retry-After"] = "1" }
  elseif not exchange:stream(200, HEADERS) then
    return
  end
  look_at_own(self)
  local client = { exchange = exchange, probes = request.flag(asked.query, "probes") }
  self.clients[exchange], self.count = client, self.count + 1
  hear_probes(self)
  client.at = number_of(self, asked.exchange:header("last-event-id") or asked.query.last)
  if not client.at then
    return go_on(self, client, begin)
  end
  exchange:write("retry: 1000\n\n")
  pump(self, client)
end

--- Its client has gone.
function Events:drop(exchange)
  if not self.clients[exchange] then
    return
  end
  self.clients[exchange], self.count = nil, self.count - 1
  if self.node:is_closed() then
    return
  end
  hear_probes(self)
end

--- Looks whether our own tags have changed: before they are told.
function Events:look()
  look_at_own(self)
end

--- After each view of the node.
function Events:on_view()
  add(self, "view", { time = self.node:time(), view = self.past.view })
end

---@param node shoal.Node
---@param past shoal.History
---@param on_change fun()  other members, or tags
---@return shoal.http.Events
function events.new(node, past, on_change)
  local self = setmetatable({
    node = node, past = past, base = ("%.0f"):format(node:time() * 1000), last = 0, ring = {}, clients = {}, count = 0,
    ticks = 0, on_change = on_change, own = core.pack(node:tags()), turns = turns.new(node),
  }, Events)
  node:on("*", function(_, ...)
    on_event(self, ...)
  end)
  for _, name in ipairs({ "suspect", "refuted" }) do
    node:on(name, function(_, member)
      add(self, name, { time = node:time(), member = member })
    end)
  end
  node:every(TICK, function()
    tick(self)
  end)
  return self
end

return events
