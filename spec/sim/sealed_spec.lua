--- Members with keys: who gets in, whose packets count, and which of them twice.

local core = require "shoal.core"
local nets = require "spec.sim.support"

local key, why = core.keygen()
local describe_sealed = key and describe or pending
local YEAR = 365 * 86400

local function sum(net, members, name)
  local total = 0
  for _, member in ipairs(members) do
    if member:is_up() then
      total = total + net:stats(member)[name]
    end
  end
  return total
end

-- What the members think of each other, as one text.
local function views(members)
  local lines = {}
  for _, member in ipairs(members) do
    if member:is_up() then
      for _, other in ipairs(member:members { state = "all" }) do
        lines[#lines + 1] = ("%s %s %s %d"):format(member.addr, other.addr, other.state, other.incarnation)
      end
    end
  end
  table.sort(lines)
  return table.concat(lines, "\n")
end

describe_sealed("a cluster with a key" .. (key and "" or ": " .. why), function()
  after_each(nets.close)

  it("comes together and finds out who is gone, as one without", function()
    local net, members = nets.grown(20, { key = key })
    net:crash(members[7])
    assert.is_true(net:run_until(function() return net:converged() end, 60))
    assert.equal("down", members[3]:sees(members[7]))
    for _, name in ipairs { "foreign_key", "unauthentic", "foreign" } do
      assert.equal(0, sum(net, members, name), name)
    end
    assert.is_true(sum(net, members, "replayed") < 5) -- overtaken by the first of their sender
  end)

  it("gives the same run for the same seed", function()
    local function trace()
      local net = nets.grown(10, { key = key }, { seed = 5 })
      return net.handle:trace()
    end
    assert.equal(trace(), trace())
  end)

  it("bears packets that are lost, doubled, late and broken", function()
    local net, members = nets.grown(15, { key = key },
      { loss = 0.05, duplicate = 0.1, reorder = 0.1, corrupt = 0.02 })
    net:run(60)
    assert.is_true(net:converged())
    assert.is_true(sum(net, members, "replayed") > 0)
    assert.is_true(sum(net, members, "unauthentic") > 0)
    for _, member in ipairs(members) do
      assert.equal(0, member:info().drops.malformed)
    end
  end)

  for _, case in ipairs {
    { "no key", {} },
    { "another key", { key = core.keygen() } },
    { "another label", { key = key, cluster = "other" } },
  } do
    it("does not answer, or hear, a member with " .. case[1], function()
      local net, members = nets.grown(5, { key = key })
      local options = { config = "loopback", join = { members[1].addr } }
      for name, value in pairs(case[2]) do
        options[name] = value
      end
      local stranger = net:spawn(options)
      net:run(30)
      assert.equal(0, stranger:num_members())
      assert.is_nil(members[1]:sees(stranger))
      local heard = net:stats(members[1])
      assert.is_true(heard.foreign_key + heard.unauthentic > 0)
      local got = net:stats(stranger)
      assert.equal(0, got.packets_received + got.foreign + got.foreign_key + got.unauthentic)
    end)
  end

  for name, seconds in pairs { ["1970"] = -56 * YEAR, ["an hour ago"] = -3600, ["next year"] = YEAR } do
    it("takes in a member that thinks it is " .. name, function()
      local net, members = nets.grown(10, { key = key })
      net:run(120)
      local late = net:spawn { key = key, config = "loopback", join = { members[1].addr } }
      net:set_wall_clock(late, seconds)
      assert.is_true(net:run_until(function() return net:converged() end, 5))
      net:run(60)
      assert.is_true(net:converged())
      assert.is_true(sum(net, members, "unproven") < 10)
      assert.equal(0, net:record(late).wrong_downs)
    end)
  end

  it("does without clocks when it is told to", function()
    local net, members = nets.grown(10, { key = key, clock_skew = 0 })
    for i, member in ipairs(members) do
      net:set_wall_clock(member, i * i * 1000)
    end
    net:crash(members[2])
    members[2] = net:restart(members[2])
    assert.is_true(net:run_until(function() return net:converged() end, 30))
  end)

  it("changes nothing for a packet that was recorded", function()
    local net, members = nets.grown(12, { key = key })
    net:wiretap()
    net:run(60)
    net:wiretap(false)
    local before, refused, replayed = views(members), sum(net, members, "replayed"), 0
    for _ = 1, 5 do
      replayed = replayed + net:replay()
      net:run(0.5)
    end
    assert.is_true(replayed > 10000)
    assert.equal(before, views(members))
    assert.equal(refused + replayed, sum(net, members, "replayed"))
  end)

  it("changes nothing for a packet that a former life has heard", function()
    local net, members = nets.grown(12, { key = key })
    net:wiretap()
    net:run(60)
    net:wiretap(false)
    for i = 1, 4 do
      net:crash(members[i])
      net:restart(members[i])
    end
    for i = 5, 12 do -- who is silent from now on, but for the recorder
      net:pause(members[i])
    end
    local replayed = 0
    for _ = 1, 35 do
      replayed = replayed + net:replay()
      net:run(2)
    end
    assert.is_true(replayed > 100000, replayed)
    for i = 1, 4 do
      for k = 5, 12 do
        assert.is_nil((members[i]:sees(members[k])))
      end
    end
  end)

  it("does not keep a dead member alive with recorded acks", function()
    local net, members = nets.grown(8, { key = key })
    net:wiretap()
    net:run(30)
    net:wiretap(false)
    net:crash(members[8])
    for _ = 1, 60 do
      net:replay()
      net:run(0.5)
    end
    for i = 1, 7 do
      assert.equal("down", (members[i]:sees(members[8])))
      assert.equal("alive", (members[i]:sees(members[i % 7 + 1])))
    end
  end)

  it("changes its key without losing a packet", function()
    local net, members = nets.grown(10, { key = key })
    local new = core.keygen()
    local old_id, new_id = members[1]:keys()[1].id, nil
    local function step(act)
      for _, member in ipairs(members) do
        act(member)
        net:run(0.05)
      end
    end
    step(function(member)
      assert(member:add_key(new))
      new_id = member:keys()[2].id
    end)
    step(function(member) assert(member:use_key(new_id)) end)
    step(function(member) assert(member:remove_key(old_id)) end)
    net:run(30)
    assert.is_true(net:converged())
    assert.is_true(sum(net, members, "replayed") < 3) -- overtaken by the first of their sender
    for _, member in ipairs(members) do
      local stats = net:stats(member)
      assert.equal(0, stats.foreign_key + stats.unauthentic + stats.unproven)
      assert.same({ { id = new_id, used = true } }, member:keys())
    end
  end)

  it("says what is wrong with a key", function()
    local net, members = nets.grown(2, { key = key })
    local ok, message, code = members[1]:add_key("short")
    assert.same({ nil, "key" }, { ok, code })
    assert.matches("44 characters", message, 1, true)
    ok, message, code = members[1]:add_key(key)
    assert.same({ nil, "key" }, { ok, code })
    assert.matches("is there already", message, 1, true)
    ok, message = members[1]:remove_key(members[1]:keys()[1].id)
    assert.is_nil(ok)
    assert.matches("is in use", message, 1, true)
    ok, message = members[1]:use_key("zzzz")
    assert.is_nil(ok)
    assert.matches("no key with the id 'zzzz'", message, 1, true)
    for i = 2, 4 do
      assert(members[1]:add_key(core.keygen()), i)
    end
    ok, message = members[1]:add_key(core.keygen())
    assert.is_nil(ok)
    assert.matches("4 keys already", message, 1, true)
    local open = net:spawn {}
    ok, message, code = open:keys()
    assert.same({ nil, "key" }, { ok, code })
    assert.matches("no key", message, 1, true)
  end)
end)
