--- A little of `make hostile` each time.

local attack = require "spec.hostile.attack"
local core = require "shoal.core"
local process = require "spec.support.process"
local wait = require "spec.support.wait"

local describe_hostile = attack.is_there() and describe or pending
local describe_sealed = attack.is_there() and core.keygen() and describe or pending

describe_sealed("members with a key", function()
  after_each(process.cleanup)

  it("answer nothing that is not theirs, and change nothing for what is repeated", function()
    local cluster = attack.cluster { key = true }
    wait.for_that(function()
      return #process.read(cluster.records) > 2000
    end, 30, "recorded packets")
    local views = attack.views(cluster)
    for _, kind in ipairs { "noise", "foreign", "forged" } do
      assert.equal(0, attack.flood(cluster, kind, 2000, 20000, 7).got, kind)
    end
    local replayed = attack.flood(cluster, "replay", 2000, 20000, 7)
    assert.is_true(replayed.got_bytes <= replayed.bytes)
    assert.same({}, attack.problems(cluster))
    assert.equal(views, attack.views(cluster))
    local drops = cluster[1]:info().drops
    assert.is_true(drops.replayed > 0 and drops.foreign_key > 0 and drops.unauthentic > 0)
    assert.equal(0, drops.malformed)
  end)

  it("change nothing for what their former life has heard", function()
    local cluster = attack.cluster { key = true }
    wait.for_that(function()
      return #process.read(cluster.records) > 2000
    end, 30, "recorded packets")
    attack.restart(cluster)
    attack.gathered(cluster)
    attack.forgive(cluster)
    local views = attack.views(cluster)
    attack.flood(cluster, "replay", 2000, 20000, 7)
    assert.same({}, attack.problems(cluster))
    assert.equal(views, attack.views(cluster))
  end)
end)

describe_hostile("members without a key", function()
  after_each(process.cleanup)

  it("send a third party at most three bytes for each that is sent in its name", function()
    local cluster = attack.cluster {}
    local views = attack.views(cluster)
    local numbers = attack.flood(cluster, "stranger", 3000, 20000, 7)
    assert.is_true(numbers.got > 0)
    assert.is_true(numbers.got_bytes <= 3 * numbers.bytes)
    assert.equal(views, attack.views(cluster))
  end)

  it("hold back one that renews all the time, and stay together", function()
    local cluster = attack.cluster {}
    attack.flood(cluster, "renew", 300, 3000, 7)
    assert.is_true(cluster[1]:info().drops.renewals > 100)
    assert.matches("a member takes new identities too often and is held back", cluster[1]:log(), 1, true)
    assert.same({}, attack.problems(cluster))
  end)

  it("stay together while many come that do not stay, and log some of them", function()
    local cluster = attack.cluster {}
    attack.flood(cluster, "crowd", 300, 3000, 7)
    assert.same({}, attack.problems(cluster))
    wait.for_that(function() return cluster[1]:log():find("members up more=", 1, true) end, 30, "the rest")
    local _, lines = cluster[1]:log():gsub("member up addr=", "")
    assert.is_true(lines < 300)
  end)

  it("do not mind connections to their control sockets that say half of something", function()
    local cluster = attack.cluster {}
    local close = attack.half_open(cluster[2], 100)
    wait.pass(2)
    assert.same({}, attack.fallen(cluster))
    close()
    wait.for_that(function() return cluster[2]:try "info" end, 10, "answer")
    assert.same({}, attack.problems(cluster))
  end)
end)
