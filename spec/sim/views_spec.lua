--- What can be seen of a simulated network from outside.

local nets = require "spec.sim.support"

describe("from outside", function()
  after_each(nets.close)

  it("one sees whether all agree, and else who does not", function()
    local net = nets.new()
    assert.is_true(net:converged(), "nobody disagrees")
    local a = net:spawn { config = "loopback" }
    assert.is_true(net:converged())
    local b = net:spawn { config = "loopback" }
    local agree, doubter, other = net:converged()
    assert.is_false(agree)
    assert.equal(a, doubter)
    assert.equal(b, other)
    net:run(5)
    assert.is_true(net:converged())
    net:crash(b)
    agree, doubter, other = net:converged()
    assert.is_false(agree)
    assert.equal(a, doubter)
    assert.is_nil(other)
  end)

  it("an old identity of a member is not the member", function()
    local net, members = nets.grown(3)
    net:restart(members[2], { config = "loopback", join = false })
    assert.equal("alive", members[1]:sees(members[2]))
    assert.is_false(net:converged())
  end)

  it("one sees how many the members count", function()
    local net = nets.grown(4)
    assert.same({ 4, 4, 4, 4 }, { net:census() })
    net:spawn { join = false }
    assert.same({ 5, 1, 4, 4 }, { net:census() })
    assert.same({ 0 }, { nets.new():census() })
  end)

  it("one sees when data came to whom", function()
    local handlers = { broadcast = { receive = function(node, data)
      if node.store.got then return nil end
      node.store.got = true
      return data
    end } }
    local net, members = nets.grown(10, { handlers = handlers })
    assert.is_nil(net:seen(members[1]))
    net:watch("the news", members[1])
    local at = net:now()
    members[1]:add_broadcast("the news")
    net:run(20)
    assert.equal(at, net:seen(members[1]))
    local total = 0
    for i = 2, 10 do
      local seen, copies = net:seen(members[i])
      assert.is_true(seen > at and seen < at + 20)
      assert.is_true(copies >= 1)
      total = total + copies
      assert.is_true(members[i].store.got)
    end
    -- each member sends it so often at most: eight times for ten members
    assert.is_true(total > 9 and total <= 10 * 8, total)
    net:watch("the news of tomorrow", members[2])
    net:run(1)
    assert.is_nil(net:seen(members[1]))
    assert.equal(0, (select(2, net:seen(members[1]))))
  end)

  it("one counts what each sent and got", function()
    local net, members = nets.grown(3)
    local sent, received = 0, 0
    for _, member in ipairs(members) do
      local traffic = net:stats(member)
      sent, received = sent + traffic.packets_sent, received + traffic.packets_received
      local info = member:info()
      assert.equal(traffic.packets_sent, info.packets.sent)
      assert.equal(traffic.bytes_sent, info.host.bytes_sent)
      assert.equal(traffic.packets_received, info.host.datagrams_received)
    end
    local all = net:stats()
    assert.equal(sent, all.packets)
    assert.equal(received, all.delivered)
    assert.equal(0, all.lost)
  end)

  it("a member that was wrongly found down is told from one that is gone", function()
    local net, members = nets.grown(4)
    local claim = { id = members[2]:identity(), state = "down", incarnation = 0 }
    members[1]:apply({ claim }, { broadcast = false })
    net:run(5)
    local record = net:record(members[2])
    assert.equal(1, record.wrong_downs) -- one false belief stays one
    assert.equal(1, record.returns)
    assert.equal(0, record.renewals)
    assert.is_nil(record.ended)
    assert.same({}, record.noticed)
  end)

  it("one gets a picture, of a few lines", function()
    local net, members = nets.grown(3)
    net:pause(members[2])
    local picture = net:picture()
    assert.matches("3 members run:", picture)
    assert.matches("10.0.0.2:7946 +active, paused: 2 alive, 0 suspect, 0 down", picture)
    net:resume(members[2])
    members[3]:leave()
    net:run(1)
    assert.matches("10.0.0.1:7946 +active: 1 alive, 0 suspect, 1 down %(1 left%)", net:picture())
    local large = nets.grown(20):picture()
    local _, lines = large:gsub("\n", "")
    assert.equal(13, lines)
    assert.matches("and 8 more", large)
  end)
end)
