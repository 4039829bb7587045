--- member.rtt: what our own probes measure.

local support = require "spec.core.support"
local engine = support.engine

--- Two members, the period that begins now probes one of them: the packet.
local function probing(...)
  local e = engine("a"):knowing(...)
  for _, packet in ipairs(e:advance(1).packets) do
    if packet.kind == "ping" then return e, packet end
  end
end

local function rtt_of(e, name)
  return e:member(name).rtt
end

local function answer(e, ping, number)
  return e:receive { kind = "ack", from = ping.to, number = number or ping.number }
end

describe("the rtt of a member", function()
  it("is unknown at first, and then the time until its ack", function()
    local e, ping = probing("b")
    assert.is_nil(rtt_of(e, "b"))
    e:advance(0.016)
    answer(e, ping)
    assert.is_true(math.abs(rtt_of(e, "b") - 0.016) < 0.016 * 0.06)
  end)

  it("is smoothed", function()
    local e, ping = probing("b")
    e:advance(0.016)
    answer(e, ping)
    local first = rtt_of(e, "b")
    for _ = 1, 2 do
      local next_ping
      for _, packet in ipairs(e:advance(1).packets) do
        if packet.kind == "ping" then next_ping = packet end
      end
      e:advance(0.128)
      answer(e, next_ping)
    end
    local later = rtt_of(e, "b")
    assert.is_true(later > first and later < 0.128)
  end)

  it("does not come from an ack that is late, of another probe, or not asked for", function()
    local e, ping = probing("b", "c")
    answer(e, ping, (ping.number + 1) % 256)
    answer(e, { to = ping.to == "b" and "c" or "b", number = ping.number })
    assert.is_nil(rtt_of(e, "b") or rtt_of(e, "c"))
    e:advance(0.25) -- probe_rtt: others are asked
    answer(e, ping)
    assert.is_nil(rtt_of(e, "b") or rtt_of(e, "c"))
    assert.equal("alive", e:state_of(ping.to))
  end)

  it("does not come from an ack that arrives late where nobody could be asked", function()
    local e, ping = probing("b")
    e.now = e.now + 0.3 -- busy: no tick yet
    answer(e, ping)
    assert.is_nil(rtt_of(e, "b"))
  end)

  it("does not come from what others say, nor from a second ack", function()
    local e, ping = probing("b", "c")
    local helper = ping.to == "b" and "c" or "b"
    e:advance(0.25)
    e:receive { kind = "forwarded_ack", from = helper, peer = ping.to, number = ping.number }
    answer(e, ping)
    assert.is_nil(rtt_of(e, "b") or rtt_of(e, "c"))

    e, ping = probing("b", "c")
    e:advance(0.002)
    answer(e, ping)
    local first = rtt_of(e, ping.to)
    e:advance(0.1)
    answer(e, ping)
    assert.equal(first, rtt_of(e, ping.to))
  end)

  it("is counted in classes with each answer, and only then", function()
    local e, ping = probing("b")
    for _, took in ipairs { 0.001, 0.002, 0.2 } do
      e:advance(took)
      answer(e, ping)
      answer(e, ping)
      for _, packet in ipairs(e:advance(1).packets) do
        if packet.kind == "ping" then ping = packet end
      end
    end
    e:advance(0.25) -- too late
    answer(e, ping)
    local rtt = e.core:stats().rtt
    assert.same({ 1, 1, 0, 1 }, rtt.took)
    assert.is_true(rtt.seconds >= 0.203 and rtt.seconds < 0.21)
  end)

  it("stays when the member is down, is back, or has another identity", function()
    local e, ping = probing("b")
    e:advance(0.016)
    answer(e, ping)
    local rtt = rtt_of(e, "b")
    for _, claim in ipairs { "b down", "b alive 1", "b#2" } do
      e:apply { claim }
      assert.equal(rtt, rtt_of(e, "b"))
    end
  end)

  it("is in every table of it, which apply takes back", function()
    local e, ping = probing("b")
    e:advance(0.016)
    answer(e, ping)
    local rtt = rtt_of(e, "b")
    assert.equal(rtt, e.core:members()[1].rtt)
    assert.equal(rtt, e.core:state()[1].rtt)
    assert.is_nil(e.core:self().rtt)
    assert(e.core:apply(e.now, e.core:state(), {}))
  end)
end)

describe("the diagnostics of packets", function()
  it("say the number, the peer and the incarnation of the sender", function()
    local e = engine("a", { diagnostics = { "packet_received", "packet_sent" } }):knowing("b", "c")
    local seen = {}
    local function take()
      for event, packet in e.core:events() do
        seen[#seen + 1] = { event, packet.message, packet.id.addr, packet.incarnation, packet.number,
          packet.peer and packet.peer.addr or false }
      end
    end
    assert(e.core:receive(e.now, e:packet { kind = "ping_req", from = "b", peer = "c", number = 7, incarnation = 3 }))
    take()
    assert(e.core:gossip(e.now))
    take()
    assert.same({ "packet_received", "ping_req", "b:7946", 3, 7, "c:7946" }, seen[1])
    assert.same({ "packet_sent", "indirect_ping", "c:7946", 0, 7, "b:7946" }, seen[2])
    assert.same({ "packet_sent", "gossip" }, { seen[3][1], seen[3][2] })
    assert.is_nil(seen[3][5])
    assert.is_false(seen[3][6])
  end)
end)
