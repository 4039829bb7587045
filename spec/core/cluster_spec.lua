-- Engines among themselves: stories that no single packet can tell.

local cluster = require "spec.support.cluster"
local support = require "spec.core.support"

--- `count` members that all see each other.
local function grown(count, options)
  local net = cluster.new(options)
  for _, name in ipairs(support.names(count)) do net:spawn(name) end
  net:join_all(net.members[1])
  net:run_until(net.converged, 60)
  return net
end

local function everyone_but(net, whom, condition)
  return function()
    for _, member in ipairs(net.members) do
      if member ~= whom and not condition(member) then return false end
    end
    return true
  end
end

local function heard_by_anyone(net, event)
  local count = 0
  for _, member in ipairs(net.members) do count = count + member:heard(event) end
  return count
end

describe("a cluster", function()
  it("that joins through one seed costs a number of packets in proportion to its size", function()
    local packets = {}
    for _, count in ipairs { 16, 64 } do
      local net = cluster.new { config = { preset = "lan", cluster_size = count } }
      for _, name in ipairs(support.names(count)) do net:spawn(name) end
      net:join_all(net.members[1])
      net:run_until(net.converged, 30)
      packets[count] = #net.trace / count
    end
    -- twice the members are a round of exchanges more, at the most
    assert.is_true(packets[64] <= 2.5 * packets[16], ("%g and %g each"):format(packets[16], packets[64]))
  end)

  it("without faults has no suspicion, ever", function()
    local net = grown(12, { core = { diagnostics = { "suspect", "probe_failed" } } })
    net:run(300)
    assert.is_true(net:converged())
    assert.equal(0, heard_by_anyone(net, "suspect"))
    assert.equal(0, heard_by_anyone(net, "probe_failed"))
    assert.equal(0, heard_by_anyone(net, "member_down"))
  end)

  it("that nothing happens to sends no more than its probes, acks and announces", function()
    local net = grown(8)
    net:run(20)
    for _, member in ipairs(net.members) do member:forget() end
    net:run(60)
    for _, member in ipairs(net.members) do
      for _, packet in ipairs(member.sent) do
        assert.is_true(support.contains({ "ping", "ack", "announce", "feed" }, packet.message), packet.message)
      end
      assert.is_true(#member.sent < 60 * 3)
    end
  end)

  it("finds out together that a member is gone, and each tells it once", function()
    local net = grown(16)
    local victim = net.members[5]
    net:crash(victim)
    net:run_until(everyone_but(net, victim, function(member) return member:heard("member_down", victim) == 1 end), 40)
    net:run(60)
    assert.equal(15, heard_by_anyone(net, "member_down"))
    assert.is_true(net:converged())
  end)

  it("forgives a member that is away for less than the suspicion timeout", function()
    local net = grown(8)
    local sleeper = net.members[3]
    for _ = 1, 5 do
      net:pause(sleeper)
      net:run(2.5)
      net:resume(sleeper)
      net:run(10)
    end
    assert.is_true(net:converged())
    assert.equal(0, heard_by_anyone(net, "member_down"))
    assert.equal(0, sleeper:heard("rejoin"))
  end)

  it("takes a member back as itself that slept for longer", function()
    local net = grown(8)
    local sleeper = net.members[3]
    net:pause(sleeper)
    net:run_until(everyone_but(net, sleeper, function(member) return member:sees(sleeper) == "down" end), 60)
    net:resume(sleeper)
    net:run_until(net.converged, 60)
    assert.same({ 7, 0, 0 }, {
      heard_by_anyone(net, "member_down"), heard_by_anyone(net, "rejoin"), heard_by_anyone(net, "rename"),
    })
    assert.equal(1, sleeper:heard("returned"))
    for _, member in ipairs(net.members) do
      assert.equal(member == sleeper and 0 or 2, member:heard("member_up", sleeper))
    end
  end)

  it("takes a member back as itself that was cut off, and believes nothing that it found out alone", function()
    -- A verdict that is due in the very moment in which the cut ends is made: not here.
    for _, seconds in ipairs { 61, 600 } do
      local net = grown(8)
      local loner, others = net.members[3], {}
      for _, member in ipairs(net.members) do
        if member ~= loner then others[#others + 1] = member end
      end
      net:partition(others, { loner })
      net:run(seconds)
      local lost = 7 - loner.engine:num_members()
      assert.is_true(lost > 0)
      for _, member in ipairs(net.members) do member:forget() end
      net:heal()
      net:run_until(net.converged, 15)
      assert.equal(1, loner:heard("returned"))
      net:run(30)
      assert.same({ 0, 0, 0 }, {
        heard_by_anyone(net, "member_down"), heard_by_anyone(net, "rejoin"), heard_by_anyone(net, "rename"),
      })
      assert.equal(lost, loner:heard("member_up"))
    end
  end)

  it("is not fooled by a link that is cut between two of its members", function()
    local net = grown(6)
    local one, other = net.members[2], net.members[5]
    net:drop(function(packet)
      return packet.from == one and packet.to == other or packet.from == other and packet.to == one
    end)
    net:run(120)
    assert.is_true(net:converged())
    assert.equal(0, heard_by_anyone(net, "member_down"))
  end)

  it("heals by itself after a partition that outlasted every suspicion", function()
    local net = grown(10)
    local left, right = {}, {}
    for i, member in ipairs(net.members) do table.insert(i <= 4 and left or right, member) end
    net:partition(left, right)
    net:run(60)
    for _, member in ipairs(left) do assert.equal(3, member.engine:num_members()) end
    for _, member in ipairs(right) do assert.equal(5, member.engine:num_members()) end
    net:heal()
    net:run_until(net.converged, 180)
  end)

  it("stays together while a fifth of all packets is lost, or comes together again", function()
    local net = grown(12, { seed = 3 })
    net.loss = 0.2
    net:run(120)
    net.loss = 0
    net:run_until(net.converged, 180)
  end)

  it("brings a broadcast to everyone, once, byte for byte", function()
    local seen = {}
    local net = cluster.new { config = { preset = "lan", cluster_size = 24 } }
    for _, name in ipairs(support.names(24)) do
      seen[name] = {}
      net:spawn { name = name, handlers = { broadcast = { receive = function(_, data)
        local count = seen[name][data] or 0
        seen[name][data] = count + 1
        return count == 0 and data or nil
      end } } }
    end
    net:join_all(net.members[1])
    net:run_until(net.converged, 60)
    local data = "any\0bytes\255" .. ("."):rep(300)
    assert(net.members[7]:add_broadcast(data))
    net:run_until(function()
      for _, items in pairs(seen) do
        if not items[data] then return false end
      end
      return true
    end, 10)
    net:run(30)
    for _, member in ipairs(net.members) do assert.equal(0, member.engine:backlog().broadcasts) end
  end)

  it("of two that start under one address settles on one, without a storm", function()
    local core = require "shoal.core"
    local net = grown(5)
    local before = #net.trace
    net:run(20)
    local usual = #net.trace - before
    local double = net:spawn { name = "n2", identity = core.stock_identity("n2", 7) }
    assert(double:announce(net.members[1]))
    before = #net.trace
    net:run(20)
    assert.is_true(#net.trace - before < 4 * usual + 100, "a storm")
    for _, member in ipairs(net.members) do
      if member.name ~= "n2" then
        assert.equal("alive", member:sees("n2"))
        assert.equal(4, member.engine:num_members())
      end
    end
  end)

  it("sees a member that was restarted on its address as renamed, not as two", function()
    local core = require "shoal.core"
    local net = grown(6)
    net:crash(net.members[4])
    local again = net:spawn { name = "n4", identity = core.stock_identity("n4", 100) }
    assert(again:announce(net.members[1]))
    net:run(30)
    assert.is_true(net:converged())
    for i, member in ipairs(net.members) do
      if i ~= 4 and member ~= again then
        assert.equal(1, member:heard("rename"))
        assert.equal(0, member:heard("member_down"))
        assert.equal(5, member.engine:num_members())
      end
    end
  end)
end)
