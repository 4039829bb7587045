--- The example serf_handlers in virtual time. (Beside a real serf:
-- docs/guides/from-serf-consul-memberlist.md.)

local nets = require "spec.sim.support"

local root = os.getenv("SHOAL_SOURCE") or "."

describe("the example serf_handlers", function()
  after_each(nets.close)

  local net, calls

  local function start(...)
    net, calls = nets.new { seed = 2 }, {}
    net:on_spawn(function(_, argv, options)
      assert.same({ "./handler.sh" }, argv)
      calls[#calls + 1] = { event = options.env.SERF_EVENT, input = options.stdin, env = options.env }
      return { code = 0 }
    end)
    net:spawn { name = "web-1", handlers = root .. "/examples/serf_handlers.lua", config = "lan",
      tags = { role = "web", zone = "b" }, args = { handler = "./handler.sh" } }
    local others = {}
    for i, name in ipairs { ... } do
      others[i] = net:spawn { name = name, config = "lan", tags = { role = "db" } }
    end
    net:run(20)
    return others
  end

  it("tells of the node itself, then of others, with its name and tags in variables", function()
    start "db-1"
    assert.same({ "member-join", "member-join" }, { calls[1].event, calls[2].event })
    assert.equal("web-1\t10.0.0.1\tweb\trole=web,zone=b\n", calls[1].input)
    assert.equal("db-1\t10.0.0.2\tdb\trole=db\n", calls[2].input)
    local env = calls[2].env
    assert.same({ "web-1", "web", "web", "b" },
      { env.SERF_SELF_NAME, env.SERF_SELF_ROLE, env.SERF_TAG_ROLE, env.SERF_TAG_ZONE })
    assert.same({}, (net:errors()))
  end)

  it("tells of one that failed, left, changed, or published", function()
    local others = start("db-1", "db-2", "db-3")
    calls = {}
    net:crash(others[1])
    others[2]:leave()
    others[3]:set_tags { role = "cache" }
    others[3]:publish("deploy", "v1")
    net:run(30)
    local found = {}
    for _, call in ipairs(calls) do found[call.event] = call end
    assert.equal(4, #calls)
    assert.matches("^db%-1\t10%.0%.0%.2\t", found["member-failed"].input)
    assert.matches("^db%-2\t10%.0%.0%.3\t", found["member-leave"].input)
    assert.equal("db-3\t10.0.0.4\tcache\trole=cache\n", found["member-update"].input)
    assert.same({ "v1\n", "deploy", "1" },
      { found.user.input, found.user.env.SERF_USER_EVENT, found.user.env.SERF_USER_LTIME })
    assert.same({}, (net:errors()))
  end)
end)
