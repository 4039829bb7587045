local support = require "spec.core.support"
local engine, mortal = support.engine, support.mortal
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

  it("heals a partition: each side hears again from those it held for down", function()
    local config = { announce_to_down = { every = 2, members = 2 }, notify_down_members = true }
    local a = engine("a", { config = config }):knowing("c", "b down")
    local b = engine("b", { config = config }):knowing("d", "a down")
    local hello
    for _, packet in ipairs(a:live(2).packets) do
      if packet.kind == "announce" then hello = packet end
    end
    assert.equal("b", hello.to)
    local word = b:receive(hello.bytes):the("turn_undead")
    assert.same({ "rejoin a#2" }, a:receive(word.bytes).events)
    hello = a:announce("b"):the("announce")
    local out = b:receive(hello.bytes)
    assert.is_true(contains(out.events, "member_up a#2"))
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

  it("stop while the engine is idle, and start again with it", function()
    local e = busy()
    for _, name in ipairs(names(4)) do e:apply { name .. " down" } end
    assert.same({}, e:advance(20).sends)
    e:apply { "fresh" }
    local out = e:advance(1)
    assert.is_true(contains(out:targets("announce"), "fresh"))
    assert.equal(e.now, out:sent("announce")[1].at)
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
    assert.equal(e.now + 0.125, e.core:deadline())
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
