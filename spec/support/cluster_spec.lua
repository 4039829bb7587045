local cluster = require "spec.support.cluster"

--- Who sent what when, as one string.
local function story(net)
  local lines = {}
  for i, packet in ipairs(net.trace) do
    lines[i] = ("%.9f %s %s %s"):format(packet.at, packet.from.name, packet.message, packet.endpoint)
  end
  return table.concat(lines, "\n")
end

local function grown(options)
  local net = cluster.new(options)
  local a = net:spawn("a", "b", "c", "d", "e")
  net:join_all(a)
  net:run_until(net.converged, 30)
  return net
end

describe("a cluster in virtual time", function()
  it("comes together when all announce to one", function()
    local net = grown()
    for _, member in ipairs(net.members) do
      assert.equal(4, member:heard("member_up"))
      assert.equal(1, member:heard("active"))
      assert.same({}, member.errors)
    end
  end)

  it("tells the same story for the same seed, and another for another", function()
    local function told(seed)
      local net = grown { seed = seed, latency = { 0.001, 0.02 } }
      net.loss = 0.1
      net:run(30)
      return story(net)
    end
    local first = told(7)
    assert.equal(first, told(7))
    assert.not_equal(first, told(8))
  end)

  it("finds out about a crash", function()
    local net = grown()
    local victim = net.members[3]
    net:crash(victim)
    net:run_until(function()
      for _, member in ipairs(net.members) do
        if member ~= victim and member:heard("member_down", victim) == 0 then
          return false
        end
      end
      return true
    end, 60)
  end)

  it("hears at once of a member that leaves", function()
    local net = grown()
    local leaver = net.members[2]
    assert(leaver:leave())
    net:run_until(function()
      return net.members[1]:sees(leaver) == "down"
    end, 1)
    assert.equal("defunct", leaver.engine:connection())
  end)

  it("lets a paused member catch up", function()
    local net = grown()
    local sleeper = net.members[4]
    net:pause(sleeper)
    net:run(1.5)
    net:resume(sleeper)
    net:run(30)
    assert.is_true(net:converged(), net:picture())
  end)

  it("loses what a filter or a partition says", function()
    local net = grown()
    local a, b = net.members[1], net.members[2]
    net:partition({ a, b }, { net.members[3] })
    net:run(1)
    for _, packet in ipairs(net.trace) do
      if packet.at > net.now - 1 and packet.to == net.members[4] then
        assert.is_true(packet.lost)
      end
    end
    net:heal()
    local undo = net:drop(function(packet)
      return packet.to == b
    end)
    a:forget()
    net:run(5)
    for _, packet in ipairs(a.sent) do
      assert.equal(packet.to == b or nil, packet.lost)
    end
    undo()
  end)
end)
