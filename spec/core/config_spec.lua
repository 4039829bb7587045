local core = require "shoal.core"
local support = require "spec.core.support"
local engine = support.engine
local names = support.names

local function near(expected, actual)
  assert.is_true(math.abs(expected - actual) < 1e-5, ("expected %s, got %s"):format(expected, actual))
end

describe("the lan preset", function()
  it("scales the suspicion timeout with the logarithm of the cluster's size", function()
    local fifty = 4 * math.log(50) / math.log(10)
    for n, seconds in pairs { [1] = 4, [5] = 4, [10] = 4, [50] = fifty, [100] = 8, [1000] = 12 } do
      near(seconds, core.preset("lan", n).suspect_to_down_after)
    end
  end)

  it("scales the transmissions likewise, never below one", function()
    for n, count in pairs { [1] = 1, [2] = 1, [5] = 3, [10] = 4, [99] = 8, [100] = 8, [1000] = 12 } do
      assert.equal(count, core.preset("lan", n).max_transmissions, "n = " .. n)
    end
  end)

  it("probes once a second", function()
    assert.equal(1, core.preset("lan", 10).probe_period)
  end)
end)

describe("the wan preset", function()
  it("has a longer period and gives suspects more of them", function()
    assert.equal(5, core.preset("wan", 10).probe_period)
    near(30, core.preset("wan", 5).suspect_to_down_after)
    near(30, core.preset("wan", 10).suspect_to_down_after)
    near(60, core.preset("wan", 100).suspect_to_down_after)
  end)
end)

describe("the loopback preset", function()
  it("has a quarter of the lan period", function()
    assert.equal(0.25, core.preset("loopback", 10).probe_period)
  end)
end)

describe("every preset", function()
  for _, name in ipairs { "simple", "lan", "wan", "loopback" } do
    it("is valid for small and huge clusters: " .. name, function()
      for _, n in ipairs { 1, 2, 10, 1000, 1e6, 2 ^ 32 - 1 } do
        local config = core.preset(name, n)
        assert.is_true(config.probe_rtt < config.probe_period)
        assert.truthy(core.new {
          identity = core.stock_identity("a:1", 1), config = config, seed = 1,
        }, ("%s(%d)"):format(name, n))
      end
    end)

    it("can be named with changes over it: " .. name, function()
      local e = core.new {
        identity = core.stock_identity("a:1", 1), seed = 1,
        config = { preset = name, cluster_size = 100, max_packet_size = 900 },
      }
      local expected = core.preset(name, 100)
      expected.max_packet_size = 900
      assert.same(expected, e:config())
    end)
  end
end)

-- A change of each field while running, and what must be different at once.
describe("changing the config at run time", function()
  it("answers with what was set, everything else as before", function()
    local e = engine("a")
    local expected = e.core:config()
    local changes = {
      probe_period = 2, probe_rtt = 0.5, num_indirect_probes = 7, max_transmissions = 9,
      suspect_to_down_after = 11, remove_down_after = 33, max_packet_size = 999, max_members = 77,
      notify_down_members = true,
    }
    for field, value in pairs(changes) do
      e:configure { [field] = value }
      expected[field] = value
      assert.same(expected, e.core:config(), field)
    end
    for _, task in ipairs { "announce", "announce_to_down", "gossip" } do
      e:configure { [task] = { every = 3, members = 4 } }
      assert.same({ every = 3, members = 4 }, e.core:config()[task])
      e:configure { [task] = false }
      assert.is_falsy(e.core:config()[task])
    end
  end)

  it("re-arms the probe when the period becomes shorter", function()
    local e = engine("a", { config = { probe_period = 100 } }):knowing("b")
    e:advance(10)
    e:configure { probe_period = 1 }
    assert.is_true(e.core:deadline() <= e.now + 1)
    assert.is_true(#e:live(1):sent("ping") >= 1)
    assert.equal(4, #e:live(4):sent("ping"))
  end)

  it("re-arms the probe when the period becomes longer", function()
    local e = engine("a"):knowing("b")
    e:live(3)
    e:configure { probe_period = 50 }
    assert.is_true(#e:live(49):sent("ping") <= 1)
    assert.is_true(#e:live(100):sent("ping") <= 3)
  end)

  it("takes a new probe_rtt for the probes to come", function()
    local e = engine("a"):knowing("b", "c")
    e:configure { probe_rtt = 0.75 }
    local ping = e:next_ping()
    assert.equal(ping.at + 0.75, e:advance(0.9):the("ping_req").at)
  end)

  it("takes a new probe_rtt for the probe under way", function()
    local e = engine("a"):knowing("b", "c")
    local ping = e:next_ping()
    e:configure { probe_rtt = 0.75 }
    assert.equal(ping.at + 0.75, e:advance(0.9):the("ping_req").at)
  end)

  it("re-arms the running suspicions", function()
    local e = engine("a", { config = { suspect_to_down_after = 100, probe_period = 1000 } }):knowing("b", "c suspect")
    e:advance(10)
    e:configure { suspect_to_down_after = 12 }
    assert.equal(1012, e:advance(50):time_of("member_down c"))

    e = engine("a"):knowing("b", "c suspect")
    e:advance(1)
    e:configure { suspect_to_down_after = 20, probe_period = 1000 }
    assert.equal(1020, e:advance(50):time_of("member_down c"))
  end)

  it("re-arms what waits to be forgotten", function()
    local e = engine("a"):knowing("c down")
    e:advance(1)
    e:configure { remove_down_after = 5 }
    e:advance(3.5)
    assert.equal(1, e.core:num_known())
    e:advance(0.5)
    assert.equal(0, e.core:num_known())

    e = engine("a"):knowing("c down")
    e:configure { remove_down_after = 50 }
    e:advance(49)
    assert.equal(1, e.core:num_known())
    e:advance(1)
    assert.equal(0, e.core:num_known())
  end)

  it("does at once what a shorter time makes overdue", function()
    local e = engine("a", { config = { probe_period = 1000 } }):knowing("b", "c suspect")
    e:advance(3)
    e:configure { suspect_to_down_after = 1 }
    assert.equal(1003, e:advance(0):time_of("member_down c"))
  end)

  it("changes how many are asked and told", function()
    local e = engine("a")
    e:apply(names(8))
    e:configure { num_indirect_probes = 5 }
    assert.equal(5, #e:gossip().packets)
    e:next_ping()
    assert.equal(5, #e:advance(0.25):sent("ping_req"))
  end)

  it("changes how often an update is sent", function()
    local e = engine("a"):knowing("b")
    e:configure { max_transmissions = 7 }
    e:apply({ "c down" }, { broadcast = true })
    assert.same({ ["c down 0"] = 7 }, e:exhaust())
  end)

  it("does not send what waits already more often than a lower number of transmissions allows", function()
    local e = engine("a"):knowing("b")
    e:apply({ "c down" }, { broadcast = true })
    e:configure { max_transmissions = 1 }
    assert.is_true(e:exhaust()["c down 0"] <= 3)
    assert.equal(0, e:backlog())
  end)

  it("changes how large a packet may be, received and sent", function()
    local e = engine("a"):knowing("b")
    e:apply(names(40), { broadcast = true })
    e:configure { max_packet_size = 300 }
    for _, packet in ipairs(e:gossip().packets) do assert.is_true(packet.size <= 300) end
    local bytes = e:packet { kind = "feed", from = "b", updates = names(20, "m") }
    e:refuses("too_big", "receive", bytes)
    e:configure { max_packet_size = 1400 }
    e:receive(bytes)
    assert.equal("alive", e:state_of("m20"))
  end)

  it("changes how many members there may be, throwing nobody out", function()
    local e = engine("a"):knowing("b", "c", "d")
    e:configure { max_members = 2 }
    assert.equal(3, e.core:num_members())
    assert.equal("full", e:call("apply", e:claims { "e" }, {}).code)
    assert.is_nil(e:member("e"))
    e:configure { max_members = 4 }
    e:apply { "e" }
    assert.equal("alive", e:state_of("e"))
  end)

  it("changes whether down members are told, and may refute it", function()
    local e = engine("a"):knowing("b", "c down")
    e:configure { notify_down_members = true }
    assert.same({ "c down 0" }, e:receive({ kind = "ping", from = "c" }):the("gossip").updates)
    assert.same({ "member_up c" }, e:receive({ kind = "ping", from = "c", incarnation = 1 }).events)
    e:apply { "c down 1" }
    e:configure { notify_down_members = false }
    assert.same({}, e:receive({ kind = "ping", from = "c", incarnation = 2 }).log)
  end)

  it("changes what turn_undead does where the codec is of another system", function()
    local e = support.foreign("a", { config = { notify_down_members = false } }):knowing("b", "c down")
    e:configure { notify_down_members = true }
    assert.same({ "turn_undead c" }, e:receive({ kind = "ping", from = "c" }).sends)
    e:configure { notify_down_members = false }
    assert.same({}, e:receive({ kind = "ping", from = "c" }).sends)
  end)

  for task, setup in pairs { announce = "b", announce_to_down = "x down", gossip = "c" } do
    local kind = task == "gossip" and "gossip" or "announce"
    local function ready(config)
      local e = engine("a", { config = config }):knowing("b")
      e:configure { probe_period = 1000, remove_down_after = 1000, max_transmissions = 200 }
      e:apply({ setup }, { broadcast = true })
      return e
    end

    it(("starts the periodic %s that is switched on"):format(task), function()
      local e = ready()
      assert.same({}, e:advance(5).log)
      e:configure { [task] = { every = 2, members = 1 } }
      assert.equal(3, #e:advance(6):sent(kind))
    end)

    it(("stops the periodic %s that is switched off"):format(task), function()
      local e = ready { [task] = { every = 2, members = 1 } }
      assert.equal(1, #e:advance(2):sent(kind)) -- the first turn is a random time of it
      e:configure { [task] = false }
      assert.same({}, e:advance(20).log)
      e:configure { [task] = { every = 2, members = 1 } }
      assert.equal(1, #e:advance(2):sent(kind))
    end)

    it(("changes the pace and the reach of the periodic %s"):format(task), function()
      local e = ready { [task] = { every = 100, members = 1 } }
      e:apply({ "d", "y down" }, { broadcast = true })
      e:configure { [task] = { every = 1, members = 2 } }
      assert.equal(8, #e:advance(4):sent(kind))
    end)
  end

  it("is possible while idle, and holds when active", function()
    local e = engine("a")
    e:configure { probe_period = 8, announce = { every = 2, members = 1 } }
    assert.is_nil(e.core:deadline())
    e:apply { "b" }
    assert.equal(4, #e:advance(8):sent("announce"))
    assert.equal(1, #e:advance(0.1):sent("ping_req") + 1)
  end)
end)

describe("an invalid config field", function()
  local INVALID = {
    probe_period = { 0 },
    probe_rtt = { 0, 1, 5 }, -- the period is 1
    num_indirect_probes = { 0, 256 },
    max_transmissions = { 0, 256 },
    suspect_to_down_after = { 0 },
    remove_down_after = { 0 },
    max_packet_size = { 0, 255, 65508 },
    max_members = { 0 },
    max_broadcasts = { 0 },
    announce = { { every = 1, members = 0 } },
    announce_to_down = { { every = 1, members = 0 } },
    gossip = { { every = 1, members = 0 } },
  }

  for field, values in pairs(INVALID) do
    it("is named, and the whole config is as it was: " .. field, function()
      for _, value in ipairs(values) do
        local e = engine("a"):knowing("b", "c suspect")
        local other = field == "num_indirect_probes" and "max_transmissions" or "num_indirect_probes"
        local message = e:refuses("invalid_config", "set_config", { [field] = value, [other] = 5 })
        assert.matches(field, message, 1, true)
      end
    end)
  end

  it("leaves the timers as they were", function()
    local e = engine("a"):knowing("b", "c suspect")
    e:refuses("invalid_config", "set_config", { probe_period = 0.1 }) -- shorter than the rtt
    assert.equal(1004, e:live(5, { "c" }):time_of("member_down c"))
  end)

  it("of the wrong type or name is misuse, and raises", function()
    local e = engine("a")
    assert.has_error(function() e.core:set_config(e.now, { probe_period = "soon" }) end)
    assert.has_error(function() e.core:set_config(e.now, { notify_down_members = 1 }) end)
    assert.has_error(function() e.core:set_config(e.now, { probe_perod = 1 }) end)
    assert.has_error(function() e.core:set_config(e.now, { gossip = { evry = 1 } }) end)
  end)
end)
