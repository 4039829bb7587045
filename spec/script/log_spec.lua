--- What a node writes to its log. The log is standard error.

local dkjson = require "dkjson"
local sim = require "shoal.sim"
local stages = require "spec.script.stage"

describe("the log of a node", function()
  local stage

  before_each(function() stage = stages.new() end)
  after_each(function() stage:close() end)

  local function capture(body) return stage:capture(body) end

  local function find(lines, ...)
    local found = {}
    for _, line in ipairs(lines) do
      local fits = true
      for _, part in ipairs { ... } do fits = fits and line:find(part, 1, true) end
      if fits then found[#found + 1] = line end
    end
    return found
  end

  it("has lines of the script's own, with fields in order", function()
    local lines = capture(function()
      local node = stage:start { log = "info" }
      node:log("info", "hello there", { b = 2, a = "one", c = true, d = "with space" })
      node:log("debug", "not this")
      node:log("warn", "no fields")
    end)
    assert.matches('info  script  hello there a=one b=2 c=true d="with space"$', find(lines, "hello")[1])
    assert.equal(0, #find(lines, "not this"))
    assert.equal(1, #find(lines, "warn", "script", "no fields"))
  end)

  it("has numbers that are none, too", function()
    local lines = capture(function()
      local node = stage:start { log = "info" }
      node:log("info", "odd", { a = 1 / 0, b = -1 / 0, c = 0 / 0 })
      node:close()
      node = stage:start { log = { levels = "info", format = "json" } }
      node:log("info", "odd", { a = 1 / 0 })
    end)
    assert.matches("odd a=inf b=%-inf c=nan$", find(lines, "odd a=")[1])
    assert.matches('"a":null', find(lines, '"text":"odd"')[1], 1, true)
  end)

  describe("for a function", function()
    local lines

    before_each(function() lines = {} end)

    local function note(level, area, text, fields)
      lines[#lines + 1] = { level, area, text, fields }
    end

    local function wait_for(text)
      local found
      stage:wait(function()
        for _, line in ipairs(lines) do
          found = line[3] == text and line or found
        end
        return found
      end)
      return found
    end

    it("has the lines that stderr would have, with their fields, and stderr has none", function()
      local written = capture(function()
        local node = stage:start { log = { levels = "info", write = note } }
        node:log("warn", "hello", { a = "x\0y", b = 1.5, c = true })
        assert.same({ "warn", "script", "hello", { a = "x\0y", b = 1.5, c = "true" } }, wait_for "hello")
        assert.equal(node:bound(), wait_for("started")[4].bind)
        node:log("debug", "not this")
        node:log("info", "the last")
        node:close()
        assert.same({ "the last", "closed" }, { lines[#lines - 1][3], lines[#lines][3] })
      end)
      assert.same({}, written)
      for _, line in ipairs(lines) do assert.not_equal("not this", line[3]) end
    end)

    it("is told levels as ever, warnings if nothing is said", function()
      local node = stage:start { log = note }
      node:log("info", "not this")
      node:log("warn", "this")
      wait_for "this"
      assert.equal(1, #lines)
      node:log_levels "info"
      node:log("info", "now this")
      wait_for "now this"
    end)

    it("may log itself, and may raise: that is on stderr", function()
      local written = capture(function()
        local node
        node = stage:start { log = function(_, _, text)
          lines[#lines + 1] = { text }
          if text == "first" then node:log("warn", "second") end
          if text == "second" then error "no" end
        end }
        node:log("warn", "first")
        stage:wait(function() return node:info().handlers.errors == 1 end)
        stage.step()
      end)
      assert.same({ { "first" }, { "second" } }, lines)
      assert.equal(1, #find(written, "log_spec.lua", "no"))
    end)

    it("keeps a thousand lines for it, and says how many were too many", function()
      local node = stage:start { log = note }
      for i = 1, 1010 do node:log("warn", "line " .. i) end
      local dropped = wait_for "log lines dropped"
      assert.same({ "warn", "host", "log lines dropped", { lines = 10 } }, dropped)
      assert.equal("line 1000", lines[1000][3])
    end)

    it("is told of what happens in a simulation", function()
      local net = sim.new()
      local members = net:spawn(2, { log = { levels = "info", write = note } })
      net:run(5)
      local ups = 0
      for _, line in ipairs(lines) do ups = ups + (line[3] == "member up" and 1 or 0) end
      net:close()
      assert.equal(2, #members)
      assert.equal(2, ups)
    end)
  end)

  it("is JSON when it was asked for", function()
    local lines = capture(function()
      local node = stage:start { log = { levels = "info", format = "json" } }
      node:log("error", "trouble", { why = 'a "quoted"\nreason', times = 3 })
    end)
    local line = dkjson.decode(find(lines, "trouble")[1])
    assert.equal("error", line.level)
    assert.equal("script", line.area)
    assert.equal("trouble", line.text)
    assert.equal('a "quoted"\nreason', line.why)
    assert.equal(3, line.times)
  end)

  it("is silent when told so, and up to warn by default", function()
    local lines = capture(function()
      local node = stage:start { log = false }
      node:log("error", "never")
      local other = stage:start { log = "warn" }
      other:log("info", "never")
    end)
    assert.same({}, lines)
  end)

  it("has other levels while it runs, and says which", function()
    local node
    local lines = capture(function()
      node = stage:start { log = "warn" }
      node:log("info", "not yet")
      assert.equal("warn", node:log_levels())
      assert.equal("warn,script=info", node:log_levels("warn,script=info"))
      node:log("info", "now")
      assert.equal("info,engine=debug,script=error", node:log_levels("info,engine=debug,script=error"))
      node:log("warn", "no longer")
      assert.error_matches(function() node:log_levels("inof") end, "node:log_levels: unknown log level 'inof'")
    end)
    assert.equal(1, #find(lines, "  script  "))
    assert.equal(1, #find(lines, "info  script  now"))
  end)

  it("shows each packet from when it is asked for", function()
    local lines = capture(function()
      local a = stage:start { log = "warn" }
      local b = stage:start { log = "off" }
      a:log_levels("trace")
      a:join { b:bound() }
      stage:wait(function() return #a:members() == 1 end, "the member")
    end)
    assert.is_true(#find(lines, "trace engine  packet received") > 0)
  end)

  it("is misuse with a level that does not exist, or fields that are none", function()
    capture(function()
      local node = stage:start { log = "info" }
      assert.error_matches(function() node:log("inof", "x") end, "unknown level 'inof' %(did you mean 'info'%?%)")
      assert.error_matches(function() node:log("info", "x", { a = {} }) end,
        "field 'a' must be text, a number or a boolean, got a table")
      assert.error_matches(function() node:log("info", "x", { 1 }) end, "fields must have names, got the key 1")
      assert.error_matches(function() node.log("info", "x") end,
        "a method of a node is called with a colon, as in node:log(…): got 'info' where the node should be", 1, true)
      assert.error_matches(function() node:log("info", "x", 5) end, "node:log: argument 3 must be a table, got 5")
    end)
  end)

  it("tells of a failing handler with its traceback, once a minute for each error", function()
    local lines = capture(function()
      local node = stage:start { log = "error", handlers = stage:write("s.lua", [[
        local count = 0
        return { on_start = function(node)
          node:every(0.001, function()
            count = count + 1
            node.store.count = count
            if count % 2 == 0 then error("even") else error("odd") end
          end)
        end }
      ]]) }
      stage:wait(function() return (node.store.count or 0) >= 10 end)
      assert.is_true(node:info().handlers.errors >= 10)
    end)
    assert.equal(2, #lines)
    local even = find(lines, "s.lua:6: even")[1]
    assert.matches("error script  handler failed handler=timer", even)
    assert.matches("stack traceback", even)
    assert.equal(1, #find(lines, "odd"))
  end)

  it("has what a codec's functions say instead of an answer", function()
    local socket = require "posix.sys.socket"
    local lines = capture(function()
      local node = stage:start { log = "info", handlers = { codec = {
        decode_header = function() return nil, "not a word of ours" end,
        decode_member = function() return nil, "nobody" end,
        encode_header = function() return nil, "the ink is dry" end,
        encode_member = function() return "m" end,
      } } }
      local fd = assert(socket.socket(socket.AF_INET, socket.SOCK_DGRAM, 0))
      local to = { family = socket.AF_INET, addr = "127.0.0.1", port = tonumber(node:bound():match("%d+$")) }
      assert(socket.sendto(fd, "rubbish", to))
      stage:wait(function() return node:info().drops.malformed == 1 end, "the packet")
      assert(node:announce("127.0.0.1:9"))
      stage:wait(function() return node:info().handlers.errors > 0 end, "the announce")
      require("posix.unistd").close(fd)
    end)
    assert.matches('dropped reason=malformed count=1 error="not a word of ours"$', find(lines, "malformed")[1])
    assert.matches("handler=codec.encode_header error=\"the ink is dry", find(lines, "handler failed")[1])
  end)

  it("warns of a full table where it is, and where one is refused", function()
    local lines = capture(function()
      local net = sim.new { seed = 1 }
      local options = { log = "warn", config = { preset = "lan", max_members = 1 } }
      local first = net:spawn(options)
      net:spawn(options)
      net:run(1)
      local third = net:spawn { log = "warn", join = { first.addr } }
      net:run(30)
      assert.equal(1, first:num_members())
      assert.is_true(third:num_members() <= 1)
      net:close()
    end)
    local full = find(lines, " 10.0.0.1:7946 ", "raise max_members addr=10.0.0.3")
    assert.equal(1, #full)
    assert.matches("warn  engine  %S+ no room for a new member: raise max_members addr=10.0.0.3:7946",
      full[1])
    local refused = find(lines, " 10.0.0.3:7946 ", "raise max_members there")
    assert.equal(1, #refused)
    assert.matches("warn  engine  %S+ refused by a member whose table is full: raise max_members there "
      .. "addr=10.0.0.1:7946", refused[1])
  end)

  it("warns of tags that are ignored, with their owner's address", function()
    local lines = capture(function()
      local net = sim.new { seed = 1 }
      local first = net:spawn { log = "warn", handlers = { check_tags = function() return false end } }
      net:spawn { log = "warn", join = { first.addr }, tags = { zone = "b" } }
      net:run(5)
      net:close()
    end)
    local ignored = find(lines, "tags were ignored")
    assert.equal(1, #ignored)
    assert.matches("warn  engine  %S+ tags were ignored addr=10.0.0.2:7946 reason=tags_vetoed size=8", ignored[1])
  end)

  it("warns of broadcasts that are given up", function()
    local lines = capture(function()
      local net = sim.new { seed = 1 }
      local receive = function(_, data) return data end
      local members = net:spawn(2, { log = "warn", config = { preset = "lan", max_broadcasts = 1 },
        handlers = { broadcast = { receive = receive } } })
      net:run(1)
      assert(members[1]:add_broadcast(("x"):rep(600)))
      assert(members[1]:add_broadcast(("y"):rep(700)))
      assert(members[2]:add_broadcast(("z"):rep(800)))
      assert(members[2]:set_config { max_packet_size = 300 })
      net:run(5)
      net:close()
    end)
    assert.matches("warn  engine  .*raise max_broadcasts .*size=600",
      find(lines, " 10.0.0.1:7946 ")[1])
    assert.matches("warn  engine  .*raise max_packet_size .*size=800", find(lines, " 10.0.0.2:7946 ")[1])
  end)

  it("names both identities when another one claims an address, on both sides", function()
    local lines = capture(function()
      local net = sim.new { seed = 1 }
      local members = net:spawn(3, { log = "info" })
      net:run(5)
      local id = members[3]:identity()
      id.bump = id.bump + 1000
      assert(members[1]:apply({ { id = id, state = "alive", incarnation = 0 } }, { broadcast = true }))
      net:run(5)
      assert.equal(id.bump + 1, members[3]:identity().bump)
      assert.is_true(net:converged())
      net:close()
    end)
    local claimed = find(lines, " 10.0.0.3:7946 ", "another node claims our address")
    assert.equal(1, #claimed)
    assert.matches("our clock was set back; taking the address back ", claimed[1], 1, true)
    local bump = tonumber(claimed[1]:match('id="{addr=10.0.0.3:7946,bump=(%d+)}"'))
    assert.matches(('as="{addr=10.0.0.3:7946,bump=%.0f}"'):format(bump + 1), claimed[1], 1, true)
    local renamed = find(lines, " 10.0.0.2:7946 ", "member replaced by a newer identity")
    assert.matches(('is="{addr=10.0.0.3:7946,bump=%.0f}"'):format(bump + 1), renamed[#renamed], 1, true)
    assert.matches('was="{addr=10.0.0.3:7946,bump=', renamed[#renamed], 1, true)
  end)

  it("says why a member is down", function()
    local lines = capture(function()
      local net = sim.new { seed = 1 }
      local members = net:spawn(4, { log = "info" })
      net:run(5)
      members[2]:leave()
      net:crash(members[3])
      net:run(60)
      assert(members[1]:forget(members[2].addr))
      net:run(1)
      net:close()
    end)
    local down = find(lines, " 10.0.0.1:7946 ", "member down")
    assert.equal(2, #down)
    assert.matches("addr=10.0.0.2:7946 incarnation=65535 reason=left members=2$", down[1])
    assert.matches("addr=10.0.0.3:7946 incarnation=0 reason=failed members=1$", down[2])
  end)

  it("tells of a script's versions", function()
    local path = stage:write("s.lua", "return {}")
    local lines = capture(function()
      local node = stage:start { log = "info", handlers = path, watch = false }
      stage:write("s.lua", "return {} -- other")
      assert.is_true(node:reload("signal"))
      stage:write("s.lua", "local function f() error('not this one') end f() return {}")
      assert.is_nil((node:reload()))
    end)
    assert.equal(1, #find(lines, "script loaded", path))
    assert.equal(1, #find(lines, "info", "reloaded", "reason=signal", "generation=2"))
    local refused = find(lines, "reload refused, the old version keeps running", "reason=asked")[1]
    assert.matches("^%S+ error script", refused)
    assert.matches("s.lua:1: not this one", refused)
    assert.matches("traceback", refused)
  end)

  it("does not warn of modules that it looked for beside the script and found elsewhere", function()
    local folder = stage.folder .. "/elsewhere/part"
    assert(os.execute(("mkdir -p '%s'"):format(folder)))
    stage:write("elsewhere/part/inner.lua", "return {}")
    stage:write("part", "a file where a folder of modules might be")
    local path = stage:write("s.lua", "require 'part.inner' return {}")
    local before = package.path
    package.path = stage.folder .. "/elsewhere/?.lua;" .. before
    local lines = capture(function()
      local node = stage:start { log = "warn", handlers = path }
      stage:write("s.lua", "require 'part.inner' return { on_start = function() end }")
      assert.is_true(node:reload())
    end)
    package.path = before
    assert.same({}, find(lines, "cannot watch"))
  end)

  it("names a required module that was deleted, once until it is back", function()
    local path = stage:write("s.lua", "require 'part' return {}")
    local part = stage:write("part.lua", "return {}")
    local lines = capture(function()
      local node = stage:start { log = "warn", handlers = path, watch = false }
      for round = 1, 2 do
        assert(os.remove(part))
        assert.is_nil((node:reload()))
        stage:write("s.lua", "require 'part' return {} --" .. round)
        assert.is_nil((node:reload()))
        stage:write("part.lua", "return {}")
        assert.is_true(node:reload())
      end
    end)
    assert.equal(4, #find(lines, "reload refused", "module 'part' not found"))
    assert.equal(2, #find(lines, "warn", "required module is missing", "module=" .. part))
    assert.equal(6, #find(lines, "script"))
  end)

  it("tells of a load that cannot be without a traceback, and of none where C functions are", function()
    local path = stage:write("s.lua", "return {}")
    local lines = capture(function()
      local node = stage:start { log = "error", handlers = path, watch = false }
      for _, source in ipairs { "return { on_memberup = print }", "return {", "return 5" } do
        stage:write("s.lua", source)
        assert.is_nil((node:reload()))
      end
      assert(os.remove(path))
      assert.is_nil((node:reload()))
      stage:write("s.lua", "local function f() error('deep') end f()")
      assert.is_nil((node:reload()))
    end)
    local refused = find(lines, "reload refused")
    assert.equal(5, #refused)
    for i = 1, 4 do assert.not_matches("traceback", refused[i]) end
    assert.matches("s.lua:1: deep", refused[5])
    assert.matches("traceback.*s.lua:1: in", refused[5])
    assert.equal(0, #find(lines, "[C]: at 0x"))
    assert.equal(0, #find(lines, "[C]: in ?"))
  end)

  it("tells of a slow load, and how long it took", function()
    local path = stage:write("s.lua", "return {}")
    local lines = capture(function()
      local node = stage:start { log = "warn", handlers = path, watch = false }
      stage:write("s.lua", "local start = os.clock() while os.clock() - start < 0.15 do end return {}")
      assert.is_true(node:reload())
    end)
    assert.is_true(#lines >= 1) -- on a slow machine the first load was one, too
    for _, line in ipairs(lines) do
      assert.matches("warn  script  slow load script=%S+s%.lua seconds=%d+%.?%d*$", line)
    end
  end)

  it("tells of a slow handler, and where it is", function()
    local lines = capture(function()
      stage:start { log = "warn", handlers = stage:write("s.lua", [[
        return { on_start = function()
          local start = os.clock()
          while os.clock() - start < 0.12 do end
        end }
      ]]) }
    end)
    assert.equal(1, #find(lines, "warn", "slow handler", "handler=on_start", "s.lua:1"))
  end)

  it("tells where a slow command or coroutine is, also after it has waited", function()
    local lines = capture(function()
      local node = stage:start { log = "warn", handlers = stage:write("s.lua", [[
        local function spin()
          local start = os.clock()
          while os.clock() - start < 0.12 do end
        end
        local M = { commands = {} }
        M.commands.slow = { run = function(node)
          spin()
          node:sleep(0.001)
          spin()
        end }
        function M.on_start(node)
          node:go(function()
            spin()
          end)
        end
        return M
      ]]) }
      local over
      assert(node:call("slow", {}, function() over = true end))
      stage:wait(function() return over end)
    end)
    assert.equal(1, #find(lines, "warn", "slow handler", "handler=commands.slow", "s.lua:6"))
    assert.equal(2, #find(lines, "warn", "slow handler", "s.lua:6"))
    assert.equal(1, #find(lines, "warn", "slow handler", "s.lua:12"))
    assert.equal(0, #find(lines, "warn", "slow handler", "where=[C]"))
  end)

  it("tells which question and which topic failed, and where a coroutine did, once", function()
    local lines = capture(function()
      local node = stage:start { log = "warn", handlers = stage:write("s.lua", [[
        local M = { on_ask = {}, topics = {} }
        function M.on_ask.version() error("no version") end
        function M.topics.purge() error("no purge") end
        function M.on_start(node) node:go(function() error("gone") end) end
        return M
      ]]) }
      local over
      assert(node:publish("purge", "x"))
      assert(node:ask("version", nil, function() over = true end))
      stage:wait(function() return over end)
    end)
    assert.equal(1, #find(lines, "error", "handler failed", "handler=on_ask.version", "no version"))
    assert.equal(1, #find(lines, "error", "handler failed", "handler=topics.purge", "no purge"))
    local gone = find(lines, "error", "handler failed", "s.lua:4: gone")
    assert.equal(1, #gone)
    assert.equal(1, select(2, gone[1]:gsub("stack traceback:", "")))
  end)
end)
