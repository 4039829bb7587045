--- What a member is told of the verdict about it, so that it can refute it, and which
-- verdicts are believed as they are.

local support = require "spec.core.support"
local engine, healing = support.engine, support.healing

--- An engine whose members answer, while it probes nobody itself.
local function quiet(name, config)
  local fields = { probe_period = 1000, probe_rtt = 1, remove_down_after = 100000 }
  for key, value in pairs(config or {}) do fields[key] = value end
  return healing(name, { config = fields })
end

--- What went to whom in gossips with a single claim.
local function verdicts(out)
  local list = {}
  for _, packet in ipairs(out:sent("gossip")) do
    assert.equal(1, #packet.updates)
    assert.same({}, packet.items)
    list[#list + 1] = ("%s: %s"):format(packet.to, packet.updates[1])
  end
  return list
end

describe("a sender that is down here", function()
  it("is told so, in a packet with nothing else", function()
    for _, kind in ipairs { "ping", "ack", "gossip", "announce", "broadcast" } do
      local items = support.collector()
      local e = healing("a", { broadcast = items.handler }):knowing("b", "c down 3")
      e:apply({ "d", "e suspect" }, { broadcast = true })
      e:add("x")
      local out = e:receive { kind = kind, from = "c", incarnation = 3 }
      assert.same({ "c: c down 3" }, verdicts(out), kind)
      assert.same({ "gossip c" }, out.log)
      assert.same({ updates = 2, broadcasts = 1, messages = 0 }, e.core:backlog())
      assert.equal(1, e:dropped("down_sender"))
    end
  end)

  it("is told so when it has left, which it may know nothing of", function()
    local e = healing("a"):knowing("b", "c left")
    assert.same({ "c: c left" }, verdicts(e:receive { kind = "ping", from = "c" }))
  end)

  it("is told so once in a tenth of probe_rtt", function()
    local e = quiet("a", { probe_rtt = 1 }):knowing("b", "c down 3", "d down 1")
    local function ping(from) return verdicts(e:receive { kind = "ping", from = from }) end
    assert.same({ "c: c down 3" }, ping "c")
    assert.same({}, ping "c")
    assert.same({ "d: d down 1" }, ping "d") -- each has its own turn
    e:advance(0.0625)
    assert.same({}, ping "c")
    e:advance(0.0625)
    assert.same({ "c: c down 3" }, ping "c")
  end)

  it("is told nothing in answer to turn_undead, and nothing by the defunct", function()
    local e = healing("a"):knowing("b", "c down 3")
    for _, packet in ipairs(e:receive({ kind = "turn_undead", from = "c" }).packets) do
      assert.is_false(support.contains(packet.updates, "c down 3"))
    end
    e:leave()
    assert.same({}, e:receive({ kind = "ping", from = "c" }).log)
  end)

  it("is up again with the packet that refutes it, and answered", function()
    local e = healing("a"):knowing("b", "c down 3")
    local out = e:receive { kind = "ping", from = "c", incarnation = 4, number = 9 }
    assert.same({ "member_up c", "ack c" }, out.log)
  end)
end)

describe("a sender whose identity lost its address", function()
  it("is told who has it", function()
    local e = healing("a"):knowing("b", "c#5 alive 2", "d#5 down 1", "e#5 left")
    for from, claim in pairs { c = "c#5 alive 2", d = "d#5 down 1", e = "e#5 left" } do
      local out = e:receive { kind = "ping", from = from .. "#4", number = 1 }
      assert.same({ ("%s#4: %s"):format(from, claim) }, verdicts(out))
      assert.same({ "gossip " .. from .. "#4" }, out.log)
    end
  end)

  it("is told nothing where verdicts are final", function()
    local e = engine("a"):knowing("b", "c#5 alive 2")
    assert.same({}, e:receive({ kind = "ping", from = "c#4" }).log)
  end)
end)

describe("a member that a timeout declares down", function()
  it("is told so", function()
    local e = healing("a"):knowing("b", "c suspect 2")
    local out = e:live(5, { "c" })
    local told = {}
    for _, packet in ipairs(out:sent("gossip")) do
      if packet.to == "c" then told[#told + 1] = packet.updates end
    end
    assert.same({ { "c down 2" } }, told)
    assert.equal(0, #out:sent("turn_undead"))
  end)

  it("is not told when somebody else's verdict is heard: that one has told it", function()
    local e = healing("a"):knowing("b", "c")
    assert.same({}, e:receive({ kind = "gossip", from = "b", updates = { "c down 2" } }).sends)
  end)
end)

describe("a down member that somebody takes for alive", function()
  local function disputed(e, ...)
    return verdicts(e:receive { kind = "gossip", from = "b", updates = { ... } })
  end

  it("is told of the verdict", function()
    for _, claim in ipairs { "c alive 3", "c suspect 3", "c alive 0" } do
      assert.same({ "c: c down 3" }, disputed(quiet("a"):knowing("b", "c down 3"), claim))
    end
  end)

  it("is told of it for claims about an older identity, too", function()
    assert.same({ "c#2: c#2 down 3" }, disputed(quiet("a"):knowing("b", "c#2 down 3"), "c alive 9"))
  end)

  it("is told once in a period", function()
    local e = quiet("a", { probe_period = 8 }):knowing("b", "c down 3")
    assert.same({ "c: c down 3" }, disputed(e, "c alive 3"))
    e:advance(7.5)
    assert.same({}, disputed(e, "c alive 3"))
    e:live(0.5)
    assert.same({ "c: c down 3" }, disputed(e, "c alive 3"))
  end)

  it("is told only if others say that it is alive", function()
    assert.same({}, disputed(quiet("a"):knowing("b", "c down 3"), "c down 3", "c down 2"))
  end)

  -- Two who hold each other's newer identity for one that has left ask each other
  -- nothing; a third one knows both.
  it("is told that it has left, or that a newer one has", function()
    assert.same({ "c: c left" }, disputed(quiet("a"):knowing("b", "c left"), "c alive 3"))
    assert.same({ "c#7: c#7 left" }, disputed(quiet("a"):knowing("b", "c#7 left"), "c alive 3"))
    assert.same({}, disputed(quiet("a"):knowing("b", "c left"), "c left"))
  end)

  it("is one of two that a packet is worth, however many it names", function()
    local down, alive = {}, {}
    for i, name in ipairs(support.names(20)) do down[i], alive[i] = name .. " down 3", name .. " alive 3" end
    local e = quiet("a"):knowing("b", support.unpack(down))
    assert.equal(2, #disputed(e, support.unpack(alive)))
    assert.equal(2, #disputed(e, support.unpack(alive))) -- two others
  end)

  it("is told nothing because of claims that nobody sent", function()
    local e = quiet("a"):knowing("b", "c down 3")
    assert.same({}, e:apply({ "c alive 3" }, { broadcast = true }).sends)
  end)
end)

describe("a difference that a down member makes", function()
  --- Whoever knows x tells a of it in an exchange, and a holds it for down. What
  -- the two hear of it, and x.
  local function told(e)
    local heard = { b = {}, x = {} }
    local out = e:receive { kind = "exchange", from = "b", updates = { "x alive 3" } }
    for _, packet in ipairs(out:sent("gossip")) do
      for i, claim in ipairs(packet.updates) do
        table.insert(heard[packet.to], claim .. (packet.by[i] and " by " .. packet.by[i] or ""))
      end
    end
    return heard
  end

  local function ready(...)
    return quiet("a", { compare_members = true }):knowing("b", "y", ...)
  end

  -- memberlist's merge does so, too: the peer may be right.
  it("is told as a suspicion that confirms nothing, and the member itself hears the verdict", function()
    assert.same({ b = { "x suspect 3" }, x = { "x down 3" } }, told(ready("x down 3")))
  end)

  it("is told as it is when the member has left", function()
    assert.same({ b = { "x left" }, x = { "x left" } }, told(ready("x left")))
  end)

  it("is not told while we doubt it ourselves", function()
    local e = ready("x down 3")
    e:receive { kind = "gossip", from = "b", updates = { "a down 0" } }
    e:exhaust()
    assert.same({ b = {}, x = {} }, told(e)) -- what we doubt yields
    assert.equal("alive", e:state_of("x"))
  end)

  it("is told as it is where verdicts are final", function()
    local e = engine("a", { config = { compare_members = true, probe_period = 1000, remove_down_after = 9999 } })
    assert.same({ b = { "x down 3" }, x = {} }, told(e:knowing("b", "y", "x down 3")))
  end)

  it("is told for two members of a packet", function()
    local e = ready("x down 3", "v down 3", "w down 3")
    local out = e:receive { kind = "exchange", from = "b", updates = { "v alive 3", "w alive 3", "x alive 3" } }
    local count = 0
    for _, packet in ipairs(out:sent("gossip")) do count = count + (packet.to == "b" and 1 or 0) end
    assert.equal(2, count)
  end)

  it("is not told to whoever only gossips", function()
    local out = ready("x down 3"):receive { kind = "gossip", from = "b", updates = { "x alive 3" } }
    assert.same({ "x" }, out:targets("gossip"))
  end)
end)

describe("a verdict about an identity that is newer than the active one", function()
  local function heard(known, claim)
    local e = healing("a"):knowing("b", known)
    local out = e:receive { kind = "gossip", from = "b", updates = { claim } }
    return out.events, e:state()[2]
  end

  it("is a suspicion: it may be made up, or stale", function()
    local events, known = heard("c alive 7", "c#2 down 3")
    assert.same({ "rename c c#2" }, events)
    assert.equal("c#2 suspect 3", known)
  end)

  it("holds when it says that the newer one has left", function()
    local events, known = heard("c alive 7", "c#2 left")
    assert.same({ "rename c c#2", "member_down c#2" }, events)
    assert.equal("c#2 left", known)
  end)

  it("holds when the one we know is down itself", function()
    local events, known = heard("c down 7", "c#2 down 3")
    assert.same({ "rename c c#2" }, events)
    assert.equal("c#2 down 3", known)
  end)
end)
