--- The same seed and the same calls: the same run, byte for byte.

local nets = require "spec.sim.support"
local process = require "spec.support.process"

-- Everything that can befall a cluster, in a minute.
local function ordeal(seed, handlers)
  local net = nets.new { seed = seed, latency = { 0.0005, 0.002, distribution = "exponential" }, loss = 0.05,
    duplicate = 0.02, reorder = 0.05 }
  local members = net:spawn(12, { handlers = handlers, config = "loopback" })
  net:run(10)
  members[net:random(12)]:add_broadcast("1 colour blue")
  members[net:random(12)]:add_broadcast("1 size large")
  net:pause(members[3], 12)
  net:crash(members[4])
  net:slow(members[5], 0.05)
  net:step_clock(members[6], -5)
  local cut = net:partition({ members[1], members[2] }, "rest")
  net:run(20)
  cut:heal()
  net:restart(members[4])
  members[7]:leave()
  net:run(30)
  assert.same({}, (net:errors()))
  return net:trace(), net:stats()
end

describe("a simulation", function()
  after_each(nets.close)

  it("is the same for the same seed, and another for another", function()
    local trace, stats = ordeal(1)
    local again, same_stats = ordeal(1)
    assert.equal(trace, again)
    assert.same(stats, same_stats)
    assert.not_equal(trace, (ordeal(2)))
    assert.is_true(stats.packets > 1000 and stats.lost > 0 and stats.duplicated > 0 and stats.reordered > 0)
  end)

  it("is the same with handlers in a table", function()
    local function handlers()
      local log = {}
      return {
        on_member_down = function(node, member)
          log[#log + 1] = member.addr
          node:after(1, function(n) n:add_broadcast("down " .. member.addr .. " " .. #log) end)
        end,
        broadcast = { receive = function(node, data)
          if node.store[data] then return nil end
          node.store[data] = true
          return data
        end },
      }
    end
    assert.equal((ordeal(3, handlers())), (ordeal(3, handlers())))
  end)

  it("is the same with a script, though Lua's tables have another order each time", function()
    assert.equal((ordeal(4, "examples/kv.lua")), (ordeal(4, "examples/kv.lua")))
  end)

  it("is the same in another process", function()
    local function report()
      local ended = process.cli("sim", "examples/kv.lua", "--nodes", "12", "--for", "40", "--loss", "0.1",
        "--duplicate", "0.02", "--kill", "2", "--partition", "10", "--seed", "5", "--config", "loopback", "--json")
      assert.equal("", ended.err)
      return ended.out
    end
    assert.equal(report(), report())
  end)

  it("notes whatever makes a difference", function()
    local function traced(meddle)
      local net, members = nets.grown(5, nil, { seed = 9 })
      meddle(net, members)
      net:run(3)
      return net:trace()
    end
    local traces = {
      traced(function() end),
      traced(function(_, members) members[2]:gossip() end),
      traced(function(net, members) net:pause(members[2], 0.001) end),
      traced(function(net, members) net:crash(members[2]) end),
      traced(function(net) net:set { loss = 0.5 } end),
      traced(function(net) net:spawn {} end),
    }
    for i = 1, #traces do
      for j = 1, i - 1 do
        assert.not_equal(traces[i], traces[j])
      end
    end
  end)
end)
