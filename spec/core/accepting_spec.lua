local core = require "shoal.core"
local support = require "spec.core.support"
local engine, mortal, collector = support.engine, support.mortal, support.collector
local sorted = support.sorted

describe("a packet that claims to come from ourselves", function()
  for _, kind in ipairs { "ping", "ack", "ping_req", "announce", "feed", "gossip", "broadcast", "turn_undead" } do
    it("is refused under our identity: " .. kind, function()
      local e = engine("a"):knowing("b")
      e:refuses("from_ourselves", "receive", e:packet { kind = kind, from = "a", peer = "b" })
      assert.equal(1, e:dropped("from_ourselves"))
    end)

    it("is refused under another identity with our address: " .. kind, function()
      local e = engine("a#2"):knowing("b")
      e:refuses("from_ourselves", "receive", e:packet { kind = kind, from = "a", peer = "b" })
      e:refuses("from_ourselves", "receive", e:packet { kind = kind, from = "a#3", peer = "b" })
      assert.equal(2, e:dropped("from_ourselves"))
    end)
  end

  it("does not get its updates in", function()
    local e = engine("a")
    e:refuses("from_ourselves", "receive", e:packet { kind = "gossip", from = "a#2", updates = { "b" } })
  end)
end)

describe("a malformed packet", function()
  local received, e

  before_each(function()
    received = collector()
    e = engine("a", { broadcast = received.handler }):knowing("b")
  end)

  local function refused(bytes)
    e:refuses("malformed", "receive", bytes)
    assert.same({}, received.received)
  end

  for _, kind in ipairs {
    "ping", "ack", "ping_req", "indirect_ping", "indirect_ack", "forwarded_ack",
    "announce", "feed", "gossip", "broadcast", "turn_undead",
  } do
    it("has a single byte too many, and nothing of it is applied: " .. kind, function()
      refused(e:packet { kind = kind, from = "n", peer = "b", updates = { "c", "b suspect" }, tail = "\0" })
    end)
  end

  it("has a single byte behind its custom items", function()
    refused(e:packet { kind = "gossip", from = "n", updates = { "c" }, items = { "x" }, tail = "\1" })
  end)

  it("ends before it should, wherever it is cut", function()
    local bytes = e:packet { kind = "gossip", from = "n", updates = { "c", "d" }, items = { "xy", "z" } }
    -- Cut there, what is left is a whole packet with fewer parts.
    local whole = {
      [#e:packet { kind = "announce", from = "n" }] = true, -- the header alone
      [#e:packet { kind = "gossip", from = "n", updates = { "c", "d" } }] = true,
      [#e:packet { kind = "gossip", from = "n", updates = { "c", "d" }, items = { "xy" } }] = true,
    }
    for size = 0, #bytes - 1 do
      if not whole[size] then refused(bytes:sub(1, size)) end
    end
    assert.equal(#bytes - 3, e:dropped("malformed"))
    e:receive(bytes)
    assert.same({ "b alive 0", "c alive 0", "d alive 0", "n alive 0" }, e:members())
    assert.same({ "xy", "z" }, received.received)
  end)

  it("announces more updates than it has", function()
    refused(e:packet { kind = "gossip", from = "n", updates = { "c" }, count = 2 })
    refused(e:packet { kind = "gossip", from = "n", count = 65535 })
  end)

  it("announces fewer updates than it has", function()
    refused(e:packet { kind = "gossip", from = "n", updates = { "c", "d" }, count = 1 })
  end)

  it("is none of ours at all", function()
    for _, junk in ipairs { "", "\0", "\193", "GET / HTTP/1.1\r\n\r\n", ("\255"):rep(1400), "\221\16\0\0\0" } do
      refused(junk)
    end
  end)

  it("is counted, and told what is wrong with it", function()
    local bytes = e:packet { kind = "gossip", from = "n", tail = "\7" }
    assert.is_true(#e:refuses("malformed", "receive", bytes) > 0)
    assert.equal(1, e:dropped("malformed"))
    assert.equal(1, e.core:stats().packets_received)
    assert.equal(0, e.core:stats().received.gossip)
  end)
end)

describe("a packet of a newer release", function()
  local function changed(e, at, value)
    local bytes = e:packet { kind = "gossip", from = "b" }
    return bytes:sub(1, at - 1) .. string.char(value) .. bytes:sub(at + 1)
  end

  it("is unsupported when its protocol version is unknown", function()
    local e = engine("a")
    e:refuses("unsupported", "receive", changed(e, 2, 2))
    assert.equal(1, e:dropped("unsupported"))
  end)

  it("is unsupported when its kind of message is unknown", function()
    local e = engine("a")
    e:refuses("unsupported", "receive", changed(e, 3, 100))
    assert.equal(1, e:dropped("unsupported"))
  end)
end)

describe("a packet for somebody else", function()
  it("is ignored and counted", function()
    local e = engine("a"):knowing("b")
    e:ignores { kind = "ping", from = "b", to = "c" }
    e:ignores { kind = "gossip", from = "n", to = "c", updates = { "d" } }
    e:ignores { kind = "turn_undead", from = "b", to = "c" }
    assert.equal(3, e:dropped("not_for_us"))
  end)

  it("is ignored when it is meant for an older identity of ours", function()
    local e = engine("a"):knowing("b")
    e:become("a#2")
    e:ignores { kind = "ping", from = "b", to = "a" }
    e:ignores { kind = "turn_undead", from = "b", to = "a" }
    assert.equal(2, e:dropped("not_for_us"))
  end)

  it("tells of one for a newer identity at our address, where the codec names it: somebody is taken for us", function()
    local e = engine("a#2", { diagnostics = { "conflict" }, codec = support.whole }):knowing("b")
    local function hears(kind, to) return e:receive({ kind = kind, from = "b", to = to }).events end
    assert.same({ "conflict a#3" }, hears("ping", "a#3"))
    assert.equal(1, e.core:stats().conflicts)
    assert.same({}, hears("ping", "a"))
    assert.same({}, hears("ping", "c"))
    assert.equal(3, e:dropped("not_for_us"))
    assert.same({}, hears("ping", "a#2"))
    assert.same({}, hears("announce", "c"))
    assert.equal(4, e:dropped("not_for_us"))
    assert.same({ "conflict a#3" }, hears("announce", "a#3"))
    assert.equal(4, e:dropped("not_for_us"))
  end)

  it("is ignored when it is meant for an identity of ours that is yet to come", function()
    local e = engine("a"):knowing("b")
    e:ignores { kind = "ping", from = "b", to = "a#2" }
  end)
end)

describe("an indirect probe with ourselves at its far end", function()
  local cases = {
    ping_req = "asks us to ping ourselves",
    indirect_ping = "asks on our own behalf",
    indirect_ack = "is an answer to be forwarded to ourselves",
    forwarded_ack = "tells us that we are there",
  }

  for kind, what in pairs(cases) do
    it(("%s: %s"):format(kind, what), function()
      local e = engine("a"):knowing("b")
      local bytes = e:packet { kind = kind, from = "b", peer = "a", number = 3 }
      e:refuses("indirect_for_ourselves", "receive", bytes)
      assert.equal(1, e:dropped("indirect_for_ourselves"))
    end)

    it(kind .. " does not let its sender or updates in either", function()
      local e = engine("a"):knowing("b")
      local bytes = e:packet { kind = kind, from = "n", peer = "a", updates = { "c" } }
      e:refuses("indirect_for_ourselves", "receive", bytes)
    end)
  end
end)

-- What an update does to us while its packet is being handled must not disturb
-- the rest of the packet. (Every send is taken apart by the support code.)
describe("a packet that changes us while it is being handled", function()
  it("makes us refute and is otherwise applied and answered", function()
    local received = collector()
    local e = engine("a", { broadcast = received.handler }):knowing("b", "c")
    local out = e:receive {
      kind = "ping", from = "b", number = 77,
      updates = { "d", "a suspect 0", "e", "c suspect 0" },
      items = { "x one", "y two" },
    }
    assert.same({ "member_up d", "member_up e" }, out.events)
    assert.same({ "b alive 0", "c suspect 0", "d alive 0", "e alive 0" }, e:members())
    assert.same({ "x one", "y two" }, received.received)
    assert.equal(1, e:incarnation())
    local ack = out:the("ack")
    assert.equal(77, ack.number)
    assert.equal(1, ack.incarnation)
    assert.equal(2, #out:sent("gossip"))
  end)

  it("makes us renew, and what stands behind that in the packet is still applied", function()
    local received = collector()
    local e = engine("a", { broadcast = received.handler }):knowing("b", "c")
    local out = e:receive {
      kind = "ping", from = "b", number = 77,
      updates = { "d", "a down 0", "e", "c down 0" },
      items = { "x one", "y two" },
    }
    assert.equal("a#2", e:whoami())
    assert.is_true(support.contains(out.events, "rejoin a#2"))
    assert.same({ "b alive 0", "d alive 0", "e alive 0" }, e:members())
    assert.same({ "x one", "y two" }, received.received)
    for _, packet in ipairs(out.packets) do assert.equal("a#2", packet.from) end
  end)

  it("makes us renew twice, and is not answered in the name of who was asked", function()
    local e = engine("a"):knowing("b", "c")
    local out = e:receive { kind = "ping", from = "b", updates = { "a down", "a#2 down" } }
    assert.same({ "rejoin a#2", "rejoin a#3" }, out.events)
    assert.equal("a#3", e:whoami())
    assert.same({}, out:sent("ack"))
  end)

  it("makes us defunct", function()
    local e = mortal("a"):knowing("b", "c")
    local out = e:receive {
      kind = "ping_req", from = "b", peer = "c", number = 7,
      updates = { "d", "a down 0", "e" },
    }
    assert.equal("defunct", e.core:connection())
    assert.same({ "defunct", "member_up d", "member_up e" }, sorted(out.events))
  end)

  it("makes us lose its own sender, and so everyone", function()
    local e = engine("a"):knowing("b")
    local out = e:receive { kind = "ping", from = "b", updates = { "b down 0" } }
    assert.same({ "member_down b", "idle" }, out.events)
    assert.equal("idle", e.core:connection())
    assert.equal("alive", (e:receive { kind = "ping", from = "c" }) and e:state_of("c"))
  end)

  it("names the same member many times", function()
    local e = engine("a"):knowing("b")
    local updates = {}
    for i = 1, 40 do updates[i] = ("c %s %d"):format(i % 2 == 0 and "suspect" or "alive", i) end
    local out = e:receive { kind = "gossip", from = "b", updates = updates }
    assert.same({ "member_up c" }, out.events)
    assert.same({ "b alive 0", "c suspect 40" }, e:members())
    assert.equal(1, e:backlog())
  end)

  it("goes on working after the largest packet that we take", function()
    local e = engine("a", { config = { max_packet_size = 65507 } })
    local updates = support.names(2000)
    updates[#updates + 1] = "a suspect 9"
    local out = e:receive { kind = "feed", from = "b", updates = updates }
    assert.equal(2001, e.core:num_members())
    assert.equal(10, e:incarnation())
    assert.equal(2, #out:sent("gossip"))
    assert.is_true(#out:sent("gossip")[1].updates > 100)
  end)
end)

describe("accepted packets", function()
  it("are counted by kind", function()
    local e = engine("a"):knowing("b")
    e:receive { kind = "ping", from = "b" }
    e:receive { kind = "ping", from = "b" }
    e:receive { kind = "gossip", from = "b" }
    local stats = e.core:stats()
    assert.equal(3, stats.packets_received)
    assert.equal(2, stats.received.ping)
    assert.equal(1, stats.received.gossip)
    assert.equal(2, stats.sent.ack)
    assert.equal(2, stats.packets_sent)
  end)

  it("may have header fields that we do not know", function()
    local e = engine("a")
    local bytes = e:packet { kind = "announce", from = "b" }
    local fields = bytes:byte(1)
    assert.equal(0x95, fields, "an announce's header has five fields")
    e:receive(string.char(fields + 2) .. bytes:sub(2) .. core.pack("news") .. core.pack { 1, 2 })
    assert.equal("alive", e:state_of("b"))
  end)
end)
