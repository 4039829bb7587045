--- shoal.services: checks, states, on_service, picking; in virtual time.

local nets = require "spec.sim.support"
local process = require "spec.support.process"
local services = require "shoal.services"

describe("services", function()
  after_each(function()
    nets.close()
    process.cleanup()
  end)

  local function write(text)
    return process.write(process.tempdir() .. "/service.lua", text)
  end

  local function script(text)
    return write(([[
      local M = require("shoal.services").script { services = { %s } }
      function M.on_service(node, name, instances)
        local list = {}
        for i, instance in ipairs(instances) do list[i] = instance.addr end
        node.store.calls = (node.store.calls or 0) + 1
        node.store[name] = list
      end
      return M
    ]]):format(text))
  end

  local HTTP = [[ web = { port = 80, tags = { "v2" }, check = {
    http = "http://127.0.0.1/health", every = 2, timeout = 1, rise = 2, fall = 3 } } ]]

  -- A network of members with that script, and what their health checks get (200).
  local function spawn(count, text)
    local net, well = nets.new(), {}
    net:on_http(function(member, request)
      assert.equal("http://127.0.0.1/health", request.url)
      if well[member] == "slow" then return { after = 60 } end
      return { status = well[member] or 200, after = 0.01 }
    end)
    return net, net:spawn(count, { handlers = script(text) }), well
  end

  local function state(member, name)
    local tag = member:tags()["service." .. name]
    return tag and tag.state
  end

  local function addrs(list)
    local found = {}
    for i, instance in ipairs(list) do found[i] = instance.addr end
    return found
  end

  it("pass after `rise` good answers, and are critical after `fall` bad ones", function()
    local net, members, well = spawn(1, HTTP)
    local one = members[1]
    local function after(seconds, answer, wanted)
      well[one] = answer
      net:run(seconds)
      assert.equal(wanted, state(one, "web"))
    end
    after(1.9, 200, "critical")
    after(0.2, 200, "passing") -- the second answer, at 2 s
    assert.same({ port = 80, tags = { "v2" }, state = "passing" }, one:tags()["service.web"])
    after(4, 503, "passing") -- two bad ones
    after(2, 200, "passing")
    after(4, 503, "passing") -- two again: in a row is what counts
    after(2, 503, "critical")
    after(4, 429, "warning")
    after(2, 200, "passing")
    after(8, "slow", "critical")
    assert.same({}, (net:errors()))
  end)

  it("are listed on all members, and on_service hears of those that pass once a view", function()
    local net, members, well = spawn(4, HTTP)
    net:run(10)
    local all = { "10.0.0.1:80", "10.0.0.2:80", "10.0.0.3:80", "10.0.0.4:80" }
    for _, member in ipairs(members) do
      assert.same(all, addrs(services.instances(member.node, "web")))
      assert.same(all, member.store.web)
      assert.is_true(member.store.calls <= 3)
    end
    local before = members[1].store.calls
    well[members[2]], well[members[3]] = 500, 500
    net:run(10)
    assert.same({ "10.0.0.1:80", "10.0.0.4:80" }, members[1].store.web)
    assert.is_true(members[1].store.calls - before <= 2)
    assert.same({ "10.0.0.2:80", "10.0.0.3:80" },
      addrs(services.instances(members[4].node, "web", { state = "critical" })))
    assert.equal(4, #services.instances(members[4].node, "web", { state = "any", tag = "v2" }))
    assert.equal(0, #services.instances(members[4].node, "web", { tag = "v1" }))
    net:crash(members[4])
    net:run(30)
    assert.same({ "10.0.0.1:80" }, members[1].store.web)
    assert.same({}, (net:errors()))
  end)

  it("are checked, and others told of, whatever on_service raises", function()
    local net = nets.new()
    local one = net:spawn { handlers = write [[
      local M = require("shoal.services").script { services = {
        a = { port = 1, check = { lua = function() return true end, every = 1, rise = 2 } },
        b = { port = 2 }, c = { port = 3 } } }
      function M.on_service(node, name, instances)
        node.store[name] = #instances
        if name == "b" then error "a mistake of the script" end
      end
      function M.on_view(node) node.store.views = (node.store.views or 0) + 1 end
      return M
    ]] }
    net:run(5)
    assert.equal("passing", state(one, "a"))
    assert.same({ 1, 1, 1 }, { one.store.a, one.store.b, one.store.c })
    local before = one.store.views
    assert.equal("maintenance", one:call("service", { "drain", "b" }))
    net:run(1)
    assert.same({ 0, before + 1 }, { one.store.b, one.store.views })
    local errors = net:errors()
    assert.equal(2, #errors)
    assert.matches("^on_service of 'b': .*service%.lua:%d+: a mistake of the script\nstack traceback",
      errors[1].message)
  end)

  it("are published only when the verdict changes", function()
    local net, members = spawn(2, HTTP)
    net:run(10)
    local changes = 0
    members[1]:on("tags", function() changes = changes + 1 end)
    net:run(100)
    assert.equal(0, changes)
    members[2]:call("service", { "drain", "web" })
    net:run(10)
    assert.equal(1, changes)
  end)

  it("are asked for with node:service in a script, whose own commands stay", function()
    local member = nets.new():spawn { handlers = write [[
      local M = require("shoal.services").script { services = { db = { port = 5432, host = "10.9.9.9" } } }
      M.commands = { which = { run = function(node) return (node:service("db")[1] or {}).addr end } }
      return M
    ]] }
    assert.equal("10.9.9.9:5432", member:call "which")
    assert.equal("maintenance", member:call("service", { "drain", "db" }))
    assert.is_nil((member:call "which"))
  end)

  it("check by tcp, exec and a function, and the worst of several checks counts", function()
    local net = nets.new()
    local open, code = true, 0
    net:on_connect(function()
      if open then return {} end
      return nil, "refused"
    end)
    net:on_spawn(function(_, argv)
      assert.same({ "check-disk", "/" }, argv)
      return { code = code, stdout = "90 % full\nmore" }
    end)
    local member = net:spawn { handlers = script [[ all = { port = 1, checks = {
      { tcp = "127.0.0.1:1", every = 1, rise = 1, fall = 1 },
      { exec = { "check-disk", "/" }, every = 1, rise = 1, fall = 1 },
      { lua = function(node) node:sleep(0.1) return not node.store.ill, "ill" end, every = 1, rise = 1, fall = 1 },
    } } ]] }
    local function now_is(wanted)
      net:run(2.5)
      assert.equal(wanted, state(member, "all"))
    end
    now_is "passing"
    open = false
    now_is "critical"
    open, code = true, 1
    now_is "warning"
    code = 2
    now_is "critical"
    code = 0
    now_is "passing"
    assert.same({}, (net:errors()))
  end)

  it("are critical while their check raises, or does not answer, and recover", function()
    local net = nets.new()
    local member = net:spawn { handlers = write [[
      local mode = "well"
      local M = require("shoal.services").script { services = { x = { port = 1, check = { every = 1, rise = 1, fall = 2,
        lua = function(node)
          if mode == "raise" then error "no" elseif mode == "hang" then node:sleep(3.5) end
          if mode == "odd" then return nil, { 1 } end
          return true
        end } } } }
      M.commands = { mode = { args = { "mode" }, run = function(_, args) mode = args.mode end } }
      return M
    ]] }
    net:run(2)
    assert.equal("passing", state(member, "x"))
    for _, mode in ipairs { "raise", "odd", "hang" } do
      member:call("mode", { mode })
      net:run(4)
      assert.equal("critical", state(member, "x"), mode)
      member:call("mode", { "well" })
      net:run(3)
      assert.equal("passing", state(member, "x"), mode)
    end
  end)

  it("with a ttl live from what is said of them", function()
    local net = nets.new()
    local member = net:spawn { handlers = script [[ job = { check = { ttl = 10 } } ]] }
    net:run(1)
    assert.equal("critical", state(member, "job"))
    assert.equal("passing", member:call("service", { "pass", "job" }))
    net:run(9)
    assert.equal("passing", state(member, "job"))
    assert.equal("warning", member:call("service", { action = "warn", name = "job", note = "slow" }))
    net:run(9)
    assert.equal("warning", state(member, "job"))
    net:run(2)
    assert.equal("critical", state(member, "job"))
    member:call("service", { "pass", "job" })
    assert.equal("critical", member:call("service", { "fail", "job" }))
    assert.same({ nil, "this node has no service 'jbo'", "not_found" }, { member:call("service", { "pass", "jbo" }) })
    assert.equal("arguments", select(3, member:call("service", { "psas", "job" })))
  end)

  it("are out of the list while they are drained", function()
    local net, members = spawn(2, HTTP)
    net:run(10)
    assert.equal("maintenance", members[2]:call("service", { "drain", "web" }))
    net:run(5)
    assert.same({ "10.0.0.1:80" }, members[1].store.web)
    assert.same({ "10.0.0.1:80" }, members[2].store.web)
    assert.equal("passing", members[2]:call("service", { "resume", "web" }))
    net:run(5)
    assert.same({ "10.0.0.1:80", "10.0.0.2:80" }, members[1].store.web)
  end)

  it("change with a reload without a gap", function()
    local net, members, well = spawn(2, HTTP .. ", old = { port = 1 }")
    net:run(10)
    local path = members[1]:info().script.path
    local seen = {}
    members[2]:on("tags", function(_, member) seen[#seen + 1] = member.tags["service.web"].state end)
    local file = assert(io.open(path))
    local text = file:read("*a"):gsub("port = 80", "port = 81"):gsub("old = ", "new = ")
    file:close()
    process.write(path, text)
    for _, member in ipairs(members) do assert(member:reload()) end
    net:run(3)
    for _, member in ipairs(members) do
      assert.equal("passing", state(member, "web"))
      assert.is_nil(state(member, "old"))
      assert.equal("passing", state(member, "new"))
      assert.same({ "10.0.0.1:81", "10.0.0.2:81" }, member.store.web)
      assert.same({}, member.store.old)
    end
    assert.is_true(#seen > 0)
    for _, one in ipairs(seen) do assert.equal("passing", one) end
    well[members[1]] = 500
    net:run(10)
    assert.equal("critical", state(members[1], "web")) -- the new version checks
    assert.same({}, (net:errors()))
  end)

  it("are picked in turn by weight, or by a key", function()
    local net = nets.new()
    local nodes = net:spawn(3, function(i)
      return { tags = { ["service.web"] = { port = 80, weight = i, state = "passing" } } }
    end)
    net:run(5)
    local counts, order = {}, {}
    for i = 1, 60 do
      order[i] = services.pick(nodes[1].node, "web").addr
      counts[order[i]] = (counts[order[i]] or 0) + 1
    end
    assert.same({ ["10.0.0.1:80"] = 10, ["10.0.0.2:80"] = 20, ["10.0.0.3:80"] = 30 }, counts)
    assert.not_equal(order[1], order[2])
    local by_key = {}
    for i = 1, 600 do
      local picked = services.pick(nodes[1].node, "web", "key" .. i).addr
      assert.equal(picked, services.pick(nodes[2].node, "web", "key" .. i).addr)
      by_key[picked] = (by_key[picked] or 0) + 1
    end
    assert.is_true(by_key["10.0.0.1:80"] < by_key["10.0.0.2:80"] and by_key["10.0.0.2:80"] < by_key["10.0.0.3:80"])
    assert.is_nil(services.pick(nodes[1].node, "nothing"))
    assert.is_nil(services.pick(nodes[1].node, "nothing", "key"))
    collectgarbage()
    local before = collectgarbage "count"
    for i = 1, 20000 do services.pick(nodes[1].node, "nothing" .. i) end
    collectgarbage()
    assert.is_true(collectgarbage "count" - before < 500, "names that nobody has are remembered")
  end)

  it("of others may be anything", function()
    local net = nets.new()
    local one = net:spawn { handlers = script "" }
    net:spawn { tags = { ["service.a"] = "text", ["service.b"] = { port = {}, state = 5, tags = 1, weight = "x" },
      ["service.c"] = { port = 1, state = "passing" }, ["service."] = {} } }
    net:run(5)
    assert.same({ "10.0.0.2:1" }, one.store.c)
    assert.equal(3, #services.all(one.node))
    assert.is_nil(services.all(one.node)[1].port)
    assert.same({}, (net:errors()))
  end)

  it("of others that do not fit into the file of a proxy are not in it", function()
    local net = nets.new()
    local one = net:spawn { handlers = script "" }
    local evil = { host = "10.0.0.9;\n evil", port = 80.5, weight = -1, state = "passing" }
    net:spawn { tags = { ["service.web"] = evil } }
    net:run(5)
    local found = services.instances(one.node, "web")[1]
    assert.same({ "10.0.0.2", "10.0.0.2", 1 }, { found.host, found.addr, found.weight })
    assert.is_nil(found.port)
    assert.equal("10.0.0.2", services.pick(one.node, "web", "key").addr)
    assert.same({}, (net:errors()))
  end)

  for text, message in pairs {
    ["web = 1"] = "services.web: must be a table, got a number",
    ["web = { prot = 80 }"] = "services.web: unknown field 'prot'",
    ["web = { port = '80' }"] = "services.web: 'port' must be a number, got a string",
    ["['a b'] = {}"] = "services: 'a b' cannot be a name: it has 1 to 48 letters, digits, _ or -",
    ["web = { port = 0 }"] = "services.web: 'port' must be a whole number from 1 to 65535",
    ["web = { port = 1.5 }"] = "services.web: 'port' must be a whole number from 1 to 65535",
    ["web = { port = 0/0 }"] = "services.web: 'port' must be a whole number from 1 to 65535",
    ["web = {}, WEB = {}"] = "services: 'WEB' and 'web' differ only in case: to DNS they are one",
    ["web = { tags = { 1 } }"] = "services.web: 'tags' must be a list of strings",
    ["web = { tags = { a = 'b' } }"] = "services.web: 'tags' must be a list of strings",
    ["web = { checks = { x = {} } }"] = "services.web: 'checks' must be a list of checks",
    ["web = { check = { http = 'x' } }"] = "services.web.check: 'http' must begin with http:// or https://",
    ["web = { check = { tcp = 'x' } }"] = "services.web.check: 'tcp' must be host:port, or the path of a socket",
    ["web = { check = { exec = {} } }"] =
      "services.web.check: 'exec' must list a program and its arguments, as strings",
    ["web = { check = { exec = { 'a', 1 } } }"] =
      "services.web.check: 'exec' must list a program and its arguments, as strings",
    ["web = { weight = -1 }"] = "services.web: 'weight' must be a whole number from 0 to 65535",
    ["web = { check = {} }"] = "services.web.check: needs http, tcp, exec, lua or ttl",
    ["web = { check = { tcp = 'a:1', ttl = 5 } }"] = "services.web.check: is either 'tcp' or 'ttl'",
    ["web = { checks = { { tcp = 'a', rise = 0.5 } } }"] =
      "services.web.checks[1]: 'rise' must be a whole number above 0",
    ["web = { check = { tcp = 'a:1', method = 'GET' } }"] = "services.web.check: unknown option 'method'",
  } do
    it("that are wrong do not load: " .. text, function()
      local member, why, code = nets.new():spawn { handlers = script(text) }
      assert.is_nil(member)
      assert.same({ message, "script" }, { why, code })
    end)
  end

  for _, host in ipairs { "", "a b", "10.0.0.1:80", "[10.0.0.1]", "999.1.1.1", "10.0.1", "fd00::1::2", "[fd00::1",
    "[fd00::1]:80", "fd00:1", "fd00::12345", "1:2:3:4:5:6:7:8:9", "a..b", "::1.2.3" } do
    it("are nowhere: at '" .. host .. "'", function()
      local member, why = nets.new():spawn { handlers = script(("web = { host = %q }"):format(host)) }
      assert.is_nil(member)
      assert.equal("services.web: 'host' must be a name or an IP address, without a port, not '" .. host .. "'", why)
    end)
  end

  it("have addresses with brackets where these are of IPv6", function()
    for host, addr in pairs { ["fd00::1"] = "[fd00::1]:80", ["[fd00::1]"] = "[fd00::1]:80", ["::"] = "[::]:80",
      ["1:2:3:4:5:6:7:8"] = "[1:2:3:4:5:6:7:8]:80", ["::ffff:10.0.0.1"] = "[::ffff:10.0.0.1]:80",
      ["fe80::1%eth0"] = "[fe80::1%eth0]:80", ["10.0.0.1"] = "10.0.0.1:80", ["db-1.example."] = "db-1.example.:80" } do
      local net = nets.new()
      local one = net:spawn { handlers = script(("web = { host = %q, port = 80 }"):format(host)) }
      net:run(1)
      assert.equal(addr, services.instances(one.node, "web")[1].addr)
      net:close()
    end
  end)

  it("of others have brackets, too, whoever wrote them", function()
    local net = nets.new()
    local one = net:spawn { handlers = script "" }
    net:spawn { tags = { ["service.web"] = { host = "fd00::1", port = 80, state = "passing" } } }
    net:run(5)
    local found = services.instances(one.node, "web")[1]
    assert.same({ "[fd00::1]", "[fd00::1]:80" }, { found.host, found.addr })
  end)

  it("say why they do not pass, on their own node", function()
    local net, members, well = spawn(2, HTTP)
    local function reason(member, of)
      net:run(0.5)
      for _, one in ipairs(services.all(member.node)) do
        if one.member.addr == of.addr then return one.reason or false end
      end
    end
    well[members[1]] = 503
    assert.equal("status 503", reason(members[1], members[1])) -- before `fall` of them
    net:run(5)
    assert.equal(false, reason(members[2], members[1]))
    assert.equal(false, reason(members[2], members[2]))
    members[1]:call("service", { "drain", "web", "new disk" })
    assert.equal("new disk", reason(members[1], members[1]))
    members[1]:call("service", { "resume", "web" })
    well[members[1]] = 200
    net:run(5)
    assert.equal(false, reason(members[1], members[1]))
  end)

  it("that are too large take none of the others with them", function()
    local net = nets.new()
    local one = net:spawn { handlers = script(([[ a = { port = 1 }, big = { tags = { (%q):rep(1000) } },
      z = { port = 2 } ]]):format "x") }
    net:run(1)
    assert.same({ "a", "z" }, { services.all(one.node)[1].name, services.all(one.node)[2].name })
    assert.equal("maintenance", one:call("service", { "drain", "z" }))
    net:run(1)
    assert.equal("maintenance", state(one, "z"))
    assert.is_nil(state(one, "big"))
  end)
end)
