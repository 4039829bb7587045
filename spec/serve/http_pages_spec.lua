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
        ["/slow"] = function(node) node:sleep(0.01) return 200, "slept" end,
        ["/members"] = function() return 200, "never" end,
      } }]]
    local page = web.ask(a, "POST", "/echo?q=1", "X-A: 2\r\nContent-Length: 3\r\n", "abc")
    assert.same({ 201, "POST/echo1abc2", "false" }, { page.status, page.body, page.headers["x-b"] })
    assert.same({ a = { 1, 2 } }, web.get(a, "/json").json)
    assert.same({ 204, "" }, { web.get(a, "/empty").status, web.get(a, "/empty").body })
    assert.equal("slept", web.get(a, "/slow").body)
    assert.same({}, web.get(a, "/members").json) -- ours come first
    assert.equal(404, web.get(a, "/none").status)
    assert.equal(404, web.get(a, "/" .. ("x"):rep(100)).status)
    local head = web.ask(a, "HEAD", "/json")
    assert.same({ 200, "" }, { head.status, head.body })
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
      } }]]
    for _, path in ipairs { "/raise", "/later", "/nothing", "/header", "/function" } do
      assert.equal(500, web.get(a, path).status, path)
    end
    assert.is_true(web.get(a, "/name").status >= 200)
    local log = a:log()
    assert.matches("handler failed handler=http./raise error=\"[^\"]*a mistake of the page", log)
    assert.matches("a later mistake", log)
    assert.matches("a page cannot be sent page=/nothing", log)
    assert.matches("must return headers that are strings", log)
    assert.is_true(a:info().handlers.errors >= 2)
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
