--- Lifeguard (Dadgar, Phillips, Currey 2018): a member that doubts itself slows
-- down (4.A), a suspicion waits for others to confirm it (4.B), a suspect is told
-- first (4.C). Sections are those of the paper.

local support = require "spec.core.support"
local engine = support.engine

--- support.config with Lifeguard on: period 1 s, rtt 0.25 s, 2 indirect probes,
-- suspicions of 4 s to 24 s.
local function lifeguard(options)
  local config = {
    max_local_health = 8,
    suspicion_confirmations = 2,
    suspicion_max_factor = 6,
    tell_suspects = true,
  }
  for key, value in pairs(options or {}) do config[key] = value end
  return { config = config }
end

local function guarded(options)
  return engine("a", lifeguard(options)):knowing("b", "c", "d", "e", "f")
end

local function health(e)
  return e.core:stats().local_health
end

--- Answers pings as a healthy member does.
local function ack(packet)
  return packet.kind == "ping" and { kind = "ack", from = packet.to, number = packet.number } or nil
end

--- Lets the engine's next probe fail; `nacks` says whether those it asks tell so.
local function fail_probe(e, nacks)
  return e:advance(1 + health(e), function(packet)
    if packet.kind == "ping_req" and nacks then
      return { kind = "nack", from = packet.to, number = packet.number, peer = packet.peer }
    end
  end)
end

local function wait_for_ping(e)
  return e:advance(1):the("ping")
end

--- How long it takes until x is declared down; nil: it is not.
local function lasts(e)
  local start = e.now
  local down = e:advance(100):time_of("member_down x")
  return down and down - start
end

describe("local health", function()
  it("is fine at first", function()
    assert.equal(0, health(guarded()))
  end)

  it("stays fine while pings are answered", function()
    local e = guarded()
    e:advance(20, ack)
    assert.equal(0, health(e))
  end)

  it("suffers from every nack that does not come", function()
    local e = guarded()
    wait_for_ping(e)
    fail_probe(e, false)
    assert.equal(2, health(e))
  end)

  it("does not suffer when those asked say that the target is silent to them too", function()
    local e = guarded()
    wait_for_ping(e)
    fail_probe(e, true)
    assert.equal(0, health(e))
  end)

  --- A look at somebody of which only one of the two that were asked sends a nack, though more than once.
  local function half_nacked(e)
    local asked = {}
    e:advance(0.9, function(packet)
      if packet.kind ~= "ping_req" then return end
      asked[#asked + 1] = packet
      local from = #asked == 1 and packet.to or "stranger"
      return { kind = "nack", from = from, number = packet.number, peer = packet.peer }
    end)
    e:receive { kind = "nack", from = asked[1].to, number = asked[1].number, peer = asked[1].peer }
    return asked[2].to
  end

  it("counts a nack once, and only from those who were asked", function()
    local e = guarded()
    wait_for_ping(e)
    local silent = half_nacked(e)
    e:receive { kind = "gossip", from = silent } -- it is there, and said nothing
    e:advance(0.1)
    assert.equal(1, health(e))
  end)

  it("does not suffer from the silence of those who were not heard either, while others are", function()
    local e = guarded()
    wait_for_ping(e)
    half_nacked(e)
    e:advance(0.1)
    assert.equal(0, health(e))
  end)

  it("suffers when there is nobody to ask", function()
    local e = engine("a", lifeguard()):knowing("b")
    wait_for_ping(e)
    e:advance(1)
    assert.equal(1, health(e))
  end)

  it("suffers a little when only others hear the target: our own way to it failed", function()
    local e = guarded()
    wait_for_ping(e)
    local function forward(packet)
      if packet.kind == "ping_req" then
        return { kind = "forwarded_ack", from = packet.to, number = packet.number, peer = packet.peer }
      end
    end
    e:advance(1, forward)
    assert.equal(1, health(e))
    e:advance(60, forward)
    assert.equal(5, health(e)) -- of 8: a lossy network is not the worst
  end)

  it("suffers when we have to refute", function()
    local e = guarded()
    e:receive { kind = "gossip", from = "b", updates = { "a suspect 0" } }
    assert.equal(1, health(e))
  end)

  it("recovers with each ping that is answered", function()
    local e = guarded()
    wait_for_ping(e)
    local next_ping = fail_probe(e, false):the("ping")
    assert.equal(2, health(e))
    e:receive(ack(next_ping))
    e:advance(3, ack)
    assert.equal(1, health(e))
    e:advance(20, ack)
    assert.equal(0, health(e))
  end)

  it("goes up to its maximum and no further", function()
    local e = guarded { max_local_health = 3 }
    for i = 0, 9 do
      e:apply({ "a suspect " .. i })
    end
    assert.equal(3, health(e))
  end)

  it("stretches the period and the rtt", function()
    local e = guarded()
    e:apply { "a suspect 0" }
    e:apply { "a suspect 1" }
    local first = e:advance(1):the("ping")
    assert.equal(1001, first.at)
    local out = e:advance(0.74)
    assert.equal(0, #out:sent("ping_req"))
    out = e:advance(0.01)
    assert.equal(2, #out:sent("ping_req")) -- after 3 x 0.25 s
    out = e:advance(2.25)
    assert.equal(1004, out:the("ping").at)
  end)

  it("is nobody's business in plain SWIM", function()
    local e = engine("a"):knowing("b", "c", "d")
    e:advance(5)
    e:apply { "a suspect 7" }
    assert.equal(0, health(e))
    for _, packet in ipairs(e:advance(3):sent("ping_req")) do assert.is_false(packet.wants_nack) end
  end)
end)

describe("a nack", function()
  it("is asked for", function()
    local e = guarded()
    wait_for_ping(e)
    local requests = e:advance(0.5):sent("ping_req")
    assert.equal(2, #requests)
    for _, packet in ipairs(requests) do assert.is_true(packet.wants_nack) end
  end)

  local function asked(wants)
    local e = engine("m"):knowing("o", "t", "u")
    e:receive { kind = "ping_req", from = "o", peer = "t", number = 9, wants_nack = wants }
    return e
  end

  it("comes from the one in the middle when the target does not answer in time", function()
    local nack = asked(true):advance(0.9):the("nack")
    assert.equal("o", nack.to)
    assert.equal("t", nack.peer)
    assert.equal(9, nack.number)
    assert.equal(1000.2, nack.at) -- 80 % of the rtt
  end)

  it("does not come when the target answers", function()
    local e = asked(true)
    e:receive { kind = "indirect_ack", from = "t", peer = "o", number = 9 }
    assert.equal(0, #e:advance(5):sent("nack"))
  end)

  it("comes all the same when somebody else, or with another number, answers", function()
    local e = asked(true)
    e:receive { kind = "indirect_ack", from = "u", peer = "o", number = 9 }
    e:receive { kind = "indirect_ack", from = "t", peer = "o", number = 8 }
    e:receive { kind = "indirect_ack", from = "t", peer = "u", number = 9 }
    assert.equal(1, #e:advance(5):sent("nack"))
  end)

  it("does not come to those who did not ask for it", function()
    assert.equal(0, #asked(false):advance(5):sent("nack"))
  end)

  it("comes for a target that we do not know, too", function()
    local e = engine("m"):knowing("o")
    e:receive { kind = "ping_req", from = "o", peer = "stranger", number = 1, wants_nack = true }
    assert.equal("stranger", e:advance(1):the("nack").peer)
  end)

  it("is owed for 64 questions at the most", function()
    local e = engine("m"):knowing("o")
    for i = 1, 100 do
      e:receive { kind = "ping_req", from = "o", peer = "t" .. i, number = i, wants_nack = true }
    end
    local nacks = e:advance(1):sent("nack")
    assert.equal(64, #nacks)
    assert.equal("t37", nacks[1].peer)
    assert.equal("t100", nacks[64].peer)
  end)

  it("about ourselves is refused", function()
    local e = engine("a"):knowing("b")
    e:refuses("indirect_for_ourselves", "receive", e:packet { kind = "nack", from = "b", number = 1, peer = "a" })
  end)
end)

describe("a suspicion", function()
  --- Hears that `member` suspects x.
  local function accuse(e, member)
    return e:receive { kind = "gossip", from = member, updates = { "x suspect 0 by " .. member } }
  end

  --- An engine that does not probe while the spec watches.
  local function quiet()
    return engine("a", lifeguard { probe_period = 1000 }):knowing("b", "c", "d", "e", "x")
  end

  it("that nobody confirms lasts the longest", function()
    local e = quiet()
    accuse(e, "b")
    assert.equal(24, lasts(e))
  end)

  it("that one member confirms lasts less, on a logarithmic scale", function()
    local e = quiet()
    accuse(e, "b")
    accuse(e, "c")
    local expected = 24 - (24 - 4) * math.log(2) / math.log(3)
    assert.near(expected, lasts(e), 0.001)
  end)

  it("that as many confirm as it waits for lasts the shortest", function()
    local e = quiet()
    accuse(e, "b")
    accuse(e, "c")
    accuse(e, "d")
    assert.equal(4, lasts(e))
  end)

  it("is confirmed once by each", function()
    local e = quiet()
    accuse(e, "b")
    for _ = 1, 10 do accuse(e, "c") accuse(e, "b") end
    assert.is_true(lasts(e) > 10)
  end)

  it("is not confirmed by those who do not say who they are", function()
    local e = quiet()
    accuse(e, "b")
    for _, from in ipairs { "c", "d", "e" } do
      e:receive { kind = "gossip", from = from, updates = { "x suspect 0" } }
    end
    assert.equal(24, lasts(e))
  end)

  it("is confirmed by our own probe", function()
    local e = guarded():knowing("x")
    accuse(e, "b")
    accuse(e, "c")
    local start = e.now
    local out = e:live(30, { "x" })
    assert.is_true(out:time_of("member_down x") - start < 11)
  end)

  it("of our own counts from the ping that got no answer", function()
    local e = engine("a", lifeguard { suspicion_confirmations = 1 }):knowing("b", "c", "x")
    local pinged
    local out = e:advance(40, function(packet)
      if packet.to ~= "x" then return ack(packet) end
      pinged = pinged or (packet.kind == "ping" and packet.at)
    end)
    assert.equal(24, out:time_of("member_down x") - pinged)
  end)

  -- Then it may be our packets that are lost, the one with the suspicion among them.
  it("of our own that nobody shares begins anew if we were accused meanwhile, three times at the most", function()
    local function down_after(accusations)
      local e = support.healing("a", lifeguard { suspicion_confirmations = 1 }):knowing("b", "c", "x")
      local pinged
      local function respond(packet)
        if packet.to ~= "x" then return ack(packet) end
        pinged = pinged or (packet.kind == "ping" and packet.at)
      end
      e:advance(5, respond)
      assert.equal("suspect", e:state_of("x"))
      for _ = 1, accusations do
        e:receive { kind = "gossip", from = "b", updates = { "a suspect " .. e:incarnation() } }
        local out = e:advance(24, respond)
        if out:time_of("member_down x") then return out:time_of("member_down x") - pinged end
      end
      return e:advance(100, respond):time_of("member_down x") - pinged
    end
    local lonely = down_after(0)
    assert.equal(24, lonely)
    assert.is_true(down_after(1) > 1.5 * lonely and down_after(1) < 2.5 * lonely)
    assert.is_true(down_after(10) > 3.5 * lonely and down_after(10) < 4.5 * lonely)
  end)

  it("is passed on with each confirmation that counts", function()
    local e = quiet()
    accuse(e, "b")
    local function told()
      local gossip = e:gossip():sent("gossip")[1]
      for i, claim in ipairs(gossip.updates) do
        if claim == "x suspect 0" then return gossip.by[i] end
      end
    end
    assert.equal("b", told())
    accuse(e, "c")
    assert.equal("c", told())
    accuse(e, "d")
    assert.equal("d", told())
    accuse(e, "e") -- that is one too many
    assert.equal("d", told())
  end)

  it("lasts the shortest where there is nobody to confirm it", function()
    local e = engine("a", lifeguard { probe_period = 1000 }):knowing("x")
    e:apply { "x suspect 0 by b" }
    assert.equal(4, lasts(e))
  end)

  it("waits for as many as there are where there are too few", function()
    for _, lonely in ipairs { true, false } do
      local e = engine("a", lifeguard { probe_period = 1000 }):knowing("b", "x")
      accuse(e, "b")
      if not lonely then e:receive { kind = "gossip", from = "b", updates = { "x suspect 0 by c" } } end
      assert.equal(lonely and 24 or 4, lasts(e))
    end
  end)

  it("begins anew with a higher incarnation", function()
    local e = quiet()
    for _, member in ipairs { "b", "c", "d" } do accuse(e, member) end
    e:receive { kind = "gossip", from = "b", updates = { "x suspect 1 by b" } }
    assert.equal(24, lasts(e))
  end)

  it("ends with a refutation", function()
    local e = quiet()
    for _, member in ipairs { "b", "c", "d" } do accuse(e, member) end
    e:receive { kind = "gossip", from = "x", incarnation = 1 }
    assert.is_nil(lasts(e))
  end)
end)

describe("a suspect", function()
  it("hears of it first in the ping that probes it", function()
    local e = engine("a", lifeguard { max_transmissions = 1 }):knowing("x suspect 3")
    local ping = e:advance(1):sent("ping")[1]
    assert.equal("x", ping.to)
    assert.equal("x suspect 3", ping.updates[1])
  end)

  it("hears nothing of the kind in plain SWIM", function()
    local e = engine("a"):knowing("x suspect 3")
    assert.same({}, wait_for_ping(e).updates)
  end)

  it("is asked in each of the last five periods before it is declared down", function()
    local e = engine("a", lifeguard()):knowing("b", "c", "d", "e")
    e:receive { kind = "gossip", from = "b", updates = { "x suspect 0 by b" } }
    local asked = {}
    e:advance(23.9, function(packet)
      if packet.to == "x" and packet.kind == "ping" then asked[packet.at] = packet.updates[1] end
      return ack(packet) -- with the incarnation that is suspected, which clears nothing
    end)
    for second = 1019, 1023 do assert.equal("x suspect 0", asked[second]) end
  end)

  -- The last ping of the last period is long ago for whoever is reached again.
  it("is asked once more an eighth of probe_rtt before its time is over", function()
    local e = engine("a", lifeguard()):knowing("b", "c", "d", "e")
    e:receive { kind = "gossip", from = "b", updates = { "x suspect 0 by b" } }
    local last
    local out = e:advance(60, function(packet)
      if packet.to == "x" and packet.kind == "ping" then last = packet.at end
      return ack(packet)
    end)
    assert.equal(1024, out:time_of("member_down x"))
    assert.equal(1024 - e.core:config().probe_rtt / 8, last)
  end)

  it("is asked by whoever knows nobody else, too", function()
    local e = engine("a", lifeguard()):knowing("x suspect 0")
    local asked = 0
    local out = e:advance(60, function(packet)
      if packet.to == "x" and packet.updates[1] == "x suspect 0" then asked = asked + 1 end
      return ack(packet)
    end)
    assert.equal(1004, out:time_of("member_down x"))
    assert.is_true(asked >= 4)
  end)

  it("is asked once more when others end its time at once", function()
    local e = engine("a", lifeguard()):knowing("b", "c", "d", "e")
    e:receive { kind = "gossip", from = "b", updates = { "x suspect 0 by b" } }
    e:live(10, { "x" })
    local claims = { "x suspect 0 by c", "x suspect 0 by d" }
    e:receive { kind = "gossip", from = "c", updates = claims }
    local ping = e:tick():the("ping")
    assert.equal("x", ping.to)
    assert.equal(e.now + e.core:config().probe_rtt / 8, e.core:deadline())
    e:receive { kind = "ack", from = "x", incarnation = 1, number = ping.number }
    assert.equal("alive", e:state_of("x"))
  end)

  it("is asked before it is declared down, however long ago the ping was that it did not answer", function()
    local options = lifeguard { suspicion_to_down_after = nil, suspicion_confirmations = 1, suspicion_max_factor = 2 }
    local e = engine("a", options):knowing("b", "x")
    for i = 0, 7 do e:receive { kind = "gossip", from = "b", updates = { "a suspect " .. i } } end
    assert.equal(8, e.core:stats().local_health) -- a look takes nine periods
    local function respond(packet) return packet.to == "b" and ack(packet) or nil end
    repeat e:advance(0.25, respond) until e:state_of("x") == "suspect"
    e:receive { kind = "gossip", from = "b", updates = { "x suspect 0 by b" } }
    local out = e:advance(60, respond)
    local asked = 0
    for _, ping in ipairs(out:sent("ping")) do
      if ping.to == "x" and ping.at < out:time_of("member_down x") then asked = asked + 1 end
    end
    assert.is_true(asked >= 2)
  end)

  it("that refutes then stays", function()
    local e = engine("a", lifeguard()):knowing("b", "c", "d", "e")
    e:receive { kind = "gossip", from = "b", updates = { "x suspect 0 by b" } }
    local out = e:advance(60, function(packet)
      local answer = ack(packet)
      if answer and packet.to == "x" and packet.at > 1022.5 then answer.incarnation = 1 end
      return answer
    end)
    assert.equal(0, out:count("member_down x"))
    assert.equal("alive", e:state_of("x"))
  end)
end)

describe("a cluster larger than the config was made for", function()
  --- Plain suspicions, in a preset that is scaled to `size` members, or not.
  local function scaled(size)
    return {
      config = {
        preset = size and "lan" or "simple",
        cluster_size = size,
        probe_period = 1000,
        suspicion_confirmations = 0,
        tell_suspects = false,
      },
    }
  end

  it("gets more transmissions", function()
    local function sent_times(size)
      local e = engine("a", scaled(size))
      e:apply(support.names(99))
      e:receive { kind = "gossip", from = "n1", incarnation = 1 }
      local times = 0
      for _ = 1, 20 do
        for _, packet in ipairs(e:gossip():sent("gossip")) do times = times + #packet.updates end
      end
      return times
    end
    assert.equal(3, sent_times(nil))
    assert.equal(8, sent_times(10)) -- floor(4 log10 101)
  end)

  it("gets longer suspicions", function()
    local function in_hundred(size)
      local e = engine("a", scaled(size))
      e:apply(support.names(98))
      e:receive { kind = "gossip", from = "n1", updates = { "x suspect 0" } }
      return lasts(e)
    end
    assert.equal(4, in_hundred(nil))
    assert.near(8, in_hundred(10), 0.02) -- log10 100 = 2 times as long
  end)
end)
