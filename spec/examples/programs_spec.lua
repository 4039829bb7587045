--- Five programs of at most forty lines, each reloaded in the middle, in a simulation.
-- (As processes: processes_spec.lua. HAProxy's: reacting_spec.lua and proxies_spec.lua.)

local nets = require "spec.sim.support"
local process = require "spec.support.process"

local root = os.getenv("SHOAL_SOURCE") or "."

describe("a program of few lines, reloaded in the middle,", function()
  after_each(function()
    nets.close()
    process.cleanup()
  end)

  local function copy(name)
    local text = process.read(("%s/examples/%s.lua"):format(root, name))
    local lines = 0
    for line in text:gmatch "[^\n]+" do lines = lines + (line:find "^%s*%-%-" and 0 or 1) end
    assert.is_true(lines <= 40, name .. " has " .. lines)
    return process.write(process.tempdir() .. "/service.lua", text)
  end

  local function cluster(name, count, options)
    local net = nets.new { seed = 4 }
    local path, all = copy(name), { config = "lan" }
    for key, value in pairs(options or {}) do all[key] = value end
    all.handlers = path
    local members = net:spawn(count, all)
    local function reload()
      process.write(path, process.read(path) .. "-- another version\n")
      for _, member in ipairs(net:members()) do assert(member:reload()) end
    end
    return net, members, reload
  end

  it("tells a webhook of each failed member, once", function()
    local net, members, reload = cluster("webhook", 5)
    local asked = {}
    net:on_http(function(_, request)
      asked[#asked + 1] = request.body
      return { status = 204, after = 0.1 }
    end)
    net:run(20)
    net:crash(members[2])
    net:run(60)
    reload()
    net:crash(members[4])
    net:run(60)
    assert.same({ members[2].addr .. " failed", members[4].addr .. " failed" }, asked)
    assert.same({}, (net:errors()))
  end)

  it("runs a job once a minute on one member", function()
    local net, members, reload = cluster("once", 4)
    local function runs()
      local count = 0
      for _, member in ipairs(members) do count = count + (member.store.runs or 0) end
      return count
    end
    net:run(65)
    for minute = 1, 6 do
      local before = runs()
      if minute == 3 then reload() end
      net:run(60)
      assert.equal(before + 1, runs(), "minute " .. minute)
    end
    assert.same({}, (net:errors()))
  end)

  it("drops an entry of a cache on all gateways", function()
    local dropped = 0
    local net, members, reload = cluster("cache_invalidation", 6, {
      log = { levels = "off,script=info", write = function(_, _, text, fields)
        if text:find "^dropped" and fields.had == "true" then dropped = dropped + 1 end
      end },
    })
    net:run(10)
    members[1]:publish("purge", "users/42")
    net:run(2)
    assert.equal(6, dropped)
    reload() -- which fills it again, as the file does
    members[3]:publish("purge", "users/42")
    net:run(2)
    assert.equal(12, dropped)
    assert.same({}, (net:errors()))
  end)

  it("drains a member", function()
    local net, members, reload = cluster("drain", 3)
    net:run(5)
    assert.equal("drained", members[1]:call("drain", { 5 }))
    net:run(3)
    assert.is_true(members[2]:member(members[1].addr).tags.draining)
    assert.is_true(members[1]:call "undrain")
    members[1]:call("busy", { 2 })
    assert.same({ nil, "2 requests are not done after 5 s", "failed" }, { members[1]:call("drain", { 5 }) })
    local outcome
    members[1]:call("drain", { 600 }, function(_, ...) outcome = { ... } end)
    net:run(10)
    reload()
    net:run(1)
    assert.equal("replaced", outcome[3])
    members[1]:call("busy", { 0 })
    assert.equal("drained", members[1]:call "drain")
    assert.same({}, (net:errors()))
  end)
end)
