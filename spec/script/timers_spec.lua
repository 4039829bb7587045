--- node:after and node:every.

local stages = require "spec.script.stage"
local wait = require "spec.support.wait"

describe("a timer", function()
  local stage, node

  before_each(function()
    stage = stages.new()
    node = stage:start()
  end)
  after_each(function() stage:close() end)

  it("fires once, in time, with the node", function()
    local start, fired, given = wait.now(), 0, nil
    node:after(0.05, function(n)
      fired, given = fired + 1, n
    end)
    stage:wait(function() return fired > 0 end)
    assert.is_true(wait.now() - start >= 0.045)
    assert.equal(node, given)
    stage:idle(0.1)
    assert.equal(1, fired)
  end)

  it("fires as soon as it can after 0 seconds, never at once", function()
    local fired = false
    node:after(0, function() fired = true end)
    assert.is_false(fired)
    stage:wait(function() return fired end)
  end)

  it("fires again and again until it is cancelled, by itself, too", function()
    local fired, timer = 0, nil
    timer = node:every(0.005, function()
      fired = fired + 1
      if fired == 3 then
        assert.is_true(timer:cancel())
        assert.is_false(timer:cancel())
      end
    end)
    stage:wait(function() return fired == 3 end)
    stage:idle(0.05)
    assert.equal(3, fired)
  end)

  it("does not fire after it was cancelled", function()
    local fired = false
    local timer = node:after(0.01, function() fired = true end)
    assert.is_true(timer:cancel())
    assert.is_false(timer:cancel())
    stage:idle(0.05)
    assert.is_false(fired)
  end)

  it("cannot be cancelled while it fires for the only time", function()
    local timer, answer
    timer = node:after(0, function() answer = timer:cancel() end)
    stage:wait(function() return answer ~= nil end)
    assert.is_false(answer)
  end)

  it("needs no reference to live, and is collected when it is over", function()
    local fired = 0
    local weak = setmetatable({}, { __mode = "k" })
    for _ = 1, 20 do weak[node:after(0.01, function() fired = fired + 1 end)] = true end
    collectgarbage()
    stage:wait(function() return fired == 20 end)
    collectgarbage()
    collectgarbage()
    assert.is_nil(next(weak))
  end)

  it("goes on after an error", function()
    local fired = 0
    local timer = node:every(0.005, function()
      fired = fired + 1
      error("oops")
    end)
    stage:wait(function() return fired >= 3 end)
    timer:cancel()
    assert.equal(fired, node:info().handlers.errors)
  end)

  it("may cancel others that are due at the same moment", function()
    local fired = 0
    local timers = {}
    for i = 1, 10 do
      timers[i] = node:after(0.01, function()
        fired = fired + 1
        for j = 1, 10 do timers[j]:cancel() end
      end)
    end
    stage:wait(function() return fired > 0 end)
    stage:idle(0.05)
    assert.equal(1, fired)
  end)

  it("may close the node", function()
    local fired = 0
    for _ = 1, 3 do
      node:after(0.01, function(n)
        fired = fired + 1
        n:close()
      end)
    end
    node:every(0.01, function() fired = fired + 1 end)
    stage:wait(function() return node:is_closed() end)
    local at_close = fired
    stage:idle(0.05)
    assert.equal(at_close, fired)
  end)

  it("is misuse with a strange interval, or without a function", function()
    assert.error_matches(function() node:after(-1, print) end,
      "seconds must be a number of seconds, 0 or more, got %-1")
    assert.error_matches(function() node:after(0 / 0, print) end, "seconds must be")
    assert.error_matches(function() node:after("soon", print) end, "seconds must be")
    assert.error_matches(function() node:every(0, print) end, "seconds must be more than 0")
    assert.error_matches(function() node:after(1) end, "node:after: needs a function to call, got nil")
    assert.error_matches(function() node:every(1, "x") end, "node:every: needs a function to call, got 'x'")
  end)

  it("belongs to the table of handlers that set it, and goes with it", function()
    local old, new, program = 0, 0, 0
    node:every(0.005, function() program = program + 1 end)
    node:set_handlers { on_reload = function(n) n:every(0.005, function() old = old + 1 end) end }
    stage:wait(function() return old > 0 and program > 0 end)
    assert.is_true(node:set_handlers { on_reload = function(n) n:every(0.005, function() new = new + 1 end) end })
    local before = old
    program = 0
    stage:wait(function() return new > 2 and program > 2 end)
    assert.equal(before, old)
  end)

  it("set by another timer belongs to whoever set that one", function()
    local inner = 0
    node:set_handlers { on_reload = function(n)
      n:after(0, function(m) m:every(0.005, function() inner = inner + 1 end) end)
    end }
    stage:wait(function() return inner > 1 end)
    node:set_handlers {}
    local before = inner
    stage:idle(0.05)
    assert.equal(before, inner)
  end)
end)
