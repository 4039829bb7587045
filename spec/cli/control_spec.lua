--- The control socket as any MessagePack-RPC client sees it.

local core = require "shoal.core"
local dice = require "spec.support.dice"
local node = require "spec.support.node"
local process = require "spec.support.process"
local raw = require "spec.support.raw"
local wait = require "spec.support.wait"

local ECHO = [[
local M = { broadcast = {}, on_ask = { echo = function(_, data) return data end } }
function M.broadcast.receive(_, data)
  return data ~= "old" and data or nil
end
return M
]]

describe("the control socket", function()
  local member, peer

  before_each(function()
    member = node.start({ source = ECHO, name = "web" })
    peer = raw.connect(member.control)
  end)
  after_each(function()
    peer:close()
    process.cleanup()
  end)

  local function ask(method, params)
    peer:write(raw.request(7, method, params))
    local answer = peer:read()
    assert.equal(1, answer[1])
    assert.equal(7, answer[2])
    return answer[4], answer[3]
  end

  local function assert_fails(code, pattern, method, params)
    local result, failure = ask(method, params)
    assert.is_nil(result)
    assert.equal(code, failure.code)
    assert.truthy(failure.message:find(pattern), failure.message)
  end

  it("answers a request written byte by byte after the specification", function()
    -- [0, 1, "version", []]
    for byte in ("\148\000\001\167version\144"):gmatch(".") do
      assert.is_true(peer:write(byte))
    end
    -- [1, 1, nil, version]
    local version = core.version
    assert.equal(4 + 1 + #version, #core.pack({ 1, 1, 0, version }))
    assert.same({ 1, 1, nil, version }, peer:read())
  end)

  it("answers several requests that come at once, in order", function()
    peer:write(raw.request(1, "version") .. raw.request(2, "members") .. raw.request(4294967295, "version"))
    assert.equal(1, peer:read()[2])
    assert.same({}, peer:read()[4])
    assert.equal(4294967295, peer:read()[2])
  end)

  it("lists members", function()
    local other = node.start({ join = { member } })
    wait.for_that(function()
      return #ask("members") == 1
    end, 5, "member")
    local seen = ask("members", { { all = true } })[1]
    assert.equal(other.addr, seen.addr)
    assert.equal("alive", seen.state)
    assert.equal(other.addr, seen.id.addr)
    assert.is_true(math.abs(seen.since - os.time()) < 60)
  end)

  it("shows and changes tags", function()
    assert.same({}, (ask "tags"))
    assert.same({ zone = "b", n = 1 }, (ask("tags", { { set = { zone = "b", n = 1 } } })))
    assert.same({ zone = "b" }, (ask("tags", { { delete = { "n" } } })))
    assert_fails("too_big", "max_tags_size", "tags", { { set = { text = ("x"):rep(1000) } } })
    assert_fails("invalid_params", "the only options", "tags", { { add = {} } })
    assert_fails("invalid_params", "1 to 64 bytes", "tags", { { set = { [("x"):rep(65)] = 1 } } })
    assert.same({}, (ask("tags", { { delete = { "zone" } } })))
  end)

  it("forgets a down member", function()
    assert_fails("not_found", "no member has that address", "forget", { "127.0.0.1:9" })
    assert_fails("invalid_params", "an address cannot be empty", "forget", { "" })
    assert_fails("invalid_params", "must be a string", "forget", { 5 })
    local other = node.start({ join = { member } })
    wait.for_that(function() return #ask("members") == 1 end, 5, "member")
    assert_fails("not_down", "only a down member", "forget", { other.addr })
    other:signal("TERM")
    assert.equal(0, other:wait(5))
    wait.for_that(function() return #ask("members") == 0 end, 5, "departure")
    assert.equal("left", ask("members", { { all = true } })[1].reason)
    assert.is_true(ask("forget", { other.addr }))
    assert.same({}, (ask("members", { { all = true } })))
  end)

  it("tells what the node is", function()
    local info = ask("info")
    assert.equal("web", info.name)
    assert.equal(member.addr, info.addr)
    assert.equal(member.control, info.control.path)
    assert.equal(1, info.script.generation)
  end)

  it("answers ask when the question has ended", function()
    local result = ask("ask", { "echo", { data = { 1, "x" } } })
    assert.same({ {}, 1, { 1, "x" } }, { result.missing, #result.answers, result.answers[1].data })
    assert.is_string(result.answers[1].member.addr)
    assert.equal("no_handler", (ask("ask", { "unheard" })).answers[1].code)
    assert.same({ answers = {}, missing = {} }, (ask("ask", { "echo", { tags = { zone = "x" } } })))
    assert_fails("invalid_params", "no option 'tag'", "ask", { "echo", { tag = {} } })
    assert_fails("invalid_params", "'timeout' must be a number, not a string", "ask", { "echo", { timeout = "1" } })
    assert_fails("invalid_params", "1 to 64 bytes", "ask", { "" })
    assert_fails("not_a_member", "nobody", "ask", { "echo", { members = { "nobody" } } })
    assert_fails("too_big", "fit into a packet", "ask", { "echo", { data = ("x"):rep(5000) } })
  end)

  it("takes broadcasts, any bytes", function()
    assert.is_true(ask("broadcast", { "\0\255\n" }))
    assert.is_false(ask("broadcast", { "old" }))
    assert_fails("malformed", "", "broadcast", { "" })
    assert_fails("too_big", "", "broadcast", { ("x"):rep(70000) })
  end)

  it("answers what it does not know or cannot read", function()
    assert_fails("unknown_method", "'reboot'", "reboot")
    assert_fails("invalid_params", "number of parameters: got 1, expected 0", "info", { 1 })
    assert_fails("invalid_params", "number of parameters: got 0, expected 1", "broadcast")
    assert_fails("invalid_params", "number of parameters: got 2, expected 0 to 1", "members", { {}, {} })
    assert_fails("invalid_params", "must be a string, not a number", "broadcast", { 5 })
    assert_fails("invalid_params", "must be a table, not a string", "members", { "all" })
    assert_fails("invalid_params", "'all' and 'gone', true or false", "members", { { everything = true } })
    assert_fails("invalid_params", "'all' and 'gone', true or false", "members", { { all = 1 } })
    assert_fails("invalid_params", "parameter 2 must be a string", "join", { "127.0.0.1:1", 2 })
    assert_fails("invalid_params", "number of parameters: got 0, expected 1 or more", "join")
  end)

  it("says what is wrong with an endpoint", function()
    local result, failure = ask("join", { "nowhere" })
    assert.is_nil(result)
    assert.truthy(failure.message:find("nowhere"), failure.message)
    local pattern = "^cannot join %[::1%]:9: this node's socket is bound to 127%.0%.0%.1:%d+$"
    assert_fails("join", pattern, "join", { "[::1]:9" })
    assert.same({}, ask("info").seeds)
  end)

  it("sends events to those that monitor, until they have enough", function()
    assert.is_true(ask("monitor"))
    local other = node.start({ join = { member } })
    local event = peer:read()
    assert.equal(2, event[1])
    assert.equal("event", event[2])
    assert.equal("member_up", event[3][1].event)
    assert.equal(other.addr, event[3][1].member.addr)
    assert.equal("active", peer:read()[3][1].event)

    assert.equal(1, ask("info").control.monitors)
    assert.is_true(ask("unmonitor"))
    assert.equal(0, ask("info").control.monitors)
  end)

  it("forgets a monitoring peer that is gone", function()
    ask("monitor")
    peer:close()
    peer = raw.connect(member.control)
    wait.for_that(function()
      return ask("info").control.monitors == 0
    end, 5, "end of the monitor")
  end)

  it("cuts off a peer that speaks something else, and nobody besides", function()
    local junk = {
      "\193", -- the one byte that is no MessagePack
      "GET / HTTP/1.1\r\n\r\n",
      core.pack({ 0, 1, "version" }), -- no parameters
      core.pack({ 0, "one", "version", {} }), -- a number that is none
      core.pack({ 0, 4294967296, "version", {} }), -- and one that is too large
      core.pack({ 0, -1, "version", {} }), -- or less than none
      core.pack({ 0, 1, 5, {} }), -- a method that is none
      core.pack({ 3, 1, "version", {} }), -- no such type
      core.pack({ hello = "world" }),
      "\221\255\255\255\255", -- an array of four thousand million
      "\219\255\255\255\255", -- a string of as many bytes
      ("\145"):rep(1000), -- a thousand arrays in each other
    }
    for i, bytes in ipairs(junk) do
      local bad = raw.connect(member.control)
      bad:write(bytes)
      assert.is_true(bad:read_end(), i)
      bad:close()
    end
    assert.equal("web", ask("info").name)
    assert.is_true(ask("info").control.malformed >= #junk - 1)
  end)

  it("outlives random bytes and peers that leave in the middle", function()
    local random = dice(7)
    for _ = 1, 200 do
      local bytes = {}
      for i = 1, random(64) do
        bytes[i] = string.char(random(256) - 1)
      end
      local bad = raw.connect(member.control)
      bad:write(table.concat(bytes))
      bad:close()
    end
    for length = 1, #raw.request(1, "version") - 1 do
      local bad = raw.connect(member.control)
      bad:write(raw.request(1, "version"):sub(1, length))
      bad:close()
    end
    assert.equal("web", ask("info").name)
  end)

  it("does not wait for ever for one that does not read", function()
    peer:write(raw.request(1, "info"):rep(100000))
    local other = raw.connect(member.control)
    other:write(raw.request(2, "version"))
    assert.equal(core.version, other:read()[4])
    other:close()
  end)

  it("keeps within its memory for sixty that ask two thousand times and read nothing", function()
    local crowd = {}
    for i = 1, 60 do
      crowd[i] = raw.connect(member.control)
      crowd[i]:write(raw.request(1, "info"):rep(2000))
    end
    local most = 0
    for _ = 1, 20 do -- in between it answers who reads
      local control = ask("info").control
      assert.is_true(control.connections >= 1)
      most = math.max(most, control.buffered)
    end
    assert.is_true(most > 0 and most < 16 * 2 ^ 20, most)
    assert.equal(0, ask("info").control.cut_off)
    for _, client in ipairs(crowd) do client:close() end
    wait.for_that(function()
      return ask("info").control.connections == 1
    end, 5, "end of the crowd")
  end)

  it("says that the node leaves before it does", function()
    assert.is_true(ask("leave"))
    assert.is_true(peer:read_end())
    assert.equal(0, member:wait(5))
  end)
end)
