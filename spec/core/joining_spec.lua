local core = require "shoal.core"
local support = require "spec.core.support"
local engine, mortal = support.engine, support.mortal
local names, sorted, contains = support.names, support.sorted, support.contains

-- Every kind of packet that somebody may send to our very identity, but
-- turn_undead (which is no way to join).
local ADDRESSED = {
  "ping", "ack", "ping_req", "indirect_ping", "indirect_ack", "forwarded_ack",
  "announce", "feed", "gossip", "broadcast",
}

describe("announcing", function()
  it("sends one announce and changes no membership", function()
    local e = engine("a")
    local before = e:snapshot()
    local out = e:announce("b")
    assert.same({ "announce b" }, out.sends)
    assert.same({}, out.events)
    assert.same(before, e:snapshot())
  end)

  it("works towards a member that is known already", function()
    local e = engine("a"):knowing("b")
    local out = e:announce("b")
    assert.same({ "announce b" }, out.log)
  end)

  it("to ourselves is refused", function()
    local e = engine("a#2")
    e:refuses("identity", "announce", e:id("a#2"))
    e:refuses("identity", "announce", e:id("a#1"))
  end)

  it("tells who asks, at which incarnation", function()
    local e = engine("a")
    e:apply { "a suspect 6" }
    local packet = e:announce("b"):the("announce")
    assert.equal("a", packet.from)
    assert.equal(7, packet.incarnation)
    assert.equal("b", packet.to)
  end)
end)

describe("an announce from a newcomer", function()
  it("registers its sender as alive and is answered with a feed", function()
    local e = engine("a")
    local out = e:receive { kind = "announce", from = "b", incarnation = 4 }
    assert.same({ "member_up b", "active" }, out.events)
    assert.same({ "feed b" }, out.sends)
    assert.same({ "b alive 4" }, e:members())
    assert.equal("active", e.core:connection())
  end)

  it("arms the first probe a full period away", function()
    local e = engine("a")
    e:receive { kind = "announce", from = "b" }
    assert.equal(e.now + 1, e.core:deadline())
    assert.same({}, e:advance(1 - 1 / 64).log)
    assert.same({ "ping b" }, e:advance(1 / 64).sends)
  end)

  it("does not make an active engine active again", function()
    local e = engine("a"):knowing("b")
    local out = e:receive { kind = "announce", from = "c" }
    assert.same({ "member_up c" }, out.events)
  end)

  it("does not put off the probe that is armed already", function()
    local e = engine("a"):knowing("b")
    local deadline = e.core:deadline()
    e:advance(0.5)
    e:receive { kind = "announce", from = "c" }
    assert.equal(deadline, e.core:deadline())
  end)

  it("is malformed when a single byte follows its header", function()
    local e = engine("a")
    for _, tail in ipairs { "\0", "\0\0", "\255" } do
      e:refuses("malformed", "receive", e:packet { kind = "announce", from = "b", tail = tail })
    end
  end)

  it("is ignored when it is meant for another address", function()
    local e = engine("a")
    e:ignores { kind = "announce", from = "b", to = "c" }
    assert.equal(1, e:dropped("not_for_us"))
  end)

  it("is accepted when it names our address under another identity", function()
    for _, to in ipairs { "a#2", "a#7" } do
      local e = engine("a")
      local out = e:receive { kind = "announce", from = "b", to = to }
      assert.same({ "member_up b", "active" }, out.events)
      assert.same({ "feed b" }, out.sends)
    end
  end)

  it("is answered to a member that we knew before", function()
    local e = engine("a"):knowing("b", "c")
    local out = e:receive { kind = "announce", from = "b" }
    assert.same({}, out.events)
    assert.same({ "c alive 0" }, out:the("feed").updates)
  end)
end)

describe("a feed", function()
  it("registers its sender and every member it lists", function()
    local e = engine("a")
    local out = e:receive { kind = "feed", from = "b", updates = { "c", "d suspect 2" } }
    assert.same({ "active", "member_up b", "member_up c", "member_up d" }, sorted(out.events))
    assert.same({ "b alive 0", "c alive 0", "d suspect 2" }, e:members())
    assert.same({}, out.sends)
  end)

  it("lists active members with their state and incarnation", function()
    local e = engine("a"):knowing("b alive 3", "c suspect 4", "d alive 0")
    local feed = e:receive { kind = "announce", from = "n" }:the("feed")
    assert.same({ "b alive 3", "c suspect 4", "d alive 0" }, sorted(feed.updates))
  end)

  it("lists no member that is down", function()
    local e = engine("a"):knowing("b", "c down 1", "d")
    local feed = e:receive { kind = "announce", from = "n" }:the("feed")
    assert.same({ "b alive 0", "d alive 0" }, sorted(feed.updates))
  end)

  it("does not list whom it is sent to", function()
    local e = engine("a"):knowing("b", "n", "d")
    local feed = e:receive { kind = "announce", from = "n" }:the("feed")
    assert.same({ "b alive 0", "d alive 0" }, sorted(feed.updates))
  end)

  it("is sent even when there is nobody to list", function()
    local feed = engine("a"):receive { kind = "announce", from = "n" }:the("feed")
    assert.same({}, feed.updates)
  end)

  it("takes nothing from the backlog", function()
    local e = engine("a"):knowing("b", "c")
    e:receive { kind = "gossip", from = "b", updates = { "c suspect 0" } }
    e:receive { kind = "announce", from = "n" }
    local counts = e:exhaust()
    assert.equal(3, counts["c suspect 0"])
    assert.equal(3, counts["n alive 0"])
  end)

  describe("that cannot list everyone", function()
    local e, member_size

    before_each(function()
      e = engine("a", { config = { max_packet_size = 256 } })
      e:apply(names(40, "member-"))
      member_size = #core.codec.encode_member { id = e:id("member-10"), incarnation = 0, state = "alive" }
    end)

    it("is filled to the packet size with whole members", function()
      local feed = e:receive { kind = "announce", from = "n" }:the("feed")
      assert.is_true(#feed.updates > 1)
      assert.is_true(feed.size <= 256)
      assert.is_true(feed.size + member_size > 256)
    end)

    it("lists no member twice", function()
      local feed = e:receive { kind = "announce", from = "n" }:the("feed")
      assert.is_true(support.distinct(feed.updates))
    end)

    it("does not list the same members as the one before", function()
      local one = e:receive { kind = "announce", from = "n" }:the("feed")
      local two = e:receive { kind = "announce", from = "m" }:the("feed")
      assert.is_true(#one.updates > 1 and #two.updates > 1)
      assert.are_not.same(sorted(one.updates), sorted(two.updates))
    end)

    it("goes round and round: soon everyone has been listed, and again", function()
      local least = #e:receive({ kind = "announce", from = "n" }):the("feed").updates - 1
      for _ = 1, 3 do
        local listed = {}
        for _ = 1, math.ceil(41 / least) + 1 do
          for _, update in ipairs(e:receive({ kind = "announce", from = "n" }):the("feed").updates) do
            listed[update] = true
          end
        end
        for _, name in ipairs(names(40, "member-")) do
          assert.is_true(listed[name .. " alive 0"], name .. " was not listed")
        end
      end
    end)
  end)
end)

describe("a packet to our identity from somebody unknown", function()
  local function from(e, name, kind)
    return e:packet { kind = kind, from = name, peer = "z", number = 9 }
  end

  for _, kind in ipairs(ADDRESSED) do
    it("is a join: " .. kind, function()
      local e = engine("a")
      local out = e:receive(from(e, "b", kind))
      assert.same({ "member_up b", "active" }, out.events)
      assert.same({ "b alive 0" }, e:members())
    end)

    it("is dropped while max_members are alive, and its sender is told: " .. kind, function()
      local e = engine("a", { config = { max_members = 2 } }):knowing("b", "c")
      local before = e:snapshot()
      assert.same({ "refused d" }, e:receive(from(e, "d", kind)).log)
      assert.same(before, e:snapshot())
      assert.equal(1, e:dropped("full"))
    end)
  end

  it("does not let in the members it lists beyond max_members either", function()
    local e = engine("a", { config = { max_members = 3 } })
    e:receive { kind = "gossip", from = "b", updates = { "c", "d", "e", "f" } }
    assert.equal(3, e.core:num_members())
    assert.equal(2, e:dropped("full"))
  end)

  it("takes the room of a down member", function()
    local e = engine("a", { config = { max_members = 2 } }):knowing("b", "c"):knowing("c down")
    local out = e:receive(from(e, "d", "gossip"))
    assert.same({ "member_forgotten c", "member_up d" }, out.log)
    assert.same({ "b alive 0", "d alive 0" }, e:state())
    assert.same({ "refused e" }, e:receive(from(e, "e", "gossip")).log)
  end)

  it("is let in at the limit when it renews a known address", function()
    local e = engine("a", { config = { max_members = 2 } }):knowing("b", "c")
    local out = e:receive(from(e, "b#2", "gossip"))
    assert.same({ "rename b b#2" }, out.events)
    assert.equal(0, e:dropped("full"))
  end)

  it("may be one of 65,536 members by default", function()
    assert.equal(65536, core.preset("simple", 1).max_members)
    assert.equal(65536, core.preset("lan", 100).max_members)
  end)
end)

describe("a joined engine", function()
  it("is fed by its seed and then knows the cluster", function()
    local seed, newcomer = mortal("s"):knowing("b", "c suspect 2"), mortal("n")
    local announce = newcomer:announce("s"):the("announce")
    local feed = seed:receive(announce.bytes):the("feed")
    local out = newcomer:receive(feed.bytes)
    assert.is_true(contains(out.events, "active"))
    assert.same({ "b alive 0", "c suspect 2", "s alive 0" }, newcomer:members())
    assert.same({ "b alive 0", "c suspect 2", "n alive 0" }, seed:members())
  end)
end)
