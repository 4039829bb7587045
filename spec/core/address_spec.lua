--- Who gets the traffic owns the address: what a member does about packets and claims
-- that are for, or about, another identity of its address.

local core = require "shoal.core"
local cluster = require "spec.support.cluster"
local support = require "spec.core.support"
local engine, healing = support.engine, support.healing

local LARGEST = 2 ^ 53 - 1

local function claim_of(id) return { id = id, state = "alive", incarnation = 0 } end

--- A gossip of b with one claim, of any identity.
local function gossip_about(e, id)
  return e:packet { kind = "gossip", from = "b", count = 1, tail = core.codec.encode_member(claim_of(id)) }
end

local function with(fields)
  return healing("a", { config = fields }):knowing("b", "c")
end

--- b tells of an identity at our address.
local function told(e, claim)
  return e:receive { kind = "gossip", from = "b", updates = { claim } }
end

describe("a packet for an identity of ours that is gone", function()
  it("is answered with who we are now: a ping with an ack, all else with a gossip", function()
    for _, kind in ipairs { "ping", "ack", "gossip", "feed", "broadcast" } do
      local answer = kind == "ping" and "ack" or "gossip"
      local e = healing("a#4"):knowing("b", "c")
      e:apply({ "d" }, { broadcast = true })
      local out = e:receive { kind = kind, from = "b", to = "a#3", number = 9, updates = { "c suspect 0" } }
      local packet = out:the(answer)
      assert.same({ answer .. " b" }, out.log)
      assert.same({ "a#4", "b", 0 }, { packet.from, packet.to, #packet.updates })
      if kind == "ping" then assert.equal(9, packet.number) end
      assert.equal("alive", e:state_of("c")) -- what it carries is not for us
      assert.equal(1, e:dropped("not_for_us"))
    end
  end)

  it("is answered to strangers, too, who are no members for that", function()
    local e = healing("a#4"):knowing("b")
    assert.same({ "ack z" }, e:receive({ kind = "ping", from = "z", to = "a#3" }).log)
    assert.is_nil(e:member("z"))
  end)

  it("is answered at most once per sender and probe_rtt", function()
    local e = healing("a#4"):knowing("b", "c")
    local function ping(from) return e:receive({ kind = "ping", from = from, to = "a#3" }).log end
    assert.same({ "ack b" }, ping "b")
    assert.same({}, ping "b")
    assert.same({ "ack c" }, ping "c")
    e:live(0.25)
    assert.same({ "ack b" }, ping "b")
  end)

  it("may say something about us, and that is heard", function()
    local e = healing("a#4"):knowing("b")
    local out = e:receive { kind = "gossip", from = "b", to = "a#3", updates = { "a#4 suspect 2" } }
    assert.equal(3, e:incarnation())
    assert.equal("b", out:the("announce").to)
  end)

  it("is ignored where verdicts are final, and by the defunct", function()
    engine("a#4"):knowing("b"):ignores { kind = "ping", from = "b", to = "a#3" }
    local e = healing("a#4"):knowing("b")
    e:leave()
    e:ignores { kind = "ping", from = "b", to = "a#3" }
  end)
end)

describe("a newer identity at our address", function()
  it("makes us renew above it when packets for it arrive here: we say who is here, and hear who beats us", function()
    for kind, answer in pairs { ping = "ack", ack = "gossip", gossip = "gossip", announce = "feed" } do
      local e, b = with(), healing("b"):knowing("a#7")
      local out = e:receive { kind = kind, from = "b", to = "a#7", number = 9 }
      assert.same({}, out.events)
      local packet = out:the(answer)
      assert.same({ "b", "a" }, { packet.to, packet.from })
      local word = b:receive(packet.bytes):the("gossip")
      assert.same({ "a", "a#7 alive 0" }, { word.to, word.updates[1] })
      out = e:receive(word.bytes)
      assert.same({ "rejoin a#8" }, out.events)
      assert.equal("a#8", out.packets[#out.packets].from)
      b:receive(out.packets[#out.packets].bytes)
      assert.same({ "a#8 alive 0" }, b:members())
    end
  end)

  it("makes us renew above it whatever is claimed of it", function()
    for _, claim in ipairs { "a#7 alive 0", "a#7 suspect 3", "a#7 down 3", "a#7 left" } do
      local out = told(with(), claim)
      assert.same({ "rejoin a#8" }, out.events, claim)
      local last = out.packets[#out.packets]
      assert.same({ "gossip", "b", "a#8", 0 }, { last.kind, last.to, last.from, #last.updates })
    end
  end)

  it("makes us renew when it comes from a saved state, too", function()
    assert.same({ "rejoin a#8" }, with():apply({ "a#7 alive 0" }).events)
  end)

  it("is told to the others as what it is: we are not it", function()
    local gossip = told(with(), "a#7 alive 0"):sent("gossip")[1]
    assert.same({ "a left" }, gossip.updates)
  end)

  it("is reported, and counted", function()
    local e = healing("a", { diagnostics = { "conflict" } }):knowing("b")
    assert.same({ "conflict a#7", "rejoin a#8" }, told(e, "a#7 alive 0").events)
    assert.same({ "conflict a#9" }, told(e, "a#9 alive 0").events) -- too soon to renew again
    assert.equal(2, e.core:stats().conflicts)
  end)

  it("leaves us our own keys", function()
    local e = with()
    assert(e.core:change_identity(e.now, { addr = "a:7946", bump = 2, meta = { role = "db" } }))
    told(e, "a#7 alive 0")
    assert.same({ addr = "a:7946", bump = 8, meta = { role = "db" } }, e.core:identity())
  end)

  it("is for our renew() to win against; it may take one argument", function()
    local asked = {}
    local e = healing("a", { identity = { renew = function(id, adversary)
      asked = { id, adversary }
      return { adversary[1], adversary[2] + 100 }
    end } }):knowing("b")
    assert.same({ "rejoin a#107" }, told(e, "a#7 alive 0").events)
    assert.same({ { "a", 1 }, { "a", 7 } }, asked)
    e = healing("a", { identity = { renew = function(id) return { id[1], id[2] + 1 } end } }):knowing("b")
    assert.same({ "rejoin a#8" }, told(e, "a#7 alive 0").events)
    e:live(64)
    assert.same({ "rejoin a#901" }, told(e, "a#900 alive 0").events)
  end)

  it("has the address where no renewal wins against it: we say so, and live on", function()
    for _, renew in ipairs { false, function(id) return { id[1], id[2] + 0.001 } end } do
      local e = healing("a", { identity = { renew = renew or nil }, diagnostics = { "conflict" } }):knowing("b")
      assert.same({ "conflict a#900" }, told(e, "a#900 alive 0").events)
      assert.equal("a", e:whoami())
      assert.equal("active", e.core:connection())
    end
  end)

  it("is only reported where verdicts are final", function()
    local e = engine("a", { diagnostics = { "conflict" } }):knowing("b")
    assert.same({ "conflict a#7" }, told(e, "a#7 alive 0").events)
    assert.equal("a", e:whoami())
  end)
end)

describe("an older identity at our address", function()
  it("that somebody takes for alive is answered with who we are, and reported to nobody", function()
    local e = healing("a#4", { diagnostics = { "conflict" } }):knowing("b")
    for _, claim in ipairs { "a#3 alive 0", "a#3 suspect 5" } do
      assert.same({ "gossip b" }, told(e, claim).log)
      assert.same({}, told(e, claim).log)
      e:live(1)
    end
    assert.equal("a#4", e:whoami())
    assert.equal(0, e:backlog())
  end)

  it("that is down is settled", function()
    local e = healing("a#4"):knowing("b")
    assert.same({}, told(e, "a#3 down 2").log)
    assert.same({}, told(e, "a#3 left").log)
  end)
end)

describe("whoever takes our address again and again", function()
  --- When we renew, while somebody newer than us is claimed all the time.
  local function takings(e, seconds)
    local times = {}
    for _ = 1, seconds * 4 do
      local bump = e.core:identity().bump + 1
      if told(e, ("a#%d alive 0"):format(bump)):count("rejoin a#" .. bump + 1) > 0 then
        times[#times + 1] = e.now - 1000
      end
      e:live(0.25)
    end
    return times
  end

  it("is answered with a wait that doubles, up to 64 periods", function()
    assert.same({ 0, 1, 3, 7, 15, 31, 63, 127, 191, 255, 319 }, takings(with(), 380))
  end)

  it("begins anew after four such waits in peace", function()
    local e = with()
    assert.same({ 0, 1, 3, 7 }, takings(e, 8)) -- the wait is 8 s now
    e:live(31 - (e.now - 1007))
    assert.same({ 38, 54 }, takings(e, 16.25)) -- 16 s after it, for that was no peace
    e:live(128 - 0.25)
    assert.same({ 182, 183 }, takings(e, 1.25))
  end)

  -- With one renewal in each period that would be 600 each.
  it("is a conflict without a storm: two living claimants who both get traffic", function()
    local function renewals(seconds)
      local one, two = with(), healing("a#2"):knowing("b", "c")
      for _ = 1, seconds do
        told(one, two:whoami() .. " alive 0")
        told(two, one:whoami() .. " alive 0")
        one:live(1)
        two:live(1)
      end
      return one.core:stats().renewals + two.core:stats().renewals
    end
    assert.is_true(renewals(64) <= 16)
    assert.is_true(renewals(600) <= 32)
  end)
end)

describe("a member comes back to whoever knows a newer one at its address", function()
  --- Lets two engines talk until they are silent.
  local function talk(one, two, packets)
    for _ = 1, 20 do
      if #packets == 0 then return end
      local answers = {}
      for _, packet in ipairs(packets) do
        if packet.to:match("^" .. support.unpack { two:whoami():match("^%a+") }) then
          for _, answer in ipairs(two:receive(packet.bytes).packets) do answers[#answers + 1] = answer end
        end
      end
      one, two, packets = two, one, answers
    end
    error "they talk for ever"
  end

  local function sees(e, name) return support.contains(e:members(), name .. " alive 0") end

  it("when its clock is behind: it is told with the first packet, and renews above it", function()
    local a, b = healing("a#3"), healing("b"):knowing("a#9", "c")
    talk(a, b, a:announce("b").packets)
    assert.equal("a#10", a:whoami())
    assert.is_true(sees(b, "a#10"))
    assert.is_true(sees(a, "b"))
  end)

  it("and asks who else is there: the feed was for who it was", function()
    local a, b = healing("a#3"), healing("b"):knowing("a#9", "c")
    talk(a, b, a:announce("b").packets)
    assert.is_true(sees(a, "c"))
  end)

  it("when a twin had its address: with the next ping that is meant for the twin", function()
    local a, b = healing("a"):knowing("b"), healing("b"):knowing("a")
    b:apply { "a#50 alive 0" }
    local out = b:advance(1)
    talk(b, a, out:sent("ping"))
    assert.is_true(sees(b, "a#51"))
  end)

  it("when somebody made up a newer one, alive or down", function()
    for _, claim in ipairs { "a#2 alive 0", "a#2 down 5", "a#2 left" } do
      local a, b = healing("a"):knowing("b"), healing("b"):knowing("a")
      b:apply { claim }
      talk(a, b, a:advance(1):sent("ping"))
      talk(b, a, b:advance(1):sent("ping"))
      assert.equal("a#3", a:whoami(), claim)
      assert.is_true(sees(b, "a#3"), claim)
    end
  end)

  it("when it was made to renew past what the others know", function()
    local a, b = healing("a"):knowing("b"), healing("b"):knowing("a")
    for _ = 1, 11 do
      for _ = 1, 900 do a:receive { kind = "turn_undead", from = "b" } end
      a:live(1)
    end
    assert.is_true(a:whoami() ~= "a")
    talk(b, a, b:advance(1):sent("ping"))
    assert.is_true(sees(b, a:whoami()))
  end)

  it("when each of them holds a newer identity of the other", function()
    local a, b = healing("a"):knowing("b#5"), healing("b"):knowing("a#5")
    talk(a, b, a:advance(1):sent("ping"))
    talk(b, a, b:advance(1):sent("ping"))
    assert.is_true(sees(b, a:whoami()) and sees(a, b:whoami()))
  end)
end)

describe("a bump as large as can be", function()
  it("does not keep the address: there are lives after it", function()
    local e = with()
    e:receive(gossip_about(e, { addr = "a:7946", bump = LARGEST }))
    assert.same({ addr = "a:7946", bump = LARGEST, life = 1 }, e.core:identity())
    e:live(1)
    e:receive(gossip_about(e, { addr = "a:7946", bump = LARGEST, life = 7 }))
    assert.same({ addr = "a:7946", bump = LARGEST, life = 8 }, e.core:identity())
  end)

  -- Accepted they could not be exceeded: the owner would know of the conflict and could do nothing.
  it("is 2^53 - 1: greater ones are refused at the door", function()
    local e = with()
    -- {"addr": "a:7946", "bump": 2^53}, as no Lua writes it
    local id = "\130\164addr\166a:7946\164bump\207\0\32\0\0\0\0\0\0"
    local bytes = e:packet { kind = "gossip", from = "b", count = 1, tail = "\147" .. id .. "\0\0" }
    assert.same({}, e:receive(bytes).log)
    assert.equal(1, e:dropped("identity"))
    assert.equal("a", e:whoami())
  end)
end)

describe("members that change their identities at the same moment", function()
  local function bump(member)
    local id = member:identity()
    return { addr = id.addr, bump = id.bump + 1 }
  end

  it("hear each other again when the packets cross", function()
    local a, b = healing("a"):knowing("b"), healing("b"):knowing("a")
    local from_a, from_b = a:become("a#2"):the("gossip"), b:become("b#2"):the("gossip")
    local out_a, out_b = a:receive(from_b.bytes), b:receive(from_a.bytes)
    assert.same({ "a#2" }, out_b:targets("gossip"))
    a:receive(out_b:the("gossip").bytes)
    b:receive(out_a:the("gossip").bytes)
    assert.same({ "b#2 alive 0" }, a:members())
    assert.same({ "a#2 alive 0" }, b:members())
  end)

  it("are one view again within five seconds, and nobody is reported down", function()
    for seed = 1, 3 do
      local net = cluster.new { seed = seed, config = { preset = "lan", cluster_size = 32 } }
      for _, name in ipairs(support.names(32)) do net:spawn(name) end
      net:join_all(net.members[1])
      net:run_until(net.converged, 30)
      net:run(5)
      for _, member in ipairs(net.members) do assert(member:change_identity(bump(member))) end
      net:run_until(function()
        for _, member in ipairs(net.members) do
          if member.engine:num_members() ~= 31 then return false end
          for _, known in ipairs(member.engine:members()) do
            if known.id.bump ~= 1 then return false end
          end
        end
        return true
      end, 5)
      net:run(30)
      local down, renewals = 0, 0
      for _, member in ipairs(net.members) do
        down = down + member:heard("member_down")
        renewals = renewals + member.engine:stats().renewals
      end
      assert.same({ 0, 0 }, { down, renewals })
    end
  end)
end)
