--- Services whose script has `persist = true`: what a restart finds on disk of them is not believed.
--- spec/sim/services_reload_spec.lua has reloads.

local services = require "shoal.services"
local stages = require "spec.script.stage"

describe("services of a script that remembers its store", function()
  local stage, told

  before_each(function() stage, told = stages.new(), {} end)
  after_each(function() stage:close() end)

  local function start()
    local M = services.script { services = {
      web = { port = 80, check = { ttl = 60 } },
      db = { port = 81, check = { tcp = "127.0.0.1:1", every = 60 } },
      old = { port = 82 },
    } }
    M.persist = true
    function M.on_service(_, name, list) told[#told + 1] = name .. " " .. #list end
    return stage:start { handlers = M, data_dir = stage:path "memory", snapshot_every = 0.02 }
  end

  local function states(node)
    local found = {}
    for _, one in ipairs(services.all(node)) do found[one.name] = one.state end
    return found
  end

  local function act(node, ...)
    local answer
    assert(node:call("service", { ... }, function(_, state) answer = state end))
    stage:wait(function() return answer end, "an answer")
    return answer
  end

  it("are checked anew after a restart, and in nobody's maintenance", function()
    local first = { db = "critical", old = "passing", web = "critical" }
    local node = start()
    stage:wait(function() return states(node).web end, "what is published")
    assert.same(first, states(node))
    assert.equal("passing", act(node, "pass", "web"))
    assert.equal("maintenance", act(node, "drain", "db", "new disk"))
    assert.equal("maintenance", act(node, "drain", "old"))
    node.store.mine = true
    node:close()

    told = {}
    node = start()
    assert.is_true(node.store.mine)
    stage:wait(function() return states(node).web end, "what is published")
    stage:idle(0.1)
    assert.same(first, states(node))
    assert.same({ "old 1" }, told)
    for _, one in ipairs(services.all(node)) do assert.not_equal("new disk", one.reason) end
  end)
end)
