--- node.args: what a program gives to its script.

local nets = require "spec.sim.support"
local stages = require "spec.script.stage"

local SCRIPT = [[
  local M = {}
  M.identity = {
    new = function(opts) return { addr = opts.advertise, bump = 1, role = opts.args.role } end,
  }
  function M.tags(opts) return { role = opts.args.role } end
  function M.on_start(node) node.store.role = node.args.role end
  function M.on_reload(node) node.store.again = node.args end
  return M
]]

describe("the arguments of a script", function()
  local stage

  before_each(function() stage = stages.new() end)
  after_each(function()
    nets.close()
    stage:close()
  end)

  it("are in node.args, from the start to the last version", function()
    local path = stage:write("service.lua", SCRIPT)
    local args = { role = "db", "first", list = { 1, 2 } }
    local node = stage:start { handlers = path, args = args }
    args.role = "web"
    assert.equal("db", node.store.role)
    assert.equal("db", node:identity().role)
    assert.same({ role = "db" }, node:tags())
    assert.same({ role = "db", "first", list = { 1, 2 } }, node.args)
    stage:write("service.lua", SCRIPT .. "-- changed")
    assert(node:reload())
    assert.same({ role = "db", "first", list = { 1, 2 } }, node.store.again)
  end)

  it("are an empty table if there are none, and cannot be changed", function()
    local node = stage:start()
    assert.same({}, node.args)
    node.args.x = 1
    assert.same({}, node.args)
    assert.error_matches(function() node.args = {} end, "node: has no field 'args' to set")
  end)

  it("must be a table that MessagePack carries", function()
    assert.error_matches(function() stage:start { args = 1 } end, "option 'args' must be a table, got 1")
    assert.same({ nil, "args.f: cannot carry a function", "arguments" }, { stage:try_start { args = { f = print } } })
  end)

  it("are those of net:spawn in a simulation", function()
    local net = nets.new()
    local path = stage:write("service.lua", SCRIPT)
    local members = net:spawn(2, function(i) return { handlers = path, args = { role = "r" .. i } } end)
    assert.equal("r1", members[1].store.role)
    assert.same({ role = "r2" }, members[2].args)
    assert.same({ role = "r2" }, net:restart(members[2]).args)
  end)
end)
