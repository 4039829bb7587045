--- `shoal run --http`: what a member tells by HTTP, asked by clients, Prometheus among them.

local dkjson = require "dkjson"
local node = require "spec.support.node"
local process = require "spec.support.process"
local wait = require "spec.support.wait"
local web = require "spec.support.web"

local SERVICES = [[
return require("shoal.services").script { services = {
  web = { port = 8080, tags = { "v2", "blue" }, weight = 3 },
  db = { port = 5432, check = { ttl = 3600 } },
} }
]]

local function is_there(program)
  return process.run { "sh", "-c", "command -v " .. program }.code == 0
end

describe("HTTP", function()
  after_each(process.cleanup)

  local function start(options)
    options = options or {}
    options.args = options.args or {}
    table.insert(options.args, "--http")
    table.insert(options.args, "127.0.0.1:0")
    return node.start(options)
  end

  local function series(body)
    local found, count = {}, 0
    for line in body:gmatch "[^\n]+" do
      local name, value = line:match "^([^#%s]+) (%S+)$"
      if name then
        found[name], count = tonumber(value), count + 1
      end
    end
    return found, count
  end

  it("is off by default, and neither the library nor a descriptor is there then", function()
    -- what they are, by kind: "socket", "anon_inode:[eventpoll]", ...
    local function descriptors(member)
      local kinds = {}
      local done = process.run { "sh", "-c", ("readlink /proc/%d/fd/*"):format(member.pid) }
      for target in done.out:gmatch "[^\n]+" do
        local kind = target:match "^(.-):%[%d+%]$" or target
        kinds[kind] = (kinds[kind] or 0) + 1
      end
      return kinds
    end
    local function maps(member)
      local file = assert(io.open(("/proc/%d/maps"):format(member.pid)))
      local text = file:read "*a"
      file:close()
      return text
    end
    local without, with = node.start {}, start()
    assert.not_matches("microhttpd", maps(without))
    assert.is_nil(without:info().http)
    assert.matches("microhttpd", maps(with))
    local off, on = descriptors(without), descriptors(with)
    assert.equal(off["anon_inode:[eventpoll]"] + 1, on["anon_inode:[eventpoll]"])
    assert.equal(off.socket + 1, on.socket)
    assert.matches("http=127%.0%.0%.1:%d+", with:log())
  end)

  it("says what is missing, and nothing starts", function()
    local function run(...)
      return process.cli("run", "examples/hello.lua", "--control", process.tempdir() .. "/c.sock", ...)
    end
    local done = run("--http", "0.0.0.0:0")
    assert.equal(1, done.code)
    assert.matches("^shoal: %-%-http: 0.0.0.0:0 is not a loopback address", done.err)
    assert.equal("shoal: --http: http://127.0.0.1:7950/ is not a place: an address and a port are, as "
      .. "127.0.0.1:7947, or unix:PATH\n", run("--http", "http://127.0.0.1:7950/").err)
    assert.equal("shoal: --http: the path of the socket is empty\n", run("--http", "unix:").err)
    local folder = process.tempdir() .. "/none"
    assert.matches("cannot listen on .*/x.sock: the folder .*/none: no such file or directory\n$",
      run("--http", "unix:" .. folder .. "/x.sock").err)
    assert.is_nil(io.open(folder))
    assert.matches("%-%-http%-token%-file is missing", run("--http", "0.0.0.0:0", "--http-public").err)
    assert.equal(2, run("--http-public").code)
    assert.matches("cannot read the token file", run("--http", "127.0.0.1:0", "--http-token-file", "/none").err)
    done = process.run { process.shoal, "run", "examples/hello.lua", "--control", process.tempdir() .. "/c.sock",
      "--http", "127.0.0.1:0", env = { SHOAL_LIBMICROHTTPD = "" } }
    assert.equal(1, done.code)
    assert.matches("HTTP needs libmicrohttpd", done.err)
  end)

  it("has metrics: 50 series at most, unless there is asked for more", function()
    local a = start { source = SERVICES, name = "a" }
    local b = node.start { join = { a } }
    wait.for_that(function() return node.converged { a, b } end, 10, "cluster of two")
    local page = web.get(a, "/metrics")
    assert.equal("text/plain; version=0.0.4; charset=utf-8", page.headers["content-type"])
    local found, count = series(page.body)
    assert.is_true(count <= 50)
    assert.equal(1, found['shoal_members{state="alive"}'])
    assert.equal(0, found['shoal_members{state="down"}'])
    assert.equal(1, found['shoal_services{state="passing"}'])
    assert.equal(1, found['shoal_services{state="critical"}'])
    assert.is_true(found.shoal_datagrams_received_total > 0)
    assert.equal(1, found[('shoal_build_info{version="%s",name="a",cluster=""}'):format(require("shoal.core").version)])
    assert.equal(0, found['shoal_drops_total{reason="other"}'])
    local took, last = a:info().handlers, 0
    for _, le in ipairs { "0.1", "1", "+Inf" } do
      local so_far = found[('shoal_handler_duration_seconds_bucket{le="%s"}'):format(le)]
      assert.is_true(so_far >= last)
      last = so_far
    end
    assert.is_true(last > 0 and last <= took.calls)
    assert.equal(last, found.shoal_handler_duration_seconds_count)
    assert.equal(0, found.shoal_children)
    assert.equal(0, found.shoal_seal_refused_total)
    assert.equal(0, found['shoal_queue_length{queue="messages"}'])
    assert.is_true(found.shoal_repair_packets_total > 0) -- that of who has just come
    wait.for_that(function()
      found = series(web.get(a, "/metrics").body)
      return found.shoal_probe_rtt_seconds_count > 0
    end, 10, "an answered ping")
    assert.equal(found.shoal_probe_rtt_seconds_count, found['shoal_probe_rtt_seconds_bucket{le="+Inf"}'])
    assert.is_true(found.shoal_probe_rtt_seconds_sum > 0)
    found, count = series(web.get(a, "/metrics?detail=1&members=1").body)
    assert.is_true(count > 50)
    assert.equal(0, found['shoal_drops_total{reason="malformed"}'])
    assert.is_true(found['shoal_packets_sent_total{message="feed"}'] ~= nil)
    local repaired = 0
    for _, of in ipairs { "members", "tags", "topics" } do
      repaired = repaired + found[('shoal_repair_of_bytes_total{of="%s"}'):format(of)]
    end
    assert.equal(found.shoal_repair_bytes_total, repaired)
    assert.equal(0, found[('shoal_member_state{member="%s",name=""}'):format(b.addr)])
  end)

  it("has metrics that promtool takes, whatever members are called", function()
    if not is_there "promtool" then
      pending "promtool is not installed (Debian: prometheus)"
      return
    end
    local a = start { source = SERVICES, args = { "--tag", "a=1" } }
    local b = node.start { join = { a }, source = [[
      return { identity = {
        new = function(opts) return { addr = opts.advertise, bump = 1, name = 'q"\\\n\255' } end,
        addr = function(id) return id.addr end,
        at = function(endpoint) return { addr = endpoint, bump = 0 } end,
        renew = function(id) id.bump = id.bump + 1 return id end,
        wins = function(id, adversary) return id.bump > adversary.bump end,
      } }]] }
    wait.for_that(function() return #a:members() == 1 end, 10, "a member")
    assert.is_not_nil(b)
    assert.matches('name="q\\"\\\\\\n%?"', web.get(a, "/metrics?members").body)
    for _, uri in ipairs { "/metrics", "/metrics?detail=1&members=1" } do
      local path = process.write(process.tempdir() .. "/metrics", web.get(a, uri).body)
      local done = process.run { "sh", "-c", "promtool check metrics < " .. path }
      assert.same({ 0, "", "" }, { done.code, done.out, done.err }, uri)
    end
  end)

  it("has what the Grafana dashboard of the examples shows", function()
    local a = start { source = SERVICES }
    local body = web.get(a, "/metrics").body
    local file = assert(io.open((os.getenv "SHOAL_SOURCE" or ".") .. "/examples/grafana.json"))
    local dashboard = assert(dkjson.decode(file:read "*a"))
    file:close()
    local count = 0
    for _, panel in ipairs(dashboard.panels) do
      for _, target in ipairs(panel.targets) do
        for name in target.expr:gmatch "shoal_[a-z_]+" do
          count = count + 1
          assert.is_truthy(body:find("\n" .. name .. "[{ ]"), name)
        end
      end
    end
    assert.is_true(count >= 12)
  end)

  it("counts from the suspicion of a member, not of who was at its address before", function()
    local metrics, heard, now = require "shoal.serve.http.metrics", {}, 100
    local found = metrics.watch_detection {
      on = function(_, event, fn) heard[event] = fn end,
      now = function() return now end,
    }
    local function tell(event, at, reason)
      now = at
      heard[event](nil, { addr = "10.0.0.1:7946", reason = reason }, { addr = "10.0.0.1:7946" })
    end
    tell("suspect", 100)
    tell("rename", 101) -- it was started again
    tell("suspect", 500)
    tell("member_down", 502, "failed")
    assert.same({ 2, { { 3, 1 }, { 10, 0 }, { nil, 0 } } }, { found.sum, found.buckets })
    tell("suspect", 600)
    tell("refuted", 601)
    tell("member_down", 700, "failed")
    tell("suspect", 800)
    tell("member_down", 801, "left")
    assert.same({ 2, {} }, { found.sum, found.since })
  end)

  it("keeps the reasons for drops within their room, and none goes back", function()
    local metrics = require "shoal.serve.http.metrics"
    local drops = {}
    for i = 1, 60 do drops[("reason%02d"):format(i)] = 0 end
    local self = {
      drops = {}, detection = { buckets = { { 1, 0 }, { nil, 0 } }, sum = 0 },
      listener = { stats = function() return { connections = 0, requests = 0 } end },
      node = {
        tags = function() return {} end,
        stats = function()
          return setmetatable({ rtt = { took = { 0, 0, 0, 0 }, seconds = 0 } }, { __index = function() return 0 end })
        end,
        info = function()
          return { version = "1", started_at = 0, counts = { alive = 0, suspect = 0, down = 0 }, host = {},
            backlog = { updates = 0, broadcasts = 0, messages = 0 }, children = { running = 0 },
            handlers = { errors = 0, took = { 0, 0 }, seconds = 0 },
            script = { generation = 1 }, drops = drops }
        end,
      },
    }
    local last = {}
    for i = 60, 1, -1 do
      drops[("reason%02d"):format(i)] = i
      local found, count = series(metrics.render(self, { query = {} }))
      assert.is_true(count <= 50)
      for name, value in pairs(last) do
        assert.is_true(found[name] >= value, name)
      end
      last = found
    end
  end)

  it("tells members, services and where to scrape as JSON", function()
    local a = start { source = SERVICES }
    local b = node.start { join = { a }, name = "b", source = SERVICES, args = { "--tag", "zone=x" } }
    wait.for_that(function() return #web.get(a, "/services").json == 4 end, 10, "services of two")
    local members = web.get(a, "/members").json
    assert.same({ 1, b.addr, "alive", "x" }, { #members, members[1].addr, members[1].state, members[1].tags.zone })
    local passing = web.get(a, "/services?name=web&passing").json
    assert.same({ 2, "web", 8080, 3 }, { #passing, passing[1].name, passing[1].port, passing[1].weight })
    local groups = web.get(a, "/sd/prometheus?name=web").json
    assert.equal(2, #groups)
    local by_name = {}
    for _, group in ipairs(groups) do by_name[group.labels.__meta_shoal_name] = group end
    assert.same({ "127.0.0.1:8080" }, by_name.b.targets)
    assert.same({ __meta_shoal_service = "web", __meta_shoal_state = "passing", __meta_shoal_tags = ",v2,blue,",
      __meta_shoal_member = b.addr, __meta_shoal_name = "b" }, by_name.b.labels)
    b:ask "leave"
    wait.for_that(function() return #web.get(a, "/members").json == 0 end, 10, "that nobody is there")
    assert.equal("left", web.get(a, "/members?all=1").json[1].reason)
  end)

  -- What http.send() does with a list: what is written, and the turns that come after.
  local function send(list, encode)
    local sent, timers = { waiting = 0 }, {}
    local exchange = {
      is_open = function() return true end,
      stream = function() return true end,
      respond = function(_, _, _, text) sent[1], sent.finished = text, true end,
      waiting = function() return sent.waiting end,
      write = function(_, text) sent[#sent + 1] = text end,
      finish = function() sent.finished = true end,
    }
    local fake = { after = function(_, _, fn) timers[#timers + 1] = fn return {} end }
    local self = { node = fake, turns = require "shoal.serve.turns".new(fake) }
    require "shoal.serve.http".send(self, exchange, 200,
      { list, open = "[", between = ",", close = "]", encode = encode })
    return sent, timers
  end

  local function run(timers)
    local turns = 0
    while timers[1] do
      turns = turns + 1
      table.remove(timers, 1)()
    end
    return turns
  end

  it("sends a long list in pieces, as fast as it is taken", function()
    local list = {}
    for i = 1, 1000 do list[i] = i end
    local sent, timers = send(list, tostring)
    sent.waiting = 2 ^ 19
    for _ = 1, 3 do table.remove(timers, 1)() end
    assert.equal(1, #sent) -- what went out before the client was behind
    sent.waiting = 0
    assert.is_true(run(timers) >= 5)
    assert.is_true(sent.finished)
    assert.same(list, dkjson.decode(table.concat(sent)))
  end)

  it("sends few items that are large in pieces, too", function()
    for _, count in ipairs { 100, 201 } do
      local list = {}
      for i = 1, count do list[i] = ("%d%s"):format(i, ("0"):rep(8000)) end
      local sent, timers = send(list, dkjson.encode)
      run(timers)
      assert.is_true(sent.finished)
      for _, piece in ipairs(sent) do assert.is_true(#piece < 2 ^ 17, #piece .. " bytes at once") end
      assert.same(list, dkjson.decode(table.concat(sent)))
    end
  end)

  it("waits for the next view", function()
    local a = start()
    local now = web.get(a, "/view").json
    assert.same({}, now.members)
    assert.same({ view = now.view, joined = {}, left = {}, changed = {} },
      web.get(a, "/view?since=" .. ("%.0f"):format(now.view)).json)
    assert.same({ view = now.view, joined = {}, left = {}, changed = {} },
      web.get(a, ("/view?since=%.0f&wait=0.01"):format(now.view)).json)
    local waiting = {}
    for i = 1, 3 do
      waiting[i] = web.connect(a)
      waiting[i]:send(("GET /view?since=%.0f&wait=300 HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        :format(now.view))
    end
    wait.for_that(function() return a:info().http.requests >= 6 end, 10, "requests")
    local b = node.start { join = { a } }
    for _, client in ipairs(waiting) do
      assert.equal(200, (web.read(client)))
      local change = dkjson.decode((client:receive "*a"))
      assert.equal(b.addr, change.joined[1].addr)
      assert.is_true(change.view > now.view)
      client:close()
    end
    assert.equal(b.addr, web.get(a, "/view?since=1").json.members[1].addr) -- never heard of
    local last, client = web.get(a, "/view").json.view, web.connect(a)
    client:send(("GET /view?since=%.0f&wait=300 HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"):format(last))
    a:ask("tags", "zone=b") -- its own tags are a change, in none of the lists
    assert.equal(200, (web.read(client)))
    local change = dkjson.decode((client:receive "*a"))
    client:close()
    assert.is_true(change.view > last)
    assert.same({ view = change.view, joined = {}, left = {}, changed = {} }, change)
  end)

  it("answers what it does not know or take", function()
    local a = start()
    assert.equal(404, web.get(a, "/none").status)
    assert.equal(404, web.get(a, "/metrics/").status)
    assert.equal(400, web.get(a, "/%zz").status)
    assert.equal(400, web.get(a, "/members%00").status)
    assert.equal(400, web.get(a, "/members?a=%").status)
    assert.equal(200, web.get(a, "/%6dembers?&&=&all&all=1=2&all=%C3%A4+x#f").status)
    assert.equal(200, web.get(a, "http://elsewhere/members").status)
    assert.equal(400, web.get(a, "/view?wait=nan").status)
    assert.equal(400, web.get(a, "/view?wait=1e9").status)
    assert.equal(400, web.get(a, "/view?since=-1").status)
    local post = web.ask(a, "POST", "/members", "Content-Length: 1\r\n", "x")
    assert.same({ 405, "GET, HEAD" }, { post.status, post.headers.allow })
    assert.equal(400, web.ask(a, "GET", "/members", "Content-Length: 1\r\n", "x").status)
    local head = web.ask(a, "HEAD", "/members")
    assert.same({ 200, "3", "" }, { head.status, head.headers["content-length"], head.body })
  end)

  it("never delays a ping, whoever is connected", function()
    local a = start { config = "loopback" }
    local b = node.start { join = { a }, config = "loopback" }
    wait.for_that(function() return node.converged { a, b } end, 10, "cluster of two")
    local clients = {}
    for i = 1, 250 do
      clients[i] = web.connect(a)
      clients[i]:send(i % 3 == 0 and "GET /me" or i % 3 == 1 and "GET /view?wait=600&since=1 HTTP/1.1\r\nX: " or "")
    end
    local function probes() return b:info().packets.received_by_message.ack end
    local before = probes()
    wait.for_that(function()
      for i = 1, 250, 3 do clients[i]:send "x" end
      assert.equal("alive", b:sees(a))
      return probes() > before + 10
    end, 20, "answered pings")
    for _, client in ipairs(clients) do client:close() end
  end)

  it("is scraped by Prometheus, which finds services by it", function()
    if not is_there "prometheus" then
      pending "prometheus is not installed"
      return
    end
    local a = start { name = "a" }
    local host, port = web.place(a):match "^(.*):(%d+)$"
    a:ask("tags", "x=1")
    local folder = process.tempdir()
    local b = node.start { join = { a }, source = ([[
      return require("shoal.services").script { services = { metrics = { host = "%s", port = %s } } }]])
      :format(host, port) }
    wait.for_that(function() return node.converged { a, b } end, 10, "cluster of two")
    process.write(folder .. "/prometheus.yml", ([[
global: { scrape_interval: 1s }
scrape_configs:
  - job_name: shoal
    static_configs: [ { targets: [ "%s:%s" ] } ]
  - job_name: found
    http_sd_configs: [ { url: "http://%s:%s/sd/prometheus?name=metrics" } ]
]]):format(host, port, host, port))
    local prometheus = process.start { "prometheus", "--config.file=" .. folder .. "/prometheus.yml",
      "--storage.tsdb.path=" .. folder .. "/data", "--web.listen-address=127.0.0.1:0" }
    prometheus:wait_for("Listening on.*address=127.0.0.1:%d+", 30)
    local own = prometheus:stderr():match "Listening on.-address=(127.0.0.1:%d+)"
    local function value(query)
      local done = process.run { "promtool", "query", "instant", "http://" .. own, query }
      return tonumber(done.out:match "=> (%S+)")
    end
    wait.for_that(function()
      return value 'shoal_members{job="shoal",state="alive"}' == 1
        and value 'shoal_members{job="found",state="alive"}' == 1
    end, 60, "samples of both jobs")
    assert.equal(1, value 'up{job="shoal"}')
  end)

  it("refuses parameters that a path does not have, and those that cannot be read", function()
    local a = start { source = SERVICES }
    for _, uri in ipairs { "/services?nmae=metrics", "/members?al=1", "/view?wiat=1", "/metrics?details=1",
      "/sd/prometheus?tag=x", "/events?probe=1" } do
      local page = web.get(a, uri)
      assert.same({ 400, "unknown: ?" .. uri:match "?(%a+)" .. "=." }, { page.status, page.body:match "^(.-%.)" })
    end
    assert.matches("a %% must begin a code", web.get(a, "/services?name=%zz").body)
    assert.equal(200, web.get(a, "/services?name=metrics&passing=1").status)
  end)

  it("lists no service without a port for Prometheus", function()
    local a = start { source = [[
      return require("shoal.services").script { services = { here = {}, there = { host = "fd00::1", port = 80 } } }
    ]] }
    wait.for_that(function() return #web.get(a, "/services").json == 2 end, 10, "both")
    local found = web.get(a, "/sd/prometheus").json
    assert.same({ 1, "[fd00::1]:80" }, { #found, found[1].targets[1] })
  end)
end)
