--- node:now and node:time.

local stages = require "spec.script.stage"

describe("a node's clocks", function()
  local stage, node

  before_each(function()
    stage = stages.new()
    node = stage:start()
  end)
  after_each(function() stage:close() end)

  it("have fractions, and the one to measure with is never set back", function()
    local last, fractions = node:now(), false
    for _ = 1, 1000 do
      local now = node:now()
      assert.is_true(now >= last)
      fractions = fractions or now % 1 ~= 0
      last = now
    end
    assert.is_true(fractions)
  end)

  it("tell unix time, as os.time does", function()
    local before = os.time()
    local time = node:time()
    assert.is_true(time >= before and time < os.time() + 1)
  end)

  it("advance while a timer runs, by as much", function()
    local started, fired = node:now(), nil
    node:after(0.02, function(n) fired = n:now() end)
    stage:wait(function() return fired end)
    assert.is_true(fired - started >= 0.02)
  end)

  it("end with the node", function()
    node:close()
    assert.error_matches(function() node:now() end, "node is closed")
    assert.error_matches(function() node:time() end, "node is closed")
  end)
end)
