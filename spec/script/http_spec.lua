--- node:http, against servers in this process and in another one.

local files = require "spec.support.files"
local process = require "spec.support.process"
local socket = require "socket"
local unpack = rawget(_G, "unpack") or table.unpack -- luacheck: std max
local stages = require "spec.script.stage"

-- A server on loopback, in the loop of the spec. answer(request) returns what it
-- sends before it closes the connection; request has the text up to now, and answer
-- may say nothing yet.
local function serve(stage, answer)
  local server = assert(socket.bind("127.0.0.1", 0))
  server:settimeout(0)
  local host, port = server:getsockname()
  local clients, requests = {}, {}
  local function turn()
    local client = server:accept()
    if client then
      client:settimeout(0)
      clients[#clients + 1] = { socket = client, text = "" }
    end
    for i = #clients, 1, -1 do
      local c = clients[i]
      local all, _, part = c.socket:receive(65536)
      c.text = c.text .. (all or part or "")
      local head, body = c.text:match("^(.-\r\n\r\n)(.*)$")
      local length = head and tonumber(head:lower():match("content%-length: (%d+)")) or 0
      local response = head and #body >= length and answer(c.text)
      if response then
        requests[#requests + 1] = c.text
        c.socket:settimeout(5)
        c.socket:send(response)
        c.socket:close()
        table.remove(clients, i)
      end
    end
  end
  return {
    url = ("http://%s:%d"):format(host, port),
    port = port,
    requests = requests,
    wait = function(condition)
      stage:wait(function()
        turn()
        return condition()
      end)
    end,
    close = function()
      server:close()
      for _, c in ipairs(clients) do c.socket:close() end
    end,
  }
end

describe("a request", function()
  local stage, node, server

  before_each(function()
    stage = stages.new()
    node = stage:start()
  end)
  after_each(function()
    if server then server.close() end
    server = nil
    stage:close()
    process.cleanup()
  end)

  local function ask(options)
    local outcome
    assert(node:http(options, function(given, ...)
      assert.equal(node, given)
      outcome = { ... }
    end))
    server.wait(function() return outcome end)
    return unpack(outcome, 1, 3)
  end

  it("gets a response", function()
    server = serve(stage, function()
      return "HTTP/1.1 200 OK\r\nX-One: a\r\nx-one: b\r\nContent-Type: text/plain\r\nContent-Length: 5\r\n\r\nhello"
    end)
    local response = ask { url = server.url .. "/path?query=1" }
    assert.same({ status = 200, body = "hello", truncated = false,
      headers = { ["x-one"] = "a, b", ["content-type"] = "text/plain", ["content-length"] = "5" } }, response)
    assert.matches("^GET /path%?query=1 HTTP/1%.1\r\n", server.requests[1])
    assert.matches("Host: 127%.0%.0%.1:" .. server.port .. "\r\n", server.requests[1])
  end)

  it("has a method, headers and a body", function()
    server = serve(stage, function() return "HTTP/1.1 204 No Content\r\n\r\n" end)
    local response = ask { url = server.url, method = "PUT", body = "{}",
      headers = { ["Content-Type"] = "application/json", ["X-Number"] = 7 } }
    assert.equal(204, response.status)
    assert.matches("^PUT / HTTP", server.requests[1])
    assert.matches("Content%-Type: application/json\r\n", server.requests[1])
    assert.matches("X%-Number: 7\r\n", server.requests[1])
    assert.matches("Content%-Length: 2\r\n.*\r\n{}$", server.requests[1])
  end)

  it("posts a body, byte for byte, unless it is told otherwise", function()
    local body = ("\0\1\2\255"):rep(100000)
    server = serve(stage, function() return "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n" end)
    assert.equal(200, ask({ url = server.url, body = body }).status)
    assert.matches("^POST / ", server.requests[1])
    assert.equal(body, server.requests[1]:match("\r\n\r\n(.*)$"))
    assert.is_nil(server.requests[1]:match("[Ee]xpect") or server.requests[1]:match("urlencoded"))
  end)

  it("keeps the beginning of a body that is too long", function()
    server = serve(stage, function() return "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n0123456789" end)
    local response = ask { url = server.url, max_body = 4 }
    assert.same({ "0123", true }, { response.body, response.truncated })
  end)

  it("resolves names, and follows no redirects", function()
    server = serve(stage, function()
      return "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n"
    end)
    local response = ask { url = "http://localhost:" .. server.port .. "/" }
    assert.same({ 302, "http://127.0.0.1:1/" }, { response.status, response.headers.location })
  end)

  it("is told why there is no response", function()
    server = serve(stage, function() return "nonsense\r\n\r\n" end)
    local response, message, code = ask { url = server.url }
    assert.same({ nil, "http" }, { response, code })
    assert.is_string(message)
    local port = server.port
    server.close()
    response, message, code = ask { url = "http://127.0.0.1:" .. port }
    assert.same({ nil, "http" }, { response, code })
    assert.matches("[Cc]onnect", message)
    local _, refused
    _, refused, code = node:http({ url = "ftp://x" }, function() end)
    assert.same({ "not a URL of http or https: ftp://x", "http" }, { refused, code })
  end)

  it("ends when its time is over, or when it is given up", function()
    server = serve(stage, function() return nil end)
    assert.same({ nil, "it took too long", "timeout" }, { ask { url = server.url, timeout = 0.05 } })
    local before, called = stages.descriptors(), false
    local pending = assert(node:http({ url = server.url }, function() called = true end))
    stage:idle(0.02)
    assert.is_true(pending:cancel())
    stage:wait(function() return stages.descriptors() <= before end)
    assert.is_false(called)
  end)

  it("is waited for in a coroutine, and ends with a reload and with its node", function()
    server = serve(stage, function(text) return text:match("^GET /now") and "HTTP/1.0 200 OK\r\n\r\nyes" end)
    local body
    node:go(function(n) body = assert(n:http { url = server.url .. "/now" }).body end)
    server.wait(function() return body end)
    assert.equal("yes", body)
    local before, went_on = stages.descriptors(), false
    node:set_handlers { on_reload = function(n)
      for _ = 1, 10 do
        n:go(function()
          n:http { url = server.url .. "/never" }
          went_on = true
        end)
      end
    end }
    stage:idle(0.05)
    assert.is_true(node:set_handlers {})
    stage:wait(function() return stages.descriptors() <= before end)
    node:http({ url = server.url .. "/never" }, function() went_on = true end)
    stage:idle(0.02)
    node:close()
    assert.is_false(went_on)
  end)

  it("is misuse with strange options", function()
    local function misuse(options, pattern)
      assert.error_matches(function() node:http(options, function() end) end, pattern)
    end
    misuse({}, "node:http: option 'url' is missing")
    misuse({ url = "http://x", uri = 1 }, "node:http: unknown option 'uri' %(did you mean 'url'%?%)")
    misuse({ url = "http://x\r\n" }, "option 'url' must not have line ends")
    misuse({ url = "http://x", headers = { A = "b\r\nC: d" } }, "option 'headers' must not have line ends")
    misuse({ url = "http://x", headers = { [1] = "b" } }, "option 'headers' must have names and strings")
    misuse({ url = "http://x", method = "get" }, "option 'method' must have capital letters")
    assert.error_matches(function() node:http { url = "http://x" } end, "needs a function to call, or a coroutine")
  end)

  -- Where leaks are looked for, the module stays to the end: see spec/support/helper.lua.
  local program = (files.sanitized and [[
    local ffi = require "ffi"
    ffi.cdef "void *dlopen(const char *, int);"
    assert(ffi.C.dlopen(package.searchpath("shoal.core", package.cpath), 2 + 0x1000) ~= nil)
  ]] or "") .. [[
    local shoal = require "shoal"
    local node = assert(shoal.start { log = false })
    local done
    node:go(function(n)
      local response, message, code = n:http { url = arg[1], ca_file = arg[2], timeout = 20,
        headers = arg[3] and { host = "foo", ACCEPT = "text/x", ["Content-length"] = "5", ["X-Empty"] = "" }
          or { A = "b" }, body = arg[3] }
      print(response and response.status, response and response.headers["x-a"],
        response and response.body or message, code)
      done = true
    end)
    while not done do shoal.step(0.1) end
  ]]

  --- What the program writes; `turn` lets the server work meanwhile.
  local function run(url, ca_file, libcurl, turn, body)
    local path = process.write(process.tempdir() .. "/request.lua", program)
    local p = process.start { process.lua, path, url, ca_file, body,
      env = { LD_PRELOAD = process.preload, SHOAL_LIBCURL = libcurl } }
    turn(function() return p:ended() end)
    return p:stdout()
  end

  it("works without libcurl, but for https", function()
    server = serve(stage, function(text)
      return text:match("^GET /a%?b HTTP/1%.0\r\n") and text:match("A: b\r\n")
        and "HTTP/1.1 200 OK\r\nX-A: head\r\n\r\nbody" or "HTTP/1.1 400 No\r\nContent-Length: 0\r\n\r\n"
    end)
    assert.equal("200\thead\tbody\tnil\n", run(server.url .. "/a?b#c", "none", "", server.wait))
    assert.matches("^nil\tnil\thttps needs libcurl", run("https://127.0.0.1:" .. server.port, "none", "", server.wait))
  end)

  describe("with and without libcurl", function()
    local function both(check)
      check(nil)
      check("")
    end

    it("has each header once: those of the script in place of others", function()
      server = serve(stage, function() return "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok" end)
      both(function(libcurl)
        assert.equal("200\tnil\tok\tnil\n", run(server.url, "none", libcurl, server.wait, "12345"))
        local head = table.remove(server.requests):match("^(.-\r\n)\r\n12345$")
        local lines = {}
        for line in head:gmatch("\r\n([^\r]+)") do lines[#lines + 1] = line:lower() end
        table.sort(lines)
        assert.same({ "accept: text/x", "content-length: 5", "host: foo" }, lines)
      end)
    end)

    it("skips what servers say before the response", function()
      server = serve(stage, function()
        return "HTTP/1.1 100 Continue\r\nX-A: no\r\n\r\nHTTP/1.1 103 Early Hints\r\n\r\n"
          .. "HTTP/1.1 200 OK\r\nX-A: yes\r\nContent-Length: 2\r\n\r\nok"
      end)
      both(function(libcurl)
        assert.equal("200\tyes\tok\tnil\n", run(server.url, "none", libcurl, server.wait))
      end)
    end)
  end)

  it("does not wait for ever for a response behind others", function()
    server = serve(stage, function() return ("HTTP/1.1 100 Continue\r\n\r\n"):rep(10000) end)
    assert.equal("nil\tnil\tthe response is too large\thttp\n", run(server.url, "none", "", server.wait))
    server.close()
    server = serve(stage, function() return "HTTP/1.1 100 Continue\r\n\r\n" end)
    assert.equal("nil\tnil\tthe connection ended before the response\thttp\n",
      run(server.url, "none", "", server.wait))
  end)

  it("checks certificates", function()
    local folder = process.tempdir()
    local key, certificate = folder .. "/key.pem", folder .. "/certificate.pem"
    assert.equal(0, process.run({ "openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", key,
      "-out", certificate, "-days", "2", "-subj", "/CN=localhost",
      "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1" }).code)
    local tls = process.start { "openssl", "s_server", "-accept", "127.0.0.1:0", "-cert", certificate, "-key", key,
      "-www" }
    tls:wait_for("ACCEPT", 10, "stdout")
    local port = tls:stdout():match("ACCEPT.-:(%d+)")
    local function wait_for(condition) stage:wait(condition) end
    assert.matches("^200\t", run("https://127.0.0.1:" .. port, certificate, nil, wait_for))
    assert.matches("^200\t", run("https://localhost:" .. port, certificate, nil, wait_for))
    assert.matches("^nil\tnil\t.*certificate.*\thttp\n$", run("https://localhost:" .. port, nil, nil, wait_for))
  end)
end)
