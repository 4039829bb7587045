--- What can be done to members and to the network between them.

local nets = require "spec.sim.support"
local process = require "spec.support.process"
require "shoal.services" -- node:service

local function heard(net, members)
  local log = {}
  for _, member in ipairs(members) do
    member:on("*", function(_, event, about)
      log[#log + 1] = { at = net:now(), who = member, event = event, about = about and about.addr }
    end)
  end
  return function(event, about)
    local count = 0
    for _, entry in ipairs(log) do
      if entry.event == event and (not about or entry.about == about.addr) then
        count = count + 1
      end
    end
    return count
  end
end

local function is_down(net, member)
  return function()
    for _, other in ipairs(net:members()) do
      if other ~= member and other:sees(member) ~= "down" then
        return false
      end
    end
    return true
  end
end

describe("a member", function()
  after_each(nets.close)

  it("that crashed is found out, and told of once by each", function()
    local net, members = nets.grown(8)
    local count = heard(net, members)
    local at = net:now()
    net:crash(members[5])
    assert.is_false(members[5]:is_up())
    assert.error_matches(function() members[5]:leave() end, "node is closed")
    assert(net:run_until(is_down(net, members[5]), 30))
    assert.equal(7, count("member_down", members[5]))
    local record = net:record(members[5])
    assert.equal(at, record.ended)
    assert.equal(7, #record.noticed)
    assert.is_true(record.noticed[1] > at and record.noticed[7] <= net:now())
    assert.equal(0, record.wrong_downs)
  end)

  it("that crashed sends nothing more, not even what waited", function()
    local net, members = nets.grown(4)
    local packets = net:stats().packets
    members[2]:leave()
    net:crash(members[2])
    assert.equal(packets, net:stats().packets)
    net:run(0.1)
    assert.equal("alive", members[1]:sees(members[2]))
  end)

  it("may crash in a handler of its own", function()
    local net, calls = nets.new(), 0
    local victim
    victim = net:spawn { config = "loopback", handlers = {
      on_member_up = function()
        net:crash(victim)
        calls = calls + 1
      end,
    } }
    net:spawn { config = "loopback" }
    net:run(1)
    net:spawn { config = "loopback", join = { victim.addr } }
    net:run(1)
    assert.is_false(victim:is_up())
    assert.equal(1, calls)
  end)

  it("may crash while it is asked about a broadcast", function()
    local net = nets.new()
    local members = net:spawn(2, { config = "loopback", handlers = {
      broadcast = { receive = function(node, data)
        if node:bound() == data then net:crash(data) end
        return data
      end },
    } })
    net:run(2)
    members[1]:add_broadcast(members[2].addr)
    net:run(2)
    assert.is_false(members[2]:is_up())
    members[1]:add_broadcast(members[1].addr)
    net:run(1)
    assert.is_false(members[1]:is_up())
  end)

  it("that is started again replaces its past, at the same address", function()
    local net, members = nets.grown(6, { name = "kept" })
    local count = heard(net, members)
    members[3].store.mine = true
    net:crash(members[3])
    net:run(0.5)
    assert.equal(members[3], net:restart(members[3]))
    assert.is_nil(members[3].store.mine)
    assert.equal("kept", members[3]:identity().name)
    assert(net:run_until(function() return net:converged() end, 10))
    assert.equal(5, count("rename", members[3]))
    assert.equal(6, #net:members("all"))
  end)

  it("has gone and come for a script with rename_as_down_up, across a reload, also beside services", function()
    local text = [[
      local M = require("shoal.services").script {
        services = { web = { port = 80 } }, rename_as_down_up = true }
      local function note(node, what, member)
        local heard = node.store.heard or {}
        node.store.heard = heard
        heard[member.addr] = (heard[member.addr] or "") .. what
      end
      function M.on_member_up(node, member) note(node, "+", member) end
      function M.on_member_down(node, member) note(node, "-", member) end
      return M -- ]]
    local path = nets.script(text)
    local net, members = nets.grown(3, { handlers = path })
    for round = 1, 2 do
      net:crash(members[3])
      net:run(0.1)
      assert(net:restart(members[3]))
      assert(net:run_until(function() return #members[1]:service "web" == 3 and net:converged() end, 10))
      process.write(path, text .. round)
      assert.is_true(members[1]:reload())
    end
    assert.equal("+-+-+", members[1].store.heard[members[3].addr])
    assert.equal("+", members[1].store.heard[members[2].addr])
    assert.same({}, (net:errors()))
  end)

  it("can be restarted while it runs, and be somebody else then", function()
    local net, members = nets.grown(4)
    assert(net:restart(members[1], { config = "loopback", meta = { version = 2 } }))
    assert(net:run_until(function() return net:converged() end, 10))
    assert.equal(2, members[4]:member(members[1].addr).id.meta.version)
    local handlers = { on_member_down = function() net:restart(members[2]) end }
    net:restart(members[2], { config = "loopback", handlers = handlers })
    assert(net:run_until(function() return net:converged() end, 10))
    net:crash(members[3])
    net:run(30)
    assert.matches("must not be called from a handler of that member", net:errors()[1].message)
  end)

  it("that is paused does nothing, and everything at once when it goes on", function()
    local net, members = nets.grown(6)
    local sent, ticks = net:stats(members[2]), 0
    members[2]:every(0.1, function() ticks = ticks + 1 end)
    net:pause(members[2], 0.5)
    assert.is_true(members[2]:is_paused())
    net:run(0.499)
    assert.same(sent, net:stats(members[2]))
    assert.equal(0, ticks)
    net:run(0.002)
    assert.is_false(members[2]:is_paused())
    assert.equal(1, ticks)
    local now = net:stats(members[2])
    assert.is_true(now.packets_received > sent.packets_received)
    net:run(0.2)
    assert.equal(3, ticks)
  end)

  it("that is paused for too long is found down, and comes back by itself", function()
    local net, members = nets.grown(6)
    net:pause(members[2])
    assert(net:run_until(is_down(net, members[2]), 60))
    net:run(1)
    net:resume(members[2])
    assert(net:run_until(function() return net:converged() end, 60))
    local record = net:record(members[2])
    assert.equal(5, record.excused_downs)
    assert.equal(0, record.wrong_downs)
    assert.equal(0, record.renewals)
    assert.equal(1, record.returns)
  end)

  it("that is paused keeps what a socket would, and loses the rest", function()
    local net, members = nets.grown(2, { handlers = { broadcast = { receive = function(_, d) return d end } } })
    net:pause(members[2])
    local lost = net:stats().lost
    for i = 1, 5000 do
      members[1]:add_broadcast("item " .. i)
      members[1]:broadcast()
      net:run(0.0001)
    end
    assert.is_true(net:stats().lost - lost > 500)
    net:resume(members[2])
    net:run(1)
    assert.is_true(net:stats(members[2]).packets_received >= 4096)
  end)

  it("that crashes and restarts while paused is not paused any more", function()
    local net, members = nets.grown(3)
    net:pause(members[2], 5)
    net:run(0.2)
    net:restart(members[2])
    assert.is_false(members[2]:is_paused())
    net:pause(members[2])
    net:run(10)
    assert.is_true(members[2]:is_paused(), "the end of the first pause is not that of the second")
    net:resume(members[2])
    net:run(1)
  end)

  it("that is slow handles packets late, in order", function()
    local net = nets.new { latency = 0.001 }
    local got = {}
    local a = net:spawn { config = "loopback" }
    local b = net:spawn { config = "loopback", handlers = { broadcast = { receive = function(_, data)
      got[#got + 1] = { net:now(), data }
    end } } }
    a:set_handlers { broadcast = { receive = function(_, data) return data end } }
    net:run(2)
    a:set_config { gossip = false, probe_period = 3600, probe_rtt = 1000 }
    b:set_config { gossip = false, probe_period = 3600, probe_rtt = 1000 }
    net:run(10)
    net:slow(b, 0.1)
    local from = net:now()
    for i = 1, 3 do
      a:add_broadcast(tostring(i))
      a:broadcast()
      net:run(0.001)
    end
    net:run(1)
    local first = {}
    for _, entry in ipairs(got) do
      if not first[entry[2]] then
        first[entry[2]] = entry[1]
        first[#first + 1] = entry[2]
      end
    end
    assert.same({ "1", "2", "3" }, { first[1], first[2], first[3] })
    assert.near(from + 0.101, first["1"], 0.002)
    assert.near(from + 0.201, first["2"], 0.002)
    assert.near(from + 0.301, first["3"], 0.002)
    net:slow(b, 0)
    net:run(5)
  end)

  it("bears a clock that is stepped forward and back", function()
    local net, members = nets.grown(6)
    for _, seconds in ipairs { 30, -20, 3600, -10000 } do
      net:step_clock(members[2], seconds)
      net:run(5)
    end
    assert(net:run_until(function() return net:converged() end, 120))
    assert.same({}, (net:errors()))
  end)
end)

describe("a partition", function()
  after_each(nets.close)

  it("cuts groups off from each other until it is healed", function()
    local net, members = nets.grown(6)
    local cut = net:partition({ members[1], members[2] }, "rest")
    assert(net:run_until(function()
      for i, member in ipairs(members) do
        if member:num_members() ~= (i <= 2 and 1 or 3) then return false end
      end
      return true
    end, 60))
    assert.equal("alive", members[1]:sees(members[2]))
    net:run(1) -- no verdict is under way
    cut:heal()
    cut:heal()
    assert(net:run_until(function() return net:converged() end, 120))
    for _, member in ipairs(members) do
      assert.equal(0, net:record(member).wrong_downs)
    end
  end)

  it("holds for those who come later, and for the restarted", function()
    local net, members = nets.grown(3)
    net:partition(members[1], "rest")
    local late = net:spawn { config = "loopback", join = { members[1].addr } }
    net:restart(members[2], { config = "loopback", join = { members[3].addr } })
    net:run(20)
    assert.equal(0, late:num_members())
    assert.equal(0, members[1]:num_members())
    assert.equal(1, members[2]:num_members())
  end)

  it("may go one way: it hears and is not heard", function()
    local net, members = nets.grown(3)
    net:partition(members[1], "rest", { oneway = true })
    local before = net:stats(members[1])
    net:run(1)
    local after = net:stats(members[1])
    assert.is_true(after.packets_received > before.packets_received)
    assert(net:run_until(is_down(net, members[1]), 60))
  end)

  it("may be partial", function()
    local net, members = nets.grown(2, nil, { latency = 0.001 })
    members[1]:set_config { probe_period = 0.02, probe_rtt = 0.01 }
    net:run(1)
    local before = net:stats()
    net:partition(members[1], members[2], { loss = 0.25 })
    net:run(100)
    local now = net:stats()
    assert.near(0.25, (now.lost - before.lost) / (now.packets - before.packets), 0.02)
  end)

  it("is between members of this network", function()
    local net, members = nets.grown(2)
    local other = nets.new():spawn {}
    assert.error_matches(function() net:partition({ other }, "rest") end, "needs a member of this network")
    assert.error_matches(function() net:partition("rest", "rest") end, "'rest' needs another group")
    assert.error_matches(function() net:partition(members[1], members[2], { loss = 7 }) end, "from 0 to 1")
  end)
end)

describe("the network", function()
  after_each(nets.close)

  -- Two members that ping each other a hundred times a second.
  local function pair(options)
    local net, members = nets.grown(2, nil, { latency = 0.001 })
    for _, member in ipairs(members) do
      member:set_config { probe_period = 0.01, probe_rtt = 0.009, suspect_to_down_after = 1000, gossip = false,
        announce = false, announce_to_down = false }
    end
    net:run(1)
    net:set(options)
    return net, members
  end

  local function ratio(net, what, seconds)
    local before = net:stats()
    net:run(seconds)
    local now = net:stats()
    return (now[what] - before[what]) / (now.packets - before.packets)
  end

  it("loses packets by chance", function()
    assert.near(0.2, ratio(pair { loss = 0.2 }, "lost", 50), 0.02)
  end)

  it("duplicates packets by chance", function()
    local net, members = pair { duplicate = 0.3 }
    assert.near(0.3, ratio(net, "duplicated", 50), 0.02)
    net:set { duplicate = 0 }
    net:run(1)
    assert.is_true(net:converged())
    assert.equal("alive", members[1]:sees(members[2]))
  end)

  it("changes a byte of packets by chance", function()
    local net, members = pair { corrupt = 0.25 }
    local before = net:stats()
    net:run(50)
    local now = net:stats()
    -- Members that such a packet names and nobody has ever been get packets, too.
    assert.near(0.25, (now.corrupted - before.corrupted) / (now.delivered - before.delivered), 0.05)
    assert.is_true(members[1]:stats().dropped.malformed > 0)
    net:set { corrupt = 0 }
    net:run(1)
    assert.equal(now.corrupted, net:stats().corrupted)
  end)

  it("holds packets back by chance", function()
    assert.near(0.5, ratio(pair { reorder = 0.5, reorder_by = 0.001 }, "reordered", 50), 0.02)
  end)

  -- How long a ping and its ack take, many times.
  local function round_trips(latency)
    local net, members = pair { latency = latency }
    local times, begin = {}, nil
    members[1]:set_config { probe_period = 0.1, probe_rtt = 0.09 }
    members[1]:on("packet_sent", function(_, packet)
      if packet.message == "ping" then begin = net:now() end
    end)
    members[1]:on("packet_received", function(_, packet)
      if packet.message == "ack" then times[#times + 1] = net:now() - begin end
    end)
    net:run(200)
    table.sort(times)
    assert.is_true(#times > 1000)
    return times
  end

  it("has a latency: always the same, even over a range, or with a long tail", function()
    local same = round_trips(0.002)
    assert.near(0.004, same[1], 1e-9)
    assert.near(0.004, same[#same], 1e-9)
    local even = round_trips { 0.001, 0.003 }
    assert.is_true(even[1] >= 0.002 and even[#even] <= 0.006)
    assert.near(0.004, even[math.floor(#even / 2)], 0.0003)
    local tail = round_trips { 0.001, 0.002, distribution = "exponential" }
    assert.is_true(tail[1] >= 0.002 and tail[#tail] > 0.007)
    assert.near(0.00368, tail[math.floor(#tail / 2)], 0.0003) -- the median of Gamma(2) is 1.678
  end)

  it("loses packets that are too large for it", function()
    local net = nets.new { max_packet = 100 }
    local members = net:spawn(2, { config = "loopback", meta = { text = ("x"):rep(60) } })
    net:run(10)
    assert.equal(0, members[1]:num_members())
    net:set { max_packet = 0 }
    net:run(40)
    assert.equal(1, members[1]:num_members())
  end)
end)
