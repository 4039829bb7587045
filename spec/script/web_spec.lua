--- The HTTP server below `shoal run --http`, in the loop of the spec: clients that are
-- slow, silent, gone, or mean.

local core = require "shoal.core"
local process = require "spec.support.process"
local shoal = require "shoal"
local socket = require "socket"
local wait = require "spec.support.wait"

describe("the HTTP server", function()
  local server, clients, got

  -- Every request is answered with what it was, unless `answer` does something else.
  local function listen(options, answer)
    got = {}
    server = assert(core.web_listen("127.0.0.1:0", {
      on_request = function(exchange, method, uri, body)
        got[#got + 1] = { exchange = exchange, method = method, uri = uri, body = body }
        if answer then return answer(exchange, uri) end
        exchange:respond(200, { ["X-A"] = "b" }, method .. " " .. uri .. " " .. body)
      end,
      on_over = function(exchange)
        got.over = (got.over or 0) + 1
        assert.is_false(exchange:is_open())
      end,
    }, options))
  end

  before_each(function() clients = {} end)
  after_each(function()
    for _, client in ipairs(clients) do client.socket:close() end
    if server then server:close() end
    server = nil
    process.cleanup()
  end)

  local function step_until(condition, what)
    return wait.for_that(function()
      shoal.step(0.01)
      return condition()
    end, 10, what)
  end

  -- A client whose `text` is what it has read; `ended` when the server has closed.
  local function connect()
    local client = { socket = assert(socket.tcp()), text = "" }
    assert(client.socket:connect("127.0.0.1", tonumber(server:place():match ":(%d+)$")))
    client.socket:settimeout(0)
    function client.send(text) return client.socket:send(text) end
    function client.read()
      local all, why, part = client.socket:receive(65536)
      client.text = client.text .. (all or part or "")
      client.ended = client.ended or (why ~= nil and why ~= "timeout")
      return client.text
    end
    function client.reads(pattern)
      return step_until(function() return client.read():match(pattern) end, pattern)
    end
    function client.ends()
      step_until(function() client.read() return client.ended end, "end of a connection")
      return client.text
    end
    clients[#clients + 1] = client
    return client
  end

  local function ask(text)
    local client = connect()
    client.send(text)
    return client
  end

  local HOST = "\r\nHost: localhost\r\n\r\n"

  it("hands requests up and answers, one after the other on one connection", function()
    listen()
    local client = ask("GET /a%20b?c=%64 HTTP/1.1\r\nHost: 127.0.0.1:1\r\nX-Y: 1\r\n\r\n")
    client.reads "X%-A: b\r\n.*GET /a%%20b%?c=%%64 $"
    client.send("POST /p HTTP/1.1\r\nHost: [::1]\r\nContent-Length: 3\r\n\r\nabc" .. "HEAD /h HTTP/1.1" .. HOST)
    client.reads "POST /p abc.*Content%-Length: 8\r\n\r\n$"
    step_until(function() return got.over == 3 end, "end of three")
    assert.equal(1, server:stats().accepted)
    assert.equal(3, server:stats().requests)
    assert.is_false(got[1].exchange:respond(200, nil, "late"))
    assert.is_nil(got[1].exchange:header "x-y")
  end)

  it("knows the headers of a request, whatever they are called", function()
    local seen
    listen(nil, function(exchange)
      seen = { exchange:header "x-ABC", exchange:header "none" or "", exchange:headers() }
      exchange:respond(204)
    end)
    ask("GET / HTTP/1.1\r\nX-aBc: one\r\nhOST: localhost\r\nx-abc: two\r\n\r\n").reads "^HTTP/1.1 204 "
    assert.same({ "one", "", { ["x-abc"] = "one, two", host = "localhost" } }, seen)
  end)

  it("may be answered later, or with something that goes on", function()
    listen(nil, function(exchange, uri)
      if uri == "/stream" then exchange:stream(200, { ["Content-Type"] = "text/plain" }) end
    end)
    local late, stream = ask("GET /late HTTP/1.1" .. HOST), ask("GET /stream HTTP/1.1" .. HOST)
    step_until(function() return #got == 2 end, "both requests")
    local by_uri = { [got[1].uri] = got[1].exchange, [got[2].uri] = got[2].exchange }
    assert.is_true(by_uri["/late"]:respond(201, nil, "now"))
    assert.is_false(by_uri["/late"]:respond(201, nil, "twice"))
    late.reads "201.*now$"
    for _, text in ipairs { "first", ("x"):rep(100000), "last" } do
      assert.is_true(by_uri["/stream"]:write(text))
      stream.reads(text:sub(-20))
    end
    by_uri["/stream"]:finish()
    assert.is_false(by_uri["/stream"]:write "more")
    stream.reads "last\r\n0\r\n\r\n$"
  end)

  it("answers HEAD without a body, also where GET gets a stream", function()
    listen(nil, function(exchange, uri)
      if uri == "/stream" then
        exchange:stream(200, { ["X-A"] = "b" })
        exchange:write "text"
        exchange:finish()
      else
        exchange:respond(200, nil, "next")
      end
    end)
    local client = ask("HEAD /stream HTTP/1.1" .. HOST)
    step_until(function() return got.over == 1 end, "end of the first")
    client.send("GET /next HTTP/1.1" .. HOST)
    client.reads "next$"
    assert.matches("X%-A: b", client.text)
    assert.equal("HTTP/1.1", client.text:match "^HTTP/1.1 200 .-\r\n\r\n(........)")
  end)

  it("logs what fails, and answers 500", function()
    listen(nil, function() error "this is a failure" end)
    ask("GET / HTTP/1.1" .. HOST).reads "^HTTP/1.1 500 "
    ask("GET / HTTP/1.1" .. HOST).reads "^HTTP/1.1 500 "
  end)

  it("does not take a header that is none", function()
    local raised
    listen(nil, function(exchange)
      raised = { pcall(exchange.respond, exchange, 200, { A = "b\r\nC: d" }, "x") }
      exchange:respond(200)
    end)
    ask("GET / HTTP/1.1" .. HOST).reads "^HTTP/1.1 200 "
    assert.is_false(raised[1])
  end)

  it("refuses what is ambiguous, too long, or asked by name", function()
    listen()
    local cases = {
      { "GET / HTTP/1.1\r\n\r\n", 400 },
      { "GET / HTTP/1.1\r\nHost: localhost\r\nHost: localhost\r\n\r\n", 400 },
      { "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab", 400 },
      { "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\na", 400 },
      { "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 65537\r\n\r\n", 413 },
      { "POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n10001\r\n" .. ("x"):rep(65537)
        .. "\r\n0\r\n\r\n", 413 },
      { "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length : 2\r\n\r\nab", 400 },
      { "GET / HTTP/1.1\r\nHost: localhost\r\nX\1Y: 2\r\n\r\n", 400 },
      { "POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: gzip\r\n\r\nab", 501 },
      { "POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: gzip, chunked\r\n\r\n1\r\na\r\n0\r\n\r\n", 501 },
      { "POST / HTTP/1.0\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n", 400 },
      { "GET / HTTP/1.1\r\nHost: attacker.example\r\n\r\n", 403 },
      { "GET / HTTP/1.1\r\nHost: [attacker.example\r\n\r\n", 403 },
      { "GET / HTTP/1.1\r\nHost: [::1].attacker.example\r\n\r\n", 403 },
      { "GET / HTTP/1.1\r\nHost: localhost:1.attacker.example\r\n\r\n", 403 },
      { "GET / HTTP/1.1\r\nHost: localhost.attacker.example\r\n\r\n", 403 },
      { "GET / HTTP/1.1\r\nHost: localhost\r\nX: " .. ("x"):rep(20000) .. "\r\n\r\n", "4%d%d" },
    }
    for _, case in ipairs(cases) do
      assert.matches("^HTTP/1.%d " .. case[2] .. " ", ask(case[1]).ends(), case[1]:sub(1, 100))
    end
    assert.equal(0, #got)
  end)

  it("does not fall for junk, halves, or pipelines", function()
    listen()
    for i = 1, 60 do
      local bytes = {}
      for j = 1, 200 do bytes[j] = string.char((i * 31 + j * j * 7) % 256) end
      local client = ask(table.concat(bytes) .. (i % 2 == 0 and "\r\n\r\n" or ""))
      if i % 3 == 0 then client.socket:close() end
    end
    for cut = 1, 36, 3 do
      ask(("GET /half HTTP/1.1" .. HOST):sub(1, cut)).socket:close()
    end
    local client = ask(("GET /p HTTP/1.1" .. HOST):rep(50))
    step_until(function() return select(2, client.read():gsub("GET /p ", "")) == 50 end, "fifty answers")
    assert.equal(50, #got)
  end)

  it("cuts off those that say a byte now and then, or nothing", function()
    listen { idle = 0.5, arrive = 0.5 }
    local silent, slow = connect(), ask "GET / HTTP/1.1\r\nHost: localhost\r\nX: "
    local sends = 0
    step_until(function()
      if slow.send "a" then sends = sends + 1 end
      slow.read()
      silent.read()
      return slow.ended and silent.ended
    end, "end of both")
    assert.is_true(sends > 1)
    assert.equal(2, server:stats().cut_off)
  end)

  it("cuts off those that do not read their answer", function()
    listen({ write = 0.5 }, function(exchange) exchange:respond(200, nil, ("x"):rep(2 ^ 24)) end)
    ask("GET / HTTP/1.1" .. HOST)
    step_until(function() return server:stats().cut_off == 1 and server:stats().connections == 0 end, "cut off")
  end)

  it("cuts off a stream whose reader does not read, and no other", function()
    listen({ write = 0.5 }, function(exchange) exchange:stream(200) end)
    ask("GET / HTTP/1.1" .. HOST)
    step_until(function() return #got == 1 end, "a stream")
    ask("GET / HTTP/1.1" .. HOST).reads "200"
    while got[1].exchange:write(("x"):rep(2 ^ 19)) do shoal.step() end
    step_until(function() return server:stats().connections == 1 end, "one stream less")
    assert.is_true(got[2].exchange:write "still here")
    clients[2].reads "still here"
  end)

  it("cuts off a stream that has ended, if its reader does not take the rest", function()
    listen({ write = 0.5 }, function(exchange) exchange:stream(200) end)
    -- Writes so many pieces, or until one is not taken; how many that are.
    local function fill(most)
      local before = #got
      ask("GET / HTTP/1.1" .. HOST)
      step_until(function() return #got > before end, "a stream")
      local stream, count = got[#got].exchange, 0
      repeat
        stream:write(("x"):rep(2048))
        count = count + 1
        for _ = 1, 3 do shoal.step(0) end
      until stream:waiting() > 0 or count == most
      return count, stream
    end
    local count = fill()
    local _, stream = fill(count - 1) -- the library has taken them all, and cannot send them
    assert.equal(0, stream:waiting())
    stream:finish()
    step_until(function() return server:stats().connections == 0 end, "both cut off")
    assert.equal(2, server:stats().cut_off)
  end)

  it("notices that those have gone whose request waits", function()
    listen(nil, function() end)
    for i = 1, 100 do clients[i] = ask("GET / HTTP/1.1" .. HOST) end
    step_until(function() return #got == 100 end, "requests")
    for _, client in ipairs(clients) do client.socket:close() end
    step_until(function() return server:stats().connections == 0 end, "nobody")
    assert.equal(100, got.over)
    assert.is_false(got[1].exchange:respond(200, nil, "nobody"))
  end)

  it("makes room for new ones: who has been idle for longest goes", function()
    listen()
    local first = connect()
    step_until(function() return server:stats().connections == 1 end, "one connection")
    for _ = 1, 300 do
      connect()
      shoal.step()
    end
    ask("GET /last HTTP/1.1" .. HOST).reads "GET /last"
    assert.equal(256, server:stats().connections)
    assert.equal(0, server:stats().refused)
    first.ends()
  end)

  it("refuses more when all are waiting for answers", function()
    listen(nil, function() end)
    for _ = 1, 256 do
      ask("GET / HTTP/1.1" .. HOST)
      shoal.step()
    end
    step_until(function() return #got == 256 end, "requests")
    connect().ends()
    assert.equal(1, server:stats().refused)
  end)

  it("survives thousands of connections that come and go", function()
    listen()
    for i = 1, 3000 do
      local client = connect()
      if i % 3 == 0 then client.send "GET / HT" end
      if i % 5 == 0 then client.send("GET / HTTP/1.1" .. HOST) end
      client.socket:close()
      clients[#clients] = nil
      if i % 8 == 0 then shoal.step() end
    end
    ask("GET /after HTTP/1.1" .. HOST).reads "GET /after"
    step_until(function() return server:stats().connections == 1 end, "one connection")
  end)

  it("can be closed while requests wait, and by one", function()
    listen(nil, function(_, uri)
      if uri == "/close" then server:close() end
    end)
    local waiting = ask("GET /wait HTTP/1.1" .. HOST)
    step_until(function() return #got == 1 end, "a request")
    ask("GET /close HTTP/1.1" .. HOST).ends()
    waiting.ends()
    assert.equal(2, got.over)
    assert.is_false(got[1].exchange:respond(200))
    server:close()
  end)

  it("asks for the token that is in a file of its owner's", function()
    local path = process.write(process.tempdir() .. "/token", "0123456789abcdef\n")
    local server_, message = core.web_listen("127.0.0.1:0", {}, { token_file = path })
    assert.is_nil(server_)
    assert.matches("other users may read or write the token file", message)
    assert(os.execute("chmod 600 " .. path))
    listen { token_file = path, public = true }
    local function with(authorization)
      return ask("GET / HTTP/1.1\r\nHost: any.name\r\nConnection: close\r\n" .. authorization .. "\r\n").ends()
    end
    assert.matches("^HTTP/1.1 401 .*WWW%-Authenticate: Bearer.*a token is needed", with "")
    assert.matches("^HTTP/1.1 401 .*the token is wrong", with "Authorization: Bearer 0123456789abcdeF\r\n")
    assert.matches("^HTTP/1.1 401 ", with "Authorization: Bearer 0123456789abcde\r\n")
    assert.matches("^HTTP/1.1 401 ", with "Authorization: Bearer 0123456789abcdef0\r\n")
    assert.matches("^HTTP/1.1 401 ", with "Authorization: Basic 0123456789abcdef\r\n")
    assert.matches("^HTTP/1.1 200 ", with "Authorization: Bearer 0123456789abcdef\r\n")
    assert.matches("^HTTP/1.1 200 ", with "authorization: bearer 0123456789abcdef\r\n")
  end)

  it("says what is wrong with a place", function()
    local function wrong(where, options)
      local made, message, code = core.web_listen(where, {}, options)
      assert.same({ nil, "listen" }, { made, code })
      return message
    end
    assert.matches("not a loopback address", wrong "0.0.0.0:0")
    assert.matches("token", wrong("0.0.0.0:0", { public = true }))
    assert.matches("not an IP address", wrong "localhost:80")
    assert.matches("port", wrong "127.0.0.1")
    listen()
    assert.matches("cannot listen on 127.0.0.1:%d+: address already in use", wrong(server:place()))
    assert.matches("at most", wrong("unix:/" .. ("x"):rep(200)))
    assert.has_error(function() core.web_listen("127.0.0.1:0", {}, { pubic = true }) end)
  end)

  it("listens on IPv6 and at paths", function()
    local path = process.tempdir() .. "/web.sock"
    local unix = assert(core.web_listen("unix:" .. path, {
      on_request = function(exchange) exchange:respond(200, nil, "by path") end,
    }))
    assert.equal("unix:" .. path, unix:place())
    local client = { socket = require "socket.unix"() }
    clients[1] = client
    assert(client.socket:connect(path))
    client.socket:send "GET / HTTP/1.1\r\nHost: any\r\nConnection: close\r\n\r\n"
    client.socket:settimeout(0)
    local text = ""
    step_until(function()
      local _, why, part = client.socket:receive "*a"
      text = text .. (_ or part or "")
      return why ~= "timeout"
    end, "an answer")
    assert.matches("by path$", text)
    unix:close()
    assert.is_nil(require "posix.sys.stat".stat(path))
    local six = core.web_listen("[::1]:0", {})
    if six then six:close() end
  end)
end)
