--- Two processes with one advertised address: the one that gets no packets for it is told,
-- and takes the address over when it gets them.

local hosts = require "spec.support.hosts"
local node = require "spec.support.node"
local wait = require "spec.support.wait"

local RIVAL = "warn +host +another node has our address and gets its packets[^\n]*"
local CLAIMANT = "warn +host +another node says that it has our address[^\n]*"

local function escape(text)
  return (text:gsub("%p", "%%%0"))
end

describe("a process whose advertised address is another's", function()
  after_each(hosts.cleanup)

  it("logs who has it and where, once, and neither of them changes identity for that", function()
    local seed = node.start {}
    local owner = node.start { join = { seed } }
    local twin = node.start { args = { "--advertise", owner.addr }, join = { seed } }
    local line = twin.process:wait_for(RIVAL, 10)
    local theirs, ours = owner:info().identity, twin:info().identity
    assert.matches(('id="{addr=%s,bump=%d}"'):format(escape(owner.addr), theirs.bump), line)
    assert.matches(" at=" .. escape(owner.addr) .. " ", line)
    assert.matches(("ours=.*bump=%d"):format(ours.bump), line)
    assert.matches(" at=" .. escape(twin:info().bind), owner.process:wait_for(CLAIMANT, 5))

    local questions = twin:info().drops.from_ourselves -- each answer is one
    wait.for_that(function() return twin:info().drops.from_ourselves >= questions + 2 end, 10, "further answers")
    assert.equal(1, select(2, twin:log():gsub(RIVAL, "")))
    assert.equal(ours.bump, twin:info().identity.bump)
    assert.equal("idle", twin:info().connection)
    assert.equal("alive", seed:sees(owner))
  end)

  it("logs nothing when nobody is there, as behind address translation", function()
    local away = node.own_address():gsub(":0$", ":9")
    local member = node.start { args = { "--advertise", away, "--log-level", "debug" } }
    wait.for_that(function() return member:info().host.datagrams_sent >= 2 end, 10, "two questions")
    assert.is_nil(member:log():find("another node", 1, true))
  end)

  it("logs that the other one is gone", function()
    local owner = node.start {}
    local twin = node.start { args = { "--advertise", owner.addr } }
    twin.process:wait_for(RIVAL, 10)
    owner:signal("KILL")
    owner:wait(2)
    twin.process:wait_for("info +host +the other node that had our address is gone addr=" .. escape(owner.addr), 40)
  end)

  it("takes the address over when it gets the packets for it, and the others see a rename", function()
    local net = hosts.new(3, pending)
    local shared = "10.77.0.77"
    net:add_address(2, shared)
    local seed = node.start { within = net:within(1), bind = net:address(1) .. ":7946" }
    local owner = node.start { within = net:within(2), bind = shared .. ":7946", join = { seed } }
    local twin = node.start { within = net:within(3), bind = "0.0.0.0:7946", join = { seed },
      args = { "--advertise", shared } }
    twin.process:wait_for(RIVAL, 10)
    seed:watch()

    owner:signal("KILL")
    owner:wait(2)
    net:move_address(shared, 2, 3)

    wait.for_that(function()
      return node.converged { seed, twin }, seed:log() .. twin:log()
    end, 20, "one cluster with the twin")
    assert.truthy(seed:heard("rename", twin))
    local bump = twin:info().identity.bump
    assert.equal(bump, seed:members()[1].id.bump)
  end)
end)
