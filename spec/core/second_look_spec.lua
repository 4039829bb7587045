-- One probe that fails is no evidence where packets get lost: with second_look the
-- next period probes the same member again. (A member that answers neither probe is
-- suspected from the first ping on, so that no time is lost.)

local support = require "spec.core.support"
local engine = support.engine

local NAMES = { "b", "c", "d", "e", "f" }

--- Period 1 s, rtt 0.25 s, 2 indirect probes.
local function engine_with(options)
  local config = {
    max_local_health = 8,
    suspicion_confirmations = 1,
    suspicion_max_factor = 6,
    second_look = true,
  }
  for key, value in pairs(options or {}) do config[key] = value end
  return engine("a", { config = config }):knowing(support.unpack(NAMES))
end

local function nack(packet)
  return { kind = "nack", from = packet.to, number = packet.number, peer = packet.peer }
end

local function ack(packet)
  return { kind = "ack", from = packet.to, number = packet.number }
end

--- Silence, but for nacks of those who are asked.
local function only_nacks(packet)
  return packet.kind == "ping_req" and nack(packet) or nil
end

local function all_ack(packet)
  return packet.kind == "ping" and ack(packet) or nil
end

local function suspects(e)
  local names = {}
  for _, name in ipairs(NAMES) do
    if e:state_of(name) == "suspect" then names[#names + 1] = name end
  end
  return names
end

describe("a second look", function()
  it("is taken at a member that did not answer", function()
    local e = engine_with()
    local first = e:next_ping()
    local second = e:next_ping()
    assert.equal(first.to, second.to)
    assert.same({}, suspects(e))
  end)

  it("is a probe of its own: others are asked again", function()
    local e = engine_with()
    local target = e:next_ping().to
    e:next_ping()
    local asked = e:advance(0.5):sent("ping_req")
    assert.equal(2, #asked)
    assert.equal(target, asked[1].peer)
  end)

  it("that fails, too, makes the member suspect", function()
    local e = engine_with()
    local target = e:next_ping().to
    e:next_ping()
    e:next_ping()
    assert.same({ target }, suspects(e))
  end)

  it("that is answered makes all well, and the round goes on", function()
    local e = engine_with()
    local first = e:next_ping()
    local second = e:next_ping()
    e:receive(ack(second))
    local third = e:next_ping()
    assert.same({}, suspects(e))
    assert.not_equal(first.to, third.to)
  end)

  it("is not taken when we are well, and all who were asked do not reach it either", function()
    local e = engine_with()
    local target = e:next_ping().to
    e:advance(1, only_nacks)
    assert.same({ target }, suspects(e))
  end)

  it("is taken all the same when we are unwell", function()
    local e = engine_with()
    e:receive { kind = "gossip", from = "b", updates = { "a suspect 0" } } -- we refute: that is one point
    assert.equal(1, e.core:stats().local_health)
    local first = e:advance(2, only_nacks):the("ping")
    local second = e:next_ping()
    assert.equal(first.to, second.to)
    assert.same({}, suspects(e))
  end)

  it("is not taken by whoever is as unwell as can be: it is not the loss of a packet", function()
    local e = engine_with { max_local_health = 1 }
    e:receive { kind = "gossip", from = "b", updates = { "a suspect 0" } }
    local target = e:next_ping().to
    e:next_ping()
    assert.same({ target }, suspects(e))
  end)

  it("is as long as a look of somebody healthy", function()
    local e = engine_with()
    for _ = 1, 2 do e:next_ping() end -- the first second look fails: two nacks are missing
    local third = e:next_ping()
    assert.equal(2, e.core:stats().local_health)
    local fourth = e:next_ping()
    assert.equal(3, fourth.at - third.at)
    assert.equal(third.to, fourth.to)
  end)

  it("leaves our own health alone until it is over", function()
    local e = engine_with()
    e:next_ping()
    e:next_ping()
    assert.equal(0, e.core:stats().local_health)
    e:next_ping()
    assert.equal(2, e.core:stats().local_health)
  end)

  it("costs no time: the suspicion counts from the first ping", function()
    local e = engine_with()
    local start, target
    local out = e:advance(60, function(packet)
      if packet.kind == "ping" and not target then start, target = packet.at, packet.to end
      if packet.to ~= target then return all_ack(packet) end
    end)
    assert.equal(24, out:time_of("member_down " .. target) - start)
  end)

  it("does not count a time in which we were not there", function()
    local e = engine_with { suspicion_max_factor = 2 }
    local first = e:next_ping()
    e:stall(10, { first.to }) -- a lonely suspicion lasts 8 s
    local down = e:live(30, { first.to }):time_of("member_down " .. first.to)
    assert.equal(first.at + 9 + 8, down)
  end)

  it("is dropped when the member leaves meanwhile", function()
    local e = engine_with()
    local target = e:next_ping().to
    e:receive { kind = "gossip", from = target == "b" and "c" or "b", updates = { target .. " down 0" } }
    assert.not_equal(target, e:next_ping().to)
  end)

  it("is dropped when we go idle", function()
    local e = engine("a", { config = { second_look = true } }):knowing("b")
    e:next_ping()
    e:next_ping()
    e:receive { kind = "gossip", from = "b", updates = { "b down 0" } }
    e:knowing("c")
    assert.equal("c", e:next_ping().to)
  end)

  it("is counted as a probe that failed, each time", function()
    local e = engine_with()
    e:next_ping()
    e:advance(2)
    assert.equal(2, e.core:stats().probes_failed)
  end)

  it("is not taken where it is switched off", function()
    local e = engine_with { second_look = false }
    local target = e:next_ping().to
    e:next_ping()
    assert.same({ target }, suspects(e))
  end)
end)

describe("gossip after a silence", function()
  it("goes out at once, and then keeps its pace", function()
    local e = engine("a", { config = { gossip = { every = 0.2, members = 1 } } }):knowing("b", "c")
    e:live(30.07)
    local start = e.now
    e:receive { kind = "gossip", from = "b", updates = { "n alive 0" } }
    local at = {}
    for i, packet in ipairs(e:live(0.5):sent("gossip")) do at[i] = packet.at - start end
    assert.near(0, at[1], 1e-6)
    assert.near(0.2, at[2], 1e-6)
    assert.near(0.4, at[3], 1e-6)
  end)
end)
