local support = require "spec.core.support"
local engine, collector = support.engine, support.collector
local names = support.names

-- Anything a byte can be.
local ALL_BYTES = {}
for i = 0, 255 do ALL_BYTES[i + 1] = string.char(i) end
ALL_BYTES = table.concat(ALL_BYTES)

local function with(handler, options)
  local all = { broadcast = handler }
  for key, value in pairs(options or {}) do all[key] = value end
  return engine("a", all)
end

describe("without a broadcast handler", function()
  it("adding an item is an error", function()
    engine("a"):knowing("b"):refuses("no_handler", "add_broadcast", "hello")
  end)

  it("received items are dropped and counted, and the rest of the packet is applied", function()
    local e = engine("a")
    e:receive { kind = "gossip", from = "b", updates = { "c" }, items = { "one", "two" } }
    assert.same({ "b alive 0", "c alive 0" }, e:members())
    assert.equal(2, e:dropped("no_handler"))
    assert.equal(0, e:waiting_items())
  end)

  it("a malformed list of them is malformed all the same", function()
    local e = engine("a")
    e:refuses("malformed", "receive", e:packet { kind = "gossip", from = "b", tail = "\0\0" })
  end)
end)

describe("an item of our own", function()
  it("is queued under the key that the handler answers", function()
    local received = collector()
    local e = with(received.handler):knowing("b")
    assert.is_true(e:add("hello").ok)
    assert.equal(1, e:waiting_items())
    assert.same({ "hello" }, received.received)
  end)

  it("has no sender", function()
    local received = collector()
    with(received.handler):add("hello")
    assert.same({ false }, received.senders)
  end)

  it("is not queued when the handler does not want it", function()
    local e = with(collector({}, function() return false end).handler):knowing("b")
    assert.is_false(e:add("hello").ok)
    assert.equal(0, e:waiting_items())
  end)

  it("is malformed when it is empty", function()
    with(collector().handler):refuses("malformed", "add_broadcast", "")
  end)

  it("is too big when no packet could ever hold it", function()
    local e = with(collector().handler, { config = { max_packet_size = 300 } })
    e:refuses("too_big", "add_broadcast", ("x"):rep(300))
    e:refuses("too_big", "add_broadcast", ("x"):rep(70000))
  end)

  --- The largest that is taken now.
  local function add_largest(e)
    for size = 300, 1, -1 do
      local out = e:call("add_broadcast", ("x"):rep(size))
      if out.ok then return size end
      assert.equal("too_big", out.code)
    end
  end

  -- Identities are measured in steps of 16 bytes, and the count of the updates in a gossip is 2.
  it("of the largest size that is taken really goes out", function()
    local e = with(collector().handler, { config = { max_packet_size = 300 } }):knowing("b")
    local largest = add_largest(e)
    local packet = e:broadcast():the("broadcast")
    assert.same({ ("x"):rep(largest) }, packet.items)
    assert.is_true(packet.size + 2 > 300 - 16 and packet.size + 2 <= 300)
  end)

  it("is an error when the handler fails, and is not queued", function()
    local e = with { receive = function() error("no more room") end }
    local message = e:refuses("broadcast", "add_broadcast", "hello")
    assert.matches("no more room", message, 1, true)
  end)

  it("is spread while we know nobody yet: it waits", function()
    local e = with(collector().handler)
    e:add("hello")
    assert.equal(1, e:waiting_items())
    local out = e:receive { kind = "announce", from = "b" }
    assert.same({ "hello" }, out:the("feed").items)
  end)
end)

describe("a received item", function()
  it("is queued when the handler answers a key, and not otherwise", function()
    local received = collector({}, function(data) return data ~= "old" end)
    local e = with(received.handler)
    e:receive { kind = "gossip", from = "b", items = { "new", "old" } }
    assert.same({ "new", "old" }, received.received)
    assert.equal(1, e:waiting_items())
    assert.same({ "new" }, e:gossip():the("gossip").items)
  end)

  it("comes with the identity of who sent it", function()
    local received = collector()
    local e = with(received.handler)
    e:receive { kind = "broadcast", from = "b#4", items = { "x" } }
    assert.same({ { addr = "b:7946", bump = 4 } }, received.senders)
  end)

  it("arrives byte for byte, whichever bytes", function()
    local received = collector()
    local e = with(received.handler)
    local items = { ALL_BYTES, "\0", ("\255"):rep(600) }
    e:receive { kind = "gossip", from = "b", items = items }
    assert.same(items, received.received)
  end)

  it("of a failing handler is dropped and counted, and the next one is handled", function()
    local received = collector()
    local inner = received.handler.receive
    local e = with { receive = function(node, data, sender)
      if data == "bad" then error("cannot read that") end
      return inner(node, data, sender)
    end }
    e:receive { kind = "gossip", from = "b", updates = { "c" }, items = { "one", "bad", "two" } }
    assert.same({ "one", "two" }, received.received)
    assert.equal(2, e:waiting_items())
    assert.equal(1, e:dropped("broadcast"))
    assert.same({ "b alive 0", "c alive 0" }, e:members())
  end)

  it("that we could not pass on ourselves is dropped and counted", function()
    local received = collector()
    local e = engine(("long"):rep(15), { broadcast = received.handler, config = { max_packet_size = 300 } })
    local bytes = e:packet { kind = "broadcast", from = "b" }
    local item = ("x"):rep(300 - #bytes - 2)
    e:receive { kind = "broadcast", from = "b", items = { item } }
    assert.same({ item }, received.received)
    assert.equal(0, e:waiting_items())
    assert.equal(1, e:dropped("too_big"))
  end)

  it("with a key of more than 65,535 bytes is dropped and counted", function()
    local e = with { receive = function() return ("k"):rep(65536) end }
    e:receive { kind = "gossip", from = "b", items = { "x" } }
    assert.equal(1, e:dropped("broadcast"))
    assert.equal(0, e:waiting_items())
  end)

  it("is not asked about when its sender is down", function()
    local received = collector()
    local e = with(received.handler):knowing("b", "c down")
    e:receive { kind = "broadcast", from = "c", items = { "x" } }
    assert.same({}, received.received)
    assert.equal(0, e:waiting_items())
  end)

  it("is queued even while we are defunct", function()
    local received = collector()
    local e = with(received.handler):knowing("b")
    e:leave()
    e:receive { kind = "broadcast", from = "b", items = { "x" } }
    assert.same({ "x" }, received.received)
  end)
end)

describe("the backlog of broadcasts", function()
  it("keeps one item per key: a newer one replaces it", function()
    local e = with(collector().handler):knowing("b")
    e:add("k one")
    e:add("other")
    e:add("k two")
    assert.equal(2, e:waiting_items())
    local items = e:gossip():the("gossip").items
    assert.same({ "k two", "other" }, support.sorted(items))
  end)

  it("replaces all that the handler says are useless now", function()
    local handler = {
      receive = function(_, data) return data end,
      invalidates = function(key, other) return key == "reset" or key == other end,
    }
    local e = with(handler):knowing("b")
    for _, item in ipairs { "one", "two", "three", "one" } do e:add(item) end
    assert.equal(3, e:waiting_items())
    e:receive { kind = "gossip", from = "b", items = { "reset" } }
    assert.equal(1, e:waiting_items())
    assert.same({ "reset" }, e:gossip():the("gossip").items)
  end)

  it("keeps everything when nothing invalidates anything", function()
    local e = with { receive = function() return "same" end, invalidates = function() return false end }
    e:knowing("b")
    e:add("one")
    e:add("two")
    assert.equal(2, e:waiting_items())
  end)

  it("sends an item max_transmissions times, and then no more", function()
    local e = with(collector().handler, { config = { num_indirect_probes = 1 } }):knowing("b")
    e:add("hello")
    for _ = 1, 3 do assert.same({ "hello" }, e:gossip():the("gossip").items) end
    assert.equal(0, e:waiting_items())
    assert.same({}, e:gossip():the("gossip").items)
  end)

  it("sends first what has been sent least", function()
    local e = with(collector().handler, { config = { num_indirect_probes = 1, max_packet_size = 256 } })
    e:knowing("b")
    e:add(("x"):rep(120))
    e:broadcast()
    e:add(("y"):rep(120))
    assert.same({ ("y"):rep(120) }, e:broadcast():the("broadcast").items)
    assert.same({ ("x"):rep(120) }, e:broadcast():the("broadcast").items)
  end)

  it("does not lose or count what does not fit", function()
    local e = with(collector().handler, { config = { num_indirect_probes = 1, max_packet_size = 256 } })
    e:knowing("b")
    for _, letter in ipairs { "x", "y", "z" } do e:add(letter:rep(letter == "z" and 10 or 110)) end
    local counts = {}
    for _ = 1, 50 do
      for _, packet in ipairs(e:broadcast().packets) do
        for _, item in ipairs(packet.items) do
          counts[item:sub(1, 1)] = (counts[item:sub(1, 1)] or 0) + 1
        end
      end
    end
    assert.same({ x = 3, y = 3, z = 3 }, counts)
    assert.equal(0, e:waiting_items())
  end)

  it("comes after the updates, in the room they leave", function()
    local e = with(collector().handler, { config = { num_indirect_probes = 1, max_packet_size = 256 } })
    e:knowing("b")
    e:apply({ ("u"):rep(50) .. " down" }, { broadcast = true })
    e:add(("x"):rep(160))
    e:add("y")
    local packet = e:gossip():the("gossip")
    assert.equal(1, #packet.updates)
    assert.same({ "y" }, packet.items)
    assert.equal(2, e:waiting_items())
  end)
end)

describe("items ride on", function()
  local e

  before_each(function()
    e = with(collector().handler, { config = { num_indirect_probes = 1, max_transmissions = 255 } })
    e:knowing("b", "c")
    e:add(ALL_BYTES)
    e:add("second")
  end)

  local function carried(packet)
    assert.same({ ALL_BYTES, "second" }, packet.items)
  end

  it("pings", function() carried(e:next_ping()) end)
  it("acks", function() carried(e:receive({ kind = "ping", from = "b" }):the("ack")) end)
  it("ping_reqs", function()
    e:next_ping()
    carried(e:advance(0.25):the("ping_req"))
  end)
  it("indirect pings", function()
    carried(e:receive({ kind = "ping_req", from = "b", peer = "c" }):the("indirect_ping"))
  end)
  it("indirect acks", function()
    carried(e:receive({ kind = "indirect_ping", from = "b", peer = "c" }):the("indirect_ack"))
  end)
  it("forwarded acks", function()
    carried(e:receive({ kind = "indirect_ack", from = "b", peer = "c" }):the("forwarded_ack"))
  end)
  it("feeds", function() carried(e:receive({ kind = "announce", from = "b" }):the("feed")) end)
  it("gossip", function() carried(e:gossip():the("gossip")) end)
  it("broadcasts", function() carried(e:broadcast():sent("broadcast")[1]) end)

  it("and arrive at the other side as they were sent", function()
    local received = collector()
    local b = engine("b", { broadcast = received.handler })
    for _, packet in ipairs(e:gossip().packets) do
      if packet.to == "b" then b:receive(packet.bytes) end
    end
    for _, packet in ipairs(e:receive({ kind = "ping", from = "b" }).packets) do b:receive(packet.bytes) end
    assert.same(ALL_BYTES, received.received[1])
    assert.same("second", received.received[2])
    assert.same({ addr = "a:7946", bump = 1 }, received.senders[1])
  end)
end)

describe("a member that does not want items", function()
  local e, asked

  before_each(function()
    asked = {}
    e = with(collector({
      wanted_by = function(_, member)
        asked[#asked + 1] = member
        return member.addr ~= "picky:7946"
      end,
    }).handler):knowing("picky", "b")
  end)

  it("gets none, but updates as ever", function()
    e:add("hello")
    e:apply({ "c" }, { broadcast = true })
    local ack = e:receive({ kind = "ping", from = "picky" }):the("ack")
    assert.same({}, ack.items)
    assert.same({ "c alive 0" }, ack.updates)
    local other = e:receive({ kind = "ping", from = "b" }):the("ack")
    assert.same({ "hello" }, other.items)
    assert.same({ "c alive 0" }, other.updates)
  end)

  it("gets no broadcast", function()
    e:add("hello")
    for _ = 1, 10 do
      for _, target in ipairs(e:broadcast():targets()) do assert.equal("b", target) end
    end
  end)

  it("does not use up an item's transmissions", function()
    e:add("hello")
    for _ = 1, 10 do e:receive { kind = "ping", from = "picky" } end
    assert.equal(1, e:waiting_items())
  end)

  it("is asked about as a member, and only when items wait", function()
    e:receive { kind = "ping", from = "b" }
    e:gossip()
    e:broadcast()
    assert.same({}, asked)
    e:add("hello")
    e:receive { kind = "ping", from = "b", incarnation = 3 }
    assert.equal(1, #asked)
    assert.equal("b:7946", asked[1].addr)
    assert.equal("alive", asked[1].state)
    assert.equal(3, asked[1].incarnation)
    assert.same({ addr = "b:7946", bump = 1 }, asked[1].id)
  end)
end)

describe("broadcasting", function()
  it("sends items only, to distinct random members", function()
    local e = with(collector().handler, { config = { num_indirect_probes = 2 } })
    e:apply(names(8))
    e:apply { "x down" }
    e:apply({ "c" }, { broadcast = true })
    local seen = {}
    for i = 1, 40 do
      e:add("item " .. i)
      local out = e:broadcast()
      assert.equal(2, #out.packets)
      assert.is_true(support.distinct(out:targets("broadcast")))
      for _, packet in ipairs(out.packets) do
        assert.same({ "item " .. i }, packet.items)
        assert.same({}, packet.updates)
        seen[packet.to] = true
      end
    end
    assert.equal(1, e:backlog())
    assert.is_nil(seen.x)
    for _, name in ipairs(names(8)) do assert.is_true(seen[name], name) end
  end)

  it("sends nothing when there is none", function()
    local e = with(collector().handler)
    e:apply(names(8))
    e:apply({ "c" }, { broadcast = true })
    assert.same({}, e:broadcast().log)
  end)

  it("stops as soon as the backlog is empty", function()
    local e = with(collector().handler, { config = { num_indirect_probes = 5, max_transmissions = 2 } })
    e:apply(names(8))
    e:add("hello")
    local out = e:broadcast()
    assert.equal(2, #out.packets)
    assert.equal(0, e:waiting_items())
    assert.same({}, e:broadcast().log)
  end)

  it("is silent while alone", function()
    local e = with(collector().handler)
    e:add("hello")
    assert.same({}, e:broadcast().log)
    assert.equal(1, e:waiting_items())
  end)

  it("is silent while defunct", function()
    local e = with(collector().handler):knowing("b")
    e:leave()
    e:add("hello")
    assert.same({}, e:broadcast().log)
  end)

  it("without a handler sends nothing", function()
    assert.same({}, engine("a"):knowing("b"):broadcast().log)
  end)
end)

describe("broadcasting when hardly anybody wants items", function()
  local WANTED = { ["n1:7946"] = true, ["n2:7946"] = true, ["n3:7946"] = true, ["n4:7946"] = true }

  local function choosy(fanout)
    local e = with(collector({
      wanted_by = function(_, member) return WANTED[member.addr] or false end,
    }).handler, { config = { num_indirect_probes = fanout } })
    e:apply(names(1500))
    return e
  end

  it("still finds them all", function()
    local e = choosy(4)
    e:configure { max_transmissions = 4 }
    e:add("hello")
    assert.same({ "n1", "n2", "n3", "n4" }, e:broadcast():targets())
  end)

  it("still picks them uniformly", function()
    local e, counts = choosy(1), {}
    for i = 1, 400 do
      e:add("k " .. i)
      local to = e:broadcast():the("broadcast").to
      counts[to] = (counts[to] or 0) + 1
    end
    -- Three degrees of freedom.
    assert.is_true(support.chi_square(counts, 100) < 16.3)
  end)
end)

describe("a malformed list of items", function()
  local received, e

  before_each(function()
    received = collector()
    e = with(received.handler):knowing("b")
  end)

  for what, tail in pairs {
    ["an item of length 0"] = "\0\0",
    ["an item that reaches beyond the packet"] = "\0\5hell",
    ["a length without an item"] = "\0\5",
    ["half a length"] = "\0",
    ["the largest length"] = "\255\255x",
  } do
    for _, kind in ipairs { "gossip", "broadcast", "ping", "feed" } do
      it(("makes the packet malformed, and nothing before it is applied: %s in a %s"):format(what, kind), function()
        local bytes = e:packet {
          kind = kind, from = "n", updates = { "c", "b suspect" }, items = { "good" }, tail = tail,
        }
        e:refuses("malformed", "receive", bytes)
        assert.same({}, received.received)
      end)
    end
  end

  it("may be missing altogether", function()
    e:receive { kind = "broadcast", from = "n" }
    e:receive { kind = "gossip", from = "n" }
    assert.same({}, received.received)
  end)
end)

describe("an item that waits", function()
  it("that nobody wants is given up after as many turns as it would have been sent", function()
    local e = engine("a", {
      config = { gossip = { every = 0.125, members = 3 }, probe_period = 1000 },
      broadcast = { receive = function(_, data) return data end, wanted_by = function() return false end },
    }):knowing("b", "c")
    e:add "item"
    assert.equal(1, e:waiting_items())
    local out = e:advance(10)
    assert.same({}, out:sent("gossip"))
    assert.equal(0, e:waiting_items())
    assert.is_true(e.core:deadline() > e.now + 10)
  end)

  it("waits for members who want it while somebody does", function()
    local wanted = false
    local e = engine("a", {
      config = { gossip = { every = 0.125, members = 3 }, probe_period = 1000 },
      broadcast = {
        receive = function(_, data) return data end,
        wanted_by = function(_, member) return wanted and member.addr:sub(1, 1) == "b" end,
      },
    }):knowing("b", "c")
    e:add "item"
    e:advance(0.25)
    wanted = true
    local out = e:advance(1)
    assert.same({ "b", "b", "b" }, out:targets("gossip"))
    assert.equal(0, e:waiting_items())
  end)

  it("is offered once to each member in a turn", function()
    local asked = 0
    local e = engine("a", {
      config = { gossip = { every = 0.125, members = 3 }, probe_period = 1000 },
      broadcast = {
        receive = function(_, data) return data end,
        wanted_by = function()
          asked = asked + 1
          return true
        end,
      },
    }):knowing("b", "c", "d")
    e:add "item"
    local out = e:advance(0.125)
    assert.equal(3, #out:sent("gossip"))
    assert.equal(3, asked)
  end)
end)
