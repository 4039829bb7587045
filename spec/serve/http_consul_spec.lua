--- What readers of Consul ask for: shapes, index and waits, and Prometheus' own client.

local dkjson = require "dkjson"
local node = require "spec.support.node"
local process = require "spec.support.process"
local wait = require "spec.support.wait"
local web = require "spec.support.web"
local unpack = table.unpack or unpack -- luacheck: std max

local SOURCE = [[
return require("shoal.services").script { services = {
  web = { port = 8080, tags = { "v2", "Blue" }, weight = 3 },
  db = { host = "10.9.8.7", port = 5432, check = { ttl = 3600 } },
} }
]]

describe("a reader of Consul", function()
  after_each(process.cleanup)

  local function start(options)
    options = options or {}
    options.source = options.source or SOURCE
    options.args = { "--http", "127.0.0.1:0", unpack(options.args or {}) }
    return node.start(options)
  end

  local function two()
    local a = start { name = "a", args = { "--tag", "zone=x" } }
    local b = node.start { join = { a }, name = "b", source = SOURCE }
    wait.for_that(function() return #web.get(a, "/services").json == 4 end, 10, "services of two")
    return a, b
  end

  local function get(a, uri)
    local page = web.get(a, uri)
    assert.equal(200, page.status, uri .. ": " .. page.body)
    return page.json, tonumber(page.headers["x-consul-index"]), page
  end

  it("finds services, with the tags of all instances", function()
    local a = two()
    local services, index, page = get(a, "/v1/catalog/services?stale")
    assert.same({ web = { "Blue", "v2" }, db = {} }, services)
    assert.matches('"db":%[%]', page.body)
    assert.is_true(index > 0)
    assert.same({ "true", "0" }, { page.headers["x-consul-knownleader"], page.headers["x-consul-lastcontact"] })
    assert.equal("{}\n", web.get(start { source = "return {}" }, "/v1/catalog/services").body)
  end)

  it("gives text as it is", function()
    local a = start { args = { "--tag", [[dir=C:\tmp]] }, source = [[
      return require("shoal.services").script {
        services = { win = { port = 1, tags = { "path=C:\\x", "tab\there", "ü" } } } } ]] }
    local one = get(a, "/v1/catalog/service/win")[1]
    assert.same({ { [[path=C:\x]], "tab\there", "ü" }, { dir = [[C:\tmp]] } }, { one.ServiceTags, one.NodeMeta })
    assert.equal(1, #get(a, "/v1/catalog/service/win?tag=path%3DC:%5Cx"))
    assert.equal(",path=C:\\x,tab\there,ü,", web.get(a, "/sd/prometheus").json[1].labels.__meta_shoal_tags)
  end)

  it("finds instances in the catalog and by their health", function()
    local a, b = two()
    local catalog = get(a, "/v1/catalog/service/web")
    assert.equal(2, #catalog)
    local by_node = { [catalog[1].Node] = catalog[1], [catalog[2].Node] = catalog[2] }
    local one = by_node.a
    assert.same({ "127.0.0.1", "dc1", "web", "web", "127.0.0.1", 8080 }, { one.Address, one.Datacenter, one.ServiceID,
      one.ServiceName, one.ServiceAddress, one.ServicePort })
    assert.same({ { "v2", "Blue" }, { Passing = 3, Warning = 1 }, { zone = "x" } },
      { one.ServiceTags, one.ServiceWeights, one.NodeMeta })
    assert.matches("^%x+%-%x%x%x%x%-%x%x%x%x%-%x%x%x%x%-%x+$", one.ID)
    assert.equal(36, #one.ID)
    assert.is_true(one.CreateIndex > 0 and one.ModifyIndex > 0)
    assert.not_equal(by_node.b.ID, one.ID)
    local health = get(a, "/v1/health/service/db")
    assert.same({ 2, "10.9.8.7", 5432 }, { #health, health[1].Service.Address, health[1].Service.Port })
    assert.same({ "serfHealth", "passing" }, { health[1].Checks[1].CheckID, health[1].Checks[1].Status })
    assert.same({ "service:db", "critical", "db" },
      { health[1].Checks[2].CheckID, health[1].Checks[2].Status, health[1].Checks[2].ServiceName })
    for _, passing in ipairs { "passing", "passing=1", "passing=true" } do
      assert.equal(0, #get(a, "/v1/health/service/db?" .. passing))
      assert.equal(2, #get(a, "/v1/health/service/web?" .. passing))
    end
    assert.equal(2, #get(a, "/v1/health/service/db?passing=false"))
    assert.equal(2, #get(a, "/v1/health/service/web?tag=v2&tag=blue"))
    assert.equal(0, #get(a, "/v1/health/service/web?tag=v2&tag=v3"))
    assert.equal(0, #get(a, "/v1/health/service/none"))
    assert.equal("[]\n", web.get(a, "/v1/catalog/service/none").body)
    assert.equal(6, #get(a, "/v1/health/state/any"))
    assert.equal(2, #get(a, "/v1/health/state/critical"))
    assert.equal(0, #get(a, "/v1/health/state/warning"))
    b:ask("service", "drain", "web")
    wait.for_that(function() return #get(a, "/v1/health/service/web?passing") == 1 end, 10, "one left")
  end)

  it("asks who is there", function()
    local a = start { name = "a", args = { "--cluster", "blue" } }
    local self = get(a, "/v1/agent/self")
    assert.same({ "blue", "a" }, { self.Config.Datacenter, self.Config.NodeName })
    assert.same({ "127.0.0.1", tonumber(a.addr:match ":(%d+)$") }, { self.Member.Addr, self.Member.Port })
    assert.equal('"' .. a.addr .. '"\n', web.get(a, "/v1/status/leader").body)
    assert.equal(200, web.get(a, "/v1/catalog/services?dc=blue").status)
    assert.equal(500, web.get(a, "/v1/catalog/services?dc=dc1").status)
  end)

  -- Sends the query; what the answer is, later.
  local function begin(a, uri)
    local client = web.connect(a)
    local before = a:info().http.requests
    client:send(("GET %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"):format(uri))
    wait.for_that(function() return a:info().http.requests > before end, 10, "request")
    return function()
      local status, headers = web.read(client)
      local body = client:receive "*a"
      client:close()
      return status, tonumber(headers["x-consul-index"]), dkjson.decode(body)
    end
  end

  it("waits with an index until its own answer has changed", function()
    local a, b = two()
    local _, index = get(a, "/v1/health/service/web?passing")
    local web_waits = begin(a, ("/v1/health/service/web?passing&wait=10m&index=%.0f"):format(index))
    local own_waits = begin(a, ("/v1/catalog/services?index=%.0f"):format(index))
    local c = node.start { join = { a } } -- has no service
    wait.for_that(function() return a:sees(c) end, 10, "another member")
    local _, between = get(a, "/v1/catalog/services")
    assert.is_true(between > index)
    local checks_wait = begin(a, ("/v1/health/state/any?index=%.0f&wait=10m"):format(between))
    b:ask("service", "drain", "web")
    local status, later, list = web_waits()
    assert.same({ 200, 1, "a" }, { status, #list, list[1].Node.Node })
    assert.is_true(later > index)
    status, later, list = checks_wait()
    assert.same({ 200, true, 7 }, { status, later > between, #list })
    assert.equal(200, web.get(a, ("/v1/health/service/web?index=%.0f"):format(index)).status) -- at once: it is old
    local _, now = get(a, "/v1/catalog/services")
    local more = begin(a, ("/v1/health/service/web?passing&index=%.0f"):format(now))
    assert.equal(0, a:ask("service", "drain", "web").code) -- our own are noticed, too
    assert.same({}, select(3, more()))
    b:signal "TERM"
    b = start { join = { a }, source = [[
      return require("shoal.services").script { services = { new = { port = 1 } } }]] }
    assert.is_not_nil(b)
    status, later, list = own_waits()
    assert.same({ 200, true }, { status, later > index })
    assert.is_truthy(list.new or not list.db or #list.web == 0)
  end)

  it("is answered the same when the time is over, and what it cannot have is refused", function()
    local a = start {}
    local _, index = get(a, "/v1/catalog/services")
    local body, later = get(a, ("/v1/catalog/services?index=%.0f&wait=10ms"):format(index))
    assert.same({ "Blue", "v2" }, body.web)
    assert.equal(index, later)
    get(a, "/v1/catalog/services?index=0&wait=1m30s")
    get(a, "/v1/catalog/services?index=1&wait=0")
    assert.equal(index, select(2, get(a, "/v1/catalog/services?index=&wait="))) -- as if they were not there
    get(a, "/v1/catalog/services?index=1&wait=1.5h&cached&consistent&pretty")
    get(a, ("/v1/agent/self?index=%.0f"):format(index)) -- does not block
    for _, query in ipairs { "index=x", "index=-1", "wait=5", "wait=s", "wait=5x", "filter=a", "node-meta=a:b" } do
      assert.equal(400, web.get(a, "/v1/catalog/services?" .. query).status, query)
    end
    for _, path in ipairs { "/v1/kv/a", "/v1/", "/v1/health/state/odd", "/v1/catalog/service/",
      "/v1/catalog/service/a/b" } do
      assert.equal(404, web.get(a, path).status, path)
    end
    assert.equal(405, web.ask(a, "PUT", "/v1/agent/service/register", "Content-Length: 0\r\n").status)
  end)

  it("gives members IDs that differ as much as their addresses do", function()
    local entries, json = require "shoal.serve.http.entries", dkjson
    local seen, heads, count = {}, {}, 0
    for a = 0, 1 do
      for b = 0, 255 do
        for c = 1, 254 do
          local member = { addr = ("10.%d.%d.%d:7946"):format(a, b, c), tags = {} }
          local id = entries.catalog({ datacenter = "dc1" }, { member = member, name = "x", tags = {}, weight = 1,
            state = "passing" }):match '"ID":"(.-)"'
          assert.is_nil(seen[id], member.addr)
          -- a part of it says nothing about another
          local head = id:sub(1, 8)
          if heads[head] then assert.not_equal(heads[head], id:sub(10, 18)) end
          seen[id], heads[head], count = true, id:sub(10, 18), count + 1
        end
      end
    end
    assert.equal(2 * 256 * 254, count)
    local member = { addr = "10.0.0.1:7946", tags = {} }
    local one = { member = member, name = "x", tags = {}, weight = 1, state = "passing" }
    local self = { datacenter = "dc1" }
    assert.equal(json.decode(entries.catalog(self, one)).ID, json.decode(entries.health(self, one)).Node.ID)
  end)

  -- The answers of a node that knows these members, asked in one turn; how many turns they took, and how often
  -- it was asked for its members.
  local function ask_at_once(members, uris)
    local timers, cost, got = {}, { walks = 0, turns = 0 }, {}
    local fake = {
      members = function() cost.walks = cost.walks + 1 return members end, tags = function() return {} end,
      time = function() return 1 end, info = function() return { addr = "self", started_at = 1 } end,
      connection = function() return "connected" end, identity = function() return { addr = "self" } end,
      after = function(_, _, fn) timers[#timers + 1] = fn return { cancel = function() end } end,
    }
    local http = { try = function(_, fn, ...) return fn(...) end, send = function(_, exchange, _, body, headers)
      got[exchange] = { table.concat(body[1]), headers["X-Consul-Index"] }
    end }
    local consul = require "shoal.serve.http.consul".new(fake, http)
    local request, exchanges = require "shoal.serve.http.request", {}
    for i, uri in ipairs(uris) do
      local path, query, tags = request.parse(uri)
      exchanges[i] = { drop = function() got[exchanges[i]] = "dropped" end }
      assert.is_nil(consul:route { method = "GET", path = path, query = query, tags = tags, exchange = exchanges[i] })
    end
    while timers[1] do
      table.remove(timers, 1)()
      cost.turns = cost.turns + 1
    end
    local answers = {}
    for i, exchange in ipairs(exchanges) do answers[i] = got[exchange] end
    return answers, cost
  end

  local function many(count)
    local members = {}
    for i = 1, count do
      members[i] = { addr = ("10.0.%d.%d:7946"):format(i / 256, i % 256), state = "alive", since = 1,
        tags = { ["service.web"] = { port = 80, state = "passing", tags = { "v2" } } } }
    end
    return members
  end

  it("is answered from one list, and equal queries are made once, a piece in each turn", function()
    local uris = {}
    for i = 1, 50 do uris[i] = "/v1/health/service/web" end
    uris[51], uris[52] = "/v1/health/service/none", "/v1/catalog/services"
    local answers, cost = ask_at_once(many(500), uris)
    assert.equal(500, #dkjson.decode(answers[1][1]))
    for i = 2, 50 do assert.equal(answers[1][1], answers[i][1]) end
    assert.same({ "[]\n", '{"web":["v2"]}\n' }, { answers[51][1], answers[52][1] })
    assert.equal(1, cost.walks)
    local pieces = #answers[1][1] / 2 ^ 15
    assert.is_true(cost.turns > pieces - 1 and cost.turns < 2 * pieces + 20, cost.turns .. " turns")
  end)

  it("is not answered with what was asked with an empty tag", function()
    local answers = ask_at_once(many(3), { "/v1/catalog/service/web?tag=", "/v1/catalog/service/web",
      "/v1/catalog/service/web?tag=v2", "/v1/catalog/service/web?tag=v2&tag=" })
    local counts = {}
    for i, answer in ipairs(answers) do counts[i] = #dkjson.decode(answer[1]) end
    assert.same({ 0, 3, 3, 0 }, counts)
  end)

  it("has an index that grows over a restart", function()
    local a = start {}
    local _, index = get(a, "/v1/catalog/services")
    a:signal "TERM"
    a:wait(10)
    local _, later = get(start {}, "/v1/catalog/services")
    assert.is_true(later > index)
  end)

  it("may be a client that knows nothing of shoal: python-consul", function()
    if process.run { "/usr/bin/python3", "-c", "import consul" }.code ~= 0 then
      pending "python-consul is not installed (Debian: python3-consul)"
      return
    end
    local a, b = two()
    local path = process.write(process.tempdir() .. "/client.py", [[
import sys, consul
client = consul.Consul(host="127.0.0.1", port=int(sys.argv[1]))
index, services = client.catalog.services()
print(sorted(services.items()))
index, nodes = client.health.service("web", passing=True, tag="v2")
print(sorted((n["Node"]["Node"], n["Service"]["Address"], n["Service"]["Port"]) for n in nodes))
print(sorted(c["Status"] for c in client.health.state("any")[1]))
print(client.agent.self()["Config"]["NodeName"], client.status.leader())
index, nodes = client.catalog.service("db")
print(len(nodes), nodes[0]["ServicePort"], flush=True)
later, nodes = client.health.service("web", passing=True, index=index, wait="5m")
print(int(later) > int(index), [n["Node"]["Node"] for n in nodes], flush=True)
]])
    local before = a:info().http.requests
    local client = process.start { "/usr/bin/python3", path, (web.place(a):match ":(%d+)$") }
    wait.for_that(function() return a:info().http.requests >= before + 6 end, 20, "query that waits")
    b:ask("service", "drain", "web")
    assert.equal(0, client:wait(20), client:stderr())
    assert.equal("[('db', []), ('web', ['Blue', 'v2'])]\n[('a', '127.0.0.1', 8080), ('b', '127.0.0.1', 8080)]\n"
      .. "['critical', 'critical', 'passing', 'passing', 'passing', 'passing']\na " .. a.addr .. "\n2 5432\n"
      .. "True ['a']\n", client:stdout())
  end)
end)
