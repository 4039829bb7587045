--- `require "shoal.http"`: HTTP for a node in a program.

local dkjson = require "dkjson"
local http = require "shoal.http"
local shoal = require "shoal"
local socket = require "socket"
local wait = require "spec.support.wait"

describe("HTTP of a node in a program", function()
  local nodes, servers

  before_each(function() nodes, servers = {}, {} end)
  after_each(function()
    for _, server in ipairs(servers) do server:close() end
    for _, node in ipairs(nodes) do node:close() end
  end)

  local function start(options)
    options = options or {}
    options.config, options.log = "loopback", false
    nodes[#nodes + 1] = assert(shoal.start(options))
    return nodes[#nodes]
  end

  local function serve(...)
    servers[#servers + 1] = assert(http.serve(...))
    return servers[#servers]
  end

  local function get(server, path)
    local client = assert(socket.tcp())
    assert(client:connect("127.0.0.1", tonumber(server:place():match ":(%d+)$")))
    client:settimeout(0)
    client:send(("GET %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"):format(path))
    local text = ""
    wait.for_that(function()
      shoal.step(0.01)
      local all, why, part = client:receive(65536)
      text = text .. (all or part or "")
      return why == "closed"
    end, 10, path)
    client:close()
    return tonumber(text:match "^HTTP/1.1 (%d+)"), text:match "\r\n\r\n(.*)$"
  end

  it("answers what shoal run --http does, and pages of the handlers", function()
    local a = start { name = "a", handlers = { http = {
      ["/load"] = function(node, request) return 200, { me = node:info().name, method = request.method } end,
    } } }
    local b = start { name = "b", join = a:bound() }
    local server = serve(a, "127.0.0.1:0")
    wait.for_that(function() shoal.step(0.01) return a:num_members() == 1 end, 10, "a member")
    local status, body = get(server, "/members")
    assert.same({ 200, b:info().addr }, { status, dkjson.decode(body)[1].addr })
    status, body = get(server, "/load")
    assert.same({ 200, { me = "a", method = "GET" } }, { status, (dkjson.decode(body)) })
    status, body = get(server, "/metrics")
    assert.equal(200, status)
    assert.matches('\nshoal_members{state="alive"} 1\n', body)
    assert.is_true(server:stats().requests >= 3)
    assert.equal(server:place(), server:stats().place)
  end)

  it("answers for each node by itself, and 503 once that is closed", function()
    local a, b = start { name = "a" }, start { name = "b" }
    local of_a, of_b = serve(a, "127.0.0.1:0"), serve(b, "127.0.0.1:0")
    assert.matches('name="b"', (select(2, get(of_b, "/metrics"))))
    a:close()
    assert.equal(503, (get(of_a, "/metrics")))
    assert.equal(200, (get(of_b, "/metrics")))
  end)

  it("has metrics without a server", function()
    local a = start { name = "a" }
    local metrics = http.metrics(a)
    assert.matches('shoal_build_info{version="[%d.]+",name="a",cluster=""} 1\n', metrics())
    assert.not_matches("shoal_packets_sent_total", metrics())
    assert.matches("\nshoal_packets_sent_total", metrics { detail = true })
    assert.matches("\n# TYPE shoal_member_state gauge", metrics { members = true })
  end)

  it("says what is wrong with it", function()
    local a = start()
    local server, message, code = http.serve(a, "0.0.0.0:0")
    assert.same({ nil, "listen" }, { server, code })
    assert.matches("is not a loopback address", message)
    assert.error_matches(function() http.serve({}, "127.0.0.1:0") end, "http.serve: needs a node, got a table")
    assert.error_matches(function() http.serve(a, 7947) end, "http.serve: 'where' must be a string, got")
    assert.error_matches(function() http.serve(a, "127.0.0.1:0", { tokens = 1 }) end, "unknown option 'tokens'")
    a:close()
    assert.error_matches(function() http.metrics(a) end, "http.metrics: the node is closed")
  end)
end)
