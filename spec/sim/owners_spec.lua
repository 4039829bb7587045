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

  it("has them of those that have tags", function()
    local net, members = nets.grown(4)
    for i = 1, 2 do members[i]:set_tags { zone = "b", number = i } end
    members[3]:set_tags { zone = "a" }
    net:run(5)
    local where = { zone = "b", number = function(n) return n < 3 end }
    local list = { members[1].addr, members[2].addr }
    table.sort(list)
    local owner = members[4]:owner("job", { where = where }).addr
    assert.is_true(owner == list[1] or owner == list[2])
    for i, member in ipairs(members) do
      assert.same({ 2, owner }, { member:size { where = where }, member:owner("job", { where = where }).addr })
      assert.equal(i <= 2 and (member.addr == list[1] and 1 or 2) or nil, member:rank { where = where })
      assert.equal(i <= 2 and 1 or 2, #member:members { where = where })
    end
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
