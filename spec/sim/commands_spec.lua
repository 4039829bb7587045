--- Commands in a simulation, in virtual time.

local nets = require "spec.sim.support"
local process = require "spec.support.process"

describe("a command in a simulation", function()
  after_each(function()
    nets.close()
    process.cleanup()
  end)

  local SCRIPT = [[
    return { commands = {
      drain = {
        args = { { "seconds", type = "number", default = 30 } },
        run = function(node, args)
          assert(node:set_tags { draining = true })
          node:sleep(args.seconds)
          return { drained = node:tags().draining }
        end,
      },
      fail = { run = function() error("no", 0) end },
      never = { run = function(node) node:sleep(1e6) end },
    } }
  ]]

  local function spawn(net)
    return net:spawn { handlers = process.write(process.tempdir() .. "/service.lua", SCRIPT) }
  end

  it("is called as in production, and the network runs until it has answered", function()
    local net = nets.new()
    local member = spawn(net)
    assert.same({ drained = true }, member:call("drain"))
    assert.near(30, net:now(), 0.1)
    assert.same({ drained = true }, member:call("drain", { seconds = 5 }))
    assert.near(35, net:now(), 0.2)
    assert.same({ nil, "no", "handler" }, { member:call "fail" })
    assert.same({ nil, "no answer within 60 s", "timeout" }, { member:call "never" })
  end)

  it("tells a function, if it is given one, when the network runs", function()
    local net = nets.new()
    local member = spawn(net)
    local outcome
    assert(member:call("drain", { seconds = 2 }, function(_, ...) outcome = { at = net:now(), ... } end))
    net:run(1)
    assert.is_nil(outcome)
    net:run(2)
    assert.near(2, outcome.at, 1e-3)
    assert.same({ drained = true }, outcome[1])
  end)

  it("that is misused is the program's fault", function()
    local member = spawn(nets.new())
    assert.error_matches(function() member:call({}) end, "node:call: argument 1 must be a string")
  end)
end)
