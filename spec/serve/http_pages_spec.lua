--- M.http: pages of a script's own.

local node = require "spec.support.node"
local process = require "spec.support.process"
local wait = require "spec.support.wait"
local web = require "spec.support.web"

describe("a script's pages", function()
  after_each(process.cleanup)

  local function start(source)
    return node.start { source = source, args = { "--http", "127.0.0.1:0" } }
  end

  it("get the request, and answer with a status, a body and headers", function()
    local a = start [[
      return { http = {
        ["/echo"] = function(node, request)
          return 201, request.method .. request.path .. request.query.q .. request.body .. request.headers["x-a"],
            { ["X-B"] = tostring(node.store == nil) }
        end,
        ["/json"] = function() return 200, { a = { 1, 2 } } end,
        ["/empty"] = function() return 204 end,
        ["/kept"] = function() return 200, { a = 1 }, { ["Cache-Control"] = "no-store" } end,
        ["/own"] = function() return 200, { a = 1 }, { ["content-type"] = "application/x-own" } end,
        ["/text"] = function() return 200, "text", {} end,
        ["/slow"] = function(node) node:sleep(0.01) return 200, "slept" end,
        ["/members"] = function() return 200, "never" end,
      } }]]
    local page = web.ask(a, "POST", "/echo?q=1", "X-A: 2\r\nContent-Length: 3\r\n", "abc")
    assert.same({ 201, "POST/echo1abc2", "false" }, { page.status, page.body, page.headers["x-b"] })
    assert.same({ a = { 1, 2 } }, web.get(a, "/json").json)
    for path, wanted in pairs { ["/json"] = "application/json", ["/kept"] = "application/json",
      ["/own"] = "application/x-own", ["/text"] = "text/plain; charset=utf-8" } do
      assert.equal(wanted, web.get(a, path).headers["content-type"], path)
    end
    assert.same({ 204, "" }, { web.get(a, "/empty").status, web.get(a, "/empty").body })
    assert.equal("slept", web.get(a, "/slow").body)
    assert.same({}, web.get(a, "/members").json) -- ours come first
    assert.equal(404, web.get(a, "/none").status)
    assert.equal(404, web.get(a, "/" .. ("x"):rep(100)).status)
    local head = web.ask(a, "HEAD", "/json")
    assert.same({ 200, "" }, { head.status, head.body })
    local tunnel = web.ask(a, "CONNECT", "/json")
    assert.same({ 501, tostring(#tunnel.body) }, { tunnel.status, tunnel.headers["content-length"] })
  end)

  it("that fail are logged like handlers, and answered with 500", function()
    local a = start [[
      return { http = {
        ["/raise"] = function() error "a mistake of the page" end,
        ["/later"] = function(node) node:sleep(0.01) error "a later mistake" end,
        ["/nothing"] = function() end,
        ["/header"] = function() return 200, "", { A = "b\r\nC: d" } end,
        ["/name"] = function() return 200, "", { ["A B"] = "c" } end,
        ["/function"] = function() return 200, print end,
        ["/colon"] = function() return 200, "", { ["A:"] = "c" } end,
        ["/length"] = function() return 200, "", { ["content-length"] = "3" } end,
        ["/close"] = function() return 200, "", { Connection = "close" } end,
      } }]]
    for _, path in ipairs { "/raise", "/later", "/nothing", "/header", "/name", "/colon", "/length", "/function" } do
      assert.equal(500, web.get(a, path).status, path)
    end
    for _ = 1, 3 do web.get(a, "/length") end
    assert.equal(200, web.get(a, "/close").status)
    local log = a:log()
    assert.matches("handler failed handler=http./raise error=\"[^\"]*a mistake of the page", log)
    assert.matches("a later mistake", log)
    assert.matches("a page cannot be sent page=/nothing", log)
    assert.matches("must return headers that are strings", log)
    assert.matches("a page cannot be sent page=/name reason=\"must return headers whose names [^\n]*'A B'", log)
    local lines = select(2, log:gsub("cannot be sent page=/length reason=\"cannot set the header content", ""))
    assert.equal(1, lines)
    assert.is_true(a:info().handlers.errors >= 2)
  end)

  it("are not for pages of other hosts, unless there is a token", function()
    local source = [[return { http = { ["/do"] = function() return 200, "done" end } }]]
    local a = start(source)
    for origin, status in pairs { ["http://localhost"] = 200, ["https://LOCALHOST"] = 200, null = 403,
      ["http://attacker.example"] = 403, ["http://localhost:81"] = 403 } do
      for _, method in ipairs { "GET", "POST" } do
        assert.equal(status, web.ask(a, method, "/do", "Origin: " .. origin .. "\r\n").status, origin)
      end
    end
    assert.equal(200, web.get(a, "/members", "Origin: http://attacker.example\r\n").status) -- it cannot read that
    local token = process.write(process.tempdir() .. "/token", "0123456789abcdef\n")
    assert(os.execute("chmod 600 " .. token))
    local b = node.start { source = source, args = { "--http", "127.0.0.1:0", "--http-token-file", token } }
    assert.equal(200, web.ask(b, "POST", "/do",
      "Origin: http://other.example\r\nAuthorization: Bearer 0123456789abcdef\r\n").status)
    for shown, status in pairs { ["0123456789abcdef"] = 200, ["0123456789abcdeX"] = 401, [""] = 401 } do
      assert.equal(status, web.get(b, "/v1/catalog/services", "X-Consul-Token: " .. shown .. "\r\n").status)
    end
  end)

  it("are those of the version in charge; one that is replaced while it waits is told so", function()
    local a = start [[return { http = { ["/v"] = function(node) node:sleep(3600) return 200, "one" end } }]]
    local client = web.connect(a)
    client:send "GET /v HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    wait.for_that(function() return a:info().handlers.calls > 0 end, 10, "call")
    process.write(a.script, [[return { http = { ["/v"] = function() return 200, "two" end } }]])
    wait.for_that(function() return a:info().script.generation == 2 end, 10, "reload")
    assert.equal(503, (web.read(client)))
    client:close()
    assert.equal("two", web.get(a, "/v").body)
  end)

  it("must be functions, by their paths", function()
    for source, wrong in pairs {
      ["return { http = { v = print } }"] = "http: a path begins with / and has at most 64 bytes",
      ["return { http = { ['/v'] = 1 } }"] = "http%['/v'%] must be a function, got a number",
      ["return { http = 1 }"] = "'http' must be a table, got 1",
    } do
      local path = process.write(process.tempdir() .. "/script.lua", source)
      assert.matches(wrong, process.cli("check", path).err)
    end
  end)
end)
