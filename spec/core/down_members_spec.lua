local support = require "spec.core.support"
local engine, healing, foreign, mortal = support.engine, support.healing, support.foreign, support.mortal

describe("a down member, where verdicts are final,", function()
  it("stays down whatever is claimed about that identity", function()
    local e = engine("a"):knowing("b", "c down 2")
    for _, claim in ipairs { "c alive 2", "c alive 3", "c suspect 3", "c alive 65535", "c down 9" } do
      local out = e:receive { kind = "gossip", from = "b", updates = { claim } }
      assert.same({}, out.log, claim)
      assert.equal("down", e:state_of("c"))
    end
    assert.equal(0, e:backlog())
  end)

  it("is ignored when it talks to us, and so is what it says", function()
    local e = engine("a"):knowing("b", "c down")
    e:ignores { kind = "ping", from = "c", incarnation = 7, updates = { "d" } }
    e:ignores { kind = "announce", from = "c", incarnation = 7 }
    e:ignores { kind = "gossip", from = "c", incarnation = 7, updates = { "b down 0" } }
    assert.equal(3, e:dropped("down_sender"))
  end)

  it("is refused until remove_down_after is over, and may then come back", function()
    local e = engine("a"):knowing("c down 2")
    e:advance(16 - 1 / 64)
    e:ignores { kind = "announce", from = "c", incarnation = 3 }
    e:advance(1 / 64)
    assert.same({}, e:state())
    local out = e:receive { kind = "announce", from = "c", incarnation = 3 }
    assert.same({ "member_up c", "active" }, out.events)
    assert.same({ "feed c" }, out.sends)
  end)

  it("is remembered from when it went down, not from when it was last talked about", function()
    local e = engine("a"):knowing("b", "c down")
    e:live(8)
    e:receive { kind = "gossip", from = "b", updates = { "c down 0" } }
    e:live(8)
    assert.is_nil(e:member("c"))
  end)

  it("is told apart by its time: each is forgotten at its own", function()
    local e = engine("a"):knowing("c down")
    e:advance(2)
    e:knowing("d down")
    e:advance(14)
    assert.same({ "d down 0" }, e:state())
    e:advance(2)
    assert.same({}, e:state())
  end)

  it("is known since it went down", function()
    local e = engine("a"):knowing("b", "c")
    e:live(2.5)
    e:apply { "c down" }
    assert.equal(1002.5, e:member("c").since)
    assert.equal(1000, e:member("b").since)
  end)
end)

-- What it does where verdicts can be refuted: refuting_spec.
describe("turn_undead", function()
  it("goes to a down member that talks to us", function()
    local e = foreign("a"):knowing("b", "c down")
    for _, kind in ipairs { "ping", "gossip", "announce", "ack" } do
      local out = e:receive { kind = kind, from = "c", incarnation = 5 }
      assert.same({ "turn_undead c" }, out.log, kind)
    end
    assert.equal("down", e:state_of("c"))
  end)

  it("goes to nobody unless the config asks for it", function()
    local e = engine("a"):knowing("b", "c down")
    assert.same({}, e:receive({ kind = "ping", from = "c" }).log)
    e:knowing("d suspect")
    assert.same({}, e:live(10):sent("turn_undead"))
    assert.equal("down", e:state_of("d"))
  end)

  it("goes to nobody where a verdict can be refuted: it is sent the verdict", function()
    local e = healing("a"):knowing("b", "c down 5")
    local out = e:receive { kind = "ping", from = "c", incarnation = 5 }
    assert.same({ "c down 5" }, out:the("gossip").updates)
    assert.same({ "gossip c" }, out.sends)
  end)

  it("is no answer to itself: two that think each other down do not chat", function()
    local e = foreign("a"):knowing("b", "c down")
    assert.same({}, e:receive({ kind = "turn_undead", from = "c" }):sent("turn_undead"))
  end)

  it("goes to whom a timeout declared down", function()
    local e = foreign("a"):knowing("b", "c suspect")
    local out = e:live(5, { "c" })
    assert.same({ "member_down c" }, out.events)
    assert.same({ "c" }, out:targets("turn_undead"))
    assert.equal(1004, out:the("turn_undead").at)
  end)

  -- foca sends it here too, which makes a healthy member renew its identity.
  it("does not go to whom refuted the suspicion in time", function()
    for _, how in ipairs { "by gossip", "by its own packet" } do
      local e = foreign("a"):knowing("b", "c suspect")
      e:live(2, { "c" })
      if how == "by gossip" then
        e:receive { kind = "gossip", from = "b", updates = { "c alive 1" } }
      else
        e:receive { kind = "gossip", from = "c", incarnation = 1 }
      end
      local out = e:live(20)
      assert.same({}, out.events, how)
      assert.same({}, out:sent("turn_undead"), how)
      assert.equal("alive", e:state_of("c"))
    end
  end)

  it("does not go to whom the timeout of an earlier, refuted suspicion is about", function()
    local e = foreign("a"):knowing("b", "c suspect")
    e:live(2, { "c" })
    e:receive { kind = "gossip", from = "b", updates = { "c alive 1", "c suspect 1" } }
    local out = e:live(3.5)
    assert.same({}, out.events)
    assert.same({}, out:sent("turn_undead"))
    assert.equal("suspect", e:state_of("c"))
    assert.equal(1006, e:live(1):time_of("member_down c"))
  end)

  it("does not go to the identity that a suspect was replaced with", function()
    local e = foreign("a"):knowing("b", "c suspect")
    e:live(2, { "c" })
    e:receive { kind = "gossip", from = "c#2" }
    local out = e:live(20)
    assert.same({}, out:sent("turn_undead"))
    assert.same({}, out.events)
  end)

  it("is obeyed", function()
    local e = engine("a"):knowing("b", "c")
    assert.same({ "rejoin a#2" }, e:receive({ kind = "turn_undead", from = "b" }).events)
  end)

  it("is obeyed even from a member that we hold for down", function()
    local e = engine("a"):knowing("b", "c down")
    assert.same({ "rejoin a#2" }, e:receive({ kind = "turn_undead", from = "c" }).events)
    local poor = mortal("a"):knowing("b", "c down")
    assert.same({ "defunct" }, poor:receive({ kind = "turn_undead", from = "c" }).events)
  end)

  it("brings two that think each other down together again", function()
    local one, two = foreign("a"):knowing("b down", "c"), foreign("b"):knowing("a down", "c")
    local word = one:receive(two:packet { kind = "ping", from = "b", to = "a" }):the("turn_undead")
    assert.same({ "rejoin b#2" }, two:receive(word.bytes).events)
    local hello = two:announce("a"):the("announce")
    assert.same({ "rename b b#2", "member_up b#2" }, one:receive(hello.bytes).events)
  end)
end)
