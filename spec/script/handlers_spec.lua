--- Handlers: when they run, with what, and what happens if they fail. The same
-- for a table in the program's state and for a script in a state of its own.

local files = require "spec.support.files"
local stages = require "spec.script.stage"

--- A script that keeps what its handlers are told, in its store.
local RECORDER = [[
local M = {}
local function record(node, name, ...)
  local store = node.store
  store.heard = store.heard or {}
  table.insert(store.heard, { name, ... })
end
function M.on_start(node) record(node, "start") end
function M.on_member_up(node, member) record(node, "member_up", member.addr, member.state) end
function M.on_member_down(node, member) record(node, "member_down", member.addr, member.state, member.reason) end
function M.on_member_forgotten(node, member) record(node, "member_forgotten", member.addr, member.reason) end
function M.on_rename(node, before, after)
  record(node, "rename", before.addr, after.addr, after.id.bump - before.id.bump)
end
function M.on_active(node) record(node, "active") end
function M.on_idle(node) record(node, "idle") end
function M.on_defunct(node) record(node, "defunct") end
function M.on_rejoin(node, id) record(node, "rejoin", id.addr) end
function M.on_returned(node, id) record(node, "returned", id.addr) end
return M
]]

describe("handlers", function()
  local stage

  before_each(function() stage = stages.new() end)
  after_each(function() stage:close() end)

  local function names(node)
    local list = {}
    for i, entry in ipairs(node.store.heard or {}) do list[i] = entry[1] end
    return table.concat(list, " ")
  end

  --- Runs the spec with the handlers as a table and as a script.
  local function both(name, body)
    it(name .. " (a table)", function()
      body(function(source) return assert((loadstring or load)(source))() end) -- luacheck: ignore 113
    end)
    it(name .. " (a script)", function()
      local count = 0
      body(function(source)
        count = count + 1
        return stage:write("handlers" .. count .. ".lua", source)
      end)
    end)
  end

  both("hear of a cluster's life in order", function(make)
    local a = stage:start { handlers = make(RECORDER) }
    local b = stage:start { join = a:bound() }
    stage:wait(function() return names(a) == "start member_up active" and b:num_members() == 1 end)
    assert.same({ "member_up", b:bound(), "alive" }, a.store.heard[2])
    b:leave()
    stage:wait(function() return names(a) == "start member_up active member_down idle" end)
    assert.same({ "member_down", b:bound(), "down", "left" }, a.store.heard[4])
    a:leave()
    stage:wait(function() return names(a):match("defunct$") end)
  end)

  both("hear of a rename when a member comes back under another identity", function(make)
    local a = stage:start { handlers = make(RECORDER) }
    local b = stage:start { join = a:bound() }
    stage:wait(function() return a:num_members() == 1 and b:num_members() == 1 end)
    local id = b:identity()
    id.bump = id.bump + 3
    b:change_identity(id)
    stage:wait(function() return names(a):match("rename") end, "the rename")
    local heard = a.store.heard
    assert.same({ "rename", b:bound(), b:bound(), 3 }, heard[#heard])
  end)

  both("hear who they are after a rejoin", function(make)
    local a = stage:start { handlers = make(RECORDER) }
    local id = a:identity()
    a:apply { { id = id, state = "down", incarnation = 65535 } }
    stage:wait(function() return names(a):match("rejoin") end, "the rejoin")
    local heard = a.store.heard
    assert.same({ "rejoin", a:bound() }, heard[#heard])
    assert.equal(id.bump + 1, a:identity().bump)
  end)

  both("hear that they have refuted a verdict", function(make)
    local a = stage:start { handlers = make(RECORDER) }
    local id = a:identity()
    a:apply { { id = id, state = "down", incarnation = 3 } }
    stage:wait(function() return names(a):match("returned") end, "the return")
    local heard = a.store.heard
    assert.same({ "returned", a:bound() }, heard[#heard])
    assert.same(id, a:identity())
    assert.equal(4, a:info().incarnation)
  end)

  both("hear that a down member is forgotten, by itself or when told to", function(make)
    local a = stage:start { handlers = make(RECORDER) }
    local first, second = { addr = "127.9.0.1:9", bump = 1 }, { addr = "127.9.0.2:9", bump = 1 }
    a:apply {
      { id = first }, { id = second },
      { id = first, state = "down" }, { id = second, state = "down", incarnation = 65535 },
    }
    assert.is_true(a:forget("127.9.0.2:9"))
    assert(a:set_config { remove_down_after = 0.01 })
    stage:wait(function() return names(a):match("member_forgotten member_forgotten$") end, "both")
    local heard = a.store.heard
    assert.same({ "member_forgotten", "127.9.0.2:9", "left" }, heard[#heard - 1])
    assert.same({ "member_forgotten", "127.9.0.1:9", "failed" }, heard[#heard])
    assert.same({}, a:state())
  end)

  both("run once the node is live, and before it goes", function(make)
    local log = stage:path("log")
    local node = stage:start { handlers = make(([[
      local function write(node, what)
        local file = io.open("%s", "a")
        file:write(what, " ", node:connection(), " ", node:bound(), "\n")
        file:close()
      end
      return {
        on_start = function(node) write(node, "start") end,
        on_stop = function(node) write(node, "stop") end,
      }
    ]]):format(log)) }
    local addr = node:bound()
    node:close()
    local lines = {}
    for line in io.lines(log) do lines[#lines + 1] = line end
    assert.same({ "start idle " .. addr, "stop idle " .. addr }, lines)
  end)

  both("may call every method of their node", function(make)
    local node = stage:start { handlers = make([[
      local M = { broadcast = { receive = function(_, data) return data end } }
      function M.on_start(node)
        local store = node.store
        store.identity = node:identity()
        store.members = node:members()
        store.member = node:member("127.0.0.1:1") or "nobody"
        store.state = node:state()
        store.num_members = node:num_members()
        store.announce = { node:announce("127.0.0.1:9") }
        store.join = { node:join { "127.0.0.1:9" } }
        store.gossip = { node:gossip() }
        store.added = { node:add_broadcast("hello") }
        store.broadcast = { node:broadcast() }
        store.apply = { node:apply({}, { broadcast = true }) }
        store.set_config = { node:set_config { probe_period = 3 } }
        store.period = node:config().probe_period
        store.stats = node:stats().packets_received
        store.backlog = node:backlog()
        store.info = node:info().script.generation
        store.bound = node:bound()
        store.connection = node:connection()
        store.is_closed = node:is_closed()
        node:log("info", "hello", { a = 1, b = "two", c = true })
        local id = node:identity()
        id.bump = id.bump + 1
        store.change_identity = { node:change_identity(id) }
        store.leave = { node:leave() }
        store.reuse = { node:reuse_down_identity() }
      end
      return M
    ]]) }
    assert.equal(0, node:info().handlers.errors)
    local store = node.store
    assert.equal(node:bound(), store.identity.addr)
    assert.same({}, store.members)
    assert.equal("nobody", store.member)
    for _, name in ipairs { "announce", "join", "gossip", "added", "broadcast", "apply", "set_config",
      "change_identity", "leave", "reuse" } do
      assert.same({ true }, store[name], name)
    end
    assert.equal(3, store.period)
    assert.same({ updates = 0, broadcasts = 1, messages = 0 }, store.backlog)
    assert.equal(1, store.info)
  end)

  both("may close their node, which happens after them", function(make)
    local node = stage:start { handlers = make([[
      return { on_start = function(node)
        node.store.answer = { node:close() }
        node.store.again = { node:close() }
        node.store.open = not node:is_closed()
      end }
    ]]) }
    assert.same({ true, "deferred" }, node.store.answer)
    assert.same({ true, "deferred" }, node.store.again)
    assert.is_true(node.store.open)
    stage:wait(function() return node:is_closed() end)
  end)

  both("may leave and close when the node stops", function(make)
    local other = stage:start()
    local node = stage:start { join = other:bound(), handlers = make([[
      return { on_stop = function(node)
        assert(node:leave())
        assert(node:close())
        local ok, message, code = node:reload()
        assert(not ok and code == "closed" or code == "no_script", message)
      end }
    ]]) }
    stage:wait(function() return other:num_members() == 1 and node:num_members() == 1 end)
    node:close()
    assert.is_true(node:is_closed())
    stage:wait(function() return other:num_members() == 0 end, "the farewell")
  end)

  both("hear that the node is defunct before they hear that it stops", function(make)
    local path = stage:path("heard")
    local node = stage:start { handlers = make(([[
      local function write(text)
        local file = io.open(%q, "a")
        file:write(text, "\n")
        file:close()
      end
      return {
        on_defunct = function() write "defunct" end,
        on_stop = function() write "stop" end,
      }
    ]]):format(path)) }
    local told = {}
    node:on("*", function(_, event) told[#told + 1] = event end)

    assert(node:leave())
    node:close()

    assert.equal("defunct\nstop\n", assert(io.open(path)):read("*a"))
    assert.same({ "defunct" }, told)
  end)

  both("that are asked while the engine works cannot make it work", function(make)
    local node = stage:start { handlers = make([[
      local M = { broadcast = {} }
      function M.broadcast.receive(node, data)
        local store = node.store
        for _, method in ipairs { "gossip", "leave", "close", "broadcast", "reuse_down_identity" } do
          store[method] = { node[method](node) }
        end
        store.add_broadcast = { node:add_broadcast("more") }
        store.announce = { node:announce("127.0.0.1:9") }
        store.reload = { node:reload() }
        store.members = #node:members()
        store.identity = node:identity().addr
        return data
      end
      return M
    ]]) }
    assert.is_true(node:add_broadcast("hello"))
    local store = node.store
    for _, method in ipairs { "gossip", "leave", "close", "broadcast", "reuse_down_identity", "add_broadcast",
      "announce" } do
      assert.equal("reentrant", store[method][3], method)
      assert.is_nil(store[method][1])
    end
    assert.is_true(store.reload[3] == "reentrant" or store.reload[3] == "no_script")
    assert.equal(0, store.members)
    assert.equal(node:bound(), store.identity)
    assert.is_false(node:is_closed())
  end)

  describe("of members", function()
    -- As most are, with more in it, and with a bump that is as large as can be.
    local IDS = {
      { addr = "127.9.0.1:9", bump = 1 },
      { addr = "127.9.0.2:9", bump = 2, name = "b" },
      { addr = "127.9.0.3:9", bump = 2 ^ 53 - 1 },
      { addr = "[::1]:9", bump = 0 },
    }

    local function apply(node, state)
      local states = {}
      for i, id in ipairs(IDS) do states[i] = { id = id, state = state, incarnation = i } end
      assert(node:apply(states, { broadcast = false }))
    end

    it("get all there is to know", function()
      local heard = {}
      local function hear(_, member) heard[#heard + 1] = member end
      local node = stage:start { handlers = { on_member_up = hear, on_member_down = hear } }
      apply(node, "alive")
      stage:wait(function() return #heard == #IDS end)
      for i, id in ipairs(IDS) do
        assert.same(node:member(id.addr), heard[i])
        assert.same({ id = id, addr = id.addr, state = "alive", incarnation = i, since = heard[i].since }, heard[i])
      end
      apply(node, "down")
      stage:wait(function() return #heard == 2 * #IDS end)
      assert.equal("down", heard[#heard].state)
      assert.equal("failed", heard[#heard].reason)
      assert.is_true(math.abs(heard[#heard].since - os.time()) < 60)
    end)

    it("may do what they like with the table", function()
      local heard = {}
      local function hear(_, member)
        heard[#heard + 1] = member.id.addr
        member.id.addr, member.id.bump, member.state = nil, "none", nil
      end
      local node = stage:start { handlers = { on_member_up = hear, on_member_down = hear } }
      apply(node, "alive")
      apply(node, "down")
      stage:wait(function() return #heard == 2 * #IDS end)
      for i, id in ipairs(IDS) do
        assert.equal(id.addr, heard[#IDS + i])
        assert.same(id, node:member(id.addr).id)
      end
    end)

    it("fail one by one, and are told with their own lines", function()
      local told, calls = {}, 0
      local node = stage:start {
        handlers = { on_member_up = function(_, member)
          calls = calls + 1
          error("not " .. member.addr)
        end },
        on_error = function(what, message) told[#told + 1] = what .. " " .. message end,
      }
      apply(node, "alive")
      stage:wait(function() return #told == #IDS end)
      assert.equal(#IDS, calls)
      assert.equal(#IDS, node:info().handlers.errors)
      assert.matches("^on_member_up .*handlers_spec.lua:%d+: not 127.9.0.1:9", told[1])
      assert.not_matches("shoal:", told[1], 1, true)
    end)

    it("may come and go between events", function()
      local heard, handlers = 0, {}
      local node = stage:start { handlers = handlers }
      apply(node, "alive")
      stage:idle(0.05)
      handlers.on_member_down = function() heard = heard + 1 end
      apply(node, "down")
      stage:wait(function() return heard == #IDS end)
      assert.equal(#IDS, node:info().handlers.calls)
    end)
  end)

  describe("that fail", function()
    local function failing(extra)
      local options = { handlers = { on_start = function() error("oops") end } }
      for key, value in pairs(extra or {}) do options[key] = value end
      return stage:start(options)
    end

    it("are counted, and the node goes on", function()
      local node = failing()
      assert.equal(1, node:info().handlers.errors)
      assert.equal(1, node:info().handlers.calls)
      local other = stage:start { join = node:bound() }
      stage:wait(function() return other:num_members() == 1 end)
    end)

    it("are told to on_error, with where and why", function()
      local told = {}
      local node = failing { on_error = function(what, message) told[#told + 1] = { what, message } end }
      stage:wait(function() return told[1] end)
      assert.equal("on_start", told[1][1])
      assert.matches("handlers_spec.lua:%d+: oops", told[1][2])
      assert.matches("stack traceback:", told[1][2])
      assert.equal(1, #told)
      node:close()
    end)

    it("may fail in on_error, too", function()
      local calls = 0
      local node = failing { on_error = function()
        calls = calls + 1
        error("again")
      end }
      stage:wait(function() return calls > 0 end)
      stage:idle(0.05)
      assert.equal(1, calls)
      assert.equal(2, node:info().handlers.errors)
    end)

    it("may throw anything", function()
      for _, value in ipairs { "{}", "nil", "42", "setmetatable({}, { __tostring = function() error() end })" } do
        local node = stage:start { handlers = stage:write("throw.lua",
          "return { on_start = function() error(" .. value .. ") end }") }
        assert.equal(1, node:info().handlers.errors)
      end
    end)

    it("lose an item that their receive fails on", function()
      local node = stage:start { handlers = { broadcast = { receive = function() error("no") end } } }
      local answer, message, code = node:add_broadcast("x")
      assert.is_nil(answer)
      assert.matches("no", message)
      assert.equal("broadcast", code)
      assert.equal(1, node:info().handlers.errors)
    end)

    it("lose an item that their receive answers nonsense about", function()
      local node = stage:start { handlers = { broadcast = { receive = function() return print end } } }
      local answer, _, code = node:add_broadcast("x")
      assert.is_nil(answer)
      assert.equal("broadcast", code)
    end)
  end)

  describe("with an identity of their own", function()
    local IDENTITY = [[
      return { identity = {
        new = function(opts) return { opts.bind:match("%d+$"), 1 } end,
        addr = function(id) return id[1] end,
        endpoint = function(id) return "127.0.0.1:" .. id[1] end,
        at = function(endpoint) return { endpoint:match("%d+$"), 0 } end,
        renew = function(id) return { id[1], id[2] + 1 } end,
        wins = function(id, adversary) return id[2] > adversary[2] end,
      } }
    ]]

    both("are members like others", function(make)
      local a = stage:start { handlers = make(IDENTITY) }
      local port = a:bound():match("%d+$")
      assert.same({ port, 1 }, a:identity())
      local b = stage:start { handlers = make(IDENTITY), join = a:bound() }
      stage:wait(function() return a:num_members() == 1 and b:num_members() == 1 end)
      assert.equal(port, b:members()[1].addr)
      a:apply { { id = a:identity(), state = "down", incarnation = 65535 } }
      assert.same({ port, 2 }, a:identity())
    end)

    it("may do without an address to advertise", function()
      local node = stage:start { bind = "0.0.0.0:0", handlers = { identity = {
        new = function(opts) return opts.advertise or "nowhere" end,
        addr = function(id) return id end,
      } } }
      assert.equal("nowhere", node:identity())
    end)

    it("are handed what the node was started with", function()
      local seen
      stage:start { name = "n", cluster = "c", meta = { a = 1 }, args = { 1 }, advertise = "10.0.0.1:5", handlers = {
        identity = { new = function(opts)
          seen = opts
          return { addr = opts.advertise, bump = 7 }
        end } } }
      assert.matches("^127.0.0.1:%d+$", seen.bind)
      seen.bind = nil
      assert.same({ name = "n", cluster = "c", meta = { a = 1 }, args = { 1 }, advertise = "10.0.0.1:5" }, seen)
    end)

    it("are told what to do when there is no address to advertise", function()
      local own = { new = function(opts) return { addr = opts.advertise } end, addr = function(id) return id.addr end }
      local node, message, code = stage:try_start { bind = "0.0.0.0:0", handlers = { identity = own } }
      assert.is_nil(node)
      assert.matches("identity%.addr: its answer: must be an address, got nil", message)
      assert.matches("0%.0%.0%.0:%d+ is a wildcard address[^;]*: advertise the address", message)
      assert.equal("identity", code)
      own.new = function(opts) return { addr = "at " .. opts.advertise } end
      node, message = stage:try_start { bind = "0.0.0.0:0", handlers = { identity = own } }
      assert.is_nil(node)
      assert.matches("concatenate.*0%.0%.0%.0:%d+ is a wildcard address", message)
      own.addr = nil
      own.new = function(opts) return { addr = opts.advertise, bump = 1 } end
      node, message = stage:try_start { bind = "0.0.0.0:0", handlers = { identity = own } }
      assert.is_nil(node)
      assert.matches("identity%.new.*0%.0%.0%.0:%d+ is a wildcard address", message)
    end)

    it("cannot have a wildcard address, to which nobody could send", function()
      local advertise
      local function own(endpoint) return { identity = {
        new = function(opts)
          advertise = opts.advertise
          return { addr = endpoint, bump = 1 }
        end,
        addr = function() return "somebody" end,
        endpoint = function(id) return id.addr end,
      } } end
      local function stock(endpoint)
        local handlers = own(endpoint)
        handlers.identity.addr, handlers.identity.endpoint = nil, nil
        return handlers
      end
      for _, endpoint in ipairs { "0.0.0.0:7946", "[::]:7946", "127.0.0.1:0" } do
        for _, handlers in ipairs { own(endpoint), stock(endpoint) } do
          for _, bind in ipairs { "0.0.0.0:0", "127.0.0.1:0" } do
            local node, message, code = stage:try_start { bind = bind, handlers = handlers }
            assert.is_nil(node)
            assert.matches("identity: .*" .. endpoint:gsub("%p", "%%%0"), message)
            assert.equal(advertise == nil, message:find("advertise the address", 1, true) ~= nil)
            assert.equal("identity", code)
          end
        end
      end
    end)

    it("cannot become one with a wildcard address, or be reloaded into one", function()
      local handlers = { identity = {
        new = function(opts) return { addr = opts.advertise, bump = 1 } end,
        addr = function() return "somebody" end,
        endpoint = function(id) return id.addr end,
      } }
      local node = stage:start { handlers = handlers }
      local before = node:identity()
      local ok, message, code = node:change_identity { addr = "0.0.0.0:7946", bump = 2 }
      assert.is_nil(ok)
      assert.matches("0.0.0.0:7946", message, 1, true)
      assert.equal("identity", code)
      handlers.identity.endpoint = function() return "[::]:7946" end
      ok, message, code = node:set_handlers(handlers)
      assert.is_nil(ok)
      assert.matches("[::]:7946", message, 1, true)
      assert.equal("script", code)
      assert.same(before, node:identity())
      node = stage:start()
      ok, message, code = node:change_identity { addr = "0.0.0.0:7946", bump = 2 }
      assert.is_nil(ok)
      assert.matches("0.0.0.0:7946", message, 1, true)
      assert.equal("identity", code)
    end)

    it("must have the stock shape without an identity.addr of their own", function()
      for _, id in ipairs { {}, { addr = "127.0.0.1:1" }, { bump = 1 }, "me" } do
        local node, message, code = stage:try_start { handlers = { identity = { new = function() return id end } } }
        assert.is_nil(node)
        assert.matches("identity.new", message, 1, true)
        assert.equal("identity", code)
      end
    end)

    it("must say who the node is", function()
      local node, message, code = stage:try_start { handlers = { identity = { addr = tostring } } }
      assert.is_nil(node)
      assert.matches("identity.new is missing", message)
      assert.equal("identity", code)
    end)

    it("are refused when identity.new fails or answers nonsense", function()
      for expected, new in pairs {
        ["who?"] = function() error("who?") end, ["nobody at all"] = function() return nil, "nobody at all" end,
        ["got nil"] = function() end, ["carry a function"] = function() return print end,
      } do
        local node, message, code = stage:try_start { handlers = { identity = { new = new } } }
        assert.is_nil(node)
        assert.matches("identity", code)
        assert.matches(expected, message, 1, true)
      end
    end)
  end)

  describe("with broadcasts", function()
    local KEEPER = [[
      local M = { broadcast = {} }
      function M.broadcast.receive(node, data, sender)
        local store = node.store
        store.items = store.items or {}
        if store.items[data] then return nil end
        store.items[data] = sender and sender.addr or "ours"
        return data
      end
      function M.broadcast.wanted_by(node, member)
        node.store.asked = member.addr
        return true
      end
      return M
    ]]

    both("hear of every item, once, and from whom", function(make)
      local a = stage:start { handlers = make(KEEPER) }
      local b = stage:start { handlers = make(KEEPER), join = a:bound() }
      stage:wait(function() return a:num_members() == 1 and b:num_members() == 1 end)
      assert.is_true(a:add_broadcast("hello"))
      assert.is_false(a:add_broadcast("hello"))
      assert.same({ hello = "ours" }, a.store.items)
      a:broadcast()
      stage:wait(function() return b.store.items end, "the item")
      assert.same({ hello = a:bound() }, b.store.items)
      assert.equal(b:bound(), a.store.asked)
    end)
  end)

  describe("as subscriptions", function()
    it("are called after the handler, with the same", function()
      local heard = {}
      local node = stage:start { handlers = {
        on_member_up = function(_, m) heard[#heard + 1] = "handler " .. m.addr end,
      } }
      node:on("member_up", function(n, m)
        assert.equal(node, n)
        heard[#heard + 1] = "listener " .. m.addr
      end)
      node:on("*", function(_, event, member) heard[#heard + 1] = event .. (member and " " .. member.addr or "") end)
      local other = stage:start { join = node:bound() }
      stage:wait(function() return #heard == 4 end)
      local addr = other:bound()
      assert.same({ "handler " .. addr, "listener " .. addr, "member_up " .. addr, "active" }, heard)
    end)

    it("hear the events of a node whose handlers are a script", function()
      local heard = {}
      local node = stage:start { handlers = stage:write("s.lua", RECORDER) }
      node:on("*", function(_, event) heard[#heard + 1] = event end)
      stage:start { join = node:bound() }
      stage:wait(function() return #heard == 2 end)
      assert.same({ "member_up", "active" }, heard)
      assert.equal("start member_up active", names(node))
    end)

    it("end when they are taken back", function()
      local count = 0
      local node = stage:start()
      local function listener() count = count + 1 end
      node:on("member_up", listener)
      node:on("member_up", listener)
      assert.is_true(node:off("member_up", listener))
      local other = stage:start { join = node:bound() }
      stage:wait(function() return count == 1 end)
      assert.is_true(node:off("member_up", listener))
      assert.is_false(node:off("member_up", listener))
      other:leave()
      other:close()
      stage:start { join = node:bound() }
      stage:wait(function() return node:num_members() == 1 end)
      stage:idle(0.02)
      assert.equal(1, count)
    end)

    it("do not disturb each other", function()
      local heard = {}
      local node = stage:start()
      local second = function() heard[#heard + 1] = "second" end
      node:on("active", function()
        node:off("active", second)
        heard[#heard + 1] = "first"
        error("oops")
      end)
      node:on("active", second)
      node:on("active", function() heard[#heard + 1] = "third" end)
      stage:start { join = node:bound() }
      stage:wait(function() return heard[3] end)
      assert.same({ "first", "second", "third" }, heard) -- those that were there when it happened
      assert.equal(1, node:info().handlers.errors)
    end)

    it("hear diagnostics when they ask for them", function()
      local heard, packets = {}, {}
      local node = stage:start { config = "loopback" }
      node:on("probe_started", function(_, member) heard[#heard + 1] = member.addr end)
      node:on("packet_sent", function(_, packet) packets[packet.message] = packet end)
      local other = stage:start { join = node:bound() }
      stage:wait(function() return heard[1] and packets.ping end, "a probe")
      assert.equal(other:bound(), heard[1])
      assert.equal(other:bound(), packets.feed.id.addr)
      assert.is_true(packets.feed.size > 0)
    end)

    -- The types tell which events are diagnostics.
    it("of every event hear no diagnostics, whoever else asks for them", function()
      local types, diagnostics = files.read "lua/shoal/types.lua", {}
      for name in types:gmatch('%-%-%-| "([%w_]+)"[^\n]-a diagnostic') do diagnostics[name] = true end
      for _, name in ipairs { "suspect", "probe_started", "packet_received", "packet_sent" } do
        assert.is_true(diagnostics[name], name)
      end
      local path = stage:write("listener.lua", [[
        return { on_start = function(node)
          node.store.all = {}
          node:on("*", function(_, event) node.store.all[event] = true end)
        end }
      ]])
      local heard, told = {}, {}
      local node = stage:start { handlers = path, watch = false, config = "loopback" }
      node:on("*", function(_, event) heard[event] = true end)
      for name in pairs(diagnostics) do
        node:on(name, function() told[name] = true end)
      end
      stage:start { join = node:bound(), config = "loopback" }
      local ghost = { addr = "127.0.0.1:1", bump = 1 }
      assert(node:apply { { id = ghost, state = "alive" } })
      assert(node:apply { { id = ghost, state = "suspect" } })
      stage:wait(function()
        return told.suspect and told.probe_started and told.packet_received and told.packet_sent
          and heard.member_up and heard.active
      end, "some of each")
      for _, events in ipairs { heard, node.store.all } do
        assert.is_true(events.member_up)
        for name in pairs(events) do assert.is_nil(diagnostics[name], name) end
      end
    end)

    it("are misuse for events that do not exist", function()
      local node = stage:start()
      assert.error_matches(function() node:on("member_pu", print) end,
        "unknown event 'member_pu' %(did you mean 'member_up'")
      assert.error_matches(function() node:on("member_up", 42) end, "needs a function, got 42")
      assert.error_matches(function() node:off("member_up") end, "needs a function, got nil")
    end)
  end)

  it("are a module's, by name", function()
    package.loaded["spec.script.some_handlers"] = { on_start = function(node) node.store.started = true end }
    local node = stage:start { handlers = "spec.script.some_handlers" }
    assert.is_true(node.store.started)
    package.loaded["spec.script.some_handlers"] = nil
  end)

  -- What is wrong with a file is the same whether it was named by path or as a module.
  describe("that do not load are answered for alike:", function()
    local before

    before_each(function()
      before = package.path
      package.path = stage.folder .. "/?.lua;" .. before
    end)

    after_each(function()
      package.path = before
      package.loaded.broken = nil
    end)

    for what, case in pairs {
      ["no such file"] = { nil, "broken" },
      ["a syntax error"] = { "return {", "broken%.lua:1: " },
      ["an error"] = { "error 'oops'", "broken%.lua:1: oops" },
      ["an error that is a table"] = { "error {}", "error object is a table value" },
      ["no table"] = { "return 5", "must return its table of handlers" },
      ["an unknown field"] = { "return { on_memberup = print }", "did you mean 'on_member_up'" },
      ["a wrong identity"] = { "return { identity = { addr = 5 } }", "identity%.addr" },
      ["a broadcast without receive"] = { "return { broadcast = { wanted_by = print } }", "needs broadcast%.receive" },
    } do
      it(what, function()
        if case[1] then stage:write("broken.lua", case[1]) end
        for _, handlers in ipairs { stage:path("broken.lua"), "broken" } do
          local ok, node, message, code = pcall(stage.try_start, stage, { handlers = handlers })
          assert.is_true(ok, node)
          assert.is_nil(node)
          assert.matches(case[2], message)
          assert.not_matches("stack traceback", message)
          assert.equal("script", code)
        end
      end)
    end
  end)

  it("that are slow are counted, and named", function()
    local node = stage:start { handlers = { on_start = function()
      local start = os.clock()
      while os.clock() - start < 0.12 do end -- luacheck: ignore 542
    end } }
    local handlers = node:info().handlers
    assert.equal(1, handlers.slow)
    assert.is_true(handlers.seconds >= handlers.slowest)
    local took = 0
    for _, count in ipairs(handlers.took) do took = took + count end
    assert.same({ handlers.calls, true }, { took, handlers.took[4] + handlers.took[5] >= 1 })
    assert.is_true(handlers.slowest >= 0.1)
    assert.equal("on_start", handlers.slowest_handler)
  end)
end)
