--- Members of a simulated network: nodes like any other.

local nets = require "spec.sim.support"
local sim = require "shoal.sim"

describe("a simulated network", function()
  after_each(nets.close)

  it("spawns members that find each other", function()
    local net = nets.new()
    local members = net:spawn(20, { config = "lan" })
    assert.equal(20, #members)
    assert.is_true(net:run_until(function() return net:converged() end, 60))
    assert.equal(19, members[7]:num_members())
    assert.equal("alive", members[3]:sees(members[4]))
  end)

  it("tells a newcomer of all others in a few round trips", function()
    local net = nets.new { seed = 1, latency = { 0.0005, 0.002 } }
    net:spawn(1000, { config = "lan" })
    assert.is_true(net:run_until(function() return net:converged() end, 60))
    net:run(30)
    local newcomer, at = assert(net:spawn { config = "lan" }), net:now()
    assert.is_true(net:run_until(function() return newcomer:num_members() == 1000 end, 5, 0.001))
    assert.is_true(net:now() - at < 0.05, net:now() - at)
  end)

  it("measures the round-trip times that its network has", function()
    local net = nets.new { seed = 4, latency = { 0.010, 0.012 } }
    local members = net:spawn(5, { config = "lan" })
    net:run(60)
    for _, member in ipairs(members) do
      for _, other in ipairs(member:members()) do
        assert.is_true(other.rtt > 0.0188 and other.rtt < 0.0255, other.rtt)
      end
    end
    net:set { latency = { 0.050, 0.052 } }
    net:run(600)
    for _, other in ipairs(members[1]:members()) do
      assert.is_true(other.rtt > 0.094 and other.rtt < 0.110, other.rtt)
    end
  end)

  it("starts at 0 and gives everybody an address", function()
    local net = nets.new()
    local a, b = net:spawn {}, net:spawn {}
    assert.equal(0, net:now())
    assert.equal("10.0.0.1:7946", a.addr)
    assert.equal("10.0.0.2:7946", tostring(b))
    assert.equal(a.addr, a:bound())
    assert.equal(b, net:member("10.0.0.2:7946"))
    assert.is_nil(net:member("10.0.0.3:7946"))
    assert.same({ a, b }, net:members())
  end)

  it("takes an address of the program's choice, once", function()
    local net = nets.new()
    local a = net:spawn { bind = "192.168.1.9:4000" }
    assert.equal("192.168.1.9:4000", a:identity().addr)
    local none, message, code = net:spawn { bind = "192.168.1.9:4000" }
    assert.is_nil(none)
    assert.matches("192.168.1.9:4000", message, 1, true)
    assert.equal("bind", code)
    for _, address in ipairs { "0.0.0.0:1", "host:1", "10.0.0.1:0" } do
      none, message, code = net:spawn { bind = address }
      assert.is_nil(none)
      assert.matches(address, message, 1, true)
      assert.equal("bind", code)
    end
  end)

  it("scales a preset to the number of members", function()
    local net = nets.new()
    local few = net:spawn(10)
    local more = net:spawn(90)
    assert.equal(4, few[1]:config().max_transmissions)
    assert.equal(8, more[1]:config().max_transmissions)
    assert.equal(10, net:spawn({ cluster_size = 400 }):config().max_transmissions)
  end)

  it("lets every member have options of its own", function()
    local net = nets.new()
    local members = net:spawn(3, function(i)
      return { name = "m" .. i, meta = { rank = i } }
    end)
    assert.equal("m2", members[2]:identity().name)
    assert.equal(3, members[3]:identity().meta.rank)
  end)

  it("joins whom the program says, or nobody", function()
    local net = nets.new()
    local a, b = net:spawn(2, { join = false, config = "loopback" })[1], net:member("10.0.0.2:7946")
    net:run(10)
    assert.equal("idle", a:connection())
    local c = net:spawn { join = { b.addr }, config = "loopback" }
    net:run(1)
    assert.equal(1, c:num_members())
    assert.is_nil(c:sees(a))
    assert.is_true(a:join { c.addr })
    net:run(1)
    assert.equal(2, b:num_members())
  end)

  it("goes on announcing to a seed that comes later", function()
    local net = nets.new()
    local early = net:spawn { join = { "10.9.9.9:7946" }, config = "loopback" }
    net:run(20)
    local late = net:spawn { bind = "10.9.9.9:7946", join = false, config = "loopback" }
    net:run(35)
    assert.equal("alive", early:sees(late))
  end)

  it("keeps clusters with different labels apart", function()
    local net = nets.new()
    local blue = net:spawn(3, { cluster = "blue", config = "loopback" })
    local red = net:spawn { cluster = "red", join = { blue[1].addr }, config = "loopback" }
    net:run(5)
    assert.equal(0, red:num_members())
    assert.equal(2, blue[1]:num_members())
    assert.is_true(blue[1]:info().drops.foreign_cluster > 0)
    assert.is_true(net:stats(blue[1]).foreign > 0)
  end)

  it("says goodbye to a member that leaves, and to one that closes", function()
    local net, members = nets.grown(5)
    assert.is_true(members[2]:leave())
    net:run(1)
    assert.equal("down", members[1]:sees(members[2]))
    assert.is_true(net:converged(), "one that has left does not take part")
    members[3]:close()
    net:run(0.1)
    assert.is_false(members[3]:is_up())
    assert.is_true(members[3]:is_closed())
    assert.equal(4, #net:members())
    assert.equal(5, #net:members("all"))
  end)

  it("has members that forget one that is down", function()
    local net, members = nets.grown(3)
    members[2]:leave()
    net:run(1)
    assert.same({ "down", "left" }, { members[1]:sees(members[2]) })
    assert.is_true(members[1]:forget(members[2].addr))
    assert.is_nil(members[1]:sees(members[2]))
    local _, _, code = members[1]:forget(members[3].addr)
    assert.equal("not_down", code)
  end)

  it("names other members as nodes know them", function()
    local net, members = nets.grown(3, { handlers = { on_ask = { where = function(node) return node:bound() end } } })
    local a, b, c = members[1], members[2], members[3]
    local heard, outcome, answers
    b:on("message", function(_, data) heard = data end)
    assert(a:send(b, "hello", function(_, ok) outcome = ok end))
    assert(a:ask("where", nil, { members = { b, c } }, function(_, list) answers = list end))
    net:run_until(function() return outcome and answers end, 10)
    assert.same({ "hello", true, 2 }, { heard, outcome, #answers })
    assert.equal("alive", a:member(b).state)
  end)

  it("returns what the world can cause, and raises for misuse", function()
    local net = nets.new()
    local none, message, code = net:spawn(2, { handlers = "./nowhere.lua" })
    assert.is_nil(none)
    assert.matches("nowhere.lua", message)
    assert.equal("script", code)
    assert.has_error(function() net:spawn(0) end, "net:spawn: the count must be a whole number, 1 or more, got 0")
    assert.has_error(function() net:spawn { advertise = "10.0.0.1" } end,
      "net:spawn: a simulated member has one address: give it with 'bind'")
    assert.error_matches(function() net:spawn { jion = {} } end, "unknown option 'jion' %(did you mean 'join'%?%)")
    assert.error_matches(function() net:pause(net) end, "net:pause: needs a member of this network")
    assert.error_matches(function() net:crash("10.0.0.77:7946") end, "net:crash: needs a member of this network")
  end)

  it("says which option of the network is wrong", function()
    local wrong = {
      { { loss = 2 }, "sim.new: option 'loss' must be a probability from 0 to 1, got 2" },
      { { loss = "much" }, "sim.new: option 'loss' must be a number, got 'much'" },
      { { latency = -1 }, "sim.new: option 'latency' must be seconds, 0 or more, got %-1" },
      { { latency = { 1 } }, "sim.new: option 'latency' must be seconds, 0 or more, got nil" },
      { { latency = { 2, 1 } }, "sim.new: option 'latency': 1.* is less than 2" },
      { { latency = { 1, 2, distribution = "gauss" } }, "unknown distribution 'gauss'" },
      { { max_packet = 1.5 }, "option 'max_packet'" },
      { { sead = 1 }, "sim.new: unknown option 'sead' %(did you mean 'seed'%?%)" },
    }
    for _, case in ipairs(wrong) do
      assert.error_matches(function() sim.new(case[1]) end, case[2])
    end
    local net = nets.new()
    assert.error_matches(function() net:set { seed = 1 } end, "net:set: unknown option 'seed'")
  end)

  it("is over when it is closed", function()
    local net, members = nets.grown(3)
    net:close()
    net:close()
    assert.is_true(members[1]:is_closed())
    assert.error_matches(function() members[1]:members() end, "node is closed")
    assert.error_matches(function() net:run(1) end, "the simulation is closed")
  end)

  it("does not disturb nodes of the real world", function()
    local shoal = require "shoal"
    local real = assert(shoal.start { log = false })
    local net = nets.grown(3)
    shoal.step(0)
    assert.equal(0, real:num_members())
    real:after(0, function() real:close() end)
    shoal.run() -- ends though simulated members run
    assert.equal(2, net:members()[1]:num_members())
  end)
end)

describe("time", function()
  after_each(nets.close)

  it("passes as told", function()
    local net = nets.new()
    net:run(1.5)
    net:run(0)
    assert.equal(1.5, net:now())
  end)

  it("calls functions when their moment has come, in order", function()
    local net, calls = nets.new(), {}
    local function note() calls[#calls + 1] = net:now() end
    net:after(2, note)
    net:after(1, note)
    net:after(1, function() net:after(0.25, note) end)
    net:run(1)
    assert.same({ 1 }, calls)
    net:run(5)
    assert.same({ 1, 1.25, 2 }, calls)
  end)

  it("lets what such a function raises out of run, and goes on after it", function()
    local net, calls = nets.new(), 0
    net:after(1, function() error("the third pillar") end)
    net:after(2, function() calls = calls + 1 end)
    assert.error_matches(function() net:run(5) end, "the third pillar")
    assert.equal(1, net:now())
    net:run(5)
    assert.equal(1, calls)
  end)

  it("runs until a condition holds, or says what the matter is", function()
    local net = nets.grown(3)
    local from = net:now()
    assert.equal("yes", net:run_until(function() return net:now() >= from + 2 and "yes" end, 10))
    assert.is_true(net:now() - from < 2.02)
    net:crash(net:members()[2])
    local none, message = net:run_until(function() return net:converged() end, 0.5)
    assert.is_nil(none)
    assert.matches("the condition did not hold within 0.5 s:", message)
    assert.matches("10.0.0.1:7946", message)
  end)

  it("comes to an end though a moment lies between two microseconds", function()
    local net = nets.new()
    net:run(1 / 3)
    assert.is_nil((net:run_until(function() end, 1 / 7)))
    assert.is_nil((net:run_until(function() end, 1e-5, 1e-9)))
    assert.near(1 / 3 + 1 / 7, net:now(), 2e-5)
  end)

  it("cannot be run from within", function()
    local net, message = nets.new(), nil
    net:after(0, function()
      message = select(2, pcall(net.run, net, 1))
      assert.error_matches(function() net:close() end, "the network is running")
    end)
    net:run(1)
    assert.matches("the network is running already", message)
  end)

  it("gives random numbers from the seed", function()
    local function draw(seed)
      local net, list = nets.new { seed = seed }, {}
      for i = 1, 20 do
        list[i] = net:random(6)
        assert.is_true(list[i] >= 1 and list[i] <= 6 and list[i] % 1 == 0)
      end
      return list
    end
    assert.same(draw(3), draw(3))
    assert.not_same(draw(3), draw(4))
  end)
end)
