--- Coroutines: node:go, node:sleep, node:spawn without a function, node:connect.

local socket = require "socket"
local stages = require "spec.script.stage"
local unix = require "socket.unix"

describe("a coroutine of a node", function()
  local stage, node, servers

  before_each(function()
    stage = stages.new()
    node = stage:start()
    servers = {}
  end)
  after_each(function()
    for _, server in ipairs(servers) do server:close() end
    stage:close()
  end)

  it("that yields to nobody is an error, where it does that", function()
    local told
    local other = stage:start { on_error = function(_, message) told = message end }
    local line = debug.getinfo(1, "l").currentline
    other:go(function(n)
      n:sleep(0)
      coroutine.yield()
    end)
    stage:wait(function() return told end)
    assert.matches(("coroutine_spec.lua:%d: coroutine.yield: nobody resumes"):format(line + 3), told)
  end)

  it("may yield inside of it, and be resumed from outside while it waits", function()
    local steps = {}
    local inner = coroutine.wrap(function(n)
      for i = 1, 3 do
        n:sleep(0) -- resumed by the node, though another coroutine began it
        steps[#steps + 1] = coroutine.yield(i) or "node"
      end
    end)
    node:go(function(n) inner(n) n:sleep(0.01) end)
    stage:wait(function() return node:info().handlers.calls >= 3 end)
    inner "we"
    stage:wait(function() return steps[1] end)
    assert.equal("we", steps[1])
    assert.equal(0, node:info().handlers.errors)
  end)

  --- What the body returns, once it has, or the message of its error.
  local function go(body)
    local outcome = {}
    node:go(function(n) outcome.results = { body(n) } end)
    return outcome
  end

  local function results(outcome)
    stage:wait(function() return outcome.results end)
    return outcome.results
  end

  --- A server on loopback, which does not block: the endpoint, and a function that
  -- waits for the next client.
  local function listen(server)
    server = server or assert(socket.bind("127.0.0.1", 0))
    server:settimeout(0)
    servers[#servers + 1] = server
    local host, port = server:getsockname()
    return port and host .. ":" .. port, function()
      local client
      stage:wait(function()
        client = server:accept()
        return client
      end)
      client:settimeout(0)
      servers[#servers + 1] = client
      return client
    end
  end

  --- What the client sends, once there are so many bytes.
  local function receive(client, size)
    local got = ""
    stage:wait(function()
      local all, _, part = client:receive(size - #got)
      got = got .. (all or part or "")
      return #got == size
    end)
    return got
  end

  it("runs soon, and is given the node", function()
    local given
    node:go(function(n) given = n end)
    assert.is_nil(given)
    stage:wait(function() return given end)
    assert.equal(node, given)
  end)

  it("sleeps, and lets others run meanwhile", function()
    local order = {}
    for i = 3, 1, -1 do
      node:go(function(n)
        assert(n:sleep(i * 0.02) == true)
        order[#order + 1] = i
      end)
    end
    stage:wait(function() return #order == 3 end)
    assert.same({ 1, 2, 3 }, order)
  end)

  it("fails as a handler does, with a traceback into it", function()
    local failures = {}
    node = stage:start { on_error = function(what, message) failures[#failures + 1] = what .. ": " .. message end }
    node:go(function() error("at once") end)
    node:go(function(n)
      n:sleep(0.001)
      error("later")
    end)
    stage:wait(function() return #failures == 2 end)
    assert.matches("^coroutine: .*at once", failures[1])
    assert.matches("^sleep: .*later.*coroutine_spec%.lua", failures[2])
    assert.equal(2, node:info().handlers.errors)
  end)

  it("waits for a program", function()
    local result = results(go(function(n) return n:spawn({ "sh", "-c", "cat; exit 3" }, { stdin = "x" }) end))[1]
    assert.same({ code = 3, stdout = "x", stderr = "", truncated = false, timed_out = false }, result)
    assert.same({ nil, "cannot run no-such-program: no such file or directory", "spawn" },
      results(go(function(n) return n:spawn { "no-such-program" } end)))
  end)

  it("waits for a condition", function()
    local outcome = go(function(n) return n:wait(function(m) return m.store.done end) end)
    stage:idle(0.02)
    node.store.done = "now"
    assert.same({ "now" }, results(outcome))
  end)

  it("talks to a server", function()
    local endpoint, accept = listen()
    local outcome = go(function(n)
      local c = assert(n:connect(endpoint, 10))
      assert(c:write("hello\n"))
      local line, empty, bytes, rest = c:read("*l"), c:read(), c:read(4), c:read("*a")
      local nothing, message, code = c:read(1)
      return { line, empty, bytes, rest, nothing or false, message, code, c:read("*a"), c:close(), c:close() }
    end)
    local client = accept()
    assert.equal("hello\n", receive(client, 6))
    client:send("one\r\n\n12")
    stage:idle(0.01)
    client:send("345\nrest")
    client:close()
    assert.same({ "one", "", "1234", "5\nrest", false, "the peer has closed the connection", "closed", "", true,
      false }, results(outcome)[1])
  end)

  it("talks to a Unix socket", function()
    local path = stage:path("socket")
    local server = unix.stream and unix.stream() or unix()
    assert(server:bind(path))
    assert(server:listen())
    server:settimeout(0)
    servers[#servers + 1] = server
    local outcome = go(function(n)
      local c = assert(n:connect(path))
      c:write("x")
      return c:read("*a")
    end)
    local client
    stage:wait(function()
      client = server:accept()
      return client
    end)
    client:settimeout(0)
    assert.equal("x", receive(client, 1))
    client:send("answer")
    client:close()
    assert.same({ "answer" }, results(outcome))
  end)

  it("writes more than the system takes at once", function()
    local endpoint, accept = listen()
    local data = ("0123456789abcdef"):rep(2 ^ 18)
    local outcome = go(function(n) return assert(n:connect(endpoint)):write(data) end)
    local client = accept()
    assert.equal(data, receive(client, #data))
    assert.same({ true }, results(outcome))
  end)

  -- As much as it takes, until the condition holds.
  local function send_until(client, text, condition)
    local rest = text
    stage:wait(function()
      local last, _, part = client:send(rest)
      rest = rest:sub((last or part or 0) + 1)
      if rest == "" then rest = text end
      return condition()
    end)
  end

  it("gets no part of a line that is longer than may wait", function()
    local endpoint, accept = listen()
    local outcome
    node:go(function(n)
      local c = assert(n:connect(endpoint, 60))
      outcome = { c:read("*l") }
      outcome.begins = c:read(3)
    end)
    local client = accept()
    client:settimeout(0)
    send_until(client, ("abc"):rep(2 ^ 18), function() return outcome and outcome.begins end)
    assert.same({ nil, "the connection to " .. endpoint .. " is broken: it has sent too much", "connect",
      begins = "abc" }, outcome)
  end)

  it("gets no part of a line from a connection that broke", function()
    local endpoint, accept = listen()
    local outcome = go(function(n)
      local c = assert(n:connect(endpoint, 60))
      return { c:read("*l") }, { c:read("*l") }, c:read(3)
    end)
    local client = accept()
    client:send("whole\nhal")
    stage:idle(0.02)
    client:setoption("linger", { on = true, timeout = 0 })
    client:close()
    assert.same({ { "whole" },
      { nil, "the connection to " .. endpoint .. " is broken: connection reset by peer", "connect" }, "hal" },
      results(outcome))
  end)

  it("may ask for as many bytes as may wait, whatever comes behind them", function()
    local endpoint, accept = listen()
    local size
    node:go(function(n)
      local c = assert(n:connect(endpoint, 60))
      assert.equal("x", c:read(1)) -- so that the pieces do not add up
      size = #assert(c:read(2 ^ 24))
    end)
    local client = accept()
    client:settimeout(0)
    send_until(client, ("x"):rep(999983), function() return size end)
    assert.equal(2 ^ 24, size)
  end)

  it("resolves names", function()
    local endpoint, accept = listen()
    local outcome = go(function(n) return assert(n:connect("localhost:" .. endpoint:match("%d+$"), 10)):read("*a") end)
    local client = accept()
    client:send("found")
    client:close()
    assert.same({ "found" }, results(outcome))
  end)

  it("is told what is wrong", function()
    local endpoint = listen()
    servers[1]:close()
    assert.same({ nil, "cannot connect to " .. endpoint .. ": connection refused", "connect" },
      results(go(function(n) return n:connect(endpoint) end)))
    assert.same({ nil, "cannot connect to /no/such: no such file or directory", "connect" },
      results(go(function(n) return n:connect("/no/such") end)))
    local message = results(go(function(n) return n:connect("nowhere") end))[2]
    assert.matches("^cannot connect to nowhere: ", message)
  end)

  it("waits no longer than it wants", function()
    local endpoint, accept = listen()
    local outcome = go(function(n)
      local c = assert(n:connect(endpoint, 3600))
      local first = { c:read(3, 0.01) }
      return first, c:read(3)
    end)
    local client = accept()
    client:send("12")
    stage:idle(0.05)
    client:send("3")
    assert.same({ { nil, endpoint .. " has not sent it in time", "timeout" }, "123" }, results(outcome))
  end)

  it("learns that another one has closed its connection", function()
    local endpoint = listen()
    local connection
    local outcome = go(function(n)
      connection = assert(n:connect(endpoint))
      return connection:read("*a")
    end)
    stage:wait(function() return connection end)
    node:go(function() connection:close() end)
    assert.same({ nil, "the connection was closed", "closed" }, results(outcome))
    assert.same({ nil, "the connection was closed", "closed" }, results(go(function() return connection:read(1) end)))
    assert.same({ nil, "the connection was closed", "closed" }, results(go(function() return connection:write("") end)))
  end)

  it("may not share a wait", function()
    local endpoint = listen()
    local connection, message
    node:go(function(n)
      connection = assert(n:connect(endpoint))
      connection:read("*a")
    end)
    stage:wait(function() return connection end)
    node:go(function() message = select(2, pcall(connection.read, connection, 1)) end)
    stage:wait(function() return message end)
    assert.matches("connection:read: another coroutine waits for this connection", message)
  end)

  it("loses a connection that it no longer refers to", function()
    local endpoint, accept = listen()
    local done
    node:go(function(n)
      assert(n:connect(endpoint))
      done = true
    end)
    local client = accept()
    stage:wait(function() return done end)
    collectgarbage()
    collectgarbage()
    stage:wait(function() return select(2, client:receive(1)) == "closed" end)
  end)

  it("is only a coroutine that can wait", function()
    assert.error_matches(function() node:sleep(1) end, "node:sleep: only a coroutine can sleep")
    assert.error_matches(function() node:connect("x:1") end, "node:connect: only a coroutine can wait")
    assert.error_matches(function() node:go("x") end, "node:go: needs a function to run, got 'x'")
  end)

  -- Every place at which one can wait: what it leaves there when it is cut off.
  local places = {
    sleep = function(n) n:sleep(3600) end,
    wait = function(n) n:wait(function() return false end) end,
    program = function(n) n:spawn { "sleep", "3600" } end,
    queued = function(n)
      for _ = 1, 8 do n:spawn({ "sleep", "3600" }, function() end) end
      n:spawn { "sleep", "3600" }
    end,
    lookup = function(n) n:connect("no-such-name.invalid:1") end,
    connect = function(n, endpoint) n:connect(endpoint) end,
    read = function(n, endpoint) assert(n:connect(endpoint)):read("*a") end,
    write = function(n, endpoint) assert(n:connect(endpoint)):write(("x"):rep(2 ^ 24)) end,
    sleep_with_a_connection = function(n, endpoint)
      local connection = assert(n:connect(endpoint))
      n:sleep(3600)
      connection:close()
    end,
    before_it_began = function() end,
  }

  for name, body in pairs(places) do
    it(("leaves nothing behind when a reload cuts it off in: %s"):format(name), function()
      local endpoint = listen()
      -- made once: the thread that looks names up
      local looked_up = name == "lookup" and go(function(n) return { n:connect("no-such-name.invalid:1") } end)
      if looked_up then results(looked_up) end
      collectgarbage()
      local before, reached, went_on = stages.descriptors(), 0, false
      node:set_handlers { on_reload = function(n)
        for _ = 1, 20 do
          n:go(function()
            reached = reached + 1
            body(n, endpoint)
            went_on = name ~= "connect" and name ~= "lookup" and name ~= "before_it_began" or went_on
          end)
        end
      end }
      if name ~= "before_it_began" then
        stage:wait(function() return reached == 20 end)
        if name ~= "connect" and name ~= "lookup" then stage:idle(0.03) end
      end
      assert.is_true(node:set_handlers {})
      stage:wait(function() return stages.descriptors() <= before end)
      assert.is_false(went_on)
      assert.equal(0, node:info().handlers.errors)
      -- and the node goes on
      assert.same({ "here" }, results(go(function(n)
        n:sleep(0)
        return "here"
      end)))
    end)

    it(("leaves nothing behind when its node is closed in: %s"):format(name), function()
      local endpoint = listen()
      local before = stages.descriptors()
      local other = stage:start()
      for _ = 1, 5 do other:go(function(n) body(n, endpoint) end) end
      if name ~= "before_it_began" then stage:idle(0.02) end
      other:close()
      stage:wait(function() return stages.descriptors() <= before end)
    end)
  end
end)

describe("a coroutine of a node that closes", function()
  local stage, server

  before_each(function()
    stage = stages.new()
    server = assert(socket.bind("127.0.0.1", 0)) -- which accepts, and never answers
  end)
  after_each(function()
    server:close()
    stage:close()
  end)

  local waits = {
    ask = function(n) n:ask("version", nil, { timeout = 60 }) end, -- somebody who does not answer
    call = function(n) n:call "never" end,
    http = function(n, endpoint) n:http { url = "http://" .. endpoint .. "/", timeout = 60 } end,
    read = function(n, endpoint) assert(n:connect(endpoint, 60)):read "*l" end,
    sleep = function(n) n:sleep(60) end,
    spawn = function(n) n:spawn { "sleep", "60" } end,
    wait = function(n) n:wait(function() return false end) end,
    wait_a_minute = function(n) n:wait(function() return false end, 60) end,
  }

  local has_posix = pcall(require, "posix.fcntl") -- to see what is logged
  for name, wait in pairs(has_posix and waits or {}) do
    it("ends without a word in: " .. name, function()
      local endpoint = ("%s:%d"):format(server:getsockname())
      local gone = stage:start()
      local id = gone:identity()
      gone:close()
      local begun, went_on
      local lines = stage:capture(function()
        local node = stage:start {
          log = "warn",
          handlers = { commands = { never = { run = function(n) n:sleep(60) end } } },
        }
        assert(node:apply { { id = id, state = "alive", incarnation = 0 } })
        node:go(function(n)
          while true do
            begun = true
            wait(n, endpoint)
            went_on = true
            n:num_members()
          end
        end)
        stage:wait(function() return begun end)
        stage:idle(0.02)
        assert.is_nil(went_on)
        node:close()
        stage:idle(0.02)
      end)
      assert.same({}, lines)
      assert.is_nil(went_on)
    end)
  end
end)

describe("a coroutine of a script", function()
  it("ends with a reload", function()
    local stage = stages.new()
    local text = [[
      local M = {}
      local function start(node)
        node:go(function(n)
          while true do
            n.store.VERSION = (n.store.VERSION or 0) + 1
            n:sleep(0.001)
          end
        end)
      end
      M.on_start, M.on_reload = start, start
      return M
    ]]
    local path = stage:write("service.lua", (text:gsub("VERSION", "one")))
    local node = stage:start { handlers = path, watch = false }
    stage:wait(function() return (node.store.one or 0) > 3 end)
    stage:write("service.lua", (text:gsub("VERSION", "two")))
    assert.is_true(node:reload())
    local one = node.store.one
    stage:wait(function() return (node.store.two or 0) > 3 end)
    assert.equal(one, node.store.one)
    stage:close()
  end)
end)
