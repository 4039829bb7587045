--- The status socket: what a node knows, for everybody, in two languages.

local dkjson = require "dkjson"
local node = require "spec.support.node"
local process = require "spec.support.process"
local raw = require "spec.support.raw"
local stat = require "posix.sys.stat"
local unix = require "socket.unix"
local wait = require "spec.support.wait"

describe("the status socket", function()
  local path, clients

  before_each(function()
    path, clients = process.tempdir() .. "/status/node.sock", {}
  end)
  after_each(function()
    for _, client in ipairs(clients) do client:close() end
    process.cleanup()
  end)

  local function start(options)
    options = options or {}
    local args = { "--status", path }
    for _, argument in ipairs(options.args or {}) do args[#args + 1] = argument end
    options.args = args
    return node.start(options)
  end

  -- A client that speaks in lines of JSON.
  local function connect()
    local client = assert(unix())
    client:settimeout(60)
    assert(client:connect(path))
    clients[#clients + 1] = client
    local self = {}
    function self.send(text) assert(client:send(text)) end
    function self.read() return (dkjson.decode(assert(client:receive "*l"))) end
    function self.ask(method, params, id)
      self.send(dkjson.encode { method = method, params = params, id = id } .. "\n")
      return self.read()
    end
    return self
  end

  it("tells everybody who the members are, in lines of JSON", function()
    local a = start { args = { "--tag", "zone=b" } }
    local b = node.start { join = { a }, args = { "--tag", "role=web" } }
    wait.for_that(function() return node.converged { a, b } end, 10, "cluster of two")
    assert.equal(438, stat.stat(path).st_mode % 512) -- 0666
    assert.equal(493, stat.stat(path:match "^(.*)/").st_mode % 512) -- 0755: others may enter
    local client = connect()
    local answer = client.ask("members", { { all = true } }, "x")
    assert.equal("x", answer.id)
    assert.equal(b.addr, answer.result[1].addr)
    assert.same({ result = { zone = "b" } }, client.ask "tags")
    client.send "info\r\n\nversion\n"
    assert.equal(a.addr, client.read().result.addr)
    assert.equal("string", type(client.read().result))
    assert.equal(b.addr, client.ask("view").result.members[1].addr)
    assert.equal(1, a:info().status.connections)
  end)

  it("speaks MessagePack-RPC to whoever begins with that", function()
    local a = start()
    local peer = raw.connect(path)
    peer:write(raw.request(1, "members") .. raw.request(2, "leave"))
    assert.same({ 1, 1, nil, {} }, peer:read())
    assert.same({ 1, 2, { code = "unknown_method", message = "there is no method 'leave'" } }, peer:read())
    peer:close()
    assert.equal("idle", a:info().connection)
  end)

  it("changes nothing", function()
    start()
    local client = connect()
    for _, method in ipairs { "join", "leave", "reload", "forget", "call", "publish", "broadcast", "ask", "keys" } do
      assert.equal("unknown_method", client.ask(method).error.code)
    end
    assert.equal("invalid_params", client.ask("tags", { { set = { a = 1 } } }).error.code)
  end)

  it("answers what it does not understand", function()
    start()
    local client = connect()
    client.send "{nonsense}\n"
    assert.same({ error = { code = "invalid_params", message = "no name at byte 2" } }, client.read())
    client.send '{"method":"members","params":{"all":true}} \n'
    assert.equal("params must be an array", client.read().error.message)
    client.send "[1]\n"
    assert.equal("not an object with a method", client.read().error.message)
    pcall(client.send, ("x"):rep(2 ^ 20 + 1)) -- which may be closed before all is sent
    assert.is_nil((pcall(client.read)) or nil)
  end)

  it("watches: at once, when something changes, after a time, and from a past that is gone", function()
    local a = start()
    local client, other = connect(), connect()
    local now = client.ask("watch").result
    assert.same({}, now.members)
    client.send(dkjson.encode { method = "watch", params = { now.view }, id = 1 } .. "\n")
    client.send(dkjson.encode { method = "watch", params = { now.view }, id = 2 } .. "\n")
    assert.equal("full", client.read().error.code) -- one at a time
    assert.same({ view = now.view, joined = {}, left = {}, changed = {} },
      other.ask("watch", { now.view, 0.01 }).result)
    local b = node.start { join = { a }, name = "b" }
    local change = client.read()
    assert.equal(1, change.id)
    assert.equal(b.addr, change.result.joined[1].addr)
    assert.is_nil(change.result.members)
    assert.is_true(change.result.view > now.view)
    assert.equal(b.addr, other.ask("watch", { now.view }).result.joined[1].addr) -- late, but known
    assert.equal(b.addr, other.ask("watch", { now.view - 1 }).result.members[1].addr) -- never heard of
    assert.equal("invalid_params", other.ask("watch", { now.view, -1 }).error.code)
    b:ask "leave"
    assert.equal("left", client.ask("watch", { change.result.view }).result.left[1].reason)
    assert.same({}, other.ask("watch", { now.view }).result.joined) -- come and gone
    local last = client.ask("watch").result.view
    client.send(dkjson.encode { method = "watch", params = { last }, id = 3 } .. "\n")
    a:ask("tags", "zone=b") -- its own tags are a change, in none of the lists
    change = client.read()
    assert.is_true(change.result.view > last)
    change.result.view = nil
    assert.same({ joined = {}, left = {}, changed = {} }, change.result)
  end)

  it("sends events to whoever monitors, in both languages", function()
    local a = start()
    local client, peer = connect(), raw.connect(path)
    assert.is_true(client.ask("monitor").result)
    peer:write(raw.request(1, "monitor"))
    assert.equal(true, peer:read()[4])
    local b = node.start { join = { a } }
    local event = client.read()
    assert.same({ "event", "member_up", b.addr },
      { event.method, event.params[1].event, event.params[1].member.addr })
    event = peer:read()
    assert.same({ 2, "event" }, { event[1], event[2] })
    peer:close()
  end)

  it("is for a group, or for whom the mode says", function()
    local gid = tostring(require("posix.unistd").getgid())
    start { args = { "--status-group", gid } }
    assert.equal(432, stat.stat(path).st_mode % 512) -- 0660
    local own = process.tempdir() .. "/own.sock"
    node.start { args = { "--status", own, "--status-mode", "0600" } }
    assert.equal(384, stat.stat(own).st_mode % 512)
  end)

  it("must be possible as it is asked for, or nothing starts", function()
    local function run(...)
      return process.cli("run", "examples/hello.lua", "--control", process.tempdir() .. "/c.sock", ...)
    end
    local done = run("--status", path, "--status-group", "no-such-group")
    assert.same({ 1, "shoal: there is no group 'no-such-group'\n" }, { done.code, done.err })
    done = run("--status", path, "--status-mode", "999")
    assert.equal(2, done.code)
    done = run("--status-mode", "0660")
    assert.same({ 2, "shoal: --status-mode and --status-group are about the socket of --status PATH\n" },
      { done.code, done.err })
  end)
end)
