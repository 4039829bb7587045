--- core.control_listen: the server's side of the control socket, in a loop.

local core = require "shoal.core"
local poll = require "posix.poll"
local raw = require "spec.support.raw"
local stages = require "spec.script.stage"

describe("a control server", function()
  local stage, path, heard

  before_each(function()
    stage = stages.new()
    stage:start() -- so that the loop has something to wait for
    path = stage:path("control.sock")
    heard = {}
  end)
  after_each(function() stage:close() end)

  local function listen(handlers)
    local all = { on_request = function(peer, id, method, params)
      heard[#heard + 1] = { peer, id, method, params }
    end }
    for name, fn in pairs(handlers or {}) do all[name] = fn end
    return assert(core.control_listen(path, all))
  end

  --- The next message that the client gets, while the loop runs.
  local function read(client)
    stage:wait(function() return poll.rpoll(client.fd, 0) == 1 end, "an answer")
    return client:read()
  end

  it("hands requests up, and answers down", function()
    local server = listen()
    assert.equal(path, server:path())
    local client = raw.connect(path)
    client:write(raw.request(7, "members", { "all", { deep = 1 } }))
    stage:wait(function() return heard[1] end)
    local peer, id, method, params = (table.unpack or unpack)(heard[1]) -- luacheck: std max
    assert.equal(7, id)
    assert.equal("members", method)
    assert.same({ "all", { deep = 1 } }, params)
    assert.is_true(peer:respond(id, nil, { "a", "b" }))
    local answer = read(client)
    assert.same({ 1, 7 }, { answer[1], answer[2] })
    assert.is_nil(answer[3])
    assert.same({ "a", "b" }, answer[4])
    assert.is_true(peer:respond(id, "no", nil))
    answer = read(client)
    assert.equal("no", answer[3])
    assert.is_nil(answer[4])
    assert.is_true(peer:notify("event", { "up" }))
    assert.same({ 2, "event", { "up" } }, read(client))
    server:close()
  end)

  it("answers for a handler that raises, and goes on", function()
    local server = listen { on_request = function() error("not today") end }
    local client = raw.connect(path)
    local lines = stage:capture(function()
      stage:start { log = "error" }
      for id = 1, 3 do
        client:write(raw.request(id, "anything"))
        local answer = read(client)
        assert.equal(id, answer[2])
        assert.matches("not today", answer[3])
      end
    end)
    assert.equal(1, #lines)
    assert.matches("error control handler failed", lines[1])
    assert.matches("not today.*traceback", lines[1])
    server:close()
  end)

  it("answers for parameters that Lua cannot hold", function()
    local server = listen()
    local client = raw.connect(path)
    client:write("\148\0\5\161m\145\212\1\1") -- [0, 5, "m", [an ext value]]
    local answer = read(client)
    assert.equal(5, answer[2])
    assert.is_string(answer[3])
    assert.equal(0, #heard)
    server:close()
  end)

  it("takes notifications, and knows a peer again", function()
    local notified = {}
    local server = listen { on_notify = function(peer, method, params)
      notified[#notified + 1] = { peer, method, params }
    end }
    local client = raw.connect(path)
    client:write(core.pack { 2, "ping", { 1 } } .. core.pack { 2, "ping", { 2 } })
    stage:wait(function() return notified[2] end)
    assert.equal(notified[1][1], notified[2][1])
    assert.same({ 2 }, notified[2][3])
    server:close()
  end)

  -- Nobody waits for four thousand million connections: the count of them, the fourth
  -- word of a server, is set.
  local has_ffi, ffi = pcall(require, "ffi")
  if has_ffi then
    it("tells peers apart however many there were", function()
      local server = listen()
      local early = raw.connect(path)
      early:write(raw.request(1, "early"))
      stage:wait(function() return heard[1] end)
      local last_id = ffi.cast("uint64_t *", server) + 3
      assert.equal(1, tonumber(last_id[0]))
      for round, count in ipairs { 2 ^ 31 - 2, 2 ^ 31 - 1, 2 ^ 32 - 1, 2 ^ 32, 2 ^ 53 - 2 } do
        last_id[0] = count
        local late = raw.connect(path)
        late:write(raw.request(2, "late"))
        stage:wait(function() return heard[2 * round] end)
        assert.equal(count + 1, heard[2 * round][1]:id())
        early:write(raw.request(3, "early"))
        stage:wait(function() return heard[2 * round + 1] end)
        assert.equal(heard[1][1], heard[2 * round + 1][1])
        late:close()
      end
      server:close()
    end)
  end

  it("publishes to many at once, and to those that are gone nothing", function()
    local server = listen()
    local clients, peers = {}, {}
    for i = 1, 3 do
      clients[i] = raw.connect(path)
      clients[i]:write(raw.request(i, "x"))
      stage:wait(function() return heard[i] end)
      peers["peer " .. i] = heard[i][1]
    end
    assert.equal(3, server:stats().connections)
    clients[2]:close()
    stage:wait(function() return server:stats().connections == 2 end)
    server:publish(peers, "event", { "up" })
    assert.is_true(server:stats().buffered > 0)
    for _, i in ipairs { 1, 3 } do
      assert.same({ 2, "event", { "up" } }, read(clients[i]))
    end
    assert.error_matches(function() server:publish({ 1 }, "event", {}) end, "control.peer")
    assert.error_matches(function() server:publish(peers, "event", { a = 1 }) end, "params must be a list")
    server:close()
    server:publish(peers, "event", {})
    assert.equal(0, server:stats().connections)
  end)

  it("tells when a peer goes, which then answers false", function()
    local gone
    local server = listen { on_close = function(peer) gone = peer end }
    local client = raw.connect(path)
    client:write(raw.request(1, "x"))
    stage:wait(function() return heard[1] end)
    client:close()
    stage:wait(function() return gone end)
    assert.equal(heard[1][1], gone)
    assert.is_false(gone:respond(1, nil, true))
    assert.is_false(gone:notify("event", {}))
    gone:close()
    assert.is_number(gone:id())
    server:close()
  end)

  it("cuts off whoever speaks anything else, and counts", function()
    local server = listen()
    local bad = {
      core.pack(42), core.pack { 1, 2 }, core.pack { 3, 1, "m", {} }, core.pack { 0, "id", "m", {} },
      core.pack { 0, -1, "m", {} }, core.pack { 0, 1, 2, {} }, core.pack { 0, 1, "m", { a = 1 } }, core.pack { 2, "m" },
      core.pack { 1, 1, 2, 3 }, core.pack { 0, 2 ^ 32, "m", {} }, core.pack { 0.5, 1, "m", {} }, "\193", "\192",
    }
    for _, bytes in ipairs(bad) do
      local client = raw.connect(path)
      client:write(bytes)
      stage:wait(function() return poll.rpoll(client.fd, 0) == 1 end, "the end of " .. bytes:byte(1))
      assert.is_nil(client:read())
      client:close()
    end
    assert.equal(0, #heard)
    assert.equal(#bad, server:stats().malformed)
    server:close()
  end)

  it("may be closed by its own handler, again and again", function()
    for _ = 1, 3 do
      local server, closed
      server = listen { on_request = function(peer, id)
        server:close()
        collectgarbage()
        closed = { peer:respond(id, nil, true) }
      end }
      local client = raw.connect(path)
      client:write(raw.request(1, "x"))
      stage:wait(function() return closed end)
      assert.same({ false }, closed)
      server:close()
      assert.equal(1, server:stats().accepted)
    end
  end)

  it("says why it cannot listen", function()
    local server = listen()
    local other, message, code = core.control_listen(path, { on_request = print })
    assert.is_nil(other)
    assert.matches("in use", message)
    assert.equal("listen", code)
    server:close()
    other, message = core.control_listen(stage:write("file", "x"), { on_request = print })
    assert.is_nil(other)
    assert.is_string(message)
    assert.error_matches(function() core.control_listen(path, { on_reqest = print }) end, "did you mean 'on_request'")
    assert.error_matches(function() core.control_listen(path, { on_request = 1 }) end, "on_request")
  end)

  it("refuses to send what cannot travel", function()
    local server = listen()
    local client = raw.connect(path)
    client:write(raw.request(1, "x"))
    stage:wait(function() return heard[1] end)
    local peer = heard[1][1]
    assert.error_matches(function() peer:respond(1, nil, { a = print }) end,
      "peer:respond: result%.a: cannot carry a function")
    assert.error_matches(function() peer:respond(-1) end, "not a request id")
    assert.error_matches(function() peer:notify("m", { a = 1 }) end, "params must be a list")
    assert.error_matches(function() peer:notify(1, {}) end, "method must be a string")
    server:close()
  end)
end)
