local core = require "shoal.core"

local unpack = table.unpack or unpack -- luacheck: ignore 113 143

local me = core.stock_identity("a:1", 0)

local function id(addr)
  return core.stock_identity(addr, 0)
end

local function new(options)
  local all = { identity = me, seed = 1, config = "simple" }
  for key, value in pairs(options or {}) do
    all[key] = value
  end
  return assert(core.new(all))
end

local function packet(kind, from, updates, to)
  local bytes = { assert(core.codec.encode_header { kind = kind, number = 1, src = id(from), dst = to or me }) }
  if updates then
    bytes[2] = string.char(0, #updates)
    for _, update in ipairs(updates) do
      bytes[#bytes + 1] = assert(core.codec.encode_member { id = id(update), incarnation = 0, state = "alive" })
    end
  end
  return table.concat(bytes)
end

local function collected(loop, engine, ...)
  local list = {}
  for a, b, c, d, e in loop(engine, ...) do
    list[#list + 1] = { a, b, c, d, e }
  end
  return list
end

local function names(events)
  local list = {}
  for i, event in ipairs(events) do
    list[i] = event[1]
  end
  return list
end

describe("a new engine", function()
  it("knows itself and nobody else", function()
    local engine = new()
    assert.same(me, engine:identity())
    assert.same({ id = me, addr = "a:1", state = "alive", incarnation = 0, since = 0, tags = {} },
      engine:self())
    assert.equal("idle", engine:connection())
    assert.equal(0, engine:num_members())
    assert.equal(0, engine:num_known())
    assert.same({}, engine:members())
    assert.same({}, engine:state())
    assert.is_nil(engine:deadline())
    assert.same({ updates = 0, broadcasts = 0, messages = 0 }, engine:backlog())
    assert.equal("shoal.core.engine (idle, 0 members)", tostring(engine))
  end)

  it("may have any identity of up to 512 bytes, when a script says its address", function()
    for _, identity in ipairs { "x", 5, 0.5, true, { 1, { 2 } }, { name = "x", meta = { a = 1 } }, ("x"):rep(509) } do
      local engine = new { identity = identity, config = { preset = "simple", max_packet_size = 1600 },
        handlers = { identity = { addr = function() return "x" end } } }
      assert.same(identity, engine:identity())
    end
  end)

  it("is refused with an identity that cannot be one", function()
    for expected, identity in pairs {
      ["takes more than 512 bytes"] = core.stock_identity(("x"):rep(505), 0),
      ["identity.f: cannot carry a function"] = { f = print },
      ["or an identity function failed"] = "no stock identity",
    } do
      local engine, message, code = core.new { identity = identity, seed = 1 }
      assert.is_nil(engine)
      assert.equal("identity", code)
      assert.matches(expected, message, 1, true)
    end
  end)

  it("makes other choices than the next one when no seed is given", function()
    local orders = {}
    for _ = 1, 20 do
      local engine = assert(core.new { identity = me, config = "simple" })
      local updates = {}
      for i = 1, 30 do
        updates[i] = { id = id("m" .. i) }
      end
      assert(engine:apply(0, updates))
      for _ in engine:effects() do end -- luacheck: ignore 542
      assert(engine:gossip(0))
      for to in engine:sends() do
        orders[to.addr] = true
      end
    end
    local first = next(orders)
    assert.truthy(next(orders, first))
  end)

  it("is closed by close(), and then only raises", function()
    local engine = new()
    assert.is_true(engine:close())
    assert.is_true(engine:close())
    assert.equal("shoal.core.engine (closed)", tostring(engine))
    for _, method in ipairs { "identity", "members", "deadline", "stats", "sends", "effects", "close_" } do
      if engine[method] then
        local ok, message = pcall(engine[method], engine)
        assert.is_false(ok)
        assert.matches("the engine is closed", message, 1, true)
      end
    end
    assert.has_error(function() engine:tick(0) end)
  end)

  it("is not something else", function()
    local engine = new()
    assert.has_error(function() engine.tick(io.stdout, 0) end)
    assert.has_error(function() engine.tick({}, 0) end)
    assert.has_error(function() engine.tick() end)
  end)
end)

describe("the stock identity", function()
  it("has an address, a bump and what else is given", function()
    assert.same({ addr = "a:1", bump = 5 }, core.stock_identity("a:1", 5))
    assert.same({ addr = "a:1", bump = 5, name = "x", meta = { 1 } },
      core.stock_identity("a:1", 5, { name = "x", meta = { 1 }, addr = "no", bump = "no" }))
  end)

  it("is misuse without them", function()
    assert.has_error(function() core.stock_identity() end)
    assert.has_error(function() core.stock_identity("", 1) end)
    assert.has_error(function() core.stock_identity("\193:3", 1) end, "addr: an address cannot begin with byte c1")
    assert.has_error(function() core.stock_identity("a", -1) end)
    assert.has_error(function() core.stock_identity("a", 0.5) end)
    assert.has_error(function() core.stock_identity("a", 0 / 0) end)
    assert.has_error(function() core.stock_identity("a", 1, 5) end)
  end)
end)

describe("now", function()
  local entries = {
    tick = {}, gossip = {}, broadcast = {}, leave = {}, reuse_down_identity = {}, receive = { "x" },
    announce = { id "b:1" }, change_identity = { id "b:1" }, add_broadcast = { "x" }, apply = { {} },
    set_config = { {} }, forget = { "b:1" }, leave_to = { id "b:1" },
  }

  for name, arguments in pairs(entries) do
    it("of " .. name .. " must be seconds from 0 on", function()
      local engine = new()
      for _, now in ipairs { 0 / 0, 1 / 0, -1 / 0, -1, -1e-3, 1e13, 1e300, "5", {}, true } do
        local ok, message = pcall(engine[name], engine, now, unpack(arguments))
        assert.is_false(ok)
        assert.matches(name .. ": now must be a number of seconds, 0 or more, got ", message, 1, true)
      end
      assert.is_false((pcall(engine[name], engine)))
    end)
  end

  it("is understood to the microsecond, so that a deadline can be ticked at", function()
    local engine = new()
    assert(engine:receive(1e6 + 0.123457, packet("announce", "b:1")))
    for _ = 1, 200 do
      local deadline = engine:deadline()
      assert(engine:tick(deadline))
      assert.is_true(not engine:deadline() or engine:deadline() > deadline)
      if not engine:deadline() then break end
    end
  end)

  it("may be 0, and anything up to 31,000 years", function()
    local engine = new()
    assert.is_true(engine:tick(0))
    assert.is_true(engine:tick(1e12))
    assert.is_true(engine:tick(5)) -- taken as the latest seen
  end)
end)

describe("an entry point", function()
  it("answers true, or nil, a message and a code", function()
    local engine = new()
    assert.is_true(engine:announce(0, id "b:1"))
    assert.is_true(engine:receive(0, packet("announce", "b:1")))
    local text = "not a well-formed packet, claim or item, or not a map of tags; nothing of it was applied"
    assert.same({ nil, text, "malformed" },
      { select(1, engine:receive(0, "\255")), (select(2, engine:receive(0, "\255")):gsub(" %(.*", "")),
        (select(3, engine:receive(0, "\255"))) })
    local _, message, code = engine:change_identity(0, me)
    assert.equal("same_identity", code)
    assert.matches("nothing changed", message)
    _, _, code = engine:reuse_down_identity(0)
    assert.equal("not_defunct", code)
  end)

  it("refuses an identity that cannot be one", function()
    local engine = new()
    for _, method in ipairs { "announce", "change_identity" } do
      for expected, identity in pairs {
        ["takes more than 512 bytes"] = ("x"):rep(600), ["cannot carry a function"] = print,
        ["more than 8 deep"] = { { { { { { { { {} } } } } } } } },
      } do
        local ok, message, code = engine[method](engine, 0, identity)
        assert.is_nil(ok)
        assert.equal("identity", code)
        assert.matches(expected, message, 1, true)
      end
      local ok, message, code = engine[method](engine, 0)
      assert.is_nil(ok)
      assert.equal("identity", code)
      assert.matches("must be a value, got nil", message, 1, true)
    end
  end)

  it("wants bytes where bytes are due", function()
    local engine = new()
    assert.has_error(function() engine:receive(0) end)
    assert.has_error(function() engine:receive(0, {}) end)
    assert.has_error(function() engine:add_broadcast(0) end)
    assert.has_error(function() engine:set_config(0) end)
  end)
end)

describe("forgetting", function()
  it("takes a down member out, whatever kind of value its address is", function()
    for _, addr in ipairs { "b", 5, true, { "eu", 7 } } do
      local engine = assert(core.new {
        identity = { "a", 1 }, seed = 1, config = "lan",
        handlers = { identity = { addr = function(who) return who[1] end } },
      })
      assert(engine:apply(0, { { id = { addr, 1 } }, { id = { addr, 1 }, state = "down" } }))
      collected(engine.events, engine)
      assert.equal(1, engine:num_known())
      assert.is_true(engine:forget(1, addr))
      assert.equal(0, engine:num_known())
      local events = collected(engine.events, engine)
      assert.same({ "member_forgotten" }, names(events))
      assert.same({ addr, "down", "failed" }, { events[1][2].addr, events[1][2].state, events[1][2].reason })
    end
  end)

  it("is refused for one that is up, and for nobody", function()
    local engine = new()
    assert(engine:apply(0, { { id = id "b:1" } }))
    local function refused(expected, addr)
      local ok, message, code = engine:forget(1, addr)
      assert.is_nil(ok)
      assert.is_string(message)
      assert.equal(expected, code)
    end
    refused("not_down", "b:1")
    refused("not_found", "c:1")
    refused("not_found", "a:1")
    assert.equal(1, engine:num_known())
  end)

  it("is misuse without an address", function()
    local engine = new()
    assert.has_error(function() engine:forget(1) end)
    assert.has_error(function() engine:forget(1, "") end)
    assert.has_error(function() engine:forget(1, print) end)
  end)
end)

describe("a farewell to somebody who need not be a member", function()
  it("is sent once the engine has left, and not before", function()
    local engine = new { config = "lan" }
    assert.is_true(engine:leave_to(0, id "s:1"))
    assert.same({}, collected(engine.sends, engine))
    assert(engine:leave(0))
    assert.same({}, collected(engine.sends, engine))
    assert.is_true(engine:leave_to(0, id "s:1"))
    local sent = collected(engine.sends, engine)
    assert.same({ id "s:1", "gossip" }, { sent[1][1], sent[1][3] })
    local seed = new { identity = id "s:1", config = { preset = "lan", check_strangers = false } }
    assert(seed:receive(0, packet("announce", "a:1", nil, id "s:1")))
    assert(seed:receive(1, sent[1][2]))
    assert.equal("left", seed:member("a:1").reason)
  end)

  it("needs an identity", function()
    local _, _, code = new():leave_to(0, "no stock identity")
    assert.equal("identity", code)
  end)
end)

describe("applying states", function()
  it("takes what state() answers", function()
    local first, second = new(), new { identity = id "z:1" }
    assert(first:receive(0, packet("gossip", "b:1", { "c:1", "d:1" })))
    assert(first:apply(0, { { id = id "d:1", state = "down" } }))
    assert(second:apply(0, first:state()))
    assert.equal(3, second:num_known())
    assert.equal(2, second:num_members())
    assert.equal("down", second:member("d:1").state)
  end)

  it("gossips them when it shall", function()
    local engine = new()
    assert(engine:apply(0, { { id = id "b:1" } }))
    assert.equal(0, engine:backlog().updates)
    assert(engine:apply(0, { { id = id "c:1" } }, { broadcast = true }))
    assert.equal(1, engine:backlog().updates)
  end)

  it("takes tens of thousands", function()
    local engine, states = new(), {}
    for i = 1, 30000 do
      states[i] = { id = id("m" .. i), incarnation = i, state = i % 3 == 0 and "suspect" or nil }
    end
    assert.is_true(engine:apply(0, states))
    assert.equal(30000, engine:num_members())
    assert.equal(10000, #engine:members { state = "suspect" })
    assert.equal(29999, engine:member("m29999").incarnation)
  end)

  it("raises for what is none, and says which", function()
    local engine = new()
    for expected, states in pairs {
      ["apply: states must be a list, got 5"] = 5,
      ["apply: states[1] must be a table, got 'x'"] = { "x" },
      ["apply: states must be a list of claims, got a table with the key 'id'"] = { id = id "b:1" },
      ["apply: states must be a list of claims, got a table with the key 'n'"] = { { id = id "b:1" }, n = 1 },
      ["apply: states[1]: unknown key 'stat' (did you mean 'state'?)"] = { { id = id "b:1", stat = "down" } },
      ["apply: states[2]: unknown key 'incarnatoin' (did you mean 'incarnation'?)"] =
        { { id = id "b:1" }, { id = id "c:1", incarnatoin = 3 } },
      ["apply: states[1]: the keys of a claim must be names, got 1"] = { { "x" } },
      ["apply: states[2].id: must be a value, got nil"] = { { id = id "b:1" }, {} },
      ["apply: states[1].from: cannot carry a function"] = { { id = id "b:1", state = "suspect", from = print } },
      ["apply: states[1]: unknown state 'dead'"] = { { id = 1, state = "dead" } },
      ["apply: states[1]: option 'incarnation' must be a whole number from 0 to 65535, got 65536"] =
        { { id = 1, incarnation = 65536 } },
    } do
      local ok, message = pcall(engine.apply, engine, 0, states)
      assert.is_false(ok)
      assert.matches(expected, message, 1, true)
    end
    assert.has_error(function() engine:apply(0, {}, { boardcast = true }) end)
    assert.has_error(function() engine:apply(0, {}, { broadcast = 1 }) end)
    assert.equal(0, engine:num_known())
  end)

  it("says which identity is unfit", function()
    local engine = new()
    local ok, message, code = engine:apply(0, { { id = id "b:1" }, { id = "no stock identity" } })
    assert.is_nil(ok)
    assert.equal("identity", code)
    assert.is_string(message)
    assert.equal(1, engine:num_known())
  end)
end)

describe("the members", function()
  local engine
  before_each(function()
    engine = new()
    assert(engine:apply(3, {
      { id = id "b:1" }, { id = id "c:1", state = "suspect", incarnation = 4 }, { id = id "d:1", state = "down" },
    }))
  end)

  local function addrs(list)
    local found = {}
    for i, member in ipairs(list) do
      found[i] = member.addr
    end
    table.sort(found)
    return table.concat(found, " ")
  end

  it("are listed by state, the active ones by default", function()
    assert.equal("b:1 c:1", addrs(engine:members()))
    assert.equal("b:1 c:1", addrs(engine:members { state = "active" }))
    assert.equal("b:1", addrs(engine:members { state = "alive" }))
    assert.equal("c:1", addrs(engine:members { state = "suspect" }))
    assert.equal("d:1", addrs(engine:members { state = "down" }))
    assert.equal("b:1 c:1 d:1", addrs(engine:members { state = "all" }))
    assert.equal("b:1 c:1 d:1", addrs(engine:state()))
  end)

  it("that are down say why", function()
    assert.equal("failed", engine:member("d:1").reason)
    assert(engine:apply(4, {
      { id = id "b:1", state = "down", incarnation = 65535 },
      { id = id "c:1", state = "down", incarnation = 65535, from = id "e:1" },
    }))
    assert.equal("left", engine:member("b:1").reason)
    assert.equal("replaced", engine:member("c:1").reason)
    for event, member in engine:events() do
      if event == "member_down" then assert.same(engine:member(member.addr), member) end
    end
    local other = new { identity = id "z:1" }
    assert(other:apply(4, engine:state()))
    assert.equal("left", other:member("b:1").reason)
  end)

  it("have no reason while they are up", function()
    local heals = new { config = "lan" }
    assert(heals:apply(4, { { id = id "b:1", state = "down" } }))
    assert.equal("failed", heals:member("b:1").reason)
    assert(heals:apply(5, { { id = id "b:1", incarnation = 1 } }))
    assert.equal("alive", heals:member("b:1").state)
    assert.is_nil(heals:member("b:1").reason)
    assert.is_nil(heals:self().reason)
  end)

  it("are listed by a condition", function()
    assert.equal("c:1", addrs(engine:members { where = function(m) return m.incarnation > 3 end }))
    assert.equal("d:1", addrs(engine:members { state = "all", where = function(m) return m.state == "down" end }))
    assert.has_error(function() engine:members { where = function() error "no" end } end)
    assert.equal(2, engine:num_members())
  end)

  it("may be changed by the condition", function()
    local list = engine:members { where = function()
      for i = 1, 100 do
        assert(engine:apply(4, { { id = id("new" .. i) } }))
      end
      return true
    end }
    assert.equal("b:1 c:1", addrs(list))
    assert.equal(102, engine:num_members())
  end)

  it("are plain tables, new ones each time", function()
    local member = engine:member "c:1"
    assert.same({ id = id "c:1", addr = "c:1", state = "suspect", incarnation = 4, since = 3 }, member)
    member.state = "gone"
    assert.equal("suspect", engine:member("c:1").state)
    assert.is_nil(engine:member "nobody:1")
  end)

  it("are not found by nonsense", function()
    assert.has_error(function() engine:members { state = "dead" } end)
    assert.has_error(function() engine:members { stat = "down" } end)
    assert.has_error(function() engine:members { where = 5 } end)
    assert.has_error(function() engine:members "down" end)
    assert.has_error(function() engine:member() end)
    assert.has_error(function() engine:member(print) end)
  end)
end)

describe("effects", function()
  local engine
  before_each(function()
    engine = new()
    assert(engine:receive(0, packet("announce", "b:1"))) -- member_up, active, a feed
    assert(engine:receive(0, packet("announce", "c:1"))) -- member_up, a feed
  end)

  it("are all taken out in order by effects()", function()
    local list = collected(engine.effects, engine)
    local kinds = {}
    for i, effect in ipairs(list) do
      kinds[i] = effect[1] .. " " .. (effect[1] == "send" and effect[4] or effect[2])
    end
    assert.same({ "notify member_up", "notify active", "send feed", "notify member_up", "send feed" }, kinds)
    assert.same(id "b:1", list[3][2])
    assert.is_string(list[3][3])
    assert.equal("b:1", list[3][5])
    assert.same({}, collected(engine.effects, engine))
  end)

  it("are taken out by kind", function()
    local sends = collected(engine.sends, engine)
    assert.equal(2, #sends)
    assert.same({ id "b:1", "feed", "b:1" }, { sends[1][1], sends[1][3], sends[1][4] })
    assert.same({ "member_up", "active", "member_up" }, names(collected(engine.events, engine)))
    assert.same({}, collected(engine.effects, engine))
  end)

  it("keep their order when they were taken out by kind in part", function()
    local first = engine:sends()
    assert.same(id "b:1", (first(engine)))
    local event = engine:events()
    assert.equal("member_up", (event(engine)))
    assert.same(id "c:1", (first(engine)))
    local rest = collected(engine.effects, engine)
    assert.same({ { "notify", "active" } }, { { rest[1][1], rest[1][2] } })
    assert.same({ "notify", "member_up" }, { rest[2][1], rest[2][2] })
    assert.equal(2, #rest)
  end)

  it("keep their order when some of both kinds are left", function()
    engine:events()(engine) -- b is up
    engine:sends()(engine) -- holds "active"
    assert(engine:announce(0, id "d:1"))
    assert(engine:receive(0, packet("announce", "e:1")))
    engine:events()(engine) -- takes "active"
    local rest = {}
    for i, effect in ipairs(collected(engine.effects, engine)) do
      rest[i] = effect[1] == "send" and "send " .. effect[4] .. " " .. effect[5] or effect[2] .. " " .. effect[3].addr
    end
    assert.same({ "member_up c:1", "send feed c:1", "send announce d:1", "member_up e:1", "send feed e:1" }, rest)
  end)

  it("may be added to while they are taken out", function()
    local seen = 0
    for _ in engine:sends() do
      seen = seen + 1
      if seen < 100 then
        assert(engine:announce(0, id("x" .. seen)))
      end
    end
    assert.equal(101, seen)
  end)

  it("end when the engine is closed in the loop", function()
    local seen = 0
    for _ in engine:effects() do
      seen = seen + 1
      engine:close()
    end
    assert.equal(1, seen)
  end)

  it("keep their engine alive while they are taken out", function()
    local weak = setmetatable({ engine }, { __mode = "v" })
    local loop, state = engine:effects()
    engine = nil
    collectgarbage()
    collectgarbage()
    local seen = 0
    while loop(state) do
      collectgarbage()
      seen = seen + 1
    end
    assert.equal(5, seen)
    state = nil -- luacheck: ignore 311
    collectgarbage()
    collectgarbage()
    assert.is_nil(weak[1])
  end)

  it("tell members, renames and packets", function()
    collected(engine.effects, engine)
    engine:set_diagnostics(true)
    assert(engine:receive(7, assert(core.codec.encode_header {
      kind = "gossip", src = core.stock_identity("b:1", 9), dst = me,
    }) .. "\0\0"))
    local events = collected(engine.events, engine)
    local renamed, received
    for _, event in ipairs(events) do
      if event[1] == "rename" then renamed = event end
      if event[1] == "packet_received" then received = event end
    end
    assert.same({ id = id "b:1", addr = "b:1" }, renamed[2])
    assert.same(core.stock_identity("b:1", 9), renamed[3].id)
    assert.same("alive", renamed[3].state)
    assert.same({ id = core.stock_identity("b:1", 9), message = "gossip", updates = 0, incarnation = 0,
      size = received[2].size }, received[2])
  end)

  it("tell whom there is no room for, and who has no room for us", function()
    local full = new { config = { preset = "lan", max_members = 1 }, diagnostics = { "full" } }
    assert(full:apply(0, { { id = id "b:1" } }))
    local newcomer = new { identity = id "c:1", config = "lan", diagnostics = { "refused" } }
    assert(newcomer:announce(0, me))
    local _, announce = newcomer:sends()(newcomer)
    assert(full:receive(0, announce))
    local events = collected(full.events, full)
    assert.same({ "member_up", "active", "full" }, names(events))
    assert.equal("c:1", events[3][2].addr)
    local to, refusal, message = full:sends()(full)
    assert.same({ id "c:1", "refused" }, { to, message })
    assert(newcomer:receive(1, refusal))
    events = collected(newcomer.events, newcomer)
    assert.equal("refused", events[#events][1])
    assert.equal("a:1", events[#events][2].addr)
  end)

  it("tell of items that were dropped, how large they were, and why", function()
    local other = new {
      config = { preset = "lan", max_broadcasts = 1 }, diagnostics = { "item_dropped" },
      handlers = { broadcast = { receive = function(_, data) return data end } },
    }
    assert(other:apply(0, { { id = id "b:1" } }))
    assert(other:add_broadcast(0, ("x"):rep(600)))
    assert(other:add_broadcast(0, ("y"):rep(700)))
    assert.equal(1, other:backlog().broadcasts)
    assert(other:set_config(0, { max_packet_size = 300 }))
    for _ = 1, 100 do assert(other:tick(other:deadline())) end
    assert.equal(0, other:backlog().broadcasts)
    local dropped = {}
    for event, item in other:events() do
      if event == "item_dropped" then dropped[#dropped + 1] = item end
    end
    assert.same({ { size = 600, reason = "backlog_full" }, { size = 700, reason = "too_big" } }, dropped)
  end)

  it("tell that a verdict about us is refuted, once we are told of it", function()
    local other = new { config = "lan" }
    assert(other:receive(0, packet("announce", "b:1")))
    collected(other.events, other)
    assert(other:apply(1, { { id = me, state = "down" } }))
    local events = collected(other.events, other)
    assert.same({ "returned" }, names(events))
    assert.same(other:self(), events[1][2])
    assert.equal(1, other:self().incarnation)
  end)

  it("are told of by diagnostics only when asked for", function()
    local function told(diagnostics)
      local other = new { diagnostics = diagnostics }
      assert(other:receive(0, packet("announce", "b:1")))
      assert(other:apply(0, { { id = id "b:1", state = "suspect" } }))
      return names(collected(other.events, other))
    end
    assert.same({ "member_up", "active" }, told())
    assert.same({ "member_up", "active" }, told(false))
    assert.same({ "member_up", "active", "suspect" }, told { "suspect" })
    assert.is_true(#told(true) > 3)
  end)
end)

describe("finalizers", function()
  local function finalizer(fn)
    local proxy = newproxy -- luacheck: ignore 113
    if proxy then
      getmetatable(proxy(true)).__gc = fn
    else
      setmetatable({}, { __gc = fn })
    end
  end

  -- Whatever allocates in Lua may run them: while members become tables, or an
  -- effect is being handed over.
  -- How many are enough: PUC Lua takes a whole collection for a few.
  local TURNS = rawget(_G, "jit") and 400 or 100

  it("may use the engine that Lua values are just being made of", function()
    local engine = new { config = { preset = "simple", max_members = 50 }, diagnostics = true }
    local pause, multiplier = collectgarbage("setpause", 0), collectgarbage("setstepmul", 2000)
    collectgarbage() -- or the pause would be that of the last cycle
    local turn, busy = 0, false
    local function meddle()
      if busy then return end
      busy = true
      turn = turn + 1
      engine:apply(turn, { { id = core.stock_identity(("m%d:1"):format(turn % 40), turn) } })
      engine:announce(turn, id(("x"):rep(turn % 100 + 1)))
      for _ in engine:effects() do end -- luacheck: ignore 542
      engine:tick(turn)
      busy = false
    end
    local rounds = 0
    repeat
      rounds = rounds + 1
      for _ = 1, 10 do
        finalizer(meddle)
      end
      for _, member in ipairs(engine:members { state = "all" }) do
        assert.matches("^m%d+:1$", member.addr)
        assert.equal(member.addr, member.id.addr)
      end
      for kind, a in engine:effects() do
        assert.is_true(kind == "send" and type(a) == "table" or kind == "notify" and type(a) == "string")
      end
      assert.equal("a:1", engine:identity().addr)
    until turn > TURNS or rounds > 10000
    collectgarbage("setpause", pause)
    collectgarbage("setstepmul", multiplier)
    assert.is_true(turn > TURNS)
  end)

  it("cannot close the engine while an effect is handed over", function()
    local function use(engine)
      for i = 1, 5 do
        finalizer(function() engine:close() end)
        engine:announce(0, id("x" .. i))
      end
      for kind in engine:effects() do
        assert.is_string(kind)
      end
    end
    for _ = 1, 200 do
      local ok, message = pcall(use, new { diagnostics = true })
      assert.is_true(ok or message:find("the engine is closed", 1, true) ~= nil)
    end
  end)
end)

describe("memory", function()
  it("of an engine that nobody holds is collected, whatever its handlers mention", function()
    local weak = setmetatable({}, { __mode = "k" })
    local function forget() -- nothing of it is left in a slot of ours
      local engine
      engine = new { handlers = { broadcast = { receive = function(_, data)
        return engine and data
      end } } }
      assert(engine:receive(0, packet("announce", "b:1")))
      assert(engine:add_broadcast(0, "x"))
      weak[engine] = true
    end
    for _ = 1, 20 do forget() end
    -- A trace that the JIT has compiled may hold one.
    if rawget(_G, "jit") then jit.flush() end -- luacheck: std luajit
    collectgarbage()
    collectgarbage()
    assert.is_nil(next(weak))
  end)

  it("does not grow with engines that come and go", function()
    local function round(count)
      for _ = 1, count do
        local engine = new { handlers = { broadcast = { receive = function(_, data) return data end } } }
        assert(engine:receive(0, packet("announce", "b:1")))
        engine:close()
      end
      collectgarbage()
      collectgarbage()
      return collectgarbage "count"
    end
    -- A table that has to grow may do so in one round; what leaks grows in each.
    local rounds = { round(4000) }
    local steady = false
    for i = 2, 5 do
      rounds[i] = round(2000)
      steady = steady or rounds[i] < rounds[i - 1] + 4
    end
    assert.is_true(steady, "KiB: " .. table.concat(rounds, ", "))
  end)

  it("allocations are counted, and can be made to fail once or from then on", function()
    local engine = new()
    local before = engine:stats().allocations
    assert.is_true(before > 0)
    assert.is_true(engine:stats().memory_bytes > 0)
    local states = {}
    for i = 1, 1000 do
      states[i] = { id = id("m" .. i) }
    end
    engine:fail_allocation(1)
    local ok, _, code = engine:apply(0, states)
    assert.is_nil(ok)
    assert.equal("no_memory", code)
    assert.is_true(engine:apply(0, states))
    engine:fail_allocation(1, true)
    for i = 1, 1000 do
      states[i] = { id = id("n" .. i) }
    end
    for _ = 1, 3 do
      assert.is_nil((engine:apply(0, states)))
    end
    engine:fail_allocation()
    assert.is_true(engine:apply(0, states))
    assert.equal(2000, engine:num_members())
    for _, n in ipairs { 0, -1, 0 / 0, 1 / 0, "1" } do
      assert.has_error(function() engine:fail_allocation(n) end)
    end
    assert.has_error(function() engine:fail_allocation "soon" end)
  end)
end)

describe("stats", function()
  it("count by kind, by reason, and for handlers", function()
    local engine = new()
    assert(engine:receive(0, packet("announce", "b:1")))
    engine:receive(0, "\255")
    local stats = engine:stats()
    assert.equal(2, stats.packets_received)
    assert.equal(1, stats.received.announce)
    assert.equal(1, stats.sent.feed)
    assert.equal(1, stats.dropped.malformed)
    assert.equal(0, stats.dropped.full)
    assert.equal(0, stats.handlers.calls)
    for _, name in ipairs {
      "packets_sent", "bytes_sent", "bytes_received", "probes", "probes_failed", "suspicions", "refutations",
      "renewals", "conflicts", "memory_bytes", "allocations",
    } do
      assert.is_number(stats[name])
    end
  end)
end)
