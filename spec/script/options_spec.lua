local core = require "shoal.core"

describe("a misspelt name", function()
  local names = { "bind", "join", "config", "cluster", "on_member_up", "on_member_down" }

  it("resembles the one with the fewest letters different", function()
    assert.equal("join", core.nearest("jion", names))
    assert.equal("join", core.nearest("joins", names))
    assert.equal("config", core.nearest("conifg", names))
    assert.equal("on_member_up", core.nearest("on_memberup", names))
    assert.equal("on_member_down", core.nearest("on_memberdown", names))
  end)

  it("resembles nothing when too much is different", function()
    assert.is_nil(core.nearest("colour", names))
    assert.is_nil(core.nearest(("join"):rep(1000), names))
    assert.is_nil(core.nearest("x", {}))
  end)
end)

local function engine(options)
  local all = { identity = core.stock_identity("a:1", 0), seed = 1 }
  for key, value in pairs(options) do
    all[key] = value
  end
  return core.new(all)
end

local function raises(expected, fn)
  local ok, message = pcall(fn)
  assert.is_false(ok)
  assert.equal(expected, (message:gsub("^[^ ]*:%d+: ", "")))
end

describe("misuse raises and", function()
  local function new_raises(expected, options)
    raises(expected, function() engine(options) end)
  end

  it("says which option there is instead", function()
    new_raises("core.new: unknown option 'sede' (did you mean 'seed'?)", { sede = 1 })
    new_raises("core.new: unknown option 'colour'", { colour = 1 })
    new_raises("core.new: options must have names, got the key 1", { 1 })
    raises("core.new: options must be a table, got nil", function() core.new() end)
    raises("core.new: option 'identity' is missing", function() core.new {} end)
  end)

  it("names the option and the value", function()
    new_raises("core.new: option 'seed' must be a whole number from 0 to 9007199254740992, got 'x'", { seed = "x" })
    new_raises("core.new: option 'seed' must be a whole number from 0 to 9007199254740992, got -1", { seed = -1 })
    new_raises("core.new: option 'seed' must be a whole number from 0 to 9007199254740992, got 0.5", { seed = 0.5 })
    new_raises("core.new: option 'cluster_size' must be a whole number from 1 to 4294967295, got 0",
      { cluster_size = 0 })
    new_raises("core.new: config must be a preset's name or a table, got true", { config = true })
    new_raises("core.new: unknown preset 'lam' (did you mean 'lan'?)", { config = "lam" })
    new_raises("core.new: unknown preset 'wan2' (did you mean 'wan'?)", { config = { preset = "wan2" } })
    new_raises("core.new: option 'probe_rtt' must be a number, got a table", { config = { probe_rtt = {} } })
    new_raises("core.new: unknown option 'probe_perod' (did you mean 'probe_period'?)",
      { config = { probe_perod = 1 } })
    new_raises("core.new: option 'gossip' must be a table or false, got true", { config = { gossip = true } })
    new_raises("core.new: option 'gossip': unknown option 'evry' (did you mean 'every'?)",
      { config = { gossip = { evry = 1 } } })
    new_raises("core.new: option 'cluster_size' must be a whole number from 1 to 4294967295, got 0",
      { config = { preset = "lan", cluster_size = 0 } })
    new_raises("core.new: diagnostics must be true, false or a list of names, got 'suspect'",
      { diagnostics = "suspect" })
    new_raises("core.new: unknown event 'suspct' (did you mean 'suspect'?)", { diagnostics = { "suspct" } })
  end)

  it("names the handler", function()
    new_raises("core.new: handlers: unknown option 'identitty' (did you mean 'identity'?)",
      { handlers = { identitty = {} } })
    new_raises("core.new: handlers: identity must be a table, got 5", { handlers = { identity = 5 } })
    new_raises("core.new: handlers: identity: unknown field 'adr' (did you mean 'addr'?)",
      { handlers = { identity = { adr = print } } })
    new_raises("core.new: handlers: identity.addr must be a function, got 'x'",
      { handlers = { identity = { addr = "x" } } })
    new_raises("core.new: handlers: identity.wins needs identity.addr", { handlers = { identity = { wins = print } } })
    new_raises("core.new: handlers: broadcast.wanted_by needs broadcast.receive",
      { handlers = { broadcast = { wanted_by = print } } })
    new_raises("core.new: handlers: broadcast needs broadcast.receive", { handlers = { broadcast = {} } })
    new_raises("core.new: handlers: codec.lifeguard must be a boolean, got 1",
      { handlers = { codec = { lifeguard = 1 } } })
    new_raises("core.new: handlers: codec needs all of encode_header, decode_header, encode_member and decode_member",
      { handlers = { codec = { lifeguard = true } } })
    new_raises("core.new: handlers: codec needs all of encode_header, decode_header, encode_member and decode_member",
      { handlers = { codec = { encode_header = print } } })
    new_raises("core.new: handlers: broadcast: fields must have names, got the key 1",
      { handlers = { broadcast = { print } } })
  end)
end)

describe("a config", function()
  it("is the lan preset when nothing is said, for the cluster size given", function()
    assert.same(core.preset("lan", 10), engine {}:config())
    assert.same(core.preset("lan", 100), engine { cluster_size = 100 }:config())
    assert.same(core.preset("wan", 100), engine { cluster_size = 100, config = "wan" }:config())
    local config = { preset = "wan", cluster_size = 5 }
    assert.same(core.preset("wan", 5), engine { cluster_size = 100, config = config }:config())
  end)

  it("takes a periodic task of every 0 seconds for none, as it does false", function()
    assert.is_false(engine { config = { gossip = { every = 0 } } }:config().gossip)
    assert.is_false(engine { config = { gossip = false } }:config().gossip)
  end)

  it("can be read and given back, for every preset", function()
    for _, name in ipairs(core.presets) do
      local config = core.preset(name, 30)
      assert.same(config, engine { config = config }:config())
    end
  end)

  it("takes any subset over its base", function()
    local expected = core.preset("simple", 10)
    expected.probe_period, expected.probe_rtt = 2.5, 0.125
    expected.gossip = { every = 0.25, members = 7 }
    expected.notify_down_members = true
    assert.same(expected, engine { config = {
      preset = "simple", probe_period = 2.5, probe_rtt = 0.125, notify_down_members = true,
      gossip = { every = 0.25, members = 7 }, announce = false,
    } }:config())
  end)

  it("changes what is named of a periodic task, and switches it off by false", function()
    local e = engine { config = { gossip = { every = 1, members = 3 } } }
    assert.is_true(e:set_config(0, { gossip = { members = 5 } }))
    assert.same({ every = 1, members = 5 }, e:config().gossip)
    assert.is_true(e:set_config(0, { gossip = false }))
    assert.is_false(e:config().gossip)
  end)

  it("that is out of range is an error that names the field, and changes nothing", function()
    local e = engine {}
    local before = e:config()
    for field, value in pairs {
      probe_period = -1, probe_rtt = 0 / 0, suspect_to_down_after = 1 / 0, remove_down_after = 1e300,
      num_indirect_probes = 0, max_transmissions = 2.5, max_packet_size = 255, max_members = -3,
      max_broadcasts = 0,
    } do
      local ok, message, code = e:set_config(0, { [field] = value, notify_down_members = true })
      assert.is_nil(ok)
      assert.equal("invalid_config", code)
      assert.matches("config." .. field, message, 1, true)
      assert.same(before, e:config())
      ok, message, code = engine { config = { [field] = value } }
      assert.is_nil(ok)
      assert.equal("invalid_config", code)
      assert.matches("config." .. field, message, 1, true)
    end
    local ok, message, code = e:set_config(0, { gossip = { every = -1 } })
    assert.is_nil(ok)
    assert.equal("invalid_config", code)
    assert.matches("config.gossip.every must be a number of seconds, 0 or more, got -1", message, 1, true)
  end)

  it("can be asked for by name and size", function()
    assert.equal(8, core.preset("lan", 100).suspect_to_down_after)
    assert.has_error(function() core.preset("lan", 0) end)
    assert.has_error(function() core.preset("lan", 1.5) end)
    assert.has_error(function() core.preset "lane" end)
  end)
end)
