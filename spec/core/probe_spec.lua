local support = require "spec.core.support"
local engine, mortal = support.engine, support.mortal
local names, sorted, contains = support.names, support.sorted, support.contains

--- Pings `count` members, everyone answering, and returns their names.
local function probed(e, count)
  local order = {}
  while #order < count do
    for _, packet in ipairs(e:live(1):sent("ping")) do order[#order + 1] = packet.to end
  end
  return order
end

describe("the probe cycle", function()
  it("pings one member in each period", function()
    local e = engine("a"):knowing("b", "c", "d")
    for period = 1, 12 do
      local ping = e:live(1):the("ping")
      assert.equal(1000 + period, ping.at)
    end
  end)

  it("goes round all members before it comes to one again", function()
    local e = engine("a")
    e:apply(names(7))
    for _ = 1, 5 do assert.same(sorted(names(7)), sorted(probed(e, 7))) end
  end)

  it("goes round in a shuffled order, another one each time", function()
    local orders, e = {}, engine("a")
    e:apply(names(7))
    for i = 1, 6 do orders[i] = table.concat(probed(e, 7), " ") end
    assert.is_false(contains(orders, table.concat(names(7), " ")))
    assert.are_not.equal(orders[1], orders[2])
  end)

  it("numbers its pings so that an old ack is no answer to a new one", function()
    local e, seen = engine("a"):knowing("b"), {}
    for _ = 1, 255 do
      local number = e:live(1):the("ping").number
      assert.is_nil(seen[number])
      seen[number] = true
    end
  end)

  it("skips who is down", function()
    local e = engine("a"):knowing("b", "c", "d", "x down", "y down")
    for _, name in ipairs(probed(e, 9)) do assert.matches("[bcd]", name) end
  end)

  it("includes suspects", function()
    local e = engine("a", { config = { suspect_to_down_after = 100 } }):knowing("b", "c suspect")
    assert.same({ "b", "c" }, sorted(probed(e, 2)))
  end)

  it("puts newcomers at random places of the present round", function()
    local waits = {}
    for seed = 1, 200 do
      local e = engine("a", { seed = seed })
      e:apply(names(5))
      e:live(1)
      e:apply { "new" }
      local wait
      for i, name in ipairs(probed(e, 11)) do
        if name == "new" then wait = wait or i end
      end
      assert.truthy(wait, "a newcomer waits for two rounds")
      waits[wait] = (waits[wait] or 0) + 1
    end
    local distinct = 0
    for _ in pairs(waits) do distinct = distinct + 1 end
    assert.is_true(distinct >= 5, "a newcomer's place is not random")
    for wait, count in pairs(waits) do assert.is_true(count < 150, "nearly always in place " .. wait) end
  end)

  it("keeps to the round while members come down in the middle of it", function()
    local e = engine("a")
    e:apply(names(10))
    local before = probed(e, 4)
    local left = {}
    for _, name in ipairs(names(10)) do left[name] = not contains(before, name) or nil end
    local pending = next(left)
    e:apply { before[2] .. " down", before[4] .. " down", pending .. " down" }
    left[pending] = nil
    for _, name in ipairs(probed(e, 5)) do
      assert.is_true(left[name], name .. " was probed already")
      left[name] = nil
    end
    assert.is_nil(next(left))
  end)

  it("stops with the last member and starts with the next one", function()
    local e = engine("a"):knowing("b")
    e:live(1)
    e:apply { "b down" }
    assert.equal(e.now + 16, e.core:deadline()) -- when b is forgotten
    assert.same({}, e:advance(10).sends)
    e:knowing("c")
    assert.equal(e.now + 1, e:next_ping().at)
  end)
end)

describe("a probe", function()
  local e, ping

  before_each(function()
    e = engine("a"):knowing("b", "c", "d", "e")
    ping = e:next_ping()
  end)

  local function others()
    local list = {}
    for _, name in ipairs { "b", "c", "d", "e" } do
      if name ~= ping.to then list[#list + 1] = name end
    end
    return list
  end

  local function ack(fields)
    local all = { kind = "ack", from = ping.to, number = ping.number }
    for key, value in pairs(fields or {}) do all[key] = value end
    return e:receive(all)
  end

  local function forwarded(fields)
    local all = { kind = "forwarded_ack", peer = ping.to, number = ping.number }
    for key, value in pairs(fields) do all[key] = value end
    return e:receive(all)
  end

  --- The rest of the period: true when it ended with a suspicion.
  local function ends_in_suspicion()
    e:advance(ping.at + 1 - e.now)
    return e:state_of(ping.to) == "suspect"
  end

  it("asks others to ping for it after probe_rtt without an ack", function()
    assert.same({}, e:advance(0.25 - 1 / 64).log)
    local out = e:advance(1 / 64)
    assert.equal(2, #out.packets)
    assert.equal(2, #out:sent("ping_req"))
    assert.is_true(support.distinct(out:targets()))
    for _, packet in ipairs(out.packets) do
      assert.equal(ping.to, packet.peer)
      assert.equal(ping.number, packet.number)
      assert.is_true(contains(others(), packet.to))
    end
  end)

  it("asks random others", function()
    local asked = {}
    for seed = 1, 30 do
      local other = engine("a", { seed = seed }):knowing("b", "c", "d", "e", "x down")
      local target = other:next_ping().to
      for _, name in ipairs(other:advance(0.25):targets("ping_req")) do
        assert.are_not.equal(target, name)
        asked[name] = true
      end
    end
    assert.same({ b = true, c = true, d = true, e = true }, asked)
  end)

  it("asks whoever there is when there are fewer than num_indirect_probes", function()
    local small = engine("a"):knowing("b", "c")
    local target = small:next_ping().to
    assert.same({ target == "b" and "c" or "b" }, small:advance(0.25):targets("ping_req"))
  end)

  it("asks nobody when there is nobody else, and suspects all the same", function()
    local alone = engine("a"):knowing("b")
    alone:next_ping()
    assert.same({}, alone:advance(1 - 1 / 64).sends)
    alone:advance(1 / 64)
    assert.equal("suspect", alone:state_of("b"))
  end)

  it("suspects a member that answers neither ping nor ping_req by the end of the period", function()
    e:advance(1 - 1 / 64)
    assert.equal("alive", e:state_of(ping.to))
    local out = e:advance(1 / 64)
    assert.equal("suspect", e:state_of(ping.to))
    assert.same({}, out.events)
    assert.equal(1, #out:sent("ping"))
  end)

  it("tells the others whom it suspects", function()
    local out = e:advance(1)
    assert.same({ ping.to .. " suspect 0" }, out:the("ping").updates)
    assert.equal(2, e:exhaust()[ping.to .. " suspect 0"])
  end)

  it("counts itself, and its failure", function()
    assert.equal(1, e.core:stats().probes)
    assert.equal(0, e.core:stats().probes_failed)
    e:advance(1)
    assert.equal(2, e.core:stats().probes)
    assert.equal(1, e.core:stats().probes_failed)
    assert.equal(1, e.core:stats().suspicions)
  end)

  it("succeeds with the ack, and asks nobody then", function()
    ack()
    local out = e:advance(1 - 1 / 64)
    assert.same({}, out.log)
    assert.is_false(ends_in_suspicion())
  end)

  it("succeeds with an ack that comes after others were asked", function()
    e:advance(0.75)
    ack()
    assert.is_false(ends_in_suspicion())
  end)

  it("does not take an ack with a wrong number", function()
    ack { number = (ping.number + 1) % 256 }
    assert.equal(2, #e:advance(0.25):sent("ping_req"))
    ack { number = (ping.number + 255) % 256 }
    assert.is_true(ends_in_suspicion())
  end)

  it("does not take an ack from somebody else", function()
    ack { from = others()[1] }
    ack { from = "stranger" }
    assert.equal(2, #e:advance(0.25):sent("ping_req"))
    assert.is_true(ends_in_suspicion())
  end)

  it("does not take the ack of a probe that is over", function()
    ack()
    local last = ping
    ping = e:next_ping()
    e:receive { kind = "ack", from = ping.to, number = last.number }
    assert.is_true(ends_in_suspicion())
  end)

  it("succeeds with one forwarded ack of a member that was asked", function()
    local asked = e:advance(0.25):sent("ping_req")
    forwarded { from = asked[2].to }
    assert.is_false(ends_in_suspicion())
  end)

  it("does not take a forwarded ack of a member that was not asked", function()
    local asked = e:advance(0.25):targets("ping_req")
    for _, name in ipairs(others()) do
      if not contains(asked, name) then forwarded { from = name } end
    end
    forwarded { from = "stranger" }
    assert.is_true(ends_in_suspicion())
  end)

  it("does not take a forwarded ack before anybody was asked", function()
    forwarded { from = others()[1] }
    assert.equal(2, #e:advance(0.25):sent("ping_req"))
    assert.is_true(ends_in_suspicion())
  end)

  it("does not take a forwarded ack with a wrong number or about somebody else", function()
    local asked = e:advance(0.25):sent("ping_req")
    forwarded { from = asked[1].to, number = (ping.number + 1) % 256 }
    forwarded { from = asked[1].to, peer = asked[2].to }
    assert.is_true(ends_in_suspicion())
  end)

  it("does not count on a send: an announce or gossip of the target is no ack", function()
    e:receive { kind = "gossip", from = ping.to }
    e:receive { kind = "announce", from = ping.to }
    assert.is_true(ends_in_suspicion())
  end)
end)

describe("a ping", function()
  it("is acked with its number", function()
    local e = engine("a"):knowing("b")
    for _, number in ipairs { 0, 1, 200, 255 } do
      local out = e:receive { kind = "ping", from = "b", number = number }
      assert.same({ "ack b" }, out.sends)
      assert.equal(number, out:the("ack").number)
    end
  end)

  it("is acked to a stranger as well", function()
    local out = engine("a"):receive { kind = "ping", from = "z", number = 4 }
    assert.same({ "ack z" }, out.sends)
    assert.equal(4, out:the("ack").number)
  end)

  it("is acked to a suspect", function()
    local e = engine("a"):knowing("b suspect 1")
    assert.same({ "ack b" }, e:receive({ kind = "ping", from = "b", incarnation = 1 }).sends)
  end)
end)

describe("an indirect probe", function()
  for _, target in ipairs { "c", "unknown" } do
    local who = target == "c" and "a member" or "somebody unknown to us"

    it("is passed on to " .. who, function()
      local e = engine("a"):knowing("b", "c")
      local out = e:receive { kind = "ping_req", from = "b", peer = target, number = 201 }
      assert.same({ "indirect_ping " .. target }, out.log)
      assert.equal("b", out.packets[1].peer)
      assert.equal(201, out.packets[1].number)
    end)

    it("is answered on behalf of " .. who, function()
      local e = engine("a"):knowing("b", "c")
      local out = e:receive { kind = "indirect_ping", from = "b", peer = target, number = 202 }
      assert.same({ "indirect_ack b" }, out.log)
      assert.equal(target, out.packets[1].peer)
      assert.equal(202, out.packets[1].number)
    end)

    it("is reported back to " .. who, function()
      local e = engine("a"):knowing("b", "c")
      local out = e:receive { kind = "indirect_ack", from = "b", peer = target, number = 203 }
      assert.same({ "forwarded_ack " .. target }, out.log)
      assert.equal("b", out.packets[1].peer)
      assert.equal(203, out.packets[1].number)
    end)
  end

  it("about an older identity of ours is not sent to ourselves", function()
    local e = engine("a#3"):knowing("b")
    for _, kind in ipairs { "ping_req", "indirect_ack" } do
      assert.same({}, e:receive({ kind = kind, from = "b", peer = "a#2", number = 9 }).log)
    end
  end)

  it("makes nobody a member but who really spoke to us", function()
    local e = engine("a")
    for _, kind in ipairs { "ping_req", "indirect_ping", "indirect_ack", "forwarded_ack" } do
      e:receive { kind = kind, from = "b", peer = "z" }
    end
    assert.same({ "b alive 0" }, e:members())
  end)

  it("saves a member that we cannot reach ourselves, by way of another", function()
    local all = {
      a = engine("a"):knowing("b", "c"),
      b = engine("b"):knowing("a", "c"),
      c = engine("c"):knowing("a", "b"),
    }
    local a = all.a
    local ping = a:next_ping()
    local queue = { support.unpack(a:advance(0.25).packets) }
    local path = {}
    while #queue > 0 do
      local packet = table.remove(queue, 1)
      path[#path + 1] = packet.kind
      for _, answer in ipairs(all[packet.to]:receive(packet.bytes).packets) do queue[#queue + 1] = answer end
    end
    assert.same({ "ping_req", "indirect_ping", "indirect_ack", "forwarded_ack" }, path)
    a:advance(1)
    assert.equal("alive", a:state_of(ping.to))
  end)
end)

describe("a probe is abandoned cleanly", function()
  local function rest_of(e, ping)
    return e:advance(ping.at + 1 - 1 / 64 - e.now)
  end

  it("when the engine goes idle", function()
    local e = engine("a"):knowing("b")
    local ping = e:next_ping()
    e:apply { "b down" }
    e:knowing("c", "d")
    local out = rest_of(e, ping)
    assert.same({}, out.log)
    assert.same({ "c alive 0", "d alive 0" }, e:members())
    assert.equal(ping.at + 1, e:next_ping().at)
    assert.same({ "c alive 0", "d alive 0" }, e:members())
  end)

  it("when the engine goes idle, without hurrying or doubling the next one", function()
    local e = engine("a"):knowing("b")
    e:next_ping()
    e:advance(0.5)
    e:apply { "b down" }
    e:knowing("c")
    assert.equal(1, #e:live(1):sent("ping"))
    assert.equal(1, #e:live(1):sent("ping"))
  end)

  it("when the engine renews its identity", function()
    local e = engine("a"):knowing("b", "c", "d")
    local ping = e:next_ping()
    e:apply { "a down" }
    assert.equal("a#2", e:whoami())
    local out = rest_of(e, ping)
    assert.same({}, out:sent("ping_req"))
    e:advance(1 / 64)
    assert.same({ "b alive 0", "c alive 0", "d alive 0" }, e:members())
  end)

  it("when the engine changes its identity", function()
    local e = engine("a"):knowing("b", "c", "d")
    local ping = e:next_ping()
    e:become("a#5")
    local out = rest_of(e, ping)
    assert.same({}, out:sent("ping_req"))
    e:advance(1 / 64)
    assert.same({ "b alive 0", "c alive 0", "d alive 0" }, e:members())
  end)

  it("when the engine becomes defunct and comes back", function()
    local e = mortal("a"):knowing("b", "c", "d")
    e:next_ping()
    e:apply { "a down" }
    e:reuse()
    assert.same({}, e:advance(0.5):sent("ping_req"))
    e:advance(0.5)
    assert.same({ "b alive 0", "c alive 0", "d alive 0" }, e:members())
  end)

  it("when its target leaves", function()
    local e = engine("a"):knowing("b", "c", "d")
    local ping = e:next_ping()
    e:apply { ping.to .. " down" }
    local out = rest_of(e, ping)
    assert.same({}, out.log)
    local next_ping = e:next_ping()
    assert.equal(ping.at + 1, next_ping.at)
    assert.are_not.equal(ping.to, next_ping.to)
    assert.equal(2, #e:members())
    for _, member in ipairs(e:members()) do assert.matches("alive", member) end
  end)

  it("when its target leaves after others were asked", function()
    local e = engine("a"):knowing("b", "c", "d")
    local ping = e:next_ping()
    e:advance(0.5)
    e:apply { ping.to .. " down" }
    local out = e:advance(0.5)
    assert.same({}, out.events)
    assert.equal("down", e:state_of(ping.to))
  end)

  it("when its target is replaced by a newer identity", function()
    local e = engine("a"):knowing("b", "c", "d")
    local ping = e:next_ping()
    e:apply { ping.to .. "#2" }
    rest_of(e, ping)
    e:advance(1 / 64)
    assert.equal("alive", e:state_of(ping.to .. "#2"))
  end)
end)

describe("a late tick", function()
  it("probes once, however many periods were missed", function()
    for _, late in ipairs { 1, 1.5, 2, 3.5 } do
      local e = engine("a"):knowing("b", "c", "d", "e")
      e:live(1)
      assert.equal(1, #e:stall(late):sent("ping"), late)
      assert.is_true(e.core:deadline() > e.now)
    end
  end)

  it("goes on with one probe in each period afterwards", function()
    local e = engine("a"):knowing("b", "c", "d", "e")
    e:live(1)
    e:stall(2.5)
    assert.is_true(#e:live(8):sent("ping") <= 9)
    assert.is_true(#e:live(8):sent("ping") >= 7)
  end)

  it("does not shift the rhythm when it was only a little late", function()
    local e = engine("a"):knowing("b", "c", "d", "e")
    e:live(1)
    e:stall(1.375)
    assert.equal(1003, e:live(1):the("ping").at)
  end)

  it("asks others before it turns to the next member", function()
    local e = engine("a"):knowing("b", "c", "d", "e")
    local ping = e:next_ping()
    local out = e:stall(2)
    local seen_ping
    for _, packet in ipairs(out.packets) do
      if packet.kind == "ping" then seen_ping = true end
      if packet.kind == "ping_req" and packet.peer == ping.to then
        assert.is_falsy(seen_ping)
      end
    end
    assert.is_true(seen_ping)
  end)

  it("declares down whose suspicion ran out while it was only a little late", function()
    local e = engine("a"):knowing("b", "c suspect")
    e:live(3.5, { "c" })
    assert.same({ "member_down c" }, e:stall(1).events)
  end)

  it("forgets who was to be forgotten", function()
    local e = engine("a"):knowing("b", "c down")
    e:live(15.5)
    e:stall(2)
    assert.is_nil(e:member("c"))
  end)

  it("does what is due when nothing was late: twice in the same instant does it once", function()
    local e = engine("a"):knowing("b", "c")
    e:advance(1)
    assert.same({}, e:tick().log)
    assert.same({}, e:tick().log)
  end)

  it("may come early and then does nothing", function()
    local e = engine("a"):knowing("b", "c")
    e:advance(0.5)
    assert.same({}, e:tick().log)
    assert.equal(1001, e.core:deadline())
  end)

  it("takes a clock that runs backwards for one that stands still", function()
    local e = engine("a"):knowing("b", "c")
    e:live(2)
    e.now = 500
    assert.same({}, e:tick().log)
    assert.equal(1003, e.core:deadline())
    e:apply { "c suspect" }
    assert.equal(1002, e:member("c").since)
    e.now = 1002
    assert.equal(1006, e:live(8, { "c" }):time_of("member_down c"))
  end)
end)

describe("a tick after a stall longer than the suspicion timeout", function()
  local e

  before_each(function()
    e = engine("a"):knowing("b", "c suspect", "d")
    e:live(1, { "c" })
  end)

  it("declares nobody down on what was known before the stall", function()
    local out = e:stall(60, { "c" })
    assert.same({}, out.events)
    assert.equal("suspect", e:state_of("c"))
    assert.equal(3, e.core:num_members())
  end)

  it("lets a suspect answer that was heard of again", function()
    e:stall(60, { "c" })
    e:receive { kind = "gossip", from = "c", incarnation = 1 }
    local out = e:live(10)
    assert.same({}, out.events)
    assert.equal("alive", e:state_of("c"))
  end)

  it("lets whoever was being probed answer", function()
    local other = engine("a"):knowing("b", "d")
    local ping = other:next_ping()
    assert.same({}, other:stall(60).events)
    other:receive { kind = "ack", from = ping.to, number = ping.number, incarnation = 1 }
    assert.same({}, other:live(10).events)
    assert.same({ "alive", "alive" }, { other:state_of("b"), other:state_of("d") })
  end)

  it("still finds those down that go on saying nothing", function()
    e:stall(60, { "c" })
    local out = e:live(5, { "c" })
    assert.same({ "member_down c" }, out.events)
  end)
end)
