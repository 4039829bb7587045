--- Hot reload: another version of a script takes over, or nothing has happened.

local sim = require "shoal.sim"
local stages = require "spec.script.stage"
local unpack = table.unpack or unpack -- luacheck: std max
local wait = require "spec.support.wait"

local QUIET = 0.1 -- seconds without a change before it is loaded

--- A script that says which version it is, in its store, whenever it is asked.
local function version(name, more)
  return ([[
    local M = { broadcast = {} }
    function M.broadcast.receive(node, data)
      node.store[data] = (node.store[data] or "") .. "%s"
      return data
    end
    function M.on_start(node) node.store.name = "%s" end
    function M.on_reload(node, previous)
      node.store.name = "%s"
      node.store.previous = previous
    end
    %s
    return M
  ]]):format(name, name, name, more or "")
end

describe("a reload", function()
  local stage, path

  before_each(function()
    stage = stages.new()
    path = stage:write("service.lua", version "A")
  end)
  after_each(function() stage:close() end)

  --- A node that reloads only when it is told to.
  local function start(options)
    local all = { handlers = path, watch = false }
    for key, value in pairs(options or {}) do all[key] = value end
    return stage:start(all)
  end

  local function script_of(node) return node:info().script end

  --- Is the old version in charge as if nothing had happened?
  local function assert_refused(node, pattern)
    local answer, message, code = node:reload()
    assert.is_nil(answer)
    assert.equal("script", code)
    assert.matches(pattern, message)
    local script = script_of(node)
    assert.equal(1, script.generation)
    assert.equal(message, script.last_error.message)
    assert.equal("asked", script.last_error.reason)
    assert.is_true(math.abs(script.last_error.at - os.time()) < 60)
    assert.equal("A", node.store.name)
    assert.is_true(node:add_broadcast("probe"))
    assert.equal("A", node.store.probe)
  end

  local function refuse(name, source, pattern)
    it("is refused for " .. name, function()
      local node = start()
      stage:write("service.lua", source)
      assert_refused(node, pattern)
    end)
  end

  it("takes another version into charge", function()
    local node = start()
    local before = script_of(node)
    assert.equal("A", node.store.name)
    assert.equal(path, before.path)
    assert.same({ path }, before.files)
    stage:write("service.lua", version "B")
    assert.is_true(node:reload())
    local after = script_of(node)
    assert.equal("B", node.store.name)
    assert.equal(2, after.generation)
    assert.not_equal(before.hash, after.hash)
    assert.matches("^%x+$", after.hash)
    assert.equal(16, #after.hash)
    assert.is_true(after.loaded_at >= before.loaded_at)
    assert.is_nil(after.last_error)
    assert.same({ generation = 1, hash = before.hash, reason = "asked" }, node.store.previous)
  end)

  it("of unchanged content reloads nothing", function()
    local node = start()
    local answer, what = node:reload()
    assert.is_true(answer)
    assert.equal("unchanged", what)
    stage:replace("service.lua", version "A")
    assert.same({ true, "unchanged" }, { node:reload() })
    assert.equal(1, script_of(node).generation)
  end)

  it("tells the reason that it was given", function()
    local node = start()
    stage:write("service.lua", version "B")
    assert.is_true(node:reload("signal"))
    assert.equal("signal", node.store.previous.reason)
    assert.error_matches(function() node:reload(("x"):rep(64)) end, "at most 63 bytes")
  end)

  describe("that cannot be", function()
    refuse("a syntax error, with its line", "local M = {}\nreturn M +", "service.lua:2: ")
    refuse("an error while the file runs", "local x = nil\nlocal y = x.y\nreturn {}", "service.lua:2: attempt to index")
    refuse("an error value that is no text", "error({})", "error object is a table value")
    refuse("a file that returns nothing", "local M = {}", "must return its table of handlers, but returned nothing")
    refuse("a file that returns a number", "return 42", "must return its table of handlers, but returned number")
    refuse("a field that does not exist, with the one it resembles", "return { on_memberup = print }",
      "service.lua: unknown field 'on_memberup' %(did you mean 'on_member_up'%?%)")
    refuse("a field of the wrong type", "return { on_start = true }", "'on_start' must be a function, got true")
    refuse("a broken broadcast table", "return { broadcast = { recieve = print } }", "did you mean 'receive'")
    refuse("a broken identity table", "return { identity = { adr = print } }", "did you mean 'addr'")
    refuse("a codec that is not complete", "return { codec = { encode_header = print } }", "codec")
    refuse("an identity table that gives us another address",
      "return { identity = { addr = function() return 'elsewhere' end, new = print } }", "another address")
    refuse("an identity table that does not know us",
      "return { identity = { addr = function() error 'who is that' end, new = print } }", "who is that")
    refuse("a module that is not there", "require 'no.such.module' return {}", "module 'no.such.module' not found")
    refuse("a failing on_reload", "return { on_reload = function() error 'not today' end }",
      "on_reload: .*service.lua:1: not today")
    refuse("an on_reload that sends",
      "return { on_reload = function(node) node:gossip() end }", "node:gossip: not allowed while this version")
    refuse("a store that on_reload has broken for the next time only when that comes",
      "return { on_reload = function(node) node.store = 42 end }", "node.store: must be a table, got 42")

    it("is refused for a file that never returns, in the middle of it", function()
      local node = start { busy_limit = 0.2 }
      stage:write("service.lua", "local n = 0\nwhile true do\n  pcall(function() n = n + 1 end)\nend")
      local ok, message, code = node:reload()
      assert.same({ nil, "script" }, { ok, code })
      assert.matches("service.lua:%d: the file does not return", message)
      assert.equal("A", node.store.name)
      ok, message, code = require "shoal".check(stage:write("loop.lua", "local function f() return f() end\nf()"), 0.1)
      assert.same({ nil, "script" }, { ok, code })
      assert.matches("loop.lua:1: the file does not return", message)
    end)

    it("is refused for a store that cannot be carried, naming what", function()
      stage:write("service.lua", version("A", [[
        function M.on_active(node) node.store.deep = { list = { 1, { callback = function() end } } } end
      ]]))
      local node = start()
      stage:start { join = node:bound() }
      stage:wait(function() return node:num_members() == 1 end)
      stage:write("service.lua", version "B")
      local answer, message = node:reload()
      assert.is_nil(answer)
      assert.matches("store%.deep%.list%[2%]%.callback: cannot carry a function", message)
      assert.equal(1, script_of(node).generation)
      assert.equal(0, node:info().handlers.errors)
      assert.error_matches(function() return node.store end, "store%.deep")
    end)

    it("is refused for a file that is gone, or has become a folder", function()
      local node = start()
      os.remove(path)
      assert_refused(node, "cannot read .*service.lua: No such file")
      assert(os.execute("mkdir " .. path))
      local answer, message = node:reload()
      assert.is_nil(answer)
      assert.matches("Is a directory", message)
    end)

    it("is forgotten once one succeeds, or the old content is back", function()
      local node = start()
      stage:write("service.lua", "nonsense")
      assert.is_nil(node:reload())
      assert.is_table(script_of(node).last_error)
      stage:write("service.lua", version "A")
      assert.same({ true, "unchanged" }, { node:reload() })
      assert.is_nil(script_of(node).last_error)
      stage:write("service.lua", "nonsense")
      node:reload()
      stage:write("service.lua", version "C")
      assert.is_true(node:reload())
      assert.is_nil(script_of(node).last_error)
    end)

    it("does not touch the old version's timers", function()
      stage:write("service.lua", [[
        return { on_start = function(node)
          node:every(0.005, function() node.store.count = (node.store.count or 0) + 1 end)
        end }
      ]])
      local node = start()
      stage:write("service.lua", [[
        return { on_reload = function(node)
          node:every(0.001, function() node.store.intruder = true end)
          node:every(0.001, print)
          error "no"
        end }
      ]])
      assert.is_nil(node:reload())
      local before = node.store.count or 0
      stage:wait(function() return (node.store.count or 0) > before + 3 end)
      assert.is_nil(node.store.intruder)
    end)

    it("happens for a node whose handlers are no script", function()
      local node = stage:start { handlers = {} }
      local answer, message, code = node:reload()
      assert.is_nil(answer)
      assert.is_string(message)
      assert.equal("no_script", code)
    end)
  end)

  describe("while a version loads", function()
    it("lets it read the node, set timers and fill its store, not send", function()
      local node = start()
      stage:write("service.lua", [[
        local M = {}
        function M.on_reload(node)
          local store = node.store
          store.identity = node:identity().addr
          store.members = #node:members()
          store.generation = node:info().script.generation
          node:after(0, function() store.fired = true end)
          store.refused = 0
          for _, method in ipairs { "gossip", "broadcast", "leave", "reuse_down_identity", "add_broadcast", "announce",
            "join", "apply", "change_identity", "set_config", "set_handlers", "close" } do
            local ok, message = pcall(node[method], node, {}, {})
            if not ok and message:find("not allowed while this version of the handlers loads", 1, true) then
              store.refused = store.refused + 1
            else
              store[method] = message or "no error"
            end
          end
          store.reload = { node:reload() }
        end
        return M
      ]])
      assert(node:reload())
      local store = node.store
      assert.equal(node:bound(), store.identity)
      assert.equal(0, store.members)
      assert.equal(1, store.generation)
      assert.equal(12, store.refused)
      assert.equal("loading", store.reload[3])
      stage:wait(function() return node.store.fired end)
    end)
  end)

  describe("asked for inside", function()
    it("a handler happens after it", function()
      stage:write("service.lua", version("A", [[
        function M.on_active(node)
          node.store.answer = { node:reload() }
          node.store.still = "A"
        end
      ]]))
      local node = start()
      stage:write("service.lua", version "B")
      stage:start { join = node:bound() }
      stage:wait(function() return node.store.name == "B" end)
      assert.same({ true, "deferred" }, node.store.answer)
      assert.equal("A", node.store.still)
    end)

    it("a timer, or a subscription of the program, happens after it", function()
      stage:write("service.lua", version("A", [[
        local start = M.on_start
        function M.on_start(node)
          start(node)
          node:after(0.01, function() node:reload() node.store.late = "A" end)
        end
      ]]))
      local node = start()
      stage:write("service.lua", version "B")
      stage:wait(function() return node.store.name == "B" end)
      assert.equal("A", node.store.late)
      stage:write("service.lua", version "C")
      local answer
      node:on("active", function() answer = { node:reload() } end)
      stage:start { join = node:bound() }
      stage:wait(function() return node.store.name == "C" end)
      assert.same({ true, "deferred" }, answer)
    end)

    it("a handler, then closing wins", function()
      stage:write("service.lua", version("A", [[
        function M.on_active(node)
          node:reload()
          node:close()
        end
      ]]))
      local node = start()
      stage:write("service.lua", version "B")
      stage:start { join = node:bound() }
      stage:wait(function() return node:is_closed() end)
    end)

    it("a coroutine of the script happens later", function()
      stage:write("service.lua", version("A", [[
        local start = M.on_start
        function M.on_start(node)
          start(node)
          coroutine.wrap(function()
            node:wait(function() return node:num_members() > 0 end)
            node.store.answer = { node:reload() }
          end)()
        end
      ]]))
      local node = start()
      stage:write("service.lua", version "B")
      stage:start { join = node:bound() }
      stage:wait(function() return node.store.name == "B" end)
      assert.same({ true, "deferred" }, node.store.answer)
    end)
  end)

  describe("of what was required", function()
    it("finds modules in the script's own folder first, each version its own", function()
      stage:write("part.lua", "count = (count or 0) + 1 return { name = 'one', count = count }")
      stage:write("service.lua", [[
        local part = require "part"
        assert(require "part" == part)
        return { on_start = function(node) node.store.part = part end,
                 on_reload = function(node) node.store.part = part end }
      ]])
      local node = start()
      assert.same({ name = "one", count = 1 }, node.store.part)
      assert.same({ path, stage:path("part.lua") }, script_of(node).files)
      stage:write("part.lua", "count = (count or 0) + 1 return { name = 'two', count = count }")
      assert.is_true(node:reload())
      assert.same({ name = "two", count = 1 }, node.store.part)
      assert.is_nil(rawget(_G, "count"))
    end)

    it("notices a module that comes into the way of another", function()
      stage:write("service.lua", [[
        local ok, part = pcall(require, "optional")
        return { on_reload = function(node) node.store.found = ok and part.name end }
      ]])
      local node = start()
      assert.same({ true, "unchanged" }, { node:reload() })
      stage:write("optional.lua", "return { name = 'here' }")
      assert.is_true((node:reload()))
      assert.equal("here", node.store.found)
    end)

    it("names the module that is broken", function()
      stage:write("service.lua", "require 'part' return {}")
      stage:write("part.lua", "return {")
      local node, message, code = stage:try_start { handlers = path }
      assert.is_nil(node)
      assert.matches("part.lua:1: ", message)
      assert.equal("script", code)
    end)

    it("gives scripts shoal itself", function()
      stage:write("service.lua", [[
        local shoal = require "shoal"
        local core = require "shoal.core"
        return { on_start = function(node) node.store.version = shoal._VERSION == core.version end }
      ]])
      assert.is_true(start().store.version)
    end)

    it("takes files that begin with #! or a byte order mark", function()
      stage:write("service.lua", "#!/usr/bin/env shoal\nreturn { on_start = function() error('line 2') end }")
      local told
      start { on_error = function(_, message) told = message end }
      stage:wait(function() return told end)
      assert.matches("service.lua:2: line 2", told)
      stage:write("service.lua", "\239\187\191return { on_start = function(node) node.store.ok = true end }")
      assert.is_true(start().store.ok)
    end)
  end)

  describe("by itself", function()
    local function watched()
      return stage:start { handlers = path }
    end

    it("follows a file that was written in place", function()
      local node = watched()
      stage:write("service.lua", version "B")
      stage:wait(function() return node.store.name == "B" end)
      assert.equal("changed", node.store.previous.reason)
    end)

    it("follows a file that was replaced by rename, as editors do", function()
      local node = watched()
      for _, name in ipairs { "B", "C", "D" } do
        stage:replace("service.lua", version(name))
        stage:wait(function() return node.store.name == name end)
      end
      assert.equal(4, script_of(node).generation)
    end)

    it("follows a module that the script required", function()
      stage:write("part.lua", "return { name = 'one' }")
      stage:write("service.lua", [[
        local part = require "part"
        return { on_reload = function(node) node.store.name = part.name end }
      ]])
      local node = watched()
      stage:replace("part.lua", "return { name = 'two' }")
      stage:wait(function() return node.store.name == "two" end)
    end)

    it("follows a script with a library of many modules, whose folders are not there, without a warning", function()
      stage:write("service.lua", "require 'socket' " .. version "A")
      local lines = {}
      local function note(level, _, text)
        lines[#lines + 1] = level .. ": " .. text
      end
      local node = stage:start { handlers = path, log = { levels = "info", write = note } }
      stage:write("service.lua", "require 'socket' " .. version "B")
      stage:wait(function() return node.store.name == "B" and lines[#lines] == "info: reloaded" end)
      local text = table.concat(lines, "\n")
      assert.is_nil(text:find("watch", 1, true), text)
      assert.is_nil(text:find("warn", 1, true), text)
    end)

    it("refuses a file that is half written, and takes it when it is whole", function()
      local node = watched()
      local whole = version "B"
      stage:write("service.lua", whole:sub(1, math.floor(#whole / 2)))
      stage:wait(function() return script_of(node).last_error end)
      assert.equal("A", node.store.name)
      stage:write("service.lua", whole)
      stage:wait(function() return node.store.name == "B" end)
      assert.is_nil(script_of(node).last_error)
    end)

    it("mends itself when the broken module is mended, which the running version does not know", function()
      local node = watched()
      stage:write("part.lua", "return {")
      stage:write("service.lua", "require 'part' " .. version "B")
      stage:wait(function() return script_of(node).last_error end)
      stage:write("part.lua", "return {}")
      stage:wait(function() return node.store.name == "B" end)
    end)

    it("loads once for ten writes in quick succession", function()
      local node = watched()
      local began = wait.now()
      for i = 1, 10 do
        stage:write("service.lua", version("v" .. i))
        stage:step(0.01)
      end
      stage:wait(function() return node.store.name == "v10" end)
      -- Where the machine took its time, there were that many quiet moments.
      local loads, most = script_of(node).generation - 1, math.floor((wait.now() - began) / QUIET + 0.1)
      assert.is_true(loads <= math.max(most, 1), ("%d loads, and time for %d"):format(loads, most))
    end)

    it("does nothing when a file was only touched", function()
      local node = watched()
      assert(os.execute("touch " .. path))
      stage:idle(0.3)
      assert.equal(1, script_of(node).generation)
    end)

    it("does nothing for a node that was told not to watch", function()
      local node = start()
      stage:write("service.lua", version "B")
      stage:idle(0.3)
      assert.equal("A", node.store.name)
    end)
  end)

  describe("under traffic", function()
    it("shows each item exactly once, to exactly one version", function()
      local node = start()
      -- Sends what is its own to its only peer, once.
      local other = stage:start { join = node:bound(),
        config = { preset = "loopback", news_transmissions = 1, suspect_to_down_after = 3600 },
        handlers = { broadcast = { receive = function(_, data, sender) return not sender and data or nil end } } }
      stage:wait(function() return other:num_members() == 1 and node:num_members() == 1 end)
      local total, sent = 200, 0
      for round = 1, 20 do
        for _ = 1, total / 20 do
          sent = sent + 1
          assert.is_true(other:add_broadcast("item" .. sent))
        end
        other:broadcast()
        stage:write("service.lua", version(round % 2 == 0 and "A" or "B", "-- round " .. round))
        stage:step()
        assert.is_true(node:reload())
        stage:step()
      end
      stage:wait(function()
        other:broadcast()
        local store = node.store
        for i = 1, total do
          if not store["item" .. i] then return false end
        end
        return true
      end, "all items")
      local store, by = node.store, { A = 0, B = 0 }
      for i = 1, total do
        local seen = store["item" .. i]
        assert.equal(1, #seen, "item" .. i .. " was seen by " .. seen)
        by[seen] = by[seen] + 1
      end
      assert.is_true(by.A > 0 and by.B > 0)
      assert.equal(21, script_of(node).generation)
    end)

    it("gives each event to exactly one version", function()
      local node = start()
      local log = stage:path("log")
      local function source(round)
        return ([[
          local function write(what)
            local file = io.open("%s", "a")
            file:write(what, "\n")
            file:close()
          end
          return {
            on_member_up = function(_, member) write("up " .. member.addr) end,
            on_member_down = function(_, member) write("down " .. member.addr) end,
          } -- %d
        ]]):format(log, round)
      end
      stage:write("service.lua", source(0))
      node:reload()
      local count = 10
      for round = 1, count do
        local other = stage:start { join = node:bound() }
        stage:wait(function() return other:num_members() > 0 and node:num_members() > 0 end)
        stage:write("service.lua", source(round))
        assert.is_true(node:reload())
        other:leave()
        other:close()
        stage:wait(function() return node:num_members() == 0 end)
      end
      local ups, downs = 0, 0
      for line in io.lines(log) do
        if line:match("^up") then ups = ups + 1 else downs = downs + 1 end
      end
      assert.equal(count, ups)
      assert.equal(count, downs)
    end)

    it("is not noticed by the other members", function()
      local net = sim.new() -- in whose time no machine is slow
      local node, other = unpack(net:spawn(2, { handlers = path, config = "loopback" }))
      assert(net:run_until(function() return net:converged() end, 10))
      local heard = {}
      for _, event in ipairs { "*", "suspect", "refuted", "conflict", "probe_failed" } do
        other:on(event, function(_, name) heard[#heard + 1] = event == "*" and name or event end)
      end
      local function seen()
        local member = other:members()[1]
        member.rtt = nil -- is measured all the time
        return member
      end
      local before = seen()
      for round = 1, 50 do
        stage:write("service.lua", version("v" .. round))
        assert.is_true(node:reload())
        net:run(0.1)
      end
      assert.same({}, heard)
      assert.same(before, seen())
      assert.equal(0, node:info().counts.down)
      net:close()
    end)
  end)

  describe("done ten thousand times", function()
    --- Bytes of resident memory.
    local function resident()
      local file = assert(io.open("/proc/self/status"))
      local status = file:read("*a")
      file:close() -- it would count as one descriptor more
      return status:match("VmRSS:%s*(%d+)") * 1024
    end

    it("grows neither in memory nor in descriptors", function()
      local node = start()
      local sources = { version("A", "local big = ('x'):rep(10000)"), version("B", "-- other") }
      local done = 0
      local function reload(times)
        for _ = 1, times do
          done = done + 1
          stage:write("service.lua", sources[done % 2 + 1])
          assert.is_true(node:reload())
          if done % 100 == 0 then stage:step() end
        end
      end
      local times = wait.slow and 600 or 10000
      reload(times / 5)
      collectgarbage()
      local files, memory = stage:descriptors(), resident()
      reload(times - times / 5)
      collectgarbage()
      assert.equal(files, stage:descriptors())
      local growth = resident() - memory
      if not os.getenv("LD_PRELOAD") and not wait.slow then
        assert.is_true(growth < 2 * 1024 * 1024, "grew by " .. growth .. " bytes")
      end
      assert.equal(times + 1, script_of(node).generation)
      assert.equal(0, node:info().handlers.errors)
    end)
  end)
end)
