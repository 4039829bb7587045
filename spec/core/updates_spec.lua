local core = require "shoal.core"
local support = require "spec.core.support"
local engine = support.engine
local sorted, names = support.sorted, support.names

describe("a gossip from somebody unknown", function()
  it("registers its sender and every active member it lists, each once", function()
    local e = engine("a")
    local out = e:receive {
      kind = "gossip", from = "b", incarnation = 2,
      updates = { "c alive 5", "d suspect 1", "e down 0", "b alive 2", "c alive 5" },
    }
    assert.same({ "active", "member_up b", "member_up c", "member_up d" }, sorted(out.events))
    assert.same({ "b alive 2", "c alive 5", "d suspect 1" }, e:members())
    assert.same({}, out.sends)
  end)
end)

describe("a down update about somebody unknown", function()
  it("notifies nothing and makes nobody a member", function()
    local e = engine("a")
    local out = e:apply { "c down 3" }
    assert.same({}, out.log)
    assert.equal(0, e.core:num_members())
    assert.equal("idle", e.core:connection())
  end)

  it("is kept until remove_down_after, and keeps that identity out", function()
    local e = engine("a"):knowing("c down 3")
    assert.same({ "c down 3" }, e:state())
    e:advance(16 - 1 / 64)
    assert.same({}, e:apply({ "c alive 9" }).log)
    assert.same({ "c down 3" }, e:state())
    assert.equal(1, e.core:num_known())
  end)

  it("is forgotten after remove_down_after, without a word", function()
    local e = engine("a"):knowing("c down 3")
    assert.equal(e.now + 16, e.core:deadline())
    assert.same({}, e:advance(16).log)
    assert.same({}, e:state())
    assert.equal(0, e.core:num_known())
    assert.is_nil(e.core:deadline())
    assert.same({ "member_up c", "active" }, e:apply({ "c alive 0" }).events)
  end)
end)

describe("the backlog of updates", function()
  it("takes in every fact that changed something", function()
    local e = engine("a")
    for i, update in ipairs { "c", "d suspect 2", "e alive 5" } do
      e:receive { kind = "gossip", from = "b", updates = { update } }
      assert.equal(1 + i, e:backlog()) -- b itself is the first
    end
    e:exhaust()
    for _, update in ipairs { "c alive 1", "c suspect 1", "c suspect 2", "c alive 3", "c down 0" } do
      assert.equal(0, e:backlog())
      e:receive { kind = "gossip", from = "b", updates = { update } }
      assert.equal(1, e:backlog(), update)
      local told = next(e:exhaust())
      assert.equal(update:match("^%S+ %a+"), told:match("^%S+ %a+"))
    end
  end)

  it("takes in what a header says about its sender", function()
    local e = engine("a")
    e:receive { kind = "gossip", from = "b", incarnation = 1 }
    assert.same({ ["b alive 1"] = 3 }, e:exhaust())
    e:receive { kind = "feed", from = "b", incarnation = 4 }
    assert.same({ ["b alive 4"] = 3 }, e:exhaust())
  end)

  it("leaves out what changed nothing", function()
    local e = engine("a"):knowing("b alive 2", "c suspect 2", "d down 2")
    for _, update in ipairs {
      "b alive 2", "b alive 1", "b suspect 1",
      "c alive 2", "c suspect 2", "c suspect 1", "c alive 0",
      "d down 2", "d down 9", "d suspect 9", "d alive 9",
    } do
      local out = e:receive { kind = "gossip", from = "b", incarnation = 2, updates = { update } }
      assert.same({}, out.log)
      assert.equal(0, e:backlog(), update)
    end
  end)

  it("keeps one update per address, the newest", function()
    local e = engine("a"):knowing("b", "c")
    e:receive { kind = "gossip", from = "b", updates = { "c suspect 0" } }
    e:receive { kind = "gossip", from = "b", updates = { "c alive 1" } }
    e:receive { kind = "gossip", from = "b", updates = { "c suspect 1" } }
    assert.equal(1, e:backlog())
    assert.same({ ["c suspect 1"] = 3 }, e:exhaust())
  end)

  it("replaces an update about an identity with one about its successor", function()
    local e = engine("a"):knowing("b", "c")
    e:receive { kind = "gossip", from = "b", updates = { "c suspect 0" } }
    e:receive { kind = "gossip", from = "b", updates = { "c#2 alive 0" } }
    assert.equal(1, e:backlog())
    assert.same({ ["c#2 alive 0"] = 3 }, e:exhaust())
  end)

  it("gives a newer update all its transmissions again", function()
    local e = engine("a"):knowing("b", "c")
    e:receive { kind = "gossip", from = "b", updates = { "c suspect 0" } }
    e:gossip()
    e:receive { kind = "gossip", from = "b", updates = { "c suspect 1" } }
    assert.same({ ["c suspect 1"] = 3 }, e:exhaust())
  end)
end)

describe("a member that is forgotten", function()
  it("takes what waits about it along", function()
    local e = engine("a")
    e:apply({ "c down", "d down" }, { broadcast = true })
    e:advance(15)
    e:apply({ "e down" }, { broadcast = true })
    e:advance(1)
    assert.equal(1, e:backlog())
    e:apply { "b" }
    assert.same({ ["e down 0"] = 3 }, e:exhaust())
  end)
end)

describe("gossiping", function()
  it("reaches num_indirect_probes distinct active members, with nothing to tell too", function()
    local e = engine("a", { config = { num_indirect_probes = 3 } })
    e:apply(names(8))
    e:apply { "x down", "y down", "z suspect" }
    local seen = {}
    for _ = 1, 60 do
      local out = e:gossip()
      assert.equal(0, e:backlog())
      local targets = out:targets("gossip")
      assert.equal(3, #targets)
      assert.equal(3, #out.log)
      assert.is_true(support.distinct(targets))
      for _, target in ipairs(targets) do seen[target] = true end
    end
    assert.is_nil(seen.x)
    assert.is_nil(seen.y)
    for _, name in ipairs(names(8)) do assert.is_true(seen[name], name) end
    assert.is_true(seen.z)
  end)

  it("reaches everyone when there are fewer than that", function()
    local e = engine("a", { config = { num_indirect_probes = 5 } }):knowing("b", "c", "d down")
    assert.same({ "b", "c" }, e:gossip():targets("gossip"))
  end)

  it("is silent when we know nobody", function()
    assert.same({}, engine("a"):gossip().log)
    assert.same({}, engine("a"):knowing("b down"):gossip().log)
  end)
end)

describe("an update", function()
  local function long(letter, length) return letter:rep(length) end

  -- One gossip target at a time, and names of us and of it that leave less room.
  local function crowded(size, length)
    return engine(long("a", length or 1), { config = { num_indirect_probes = 1, max_packet_size = size or 256 } })
      :knowing(long("b", length or 1))
  end

  it("is sent max_transmissions times and then leaves the backlog", function()
    local e = crowded()
    e:apply({ "c suspect 4" }, { broadcast = true })
    for i = 1, 3 do
      assert.equal(1, e:backlog())
      assert.same({ "c suspect 4" }, e:gossip():the("gossip").updates, "round " .. i)
    end
    assert.equal(0, e:backlog())
    assert.same({}, e:gossip():the("gossip").updates)
  end)

  it("counts as sent once for each packet that carries it", function()
    local e = engine("a", { config = { num_indirect_probes = 2 } }):knowing("b", "c")
    e:apply({ "d" }, { broadcast = true })
    assert.equal(2, #e:gossip().packets)
    assert.equal(1, e:backlog())
    local out = e:gossip()
    assert.equal(0, e:backlog())
    assert.equal(1, #out.packets[1].updates + #out.packets[2].updates)
  end)

  it("rides on acks and pings just as on gossip", function()
    local e = engine("a"):knowing("b")
    e:receive { kind = "gossip", from = "b", updates = { "c down 0", "b alive 1" } }
    local carried = {}
    local function note(packet)
      for _, update in ipairs(packet.updates) do carried[update] = (carried[update] or 0) + 1 end
    end
    note(e:receive { kind = "ping", from = "b", incarnation = 1 }:the("ack"))
    note(e:next_ping())
    note(e:gossip():the("gossip"))
    assert.same({ ["b alive 1"] = 3, ["c down 0"] = 3 }, carried)
    assert.equal(0, e:backlog())
  end)

  it("goes before one that has fewer transmissions left", function()
    local e = crowded(256, 50) -- room for two of them
    local older, other, newer = long("x", 60) .. " down 0", long("w", 60) .. " down 0", long("y", 55) .. " down 0"
    e:apply({ older, other }, { broadcast = true })
    assert.equal(2, #e:gossip():the("gossip").updates)
    e:apply({ newer }, { broadcast = true })
    for turn = 1, 2 do
      local updates = e:gossip():the("gossip").updates
      assert.equal(2, #updates)
      assert.equal(turn == 1, updates[1] == newer)
    end
  end)

  it("goes before a shorter one when both have been sent as often", function()
    local short, longer = long("x", 10) .. " down 0", long("y", 80) .. " down 0"
    for _, order in ipairs { { short, longer, "z down 0" }, { longer, short, "z down 0" } } do
      local e = crowded(1400)
      e:apply(order, { broadcast = true })
      assert.same({ longer, short, "z down 0" }, e:gossip():the("gossip").updates)
    end
  end)

  it("that does not fit is neither counted nor lost, and a smaller one behind it still goes", function()
    local e = crowded(256, 35)
    local first, next_one, large = long("x", 60) .. " down 0", long("w", 55) .. " down 0", long("y", 50) .. " down 0"
    local small = "z down 0"
    e:apply({ first, next_one, large, small }, { broadcast = true })
    assert.same({ first, next_one, small }, e:gossip():the("gossip").updates)
    assert.equal(4, e:backlog())
    assert.same({ [first] = 2, [next_one] = 2, [large] = 3, [small] = 2 }, e:exhaust())
  end)
end)

describe("messages that carry no updates", function()
  local received, e

  local function filled(build)
    received = support.collector()
    local full = build("a", { broadcast = received.handler })
    full:knowing("b", "c down")
    full:apply({ "d", "e suspect" }, { broadcast = true })
    full:add("x")
    return full
  end

  before_each(function() e = filled(support.healing) end)

  it("are announces, which carry no broadcasts either", function()
    local announce = e:announce("z"):the("announce")
    assert.equal(announce.header_size, announce.size)
    assert.same({ updates = 2, broadcasts = 1, messages = 0 }, e.core:backlog())
  end)

  it("are turn_undeads, which carry no broadcasts either", function()
    e = filled(support.foreign)
    local undead = e:receive({ kind = "ping", from = "c" }):the("turn_undead")
    assert.equal(undead.header_size, undead.size)
    assert.same({ updates = 2, broadcasts = 1, messages = 0 }, e.core:backlog())
  end)

  it("are verdicts, which carry what they are about and nothing else", function()
    local verdict = e:receive({ kind = "ping", from = "c" }):the("gossip")
    assert.same({ "c down 0" }, verdict.updates)
    assert.same({}, verdict.items)
    assert.same({ updates = 2, broadcasts = 1, messages = 0 }, e.core:backlog())
  end)

  it("are refusals", function()
    e:configure { max_members = 4 }
    e:apply { "c alive 1" }
    local refusal = e:receive({ kind = "ping", from = "z" }):the("refused")
    assert.equal(refusal.header_size, refusal.size)
    assert.same({ updates = 2, broadcasts = 1, messages = 0 }, e.core:backlog())
  end)

  it("are broadcasts, which carry items right behind the header", function()
    local out = e:broadcast()
    assert.is_true(#out:sent("broadcast") > 0)
    for _, packet in ipairs(out.packets) do
      assert.equal("broadcast", packet.kind)
      assert.equal(packet.header_size + 2 + 1, packet.size)
      assert.same({ "x" }, packet.items)
    end
    assert.equal(2, e:backlog())
  end)
end)

describe("applying claims", function()
  local claims = { "b", "c suspect 3", "d down 1", "b alive 4", "c down 3", "a suspect 0", "a alive 9", "a down 0",
    "a#2 alive 0" }

  for _, claim in ipairs(claims) do
    it("without broadcasting leaves the backlog empty: " .. claim, function()
      local e = engine("a"):knowing("b", "c", "d")
      e:apply({ claim })
      assert.equal(0, e:backlog())
    end)
  end

  it("without broadcasting leaves what waited as it was", function()
    local e = engine("a"):knowing("b", "c")
    e:apply({ "d" }, { broadcast = true })
    e:apply { "e", "f down" }
    assert.same({ ["d alive 0"] = 3 }, e:exhaust())
  end)

  it("with broadcasting spreads what they changed, and only that", function()
    local e = engine("a"):knowing("b", "c suspect 3")
    e:apply({ "b", "c suspect 3", "d suspect 7", "e" }, { broadcast = true })
    assert.same({ ["d suspect 7"] = 3, ["e alive 0"] = 3 }, e:exhaust())
  end)

  it("notifies as a packet would", function()
    local e = engine("a")
    local out = e:apply { "b", "c suspect 2", "d down 1" }
    assert.same({ "member_up b", "active", "member_up c" }, out.events)
    assert.same({ "b alive 0", "c suspect 2", "d down 1" }, e:state())
  end)

  it("stops at an invalid one, says which, and keeps those before it", function()
    local e = engine("a", { identity = {
      addr = function(id)
        if id[1] == "bad" then error("who is that?") end
        return id[1]
      end,
    } })
    local out = e:call("apply", e:claims { "b", "c", "bad", "d" }, {})
    assert.is_nil(out.ok)
    assert.equal("identity", out.code)
    assert.matches("%d", out.message)
    assert.same({ "b alive 0", "c alive 0" }, e:members())
  end)

  it("restores a state that was saved before", function()
    local before = engine("a"):knowing("b alive 4", "c suspect 2", "d down 1")
    local after = engine("a")
    local claims_of = {}
    for i, member in ipairs(before.core:state()) do
      claims_of[i] = { id = member.id, state = member.state, incarnation = member.incarnation }
    end
    assert(after.core:apply(after.now, claims_of))
    assert.same(before:state(), after:state())
  end)
end)

describe("news_transmissions", function()
  --- How often each claim goes out, in gossip alone.
  local function told(config, input)
    local e = engine("a", { config = config }):knowing("b", "c", "x")
    e:receive(input)
    local counts = {}
    for _ = 1, 40 do
      for _, packet in ipairs(e:gossip():sent("gossip")) do
        for _, claim in ipairs(packet.updates) do counts[claim] = (counts[claim] or 0) + 1 end
      end
    end
    return counts
  end

  local CONFIG = { max_transmissions = 3, news_transmissions = 7, probe_period = 1000 }

  it("says how often members that come and go are told of", function()
    local input = { kind = "gossip", from = "b", updates = { "n alive 0", "c down 0" } }
    assert.same({ ["n alive 0"] = 7, ["c down 0"] = 7 }, told(CONFIG, input))
  end)

  it("does not say how often suspicions and their refutations are", function()
    assert.same({ ["x suspect 0"] = 3 }, told(CONFIG, { kind = "gossip", from = "b", updates = { "x suspect 0" } }))
    assert.same({ ["x alive 1"] = 3 }, told(CONFIG, { kind = "gossip", from = "b", updates = { "x alive 1" } }))
  end)

  it("is max_transmissions when it is 0", function()
    local config = { max_transmissions = 3, news_transmissions = 0, probe_period = 1000 }
    assert.same({ ["n alive 0"] = 3 }, told(config, { kind = "gossip", from = "b", updates = { "n alive 0" } }))
  end)

  it("says how often broadcasts are sent", function()
    local e = engine("a", { config = CONFIG, broadcast = { receive = function(_, data) return data end } })
    e:knowing("b")
    e:add "item"
    local sent = 0
    for _ = 1, 20 do
      for _, packet in ipairs(e:broadcast():sent("broadcast")) do sent = sent + #packet.items end
    end
    assert.equal(7, sent)
  end)

  --- How often a member of a cluster of a hundred passes that on.
  local function transmissions_of(claim, config)
    config = config or {}
    config.preset, config.cluster_size, config.news_transmissions, config.gossip = "lan", 2, 2, false
    local e = engine("a", { config = config })
    for i = 1, 99 do e:knowing("n" .. i) end
    e:receive { kind = "gossip", from = "n1", updates = { claim } }
    local counted = 0
    for _ = 1, 20 do
      for _, packet in ipairs(e:gossip():sent("gossip")) do counted = counted + #packet.updates end
    end
    return counted
  end

  it("is twice max_transmissions in presets, and grows with the cluster as that does", function()
    local lan = core.preset("lan", 10)
    assert.equal(4, lan.max_transmissions)
    assert.equal(8, lan.news_transmissions)
    assert.equal(0, core.preset("simple", 10).news_transmissions)
    assert.equal(16, transmissions_of("n2 down 0"))
  end)

  it("is not for those that join, where members compare what they know and so find them", function()
    assert.equal(8, transmissions_of("new alive 0"))
    assert.equal(16, transmissions_of("new alive 0", { compare_members = false }))
  end)
end)
