-- Whatever comes, in whatever order: what must hold of an engine at any time.

local dice = require "spec.support.dice"
local support = require "spec.core.support"
local collector = support.collector

local NAMES = support.names(12)
local STATES = { "alive", "suspect", "down" }
local LAST = 65534 -- of a living member
local KINDS = {
  "ping", "ack", "ping_req", "indirect_ping", "indirect_ack", "forwarded_ack",
  "announce", "feed", "gossip", "broadcast",
}

local function somebody(roll)
  return ("%s#%d"):format(NAMES[roll(#NAMES)], roll(3)):gsub("#1$", "")
end

--- Small ones mostly, and those at the end of the scale.
local function incarnation(roll)
  return roll(20) == 1 and 65536 - roll(4) or roll(4)
end

local function some_claims(roll)
  local claims = {}
  for i = 1, roll(5) - 1 do
    local about = roll(12) == 1 and "a#" .. roll(4) or somebody(roll)
    claims[i] = ("%s %s %d"):format(about, STATES[roll(3)], incarnation(roll))
  end
  return claims
end

local ACTIONS = {
  function(e, roll)
    return e:call("receive", e:packet {
      kind = KINDS[roll(#KINDS)], from = somebody(roll), incarnation = incarnation(roll), number = roll(256) - 1,
      peer = somebody(roll), updates = some_claims(roll), items = { ("item %d"):format(roll(9)) },
      to = roll(10) == 1 and ("a#%d"):format(roll(9)) or nil,
    })
  end,
  -- What somebody holds for true about us, as it is.
  function(e, roll)
    local said = math.min(math.max(e:incarnation() + roll(4) - 2, 0), 65535)
    local claim = ("%s %s %d"):format(e:whoami(), STATES[1 + roll(2)], said)
    return e:call("receive", e:packet { kind = "gossip", from = somebody(roll), updates = { claim } })
  end,
  function(e, roll) return e:call("apply", e:claims(some_claims(roll)), { broadcast = roll(2) == 1 }) end,
  function(e, roll) return e:advance(roll(40) / 16) end,
  function(e, roll) return e:live(roll(80) / 16) end,
  function(e, roll) return e:stall(roll(20)) end,
  function(e, roll) return roll(6) == 1 and e:call("receive", e:packet { kind = "turn_undead", from = somebody(roll) })
    or e:gossip() end,
  function(e) return e:broadcast() end,
  function(e, roll) return e:call("forget", e.scheme.addr(somebody(roll))) end,
  function(e, roll) return e:add(("%d mine"):format(roll(9))) end,
  function(e, roll)
    if roll(8) > 1 then return e:announce(somebody(roll)) end
    e:call("leave")
    return e:call(roll(2) == 1 and "reuse_down_identity" or "gossip")
  end,
  function(e, roll)
    if roll(4) > 1 then return e:call("receive", ("junk"):rep(roll(90))) end
    local name = ("%s#%d"):format(roll(3) == 1 and "moved" or "a", 100 + roll(1000000))
    local out = e:call("change_identity", e:id(name))
    assert.is_true(out.ok or out.code == "loses" or out.code == "address_in_use", out.message)
    return out
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

--- What the precedence of claims allows: a departure is final while it is known,
-- and so is down where it cannot be refuted; incarnations of an identity only grow,
-- and only a verdict that was doubted is taken back at the same one.
local function check_step(id, before, member, heals)
  local may_fall = not heals and member.state == "down"
  assert.is_true(may_fall or member.incarnation >= before.incarnation, id .. " grew younger")
  if before.state ~= "down" or member.state == "down" then return end
  assert.is_true(heals, id .. " came back to life")
  assert.is_true(before.incarnation <= LAST, id .. " came back from where nobody does")
  assert.is_true(member.incarnation > before.incarnation or member.state == "alive", id .. " was raised by a suspicion")
end

local function check_history(e, known, heals)
  local now = {}
  for _, member in ipairs(e.core:state()) do
    local id = e.scheme.text(member.id)
    if known[id] then check_step(id, known[id], member, heals) end
    assert.is_true(not heals or member.state == "down" or member.incarnation <= LAST, id .. " lives beyond the end")
    assert.are_not.equal(e.core:self().addr, member.addr, "we are our own member")
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

--- Ours only grows, until we are somebody else, or the same again after we were down.
local function check_ourselves(e, before, heals)
  local now = { id = e:whoami(), incarnation = e:incarnation(), connection = e.core:connection() }
  assert.is_true(not heals or now.incarnation <= LAST, "we live beyond the end")
  if now.id == before.id and before.connection ~= "defunct" then
    assert.is_true(now.incarnation >= before.incarnation or now.incarnation == 0, "we grew younger")
  end
  return now
end

local function walk(build, seed, steps, max_members)
  local roll = dice(seed % 2147483646 + 1)
  local received = collector()
  local e = build("a", { seed = seed, broadcast = received.handler, config = { max_members = max_members } })
  local heals = e.core:config().notify_down_members
  local heard, known, ourselves = {}, {}, {}
  for _ = 1, steps do
    follow(heard, ACTIONS[roll(#ACTIONS)](e, roll).events)
    follow(heard, e:tick().events)
    local deadline = e.core:deadline()
    assert.is_true(deadline == nil or deadline > e.now, "a deadline that is over already")
    check_members(e, heard)
    check_connection(e)
    -- In a crowded table somebody may be forgotten and met again in one step.
    if max_members then assert.is_true(e.core:num_known() <= max_members)
    else known = check_history(e, known, heals) end
    ourselves = check_ourselves(e, ourselves, heals)
  end
  return e
end

describe("an engine that lives through anything", function()
  for seed = 1, 12 do
    it("tells the members as they are, keeps its word and goes on: " .. seed, function()
      walk(support.engine, seed * 7919, 250)
    end)

    it("keeps it where verdicts can be refuted, too: " .. seed, function()
      walk(support.healing, seed * 7919, 250)
    end)

    it("keeps it in a table that is too small: " .. seed, function()
      walk(support.healing, seed * 7919, 250, 2 + seed % 8)
    end)
  end
end)
