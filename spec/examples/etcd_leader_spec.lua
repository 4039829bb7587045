--- The example etcd_leader in virtual time, with an etcd of this file's own. (With a real
-- one: docs/guides/when-gossip-is-not-enough.md.)

local nets = require "spec.sim.support"
local process = require "spec.support.process"
local stdlib = require "posix.stdlib"

local root = os.getenv("SHOAL_SOURCE") or "."
local TTL = 10

-- What it answers as etcd 3.4 does: a key, leases, a revision.
local function new_etcd(net)
  local etcd = { leases = {}, revision = 1, requests = 0, delay = 0.01 }

  local function end_leases()
    for id, ends in pairs(etcd.leases) do
      if ends <= net:now() then
        etcd.leases[id] = nil
        if etcd.key and etcd.key.lease == id then etcd.key = nil end
      end
    end
  end

  local paths = {
    ["/v3/lease/grant"] = function(body)
      local id = "81210128507650" .. 10000 + etcd.requests
      etcd.leases[id] = net:now() + TTL
      assert.equal(tostring(TTL), body:match '^{"TTL":"(%d+)"}$')
      return ('{"header":{"revision":"%d"},"ID":"%s","TTL":"%d"}'):format(etcd.revision, id, TTL)
    end,
    ["/v3/lease/keepalive"] = function(body)
      local id = assert(body:match '^{"ID":"(%d+)"}$')
      if not etcd.leases[id] then return ('{"result":{"header":{},"ID":"%s"}}'):format(id) end
      etcd.leases[id] = net:now() + TTL
      return ('{"result":{"header":{},"ID":"%s","TTL":"%d"}}'):format(id, TTL)
    end,
    ["/v3/lease/revoke"] = function(body)
      local id = assert(body:match '^{"ID":"(%d+)"}$')
      if not etcd.leases[id] then return nil, "etcdserver: requested lease not found" end
      etcd.leases[id] = nil
      if etcd.key and etcd.key.lease == id then etcd.key = nil end
      return '{"header":{}}'
    end,
    ["/v3/kv/txn"] = function(body)
      local lease, value = assert(body:match '"lease":"(%d+)"'), assert(body:match '"value":"([%w+/=]+)"')
      assert.equal(2, select(2, body:gsub('"key":"c2hvYWwvbGVhZGVy"[,}]', "")) - 1)
      if not etcd.key and etcd.leases[lease] then
        etcd.revision = etcd.revision + 1
        etcd.key = { lease = lease, value = value, revision = etcd.revision }
        return ('{"header":{"revision":"%d"},"succeeded":true,"responses":[{"response_put":{}}]}')
          :format(etcd.revision)
      elseif not etcd.key then
        return nil, "etcdserver: requested lease not found"
      end
      return ('{"header":{"revision":"99"},"responses":[{"response_range":{"kvs":[{"create_revision":"%d","lease":"%s"}'
        .. "]}}]}"):format(etcd.key.revision, etcd.key.lease)
    end,
  }

  net:on_http(function(member, request)
    etcd.requests = etcd.requests + 1
    end_leases()
    if etcd.down or etcd.unreachable == member then return nil, "connection refused" end
    local body, message = paths[request.url:match "^http://127%.0%.0%.1:2379(/.*)$"](request.body)
    if etcd.mute == member then return { after = 1000 } end
    return { status = body and 200 or 404, body = body or message, after = etcd.delay }
  end)
  return etcd
end

describe("the example etcd_leader", function()
  after_each(function()
    nets.close()
    process.cleanup()
  end)

  local net, etcd, path

  local function cluster(count)
    net = nets.new { seed = 7 }
    etcd = new_etcd(net)
    path = process.write(process.tempdir() .. "/service.lua", process.read(root .. "/examples/etcd_leader.lua"))
    return net:spawn(count, { handlers = path, config = "lan" })
  end

  local function leaders()
    local list = {}
    for _, member in ipairs(net:members()) do
      if (member.store.leads_until or 0) > member:now() then list[#list + 1] = member end
    end
    return list
  end

  --- Runs; never do two lead, or one without its lease.
  local function run(seconds)
    for _ = 1, seconds * 10 do
      net:run(0.1)
      local now = leaders()
      assert.is_true(#now <= 1)
      local lease = now[1] and now[1].store.lease
      if lease then assert.is_true(etcd.leases[lease] > net:now() and etcd.key.lease == lease) end
    end
    return leaders()[1]
  end

  it("has one leader, which all see by its tag", function()
    local members = cluster(6)
    local leader = run(30)
    for _, member in ipairs(members) do
      local tagged = member:members { tags = { leader = 2 } }
      assert.same(member == leader and {} or { leader.addr }, { tagged[1] and tagged[1].addr })
    end
    assert.equal(2, leader:tags().leader)
    assert.same({}, (net:errors()))
  end)

  it("has another one when the leader crashes, with a greater number", function()
    cluster(6)
    local first = run(30)
    net:crash(first)
    run(TTL)
    local second = run(TTL)
    assert.is_truthy(second and second ~= first)
    assert.equal(3, second:tags().leader)
  end)

  it("asks little of etcd, however many members there are", function()
    cluster(40)
    run(60)
    local before = etcd.requests
    run(60)
    local asked = etcd.requests - before
    assert.is_true(asked >= 2 * 17 and asked <= 2 * 19 * 4, asked) -- by the leader, and three others
  end)

  for what, field in pairs { ["does not answer"] = "mute", ["cannot be reached"] = "unreachable" } do
    it("has a leader that steps down before its lease ends, when etcd " .. what, function()
      cluster(4)
      local first = run(30)
      etcd[field] = first
      local lease = first.store.lease
      assert(net:run_until(function() return not first:tags().leader end, TTL, 0.01))
      assert.is_true(first.store.leads_until <= net:now())
      assert.is_true(etcd.leases[lease] > net:now())
      run(2 * TTL)
      assert.is_not_equal(first, leaders()[1])
      etcd[field] = nil
      run(2 * TTL)
    end)
  end

  it("has no leader while etcd is down, one when it is back, and asks no more than before", function()
    cluster(4)
    run(30)
    local before = etcd.requests
    run(30)
    local usual = etcd.requests - before
    etcd.down, before = true, etcd.requests
    run(30)
    assert.is_true(etcd.requests - before <= usual)
    assert.same({}, leaders())
    etcd.down = false
    assert.is_truthy(run(TTL))
  end)

  it("keeps the lease over a reload", function()
    cluster(4)
    local leader = run(30)
    local lease, number = leader.store.lease, leader:tags().leader
    process.write(path, process.read(path) .. "-- another version\n")
    for _, member in ipairs(net:members()) do assert(member:reload()) end
    for _ = 1, 20 do assert.equal(leader, run(1)) end
    assert.equal(lease, leader.store.lease)
    assert.equal(number, leader:tags().leader)
    assert.same({}, (net:errors()))
  end)

  it("has a leader that steps down when its lease was revoked, or its key is another's", function()
    cluster(4)
    local first = run(30)
    etcd.leases[first.store.lease], etcd.key = nil, nil
    net:run(TTL / 3 + 0.1)
    assert.is_not_equal(first, run(TTL))
    local second = leaders()[1]
    etcd.key = { lease = "1", revision = 50 }
    net:run(TTL / 3 + 0.1)
    assert.is_nil(second:tags().leader)
    assert.same({}, leaders())
  end)

  it("has one timer for the end of its lease", function()
    cluster(3)
    local leader = run(30)
    net:run(600)
    assert.is_true(leader:info().handlers.calls < 2000)
  end)

  it("is led by another member as soon as the leader has resigned", function()
    cluster(4)
    local first = run(30)
    local outcome
    assert(first:call("resign", {}, function(_, ...) outcome = { ... } end))
    local second
    assert(net:run_until(function()
      second = leaders()[1]
      return second and second ~= first
    end, TTL / 3 + 0.1, 0.01))
    assert.equal("the lease was given back", outcome[1])
    assert.equal(second, run(3 * TTL))
    assert.equal("this node had no lease", first:call("resign", {}))
    assert.same({}, (net:errors()))
  end)

  -- Alone, with an etcd that is not there until 20 s; its log.
  it("says once what is wrong at which URL, and when etcd helps again", function()
    local program = process.write(process.tempdir() .. "/program.lua", ([[
      local net = require("shoal.sim").new()
      net:on_http(function(_, request)
        if net:now() < 10 then return nil, "connection refused" end
        if net:now() < 20 then return { status = 503, body = "no majority" } end
        return { status = 200, body = '{"ID":"1","TTL":"10","succeeded":true,"revision":"2"}' }
      end)
      net:spawn { handlers = %q, log = "info" }
      net:run(40)
      net:close()
    ]]):format(root .. "/examples/etcd_leader.lua"))
    local done = process.run { nets.interpreter(), program, env = { LD_PRELOAD = process.preload } }
    assert.equal(0, done.code, done.err)
    local said = {}
    for line in done.err:gmatch "[^\n]*script[^\n]*" do
      if line:find "etcd [dh]" then said[#said + 1] = line:match "etcd.*" end
    end
    assert.same({
      'etcd does not help reason="http://127.0.0.1:2379/v3/lease/grant: connection refused"',
      'etcd does not help reason="http://127.0.0.1:2379/v3/lease/grant: status 503 no majority"',
      "etcd helps again",
    }, said)
  end)

  it("goes on after an error in a turn", function()
    cluster(1)
    local leader = run(30)
    local script, count = process.read(path):gsub("local function turn%(node%)\n",
      ("%%0  if node:now() < %d then error 'broken' end\n"):format(net:now() + 3 * TTL))
    assert.equal(1, count)
    process.write(path, script)
    assert(leader:reload())
    net:run(2 * TTL)
    assert.is_nil(leaders()[1])
    assert.is_true(select(2, net:errors()) >= 2)
    assert.equal(leader, run(3 * TTL))
  end)

  describe("with variables of the environment", function()
    local function check(name, value)
      stdlib.setenv(name, value)
      local done = process.cli("check", root .. "/examples/etcd_leader.lua")
      stdlib.setenv(name, nil)
      return done
    end

    it("does not load where these are wrong", function()
      for _, case in ipairs { { "TTL", "abc" }, { "TTL", "" }, { "TTL", "1" }, { "ETCD", "" }, { "ETCD", " " },
        { "ETCD", "127.0.0.1:2379" }, { "ETCD", "http://127.0.0.1:2379/v3" } } do
        local done = check(case[1], case[2])
        assert.equal(1, done.code, case[2])
        assert.matches(case[1] .. " is ", (done.err:gsub("ETCD: not", "ETCD is not")), 1, true)
      end
    end)

    it("takes URLs with a slash at their end", function()
      stdlib.setenv("ETCD", "http://127.0.0.1:2379/")
      finally(function() stdlib.setenv("ETCD", nil) end)
      cluster(3)
      assert.is_truthy(run(30))
    end)
  end)
end)
