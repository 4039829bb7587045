-- Whatever comes, in whatever order: what must hold of an engine at any time.

local support = require "spec.core.support"
local engine, collector = support.engine, support.collector

local NAMES = support.names(12)
local STATES = { "alive", "suspect", "down" }
local KINDS = {
  "ping", "ack", "ping_req", "indirect_ping", "indirect_ack", "forwarded_ack",
  "announce", "feed", "gossip", "broadcast",
}

--- Lehmer's generator, so that a run can be told again.
local function dice(seed)
  local state = seed % 2147483646 + 1
  return function(sides)
    state = state * 16807 % 2147483647
    return state % sides + 1
  end
end

local function somebody(roll)
  return ("%s#%d"):format(NAMES[roll(#NAMES)], roll(3)):gsub("#1$", "")
end

local function some_claims(roll)
  local claims = {}
  for i = 1, roll(5) - 1 do
    local about = roll(12) == 1 and "a#" .. roll(4) or somebody(roll)
    claims[i] = ("%s %s %d"):format(about, STATES[roll(3)], roll(4))
  end
  return claims
end

local ACTIONS = {
  function(e, roll)
    return e:call("receive", e:packet {
      kind = KINDS[roll(#KINDS)], from = somebody(roll), incarnation = roll(4), number = roll(256) - 1,
      peer = somebody(roll), updates = some_claims(roll), items = { ("item %d"):format(roll(9)) },
      to = roll(10) == 1 and "a" or nil,
    })
  end,
  function(e, roll) return e:call("apply", e:claims(some_claims(roll)), { broadcast = roll(2) == 1 }) end,
  function(e, roll) return e:advance(roll(40) / 16) end,
  function(e, roll) return e:live(roll(80) / 16) end,
  function(e, roll) return e:stall(roll(20)) end,
  function(e, roll) return roll(6) == 1 and e:call("receive", e:packet { kind = "turn_undead", from = somebody(roll) })
    or e:gossip() end,
  function(e) return e:broadcast() end,
  function(e, roll) return e:add(("%d mine"):format(roll(9))) end,
  function(e, roll)
    if roll(8) > 1 then return e:announce(somebody(roll)) end
    e:call("leave")
    return e:call(roll(2) == 1 and "reuse_down_identity" or "gossip")
  end,
  function(e, roll)
    return roll(4) == 1 and e:become("a#" .. 100 + roll(1000000)) or e:call("receive", ("junk"):rep(roll(90)))
  end,
  function(e, roll)
    return e:configure {
      probe_period = roll(4), suspect_to_down_after = roll(6), remove_down_after = roll(20),
      max_transmissions = roll(9), num_indirect_probes = roll(5), max_packet_size = 255 + roll(600),
      gossip = roll(2) == 1 and { every = roll(8) / 8, members = roll(3) } or false,
      announce_to_down = roll(2) == 1 and { every = roll(8) / 4, members = roll(3) } or false,
    }
  end,
}

--- Follows the notifications, and complains of those that make no sense.
local function follow(heard, events)
  for _, text in ipairs(events) do
    local event, before, after = text:match("^(%S+)%s?(%S*)%s?(%S*)$")
    if event == "member_up" then
      assert.is_nil(heard[before], text .. " twice")
      heard[before] = true
    elseif event == "member_down" then
      assert.truthy(heard[before], text .. " without an up")
      heard[before] = nil
    elseif event == "rename" and heard[before] then
      heard[before], heard[after] = nil, true
    end
  end
end

local function check_members(e, heard)
  local count = 0
  for _, member in ipairs(e.core:members()) do
    count = count + 1
    assert.truthy(heard[e.scheme.text(member.id)], "a member that nobody was told of")
  end
  for _ in pairs(heard) do count = count - 1 end
  assert.equal(0, count)
end

--- Incarnations of an identity only grow; down is final while it is known.
local function check_history(e, known)
  local now = {}
  for _, member in ipairs(e.core:state()) do
    local id = e.scheme.text(member.id)
    local before = known[id]
    if before and before.state == "down" then
      assert.equal("down", member.state, id .. " came back to life")
    elseif before and member.state ~= "down" then
      assert.is_true(member.incarnation >= before.incarnation, id .. " grew younger")
    end
    assert.are_not.equal("a", (id:gsub("#.*", "")), "we are our own member")
    assert.is_nil(now[member.addr], "two members with one address")
    now[id], now[member.addr] = member, member
  end
  return now
end

local function check_connection(e)
  local expected = e.core:num_members() > 0 and "active" or "idle"
  assert.is_true(e.core:connection() == expected or e.core:connection() == "defunct")
  assert.equal(e.core:connection() == "defunct" and "down" or "alive", e.core:self().state)
end

local function walk(seed, steps)
  local roll = dice(seed)
  local received = collector()
  local e = engine("a", { seed = seed, broadcast = received.handler })
  local heard, known = {}, {}
  for _ = 1, steps do
    follow(heard, ACTIONS[roll(#ACTIONS)](e, roll).events)
    follow(heard, e:tick().events)
    local deadline = e.core:deadline()
    assert.is_true(deadline == nil or deadline > e.now, "a deadline that is over already")
    check_members(e, heard)
    check_connection(e)
    known = check_history(e, known)
  end
  return e
end

describe("an engine that lives through anything", function()
  for seed = 1, 12 do
    it("tells the members as they are, keeps its word and goes on: " .. seed, function()
      walk(seed * 7919, 250)
    end)
  end
end)
