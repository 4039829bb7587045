--- An engine of shoal.core, its handlers and its codec in Lua.

local core = require "shoal.core"
local walk = require "walk"

local function id(name, generation)
  return { n = name, g = generation or 0, meta = { x = { 1, 2 } } }
end

local handlers = {
  identity = {
    addr = function(it) return { it.n } end,
    endpoint = function(it) return it.n .. ":1" end,
    renew = function(it) return { n = it.n, g = it.g + 1, meta = { x = { 1, 2 } } } end,
    wins = function(it, other) return it.g > other.g end,
  },
  broadcast = {
    receive = function(_, data) return { k = data } end,
    invalidates = function(a, b) return a.k == b.k end,
    wanted_by = function(_, member) return member.addr ~= nil end,
  },
  codec = {
    encode_header = core.codec.encode_header, decode_header = core.codec.decode_header,
    encode_member = core.codec.encode_member, decode_member = core.codec.decode_member,
  },
}

local function packet(kind, from, updates, items, to)
  local parts = { assert(core.codec.encode_header { kind = kind, number = 1, src = from, dst = to or id "a" }) }
  if updates then
    parts[#parts + 1] = string.char(0, #updates)
    for _, about in ipairs(updates) do
      parts[#parts + 1] = assert(core.codec.encode_member { id = about, incarnation = 0, state = "alive" })
    end
  end
  for _, item in ipairs(items or {}) do
    parts[#parts + 1] = string.char(0, #item) .. item
  end
  return table.concat(parts)
end

local gossip = packet("gossip", id "b", { id "c", id "d", id("c", 2) }, { "one", "two" })
local ping = packet("ping", id "c", { id("b", 5) }, { "one" })
local turn_undead = packet("turn_undead", id "b")
local overheard = packet("ping", id "b", {}, {}, id("a", 70))
local contested = packet("gossip", id "b", { id("a", 90) })

local message = packet("exchange", id "b", {}, { "\10\0\0\0\1\0\0\0\1\0\161x" })

local function crowd(first, last)
  local claims = {}
  for i = first, last do claims[#claims + 1] = { id = id("x" .. i), state = i % 3 == 0 and "down" or "alive" } end
  return claims
end

--- Verdicts that can be refuted, and a table with room for few; in the codec of our own.
local function healing()
  local engine = assert(core.new {
    identity = id "a", seed = 1, diagnostics = true,
    config = { preset = "simple", notify_down_members = true, max_members = 12 },
    handlers = { identity = handlers.identity, broadcast = handlers.broadcast },
  })
  assert(engine:receive(1, gossip))
  return engine
end

local function fresh()
  local engine = assert(core.new {
    identity = id "a", seed = 1, config = "simple", handlers = handlers, diagnostics = true,
  })
  assert(engine:receive(1, gossip))
  return engine
end

local scenarios = {
  construction = function()
    local engine = assert(core.new {
      identity = id "a", seed = 1, handlers = handlers, diagnostics = { "suspect" },
      config = { preset = "lan", gossip = { every = 1, members = 2 } },
    })
    engine:close()
  end,
  packets = function(engine) assert(engine:receive(1, gossip)) assert(engine:receive(1, ping)) end,
  renewal = function(engine) assert(engine:receive(1, turn_undead)) end,
  effects = function(engine)
    engine:receive(1, ping)
    for _ in engine:effects() do end
  end,
  sends_and_events = function(engine)
    for _ in engine:sends() do end
    for _ in engine:events() do end
  end,
  queries = function(engine)
    assert(engine:members { where = function(member) return member.id end })
    engine:state() engine:self() engine:identity() engine:member { "b" } engine:stats()
  end,
  time = function(engine) for now = 2, 12 do assert(engine:tick(now)) end end,
  claims = function(engine)
    assert(engine:apply(1, { { id = id "x" }, { id = id "y", state = "down" } }, { broadcast = true }))
  end,
  broadcasts = function(engine) assert(engine:add_broadcast(1, "data")) assert(engine:broadcast(1)) end,
  leaving = function(engine) assert(engine:leave(1)) assert(engine:change_identity(1, id("a", 7))) end,
  moving = function(engine)
    assert(engine:change_identity(1, id "m"))
    assert(engine:receive(1, contested))
    assert(engine:apply(1, { { id = id "a", state = "alive", incarnation = 3 } }))
  end,
  taking_back = function()
    local engine = healing()
    assert(engine:receive(1, overheard))
    assert(engine:receive(3, contested))
    engine:close()
  end,
  returning = function()
    local engine = healing()
    assert(engine:apply(1, { { id = id "c", state = "down" }, { id = id "a", state = "down", incarnation = 4 } }))
    assert(engine:receive(1, ping))
    assert(engine:receive(1, turn_undead))
    assert(engine:receive(1, turn_undead))
    engine:close()
  end,
  crowding = function()
    local engine = healing()
    assert(engine:apply(1, crowd(1, 8), { broadcast = true }))
    engine:apply(1, crowd(9, 30))
    assert(engine:num_known() <= 12)
    engine:close()
  end,
  messages = function()
    local engine = healing()
    assert(engine:send_to(1, { "b" }, { text = ("x"):rep(100) }, 1))
    assert(engine:send_to(1, { "a" }, "to ourselves", 2))
    assert(engine:receive(1, message))
    assert(engine:apply(1, { { id = id "b", state = "down" } }))
    assert(engine:tick(2))
    local told = {}
    for _, name in engine:effects() do told[name] = true end
    assert(told.message and told.message_failed)
    engine:close()
  end,
  handlers = function(engine) assert(engine:set_handlers(handlers)) assert(engine:receive(1, ping)) end,
  config = function(engine) assert(engine:set_config(1, engine:config())) assert(tostring(engine)) end,
  values = function()
    local value = { a = { b = { 1, 2, { c = ("x"):rep(1000) } } }, [1] = 2, [true] = 1 }
    assert(core.unpack(assert(core.pack(value))))
  end,
}

local function in_order(engine)
  for _ in engine:effects() do end
  assert(engine:tick(30))
  assert(engine:receive(31, gossip))
  assert(engine:close())
end

walk.all(scenarios, { before = fresh, after = in_order })
