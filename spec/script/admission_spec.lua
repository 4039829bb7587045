--- Which members a node takes: those that can be reached, are allowed, and that the script admits.

local sim = require "shoal.sim"
local stages = require "spec.script.stage"

local function count(node, why)
  return node:info().drops[why]
end

describe("a node", function()
  local stage
  before_each(function() stage = stages.new() end)
  after_each(function() stage:close() end)

  local function take(node, id)
    return node:apply { { id = id, state = "alive" } }
  end

  it("takes no stock identity that nobody can send to", function()
    local node = stage:start()
    local long = ("a"):rep(60) .. ":7946"
    for _, addr in ipairs { "255.255.255.255:9", "224.0.0.1:9", "[ff02::1]:9", "[::ffff:224.0.0.1]:9", "127.0.0.1:0",
      "[::1]:0", "240.0.0.1:9", "255.1.2.3:9", "127.255.255.255:9", "[::ffff:250.0.0.1]:9", "0.0.0.0:9",
      "[::]:9", "nonsense", "name.example:9", "10.0.0.1", "10.0.0.256:9", "10.0.0.1:65536", long } do
      local ok, _, code = take(node, { addr = addr, bump = 1 })
      assert.is_nil(ok, addr)
      assert.equal("identity", code, addr)
    end
    assert.equal(18, count(node, "identity"))
    assert.is_true(take(node, { addr = "10.0.0.1:9", bump = 1 }))
    assert.is_true(take(node, { addr = "223.255.255.255:9", bump = 1 }))
    assert.is_true(take(node, { addr = "127.255.255.254:9", bump = 1 }))
    assert.is_true(take(node, { addr = "[fd00::1]:9", bump = 1, name = ("n"):rep(64) }))
    assert.equal(4, node:num_members())
  end)

  it("takes names of a script's own identities, but no endpoint that is many hosts", function()
    local node = stage:start { handlers = { identity = {
      new = function(options) return { options.advertise } end,
      addr = function(id) return id[1] end,
    } } }
    assert.is_true(take(node, { "db.example:9" }))
    assert.is_true(take(node, { "serial line 4" }))
    for _, endpoint in ipairs { "224.0.0.1:9", "255.255.255.255:9", "0.0.0.0:9", "db.example:0" } do
      local ok, message, code = take(node, { endpoint })
      assert.is_nil(ok)
      assert.equal("identity", code, message)
    end
  end)

  it("warns that it is outside of the networks that it allows itself", function()
    local function warnings(networks)
      return stage:capture(function() stage:start { allow = networks, log = { levels = "warn,host=error" } } end)
    end
    assert.same({}, warnings { "127.0.0.0/8" })
    assert.same({}, warnings {})
    local lines = warnings { "10.0.0.0/8" }
    assert.equal(1, #lines)
    assert.matches("our own address is in none of the allowed networks: .* addr=127%.0%.0%.1:%d+", lines[1])
  end)

  it("takes members of allowed networks only", function()
    local node = stage:start { allow = { "10.1.0.0/16", "192.168.7.9", "fd00::/8" } }
    for _, addr in ipairs { "10.1.2.3:9", "192.168.7.9:9", "[fd12::1]:9", "[::ffff:10.1.0.1]:9" } do
      assert.is_true(take(node, { addr = addr, bump = 1 }), addr)
    end
    for _, addr in ipairs { "10.2.2.3:9", "192.168.7.8:9", "[fe80::1]:9", "127.0.0.1:9" } do
      local ok, _, code = take(node, { addr = addr, bump = 1 })
      assert.is_nil(ok, addr)
      assert.equal("not_admitted", code)
    end
    assert.equal(4, node:num_members())
  end)

  it("neither hears nor answers an address that is not allowed", function()
    local lines = stage:capture(function()
      local strict = stage:start { allow = { "10.0.0.0/8", "::1" }, log = "warn" }
      local other = stage:start { join = { strict:bound() } }
      stage:wait(function() return count(strict, "not_allowed") > 1 end, "its packets")
      assert.equal(0, strict:stats().packets_received)
      assert.equal(0, other:num_members())
      local ok, problem, code = strict:join { other:bound() }
      assert.is_nil(ok)
      assert.equal(("cannot join %s: it is not in an allowed network"):format(other:bound()), problem)
      assert.equal("join", code)
      local before = count(strict, "not_allowed")
      stage:wait(function() return count(strict, "not_allowed") > before end, "another packet of its")
      assert.equal(0, strict:info().host.datagrams_sent)
      local third = stage:start { allow = { "127.0.0.0/30" }, join = { "127.9.0.1:9" }, log = "warn" }
      stage:idle(0.1)
      assert.equal(0, third:info().host.datagrams_sent)
    end)
    assert.equal(3, #lines)
    assert.matches("warn  script  our own address is in none of the allowed networks", lines[1])
    assert.matches("warn  host    a packet comes from an address that is not allowed from=127%.0%.0%.1:%d+$", lines[2])
    assert.matches("warn  host    cannot join seed=127%.9%.0%.1:9 ", lines[3])
    assert.matches('error="127%.9%.0%.1:9 is not in an allowed network"$', lines[3])
  end)

  it("sends nothing to an address that is not allowed, whatever its name is", function()
    local node = stage:start { allow = { "10.0.0.0/8" }, config = { preset = "loopback", probe_period = 0.1,
      probe_rtt = 0.05 }, handlers = { identity = {
      new = function(options) return { options.advertise } end,
      addr = function(id) return id[1] end,
    } } }
    assert.is_true(take(node, { "localhost:9" }))
    stage:wait(function() return count(node, "not_allowed") > 0 end, "a packet that is not sent")
    assert.equal(0, node:info().host.datagrams_sent)
  end)

  it("says which network is none", function()
    for text, why in pairs {
      ["10.0.0.0/33"] = "is not a network", ["10.0.0/8"] = "is not a network", ["fd00::/129"] = "is not a network",
      ["10.0.0.0/"] = "is not a network", ["10.0.0.0/08"] = "is not a network", [""] = "is not a network",
      ["db.example"] = "is not a network", ["10.0.0.1/8"] = "has an address with bits behind the prefix",
      ["::1/64"] = "has an address with bits behind the prefix",
    } do
      assert.error_matches(function() stage:try_start { allow = { text } } end, why, 1, true)
    end
    assert.error_matches(function() stage:try_start { allow = { 5 } } end, "'allow' must be a list of networks")
  end)

  it("asks admit, with itself, the identity and the endpoint", function()
    local asked = {}
    local lines = stage:capture(function()
      local a = stage:start { log = "warn", handlers = { admit = function(node, id, endpoint)
        asked[#asked + 1] = { node = node:bound(), id = id, endpoint = endpoint }
        return id.name ~= "evil"
      end } }
      local b = stage:start { name = "good", join = { a:bound() } }
      local c = stage:start { name = "evil", join = { a:bound() } }
      stage:wait(function() return a:num_members() == 1 and count(a, "not_admitted") > 1 end, "both")
      assert.equal("good", a:members()[1].id.name)
      table.sort(asked, function(x, y) return x.id.name < y.id.name end)
      assert.equal(2, #asked)
      assert.equal(a:bound(), asked[1].node)
      assert.equal(c:bound(), asked[1].endpoint)
      assert.equal(b:bound(), asked[2].id.addr)
    end)
    assert.equal(1, #lines)
    assert.matches("warn  engine  a member was not admitted %(admit of the script, or %-%-allow%) addr=127%.0%.0%.1:",
      lines[1])
  end)

  it("admits nobody new while admit fails, and counts that", function()
    local a = stage:start { handlers = { admit = function() error "no" end } }
    stage:start { join = { a:bound() } }
    stage:wait(function() return count(a, "not_admitted") > 0 end, "the newcomer")
    assert.equal(0, a:num_members())
    assert.equal(1, a:info().handlers.errors)
  end)

  it("asks the admit of a script's new version", function()
    local path = stage:write("door.lua", "return { admit = function() return false end }")
    local a = stage:start { handlers = path, watch = false }
    local b = stage:start { join = { a:bound() } }
    stage:wait(function() return count(a, "not_admitted") > 0 end, "the newcomer")
    stage:write("door.lua", "return { admit = function() return true end }")
    assert.is_true(a:reload())
    b:join { a:bound() }
    stage:wait(function() return a:num_members() == 1 end, "the member")
  end)

  it("may do nothing to itself inside of admit", function()
    local code
    local a = stage:start { handlers = { admit = function(node)
      code = select(3, node:leave())
      return true
    end } }
    stage:start { join = { a:bound() } }
    stage:wait(function() return a:num_members() == 1 end, "the member")
    assert.equal("reentrant", code)
  end)
end)

describe("admit in a simulation", function()
  it("keeps out whom it refuses", function()
    local net = sim.new { seed = 3 }
    local members = assert(net:spawn(5, { config = "loopback", handlers = { admit = function(_, id)
      return id.name ~= "evil"
    end } }))
    assert(net:run_until(function() return net:converged() end, 30))
    local evil = assert(net:spawn(1, { config = "loopback", name = "evil", join = { members[1].addr } }))[1]
    net:run(30)
    for _, member in ipairs(members) do
      assert.equal(4, member:num_members())
      assert.is_nil(member:sees(evil))
    end
    net:close()
  end)
end)
