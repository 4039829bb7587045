--- size, rank and owner of nodes; spec/script/owners_spec.lua has the rest.

local nets = require "spec.sim.support"

describe("a node", function()
  after_each(nets.close)

  it("has view, size, rank and owner, which agree in a cluster that agrees", function()
    local net, members = nets.grown(8)
    net:run(30)
    local ranks, owner = {}, members[1]:owner("job").addr
    for _, member in ipairs(members) do
      assert.equal(8, member:size())
      assert.equal(owner, member:owner("job").addr)
      assert.is_true(member:view() >= 7)
      ranks[member:rank()] = true
    end
    assert.equal(8, #ranks)
    net:crash(members[2])
    net:run(30)
    assert.equal(7, members[1]:size())
    assert.error_matches(function() members[1]:size { n = 1 } end, "node:size: unknown option 'n'")
  end)

  it("has them for identities of its own, too", function()
    local net = nets.new()
    local identity = {
      new = function(opts) return { opts.advertise } end,
      addr = function(id) return { id[1] } end,
      endpoint = function(id) return id[1] end,
      at = function(endpoint) return { endpoint } end,
    }
    local a = net:spawn { handlers = { identity = identity }, config = "loopback" }
    local b = net:spawn { handlers = { identity = identity }, config = "loopback", join = { a:bound() } }
    net:run(5)
    assert.equal(2, a:size())
    assert.same({ 1, 2 }, { a:rank(), b:rank() })
    local owner, mine = a:owner("x")
    assert.same(owner.addr, b:owner("x").addr)
    assert.equal(mine, not select(2, b:owner("x")))
    assert.equal(1, a:size { where = function(member) return member.addr[1] == b:bound() end })
  end)
end)
