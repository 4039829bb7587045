--- Examples that act on the world: their programs and servers are functions here.

local nets = require "spec.sim.support"
local process = require "spec.support.process"

local root = os.getenv("SHOAL_SOURCE") or "."

describe("the example webhook", function()
  after_each(nets.close)

  --- Five members; what they ask the webhook, and answer(request) for each.
  local function cluster(answer, script)
    local net = nets.new { seed = 3 }
    local asked = {}
    net:on_http(function(member, request)
      asked[#asked + 1] = { from = member.addr, body = request.body, at = net:now() }
      return answer(#asked)
    end)
    local members = net:spawn(5, { handlers = script or root .. "/examples/webhook.lua", config = "lan" })
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

  it("goes on with its attempts after a reload", function()
    local copy = nets.script(process.read(root .. "/examples/webhook.lua"), "copy.lua")
    local function reload(net)
      process.write(copy, process.read(copy) .. "-- another version\n")
      for _, member in ipairs(net:members()) do assert(member:reload()) end
    end
    for accepted, wanted in pairs { [2] = 2, [9] = 3 } do
      local net, members, asked = cluster(function(number)
        return { status = number < accepted and 503 or 204, after = 1 }
      end, copy)
      net:crash(members[3])
      assert(net:run_until(function() return #asked == 1 end, 60))
      net:run(2) -- between the first attempt and the second
      reload(net)
      net:run(60)
      reload(net)
      net:run(60)
      assert.equal(wanted, #asked)
      assert.equal(members[3].addr .. " failed", asked[2].body)
      assert.same({}, (net:errors()))
    end
  end)
end)

for name, case in pairs {
  nginx = { config = "upstream web {\n%s}\n", server = "  server %s weight=%d;\n",
    nobody = "upstream web {\n  server 127.0.0.1:9 down;\n}\n" },
} do
  describe("the example " .. name, function()
    local path

    before_each(function() path = process.tempdir() .. "/web.cfg" end)
    after_each(nets.close)

    local function server(net, port, weight)
      return net:spawn { config = "lan",
        tags = { ["service.web"] = { port = port, weight = weight, state = "passing" } } }
    end

    -- The file with these servers: { address, weight }.
    local function config(...)
      local lines = {}
      for i, one in ipairs { ... } do
        lines[i] = case.server:format(one[1], one[2])
      end
      return case.config:format(table.concat(lines))
    end

    local function balancer(answer, script)
      local net = nets.new { seed = 5 }
      local reloads = {}
      net:on_spawn(function(_, argv)
        reloads[#reloads + 1] = { argv = table.concat(argv, " "), file = process.read(path) }
        return answer and answer(#reloads) or { after = 0.5 }
      end)
      local member = net:spawn { handlers = script or ("%s/examples/%s.lua"):format(root, name), config = "lan",
        args = { file = path, reload = "reload it now" } }
      net:run(10)
      return net, reloads, member
    end

    it("has the servers that pass in its file, and reloads when they change", function()
      local net, reloads = balancer()
      assert.equal(0, #reloads) -- nobody is known yet: what is there stays
      local a = server(net, 8080, 3)
      local b = server(net, 8081, 1)
      net:run(20)
      assert.equal(config({ "10.0.0.2:8080", 3 }, { "10.0.0.3:8081", 1 }), process.read(path))
      assert.equal("reload it now", reloads[1].argv)
      assert.equal(process.read(path), reloads[#reloads].file)
      net:crash(a)
      net:run(60)
      assert.equal(config { "10.0.0.3:8081", 1 }, process.read(path))
      assert.equal(process.read(path), reloads[#reloads].file)
      local before = #reloads
      net:run(600)
      assert.equal(before, #reloads)
      net:crash(b) -- nobody is left: is it the network?
      net:run(60)
      assert.equal(config { "10.0.0.3:8081", 1 }, process.read(path))
      b = net:restart(b)
      net:run(60)
      b:leave()
      net:run(60)
      assert.equal(case.nobody, process.read(path))
      assert.same({}, (net:errors()))
    end)

    it("tries again when the reload fails, and writes the last list when many come", function()
      local net, reloads = balancer(function(number)
        return { code = number == 1 and 1 or 0, stderr = "no", after = 2 }
      end)
      for port = 8001, 8009 do
        server(net, port, 1)
        net:run(0.3)
      end
      net:run(60)
      assert.is_true(#reloads < 9)
      assert.equal(9, select(2, reloads[#reloads].file:gsub("weight", "")))
      assert.same({}, (net:errors()))
    end)

    it("goes on after a reload of the script, in the middle of another one", function()
      local copy = nets.script(process.read(("%s/examples/%s.lua"):format(root, name)), "copy.lua")
      local net, reloads, member = balancer(function() return { after = 5 } end, copy)
      server(net, 8080, 1)
      net:run(2)
      assert.equal(1, #reloads)
      process.write(copy, process.read(copy) .. "-- another version\n")
      assert.is_true(member:reload())
      net:run(20)
      assert.equal(2, #reloads) -- the first was ended
      process.write(copy, process.read(copy) .. "-- and another one\n")
      assert.is_true(member:reload())
      net:run(20)
      assert.equal(2, #reloads)
      server(net, 8081, 1)
      net:run(20)
      assert.equal(config({ "10.0.0.2:8080", 1 }, { "10.0.0.3:8081", 1 }), process.read(path))
      assert.equal(process.read(path), reloads[#reloads].file)
      assert.same({}, (net:errors()))
    end)
  end)
end
