--- What a loop that is not libev's has to know of a node.

local shoal = require "shoal"
local socket = require "socket"
local stages = require "spec.script.stage"
local wait = require "spec.support.wait"

describe("a node, for another loop,", function()
  local stage

  before_each(function() stage = stages.new() end)
  after_each(function() stage:close() end)

  --- The loop: only what fd, timeout and step offer.
  local function run(nodes, condition)
    local sockets = {}
    for i, node in ipairs(nodes) do
      sockets[i] = { getfd = function() return node:fd() end }
    end
    local deadline = wait.now() + 10 * wait.slowness
    while true do
      local late = wait.now() > deadline -- read first: see wait.lua
      if condition() then return end
      assert.is_false(late, "in vain")
      local least = math.huge
      for _, node in ipairs(nodes) do least = math.min(least, node:timeout()) end
      socket.select(sockets, nil, least)
      shoal.step()
    end
  end

  it("has its own descriptor, and follows the convention of cqueues", function()
    local a, b = stage:start(), stage:start()
    assert.is_number(a:fd())
    assert.not_equal(a:fd(), b:fd())
    assert.equal(a:fd(), a:pollfd())
    assert.equal("r", a:events())
  end)

  it("is due at once when there is something to do", function()
    local node = stage:start()
    assert.equal(0, node:timeout())
    stage:wait(function() return node:timeout() > 0 end, "a moment without anything to do")
    node:gossip()
    assert.equal(0, node:timeout())
  end)

  it("is due when its next timer is, in a second at most", function()
    local node = stage:start { config = "lan" }
    stage:wait(function() return node:timeout() > 0.5 end, "a while without anything to do")
    local since, without = wait.now(), node:timeout()
    local timer = node:after(0.2, print)
    local with = node:timeout()
    timer:cancel()
    local again = node:timeout()
    local passed = wait.now() - since + 1e-5 -- timeouts are whole microseconds
    assert.is_true(without <= 1)
    assert.is_true(with <= 0.2 + 1e-5 and with >= 0.2 - passed)
    assert.is_true(again <= without and again >= without - passed)
  end)

  it("joins, finds out about failures and fires timers", function()
    local a, fired = stage:start { config = "loopback" }, false
    local b = stage:start { config = "loopback", join = a:bound() }
    local c = stage:start { config = "loopback", join = a:bound() }
    run({ a, b, c }, function() return a:num_members() == 2 and b:num_members() == 2 and c:num_members() == 2 end)
    b:after(0.05, function() fired = true end)
    c:close()
    run({ a, b }, function() return a:num_members() == 1 and b:num_members() == 1 end)
    assert.is_true(fired)
  end)

  it("does not keep the loop busy", function()
    local a = stage:start()
    local b = stage:start { join = a:bound() }
    run({ a, b }, function() return a:num_members() == 1 and b:num_members() == 1 end)
    local turns, until_then = 0, wait.now() + 0.5
    run({ a, b }, function()
      turns = turns + 1
      return wait.now() > until_then
    end)
    assert.is_true(turns < 250, turns .. " turns in half a second")
  end)

  it("reloads its script", function()
    local path = stage:write("service.lua", "return {}")
    local node = stage:start { handlers = path }
    stage:replace("service.lua", "return { on_idle = print }")
    run({ node }, function() return node:info().script.generation == 2 end)
  end)

  it("lets coroutines wait", function()
    local a = stage:start()
    local b = stage:start { join = a:bound() }
    local done
    coroutine.wrap(function()
      done = a:wait(function() return a:num_members() == 1 end, 10)
    end)()
    run({ a, b }, function() return done end)
  end)

  it("is refused when it is closed", function()
    local node = stage:start()
    node:close()
    for _, method in ipairs { "fd", "pollfd", "events", "timeout" } do
      assert.error_matches(function() node[method](node) end, "node is closed")
    end
  end)
end)
