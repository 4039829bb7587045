--- What a member does when others say that it is suspect, down or gone. It alone
-- decides about itself, with its incarnation.

local support = require "spec.core.support"
local engine, healing, mortal = support.engine, support.healing, support.mortal

local function health(e) return e.core:stats().local_health end

--- As healing, without renewals.
local function healing_mortal(name, config)
  local fields = { notify_down_members = true }
  for key, value in pairs(config or {}) do fields[key] = value end
  return mortal(name, { config = fields })
end

--- A packet of b that says so about us, or about whomever.
local function told(e, ...)
  return e:receive { kind = "gossip", from = "b", updates = { ... } }
end

--- Time passes, and b answers.
local function wait(e, seconds)
  return e:live(seconds, {})
end

describe("a verdict about ourselves", function()
  it("is refuted with one incarnation more than its own, whatever ours was", function()
    for _, said in ipairs { 0, 3, 900, 65533 } do
      local e = healing("a"):knowing("b", "c")
      local out = told(e, "a down " .. said)
      assert.same({ "returned a" }, out.events)
      assert.equal(said + 1, e:incarnation())
      assert.equal("a", e:whoami())
      assert.equal("active", e.core:connection())
      assert.equal(1, e.core:stats().refutations)
    end
  end)

  it("that we refuted before we heard of it makes us return all the same, once", function()
    local e = healing("a"):knowing("b", "c")
    assert.same({}, told(e, "a suspect 0").events) -- its time is over elsewhere, and we do not know
    assert.same({ "returned a" }, told(e, "a down 0").events)
    assert.same({}, told(e, "a down 0").events)
    assert.equal(1, e:incarnation())
    assert.same({ "returned a" }, told(e, "a down 1").events)
    assert.same({}, told(e, "a down 0", "a down 1", "a suspect 2").events)
    assert.same({ "returned a" }, told(e, "a down 2").events)
    assert.equal(3, e:incarnation())
  end)

  it("is refuted at once, to random members and to whoever said so", function()
    local e = healing("a"):knowing("b", "c")
    local out = told(e, "a down 0")
    assert.same({ "b", "c" }, out:targets("gossip"))
    for _, packet in ipairs(out:sent("gossip")) do assert.same({ "a alive 1" }, packet.updates) end
    assert.equal("b", out:the("announce").to)
    assert.equal(1, out:the("announce").incarnation)
  end)

  it("is refuted with news, which goes out in packets of its own", function()
    local config = { gossip = { every = 0.125, members = 2 }, tell_suspects = true, news_transmissions = 9 }
    local e = healing("a", { config = config }):knowing("b", "c")
    told(e, "a suspect 0")
    assert.same({}, e:advance(0.5):sent("gossip")) -- that goes along with the probes
    told(e, "a down 1")
    assert.is_true(#e:advance(0.5):sent("gossip") > 0)
  end)

  it("raises local health by one: something is wrong with us, or with our network", function()
    local e = healing("a", { config = { max_local_health = 8 } }):knowing("b")
    told(e, "a down 0")
    assert.equal(1, health(e))
    told(e, "a down 0") -- that is stale by now
    assert.equal(1, health(e))
  end)

  it("is reported once, also when it was refuted before it was heard", function()
    local e = healing("a"):knowing("b", "c")
    told(e, "a suspect 4")
    assert.same({ "returned a" }, told(e, "a down 4").events)
    assert.same({}, told(e, "a down 4", "a down 2").events)
    assert.same({ "returned a" }, told(e, "a down 5").events)
    assert.same({}, told(e, "a down 4").events)
  end)

  it("is reported anew by whoever has left and is back under the same identity", function()
    local e = healing("a"):knowing("b", "c")
    assert.same({ "returned a" }, told(e, "a down 7").events)
    e:leave()
    e:reuse()
    assert.same({ "returned a" }, told(e, "a down 3").events)
  end)

  it("of another identity of ours that is long gone is no verdict", function()
    local e = healing("a#4"):knowing("b")
    assert.same({}, told(e, "a#3 down 7").events)
    assert.equal(0, e:incarnation())
    assert.equal("a#4", e:whoami())
  end)

  it("is refuted as ever when nobody sent it: by a saved state, silently without broadcast", function()
    local e = healing("a"):knowing("b")
    assert.same({ "returned a" }, e:apply({ "a down 3" }).log)
    assert.equal(4, e:incarnation())
    assert.equal(0, e:backlog())
    assert.same({ "returned a", "gossip b" }, e:apply({ "a down 4" }, { broadcast = true }).log)
  end)

  it("is not heard by the defunct", function()
    local e = healing("a"):knowing("b")
    e:leave()
    assert.same({}, told(e, "a down 7").log)
    assert.equal(0, e:incarnation())
  end)

  it("makes us somebody else where it is final", function()
    local e = engine("a"):knowing("b")
    assert.same({ "rejoin a#2" }, told(e, "a down 0").events)
    local poor = mortal("a"):knowing("b")
    assert.same({ "defunct" }, told(poor, "a down 0").events)
  end)
end)

describe("an accusation that was refuted already", function()
  it("is answered with the refutation again, at most once per probe_rtt", function()
    for _, state in ipairs { "down", "suspect" } do
      local e = healing("a"):knowing("b")
      told(e, "a down 4")
      wait(e, 0.25)
      for _ = 1, 3 do
        local out = told(e, ("a %s 4"):format(state))
        assert.same({ "a alive 5" }, out:the("gossip").updates)
        for _ = 1, 20 do assert.same({}, told(e, ("a %s 2"):format(state)).log) end
        wait(e, 0.25)
      end
      assert.equal(5, e:incarnation())
    end
  end)

  it("is queued again when it had been told often enough", function()
    local e = healing("a"):knowing("b")
    told(e, "a down 4")
    e:exhaust()
    wait(e, 1)
    told(e, "a down 4")
    assert.same({ ["a alive 5"] = 2 }, e:exhaust()) -- and once with the answer
  end)

  -- Stale verdicts come in dozens after each refutation.
  it("is no reason to renew, or to go higher, however many come", function()
    local e = healing("a"):knowing("b", "c", "d")
    told(e, "a down 4")
    for i = 1, 200 do
      e:receive { kind = "gossip", from = ("bcd"):sub(i % 3 + 1, i % 3 + 1), updates = { "a down " .. i % 5 } }
      wait(e, 1 / 32)
    end
    assert.equal(5, e:incarnation())
    assert.equal("a", e:whoami())
    assert.equal(1, e.core:stats().refutations)
  end)
end)

describe("the sender of an accusation", function()
  it("is sent an announce: it hears from ourselves who we are, and its feed shows whom we missed", function()
    for _, claim in ipairs { "a down 0", "a suspect 0" } do
      local e = healing("a"):knowing("b", "c")
      assert.equal("b", told(e, claim):the("announce").to)
    end
  end)

  it("is sent one when it accuses us of something stale, too", function()
    local e = healing("a"):knowing("b")
    told(e, "a down 4")
    wait(e, 0.25)
    assert.equal("b", told(e, "a suspect 1"):the("announce").to)
  end)

  it("is sent none when it says good-bye in the same packet", function()
    local e = healing("a"):knowing("b", "c")
    assert.same({}, told(e, "b left", "a suspect 0"):sent("announce"))
    assert.equal(1, e:incarnation())
  end)

  it("is sent one at most once per probe_rtt, whoever it is", function()
    local e = healing("a"):knowing("b", "c", "d")
    local announces = 0
    for i = 0, 31 do -- one second
      local from = ("bcd"):sub(i % 3 + 1, i % 3 + 1)
      local out = e:receive { kind = "gossip", from = from, updates = { "a down " .. i } }
      announces = announces + #out:sent("announce")
      wait(e, 1 / 32)
    end
    assert.equal(4, announces)
  end)

  it("is sent none where verdicts are final", function()
    assert.same({}, told(engine("a"):knowing("b"), "a suspect 0"):sent("announce"))
  end)
end)

describe("the last incarnation of a living member, 65534,", function()
  it("is reached by a refutation", function()
    local e = healing("a"):knowing("b")
    told(e, "a suspect 65533")
    assert.equal(65534, e:incarnation())
    assert.equal("a", e:whoami())
  end)

  it("is never exceeded: who is accused there renews", function()
    for _, claim in ipairs { "a suspect 65534", "a down 65534", "a suspect 65535", "a left" } do
      local e = healing("a"):knowing("b")
      assert.same({ "rejoin a#2" }, told(e, claim).events)
      assert.equal(0, e:incarnation())
    end
  end)

  -- Where verdicts are final one may get there; others take it for 65534 from then on.
  it("is left behind by whoever went further before verdicts could be refuted", function()
    local e = engine("a"):knowing("b")
    told(e, "a suspect 65534")
    assert.equal(65535, e:incarnation())
    e:configure { notify_down_members = true }
    assert.same({ "rejoin a#2" }, told(e, "a suspect 65534").events)
  end)

  it("is the end for whoever cannot renew", function()
    local e = healing_mortal("a"):knowing("b")
    assert.same({ "defunct" }, told(e, "a left").events)
  end)

  it("lets nobody make us renew more than once in a period", function()
    local e = healing("a"):knowing("b")
    for _ = 1, 10 do
      for _ = 1, 100 do told(e, e:whoami() .. " left") end
      wait(e, 1)
    end
    assert.equal(10, e.core:stats().renewals)
  end)
end)

describe("turn_undead, where a verdict can be refuted,", function()
  local function undead(e, from)
    return e:receive { kind = "turn_undead", from = from or "b" }
  end

  it("is refuted the first time, with an announce to its sender", function()
    local e = healing("a"):knowing("b", "c")
    local out = undead(e)
    assert.same({ "returned a" }, out.events)
    assert.equal(1, e:incarnation())
    assert.equal("b", out:the("announce").to)
  end)

  it("makes us renew when the same sender says so again within ten periods: it does not understand", function()
    local e = healing("a"):knowing("b", "c")
    undead(e)
    wait(e, 9.5)
    local out = undead(e)
    assert.same({ "rejoin a#2" }, out.events)
    assert.equal("b", out:the("announce").to)
  end)

  it("is refuted again when another sends it, or the same one later", function()
    local e = healing("a"):knowing("b", "c")
    undead(e, "b")
    assert.same({ "returned a" }, undead(e, "c").events)
    wait(e, 10)
    assert.same({ "returned a" }, undead(e, "b").events)
    assert.equal("a", e:whoami())
  end)

  it("makes us renew once in a period at most, though thousands are forged", function()
    local e = healing("a"):knowing("b", "c")
    for _ = 1, 11 do
      for _ = 1, 300 do undead(e) end
      wait(e, 1)
    end
    assert.is_true(e.core:stats().renewals <= 11)
    assert.is_true(e.core:stats().refutations <= 2)
  end)

  it("is obeyed when its sender is down, but not when its sender lost its address", function()
    local e = healing("a"):knowing("b", "c down", "d#5")
    assert.same({ "returned a" }, undead(e, "c").events)
    assert.same({}, undead(e, "d#4").log)
  end)

  it("is refuted by whoever cannot renew, and lives", function()
    local e = healing_mortal("a"):knowing("b")
    assert.same({ "returned a" }, undead(e).events)
    assert.equal("active", e.core:connection())
  end)
end)

describe("whoever may not talk to us, since it is down here or has lost its address,", function()
  local function senders()
    return ipairs { "c", "d#4" }
  end

  local function ready(options)
    return healing("a", options):knowing("b", "c down 3", "d#5")
  end

  it("is heard about ourselves", function()
    for _, from in senders() do
      local e = ready()
      local out = e:receive { kind = "gossip", from = from, updates = { "a down 4" } }
      assert.same({ "returned a" }, out.events, from)
      assert.equal(5, e:incarnation())
      assert.equal(from, out:the("announce").to)
    end
  end)

  it("is heard about our address", function()
    for _, from in senders() do
      local e = ready()
      assert.same({ "rejoin a#8" }, e:receive({ kind = "gossip", from = from, updates = { "a#7 alive 0" } }).events)
    end
  end)

  it("is heard about nothing else", function()
    for _, from in senders() do
      local items = support.collector()
      local e = ready { broadcast = items.handler }
      local before = e:state()
      local out = e:receive {
        kind = "ping", from = from, number = 1, items = { "x" },
        updates = { "b down 7", "b suspect 0", "b#2 alive 0", "e alive 0", "d#6 alive 0" },
      }
      assert.same({}, out.events, from)
      assert.same({}, out:sent("ack"))
      assert.same(before, e:state())
      assert.same({}, items.received)
    end
  end)

  it("is heard when it says that it has left", function()
    local e = ready()
    e:receive { kind = "gossip", from = "c", updates = { "c left" } }
    assert.is_true(support.contains(e:state(), "c left"))
  end)

  it("is not heard at all where verdicts are final", function()
    local e = engine("a"):knowing("b", "c down 3", "d#5")
    for _, from in senders() do
      e:ignores { kind = "gossip", from = from, updates = { "a down 4", "a#7 alive 0" } }
    end
  end)
end)
