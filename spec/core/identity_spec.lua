local support = require "spec.core.support"
local engine, mortal = support.engine, support.mortal
local sorted, names = support.sorted, support.names

local function claimed(out, claim)
  local count = 0
  for _, packet in ipairs(out:sent("gossip")) do
    if support.contains(packet.updates, claim) then count = count + 1 end
  end
  return count
end

describe("changing the identity", function()
  it("works while knowing nobody", function()
    local e = engine("a")
    local out = e:become("a#4")
    assert.same({}, out.sends)
    assert.equal("a#4", e:whoami())
    assert.equal("idle", e.core:connection())
    assert.is_nil(e.core:deadline())
    assert.same({ "member_up b", "active" }, e:receive({ kind = "announce", from = "b" }).events)
  end)

  it("to the present one is refused", function()
    local e = engine("a"):knowing("b")
    e:refuses("same_identity", "change_identity", e:id("a"))
  end)

  it("to one without an address is refused", function()
    local e = engine("a"):knowing("b")
    e:refuses("identity", "change_identity", { nothing = "here" })
  end)

  it("to one that loses against the present one is refused", function()
    local e = engine("a#4"):knowing("b")
    e:refuses("loses", "change_identity", e:id("a#3"))
    e:leave()
    e:refuses("loses", "change_identity", e:id("a#3"))
  end)

  it("is refused when the question who wins fails", function()
    local e = engine("a", { identity = { wins = function() error("no idea") end } }):knowing("b")
    assert.matches("no idea", e:refuses("identity", "change_identity", e:id("a#2")), 1, true)
  end)

  it("to one at the address of a living member is refused, whoever wins", function()
    local e = engine("a"):knowing("b", "c", "d suspect")
    e:refuses("address_in_use", "change_identity", e:id("c#2"))
    e:refuses("address_in_use", "change_identity", e:id("d#2"))
  end)

  it("to one that loses against the down one at its address is refused", function()
    local e = engine("a"):knowing("b", "c#2 down")
    e:refuses("loses", "change_identity", e:id("c"))
  end)

  it("gossips at once that the old one has left", function()
    local e = engine("a"):knowing("b", "c", "d")
    local out = e:become("a#4")
    assert.equal(2, #out:sent("gossip"))
    for _, packet in ipairs(out.packets) do assert.equal("a#4", packet.from) end
    assert.is_true(claimed(out, "a left") > 0)
  end)

  it("may move to another address", function()
    local e = engine("a"):knowing("b", "c")
    local out = e:become("z")
    assert.equal("z:7946", e.core:self().addr)
    assert.equal(2, claimed(out, "a left"))
    e:refuses("from_ourselves", "receive", e:packet { kind = "ping", from = "z#2" })
  end)

  it("may take over the address of a down member, which is then none any more", function()
    local e = engine("a"):knowing("b", "c"):knowing("c down")
    local out = e:become("c#2")
    assert.same({ "member_forgotten c" }, out.events)
    assert.same({ "a left", "b alive 0" }, e:state())
    assert.same({ "b" }, out:targets("gossip"))
  end)

  it("starts at the first incarnation", function()
    local e = engine("a"):knowing("b")
    e:apply { "a suspect 7" }
    e:become("a#4")
    assert.equal(0, e:incarnation())
  end)

  it("is not answered by acks for the old one", function()
    local e = engine("a"):knowing("b")
    e:become("a#4")
    e:ignores { kind = "ping", from = "b", to = "a" } -- where it can refute, it says who it is now
    assert.same({ "ack b" }, e:receive({ kind = "ping", from = "b", to = "a#4" }).sends)
  end)

  it("is believed by others: they rename us", function()
    local a, b = engine("a"):knowing("b"), engine("b"):knowing("a")
    local word = a:become("a#4"):the("gossip")
    assert.same({ "rename a a#4" }, b:receive(word.bytes).events)
    assert.same({ "a#4 alive 0" }, b:members())
  end)

  it("hears nothing more about the old one", function()
    local e = engine("a"):knowing("b")
    e:become("a#4")
    for _, claim in ipairs { "a down 0", "a down 7" } do
      assert.same({}, e:receive({ kind = "gossip", from = "b", updates = { claim } }).events)
      assert.equal("a#4", e:whoami())
    end
  end)
end)

describe("a renewal", function()
  it("gossips at once that the old identity has left", function()
    local e = engine("a"):knowing("b", "c", "d")
    local out = e:receive { kind = "turn_undead", from = "b" }
    assert.equal(2, #out:sent("gossip"))
    for _, packet in ipairs(out:sent("gossip")) do assert.equal("a#2", packet.from) end
    assert.is_true(claimed(out, "a left") > 0)
    assert.equal(1, e.core:stats().renewals)
  end)

  it("may take over the address of a member, which is then none any more", function()
    local e = engine("a", { identity = { renew = function() return { "c", 2 } end } }):knowing("b", "c")
    local out = e:receive { kind = "turn_undead", from = "b" }
    assert.same({ "member_down c", "member_forgotten c", "rejoin c#2" }, out.events)
    assert.same({ "a left", "b alive 0" }, e:state())
    assert.same({ "b" }, out:targets("gossip"))
  end)

  it("happens each time that it is needed", function()
    local e = engine("a"):knowing("b")
    for i = 2, 6 do
      assert.same({ "rejoin a#" .. i }, e:receive({ kind = "turn_undead", from = "b" }).events)
    end
  end)

  it("keeps the members and goes on probing them", function()
    local e = engine("a"):knowing("b", "c")
    e:receive { kind = "turn_undead", from = "b" }
    assert.same({ "b alive 0", "c alive 0" }, e:members())
    assert.equal("a#2", e:next_ping().from)
  end)

  local hopeless = {
    ["yields the same identity"] = function(id) return id end,
    ["yields one that does not win"] = function(id) return { id[1], id[2] - 1 } end,
    ["yields nothing"] = function() return nil end,
    ["fails"] = function() error("no identity left") end,
  }

  for what, renew in pairs(hopeless) do
    it(("that %s counts as none: the engine is defunct"):format(what), function()
      local e = engine("a#5", { identity = { renew = renew } }):knowing("b")
      local out = e:receive { kind = "turn_undead", from = "b" }
      assert.same({ "defunct" }, out.events)
      assert.equal("a#5", e:whoami())
      assert.equal("defunct", e.core:connection())
    end)
  end

  it("that yields the same identity counts as none, even if that wins", function()
    local e = engine("a#5", { identity = {
      renew = function(id) return id end,
      wins = function() return true end,
    } }):knowing("b")
    assert.same({ "defunct" }, e:receive({ kind = "turn_undead", from = "b" }).events)
  end)

  it("is asked of the embedder, who may win with whatever it likes", function()
    local e = engine("a#5", { identity = { renew = function(id) return { id[1], id[2] + 10 } end } }):knowing("b")
    assert.same({ "rejoin a#15" }, e:receive({ kind = "turn_undead", from = "b" }).events)
  end)
end)

describe("leaving", function()
  it("gossips that we have left to distinct members and ends defunct", function()
    local e = engine("a", { config = { num_indirect_probes = 3 } })
    e:apply(names(10))
    local out = e:leave()
    assert.same({ "defunct" }, out.events)
    assert.equal("defunct", e.core:connection())
    assert.equal("down", e.core:self().state)
    local targets = out:targets("gossip")
    assert.is_true(#targets >= 3)
    assert.equal(#out.packets, #targets)
    assert.is_true(support.distinct(targets))
    assert.equal(#targets, claimed(out, "a left"))
  end)

  it("tells everyone whom it tells, however few transmissions an update has", function()
    local e = engine("a", { config = { num_indirect_probes = 3, max_transmissions = 1 } })
    e:apply(names(10))
    local out = e:leave()
    assert.is_true(#out.packets > 0)
    assert.equal(#out.packets, claimed(out, "a left"))
  end)

  it("tells whoever there is", function()
    local e = engine("a"):knowing("b")
    local out = e:leave()
    assert.same({ "b" }, out:targets("gossip"))
    assert.equal(1, claimed(out, "a left"))
  end)

  it("is quiet when there is nobody to tell", function()
    local e = engine("a")
    local out = e:leave()
    assert.same({ "defunct" }, out.log)
  end)

  it("does not renew the identity, even if that were possible", function()
    local e = engine("a"):knowing("b")
    e:leave()
    assert.equal("a", e:whoami())
    e:receive { kind = "turn_undead", from = "b" }
    assert.equal("a", e:whoami())
    assert.equal("defunct", e.core:connection())
  end)

  it("is known to the others at once", function()
    local a, b = engine("a"):knowing("b", "c"), engine("b"):knowing("a", "c")
    for _, packet in ipairs(a:leave().packets) do
      if packet.to == "b" then
        assert.same({ "member_down a" }, b:receive(packet.bytes).events)
      end
    end
    assert.equal("down", b:state_of("a"))
  end)

  it("can be taken back with another identity", function()
    local e = engine("a"):knowing("b", "c")
    e:leave()
    local out = e:become("a#2")
    assert.equal("active", e.core:connection())
    assert.equal("alive", e.core:self().state)
    for _, packet in ipairs(out:sent("gossip")) do assert.equal("a#2", packet.from) end
    assert.same({ "ack b" }, e:receive({ kind = "ping", from = "b" }).sends)
  end)

  it("can be taken back under the same identity", function()
    local e = engine("a"):knowing("b", "c")
    e:leave()
    e:reuse()
    assert.equal("active", e.core:connection())
    assert.equal("alive", e.core:self().state)
    assert.equal("a", e:whoami())
    assert.same({ "ack b" }, e:receive({ kind = "ping", from = "b" }).sends)
  end)

  it("and coming back is not spoilt by what we said on leaving", function()
    local e = engine("a", { config = { num_indirect_probes = 1, max_transmissions = 9 } }):knowing("b")
    e:leave()
    e:reuse()
    assert.equal(0, e:backlog())
    assert.same({}, e:gossip():the("gossip").updates)
  end)

  it("twice says no more than once", function()
    local e = engine("a"):knowing("b")
    e:leave()
    assert.same({}, e:call("leave").log)
  end)
end)

describe("reusing a down identity", function()
  it("is refused while there is no need, and changes nothing", function()
    engine("a"):refuses("not_defunct", "reuse_down_identity")
    engine("a"):knowing("b"):refuses("not_defunct", "reuse_down_identity")
  end)

  it("is refused once we are back", function()
    local e = mortal("a"):knowing("b")
    e:leave()
    e:reuse()
    e:refuses("not_defunct", "reuse_down_identity")
  end)
end)

describe("a newer identity at a known address", function()
  it("replaces the old one in place", function()
    local e = engine("a"):knowing("b", "c")
    local out = e:receive { kind = "gossip", from = "b", updates = { "c#2 alive 3" } }
    assert.same({ "rename c c#2" }, out.log)
    assert.same({ "b alive 0", "c#2 alive 3" }, e:members())
    assert.equal(2, e.core:num_members())
    assert.equal(2, e.core:num_known())
    assert.equal("c#2 alive 3", (function()
      local member = e.core:member("c:7946")
      return ("c#%d %s %d"):format(member.id.bump, member.state, member.incarnation)
    end)())
  end)

  it("replaces it when it speaks for itself", function()
    local e = engine("a"):knowing("b", "c")
    local out = e:receive { kind = "ping", from = "c#2", number = 8 }
    assert.same({ "rename c c#2" }, out.events)
    assert.same({ "ack c#2" }, out.sends)
  end)

  it("replaces it whatever the incarnations are", function()
    local e = engine("a"):knowing("b", "c alive 900")
    assert.same({ "rename c c#2" }, e:apply({ "c#2 alive 0" }).events)
    assert.equal(0, e:member("c").incarnation)
  end)

  it("replaces it as a suspect too, with a timeout of its own", function()
    local e = engine("a"):knowing("b", "c suspect")
    e:live(2, { "c" })
    assert.same({ "rename c c#2" }, e:apply({ "c#2 suspect 0" }).events)
    assert.equal(1006, e:live(10, { "c#2" }):time_of("member_down c#2"))
  end)

  it("is not touched by the timeout of its predecessor's suspicion", function()
    local e = engine("a"):knowing("b", "c suspect")
    e:apply { "c#2" }
    assert.same({}, e:live(10).events)
  end)

  it("is decided by the embedder, who may not care for numbers", function()
    local smaller = { wins = function(id, adversary) return id[2] < adversary[2] end }
    local e = engine("a", { identity = smaller }):knowing("b", "c#4")
    assert.same({}, e:apply({ "c#5" }).log)
    assert.same({ "rename c#4 c#3" }, e:apply({ "c#3" }).events)
  end)

  it("does not replace anything while it loses", function()
    local e = engine("a"):knowing("b", "c#4")
    for _, claim in ipairs { "c#3 alive 9", "c#3 suspect 9", "c#3 down 9" } do
      assert.same({}, e:receive({ kind = "gossip", from = "b", updates = { claim } }).log, claim)
    end
    assert.same({ "b alive 0", "c#4 alive 0" }, e:members())
    assert.equal(0, e:backlog())
  end)

  it("that is active replaces a down one and is up", function()
    local e = engine("a"):knowing("b", "c down")
    assert.same({ "rename c c#2", "member_up c#2" }, e:apply({ "c#2" }).events)
    assert.equal(2, e.core:num_members())
    assert.same({}, e:live(30).events)
    assert.equal("alive", e:state_of("c#2"))
  end)

  it("that is down replaces an active one and is down", function()
    local e = engine("a"):knowing("b", "c")
    assert.same({ "rename c c#2", "member_down c#2" }, e:apply({ "c#2 down" }).events)
    assert.equal(1, e.core:num_members())
    assert.equal(2, e.core:num_known())
  end)

  it("that is up again makes an idle engine active, and the other way round", function()
    local e = engine("a"):knowing("c")
    assert.same({ "rename c c#2", "member_down c#2", "idle" }, e:apply({ "c#2 down" }).events)
    assert.same({ "rename c#2 c#3", "member_up c#3", "active" }, e:apply({ "c#3" }).events)
  end)

  it("that is down keeps its own time until it is forgotten", function()
    local e = engine("a"):knowing("b", "c down")
    e:live(10)
    e:apply { "c#2 down" }
    e:live(10)
    assert.equal("down", e:state_of("c#2"))
    e:live(6)
    assert.is_nil(e:member("c"))
  end)
end)

describe("a replaced identity", function()
  local e

  before_each(function()
    e = engine("a"):knowing("b", "c")
    e:knowing("c#2 alive 3")
  end)

  it("is never heard of again: its packets change and emit nothing", function()
    for i, kind in ipairs { "ping", "gossip", "announce", "ack", "feed" } do
      e:ignores { kind = kind, from = "c", incarnation = 9, updates = { "b suspect 0", "d" } }
      assert.equal(i, e:dropped("replaced"))
    end
  end)

  it("is never heard of again: updates about it change and emit nothing", function()
    for _, claim in ipairs { "c alive 9", "c suspect 9", "c down 9" } do
      e:ignores { kind = "gossip", from = "b", updates = { claim } }
    end
  end)

  it("stays replaced when its successor is down", function()
    e:apply { "c#2 down" }
    e:ignores { kind = "gossip", from = "b", updates = { "c alive 9" } }
    e:ignores { kind = "announce", from = "c" }
  end)
end)

describe("an update about another identity with our own address", function()
  for _, claim in ipairs { "a#2 alive 0", "a#2 suspect 1", "a#9 alive 0" } do
    it("declares that one down: " .. claim, function()
      local e = engine("a#5"):knowing("b", "c")
      local out = e:receive { kind = "gossip", from = "b", updates = { claim } }
      assert.same({}, out.events)
      assert.equal("a#5", e:whoami())
      assert.equal("active", e.core:connection())
      assert.same({ "b alive 0", "c alive 0" }, e:members())
      local told = {}
      for _, packet in ipairs(out.packets) do
        for _, update in ipairs(packet.updates) do told[update] = true end
      end
      for update in pairs(e:exhaust()) do told[update] = true end
      local lines = {}
      for update in pairs(told) do lines[#lines + 1] = update:match("^%S+ %a+") end
      assert.same({ claim:match("^%S+") .. " down" }, lines)
      assert.equal(1, e.core:stats().conflicts)
    end)
  end

  it("is settled when it says that already", function()
    local e = engine("a#5"):knowing("b")
    e:ignores { kind = "gossip", from = "b", updates = { "a#2 down 0", "a#9 down 3" } }
    assert.equal(0, e.core:stats().conflicts)
  end)

  it("is contested once in a probe period", function()
    local e = engine("a#5"):knowing("b")
    local function claim() e:receive { kind = "gossip", from = "b", updates = { "a#2 alive 0" } } end
    claim()
    assert.same({ ["a#2 down 0"] = 3 }, e:exhaust())
    claim()
    assert.equal(0, e:backlog())
    e:live(1)
    claim()
    assert.same({ ["a#2 down 0"] = 3 }, e:exhaust())
    assert.equal(3, e.core:stats().conflicts)
  end)

  it("does not take the place of our own refutation that waits", function()
    local e = engine("a#5", { config = { num_indirect_probes = 1 } }):knowing("b")
    local out = e:receive { kind = "gossip", from = "b", updates = { "a#5 suspect 3", "a#2 alive 0" } }
    assert.same({ "a#5 alive 4" }, out:the("gossip").updates)
    assert.same({ ["a#5 alive 4"] = 2 }, e:exhaust())
  end)

  it("does not make it a member of ours, alive or down", function()
    local e = engine("a#5"):knowing("b")
    e:apply { "a#2", "a#3 down", "a#9 suspect" }
    assert.same({ "b alive 0" }, e:state())
  end)

  it("is no storm: two with one address do not answer each other's claims for ever", function()
    local one, two = engine("a#2"):knowing("b"), engine("a#3"):knowing("b")
    local sent = 0
    for _ = 1, 20 do
      local first = one:receive { kind = "gossip", from = "b", updates = { "a#3 alive 0" } }
      local second = two:receive { kind = "gossip", from = "b", updates = { "a#2 alive 0" } }
      sent = sent + #first.packets + #second.packets
    end
    assert.is_true(sent <= 40)
    assert.is_true(one:backlog() <= 1 and two:backlog() <= 1)
  end)
end)

describe("questions about an identity", function()
  it("are asked once for a known member, not for every packet", function()
    local asked = 0
    local e = engine("a", { identity = {
      addr = function(id) asked = asked + 1 return id[1] end,
    } }):knowing("b", "c")
    asked = 0
    for i = 1, 20 do
      e:receive { kind = "ping", from = "b", number = i, updates = { "c alive 0", "b alive 0" } }
    end
    assert.equal(0, asked)
  end)

  it("that fail drop the packet which named it as its sender", function()
    local e = engine("a", { identity = {
      addr = function(id)
        if id[1] == "bad" then error("who is that?") end
        return id[1]
      end,
    } })
    e:refuses("identity", "receive", e:packet { kind = "gossip", from = "bad", updates = { "c" } })
    assert.equal(1, e:dropped("identity"))
  end)

  for what, addr in pairs { ["an empty one"] = "", ["one that is far too long"] = ("x"):rep(5000) } do
    it("that answer no usable address drop the packet: " .. what, function()
      local e = engine("a", { identity = {
        addr = function(id) return id[1] == "bad" and addr or id[1] end,
      } })
      e:refuses("identity", "receive", e:packet { kind = "gossip", from = "bad", updates = { "c" } })
    end)
  end

  it("that fail drop the update which named it, and no other", function()
    local e = engine("a", { identity = {
      addr = function(id)
        if id[1] == "bad" then return nil end
        return id[1]
      end,
    } })
    local out = e:receive { kind = "gossip", from = "b", updates = { "c", "bad", "d" } }
    assert.same({ "active", "member_up b", "member_up c", "member_up d" }, sorted(out.events))
    assert.equal(1, e:dropped("identity"))
  end)

  it("that fail about who wins leave the old identity where it is", function()
    local e = engine("a", { identity = { wins = function() error("cannot say") end } }):knowing("b", "c")
    assert.same({}, e:receive({ kind = "gossip", from = "b", updates = { "c#2" } }).events)
    assert.same({ "b alive 0", "c alive 0" }, e:members())
  end)
end)
