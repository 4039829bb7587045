--- /events of `shoal run --http`: the state, then what changes, and nothing is missed.

local dkjson = require "dkjson"
local node = require "spec.support.node"
local process = require "spec.support.process"
local wait = require "spec.support.wait"
local web = require "spec.support.web"

describe("/events", function()
  local clients

  before_each(function() clients = {} end)
  after_each(function()
    for _, client in ipairs(clients) do client.socket:close() end
    process.cleanup()
  end)

  local function start(options)
    options = options or {}
    options.args = { "--http", "127.0.0.1:0" }
    return node.start(options)
  end

  -- A client that takes the stream apart: `events` are { id=, event=, data= }.
  local function listen(member, query, last)
    local client = { socket = web.connect(member), text = "", events = {} }
    client.socket:send(("GET /events%s HTTP/1.1\r\nHost: localhost\r\n%s\r\n"):format(query or "",
      last and "Last-Event-ID: " .. last .. "\r\n" or ""))
    client.status, client.headers = web.read(client.socket)
    client.socket:settimeout(0)
    local raw = ""
    local function read()
      local all, _, part = client.socket:receive(65536)
      raw = raw .. (all or part or "")
      while true do -- chunks
        local size, stop = raw:match "^(%x+)\r\n()"
        size = size and tonumber(size, 16)
        if not size or #raw < stop + size + 1 then break end
        client.text, raw = client.text .. raw:sub(stop, stop + size - 1), raw:sub(stop + size + 2)
      end
      while true do
        local block, rest = client.text:match "^(.-)\n\n(.*)$"
        if not block then break end
        client.text = rest
        local event = { id = block:match "id: ([^\n]+)", event = block:match "event: ([^\n]+)" }
        event.data = block:match "data: ([^\n]+)" and dkjson.decode(block:match "data: ([^\n]+)")
        if event.event then client.events[#client.events + 1] = event end
      end
    end
    function client.hears(name, what)
      return wait.for_that(function()
        read()
        for _, event in ipairs(client.events) do
          if event.event == name and (not what or what(event.data)) then return event end
        end
      end, 20, "event " .. name)
    end
    clients[#clients + 1] = client
    return client
  end

  local function about(addr)
    return function(data) return (data.member or {}).addr == addr end
  end

  it("begins with the state, then tells what changes", function()
    local a = start { name = "a", config = "loopback" }
    local b = node.start { join = { a }, config = "loopback" }
    wait.for_that(function() return node.converged { a, b } end, 10, "cluster of two")
    local client = listen(a, "?probes=1")
    assert.same({ 200, "text/event-stream" }, { client.status, client.headers["content-type"] })
    local begin = client.hears "begin"
    assert.same({ a.addr, "a", 1 }, { begin.data.self.addr, begin.data.self.name, begin.data.members })
    assert.equal(b.addr, client.hears("members").data[1].addr)
    client.hears "ready"
    assert.equal(b.addr, client.hears("probe").data.member)
    b:ask("tags", "zone=x")
    assert.equal("x", client.hears("tags", about(b.addr)).data.changed.zone.after)
    a:ask("tags", "own=1")
    assert.equal(1, client.hears("self").data.member.tags.own)
    b:signal "KILL"
    client.hears("suspect", about(b.addr))
    assert.equal("failed", client.hears("member_down", about(b.addr)).data.member.reason)
    assert.is_true(client.hears("view").data.view >= begin.data.view)
  end)

  it("tells of services when their state changes, our own included", function()
    local source = [[return require("shoal.services").script { services = { web = { port = 80 } } }]]
    local a = start { source = source }
    local b = node.start { join = { a }, source = source }
    wait.for_that(function() return node.converged { a, b } end, 10, "cluster of two")
    local client = listen(a)
    client.hears "ready"
    for _, member in ipairs { a, b } do
      assert.equal(0, member:ask("service", "drain", "web").code)
      local event = client.hears("service", function(data)
        return data.member == member.addr and data.state == "maintenance"
      end)
      assert.same({ "web", "passing" }, { event.data.name, event.data.before })
    end
  end)

  it("repeats to one that comes back what it has missed, or tells the state again", function()
    local a = start()
    local first = listen(a)
    local last = first.hears("ready").id
    first.socket:close()
    local b = node.start { join = { a } }
    wait.for_that(function() return node.converged { a, b } end, 10, "cluster of two")
    for _, client in ipairs { listen(a, nil, last), listen(a, "?last=" .. last) } do
      client.hears("member_up", about(b.addr))
      assert.not_equal("begin", client.events[1].event)
    end
    for _, id in ipairs { "123-1", "nonsense", last:gsub("%d+$", "99999"), "" } do
      assert.equal("begin", listen(a, nil, id).hears("begin").event)
    end
  end)

  it("is for 64 clients at a time, and one that goes makes room", function()
    local a = start()
    for _ = 1, 64 do assert.equal(200, listen(a).status) end
    assert.equal(503, web.get(a, "/events").status)
    clients[1].socket:close()
    wait.for_that(function()
      local client = listen(a)
      return client.status == 200
    end, 10, "room")
  end)

  -- Events of a node that is not there: `sent` is what is written to one client of them, whose `waiting`
  -- grows by it; `tell` is what the node calls.
  local function with_fake(members, tags)
    local world = { timers = {}, sent = {}, waiting = 0, keeps = false }
    world.node = {
      members = function() return members end, tags = function() return tags or {} end,
      time = function() return 1 end,
      info = function() return { addr = "self" } end, is_closed = function() return false end,
      after = function(_, _, fn) world.timers[#world.timers + 1] = fn return {} end,
      every = function() return { cancel = function() end } end,
      on = function(_, name, fn) if name == "*" then world.tell = fn end end, off = function() end,
    }
    world.exchange = {
      stream = function() return true end, is_open = function() return true end, header = function() end,
      waiting = function() return world.waiting end,
      write = function(_, text)
        world.sent[#world.sent + 1] = text:match "event: (%S+)" or text
        world.waiting = world.waiting + (world.keeps and #text or 0)
        world.most = math.max(world.most or 0, world.waiting)
        return true
      end,
    }
    world.events = require "shoal.serve.http.events".new(world.node, { view = 1 }, function() end)
    return world
  end

  local function run(world)
    while world.timers[1] do
      table.remove(world.timers, 1)()
      world.waiting = 0
    end
  end

  it("sends many members in pieces, and what happens meanwhile after them", function()
    local members = {}
    for i = 1, 450 do members[i] = { addr = "m" .. i, state = "alive", incarnation = 0, since = 0 } end
    local world = with_fake(members)
    world.events:subscribe { exchange = world.exchange, query = {} }
    world.tell(world.node, "member_up", members[2]) -- the state, which is not there yet, has it
    table.remove(world.timers, 1)()
    world.tell(world.node, "member_up", members[1])
    run(world)
    assert.same({ "begin", "members", "members", "members", "ready", "member_up" }, world.sent)
    for _ = 1, 2000 do world.tell(world.node, "member_up", members[1]) end -- more than are kept
    assert.equal(2006, #world.sent)
    world.events:drop(world.exchange)
  end)

  it("lists the members for one client in a turn", function()
    local members, walks = {}, 0
    for i = 1, 250 do members[i] = { addr = "m" .. i } end
    local world = with_fake(members)
    world.node.members = function() walks = walks + 1 return members end
    for _ = 1, 10 do
      local exchange = setmetatable({}, { __index = world.exchange })
      world.events:subscribe { exchange = exchange, query = {} }
    end
    while world.timers[1] do
      local before, sent = walks, #world.sent
      table.remove(world.timers, 1)()
      assert.is_true(walks - before <= 1 and #world.sent - sent <= 2)
    end
    assert.equal(10, walks)
    assert.equal(10 * 4, #world.sent)
  end)

  it("leaves no more unread than a client may, whatever it has missed and however large it is", function()
    local members = {}
    for i = 1, 201 do members[i] = { addr = "m" .. i, tags = { blob = ("x"):rep(8000) } } end
    local world = with_fake(members)
    world.keeps = true
    world.events:subscribe { exchange = world.exchange, query = {} }
    run(world)
    assert.is_true(world.most < 2 ^ 20, world.most .. " bytes of the state")
    world.events:drop(world.exchange)
    local base = world.events.base
    world.tell(world.node, "member_up", members[1])
    for _ = 1, 500 do world.tell(world.node, "member_up", members[1]) end
    world.most, world.waiting, world.sent = 0, 0, {}
    world.events:subscribe { exchange = world.exchange, query = { last = base .. "-1" } }
    assert.is_true(#world.sent < 500)
    run(world)
    assert.is_true(world.most < 2 ^ 20, world.most .. " bytes of the past")
    assert.equal(501, #world.sent) -- "retry", and what was missed
  end)
end)
