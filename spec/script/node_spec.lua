--- A node's life and what can be done with it, over real sockets.

local files = require "spec.support.files"
local shoal = require "shoal"
local stages = require "spec.script.stage"

describe("a node", function()
  local stage

  before_each(function() stage = stages.new() end)
  after_each(function() stage:close() end)

  --- Two nodes that see each other.
  local function pair(first, second)
    local a = stage:start(first)
    second = second or {}
    second.join = second.join or { a:bound() }
    local b = stage:start(second)
    stage:wait(function() return a:num_members() == 1 and b:num_members() == 1 end, "a pair")
    return a, b
  end

  it("says which argument of which method is wrong, counted as one writes them, and where", function()
    local node = stage:start()
    for expected, call in pairs {
      ["node:member: argument 1 must be an address, got nil"] = function() node:member() end,
      ["node:announce: argument 1 must be a string, got nil"] = function() node:announce() end,
      ["node:join: argument 1 must be a table, got 'x'"] = function() node:join("x") end,
      ["node:add_broadcast: argument 1 must be a string, got a table"] = function() node:add_broadcast({}) end,
      ["node:set_config: argument 1 must be a config, got nil"] = function() node:set_config() end,
      ["node:reload: argument 1 must be a string, got true"] = function() node:reload(true) end,
      ["node:log: argument 1 must be a string, got nil"] = function() node:log() end,
      ["node:log: argument 2 must be a string, got nil"] = function() node:log("info") end,
    } do
      local ok, message = pcall(call)
      assert.is_false(ok)
      assert.matches("node_spec%.lua:%d+: ", message)
      assert.matches(expected, message, 1, true)
    end
    local _, message = pcall(node.member, node)
    assert.matches("node:member: argument 1 must be an address, got nil", message, 1, true)
  end)

  describe("at its start", function()
    it("binds, and tells the port that it was given", function()
      local node = stage:start { bind = "127.0.0.1:0" }
      assert.matches("^127%.0%.0%.1:%d+$", node:bound())
      assert.not_matches(":0$", node:bound())
    end)

    it("needs no options at all", function()
      local node = assert(shoal.start())
      assert.matches("^127%.0%.0%.1:%d+$", node:bound())
      node:close()
    end)

    it("has a stock identity with the address that it is bound to", function()
      local node = stage:start { name = "web", meta = { role = "cache", weights = { 1, 2.5 } } }
      local id = node:identity()
      assert.equal(node:bound(), id.addr)
      assert.equal("web", id.name)
      assert.same({ role = "cache", weights = { 1, 2.5 } }, id.meta)
    end)

    it("starts its bump from the wall clock in milliseconds, so that a restart wins", function()
      local before = os.time()
      local bump = stage:start():identity().bump
      assert.is_true(bump >= before * 1000 and bump <= (os.time() + 2) * 1000)
    end)

    it("advertises the address that it was told to, with the port of the socket", function()
      local node = stage:start { bind = "0.0.0.0:0", advertise = "127.0.0.1" }
      assert.equal("127.0.0.1:" .. node:bound():match("%d+$"), node:identity().addr)
      node = stage:start { bind = "127.0.0.1:0", advertise = "10.1.2.3:4567" }
      assert.equal("10.1.2.3:4567", node:identity().addr)
    end)

    it("refuses a wildcard address that nobody could send to, and says what to do", function()
      local node, message, code = stage:try_start { bind = "0.0.0.0:0" }
      assert.is_nil(node)
      assert.matches("0%.0%.0%.0:%d+ is a wildcard address", message)
      assert.matches("advertise", message)
      assert.equal("advertise", code)
      node, message, code = stage:try_start { advertise = "0.0.0.0:7946" }
      assert.is_nil(node)
      assert.matches("0.0.0.0:7946", message, 1, true)
      assert.equal("advertise", code)
      node, message, code = stage:try_start { advertise = "db.example.com:7946" }
      assert.is_nil(node)
      assert.matches("db.example.com:7946", message, 1, true)
      assert.equal("advertise", code)
    end)

    it("says which address is busy", function()
      local node = stage:start()
      local other, message, code = stage:try_start { bind = node:bound() }
      assert.is_nil(other)
      assert.matches(node:bound(), message, 1, true)
      assert.equal("bind", code)
    end)

    it("says which seed is no endpoint, and leaves nothing behind", function()
      local node, message, code = stage:try_start { join = { "127.0.0.1:1", "nonsense" } }
      assert.is_nil(node)
      assert.matches("nonsense", message)
      assert.equal("join", code)
    end)

    it("takes one seed as a string", function()
      local a = stage:start()
      local b = stage:start { join = a:bound() }
      stage:wait(function() return b:num_members() == 1 end)
    end)

    it("names the config field that is out of range", function()
      local node, message, code = stage:try_start { config = { probe_rtt = 5, probe_period = 1 } }
      assert.is_nil(node)
      assert.matches("probe_rtt", message)
      assert.equal("invalid_config", code)
    end)

    it("refuses an identity that is too large", function()
      local node, message, code = stage:try_start { meta = { text = ("x"):rep(600) } }
      assert.is_nil(node)
      assert.matches("512", message)
      assert.equal("identity", code)
    end)

    it("refuses metadata that cannot travel, and names it", function()
      local node, message, code = stage:try_start { meta = { a = { b = print } } }
      assert.is_nil(node)
      assert.matches("meta%.a%.b: cannot carry a function", message)
      assert.equal("identity", code)
    end)

    it("raises for misuse, naming the option and the value", function()
      local function misuse(options, pattern)
        local ok, message = pcall(shoal.start, options)
        assert.is_false(ok)
        assert.matches(pattern, message)
      end
      misuse({ jion = {} }, "unknown option 'jion' %(did you mean 'join'%?%)")
      misuse({ bind = 42 }, "option 'bind' must be a string, got 42")
      misuse({ join = 42 }, "option 'join' must be endpoints, got 42")
      misuse({ join = { 42 } }, "option 'join' must hold endpoints, got 42")
      misuse({ handlers = 42 }, "option 'handlers' must be a table, a module's name or a path, got 42")
      misuse({ log = 42 }, "option 'log' must be levels, a table, a function or false, got 42")
      misuse({ log = "loud" }, "loud")
      misuse({ log = { format = "xml" } }, "'format' must be 'text' or 'json', got 'xml'")
      misuse({ config = "lna" }, "lna")
      misuse({ watch = "yes" }, "option 'watch'")
      misuse({ on_error = "print" }, "option 'on_error'")
      misuse({ busy_limit = "long" }, "option 'busy_limit' must be a number, got 'long'")
      misuse({ busy_limit = -1 }, "option 'busy_limit' must be 0 to 1e9 seconds, got %-1")
      misuse({ handlers = { on_memberup = print } },
        "unknown field 'on_memberup' %(did you mean 'on_member_up'%?%)")
      misuse({ handlers = { on_call = print } }, "unknown field 'on_call'$")
      misuse({ handlers = { on_start = 1 } }, "'on_start' must be a function, got 1")
      misuse({ handlers = { broadcast = { recieve = print } } }, "recieve")
      misuse({ cluster = "" }, "option 'cluster' must have 1 to 64 bytes, none of them zero, got ''")
      misuse({ cluster = ("x"):rep(65) }, "option 'cluster' must have 1 to 64 bytes, none of them zero, got 'xxx")
      misuse({ cluster = "a\0b" }, "option 'cluster' must have 1 to 64 bytes")
      for _, name in ipairs { "", "a/b", "two words", ".hidden", "a\0b", ("x"):rep(65) } do
        misuse({ name = name }, "option 'name' must be 1 to 64 letters, digits, '%-', '_' or '%.', and not begin with "
          .. "a '%.', got '")
      end
      misuse({ handlers = { broadcast = {} } }, "broadcast needs broadcast%.receive")
      misuse({ handlers = { codec = {} } }, "codec needs all of")
      misuse("lan", "")
    end)
  end)

  describe("in a cluster", function()
    it("joins, and sees the others as tables", function()
      local before = os.time()
      local a, b = pair({ name = "a" }, { name = "b" })
      local list = a:members()
      assert.equal(1, #list)
      local member = list[1]
      assert.equal(b:bound(), member.addr)
      assert.equal("b", member.id.name)
      assert.equal("alive", member.state)
      assert.equal(0, member.incarnation)
      assert.is_true(member.since >= before - 1 and member.since <= os.time() + 2)
      assert.same(member, a:member(b:bound()))
      assert.is_nil(a:member("127.0.0.1:1"))
    end)

    it("gives a fresh list each time", function()
      local a = pair()
      local list = a:members()
      list[1] = nil
      assert.equal(1, #a:members())
    end)

    it("selects members by state and by a function", function()
      local a, b = pair()
      assert.equal(1, #a:members { state = "alive" })
      assert.equal(0, #a:members { state = "down" })
      assert.equal(0, #a:members { where = function(member) return member.addr ~= b:bound() end })
      assert.error_matches(function() a:members { state = "dead" } end, "dead")
      assert.error_matches(function() a:members { were = print } end, "did you mean 'where'")
    end)

    it("tells how it is connected, and what waits", function()
      local node = stage:start()
      assert.equal("idle", node:connection())
      assert.same({ updates = 0, broadcasts = 0, messages = 0 }, node:backlog())
      local a = pair()
      assert.equal("active", a:connection())
    end)

    it("is reported down at once when it leaves", function()
      local a, b = pair()
      assert.is_true(b:leave())
      assert.equal("defunct", b:connection())
      stage:wait(function() return a:num_members() == 0 end, "the news")
      assert.equal("down", a:members({ state = "down" })[1].state)
      assert.equal("down", a:state()[1].state)
    end)

    it("comes back under another identity", function()
      local a, b = pair()
      b:leave()
      stage:wait(function() return a:num_members() == 0 end)
      local id = b:identity()
      local same, message, code = b:change_identity(id)
      assert.is_nil(same)
      assert.is_string(message)
      assert.equal("same_identity", code)
      id.bump = id.bump + 1
      assert.is_true(b:change_identity(id))
      assert.same(id, b:identity())
      stage:wait(function() return a:num_members() == 1 end, "it to come back")
    end)

    it("answers what the engine refuses with a message and a code", function()
      local node = stage:start()
      local answer, message, code = node:reuse_down_identity()
      assert.is_nil(answer)
      assert.is_string(message)
      assert.equal("not_defunct", code)
      answer, message, code = node:add_broadcast("x")
      assert.is_nil(answer)
      assert.is_string(message)
      assert.equal("no_handler", code)
      answer, message, code = node:announce("nonsense")
      assert.is_nil(answer)
      assert.matches("nonsense", message)
      assert.equal("join", code)
      answer, message, code = node:change_identity(print)
      assert.is_nil(answer)
      assert.matches("function", message)
      assert.equal("identity", code)
    end)

    it("finds others when told to, later", function()
      local a, b = stage:start(), stage:start()
      assert.is_true(b:announce(a:bound()))
      stage:wait(function() return b:num_members() == 1 end)
      local c = stage:start()
      assert.is_true(c:join { a:bound(), b:bound() })
      stage:wait(function() return c:num_members() == 2 end)
      assert.error_matches(function() c:join { 1 } end, "needs endpoints, got 1")
    end)

    it("takes a state that was saved elsewhere", function()
      local a, b = pair()
      local c = stage:start()
      assert.is_true(c:apply(a:state()))
      assert.equal(b:bound(), c:members()[1].addr)
      assert.error_matches(function() c:apply("all") end, "apply")
      assert.error_matches(function() c:apply({}, { braodcast = true }) end, "did you mean 'broadcast'")
    end)

    it("changes its config while it runs", function()
      local node = stage:start { config = "lan" }
      assert.is_true(node:set_config { probe_period = 2 })
      assert.equal(2, node:config().probe_period)
      local answer, message, code = node:set_config { probe_period = 0 }
      assert.is_nil(answer)
      assert.matches("probe_period", message)
      assert.equal("invalid_config", code)
      assert.equal(2, node:config().probe_period)
      assert.error_matches(function() node:set_config { probe_perod = 1 } end, "did you mean 'probe_period'")
    end)

    it("keeps clusters of different labels apart, and counts", function()
      local a = stage:start { cluster = "blue" }
      local b = stage:start { cluster = "green", join = a:bound() }
      local c = stage:start { cluster = "blue", join = a:bound() }
      stage:wait(function() return c:num_members() == 1 and a:num_members() == 1 end)
      stage:wait(function() return a:info().drops.foreign_cluster > 0 end, "a foreign packet")
      assert.equal(0, b:num_members())
      assert.equal(1, a:num_members())
    end)
  end)

  describe("tells of itself", function()
    it("everything that an operator asks for", function()
      local a, b = pair({ name = "a", cluster = "blue" }, { cluster = "blue" })
      local info = a:info()
      assert.equal(shoal._VERSION, info.version)
      assert.equal("a", info.name)
      assert.equal("blue", info.cluster)
      assert.same(a:identity(), info.identity)
      assert.equal(a:bound(), info.addr)
      assert.equal(a:bound(), info.bind)
      assert.equal("alive", info.state)
      assert.equal("active", info.connection)
      assert.equal(0, info.incarnation)
      assert.same({ active = 1, alive = 1, suspect = 0, down = 0, known = 1 }, info.counts)
      assert.is_number(info.backlog.updates)
      assert.is_true(info.packets.received >= 1)
      assert.is_true(info.packets.sent_by_message.feed >= 1)
      assert.equal(0, info.drops.malformed)
      assert.is_true(info.host.datagrams_received >= 1)
      assert.equal(0, info.handlers.errors)
      assert.equal(1, info.script.generation)
      assert.is_nil(info.script.path)
      assert.is_true(info.script.loaded_at >= info.started_at - 1)
      b:leave()
      assert.equal("down", b:info().state)
      assert.equal("defunct", b:info().connection)
    end)

    it("the engine's, the host's and the handlers' counters", function()
      local a = pair()
      local stats = a:stats()
      assert.is_true(stats.packets_received >= 1)
      assert.is_true(stats.received.announce >= 1)
      assert.is_true(stats.host.wakeups >= 1)
      assert.equal(0, stats.handlers.calls)
    end)
  end)

  describe("at its end", function()
    it("closes at once, outside of handlers", function()
      local node = stage:start()
      local addr = node:bound()
      assert.is_true(node:close())
      assert.is_true(node:is_closed())
      stage:start { bind = addr } -- the port is free again
    end)

    it("raises for every method but those that the types name", function()
      local types, named, methods = files.read "lua/shoal/types.lua", {}, 0
      local sentence = assert(types:match("On a closed node,(.-)raises"))
      for name in sentence:gmatch("`([%w_]+)`") do named[name] = true end
      assert.is_true(named.close)
      local node = stage:start()
      local timer = node:after(60, print)
      node:close()
      assert.is_true(node:close())
      for method in types:gmatch("\nfunction Node:([%w_]+)") do
        methods = methods + 1
        local ok, message = pcall(node[method], node, method == "wait" and print or 1, method ~= "wait" and print or 1)
        assert.equal(named[method] or false, ok, method)
        if not ok then assert.matches("node is closed", message) end
      end
      assert.is_true(methods > 20)
      assert.error_matches(function() return node.store end, "node is closed")
      assert.is_false(timer:cancel())
      assert.equal("shoal.node (closed)", tostring(node))
    end)

    it("lives on when the program has no reference to it any more", function()
      local a = stage:start()
      local addr
      do
        local node = assert(shoal.start { join = a:bound(), config = a:config(), log = false,
          handlers = { on_start = function(n) n.store.self = n end, on_idle = function(n) n:close() end } })
        addr = node:bound()
      end
      stage:wait(function() return a:num_members() == 1 end)
      collectgarbage()
      collectgarbage()
      stage:idle(0.5)
      assert.equal(addr, a:members()[1].addr)
      a:leave()
      a:close()
      shoal.run() -- until it has closed itself
    end)

    it("is collected with its socket once it is closed", function()
      stage:start()
      collectgarbage()
      local before = stage:descriptors()
      local weak = setmetatable({}, { __mode = "k" })
      for _ = 1, 50 do
        local node = assert(shoal.start { log = false })
        weak[node] = true
        node:close()
      end
      assert.equal(before, stage:descriptors())
      collectgarbage()
      collectgarbage()
      assert.is_nil(next(weak))
    end)

    it("is closed with the Lua state that started it", function()
      local path = stage:write("inner.lua", [[
        local shoal = require "shoal"
        shoal.start { log = false, config = "loopback", handlers = { on_stop = function() error "never" end } }
        return {}
      ]])
      local node = stage:start { handlers = path }
      stage:write("inner.lua", "return {}")
      assert.is_true(node:reload())
      assert.equal(0, node:info().handlers.errors)
    end)
  end)

  describe("and the loop", function()
    it("runs until no node is left", function()
      local node = stage:start()
      node:after(0.02, function(n) n:close() end)
      shoal.run()
      assert.is_true(node:is_closed())
      shoal.run() -- at once
    end)

    it("runs until it is stopped", function()
      local node = stage:start()
      local stopped = false
      node:after(0.02, function()
        stopped = true
        shoal.stop()
      end)
      shoal.run()
      assert.is_true(stopped)
      assert.is_false(node:is_closed())
    end)

    it("runs once more, from a node", function()
      local node = stage:start()
      local fired = false
      node:after(0, function() fired = true end)
      for _ = 1, 100 do
        if fired then break end
        node:step(0.1)
      end
      assert.is_true(fired)
    end)

    it("lets go when the interpreter is interrupted", function()
      local node = stage:start()
      node:after(0, function()
        -- What the standalone interpreter does on Ctrl-C.
        debug.sethook(function()
          debug.sethook()
          error("interrupted!")
        end, "c")
      end)
      assert.error_matches(shoal.run, "interrupted!")
      assert.is_false(node:is_closed())
      assert.equal(0, node:info().handlers.errors)
    end)

    it("is not run from inside of itself", function()
      local message
      local node = stage:start()
      node:after(0, function()
        local _
        _, message = pcall(shoal.run)
        shoal.stop()
      end)
      shoal.run()
      assert.matches("the loop is running already", message)
    end)

    it("runs in a coroutine, and calls handlers there", function()
      local node = stage:start()
      local thread
      local routine = coroutine.create(function() shoal.run() end)
      node:after(0.01, function(n)
        thread = coroutine.running()
        n:close()
      end)
      assert(coroutine.resume(routine))
      assert.equal(routine, thread)
      assert.is_true(node:is_closed())
    end)
  end)
end)
