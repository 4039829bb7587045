--- The field `commands`: node:call, node:commands, and what becomes of them at a reload.

local stages = require "spec.script.stage"

describe("a command of a script", function()
  local stage

  before_each(function() stage = stages.new() end)
  after_each(function() stage:close() end)

  --- What the function is called with behind the node.
  local function call(node, name, args)
    local outcome
    assert(node:call(name, args, function(given, ...)
      assert.equal(node, given)
      assert.is_nil(outcome)
      outcome = { ... }
    end))
    assert.is_nil(outcome)
    stage:wait(function() return outcome end)
    return outcome
  end

  local function start(commands)
    return stage:start { handlers = stage:write("service.lua", "return { commands = {" .. commands .. "} }") }
  end

  it("gets the node and its arguments, and its value is the answer", function()
    local node = start [[
      add = { run = function(node, args) return { sum = args[1] + args[2], at = node:bound() } end },
    ]]
    assert.same({ { sum = 5, at = node:bound() } }, call(node, "add", { 2, 3 }))
  end)

  it("answers with a mebibyte at most, and says what it raised if that is no text", function()
    local node = start [[
      much = { run = function() return ("x"):rep(2 ^ 20 - 5) end },
      more = { run = function() return ("x"):rep(2 ^ 20) end },
      odd = { run = function() error {} end },
    ]]
    assert.equal(2 ^ 20 - 5, #call(node, "much", {})[1])
    assert.same({ nil, "the answer has 1048581 bytes, more than 1048576", "too_big" }, call(node, "more", {}))
    assert.same({ nil, "(error object is a table value)", "handler" }, call(node, "odd", {}))
  end)

  it("that yields to nobody fails, where it does that, and keeps no place", function()
    local node = start [[
      lost = { run = function(node)
        node:sleep(0)
        coroutine.yield(1)
      end },
      found = { run = function(node)
        local both = coroutine.wrap(function() for i = 1, 2 do coroutine.yield(i) end end)
        node:sleep(0)
        return both() + both()
      end },
    ]]
    for _ = 1, 100 do -- more than may be under way
      local outcome = call(node, "lost", {})
      assert.equal("handler", outcome[3])
      assert.matches("service.lua:3: coroutine.yield: nobody resumes a coroutine of the node", outcome[2])
    end
    assert.same({ 3 }, call(node, "found", {}))
    assert.is_true(node:info().handlers.errors >= 100)
  end)

  it("of a table of handlers is called in the same way", function()
    local seen
    local node = stage:start { handlers = { commands = {
      note = { run = function(n, args) seen = { n, args } end },
    } } }
    assert.same({}, call(node, "note", { x = 1 }))
    assert.equal(node, seen[1])
    assert.same({ x = 1 }, seen[2])
  end)

  it("may wait", function()
    local node = start [[
      slow = { run = function(node, args) node:sleep(0.01); node:sleep(0.01); return args[1] end },
    ]]
    assert.same({ "late" }, call(node, "slow", { "late" }))
    assert.same({ "late" }, call(node, "slow", { "late" }))
  end)

  it("answers a coroutine that calls it without a function", function()
    local node = start [[ twice = { run = function(_, args) return 2 * args[1] end } ]]
    local outcome
    node:go(function(n) outcome = { n:call("twice", { 21 }) } end)
    stage:wait(function() return outcome end)
    assert.same({ 42 }, outcome)
  end)

  it("tells what it raises, at once and after it has waited, and that is counted", function()
    local node = start [[
      now = { run = function() error("no", 0) end },
      later = { run = function(node) node:sleep(0); error("not at all", 0) end },
    ]]
    assert.same({ nil, "no", "handler" }, call(node, "now"))
    assert.same({ nil, "not at all", "handler" }, call(node, "later"))
    assert.equal(2, node:info().handlers.errors)
  end)

  it("fails by answering nil and a message", function()
    local node = start [[
      drain = { run = function() return nil, "nobody else is there" end },
      pass = { run = function() return nil, "no such service", "not_found" end },
    ]]
    assert.same({ nil, "nobody else is there", "failed" }, call(node, "drain"))
    assert.same({ nil, "no such service", "not_found" }, call(node, "pass"))
  end)

  it("fails also if the message is no text", function()
    local node = start [[
      list = { run = function() return nil, { 1 }, "odd" end },
      no = { run = function() return nil, false end },
      number = { run = function() return nil, 42 end },
    ]]
    assert.same({ nil, "(the message is a table value)", "odd" }, call(node, "list"))
    assert.same({ nil, "false", "failed" }, call(node, "no"))
    assert.same({ nil, "42", "failed" }, call(node, "number"))
  end)

  it("that answers what MessagePack cannot carry has failed", function()
    local node = start [[ f = { run = function() return { g = print } end } ]]
    assert.same({ nil, "the answer.g: cannot carry a function", "handler" }, call(node, "f"))
  end)

  it("that is not there is a failure", function()
    assert.same({ nil, "there is no command 'drain'", "no_handler" }, call(start "", "drain"))
    assert.same({ nil, "there is no command 'drain'", "no_handler" }, call(stage:start(), "drain"))
  end)

  it("gets the arguments that it declares, by name or by place", function()
    local node = start [[
      drain = {
        args = { "host", { "seconds", type = "number", default = 30 }, { "why", optional = true } },
        run = function(_, args) return args end,
      },
    ]]
    assert.same({ { host = "a", seconds = 30 } }, call(node, "drain", { "a" }))
    assert.same({ { host = "a", seconds = 5, why = "tired" } }, call(node, "drain", { "a", 5, "tired" }))
    assert.same({ { host = "a", seconds = 5 } }, call(node, "drain", { host = "a", seconds = 5 }))
    assert.same({ nil, "the argument 'host' is missing", "arguments" }, call(node, "drain"))
    assert.same({ nil, "the argument 'seconds' must be a number, not a string", "arguments" },
      call(node, "drain", { "a", "5" }))
    assert.same({ nil, "too many arguments", "arguments" }, call(node, "drain", { "a", 5, "b", "c" }))
    assert.same({ nil, "there is no argument 'sceonds'", "arguments" },
      call(node, "drain", { host = "a", sceonds = 5 }))
  end)

  it("is listed with its arguments", function()
    local node = start [[
      b = { run = function() end },
      a = {
        help = "first", args = { "x", { "y", type = "number", default = 1, help = "more" } }, run = function() end,
      },
    ]]
    assert.same({
      { name = "a", help = "first",
        args = { { name = "x" }, { name = "y", type = "number", default = 1, help = "more" } } },
      { name = "b" },
    }, node:commands())
    assert.same({}, stage:start():commands())
  end)

  it("is that of the version in charge", function()
    local node = start [[ version = { run = function() return 1 end } ]]
    assert.same({ 1 }, call(node, "version"))
    stage:write("service.lua", "return { commands = { version = { run = function() return 2 end } } }")
    assert(node:reload())
    assert.same({ 2 }, call(node, "version"))
    stage:write("service.lua", "return {}")
    assert(node:reload())
    assert.equal("no_handler", call(node, "version")[3])
  end)

  it("ends with its version, and its caller is told", function()
    local node = start [[ hang = { run = function(node) node:sleep(3600) end } ]]
    local outcome
    assert(node:call("hang", {}, function(_, ...) outcome = { ... } end))
    stage:wait(function() return node:info().handlers.calls > 0 end)
    stage:write("service.lua", "return { }")
    assert(node:reload())
    stage:wait(function() return outcome end)
    assert.same({ nil, "the handlers were replaced before the command had answered", "replaced" },
      outcome)
  end)

  it("goes on when its caller is not interested any more", function()
    local done
    local node = stage:start { handlers = { commands = {
      slow = { run = function(n) n:sleep(0.01); done = true; return 1 end },
    } } }
    local told
    local pending = assert(node:call("slow", {}, function() told = true end))
    stage:wait(function() return node:info().handlers.calls > 0 end)
    assert.is_true(pending:cancel())
    stage:wait(function() return done end)
    stage.step()
    assert.is_nil(told)
    assert.is_false(pending:cancel())
  end)

  it("is not run when its caller gives it up before", function()
    local runs = 0
    local count = { run = function() runs = runs + 1 end }
    local node = stage:start { handlers = { commands = { count = count } } }
    assert.is_true(node:call("count", {}, function() end):cancel())
    call(node, "count")
    assert.equal(1, runs)
  end)

  it("may cancel the very call that runs it", function()
    local pending, ran
    local node = stage:start { handlers = { commands = {
      cancel = { run = function() ran = pending:cancel(); collectgarbage(); error "nobody is told" end },
    } } }
    pending = assert(node:call("cancel", {}, function() error "told" end))
    stage:wait(function() return ran end)
    stage.step()
    assert.equal(1, node:info().handlers.errors)
  end)

  it("may reload its script, and close its node", function()
    local node = start [[
      reload = { run = function(node) return select(2, node:reload()) end },
      stop = { run = function(node) node:close() return "closing" end },
    ]]
    assert.same({ "deferred" }, call(node, "reload"))
    assert(node:call("stop", {}, function() end))
    stage:wait(function() return node:is_closed() end)
  end)

  it("is refused when too many are under way", function()
    local node = start [[ hang = { run = function(node) node:sleep(3600) end } ]]
    for _ = 1, 64 do assert(node:call("hang", {}, function() end)) end
    assert.same({ nil, "too many commands are under way", "full" }, { node:call("hang", {}, function() end) })
    stage:write("service.lua", "return { commands = { hang = { run = function() end } } }")
    assert(node:reload())
    local outcome
    stage:wait(function()
      outcome = outcome or node:call("hang", {}, function() outcome = "told" end) and "asked"
      return outcome == "told"
    end)
  end)

  for name, case in pairs {
    ["that is no table"] = { "drain = 1", "commands%.drain must be a table, got a number" },
    ["without a function"] = { "drain = {}", "commands%.drain%.run must be a function" },
    ["with another field"] = { "drain = { run = print, hlep = '' }", "commands%.drain: unknown field 'hlep'" },
    ["with a bad name"] = { "['a b'] = { run = print }", "a name has 1 to 64 letters" },
    ["with an argument twice"] = { "d = { run = print, args = { 'a', 'a' } }",
      "commands%.d%.args%[2%] is there twice" },
    ["with an argument of no type"] = { "d = { run = print, args = { { 'a', type = 'int' } } }",
      "commands%.d%.args%[1%]: 'type' must be string, number or boolean" },
    ["with a default of another type"] = { "d = { run = print, args = { { 'a', type = 'number', default = 'x' } } }",
      "commands%.d%.args%[1%]: 'default' must be a number" },
    ["with arguments that are no list"] = { "d = { run = print, args = { a = 1 } }",
      "commands%.d%.args must be a list" },
  } do
    it(name .. " is refused when the script loads", function()
      local node, message, code = stage:try_start {
        handlers = stage:write("service.lua", "return { commands = {" .. case[1] .. "} }"),
      }
      assert.is_nil(node)
      assert.equal("script", code)
      assert.truthy(message:find(case[2]), message)
    end)
  end

  it("must be called with a name, a table and a function", function()
    local node = stage:start()
    assert.error_matches(function() node:call() end, "node:call: argument 1 must be a string, got nil")
    assert.error_matches(function() node:call("a", 1, print) end, "node:call: argument 2 must be a table, got 1")
    assert.error_matches(function() node:call("a", {}) end, "needs a function to call, or a coroutine to wait in")
    assert.error_matches(function() node:call("a", { print }, print) end,
      "node:call: data%[1%]: cannot carry a function")
  end)
end)
