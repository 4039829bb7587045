--- Whom a member asks to let it join, and when, in virtual time.

local nets = require "spec.sim.support"

-- What a member asks of its seeds, and nothing else.
local QUIET = { preset = "lan", announce = false, announce_to_down = false }
local NOBODY = "10.9.9.%d:7946"

-- Dead seeds.
local function nobodies(count)
  local list = {}
  for i = 1, count do
    list[i] = NOBODY:format(i)
  end
  return list
end

local function announces(member)
  return member:info().packets.sent_by_message.announce
end

-- When the member asked somebody in that time, to a hundredth of a second.
local function times_of_asking(net, member, seconds)
  local times, before, from = {}, announces(member), net:now()
  while net:now() < from + seconds do
    net:run(0.01)
    local now = announces(member)
    if now > before then
      times[#times + 1] = net:now() - from
      before = now
    end
  end
  return times
end

-- Does each wait last 0.5 to 1.5 times what it should?
local function assert_waits(expected, times)
  for i = 2, #times do
    local wait, due = times[i] - times[i - 1], math.min(expected(i - 1), 30)
    assert.is_true(wait >= due * 0.5 - 0.02 and wait <= due * 1.5 + 0.02,
      ("wait %d took %.2f s, not about %.2f"):format(i - 1, wait, due))
  end
end

describe("seeds", function()
  after_each(nets.close)

  it("are listed and asked in the order in which they were given", function()
    local net, asked = nets.new { latency = 0.001 }, {}
    local function handlers()
      return {
        on_member_up = function(node, who)
          if not who.addr:match "^10%.0%.1%." then asked[#asked + 1] = node:identity().addr end
        end,
      }
    end
    local seeds = { "10.0.1.1:7946", "10.0.1.2:7946", "10.0.1.3:7946" }
    for _, addr in ipairs(seeds) do
      net:spawn { bind = addr, join = false, handlers = handlers() }
    end
    local member = net:spawn { join = seeds }
    assert.same(seeds, member:info().seeds)
    net:run(0.0035)
    assert.same(seeds, asked)
  end)

  it("are asked again soon, then less and less often", function()
    local net = nets.new()
    local lonely = net:spawn { join = nobodies(1), config = QUIET }
    local times = times_of_asking(net, lonely, 600)
    assert_waits(function(i) return 0.1 * 2 ^ (i - 1) end, times)
    assert.is_true(times[4] < 1.1, "four times within the first second or so")
    assert.is_true(#times > 9 + 480 / 45 and #times < 12 + 600 / 15, #times .. " times in ten minutes")
  end)

  it("are asked soon again once everybody else is gone", function()
    local net = nets.new()
    local other = net:spawn { bind = NOBODY:format(1), join = false, config = QUIET }
    local member = net:spawn { join = { other.addr }, config = QUIET }
    assert(net:run_until(function() return net:converged() end, 5))
    net:crash(other)
    assert(net:run_until(function() return member:connection() == "idle" end, 60))
    local times = times_of_asking(net, member, 4)
    assert.is_true(#times >= 4 and times[1] < 0.2, "the short waits begin again")
    assert_waits(function(i) return 0.1 * 2 ^ i end, times)
  end)

  it("that are joined later are asked at once, and soon again", function()
    local net = nets.new()
    local lonely = net:spawn { join = nobodies(1), config = QUIET }
    net:run(300)
    assert.is_true(lonely:join { NOBODY:format(2) })
    local times = times_of_asking(net, lonely, 2)
    assert.is_true(#times >= 4 and times[1] < 0.05)
  end)

  it("are asked one at a time while somebody is known, in turn", function()
    local net = nets.new()
    local first = net:spawn { join = false, config = QUIET }
    local list = nobodies(20)
    list[#list + 1] = first.addr
    local member = net:spawn { join = list, config = QUIET }
    assert(net:run_until(function() return net:converged() end, 5))
    net:run(60) -- what was due while it was alone is over
    local times = times_of_asking(net, member, 900)
    assert_waits(function() return 30 end, times)
    assert.is_true(#times >= 900 / 45 - 1, #times .. " times in 900 s")
    -- each has its turn
    local late = net:spawn { bind = list[7], join = false, config = QUIET }
    assert(net:run_until(function() return first:sees(late) == "alive" end, 20 * 45))
  end)

  it("are left alone while they are members", function()
    local net = nets.new()
    local seeds = { NOBODY:format(1), NOBODY:format(2), NOBODY:format(3) }
    for _, addr in ipairs(seeds) do
      net:spawn { bind = addr, join = seeds, config = QUIET }
    end
    local member = net:spawn { join = seeds, config = QUIET }
    assert(net:run_until(function() return net:converged() end, 10))
    net:run(60)
    assert.same({}, times_of_asking(net, member, 120))
  end)

  it("are known as members where an address is no endpoint, too", function()
    local net = nets.new()
    local function at(endpoint) return { where = endpoint } end
    local identity = {
      new = function(opts) return at(opts.advertise) end,
      addr = function(id) return "the one at " .. id.where end,
      endpoint = function(id) return id.where end,
      at = at,
    }
    local seeds = { NOBODY:format(1), NOBODY:format(2) }
    local options = { handlers = { identity = identity }, join = seeds, config = QUIET }
    local members = {}
    for i, addr in ipairs(seeds) do
      options.bind = addr
      members[i] = net:spawn(options)
    end
    options.bind = nil
    members[3] = net:spawn(options)
    assert(net:run_until(function() return net:converged() end, 10))
    net:run(60)
    for _, member in ipairs(members) do
      assert.same({}, times_of_asking(net, member, 120))
    end
    assert.same({}, (net:errors()))
  end)

  it("never are the member itself", function()
    local net = nets.new()
    local own = NOBODY:format(1)
    local alone = net:spawn { bind = own, join = { own }, config = QUIET }
    assert.same({}, times_of_asking(net, alone, 60))
    local other = net:spawn { join = { own }, config = QUIET }
    assert(net:run_until(function() return net:converged() end, 5))
    assert.same({}, times_of_asking(net, alone, 120))
    assert.equal(0, alone:info().drops.from_ourselves)
    assert.equal(1, other:num_members())
  end)

  it("make one cluster of two that never met", function()
    local net = nets.new()
    local seeds = { NOBODY:format(1), NOBODY:format(2) }
    local pairs_of = {}
    for i, addr in ipairs(seeds) do
      pairs_of[i] = { net:spawn { bind = addr, join = seeds }, net:spawn { join = seeds } }
    end
    local cut = net:partition(pairs_of[1], "rest")
    net:run(120)
    assert.equal(1, pairs_of[1][1]:num_members())
    assert.equal(1, pairs_of[2][2]:num_members())
    cut:heal()
    assert(net:run_until(function() return net:converged() end, 30), net:picture())
  end)

  it("take back a seed that was away for longer than anybody remembers it", function()
    local net = nets.new()
    local config = { preset = "lan", remove_down_after = 60 }
    local seed = net:spawn { join = false, config = config }
    local members = net:spawn(5, { join = { seed.addr }, config = config })
    assert(net:run_until(function() return net:converged() end, 10))
    net:crash(seed)
    net:run(300)
    assert.is_nil(members[1]:sees(seed))
    seed = net:restart(seed, { join = false, config = config })
    assert(net:run_until(function() return net:converged() end, 30), net:picture())
    assert.equal(5, seed:num_members())
  end)

  it("heal a cut that lasted for longer than anybody remembers the others", function()
    local net = nets.new()
    local config = { preset = "lan", remove_down_after = 60 }
    local seed = net:spawn { join = false, config = config }
    local members = net:spawn(7, { join = { seed.addr }, config = config })
    assert(net:run_until(function() return net:converged() end, 10))
    local cut = net:partition({ seed, members[1], members[2], members[3] }, "rest")
    net:run(300)
    assert.equal(3, members[4]:num_members())
    cut:heal()
    assert(net:run_until(function() return net:converged() end, 45), net:picture())
  end)

  it("let everybody in within four seconds where one packet in five is lost", function()
    local net = nets.new { loss = 0.2, seed = 3 }
    local members = net:spawn(100, { config = "lan" })
    assert(net:run_until(function()
      for _, member in ipairs(members) do
        if member:connection() ~= "active" then
          return false
        end
      end
      return true
    end, 4, 0.05), net:picture())
  end)

  it("let a hundred in, who all know each other, within five seconds where one packet in ten is lost", function()
    for seed = 1, 5 do
      local net = nets.new { loss = 0.1, seed = seed }
      net:spawn(100, { config = "lan" })
      assert(net:run_until(function() return net:converged() end, 5), net:picture())
    end
  end)

  it("hear of a member that leaves before they have answered", function()
    local net = nets.new { latency = 0.1 }
    local seed = net:spawn { join = false, config = { preset = "loopback", check_strangers = false } }
    local other = net:spawn { join = { seed.addr } }
    assert(net:run_until(function() return net:converged() end, 5))
    local brief = net:spawn { join = { NOBODY:format(1), seed.addr } }
    net:run(0.15)
    assert.equal("alive", seed:sees(brief))
    assert.equal("idle", brief:connection())
    assert.is_true(brief:leave())
    brief:close()
    assert(net:run_until(function()
      return seed:sees(brief) == "down" and other:sees(brief) == "down"
    end, 0.5), net:picture())
  end)

  it("and nobody else, hear of it when they have answered", function()
    local net = nets.new()
    local stranger = net:spawn { join = false }
    local seed = net:spawn { join = false }
    local member = net:spawn { join = { seed.addr } }
    assert(net:run_until(function() return seed:num_members() == 1 end, 5))
    net:run(5)
    local packets = net:stats().packets
    assert.is_true(member:leave())
    member:close()
    net:run(0.01)
    assert.equal("down", seed:sees(member))
    assert.is_nil(stranger:sees(member))
    assert.equal(1, net:stats().packets - packets)
  end)
end)
