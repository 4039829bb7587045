--- node:now and node:time in a simulation: the virtual clock.

local nets = require "spec.sim.support"

describe("a simulated member's clocks", function()
  after_each(nets.close)

  it("are virtual, to the microsecond", function()
    local net = nets.new()
    local member = net:spawn()
    local now, time = member:now(), member:time()
    net:run(3600.25)
    assert.near(3600.25, member:now() - now, 1e-6)
    assert.near(3600.25, member:time() - time, 1e-6)
    assert.equal(1767225600, math.floor(time)) -- 2026-01-01T00:00:00Z
  end)

  it("are the same in every run, and those of its script", function()
    local path = nets.script [[
      return { on_start = function(node)
        node:every(0.75, function(n) n.store.now, n.store.time, n.store.os = n:now(), n:time(), os.time() end)
      end }
    ]]
    local function run()
      local net = nets.new()
      local member = net:spawn { handlers = path }
      net:run(10)
      return member.store
    end
    local store = run()
    assert.same(store, run())
    assert.equal(store.os, math.floor(store.time))
    assert.near(9.75, store.now, 1e-6)
  end)

  it("step with it", function()
    local net = nets.new()
    local member = net:spawn()
    net:run(10)
    local time = member:time()
    net:step_clock(member, -5.5)
    assert.near(-5.5, member:time() - time, 1e-6)
  end)
end)
