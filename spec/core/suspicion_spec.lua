local support = require "spec.core.support"
local engine, healing, mortal = support.engine, support.healing, support.mortal

local KINDS = {
  "ping", "ack", "ping_req", "indirect_ping", "indirect_ack", "forwarded_ack",
  "announce", "feed", "gossip", "broadcast",
}

describe("a suspicion about ourselves", function()
  it("is refuted with one incarnation more than the suspected one, at once", function()
    local e = engine("a"):knowing("b", "c", "d")
    local out = e:receive { kind = "gossip", from = "b", updates = { "a suspect 0" } }
    assert.equal(1, e:incarnation())
    assert.equal(2, #out:sent("gossip"))
    assert.same({}, out.events)
    for _, packet in ipairs(out.packets) do
      assert.equal(1, packet.incarnation)
      assert.is_true(packet.incarnation == 1)
    end
  end)

  it("is refuted when it is about an incarnation that we never had", function()
    local e = engine("a"):knowing("b")
    e:apply { "a suspect 41" }
    assert.equal(42, e:incarnation())
    assert.equal(42, e:gossip():the("gossip").incarnation)
  end)

  it("is refuted again and again", function()
    local e = engine("a"):knowing("b")
    for i = 0, 9 do
      local out = e:receive { kind = "gossip", from = "b", updates = { "a suspect " .. i } }
      assert.equal(i + 1, e:incarnation())
      assert.equal(i + 1, out:the("gossip").incarnation)
      e:live(0.5)
    end
    assert.equal(10, e.core:stats().refutations)
  end)

  -- Else each packet of somebody who makes them up would cost us several.
  it("is refuted in packets of its own once per probe_rtt, however high the accusations go", function()
    for _, e in ipairs { engine("a"):knowing("b", "c", "d", "e"), healing("a"):knowing("b", "c", "d", "e") } do
      local gossips = 0
      for i = 0, 999 do
        local kind = i % 3 == 2 and "down" or "suspect"
        if e.core:config().notify_down_members or kind == "suspect" then
          local claim = ("a %s %d"):format(kind, i)
          gossips = gossips + #e:receive({ kind = "gossip", from = "b", updates = { claim } }):sent("gossip")
        end
      end
      assert.is_true(e:incarnation() >= 999)
      assert.equal(e.core:config().num_indirect_probes, gossips)
      assert.is_true(support.contains(e:gossip():sent("gossip")[1].updates, "a alive " .. e:incarnation()))
    end
  end)

  it("is old news when it is about an incarnation that we left behind", function()
    local e = engine("a"):knowing("b")
    e:apply { "a suspect 4" }
    local out = e:receive { kind = "gossip", from = "b", updates = { "a suspect 4" } }
    assert.equal(5, e:incarnation())
    assert.same({}, out.events)
    assert.same({}, e:receive({ kind = "gossip", from = "b", updates = { "a suspect 0" } }).log)
    assert.equal(5, e:incarnation())
    assert.equal(0, e.core:stats().refutations - 1)
  end)

  -- Whoever repeats it has not heard the refutation, or has lost it.
  it("is answered when it was refuted already: the refutation is told again, once per probe_rtt", function()
    local e = engine("a"):knowing("b")
    e:apply { "a suspect 4" }
    for _ = 1, 3 do
      local out = e:receive { kind = "gossip", from = "b", updates = { "a suspect 4", "a suspect 1" } }
      assert.same({ "a alive 5" }, out:the("gossip").updates)
      assert.same({}, e:receive({ kind = "gossip", from = "b", updates = { "a suspect 4" } }).log)
      e:advance(0.25, function(packet)
        return packet.kind == "ping" and { kind = "ack", from = "b", number = packet.number } or nil
      end)
    end
    assert.equal(5, e:incarnation())
  end)

  it("is refuted while we know nobody, for those to come", function()
    local e = engine("a")
    assert.same({}, e:apply({ "a suspect 3" }).log)
    assert.equal(4, e:incarnation())
    assert.equal(4, e:announce("b"):the("announce").incarnation)
  end)

  it("clears up where it was held", function()
    local a, b = engine("a"):knowing("b"), engine("b"):knowing("a")
    b:next_ping()
    b:advance(1)
    assert.equal("suspect", b:state_of("a"))
    local word = b:gossip():the("gossip")
    for _, packet in ipairs(a:receive(word.bytes).packets) do b:receive(packet.bytes) end
    assert.equal("alive", b:state_of("a"))
  end)
end)

describe("an alive claim about ourselves", function()
  it("changes nothing, whatever its incarnation", function()
    for _, incarnation in ipairs { 0, 1, 65535 } do
      local e = engine("a"):knowing("b")
      e:ignores { kind = "gossip", from = "b", updates = { "a alive " .. incarnation } }
    end
  end)
end)

describe("at the maximum incarnation", function()
  it("the last refutation is still possible", function()
    local e = mortal("a"):knowing("b")
    local out = e:apply { "a suspect 65534" }
    assert.equal(65535, e:incarnation())
    assert.same({}, out.events)
  end)

  it("an engine that is suspected renews its identity", function()
    local e = engine("a"):knowing("b")
    local out = e:receive { kind = "gossip", from = "b", updates = { "a suspect 65535" } }
    assert.same({ "rejoin a#2" }, out.events)
    assert.equal("a#2", e:whoami())
    assert.is_true(e:incarnation() < 65535)
  end)

  it("an engine that is suspected and cannot be renewed is defunct", function()
    local e = mortal("a"):knowing("b")
    assert.same({ "defunct" }, e:apply({ "a suspect 65535" }).events)
    assert.equal("defunct", e.core:connection())
  end)

  it("another member's suspicion still runs its course", function()
    local e = engine("a"):knowing("b", "c suspect 65535")
    e:apply { "c alive 65535" }
    assert.equal("suspect", e:state_of("c"))
    assert.same({ "member_down c" }, e:live(5, { "c" }).events)
  end)
end)

describe("a suspect", function()
  for _, kind in ipairs(KINDS) do
    it("is cleared by its own packet with a higher incarnation: " .. kind, function()
      local e = engine("a"):knowing("b", "c suspect 3")
      e:receive { kind = kind, from = "c", incarnation = 4, peer = "b" }
      assert.equal("alive", e:state_of("c"))
      assert.equal(4, e:member("c").incarnation)
      assert.same({}, e:live(10).events)
    end)

    it("is not cleared by its own packet with the same incarnation: " .. kind, function()
      local e = engine("a"):knowing("b", "c suspect 3")
      e:receive { kind = kind, from = "c", incarnation = 3, peer = "b" }
      assert.equal("suspect", e:state_of("c"))
      assert.same({ "member_down c" }, e:live(5).events)
    end)
  end

  it("is cleared by what others tell of a higher incarnation", function()
    local e = engine("a"):knowing("b", "c suspect 3")
    e:receive { kind = "gossip", from = "b", updates = { "c alive 4" } }
    assert.equal("alive", e:state_of("c"))
    assert.same({}, e:live(10).events)
  end)

  it("is declared down after suspect_to_down_after, not earlier", function()
    local e = engine("a"):knowing("b", "c suspect 3")
    assert.same({}, e:live(4 - 1 / 64, { "c" }).events)
    local out = e:live(1 / 64, { "c" })
    assert.same({ "member_down c" }, out.events)
    assert.equal("down", e:state_of("c"))
    assert.equal(1, e.core:num_members())
  end)

  it("is declared down for all to hear", function()
    local e = engine("a"):knowing("b", "c suspect 3")
    e:live(4, { "c" })
    local told = e:exhaust()
    local found
    for update in pairs(told) do found = found or update:match("^c down") end
    assert.equal("c down", found)
  end)

  it("is declared down when we found it silent ourselves", function()
    local e = engine("a"):knowing("b", "c")
    local out = e:live(20, { "c" })
    assert.same({ "member_down c" }, out.events)
    local failed
    for _, packet in ipairs(out:sent("ping")) do
      if packet.to == "c" then failed = failed or packet.at + 1 end
    end
    assert.equal(failed + 4, out:time_of("member_down c"))
  end)

  it("makes us idle when it was the last", function()
    local e = engine("a"):knowing("b suspect")
    assert.same({ "member_down b", "idle" }, e:live(4, { "b" }).events)
  end)

  it("has its time from the first suspicion, however often it is told again", function()
    local e = engine("a"):knowing("b", "c suspect 3")
    e:live(2, { "c" })
    e:receive { kind = "gossip", from = "b", updates = { "c suspect 3" } }
    assert.equal(1004, e:live(3, { "c" }):time_of("member_down c"))
  end)

  it("has its full time for every one of many", function()
    local e = engine("a")
    e:apply(support.names(20))
    for i, name in ipairs(support.names(20)) do
      e:apply { name .. " suspect" }
      assert.equal(e.now, e:member(name).since, i)
      e:live(1 / 8, support.names(20))
    end
    e.core:set_config(e.now, { probe_period = 1000, probe_rtt = 1 })
    local out = e:advance(8)
    for i, name in ipairs(support.names(20)) do
      assert.equal(1004 + (i - 1) / 8, out:time_of("member_down " .. name))
    end
  end)
end)
