--- What a member believes that finds out that it was taken for down itself, and what
-- others believe of a member that has come back.

local support = require "spec.core.support"
local cluster = require "spec.support.cluster"
local engine, healing = support.engine, support.healing

local LIFEGUARD = {
  max_local_health = 8, suspicion_confirmations = 2, suspicion_max_factor = 6, tell_suspects = true,
}

local function states(e)
  local list = {}
  for _, claim in ipairs(e:state()) do list[#list + 1] = claim end
  return list
end

local function is_doubted(e, name, incarnation)
  e:apply { ("%s alive %d"):format(name, incarnation or 0) }
  return e:state_of(name) == "alive"
end

--- c and d failed, e left, b and f are there.
local function after_a_cut(options)
  local e = healing("a", options):knowing("b", "c", "d", "e", "f")
  e:apply { "c down 0", "d down 0", "e left" }
  return e
end

local function accuse(e, from, claim)
  return e:receive { kind = "gossip", from = from, updates = { claim or "a down " .. e:incarnation() } }
end

describe("a fresh verdict about ourselves", function()
  it("makes us doubt all verdicts that we hold, but not departures", function()
    local e = after_a_cut()
    accuse(e, "b")
    assert.same({ "b alive 0", "c down 0", "d down 0", "e left", "f alive 0" }, states(e))
    assert.is_true(is_doubted(e, "c"))
    assert.is_true(is_doubted(e, "d"))
    assert.is_false(is_doubted(e, "e"))
  end)

  it("makes us gossip no verdict any more, but still departures and all else", function()
    local e = healing("a"):knowing("b", "c", "d", "e", "f")
    e:apply({ "c down 0", "e left", "f suspect 0", "g alive 0" }, { broadcast = true })
    accuse(e, "b")
    local told = e:exhaust()
    assert.is_nil(told["c down 0"])
    assert.is_true((told["e left"] or 0) > 0 and (told["g alive 0"] or 0) > 0 and (told["f suspect 0"] or 0) > 0)
  end)

  -- It has not heard that it was declared down itself, and whoever it meets first
  -- may be a newcomer who knows nothing of that.
  it("is not needed by whoever had lost everybody and meets somebody: it doubts all the same", function()
    local e = healing("a"):knowing("b", "c", "d left")
    e:apply({ "b down 0", "c down 0" }, { broadcast = true })
    assert.equal("idle", e.core:connection())
    e:receive { kind = "announce", from = "g" }
    assert.is_nil(e:exhaust()["b down 0"])
    assert.is_true(is_doubted(e, "b"))
    assert.is_true(is_doubted(e, "c"))
    assert.is_false(is_doubted(e, "d"))
  end)

  it("counts when the last incarnation makes us renew instead", function()
    local e = after_a_cut()
    assert.same({ "rejoin a#2" }, accuse(e, "b", "a suspect 65534").events)
    assert.is_true(is_doubted(e, "c"))
  end)

  it("counts when somebody newer had our address", function()
    local e = after_a_cut()
    assert.same({ "rejoin a#8" }, accuse(e, "b", "a#7 alive 0").events)
    assert.is_true(is_doubted(e, "c"))
  end)

  it("counts when somebody who is active here takes somebody newer for us", function()
    local e = after_a_cut():knowing("g", "h", "i")
    assert.same({ "rejoin a#8" },
      e:receive({ kind = "gossip", from = "b", to = "a#7", updates = { "a#7 alive 0" } }).events)
    assert.is_true(is_doubted(e, "c"))
  end)

  it("does not count when a stranger takes somebody newer for us", function()
    local e = after_a_cut():knowing("g", "h", "i")
    assert.same({ "rejoin a#8" },
      e:receive({ kind = "gossip", from = "z", to = "a#7", updates = { "a#7 alive 0" } }).events)
    assert.is_false(is_doubted(e, "c"))
  end)

  -- It costs a look at everybody: a flood of accusations must not.
  it("counts once in probe_rtt", function()
    local e = after_a_cut()
    accuse(e, "b")
    e:knowing("g", "g down 0")
    accuse(e, "b")
    assert.is_false(is_doubted(e, "g"))
    e:live(0.25)
    accuse(e, "b")
    assert.is_true(is_doubted(e, "g"))
  end)

  -- A member that was away for long has not heard who died meanwhile.
  it("makes us doubt for as long as the longest suspicion, not for ever", function()
    for _, case in ipairs { { 24 - 1 / 64, true }, { 24, false } } do
      local e = after_a_cut { config = {
        suspicion_confirmations = 2, suspicion_max_factor = 6, remove_down_after = 100,
      } }
      accuse(e, "b")
      e:live(case[1], { "c", "d" })
      assert.equal(case[2], is_doubted(e, "c"))
    end
  end)

  it("does not count when it is stale, or a mere suspicion", function()
    local e = healing("a"):knowing("b")
    accuse(e, "b")
    e:knowing("c", "c down 0")
    e:live(1)
    accuse(e, "b", "a down 0")
    accuse(e, "b", "a suspect 1")
    assert.is_false(is_doubted(e, "c"))
  end)

  it("does not count when nobody sent it", function()
    local e = after_a_cut()
    e:apply({ "a down 0" }, { broadcast = true })
    assert.is_false(is_doubted(e, "c"))
  end)

  it("does not count where verdicts are final", function()
    local e = engine("a"):knowing("b", "c", "c down 0")
    accuse(e, "b")
    assert.is_false(is_doubted(e, "c"))
  end)

  -- Else forty of fifty that died would be raised by the ten that hear nobody for a while.
  it("is needed: that nobody is heard makes us doubt nothing", function()
    local e = after_a_cut { config = LIFEGUARD }
    e:advance(14)
    assert.is_false(is_doubted(e, "c"))
    assert.is_false(is_doubted(e, "b"))
  end)
end)

describe("a fresh verdict by somebody who is down here", function()
  it("makes us doubt when we hold at least as many for failed as for active", function()
    local e = after_a_cut()
    accuse(e, "c")
    assert.is_true(is_doubted(e, "d"))
  end)

  it("does not when most are there: then it is probably the one that was cut off", function()
    local e = after_a_cut():knowing("g")
    accuse(e, "c")
    assert.is_false(is_doubted(e, "d"))
  end)

  it("does not for the sake of those that left, or that we never knew", function()
    local e = healing("a"):knowing("b", "c", "d", "e", "e left", "x down 0", "y down 0")
    e:apply { "d down 0" }
    accuse(e, "d")
    assert.is_false(is_doubted(e, "x"))
  end)
end)

describe("a verdict about a member that spoke to us a moment ago", function()
  local function heard_and_accused(seconds)
    local e = healing("a", { config = { suspect_to_down_after = 4, probe_period = 100, probe_rtt = 1 } })
    e:knowing("b", "c", "d")
    e:receive { kind = "gossip", from = "c" }
    e:advance(seconds)
    return e, e:receive({ kind = "gossip", from = "b", updates = { "c down 0" } })
  end

  -- Whoever found it down has asked it in vain for longer than that.
  it("counts as a suspicion for half of the shortest one", function()
    for _, seconds in ipairs { 0, 1, 1.9 } do
      local e, out = heard_and_accused(seconds)
      assert.same({}, out.events)
      assert.equal("suspect", e:state_of("c"))
    end
  end)

  it("holds after that", function()
    local e, out = heard_and_accused(2.1)
    assert.same({ "member_down c" }, out.events)
    assert.equal("down", e:state_of("c"))
  end)

  it("holds when it has left, and in plain SWIM", function()
    local e = healing("a"):knowing("b", "c", "d")
    e:receive { kind = "gossip", from = "c" }
    assert.same({ "member_down c" }, e:receive({ kind = "gossip", from = "b", updates = { "c left" } }).events)
    e = engine("a"):knowing("b", "c", "d")
    e:receive { kind = "gossip", from = "c" }
    assert.same({ "member_down c" }, e:receive({ kind = "gossip", from = "b", updates = { "c down 0" } }).events)
  end)

  it("is not doubted for another member, or when many others spoke since", function()
    local e = healing("a", { config = { probe_period = 100 } }):knowing("b", "c", "d")
    e:receive { kind = "gossip", from = "d" }
    assert.same({ "member_down c" }, e:receive({ kind = "gossip", from = "b", updates = { "c down 0" } }).events)
    for _ = 1, 64 do e:receive { kind = "gossip", from = "b" } end
    assert.same({ "member_down d" }, e:receive({ kind = "gossip", from = "b", updates = { "d down 0" } }).events)
  end)
end)

describe("a suspicion, when we learn that we were taken for down ourselves,", function()
  it("begins anew", function()
    local e = healing("a", { config = { probe_period = 1000 } }):knowing("b", "c")
    e:apply { "c suspect 0" }
    e:advance(3)
    accuse(e, "b")
    assert.equal(1007, e:advance(10):time_of("member_down c"))
  end)

  --- Pings that tell c of the suspicion, each of which it could answer.
  local function asks(out)
    local count = 0
    for _, packet in ipairs(out:sent("ping")) do
      if packet.to == "c" and support.contains(packet.updates, "c suspect 0") then count = count + 1 end
    end
    return count
  end

  --- c is suspected by d, and asked for the last time.
  local function nearly_over()
    local function suspecting()
      local e = healing("a", { config = LIFEGUARD }):knowing("b", "c", "d", "f")
      e:receive { kind = "gossip", from = "d", updates = { "c suspect 0 by d" } }
      return e
    end
    local at = suspecting():live(60, { "c" }):time_of("member_down c")
    local e = suspecting() -- with the same seed, of the same fate
    e:live(at - 0.25 - e.now, { "c" })
    assert.equal("suspect", e:state_of("c"))
    return e
  end

  -- Most of them are alive, and the last periods of a suspicion may be far away.
  it("asks the members soon, one after the other", function()
    local e = healing("a", { config = LIFEGUARD }):knowing("b", "c", "d", "f", "g")
    e:receive { kind = "gossip", from = "g", updates = { "c suspect 0 by d", "d suspect 0 by c", "f suspect 0 by c" } }
    accuse(e, "b")
    local asked, at = {}, {}
    for _, packet in ipairs(e:advance(0.25).packets) do
      if support.contains(packet.updates or {}, packet.to .. " suspect 0") then
        asked[#asked + 1], at[packet.at] = packet.to, true
      end
    end
    table.sort(asked)
    assert.same({ "c", "d", "f" }, asked)
    local moments = 0
    for _ in pairs(at) do moments = moments + 1 end
    assert.equal(3, moments)
  end)

  -- It would end unasked otherwise.
  it("gets all of its asks back", function()
    local e = nearly_over()
    accuse(e, "b")
    local out = e:live(60, { "c" })
    assert.equal(1, out:count("member_down c"))
    assert.is_true(asks(out) >= 5)
  end)

  it("gets them back after a stall, too", function()
    local e = nearly_over()
    e:stall(10, { "c" })
    local out = e:live(60, { "c" })
    assert.equal(1, out:count("member_down c"))
    assert.is_true(asks(out) >= 5)
  end)
end)

describe("a member that came back from down", function()
  local function returned(options)
    local e = healing("a", options):knowing("b", "c", "d", "e", "f")
    e:apply { "c down 0" }
    e:receive { kind = "gossip", from = "c", incarnation = 1 }
    return e
  end

  local function says(e, claim)
    return accuse(e, "c", claim).events
  end

  --- So many that nobody here is heard within the last moments.
  local function among_many()
    local e = returned { config = { suspicion_confirmations = 2, suspicion_max_factor = 6 } }
    return e:knowing(support.unpack(support.names(40)))
  end

  it("has its verdicts taken for suspicions: it made them while it was cut off", function()
    local e = returned()
    assert.same({}, says(e, "d down 0"))
    assert.equal("suspect", e:state_of("d"))
    assert.same({ ["d suspect 0"] = 3 }, (function()
      local told = e:exhaust()
      return { ["d suspect 0"] = told["d suspect 0"] }
    end)())
  end)

  it("confirms nothing with them", function()
    local e = returned { config = { probe_period = 1000, suspicion_confirmations = 2, suspicion_max_factor = 6 } }
    e:receive { kind = "gossip", from = "b", updates = { "d suspect 0 by b" } }
    says(e, "d down 0")
    e:receive { kind = "gossip", from = "f", updates = { "d suspect 0 by f" } }
    assert.equal("suspect", e:state_of("d"))
    e:advance(4)
    assert.equal("suspect", e:state_of("d")) -- with two confirmations it would be down
  end)

  it("is believed what it says of departures, and all that is no verdict", function()
    local e = returned()
    assert.same({ "member_down d" }, says(e, "d left"))
    says(e, "e suspect 0")
    assert.equal("suspect", e:state_of("e"))
    assert.same({ "member_up g" }, says(e, "g alive 0"))
  end)

  it("makes nobody known with its verdicts", function()
    local e = returned()
    says(e, "z down 3")
    assert.is_nil(e:member("z"))
  end)

  it("cannot make anybody down newer either", function()
    local e = returned()
    assert.same({ "rename d d#2" }, says(e, "d#2 down 3"))
    assert.equal("suspect", e:state_of("d#2"))
  end)

  it("is believed again after the longest that a suspicion of its own may last", function()
    local e = among_many()
    e:live(24 - 1 / 64)
    assert.same({}, says(e, "d down 0"))
    e:live(1 / 64)
    assert.same({ "member_down e" }, says(e, "e down 0"))
  end)

  it("has to wait anew when it was suspected meanwhile: it may have been cut off again", function()
    local e = among_many()
    e:live(20)
    e:apply { "c suspect 1", "c alive 2" }
    e:live(24 - 1 / 64)
    assert.same({}, says(e, "d down 0"))
    e:live(1 / 64)
    assert.same({ "member_down e" }, says(e, "e down 0"))
  end)

  it("is the same for being somebody else by now", function()
    local e = healing("a"):knowing("b", "c", "d", "e")
    e:apply { "c down 0" }
    e:receive { kind = "gossip", from = "c#2" }
    assert.same({}, accuse(e, "c#2", "d down 0").events)
    assert.equal("suspect", e:state_of("d"))
    e = returned()
    e:receive { kind = "gossip", from = "c#2" }
    assert.same({}, accuse(e, "c#2", "d down 0").events)
    assert.equal("suspect", e:state_of("d"))
  end)

  it("is a newcomer when it had left", function()
    local e = healing("a"):knowing("b", "c", "d", "e")
    e:apply { "c left" }
    e:receive { kind = "gossip", from = "c#2" }
    assert.same({ "member_down d" }, accuse(e, "c#2", "d down 0").events)
  end)

  it("is no other: verdicts of those that were there are facts", function()
    assert.same({ "member_down d" }, accuse(returned(), "b", "d down 0").events)
  end)

  it("is what it was before where verdicts are final", function()
    local e = engine("a"):knowing("b", "c down 0", "d")
    e:live(16)
    e:receive { kind = "gossip", from = "c", incarnation = 1 }
    assert.same({ "member_down d" }, says(e, "d down 0"))
  end)
end)

describe("one wrong belief", function()
  local function grown(count)
    local net = cluster.new()
    for _, name in ipairs(support.names(count)) do net:spawn(name) end
    net:join_all(net.members[1])
    net:run_until(net.converged, 60)
    net:run(10)
    for _, member in ipairs(net.members) do member:forget() end
    return net
  end

  local function heard(net, event)
    local count = 0
    for _, member in ipairs(net.members) do count = count + member:heard(event) end
    return count
  end

  it("of a single member does not make a healthy one down at the others", function()
    local net = grown(10)
    local fool, victim = net.members[2], net.members[5]
    assert(fool:apply({ { id = victim:identity(), state = "down", incarnation = 0 } }))
    assert.equal("down", fool:sees(victim))
    net:run_until(net.converged, 30)
    net:run(30)
    assert.equal(1, heard(net, "member_down")) -- the fool's own
    assert.equal(0, heard(net, "rejoin"))
  end)

  it("of two that were cut off together is nobody else's", function()
    for _, seconds in ipairs { 60, 300 } do
      local net = grown(10)
      local two, others = { net.members[3], net.members[4] }, {}
      for i, member in ipairs(net.members) do
        if i ~= 3 and i ~= 4 then others[#others + 1] = member end
      end
      net:partition(others, two)
      net:run(seconds)
      net:heal()
      for _, member in ipairs(net.members) do member:forget() end
      net:run_until(net.converged, 30)
      net:run(30)
      assert.same({ 0, 0, 0 }, { heard(net, "member_down"), heard(net, "rename"), heard(net, "rejoin") })
    end
  end)
end)
