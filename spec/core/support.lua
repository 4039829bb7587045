--- An engine under test, with a clock of its own and short names for things.
--
-- A spec brings an engine to an interesting state, does one thing and looks at
-- what came out:
--
--     local e = engine("a"):knowing("b", "c suspect 3")
--     local out = e:receive { kind = "gossip", from = "b", updates = { "c alive 4" } }
--     assert.same({}, out.events)
--     assert.same({ "b alive 0", "c alive 4" }, e:members())
--
-- Identities are written as text: "b" is the first identity at the address of
-- b, "b#2" a later one that wins against it. A claim about a member is
-- "<identity> <state> <incarnation>"; the last two default to "alive 0". "b left"
-- is a departure: down, at the incarnation that no living member has.
-- Events read "member_up b", "rename b b#2", "active"; sends read "ping b".
--
-- Every action returns an Outcome and empties the engine's queue of effects.

local core = require "shoal.core"
local assert = require "luassert"

local unpack = table.unpack or unpack -- luacheck: ignore 113 143

local support = { unpack = unpack }

--- A config where every figure is easy to calculate with (all are exact in
-- binary) and nothing happens that a spec did not ask for.
support.config = {
  preset = "simple",
  probe_period = 1,
  probe_rtt = 0.25,
  num_indirect_probes = 2,
  max_transmissions = 3,
  suspect_to_down_after = 4,
  remove_down_after = 16,
  max_packet_size = 1400,
  notify_down_members = false,
  announce = false,
  announce_to_down = false,
  gossip = false,
}

-- Identities and claims as text ---------------------------------------------

local PORT = ":7946"

local function split(text)
  local name, generation = text:match("^(.-)#(%d+)$")
  return name or text, tonumber(generation) or 1
end

local function join(name, generation)
  return generation == 1 and name or ("%s#%d"):format(name, generation)
end

--- The stock identity: renewable, and the larger bump wins.
local stock = {}

function stock.id(text)
  local name, generation = split(text)
  return core.stock_identity(name .. PORT, generation)
end

function stock.text(id)
  return join(id.addr:sub(1, -#PORT - 1), id.bump)
end

function stock.addr(text)
  return (split(text)) .. PORT
end

--- A scripted identity, { name, generation }, for specs that decide themselves
-- who wins and who may come back. Without a `renew` nobody may.
local function scripted(questions)
  local scheme = {}

  function scheme.id(text)
    return { split(text) }
  end

  function scheme.text(id)
    return join(id[1], id[2])
  end

  function scheme.addr(text)
    return (split(text))
  end

  scheme.questions = {
    addr = questions.addr or function(id) return id[1] end,
    endpoint = questions.endpoint or function(id) return id[1] end,
    renew = questions.renew,
    wins = questions.wins or function(id, adversary) return id[2] > adversary[2] end,
  }
  return scheme
end

local LEFT = 65535

--- "c suspect 3" -> "c", "suspect", 3; "c suspect 3 by b": and "b"
local function parse_claim(text)
  local claim, from = text:match("^(.-) by (%S+)$")
  local id, state, incarnation = (claim or text):match("^(%S+)%s*(%a*)%s*(%d*)$")
  if not id then error("not a claim: " .. text, 2) end
  if state == "left" then return id, "down", LEFT, from end
  return id, state ~= "" and state or "alive", tonumber(incarnation) or 0, from
end

local function claim_text(scheme, member)
  if member.state == "down" and member.incarnation == LEFT then
    return scheme.text(member.id) .. " left"
  end
  return ("%s %s %d"):format(scheme.text(member.id), member.state, member.incarnation)
end

-- Packets ---------------------------------------------------------------------

local function u16(n)
  return string.char(math.floor(n / 256), n % 256)
end
support.u16 = u16

local function read_u16(bytes, at)
  local high, low = bytes:byte(at, at + 1)
  assert(low, "a packet ends inside a count")
  return high * 256 + low, at + 2
end

-- What follows the header of a kind (all others: updates, then items).
local BARE = { announce = true, turn_undead = true, refused = true }
local ITEMS_ONLY = { broadcast = true }

local function decode_updates(scheme, bytes, at)
  local updates, by, count = {}, {}
  if at > #bytes then return updates, at, by end -- a count of nothing is left out
  count, at = read_u16(bytes, at)
  for i = 1, count do
    local member, used = core.codec.decode_member(bytes:sub(at))
    assert(member, used)
    updates[i] = claim_text(scheme, member)
    by[i] = member.from and scheme.text(member.from) or false
    at = at + used
  end
  return updates, at, by
end

local function decode_items(bytes, at)
  local items = {}
  while at <= #bytes do
    local size
    size, at = read_u16(bytes, at)
    size = size % 0x8000 -- with the highest bit it is a record
    assert(size > 0 and at + size - 1 <= #bytes, "an item reaches past its packet")
    items[#items + 1] = bytes:sub(at, at + size - 1)
    at = at + size
  end
  return items
end

--- Takes a packet apart; raises when it is not exactly one packet.
local function decode(scheme, codec, bytes)
  local header, used = codec.decode_header(bytes)
  assert(header, used)
  local packet = {
    kind = header.kind,
    number = header.number,
    from = scheme.text(header.src),
    incarnation = header.src_incarnation,
    dst_hash = header.dst_hash,
    peer = header.peer and scheme.text(header.peer),
    wants_nack = header.wants_nack or false,
    digest = header.digest,
    cookie = header.cookie,
    echo = header.echo,
    updates = {},
    items = {},
    header_size = used,
    size = #bytes,
    bytes = bytes,
  }
  local at = used + 1
  if BARE[packet.kind] then
    assert(at == #bytes + 1, packet.kind .. " carries something")
    return packet
  end
  if not ITEMS_ONLY[packet.kind] then
    packet.updates, at, packet.by = decode_updates(scheme, bytes, at)
  end
  packet.items = decode_items(bytes, at)
  return packet
end

-- What came out of an action ----------------------------------------------------

---@class Outcome
---@field ok boolean|nil     what the engine returned
---@field message string?
---@field code string?
---@field events string[]    "member_up b", in order
---@field sends string[]     "ping b", in order
---@field packets table[]    the sends, taken apart; `at` is when
---@field log string[]       events and sends in one order
local Outcome = {}
Outcome.__index = Outcome

local function new_outcome()
  return setmetatable({ events = {}, sends = {}, packets = {}, log = {}, times = {} }, Outcome)
end

--- The packets of one kind (or all).
function Outcome:sent(kind)
  local found = {}
  for _, packet in ipairs(self.packets) do
    if not kind or packet.kind == kind then found[#found + 1] = packet end
  end
  return found
end

--- The one packet of a kind; more or fewer is a failure.
function Outcome:the(kind)
  local found = self:sent(kind)
  assert(#found == 1, ("%d packets of kind %s"):format(#found, kind))
  return found[1]
end

--- Who got packets of a kind, sorted.
function Outcome:targets(kind)
  local names = {}
  for _, packet in ipairs(self:sent(kind)) do names[#names + 1] = packet.to end
  table.sort(names)
  return names
end

--- When the first event with that text came (nil: it did not).
function Outcome:time_of(event)
  return self.times[event]
end

--- How often an event with that text came.
function Outcome:count(event)
  local count = 0
  for _, text in ipairs(self.events) do
    if text == event then count = count + 1 end
  end
  return count
end

-- The engine ------------------------------------------------------------------------

---@class EngineUnderTest
---@field core table  the engine itself
---@field now number
local Engine = {}
Engine.__index = Engine

local function event_text(scheme, name, a, b, c, d)
  if name == "rename" then
    return ("rename %s %s"):format(scheme.text(a.id), scheme.text(b.id))
  elseif name == "item_dropped" then
    return "item_dropped " .. a.reason
  elseif name == "published" then
    return ("published %s %s %d %s"):format(a, scheme.text(c.id), d, tostring(b))
  elseif name == "missed" then
    return ("missed %s %s %d-%s"):format(a, scheme.text(b.id), c, d or "?")
  elseif name == "message" then
    return ("message %s %s"):format(scheme.text(b.id), tostring(a))
  elseif name == "message_acknowledged" or name == "message_failed" then
    return ("%s %s %d%s"):format(name, scheme.text(a.id), b, c and " " .. c or "")
  end
  return a and ("%s %s"):format(name, scheme.text(a.id)) or name
end

--- A codec whose headers have the whole identity of the receiver: the default one, and in
-- front of each header whom it is for.
support.whole = { encode_member = core.codec.encode_member, decode_member = core.codec.decode_member }

function support.whole.encode_header(header)
  local dst, bytes = core.pack(header.dst), core.codec.encode_header(header)
  return bytes and u16(#dst) .. dst .. bytes
end

function support.whole.decode_header(bytes)
  local size, at = read_u16(bytes, 1)
  local header, used = core.codec.decode_header(bytes:sub(at + size))
  if not header then return nil, used end
  header.dst = core.unpack(bytes:sub(at, at + size - 1))
  return header, used + 2 + size
end

local function merge(into, from)
  for key, value in pairs(from or {}) do into[key] = value end
  return into
end

--- options.config: fields over support.config. options.identity: questions of a
-- scripted identity. options.broadcast, options.codec: handlers. options.seed,
-- options.diagnostics: as core.new takes them.
---@return EngineUnderTest
function support.engine(name, options)
  options = options or {}
  local scheme = options.identity and scripted(options.identity) or stock
  local self = setmetatable({ scheme = scheme, now = options.now or 1000 }, Engine)
  self.codec = options.codec == support.whole and support.whole or core.codec
  self.core = assert(core.new {
    identity = scheme.id(name),
    config = merge(merge({}, support.config), options.config),
    seed = options.seed or 1,
    diagnostics = options.diagnostics,
    handlers = {
      identity = scheme.questions,
      broadcast = options.broadcast,
      codec = options.codec,
    },
  })
  return self
end

--- An engine whose verdicts can be refuted, as in `lan`; support.engine's are
-- final, as in `simple`.
function support.healing(name, options)
  options = merge({}, options)
  options.config = merge({ notify_down_members = true }, options.config)
  return support.engine(name, options)
end

--- One that tells the down, but speaks the codec of another system: its verdicts
-- are final, and whoever they are about comes back as somebody else.
function support.foreign(name, options)
  return support.healing(name, merge({ codec = {
    encode_header = core.codec.encode_header,
    decode_header = core.codec.decode_header,
    encode_member = core.codec.encode_member,
    decode_member = core.codec.decode_member,
  } }, options))
end

--- An engine that cannot come back by itself once it was declared down.
function support.mortal(name, options)
  return support.engine(name, merge({ identity = {} }, options))
end

--- What a header of the default codec has of the one that it is for.
local function dst_hash(scheme, kind, to)
  if kind == "announce" then return core.hash_address(scheme.addr(to)) end
  return core.hash_identity(scheme.id(to))
end

local function record(self, outcome, text)
  outcome.log[#outcome.log + 1] = text
  outcome.times[text] = outcome.times[text] or self.now
end

local function drain(self, outcome)
  for kind, a, b, c, d, e in self.core:effects() do
    if kind == "send" then
      local packet, to = decode(self.scheme, self.codec, b), self.scheme.text(a)
      packet.to = to
      assert(c == packet.kind, "a send names another message than it carries")
      assert(packet.dst_hash == dst_hash(self.scheme, packet.kind, to),
        "a packet goes to somebody it is not addressed to")
      assert(packet.size <= self.core:config().max_packet_size, "a packet is too large")
      packet.at = self.now
      outcome.packets[#outcome.packets + 1] = packet
      outcome.sends[#outcome.sends + 1] = packet.kind .. " " .. to
      record(self, outcome, packet.kind .. " " .. to)
    else
      local text = event_text(self.scheme, a, b, c, d, e)
      outcome.events[#outcome.events + 1] = text
      record(self, outcome, text)
    end
  end
end

--- Calls an entry point at the present time, whatever it answers.
---@return Outcome
function Engine:call(method, ...)
  local outcome = new_outcome()
  outcome.ok, outcome.message, outcome.code = self.core[method](self.core, self.now, ...)
  drain(self, outcome)
  return outcome
end

local function must(self, method, ...)
  local outcome = self:call(method, ...)
  if outcome.ok == nil then
    error(("%s: %s (%s)"):format(method, outcome.message, outcome.code), 3)
  end
  return outcome
end

--- Everything that a refused input must leave as it was.
function Engine:snapshot()
  return {
    identity = self:whoami(),
    self = self.core:self().incarnation,
    connection = self.core:connection(),
    members = self:state(),
    backlog = self.core:backlog(),
    deadline = self.core:deadline(),
    config = self.core:config(),
  }
end

--- Calls an entry point that must be refused with `code` and change nothing.
---@return string message
function Engine:refuses(code, method, ...)
  local before = self:snapshot()
  local outcome = self:call(method, ...)
  assert.is_nil(outcome.ok)
  assert.equal(code, outcome.code)
  assert.is_string(outcome.message)
  assert.same({}, outcome.log)
  assert.same(before, self:snapshot())
  return outcome.message
end

--- Hears a packet that must be ignored: no error, and nothing changes.
function Engine:ignores(fields)
  local before = self:snapshot()
  local outcome = self:receive(fields)
  assert.same({}, outcome.log)
  assert.same(before, self:snapshot())
end

-- Inputs

function Engine:id(text) return self.scheme.id(text) end
function Engine:whoami() return self.scheme.text(self.core:identity()) end

--- Claims as `apply` wants them.
function Engine:claims(texts)
  local claims = {}
  for i, text in ipairs(texts) do
    local id, state, incarnation, from = parse_claim(text)
    claims[i] = {
      id = self.scheme.id(id), state = state, incarnation = incarnation, from = from and self.scheme.id(from),
    }
  end
  return claims
end

--- Knows these members from before: no effect and no backlog is left of it.
function Engine:knowing(...)
  self:apply({ ... })
  return self
end

--- The bytes of a packet. Fields: kind, from, to (default: us), incarnation,
-- number, peer, wants_nack, digest, cookie, echo, updates (claims), items, tail (bytes that do not
-- belong there).
function Engine:packet(fields)
  local kind = fields.kind
  local indirect = kind == "ping_req" or kind:match("^indirect") or kind == "forwarded_ack" or kind == "nack"
  local numbered = indirect or kind == "ping" or kind == "ack"
  local to = fields.to or self:whoami()
  local parts = {
    assert(self.codec.encode_header {
      kind = kind,
      src = self.scheme.id(fields.from),
      src_incarnation = fields.incarnation or 0,
      dst = self.scheme.id(to),
      dst_hash = dst_hash(self.scheme, kind, to),
      number = numbered and (fields.number or 0) or nil,
      peer = indirect and self.scheme.id(fields.peer) or nil,
      wants_nack = fields.wants_nack,
      digest = fields.digest,
      cookie = fields.cookie,
      echo = fields.echo,
    }),
  }
  if not BARE[kind] and not ITEMS_ONLY[kind] then
    local updates = self:claims(fields.updates or {})
    parts[#parts + 1] = u16(fields.count or #updates)
    for _, update in ipairs(updates) do
      parts[#parts + 1] = assert(core.codec.encode_member(update))
    end
  end
  for _, item in ipairs(fields.items or {}) do
    parts[#parts + 1] = u16(#item) .. item
  end
  parts[#parts + 1] = fields.tail
  return table.concat(parts)
end

--- Hears a packet (fields as above, or bytes) that must not be an error.
function Engine:receive(fields)
  return must(self, "receive", type(fields) == "table" and self:packet(fields) or fields)
end

function Engine:tick() return must(self, "tick") end
function Engine:gossip() return must(self, "gossip") end
function Engine:broadcast() return must(self, "broadcast") end
function Engine:leave() return must(self, "leave") end
function Engine:add(data) return must(self, "add_broadcast", data) end
function Engine:announce(to) return must(self, "announce", self.scheme.id(to)) end
function Engine:become(text) return must(self, "change_identity", self.scheme.id(text)) end
function Engine:leave_to(to) return must(self, "leave_to", self.scheme.id(to)) end
function Engine:forget(text) return must(self, "forget", self.scheme.addr(text)) end
function Engine:reuse() return must(self, "reuse_down_identity") end
function Engine:configure(fields) return must(self, "set_config", fields) end

function Engine:apply(texts, options)
  return must(self, "apply", self:claims(texts), options or {})
end

-- Time

--- Hears what `respond` answers to the packets in `outcome` from `first` on.
local function hear_answers(self, outcome, first, respond)
  local last = respond and #outcome.packets or 0
  for i = first, last do
    local answer = respond(outcome.packets[i])
    if answer then
      assert(self.core:receive(self.now, self:packet(answer)))
      drain(self, outcome)
    end
  end
end

--- Lets time pass, ticking at each deadline on the way. `respond(packet)` is
-- asked about every packet sent and may answer with the fields of a packet that
-- is then heard at once.
---@return Outcome of all of it
function Engine:advance(seconds, respond)
  local outcome, stop = new_outcome(), self.now + seconds
  for _ = 1, 100000 do
    local deadline = self.core:deadline()
    if not deadline or deadline > stop then
      self.now = stop
      return outcome
    end
    self.now = math.max(self.now, deadline)
    assert(self.core:tick(self.now))
    local first = #outcome.packets + 1
    drain(self, outcome)
    hear_answers(self, outcome, first, respond)
  end
  error("the deadline does not move")
end

--- A world where everyone acks pings but those named.
local function acks(self, silent)
  local is_silent = {}
  for _, name in ipairs(silent or {}) do is_silent[name] = true end
  return function(packet)
    if packet.kind ~= "ping" or is_silent[packet.to] then return nil end
    return {
      kind = "ack",
      from = packet.to,
      incarnation = self:member(packet.to).incarnation,
      number = packet.number,
    }
  end
end

--- As advance, while everyone acks pings but those named.
function Engine:live(seconds, silent)
  return self:advance(seconds, acks(self, silent))
end

--- Stalls: no tick comes meanwhile. Then one does, and everyone acks its pings
-- but those named.
function Engine:stall(seconds, silent)
  self.now = self.now + seconds
  local outcome = self:tick()
  hear_answers(self, outcome, 1, acks(self, silent))
  return outcome
end

--- Advances to the next ping and returns it (and the outcome so far).
function Engine:next_ping()
  for _ = 1, 1000 do
    local deadline = assert(self.core:deadline(), "nothing will be probed")
    local outcome = self:advance(math.max(deadline - self.now, 0))
    local pings = outcome:sent("ping")
    if pings[1] then return pings[1], outcome end
  end
  error("nothing is probed")
end

-- Queries

function Engine:member(text) return self.core:member(self.scheme.addr(text)) end

--- "alive", "suspect", "down", or nil when that identity is not known.
function Engine:state_of(text)
  local member = self:member(text)
  if member and self.scheme.text(member.id) == text then return member.state end
  return nil
end

--- Why it is down: "failed", "left", "replaced"; nil while it is active.
function Engine:reason_of(text) return self:member(text).reason end

local function claim_texts(self, members)
  local texts = {}
  for i, member in ipairs(members) do texts[i] = claim_text(self.scheme, member) end
  table.sort(texts)
  return texts
end

--- The active members as claims, sorted.
function Engine:members(filter) return claim_texts(self, self.core:members(filter)) end
--- All that is known, down ones included.
function Engine:state() return claim_texts(self, self.core:state()) end
function Engine:backlog() return self.core:backlog().updates end
function Engine:waiting_items() return self.core:backlog().broadcasts end
function Engine:dropped(reason) return self.core:stats().dropped[reason] or 0 end
function Engine:incarnation() return self.core:self().incarnation end

--- Gossips until nothing waits; returns each update with how often it went out.
function Engine:exhaust()
  local counts = {}
  for _ = 1, 1000 do
    if self:backlog() == 0 then return counts end
    for _, packet in ipairs(self:gossip().packets) do
      for _, update in ipairs(packet.updates) do
        counts[update] = (counts[update] or 0) + 1
      end
    end
  end
  error("the backlog does not get empty")
end

-- Small helpers ---------------------------------------------------------------------

--- "n1" .. "n20"
function support.names(count, prefix)
  local names = {}
  for i = 1, count do names[i] = (prefix or "n") .. i end
  return names
end

function support.sorted(list)
  local copy = { unpack(list) }
  table.sort(copy)
  return copy
end

function support.contains(list, wanted)
  for _, value in ipairs(list) do
    if value == wanted then return true end
  end
  return false
end

function support.distinct(list)
  local seen = {}
  for _, value in ipairs(list) do
    if seen[value] then return false end
    seen[value] = true
  end
  return true
end

--- The different ones, sorted.
function support.set(list)
  local seen, values = {}, {}
  for _, value in ipairs(list) do
    if not seen[value] then values[#values + 1] = value end
    seen[value] = true
  end
  table.sort(values)
  return values
end

--- A broadcast handler whose items replace those with the same first letter
-- (`keep` says which are news; default: all), and what it was handed so far.
function support.collector(fields, keep)
  local collector = { received = {}, senders = {} }
  collector.handler = merge({
    receive = function(_, data, sender)
      collector.received[#collector.received + 1] = data
      collector.senders[#collector.received] = sender or false
      if keep == nil or keep(data) then return data:sub(1, 1) end
      return nil
    end,
  }, fields)
  return collector
end

--- The chi-square statistic of counts that should all be `expected`.
function support.chi_square(counts, expected)
  local sum = 0
  for _, count in pairs(counts) do sum = sum + (count - expected) ^ 2 / expected end
  return sum
end

return support
