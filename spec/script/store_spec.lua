--- node.store lives as long as the node; set_handlers, shoal.load and
--- shoal.check: handlers from tables and files in the program.

local shoal = require "shoal"
local core = require "shoal.core"
local stages = require "spec.script.stage"

describe("the store", function()
  local stage

  before_each(function() stage = stages.new() end)
  after_each(function() stage:close() end)

  it("is an empty table at first, the same for the program and its handlers", function()
    local node = stage:start { handlers = { on_start = function(n) n.store.here = true end } }
    assert.is_true(node.store.here)
    assert.equal(node.store, node.store)
  end)

  it("can be replaced by another table, nothing else", function()
    local node = stage:start()
    local mine = { 1 }
    node.store = mine
    assert.equal(mine, node.store)
    assert.error_matches(function() node.store = 42 end, "node.store: must be a table, got 42")
    assert.error_matches(function() node.stroe = {} end, "has no field 'stroe' to set")
    assert.is_nil(node.nothing)
  end)

  it("goes by itself from table to table, with whatever is in it", function()
    local node = stage:start()
    local callback = function() end
    node.store.callback = callback
    local seen
    assert.is_true(node:set_handlers { on_reload = function(n) seen = n.store.callback end })
    assert.equal(callback, seen)
    assert.equal(callback, node.store.callback)
  end)

  describe("of a script", function()
    local node

    before_each(function()
      local path = stage:write("s.lua", [[
        return { on_start = function(node) node.store = { list = { 1, { a = "b" } }, number = 1 } end }
      ]])
      node = stage:start { handlers = path }
    end)

    it("is a copy for the program", function()
      assert.same({ list = { 1, { a = "b" } }, number = 1 }, node.store)
      local names = {}
      for name in pairs(node.store) do names[name] = true end
      assert.same({ list = true, number = true }, names)
      assert.equal(2, #node.store.list)
    end)

    it("says that it is one to a program that sets something new", function()
      assert.error_matches(function() node.store.x = 1 end,
        "^node.store: 'x' cannot be set here: the store belongs to the script, and this is a copy$")
      assert.error_matches(function() node.store.list[3] = 1 end, "node.store: 3 cannot be set here")
      assert.error_matches(function() node.store.list[2].c = 1 end, "node.store: 'c' cannot be set here")
      assert.error_matches(function() node.store = {} end, "belongs to the script")
      assert.error_matches(function() setmetatable(node.store, nil) end, "protected metatable")
      assert.same({ list = { 1, { a = "b" } }, number = 1 }, node.store)
    end)

    it("says so at the next look to a program that has set something else", function()
      for _, change in ipairs {
        function(store) store.number = 2 end,
        function(store) store.number = nil end,
        function(store) store.number = print end,
        function(store) store.list[1] = 2 end,
        function(store) store.list[2].a = "c" end,
        function(store) rawset(store, "x", 1) end,
      } do
        change(node.store)
        assert.error_matches(function() return node.store end,
          "^node.store: a field was changed here since it was read: the store belongs to the script")
        assert.same({ list = { 1, { a = "b" } }, number = 1 }, node.store)
      end
    end)

    it("may be changed in a copy of one's own, and by the script", function()
      local path = stage:write("t.lua", [[
        return { commands = { set = { run = function(node, args) node.store.number = args[1] end } } }
      ]])
      local other = stage:start { handlers = path }
      local before = other.store
      local answered
      assert(other:call("set", { 7 }, function() answered = true end))
      stage:wait(function() return answered end)
      assert.same({}, before)
      assert.equal(7, other.store.number)
      local own = {}
      for name, value in pairs(other.store) do own[name] = value end
      own.number = 8
      assert.same({ number = 7 }, other.store)
      assert.same({ number = 8 }, own)
    end)
  end)

  it("is carried by value into another version: types, nesting, binary text", function()
    local keep = [[
      return { on_start = function(node)
        node.store = { text = "a\0b\255", yes = true, no = false, number = 1.5, big = 2^52, negative = -7,
          list = { 1, 2, { 3 } }, [1] = "one", [2.5] = "two and a half", [false] = "no", deep = { { { { {} } } } } }
      end, on_reload = function(node) node.store.carried = true end } -- ]]
    local path = stage:write("s.lua", keep .. "1")
    local node = stage:start { handlers = path, watch = false }
    local before = node.store
    stage:write("s.lua", keep .. "2")
    assert.is_true(node:reload())
    local after = node.store
    assert.is_true(after.carried)
    local expected = { carried = true }
    for key, value in pairs(before) do expected[key] = value end
    assert.same(expected, after)
  end)

  it("that is too deep, or goes around in circles, is named", function()
    local path = stage:write("s.lua", [[
      return { on_start = function(node)
        local ring = {}
        ring.next = ring
        node.store.ring = ring
      end }
    ]])
    local node = stage:start { handlers = path, watch = false }
    stage:write("s.lua", "return {}")
    local answer, message = node:reload()
    assert.is_nil(answer)
    assert.matches("store: tables are nested more than %d+ deep", message)
  end)

  it("is not shared by two nodes of one script", function()
    local path = stage:write("s.lua", [[
      count = (count or 0) + 1
      return { on_start = function(node) node.store.count = count end }
    ]])
    local a, b = stage:start { handlers = path }, stage:start { handlers = path }
    assert.equal(1, a.store.count)
    assert.equal(1, b.store.count)
  end)
end)

describe("set_handlers", function()
  local stage, node

  before_each(function()
    stage = stages.new()
    node = stage:start()
  end)
  after_each(function() stage:close() end)

  it("changes who hears of events, at once", function()
    local heard = {}
    local function handlers(name)
      return { on_member_up = function() heard[#heard + 1] = name end }
    end
    assert.is_true(node:set_handlers(handlers "A"))
    stage:start { join = node:bound() }
    stage:wait(function() return heard[1] end)
    assert.is_true(node:set_handlers(handlers "B"))
    stage:start { join = node:bound() }
    stage:wait(function() return heard[2] end)
    assert.same({ "A", "B" }, heard)
    assert.equal(3, node:info().script.generation)
  end)

  it("calls on_reload of the new ones, with what was before", function()
    local seen
    node:set_handlers { on_reload = function(n, previous) seen = { n, previous } end }
    assert.equal(node, seen[1])
    assert.same({ generation = 1, reason = "set_handlers" }, seen[2])
  end)

  it("changes nothing when on_reload fails", function()
    local kept = { broadcast = { receive = function(_, data) return data end } }
    node:set_handlers(kept)
    local answer, message, code = node:set_handlers { on_reload = function() error("no") end }
    assert.is_nil(answer)
    assert.matches("on_reload: .*no", message)
    assert.equal("script", code)
    assert.is_true(node:add_broadcast("x"))
    assert.equal(2, node:info().script.generation)
  end)

  it("is misuse with anything but a table of handlers", function()
    assert.error_matches(function() node:set_handlers(42) end, "node:set_handlers: argument 1 must be a table, got 42$")
    assert.error_matches(function() node:set_handlers() end, "node:set_handlers: argument 1 must be a table, got nil$")
    assert.error_matches(function() node:set_handlers { on_memberup = print } end, "did you mean 'on_member_up'")
    assert.error_matches(function() node:set_handlers { broadcast = { recieve = print } } end, "did you mean 'receive'")
    local other = stage:start { handlers = stage:write("s.lua", "return {}") }
    assert.error_matches(function() other:set_handlers {} end, "this node runs the script .*s.lua")
  end)

  it("may be called by a handler, which still belongs to the old ones", function()
    local order = {}
    local new = {
      on_member_up = function() order[#order + 1] = "new up" end,
      on_active = function() order[#order + 1] = "new active" end,
    }
    node:set_handlers {
      on_member_up = function(n)
        order[#order + 1] = "old up"
        assert(n:set_handlers(new))
        n:after(0, function() order[#order + 1] = "old timer" end)
      end,
      on_active = function() order[#order + 1] = "old active" end,
    }
    stage:start { join = node:bound() }
    stage:wait(function() return order[2] end)
    stage:idle(0.05)
    assert.equal("old up", order[1])
    assert.equal("new active", order[2])
    assert.equal(0, node:info().handlers.errors)
  end)

  it("is refused while the engine asks", function()
    local result
    node:set_handlers { broadcast = { receive = function(n, data)
      result = { n:set_handlers {} }
      return data
    end } }
    node:add_broadcast("x")
    assert.equal("reentrant", result[3])
  end)

  it("asks the new handlers about identities that come later", function()
    local function handlers(suffix)
      return { identity = {
        new = function(opts) return { opts.bind } end,
        addr = function(id) return id[1] .. (id[2] or "") end,
        endpoint = function(id) return id[1] end,
        at = function(endpoint) return { endpoint, suffix } end,
      } }
    end
    local other = stage:start { handlers = handlers() }
    for _, wrong in ipairs { { identity = { addr = function() return "x" end } }, {} } do
      local answer, message, code = other:set_handlers(wrong)
      assert.is_nil(answer)
      assert.matches("^identity: ", message)
      assert.equal("script", code)
    end
    assert.is_true(other:set_handlers(handlers()))
  end)
end)

describe("shoal.load", function()
  local stage

  before_each(function() stage = stages.new() end)
  after_each(function() stage:close() end)

  it("makes a table of handlers that lives in the program", function()
    local path = stage:write("h.lua", "return { on_start = function(node) node.store.callback = print end }")
    local handlers = assert(shoal.load(path))
    local node = stage:start { handlers = handlers }
    assert.equal(print, node.store.callback)
  end)

  it("runs the file and its modules in an environment of their own", function()
    stage:write("part.lua", "hidden = (hidden or 0) + 1 return { count = hidden }")
    local path = stage:write("h.lua", [[
      leak = require "part"
      assert(require("part") == leak)
      assert(_G.leak == leak and type(_G.print) == "function")
      return { _part = leak }
    ]])
    local first, second = assert(shoal.load(path)), assert(shoal.load(path))
    assert.is_nil(rawget(_G, "leak"))
    assert.is_nil(rawget(_G, "hidden"))
    assert.is_nil(package.loaded.part)
    assert.not_equal(first._part, second._part)
    assert.equal(1, second._part.count)
  end)

  it("gives modules that are no files as the program has them", function()
    local path = stage:write("h.lua", "return { _core = require 'shoal.core', _string = require 'string' }")
    local handlers = assert(shoal.load(path))
    assert.equal(core, handlers._core)
    assert.equal(string, handlers._string)
  end)

  it("says what is wrong", function()
    local function refused(source, pattern)
      local handlers, message, code = shoal.load(stage:write("h.lua", source))
      assert.is_nil(handlers)
      assert.matches(pattern, message)
      assert.equal("script", code)
    end
    refused("return {", "h.lua:1: ")
    refused("error 'oops'", "h.lua:1: oops")
    refused("return { on_memberup = print }", "h.lua: unknown field 'on_memberup'")
    refused("return 42", "h.lua: must return its table of handlers, but returned number")
    refused("require 'no.such.module'", "no.such.module")
    stage:write("part.lua", "return {")
    refused("return require 'part'", "part.lua:1: ")
    local handlers, message = shoal.load(stage:path("nothing.lua"))
    assert.is_nil(handlers)
    assert.matches("nothing.lua", message)
    assert.error_matches(function() shoal.load(42) end, "needs a path, got number")
  end)
end)

describe("shoal.check", function()
  local stage

  before_each(function() stage = stages.new() end)
  after_each(function() stage:close() end)

  it("tells what a script would bring", function()
    stage:write("part.lua", "return {}")
    local path = stage:write("h.lua", [[
      require "part"
      return { on_start = function() end, broadcast = { receive = print },
        identity = { new = function(opts) return { addr = opts.bind, bump = 0 } end } }
    ]])
    local report = assert(shoal.check(path))
    assert.equal(path, report.path)
    assert.equal(16, #report.hash)
    assert.same({ path, stage:path("part.lua") }, report.files)
    table.sort(report.handlers)
    assert.same({ "broadcast.receive", "identity.new", "on_start" }, report.handlers)
    local node = stage:start { handlers = path }
    assert.equal(report.hash, node:info().script.hash)
  end)

  it("tells why it would not load", function()
    local function refused(source, pattern)
      local report, message, code = shoal.check(stage:write("h.lua", source))
      assert.is_nil(report)
      assert.matches(pattern, message)
      assert.equal("script", code)
    end
    refused("return {", "h.lua:1: ")
    refused("return { broadcast = { recieve = print } }", "receive")
    refused("return { broadcast = { receive = 1 } }", "receive")
    refused("return { identity = { addr = 1 } }", "addr")
    local report, message = shoal.check(stage:path("nothing.lua"))
    assert.is_nil(report)
    assert.matches("cannot read .*nothing.lua: No such file", message)
    report, message = shoal.check(stage.folder)
    assert.is_nil(report)
    assert.matches("Is a directory", message)
  end)

  it("finds modules next to a script that is given by a relative path", function()
    stage:write("part.lua", "return {}")
    stage:write("h.lua", "require 'part' return {}")
    local lfs = require "lfs"
    local before = lfs.currentdir()
    assert(lfs.chdir(stage.folder))
    local report, message = shoal.check("h.lua")
    local node, trouble = stage:try_start { handlers = "h.lua", watch = false }
    lfs.chdir(before)
    assert(report, message)
    assert(node, trouble)
    assert.equal(stage:path("h.lua"), node:info().script.path)
    assert.same({ true, "unchanged" }, { node:reload() })
  end)
end)
