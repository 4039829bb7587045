--- Examples that act on the world: their programs and servers are functions here.

local nets = require "spec.sim.support"
local process = require "spec.support.process"
local stdlib = require "posix.stdlib"

local root = os.getenv("SHOAL_SOURCE") or "."

describe("the example webhook", function()
  after_each(nets.close)

  --- Five members; what they ask the webhook, and answer(request) for each.
  local function cluster(answer)
    local net = nets.new { seed = 3 }
    local asked = {}
    net:on_http(function(member, request)
      asked[#asked + 1] = { from = member.addr, body = request.body, at = net:now() }
      return answer(#asked)
    end)
    local members = net:spawn(5, { handlers = root .. "/examples/webhook.lua", config = "lan" })
    net:run(20)
    return net, members, asked
  end

  it("tells of a failed member, once", function()
    local net, members, asked = cluster(function() return { status = 204 } end)
    net:crash(members[3])
    net:run(60)
    assert.equal(1, #asked)
    assert.equal(members[3].addr .. " failed", asked[1].body)
    assert.same({}, (net:errors()))
  end)

  it("says nothing of one that left", function()
    local net, members, asked = cluster(function() return { status = 204 } end)
    members[3]:leave()
    net:run(60)
    assert.equal(0, #asked)
  end)

  it("tries again when nobody takes it, and gives up at last", function()
    local net, members, asked = cluster(function(attempt)
      if attempt == 1 then return nil, "connection refused" end
      return { status = attempt == 2 and 500 or 200 }
    end)
    net:crash(members[1])
    net:run(90)
    assert.equal(3, #asked)
    assert.near(2, asked[2].at - asked[1].at, 0.01)
    assert.near(4, asked[3].at - asked[2].at, 0.01)
    local other, others, again = cluster(function() return { status = 500 } end)
    other:crash(others[1])
    other:run(120)
    assert.equal(3, #again)
    assert.same({}, (other:errors()))
  end)
end)

describe("the example haproxy", function()
  local path

  before_each(function()
    path = process.tempdir() .. "/web.cfg"
    stdlib.setenv("FILE", path)
    stdlib.setenv("RELOAD", "reload haproxy now")
  end)
  after_each(function()
    stdlib.setenv("FILE", nil)
    stdlib.setenv("RELOAD", nil)
    nets.close()
  end)

  local function server(net, port, options)
    local function on_start(node) node:set_tags { http = { port = port } } end
    local all = { handlers = { on_start = on_start }, config = "lan" }
    for name, value in pairs(options or {}) do all[name] = value end
    return net:spawn(all)
  end

  local function balancer(answer)
    local net = nets.new { seed = 5 }
    local reloads = {}
    net:on_spawn(function(_, argv)
      reloads[#reloads + 1] = { argv = table.concat(argv, " "), file = process.read(path) }
      return answer and answer(#reloads) or { after = 0.5 }
    end)
    net:spawn { handlers = root .. "/examples/haproxy.lua", config = "lan" }
    net:run(10)
    return net, reloads
  end

  it("has the servers that are there in its file, and reloads when they change", function()
    local net, reloads = balancer()
    assert.equal("backend web\n\n", process.read(path))
    local a = server(net, 8080)
    server(net, 8081)
    net:run(20)
    assert.equal("backend web\n  server 10.0.0.2_8080 10.0.0.2:8080 check\n"
      .. "  server 10.0.0.3_8081 10.0.0.3:8081 check\n", process.read(path))
    assert.equal("reload haproxy now", reloads[1].argv)
    assert.equal(process.read(path), reloads[#reloads].file)
    net:crash(a)
    net:run(60)
    assert.equal("backend web\n  server 10.0.0.3_8081 10.0.0.3:8081 check\n", process.read(path))
    assert.equal(process.read(path), reloads[#reloads].file)
    local before = #reloads
    net:run(600)
    assert.equal(before, #reloads)
    assert.same({}, (net:errors()))
  end)

  it("tries again when the reload fails, and writes the last list when many come", function()
    local net, reloads = balancer(function(number)
      return { code = number == 1 and 1 or 0, stderr = "no", after = 2 }
    end)
    assert.equal(2, #reloads)
    for port = 8001, 8009 do
      server(net, port)
      net:run(0.3)
    end
    net:run(60)
    assert.is_true(#reloads < 2 + 9)
    assert.equal(9, select(2, reloads[#reloads].file:gsub("check", "")))
    assert.same({}, (net:errors()))
  end)

  it("goes on after a reload of the script", function()
    local copy = nets.script(process.read(root .. "/examples/haproxy.lua"), "copy.lua")
    local net = nets.new { seed = 5 }
    local reloads = 0
    net:on_spawn(function()
      reloads = reloads + 1
      return { after = 1 }
    end)
    local member = net:spawn { handlers = copy, config = "lan" }
    net:run(0.5) -- in the middle of the first
    process.write(copy, process.read(copy) .. "-- another version\n")
    assert.is_true(member:reload())
    net:run(20)
    assert.equal(2, reloads)
    server(net, 8080)
    net:run(20)
    assert.matches(":8080 check\n", process.read(path))
    assert.same({}, (net:errors()))
  end)
end)
