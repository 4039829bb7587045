local support = require "spec.core.support"
local engine, foreign, healing, mortal = support.engine, support.foreign, support.healing, support.mortal
local names, contains = support.names, support.contains

local function with(config, build)
  local all = { probe_period = 1000, probe_rtt = 1 }
  for key, value in pairs(config) do all[key] = value end
  return (build or engine)("a", { config = all })
end

--- When packets of a kind went out, without repetitions.
local function times(out, kind)
  local list = {}
  for _, packet in ipairs(out:sent(kind)) do
    if list[#list] ~= packet.at then list[#list + 1] = packet.at end
  end
  return list
end

describe("the periodic gossip", function()
  it("sends every so often what waits, to so many distinct members", function()
    local e = with { gossip = { every = 0.5, members = 3 }, max_transmissions = 9 }
    e:apply(names(8))
    e:apply({ "c" }, { broadcast = true })
    local out = e:advance(1.5)
    assert.same({ 1000.5, 1001, 1001.5 }, times(out, "gossip"))
    assert.equal(9, #out.packets)
    for i = 1, 9, 3 do
      local round = { out.packets[i].to, out.packets[i + 1].to, out.packets[i + 2].to }
      assert.is_true(support.distinct(round))
    end
  end)

  it("is silent when there is nothing to send", function()
    local e = with { gossip = { every = 0.5, members = 3 } }
    e:apply(names(8))
    assert.same({}, e:advance(10).log)
  end)

  it("is silent then even when there are other things to wake up for", function()
    local e = engine("a", { config = { gossip = { every = 0.125, members = 3 } } })
    e:apply(names(8))
    assert.same({}, e:live(10):sent("gossip"))
  end)

  it("sends broadcasts that wait", function()
    local e = engine("a", {
      broadcast = support.collector().handler,
      config = { gossip = { every = 0.5, members = 2 }, max_transmissions = 2, probe_period = 100 },
    }):knowing("b", "c")
    e:add("hello")
    local out = e:advance(0.5)
    assert.same({ "b", "c" }, out:targets("gossip"))
    for _, packet in ipairs(out.packets) do assert.same({ "hello" }, packet.items) end
    assert.same({}, e:advance(3).log)
  end)
end)

describe("the periodic announce", function()
  it("asks so many random active members for more", function()
    local e = with { announce = { every = 2, members = 2 } }
    e:apply(names(8))
    e:apply { "x down" }
    local out, seen = e:advance(100), {}
    assert.equal(50, #times(out, "announce"))
    assert.equal(100, #out.packets)
    for i, packet in ipairs(out.packets) do
      assert.equal("announce", packet.kind)
      seen[packet.to] = true
      if i % 2 == 0 then assert.are_not.equal(out.packets[i - 1].to, packet.to) end
    end
    assert.is_nil(seen.x)
    for _, name in ipairs(names(8)) do assert.is_true(seen[name], name) end
  end)
end)

describe("a member that has become active", function()
  -- Others whose codec has no digests, or that do not compare.
  local config = { announce = { every = 60, members = 1 }, probe_period = 1, probe_rtt = 0.5 }

  local function newcomer()
    return healing("a", { config = config }):knowing("b", "c")
  end

  -- Its first announce or the feed was lost, or others have found it first.
  it("asks for a feed until one comes, but not for ever", function()
    local e = newcomer()
    local asks = times(e:live(20), "announce")
    assert.equal(6, #asks) -- one of them would have gone out anyway
    for i = 2, 5 do assert.equal(1, asks[i] - asks[i - 1]) end
    assert.is_true(asks[1] - 1000 <= 2)
  end)

  it("asks no more when feeds come and show nothing new", function()
    local e = newcomer()
    for _ = 1, 4 do -- with the first b and c are news
      e:receive { kind = "feed", from = "b", updates = { "b alive 0", "c alive 0" } }
    end
    assert.is_true(#e:live(20):sent("announce") <= 1)
  end)

  it("asks again soon while feeds bring news, and when the answer to that is lost", function()
    local e = newcomer()
    local feed = { kind = "feed", from = "b", updates = { "b alive 0", "c alive 0", "d alive 0", "e alive 0" } }
    e:receive(feed)
    local asks = times(e:live(20), "announce")
    assert.equal(1000.2, asks[1])
    for i = 2, 5 do assert.equal(1, asks[i] - asks[i - 1]) end
    e:receive(feed)
    e:receive(feed)
    assert.is_true(#e:live(20):sent("announce") <= 1)
  end)

  it("asks nobody where that is switched off", function()
    local e = healing("a", { config = { probe_period = 1, probe_rtt = 0.5 } }):knowing("b", "c")
    assert.same({}, e:live(20):sent("announce"))
  end)

  it("compares what it knows instead, where that is switched on", function()
    local comparing = { compare_members = true }
    for name, value in pairs(config) do comparing[name] = value end
    local out = healing("a", { config = comparing }):knowing("b", "c"):live(20)
    assert.same({}, out:sent("announce"))
    assert.is_true(#out:sent("exchange") > 0)
  end)
end)

describe("the periodic announce to down members", function()
  it("asks so many random down members, and only those", function()
    local e = with { announce_to_down = { every = 2, members = 2 }, remove_down_after = 1000 }
    e:apply(names(4))
    e:apply { "x down", "y down", "z down" }
    local out, seen = e:advance(60), {}
    assert.equal(30, #times(out, "announce"))
    assert.equal(60, #out.packets)
    for _, packet in ipairs(out.packets) do
      assert.is_true(contains({ "x", "y", "z" }, packet.to))
      seen[packet.to] = true
    end
    assert.same({ x = true, y = true, z = true }, seen)
  end)

  it("is silent when nobody is down", function()
    local e = with { announce_to_down = { every = 2, members = 2 } }
    e:apply(names(4))
    assert.same({}, e:advance(60).log)
  end)

  --- What a member says to the one that it holds for down.
  local function hello(e)
    local out, said = e:live(2), nil
    for _, packet in ipairs(out:sent("announce")) do said = packet end
    assert.is_false(e:state_of(said.to) ~= "down")
    return said
  end

  it("heals a partition: each side hears again from those it held for down", function()
    local config = { announce_to_down = { every = 2, members = 2 }, notify_down_members = true }
    local a = foreign("a", { config = config }):knowing("c", "b down")
    local b = foreign("b", { config = config }):knowing("d", "a down")
    local word = b:receive(hello(a).bytes):the("turn_undead")
    assert.same({ "rejoin a#2" }, a:receive(word.bytes).events)
    local out = b:receive(a:announce("b"):the("announce").bytes)
    assert.is_true(contains(out.events, "member_up a#2"))
  end)

  it("heals it without a new identity where verdicts can be refuted", function()
    local config = { announce_to_down = { every = 2, members = 2 } }
    local a = healing("a", { config = config }):knowing("b", "c", "b down")
    local b = healing("b", { config = config }):knowing("a", "d", "a down")
    local word = b:receive(hello(a).bytes):the("gossip")
    assert.same({ "a down 0" }, word.updates)
    local answer = a:receive(word.bytes)
    assert.same({ "returned a" }, answer.events)
    local out = b:receive(answer:the("announce").bytes)
    assert.same({ "member_up a" }, out.events)
    assert.same({ "member_up b", "member_up d" }, a:receive(out:the("feed").bytes).events)
  end)

  it("asks three times as often while as many are lost as are left", function()
    local e = with { announce_to_down = { every = 3, members = 1 }, remove_down_after = 10000 }
    e:apply { "b", "c", "d" }
    e:apply { "d down" }
    assert.equal(20, #e:advance(60):sent("announce"))
    e:apply { "c down" }
    e:advance(3) -- the turn that was set before
    assert.is_true(math.abs(#e:advance(60):sent("announce") - 60) <= 1)
  end)

  it("asks on while nobody is left, since somebody must", function()
    local e = with { announce_to_down = { every = 3, members = 1 }, remove_down_after = 10000 }
    e:apply { "b" }
    e:apply { "b down" }
    assert.equal("idle", e.core:connection())
    local out = e:advance(60)
    assert.is_true(math.abs(#out:sent("announce") - 60) <= 1)
    assert.equal("b", out.packets[1].to)
  end)

  it("is silent while idle when it is switched off", function()
    local e = with {}
    e:apply { "b" }
    e:apply { "b down" }
    assert.same({}, e:advance(10).log)
  end)

  it("never asks those that left, and wakes nobody up for them", function()
    local e = with { announce_to_down = { every = 2, members = 2 }, remove_down_after = 1000 }
    e:apply { "b", "c" }
    e:apply { "b left" }
    assert.same({}, e:advance(60).sends)
    e:apply { "c left" }
    assert.equal(e.now + 940, e.core:deadline()) -- then b is forgotten
  end)

  -- Rank r of n gets 1 / r of the questions, more or less; uniformly it would be 1 / n.
  it("asks most those that went down last", function()
    local e = with { announce_to_down = { every = 1, members = 1 }, remove_down_after = 100000 }
    e:apply(names(70))
    for i = 1, 64 do
      e:advance(0.01)
      e:apply { ("n%d down"):format(i) }
    end
    local counts, asks = {}, e:advance(1000):sent("announce")
    for _, packet in ipairs(asks) do counts[packet.to] = (counts[packet.to] or 0) + 1 end
    local share = math.log(2) / math.log(65)
    assert.is_true(math.abs(counts.n64 / #asks - share) < 0.03)
    assert.is_true(counts.n64 > 8 * (counts.n32 or 0))
    local asked = 0
    for _ in pairs(counts) do asked = asked + 1 end
    assert.equal(64, asked) -- nobody is given up
  end)
end)

describe("periodic tasks", function()
  local every = {
    gossip = { every = 1, members = 2 },
    announce = { every = 1, members = 2 },
    announce_to_down = { every = 1, members = 2 },
    remove_down_after = 10000,
  }

  local function busy(build)
    local e = with(every, build)
    e:apply(names(4))
    e:apply { "x down" }
    return e
  end

  it("all run side by side", function()
    local e = busy()
    e:apply({ "y" }, { broadcast = true })
    local out = e:advance(1)
    assert.equal(2, #out:sent("gossip"))
    assert.equal(3, #out:sent("announce"))
  end)

  it("stop while the engine is idle, but for the one to down members, and start again with it", function()
    local e = busy()
    e:apply({ "y" }, { broadcast = true })
    for _, name in ipairs(names(4)) do e:apply { name .. " left" } end
    e:apply { "y left" }
    local out = e:advance(20)
    assert.same({}, out:sent("gossip"))
    assert.same({ "x" }, support.set(out:targets("announce")))
    e:apply { "fresh" }
    assert.is_true(contains(e:advance(1):targets("announce"), "fresh"))
  end)

  it("stop while the engine is defunct, and start again with it", function()
    local e = busy(mortal)
    e:apply { "a down" }
    assert.same({}, e:advance(20).sends)
    e:reuse()
    assert.equal(3, #e:advance(1):sent("announce"))
  end)

  it("go on once when a tick comes late, not once for each time missed", function()
    local e = busy()
    e:advance(2)
    assert.equal(3, #e:stall(3.5):sent("announce"))
    assert.is_true(e.core:deadline() > e.now)
  end)

  it("wake nobody up for which there is nothing to do", function()
    local e = engine("a", { config = {
      gossip = { every = 0.125, members = 2 }, announce_to_down = { every = 0.125, members = 2 },
    } })
    e:apply(names(4))
    assert.equal(e.now + 1, e.core:deadline())
    e:knowing("x down")
    assert.is_true(e.core:deadline() <= e.now + 0.125)
  end)

  it("do not run twice as fast after idle, active, idle, active", function()
    local e = with { announce = { every = 1, members = 1 } }
    for i = 1, 5 do
      e:apply { "n" .. i }
      e:advance(0.25)
      e:apply { "n" .. i .. " down" }
      e:advance(0.25)
    end
    e:apply { "last" }
    assert.equal(8, #e:advance(8):sent("announce"))
  end)
end)
