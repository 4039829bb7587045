local core = require "shoal.core"
local support = require "spec.core.support"
local engine = support.engine

local function options(fields)
  local all = { identity = core.stock_identity("a:7946", 1), config = "simple", seed = 1 }
  for key, value in pairs(fields or {}) do all[key] = value end
  return all
end

describe("a new engine", function()
  it("is idle and alone, and has nothing to wait for", function()
    local e = engine("a")
    assert.equal("idle", e.core:connection())
    assert.equal(0, e.core:num_members())
    assert.equal(0, e.core:num_known())
    assert.same({}, e:members())
    assert.same({}, e:state())
    assert.is_nil(e.core:deadline())
    assert.same({ updates = 0, broadcasts = 0, messages = 0 }, e.core:backlog())
  end)

  it("has nothing to say", function()
    assert.same({}, engine("a"):tick().log)
  end)

  it("is alive under the identity it was given, at the first incarnation", function()
    local e = engine("a")
    local me = e.core:self()
    assert.same({ addr = "a:7946", bump = 1 }, e.core:identity())
    assert.same({ addr = "a:7946", bump = 1 }, me.id)
    assert.equal("a:7946", me.addr)
    assert.equal("alive", me.state)
    assert.equal(0, me.incarnation)
  end)

  it("does not wake up for as long as it is alone", function()
    local e = engine("a", { config = {
      gossip = { every = 1, members = 3 },
      announce = { every = 1, members = 3 },
      announce_to_down = { every = 1, members = 3 },
    } })
    assert.is_nil(e.core:deadline())
    assert.same({}, e:stall(1000).log)
  end)

  it("takes a handler-free lan config when nothing is asked for", function()
    local one = assert(core.new { identity = core.stock_identity("a:7946", 1), seed = 1 })
    assert.same(core.preset("lan", 1).probe_period, one:config().probe_period)
  end)

  it("shares nothing with another engine", function()
    local e, other = engine("a"), engine("a")
    e:knowing("b")
    assert.same({}, other:members())
    assert.equal("idle", other.core:connection())
  end)

  it("is refused with the name of the config field that is out of range", function()
    local made, message, code = core.new(options { config = { probe_period = 1, probe_rtt = 2 } })
    assert.is_nil(made)
    assert.equal("invalid_config", code)
    assert.matches("probe_rtt", message, 1, true)
  end)

  it("is refused when nobody can say what the address of its identity is", function()
    for what, addr in pairs {
      ["a failing function"] = function() error("no such thing") end,
      ["one that answers nothing"] = function() return nil end,
    } do
      local made, _, code = core.new(options {
        identity = { "a", 1 },
        handlers = { identity = { addr = addr } },
      })
      assert.is_nil(made, what)
      assert.equal("identity", code, what)
    end
  end)

  local function with_name(size, room)
    return core.new(options {
      identity = ("x"):rep(size),
      config = { max_packet_size = room },
      handlers = { identity = { addr = function() return "x" end } },
    })
  end

  it("is refused when its identity is larger than 512 bytes", function()
    local made, _, code = with_name(510, 65507) -- and 3 bytes of MessagePack in front
    assert.is_nil(made)
    assert.equal("identity", code)
    assert.truthy(with_name(509, 65507))
  end)

  it("is refused when three of its identity do not fit into a packet", function()
    local made, message, code = with_name(509, 1400)
    assert.is_nil(made)
    assert.equal("too_big", code)
    assert.matches("max_packet_size", message, 1, true)
    assert.is_nil((with_name(465, 1400)))
    assert.truthy(with_name(440, 1400))
    assert.is_nil((with_name(100, 256)))
  end)

  it("is refused loudly when an option is misspelt", function()
    assert.has_error(function() core.new(options { identiy = "a" }) end)
    assert.has_error(function() core.new(options { config = { probe_perod = 1 } }) end)
    assert.has_error(function() core.new(options { handlers = { identitty = {} } }) end)
  end)

  it("can be closed, and then only raises", function()
    local e = engine("a"):knowing("b")
    e.core:close()
    e.core:close()
    assert.has_error(function() e.core:gossip(e.now) end)
    assert.has_error(function() e.core:members() end)
  end)
end)
