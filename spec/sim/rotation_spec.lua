--- Another key for the whole cluster, under load, with members that are away meanwhile.

local core = require "shoal.core"
local nets = require "spec.sim.support"

local key, why = core.keygen()
local describe_sealed = key and describe or pending

describe_sealed("a rotation" .. (key and "" or ": " .. why), function()
  after_each(nets.close)

  local GRACE = 100

  local function ids(member)
    local list = {}
    for i, one in ipairs(member.node:keys()) do list[i] = one.id end
    return table.concat(list, " ")
  end

  local function all_have(net, members, wanted, seconds)
    local function holds()
      for _, member in ipairs(members) do
        if member:is_up() and ids(member) ~= wanted then return false end
      end
      return true
    end
    assert.is_true(net:run_until(holds, seconds), wanted .. " is not what all have")
  end

  local function refused(net, members)
    local total = 0
    for _, member in ipairs(members) do
      if member:is_up() then total = total + net:stats(member).foreign_key end
    end
    return total
  end

  local function grown(count, more)
    local heard = {}
    local options = { key = key, key_grace = GRACE, handlers = {
      on_published = function(node, _, data) heard[node:bound() .. data] = (heard[node:bound() .. data] or 0) + 1 end,
      on_tags = function() heard.tags = (heard.tags or 0) + 1 end,
    } }
    for name, value in pairs(more or {}) do options[name] = value end
    local net, members = nets.grown(count, options)
    return net, members, heard
  end

  it("says when the old key is removed as soon as all use the new one", function()
    local net, members = grown(2)
    assert(members[1].node:rotate_key())
    for _, member in ipairs(members) do
      assert.is_true(net:run_until(function() return member.node:rotation().stage == "grace" end, 10, 0.01))
      assert.near(GRACE, member.node:rotation().removed_in, 1)
    end
  end)

  it("gives all a new key, uses it, and removes the old one after the grace; no packet is lost", function()
    local net, members, heard = grown(20)
    local old = ids(members[1])
    local published = 0
    local timer = members[3].node:every(0.02, function(node)
      published = published + 1
      node:publish("load", published)
    end)
    local new = assert(members[1].node:rotate_key())
    all_have(net, members, new .. " " .. old, 10)
    net:run(3)
    local rotation = members[5].node:rotation()
    assert.same({ new, "grace", {}, {} }, { rotation.key, rotation.stage, rotation.lacks, rotation.unused })
    assert.is_true(rotation.removed_in > GRACE - 10 and rotation.removed_in <= GRACE)
    net:run(GRACE - 20)
    assert.equal(new .. " " .. old, ids(members[1]))
    all_have(net, members, new, 30)
    timer:cancel()
    net:run(5)
    assert.equal(0, refused(net, members))
    assert.is_true(net:converged())
    for _, member in ipairs(members) do
      local other = 0 -- heard never, or twice
      for i = 1, published do
        other = other + (heard[member.node:bound() .. i] == 1 and 0 or 1)
      end
      assert.same({ member.addr, 0 }, { member.addr, other })
    end
    assert.equal("done", members[2].node:rotation().stage)
  end)

  it("shows nobody the tag that says which keys there are", function()
    local net, members, heard = grown(5, { tags = { zone = "b" } })
    heard.tags = 0
    local new = assert(members[1].node:rotate_key())
    net:run(5)
    assert.matches("^" .. new, ids(members[5]))
    assert.equal(0, heard.tags)
    assert.same({ zone = "b" }, members[1].node:tags())
    assert.same({ zone = "b" }, members[2].node:member(members[1].addr).tags)
    members[1].node:set_tags { zone = "c", n = 1 }
    net:run(5)
    assert.same({ zone = "c", n = 1 }, members[2].node:member(members[1].addr).tags)
    assert.equal("grace", members[2].node:rotation().stage)
  end)

  it("gives it to those that come back in time with the old one", function()
    local net, members = grown(12)
    local old = ids(members[1])
    for _, i in ipairs { 4, 8, 12 } do net:crash(members[i]) end
    assert.is_true(net:run_until(function() return net:converged() end, 60))
    local new = assert(members[1].node:rotate_key())
    all_have(net, members, new .. " " .. old, 10)
    net:run(20)
    for _, i in ipairs { 4, 8, 12 } do members[i] = net:restart(members[i]) end
    all_have(net, members, new .. " " .. old, 10)
    assert.is_true(net:run_until(function() return net:converged() end, 20))
  end)

  it("goes on when who began it is gone, and when members start again in the middle", function()
    local net, members = grown(12)
    local old = ids(members[1])
    local new = assert(members[5].node:rotate_key())
    net:run(0.05)
    net:crash(members[5])
    net:crash(members[6])
    local function is_anywhere()
      for _, member in ipairs(members) do
        if member:is_up() and #member.node:keys() == 2 then return true end
      end
      return false
    end
    assert.is_true(is_anywhere())
    members[6] = net:restart(members[6])
    net:run(1)
    members[7] = net:restart(members[7])
    members[5] = net:restart(members[5])
    all_have(net, members, new .. " " .. old, 60)
    assert.is_true(net:run_until(function() return net:converged() end, 30))
  end)

  it("names who has not got it, and does not use it until then", function()
    local net, members = grown(3)
    local old = ids(members[1])
    net:pause(members[3])
    local new = assert(members[1].node:rotate_key())
    net:run(0.3)
    local rotation = members[1].node:rotation()
    assert.equal("spreading", rotation.stage)
    assert.is_truthy(table.concat(rotation.lacks, " "):find(members[3].addr, 1, true))
    assert.equal(old .. " " .. new, ids(members[1]))
    local again, message = members[1].node:rotate_key()
    assert.is_nil(again)
    assert.matches("does not have its place yet", message)
  end)

  it("can be begun again as soon as all use the new key, however often", function()
    local net, members = grown(3)
    for i = 1, 8 do
      local node = members[i % 3 + 1].node
      local new = assert(node:rotate_key())
      assert.is_true(net:run_until(function()
        local rotation = node:rotation()
        return rotation.key == new and (rotation.stage == "grace" or rotation.stage == "done")
      end, 20, 0.01))
    end
    assert.is_true(net:converged())
    assert.equal(0, refused(net, members))
  end)

  it("of two at once ends with one key", function()
    local net, members = grown(10)
    local one = assert(members[1].node:rotate_key())
    local two = assert(members[9].node:rotate_key())
    assert.is_true(net:run_until(function()
      local used = ids(members[1]):sub(1, 4)
      for _, member in ipairs(members) do
        if ids(member):sub(1, 4) ~= used or (used ~= one and used ~= two) then return false end
      end
      return true
    end, 30))
    net:run(30)
    assert.is_true(net:converged())
  end)
end)
