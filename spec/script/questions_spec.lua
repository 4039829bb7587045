local core = require "shoal.core"

local OTHER = { "b", 1 }

--- Identities are { name, generation }; `changes` replaces functions.
local function identity(changes)
  local functions = {
    addr = function(id) return id[1] end,
    renew = function(id) return { id[1], id[2] + 1 } end,
    wins = function(id, other) return id[2] > other[2] end,
  }
  for name, fn in pairs(changes or {}) do
    functions[name] = fn or nil
  end
  return functions
end

local function new(changes, broadcast)
  return core.new {
    identity = { "a", 1 }, seed = 1, config = "simple",
    handlers = { identity = identity(changes), broadcast = broadcast },
  }
end

local function announce(from)
  return assert(core.codec.encode_header { kind = "announce", src = from, dst_hash = core.hash_address "a" })
end

local function failed(engine, expected)
  local handlers = engine:stats().handlers
  assert.is_true(handlers.errors > 0)
  assert.matches(expected, handlers.last_error, 1, true)
end

describe("the question identity.addr", function()
  it("may answer any value; strings are endpoints, too", function()
    for _, addr in ipairs { "host:1", "x", 5, 0.5, true, { "eu", 7 }, { host = "h" } } do
      local engine = assert(new { addr = function(id) return id[1] == "a" and "a" or addr end })
      assert(engine:announce(0, OTHER))
      for _, _, _, endpoint in engine:sends() do
        assert.equal(type(addr) == "string" and addr or "", endpoint)
      end
      assert(engine:receive(0, announce(OTHER)))
      assert.same(addr, engine:members()[1].addr)
      assert.same(OTHER, engine:member(addr).id)
    end
  end)

  it("tells addresses apart that look alike", function()
    local engine = assert(new { addr = function(id) return id[1] end })
    for _, addr in ipairs { 1, "1", "\1", { 1 }, "\145\1" } do
      assert(engine:receive(0, announce { addr, 1 }))
    end
    assert.equal(5, engine:num_members())
  end)

  it("is asked once for each identity", function()
    local asked = 0
    local engine = assert(new { addr = function(id)
      asked = asked + 1
      return id[1]
    end })
    asked = 0
    for i = 1, 10 do
      assert(engine:receive(i, announce(OTHER)))
    end
    assert.equal(1, asked)
  end)

  for name, case in pairs {
    ["throws"] = { function() error "who is that" end, "who is that" },
    ["answers nil"] = { function() end, "must be an address, got nil" },
    ["answers nil and why"] = { function() return nil, "not one of us" end, "not one of us" },
    ["answers nothing but an empty string"] = { function() return "" end, "cannot be empty" },
    ["answers a function"] = { function() return print end, "cannot carry a function" },
    ["answers too long a string"] = { function() return ("x"):rep(513) end, "512 bytes at most" },
    ["answers too large a table"] = { function() return { ("x"):rep(513) } end, "takes more than" },
    ["answers a string that looks like a marked one"] = { function() return "\193" end, "cannot begin with byte c1" },
  } do
    it("that " .. name .. " drops the packet", function()
      local broken = false
      local engine = assert(new { addr = function(id)
        if broken then return case[1]() end
        return id[1]
      end })
      broken = true
      local ok, message, code = engine:receive(0, announce(OTHER))
      assert.is_nil(ok)
      assert.equal("identity", code)
      assert.matches("identity.addr: ", message, 1, true)
      assert.matches(case[2], message, 1, true)
      failed(engine, case[2])
      assert.equal(1, engine:stats().dropped.identity)
      assert.equal(0, engine:num_members())
      broken = false
      assert.is_true(engine:receive(0, announce(OTHER)))
      assert.equal(1, engine:num_members())
    end)

    it("that " .. name .. " about ourselves is no engine", function()
      local engine, message, code = new { addr = case[1] }
      assert.is_nil(engine)
      assert.equal("identity", code)
      assert.matches(case[2], message, 1, true)
    end)
  end
end)

describe("the question identity.endpoint", function()
  it("says where packets go", function()
    local engine = assert(new { endpoint = function(id) return id[1] .. ".example:1" end })
    assert(engine:announce(0, OTHER))
    for to, _, message, endpoint in engine:sends() do
      assert.same({ OTHER, "announce", "b.example:1" }, { to, message, endpoint })
    end
  end)

  it("may say why it has no answer", function()
    local engine = assert(new { endpoint = function(id)
      if id[1] == "a" then return "a" end
      return nil, "no such host"
    end })
    local ok, message, code = engine:announce(0, OTHER)
    assert.is_nil(ok)
    assert.equal("identity", code)
    assert.matches("identity.endpoint: no such host", message, 1, true)
  end)

  for name, answer in pairs { ["nil"] = false, ["a number"] = 5, ["an empty string"] = "",
    ["a long string"] = ("x"):rep(513) } do
    it("that answers " .. name .. " is an error of that identity", function()
      local engine = assert(new { endpoint = function(id)
        if id[1] == "a" then return "a" end
        return answer or nil
      end })
      local ok, message, code = engine:announce(0, OTHER)
      assert.is_nil(ok)
      assert.equal("identity", code)
      assert.matches("identity.endpoint: must return a string of 1 to 512 bytes", message, 1, true)
    end)
  end
end)

describe("the question identity.renew", function()
  local function turned_undead(renew)
    local engine = assert(new { renew = renew })
    assert(engine:receive(0, announce(OTHER)))
    for _ in engine:events() do end -- luacheck: ignore 542
    assert(engine:receive(1, assert(core.codec.encode_header { kind = "turn_undead", src = OTHER, dst = { "a", 1 } })))
    local events = {}
    for event in engine:events() do
      events[#events + 1] = event
    end
    return engine, events
  end

  it("answers the identity to come back with", function()
    local engine, events = turned_undead(function(id) return { id[1], 40 } end)
    assert.same({ "rejoin" }, events)
    assert.same({ "a", 40 }, engine:identity())
  end)

  it("gets the adversary that has our address, when there is one", function()
    local asked = {}
    local engine = assert(core.new {
      identity = { "a", 1 }, seed = 1, config = "lan",
      handlers = { identity = identity { renew = function(id, adversary)
        asked[#asked + 1] = { id, adversary }
        return { id[1], (adversary or id)[2] + 1 }
      end } },
    })
    assert(engine:apply(0, { { id = { "a", 7 } } }, { broadcast = true }))
    assert.same({ "a", 8 }, engine:identity())
    assert.same({ { { "a", 1 }, { "a", 7 } } }, asked)
    assert(engine:apply(100, { { id = { "a", 8 }, state = "down", incarnation = 65535 } }))
    assert.same({ "a", 9 }, engine:identity())
    assert.same({ { "a", 8 } }, { asked[2][1] })
    assert.is_nil(asked[2][2])
  end)

  it("may look at itself alone, and is asked again until it wins", function()
    local engine = assert(core.new {
      identity = { "a", 1 }, seed = 1, config = "lan", handlers = { identity = identity() },
    })
    assert(engine:apply(0, { { id = { "a", 7 } } }, { broadcast = true }))
    assert.same({ "a", 8 }, engine:identity())
  end)

  it("answers nil or false when there is none", function()
    for _, none in ipairs { { n = nil }, { n = false } } do
      local engine, events = turned_undead(function() return none.n end)
      assert.same({ "defunct" }, events)
      assert.equal(0, engine:stats().handlers.errors)
    end
  end)

  it("that is broken means none, and is counted", function()
    for expected, fn in pairs {
      ["no more lives"] = function() error "no more lives" end,
      ["not today"] = function() return nil, "not today" end,
      ["takes more than 512 bytes"] = function() return ("x"):rep(600) end,
      ["cannot carry a function"] = function() return { print } end,
    } do
      local engine, events = turned_undead(fn)
      assert.same({ "defunct" }, events)
      failed(engine, expected)
    end
  end)
end)

describe("the question identity.wins", function()
  local function meet(wins)
    local engine = assert(new { wins = wins })
    assert(engine:receive(0, announce { "b", 1 }))
    assert(engine:receive(1, announce { "b", 2 }))
    return engine
  end

  it("decides between two identities with one address", function()
    assert.same({ "b", 2 }, meet(function(id, other) return id[2] > other[2] end):member("b").id)
    assert.same({ "b", 1 }, meet(function() return false end):member("b").id)
    assert.same({ "b", 1 }, meet(function() end):member("b").id)
  end)

  it("that is broken means no, and is counted", function()
    local thrower = meet(function() error "cannot decide" end)
    assert.same({ "b", 1 }, thrower:member("b").id)
    failed(thrower, "cannot decide")
    local liar = meet(function() return "yes" end)
    assert.same({ "b", 1 }, liar:member("b").id)
    failed(liar, "must return true, false or nil, got 'yes'")
  end)
end)

describe("the question broadcast.receive", function()
  local function packet_with(items)
    local bytes = assert(core.codec.encode_header { kind = "broadcast", src = OTHER, dst = { "a", 1 } })
    for _, item in ipairs(items) do
      bytes = bytes .. string.char(0, #item) .. item
    end
    return bytes
  end

  it("gets the engine, the bytes and the sender, or nil when it is ours", function()
    local heard = {}
    local engine
    engine = assert(new({}, { receive = function(self, data, sender)
      heard[#heard + 1] = { self == engine, data, sender or "ours" }
      return data
    end }))
    assert(engine:receive(0, packet_with { "one", "two\0" }))
    assert.is_true(engine:add_broadcast(0, "three"))
    assert.same({ { true, "one", OTHER }, { true, "two\0", OTHER }, { true, "three", "ours" } }, heard)
    assert.equal(3, engine:backlog().broadcasts)
  end)

  it("gets a sender of its own each time, whatever is in the identity", function()
    local stock, heard = core.stock_identity, {}
    local us = stock("10.0.0.1:1", 1)
    local config = { check_strangers = false }
    local engine = assert(core.new { identity = us, seed = 1, config = config, handlers = { broadcast = {
      receive = function(_, _, sender)
        heard[#heard + 1] = assert(core.pack(sender))
        sender.addr = nil
      end } } })
    for i, from in ipairs {
      stock("10.0.0.2:1", 0), stock("10.0.0.3:1", 2 ^ 53 - 1), stock("h:1", 7, { name = "h" }),
    } do
      local header = assert(core.codec.encode_header { kind = "broadcast", src = from, dst = us })
      assert(engine:receive(0, header .. "\0\1a\0\1b"))
      assert.same({ core.pack(from), core.pack(from) }, { heard[2 * i - 1], heard[2 * i] })
    end
    assert.equal(0, engine:stats().handlers.errors)
  end)

  it("answers a key of any kind, or nil or false when it is no news", function()
    local keys = { n = 0, "k", 5, 0.5, true, { "map", 7 } }
    local engine = assert(new({}, { receive = function()
      keys.n = keys.n + 1
      return keys[keys.n]
    end }))
    for _ = 1, 5 do
      assert.is_true(engine:add_broadcast(0, "x"))
    end
    assert.is_false(engine:add_broadcast(0, "x"))
    keys[keys.n + 1] = false
    assert.is_false(engine:add_broadcast(0, "x"))
    assert.equal(5, engine:backlog().broadcasts)
  end)

  it("that is broken drops the item, and is counted", function()
    for expected, fn in pairs {
      ["cannot read this"] = function() error "cannot read this" end,
      ["cannot carry a function"] = function() return print end,
    } do
      local engine = assert(new({}, { receive = fn }))
      local ok, message, code = engine:add_broadcast(0, "x")
      assert.is_nil(ok)
      assert.equal("broadcast", code)
      assert.matches("broadcast.receive: ", message, 1, true)
      assert.matches(expected, message, 1, true)
      failed(engine, expected)
      local before = engine:stats().dropped.broadcast
      engine:receive(0, packet_with { "y" })
      assert.equal(before + 1, engine:stats().dropped.broadcast)
      assert.equal(0, engine:backlog().broadcasts)
    end
  end)

  it("is not asked when there is none: items are dropped and counted", function()
    local engine = assert(new())
    local _, _, code = engine:add_broadcast(0, "x")
    assert.equal("no_handler", code)
    assert(engine:receive(0, packet_with { "y", "z" }))
    assert.equal(2, engine:stats().dropped.no_handler)
  end)
end)

describe("the question broadcast.invalidates", function()
  it("gets both keys as they were answered", function()
    local asked
    local engine = assert(new({}, {
      receive = function(_, data) return { version = #data } end,
      invalidates = function(key, other)
        asked = { key, other }
        return key.version > other.version
      end,
    }))
    assert(engine:add_broadcast(0, "x"))
    assert(engine:add_broadcast(0, "yy"))
    assert.same({ { version = 2 }, { version = 1 } }, asked)
    assert.equal(1, engine:backlog().broadcasts)
  end)

  it("is the same key when it is left out", function()
    local engine = assert(new({}, { receive = function(_, data) return { data:sub(1, 1) } end }))
    assert(engine:add_broadcast(0, "x one"))
    assert(engine:add_broadcast(0, "y one"))
    assert(engine:add_broadcast(0, "x two"))
    assert.equal(2, engine:backlog().broadcasts)
  end)

  it("that is broken means no, and is counted", function()
    local engine = assert(new({}, {
      receive = function(_, data) return data end,
      invalidates = function() error "no idea" end,
    }))
    assert(engine:add_broadcast(0, "x"))
    assert(engine:add_broadcast(0, "y"))
    assert.equal(2, engine:backlog().broadcasts)
    assert.equal(1, engine:stats().dropped.broadcast)
    failed(engine, "no idea")
  end)

  it("may answer nil for no", function()
    local engine = assert(new({}, { receive = function(_, data) return data end, invalidates = function() end }))
    assert(engine:add_broadcast(0, "x"))
    assert(engine:add_broadcast(0, "y"))
    assert.equal(2, engine:backlog().broadcasts)
    assert.equal(0, engine:stats().dropped.broadcast)
  end)
end)

describe("the question broadcast.wanted_by", function()
  local function with(wanted_by)
    local engine = assert(new({}, { receive = function(_, data) return data end, wanted_by = wanted_by }))
    assert(engine:receive(5, announce(OTHER)))
    for _ in engine:effects() do end -- luacheck: ignore 542
    assert(engine:add_broadcast(5, "item"))
    assert(engine:broadcast(6))
    local sent = 0
    for _ in engine:sends() do
      sent = sent + 1
    end
    return sent, engine
  end

  it("gets the engine and the member", function()
    local asked
    local sent, engine = with(function(self, member)
      asked = { self, member }
      return true
    end)
    assert.equal(1, sent)
    assert.equal(engine, asked[1])
    assert.same({ id = OTHER, addr = "b", state = "alive", incarnation = 0, since = 5 }, asked[2])
  end)

  it("that is broken means no, and is counted", function()
    local sent, engine = with(function() return 1 end)
    assert.equal(0, sent)
    assert.equal(1, engine:stats().dropped.broadcast)
    failed(engine, "must return true, false or nil, got 1")
  end)

  it("may answer nil for no", function()
    local sent, engine = with(function() end)
    assert.equal(0, sent)
    assert.equal(0, engine:stats().dropped.broadcast)
    assert.equal(0, engine:stats().handlers.errors)
  end)
end)

describe("inside a question", function()
  local function inside(action)
    local answers
    local engine
    engine = assert(new { addr = function(id)
      if engine and not answers then
        answers = { n = 0 }
        answers[1], answers[2], answers[3] = action(engine)
      end
      return id[1]
    end })
    assert.is_true(engine:receive(0, announce(OTHER)))
    assert.equal(1, engine:num_members())
    return answers, engine
  end

  it("closing the engine is refused", function()
    local answers, engine = inside(function(e) return e:close() end)
    assert.is_nil(answers[1])
    assert.equal("reentrant", answers[3])
    assert.equal(0, engine:stats().handlers.errors)
    assert.is_true(engine:close())
  end)

  it("changing the handlers is refused", function()
    local answers = inside(function(e) return e:set_handlers {} end)
    assert.equal("reentrant", answers[3])
  end)

  it("effects cannot be taken out", function()
    local answers = inside(function(e)
      return pcall(function() for _ in e:effects() do end end) -- luacheck: ignore 542
    end)
    assert.is_false(answers[1])
    assert.matches("cannot be taken from inside", answers[2], 1, true)
  end)

  it("another engine can be used, and its questions asked", function()
    local other = assert(new())
    local answers = inside(function() return other:receive(0, announce { "c", 1 }) end)
    assert.is_true(answers[1])
    assert.equal(1, other:num_members())
  end)

  it("garbage can be collected and coroutines can run", function()
    local answers = inside(function(e)
      collectgarbage()
      return coroutine.wrap(function() return coroutine.yield(e:num_members()) or 1 end)()
    end)
    assert.equal(0, answers[1])
  end)

  it("an engine may be used from a coroutine, and its questions run there", function()
    local engine, inside_of
    engine = assert(new { addr = function(id)
      inside_of = coroutine.running()
      return id[1]
    end })
    local thread = coroutine.create(function() return engine:receive(0, announce(OTHER)) end)
    assert.same({ true, true }, { coroutine.resume(thread) })
    assert.equal(thread, inside_of)
    collectgarbage()
    assert.is_true(engine:receive(0, announce { "c", 1 }))
  end)

  it("an error deep in Lua leaves the engine in order", function()
    local function deep(n) return n == 0 and error "bottom" or 1 + deep(n - 1) end
    local broken = true
    local engine = assert(new { addr = function(id)
      if broken and id[1] ~= "a" then deep(150) end
      return id[1]
    end })
    for _ = 1, 100 do
      local _, message, code = engine:receive(0, announce(OTHER))
      assert.equal("identity", code)
      assert.matches("bottom", message, 1, true)
    end
    broken = false
    assert.is_true(engine:receive(0, announce(OTHER)))
    assert.equal(100, engine:stats().handlers.errors)
  end)
end)

describe("changing the handlers of an engine", function()
  local function receiving(log, name)
    return { identity = identity(), broadcast = { receive = function(_, data)
      log[#log + 1] = name .. " " .. data
      return data
    end } }
  end

  it("asks the new ones from then on, and none of the old", function()
    local log = {}
    local engine = assert(core.new { identity = { "a", 1 }, seed = 1, handlers = receiving(log, "old") })
    assert(engine:add_broadcast(0, "1"))
    assert.is_true(engine:set_handlers(receiving(log, "new")))
    assert(engine:add_broadcast(0, "2"))
    assert.is_true(engine:set_handlers { identity = identity() })
    assert.is_nil((engine:add_broadcast(0, "3")))
    assert.same({ "old 1", "new 2" }, log)
  end)

  it("keeps the old ones when the new ones are misshapen", function()
    local log = {}
    local engine = assert(core.new { identity = { "a", 1 }, seed = 1, handlers = receiving(log, "old") })
    assert.has_error(function() engine:set_handlers { broadcast = { recieve = print } } end)
    assert.has_error(function() engine:set_handlers { broadcast = { receive = 5 } } end)
    assert.has_error(function() engine:set_handlers(5) end)
    assert(engine:add_broadcast(0, "1"))
    assert.same({ "old 1" }, log)
  end)

  it("lets go of the old ones", function()
    local gone = setmetatable({}, { __mode = "k" })
    local engine = assert(core.new { identity = { "a", 1 }, seed = 1, handlers = { identity = identity() } })
    for i = 1, 5 do
      local handlers = { identity = identity { addr = function(id) return id[i] and id[1] end } }
      gone[handlers.identity.addr] = true
      assert(engine:set_handlers(handlers))
    end
    assert(engine:set_handlers { identity = identity() })
    collectgarbage()
    collectgarbage()
    assert.is_nil(next(gone))
    assert(engine:receive(0, announce(OTHER)))
  end)
end)

describe("the counts of handlers", function()
  it("tell calls, errors and the slowest", function()
    local engine = assert(new())
    assert(engine:receive(0, announce(OTHER)))
    local handlers = engine:stats().handlers
    assert.equal(2, handlers.calls)
    assert.equal(0, handlers.errors)
    assert.equal(0, handlers.slow)
    assert.equal("identity.addr", handlers.slowest_handler)
    assert.is_nil(handlers.last_error)
  end)

  it("tell slow ones", function()
    local engine = assert(new { addr = function(id)
      local stop = os.clock() + 0.15
      while os.clock() < stop do end -- luacheck: ignore 542
      return id[1]
    end })
    assert.equal(1, engine:stats().handlers.slow)
    assert.is_true(engine:stats().handlers.slowest >= 0.1)
  end)
end)
