--- The example of members that show tickets.

local core = require "shoal.core"
local nets = require "spec.sim.support"
local process = require "spec.support.process"
local stdlib = require "posix.stdlib"

local root = os.getenv("SHOAL_SOURCE") or "."
local path = root .. "/examples/tickets.lua"
local describe_tickets = core.signing.problem() and pending or describe

describe_tickets("the example tickets", function()
  local crypto = require "shoal.crypto"
  local public, secret = crypto.keypair()
  local issue = dofile(path)._issue
  local net

  before_each(function()
    stdlib.setenv("SHOAL_TICKETS", crypto.to_hex(public))
    net = nets.new { seed = 3 }
  end)
  after_each(function()
    stdlib.setenv("SHOAL_TICKETS", nil)
    nets.close()
  end)

  local function spawn(addr, ticket, more)
    local options = { bind = addr, handlers = path, config = "loopback", meta = { ticket = ticket } }
    for key, value in pairs(more or {}) do options[key] = value end
    return net:spawn(options)
  end

  local function ticket_for(addr, expires)
    return issue(secret, addr, "web", expires or os.time() + 86400)
  end

  local function addr_of(i) return ("10.0.0.%d:7946"):format(i) end

  local function cluster(count)
    local members = {}
    for i = 1, count do members[i] = assert(spawn(addr_of(i), ticket_for(addr_of(i)))) end
    assert(net:run_until(function() return net:converged() end, 30))
    return members
  end

  it("is a cluster of those that have one, which stay themselves when they are restarted", function()
    local members = cluster(4)
    net:run(2)
    assert(net:restart(members[2]))
    assert(net:run_until(function() return net:converged() end, 30))
    for _, member in ipairs(members) do assert.equal(3, member:num_members()) end
  end)

  it("keeps out whoever has none of its own", function()
    local members = cluster(3)
    local forged = issue(select(2, crypto.keypair()), addr_of(11), "web", os.time() + 86400)
    assert(spawn(addr_of(11), forged))
    local expired = math.floor(members[1]:time()) - 1
    local signature = crypto.from_hex(ticket_for(addr_of(12), expired):match "%x+$")
    local ok, _, code = members[1]:apply { { id = { addr_of(12), 1, "web", expired, signature }, state = "alive" } }
    assert.same({ nil, "not_admitted" }, { ok, code })
    net:run(20)
    for _, member in ipairs(members) do
      assert.equal(2, member:num_members())
    end
    assert.is_true(members[1]:stats().dropped.not_admitted >= 2)
  end)

  it("does not let a member pass for another, nor bring others that have none", function()
    local members = cluster(3)
    local stolen = net:member(addr_of(3)):info().identity
    local function told(id)
      local ok, _, code = members[1]:apply { { id = id, state = "alive" } }
      assert.is_nil(ok)
      assert.equal("not_admitted", code)
    end
    told { addr_of(9), stolen[2], stolen[3], stolen[4], stolen[5] }
    told { addr_of(9), stolen[2], "db", stolen[4], stolen[5] }
    for _, id in ipairs { { addr_of(9) }, { addr_of(9), 1, "x", 2 ^ 40 }, { addr_of(9), 1, "x", 2 ^ 40, "y" },
      { addr_of(9), 1.5, "x", 2 ^ 40, "y" } } do
      told(id)
    end
    assert.equal(2, members[1]:num_members())
    assert.equal(0, members[1]:info().handlers.errors)
  end)

  it("does not start a member with the ticket of another, or without", function()
    local member, message = spawn(addr_of(1), ticket_for(addr_of(2)))
    assert.is_nil(member)
    assert.matches("SHOAL_TICKET is not a ticket for 10.0.0.1:7946", message, 1, true)
    member, message = spawn(addr_of(1), ticket_for(addr_of(1), 1))
    assert.is_nil(member)
    assert.matches("SHOAL_TICKET has expired", message, 1, true)
    stdlib.setenv("SHOAL_TICKETS", nil)
    member, message = spawn(addr_of(1), ticket_for(addr_of(1)))
    assert.is_nil(member)
    assert.matches("SHOAL_TICKETS is not set", message, 1, true)
    stdlib.setenv("SHOAL_TICKETS", "abc")
    member, message = spawn(addr_of(1), ticket_for(addr_of(1)))
    assert.is_nil(member)
    assert.matches("SHOAL_TICKETS is not a public key", message, 1, true)
    stdlib.setenv("SHOAL_TICKETS", crypto.to_hex(public))
    member, message = spawn(addr_of(1), nil)
    assert.is_nil(member)
    assert.matches("SHOAL_TICKET is not set: give it the ticket for 10.0.0.1:7946", message, 1, true)
  end)

  it("signs no name and no address that it would refuse", function()
    for _, case in ipairs { { addr_of(1), "web 1" }, { addr_of(1), "" },
      { addr_of(1) .. "\n", "web" }, { "", "web" } } do
      assert.has_error(function() issue(secret, case[1], case[2], 2 ^ 31) end, "an address and a name have no blanks")
    end
  end)

  it("says whose ticket has expired, to members that start later alone", function()
    local soon = os.time() + 3600
    local program = process.write(process.tempdir() .. "/program.lua", ([[
      local net = require("shoal.sim").new()
      local function spawn(addr, ticket, join)
        return assert(net:spawn { bind = addr, handlers = %q, config = "loopback", meta = { ticket = ticket },
          join = join, log = "warn" })
      end
      spawn("10.0.0.1:7946", %q)
      spawn("10.0.0.2:7946", %q)
      net:run(10)
      local late = spawn("10.0.0.3:7946", %q, { "10.0.0.2:7946" })
      net:set_wall_clock(late, %d - late:time())
      net:run(30)
      for _, member in ipairs(net:members()) do print(member.addr, member:num_members()) end
      net:close()
    ]]):format(path, issue(secret, addr_of(1), "web", soon), issue(secret, addr_of(2), "db", soon + 86400),
      issue(secret, addr_of(3), "new", soon + 86400), soon + 100))
    local done = process.run { nets.interpreter(), program, env = { LD_PRELOAD = process.preload } }
    assert.equal(0, done.code, done.err)
    assert.equal("10.0.0.1:7946\t2\n10.0.0.2:7946\t2\n10.0.0.3:7946\t1\n", done.out)
    assert.matches("10.0.0.3:7946 a ticket has expired addr=10.0.0.1:7946 ago=1%d%d%.?%d* name=web\n", done.err)
    assert.is_nil(done.err:find("10.0.0.2:7946 a ticket", 1, true))
  end)

  it("takes an identity of some 130 bytes", function()
    cluster(1)
    assert.is_true(#core.pack(net:member(addr_of(1)):info().identity) < 140)
  end)

  it("is a script that loads", function()
    assert.equal(0, process.cli("check", path).code)
  end)
end)
