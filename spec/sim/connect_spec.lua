--- Coroutines in a simulation; node:connect, which net:on_connect answers.

local nets = require "spec.sim.support"

describe("a coroutine in a simulation", function()
  after_each(nets.close)

  local function go(member, body)
    local outcome = {}
    member:go(function(n) outcome.results = { body(n) } end)
    return outcome
  end

  it("sleeps in virtual time", function()
    local net = nets.new()
    local times = {}
    go(net:spawn(), function(n)
      for i = 1, 3 do
        n:sleep(100)
        times[i] = net:now()
      end
    end)
    net:run(1000)
    assert.same({ 100, 200, 300 }, times)
  end)

  it("waits for a program", function()
    local net = nets.new()
    net:on_spawn(function() return { code = 4, after = 2 } end)
    local outcome = go(net:spawn(), function(n)
      local result = n:spawn { "x" }
      return result.code, net:now()
    end)
    net:run(10)
    assert.same({ 4, 2 }, outcome.results)
  end)

  it("talks to a function", function()
    local net = nets.new()
    local member = net:spawn()
    local asked
    net:on_connect(function(who, endpoint)
      asked = { who, endpoint }
      return {
        greeting = "hello\n",
        receive = function(data) return "you said " .. data, data == "bye\n" end,
        after = 0.5,
      }
    end)
    local outcome = go(member, function(n)
      local c = assert(n:connect("10.1.1.1:80", 5))
      local lines = { c:read(), c:write("one\n"), c:read(), c:write("bye\n"), c:read("*a"), net:now() }
      return lines, c:read()
    end)
    net:run(10)
    assert.same({ member, "10.1.1.1:80" }, asked)
    assert.same({ { "hello", true, "you said one", true, "you said bye\n", 1.5 }, nil,
      "the peer has closed the connection", "closed" }, outcome.results)
  end)

  it("gets no connection when the function refuses, or there is none, or too late", function()
    local net = nets.new()
    local member = net:spawn()
    local outcome = go(member, function(n) return n:connect("a:1") end)
    net:run(1)
    assert.same({ nil, "cannot connect to a:1: nobody answers in this simulation (net:on_connect)", "connect" },
      outcome.results)
    net:on_connect(function(_, endpoint)
      if endpoint == "a:1" then return nil, "connection refused" end
      return { after = 60 }
    end)
    outcome = go(member, function(n) return n:connect("a:1") end)
    local late = go(member, function(n) return n:connect("b:1", 2) end)
    net:run(10)
    assert.same({ nil, "cannot connect to a:1: connection refused", "connect" }, outcome.results)
    assert.same({ nil, "cannot connect to b:1 in time", "timeout" }, late.results)
  end)

  it("waits for what does not come, as long as it wants", function()
    local net = nets.new()
    net:on_connect(function() return {} end)
    local outcome = go(net:spawn(), function(n)
      local c = n:connect("a:1")
      c:write("x")
      return { c:read(1, 3) }, net:now()
    end)
    net:run(10)
    assert.same({ { nil, "a:1 has not sent it in time", "timeout" }, 3 }, outcome.results)
  end)

  it("is cut off by a reload and a crash, wherever it is", function()
    local net = nets.new()
    net:on_connect(function() return { after = 0.01 } end)
    net:on_spawn(function() return { after = 1000 } end)
    local member = net:spawn()
    local places = {
      function(n) n:sleep(1000) end,
      function(n) n:spawn { "x" } end,
      function(n) n:connect("a:1") end,
      function(n) n:connect("a:1"):read() end,
      function(n) n:connect("a:1"):write("x") end,
      function(n) n:wait(function() return false end) end,
    }
    local went_on = 0
    for _, body in ipairs(places) do
      for _, seconds in ipairs { 0, 0.001, 0.015, 0.5 } do
        member:set_handlers { on_reload = function(n)
          n:go(function()
            body(n)
            went_on = went_on + (body == places[3] and 0 or body == places[5] and 0 or 1)
          end)
        end }
        net:run(seconds)
        assert.is_true(member:set_handlers {})
        net:run(1)
      end
    end
    for _, body in ipairs(places) do
      local other = net:spawn()
      other:go(body)
      net:run(0.02)
      net:crash(other)
    end
    net:run(2000)
    assert.equal(0, went_on)
    assert.same({}, (net:errors()))
  end)

  it("cannot watch descriptors", function()
    local member = nets.new():spawn()
    assert.error_matches(function() member:io(0, "r", print) end, "node:io: a simulated node watches no descriptors")
  end)
end)
