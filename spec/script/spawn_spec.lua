--- node:spawn: real programs.

local lfs = require "lfs"
local stages = require "spec.script.stage"
local wait = require "spec.support.wait"

local unpack = rawget(_G, "unpack") or table.unpack -- luacheck: std max

local MANY = wait.slow and 200 or 2000

--- The children that this process has, ended or not.
local function num_children()
  local count = 0
  for task in lfs.dir("/proc/self/task") do
    local file = task:match("^%d+$") and io.open("/proc/self/task/" .. task .. "/children")
    if file then
      for _ in file:read("*a"):gmatch("%d+") do count = count + 1 end
      file:close()
    end
  end
  return count
end

describe("a program that a node runs", function()
  local stage, node

  before_each(function()
    stage = stages.new()
    node = stage:start()
  end)
  after_each(function() stage:close() end)

  --- Runs it to its end: what the function is called with behind the node.
  local function run(argv, options)
    local outcome
    assert(node:spawn(argv, options, function(given, ...)
      assert.equal(node, given)
      assert.is_nil(outcome)
      outcome = { ... }
    end))
    assert.is_nil(outcome)
    stage:wait(function() return outcome end)
    return unpack(outcome)
  end

  it("tells how it ended and what it wrote", function()
    assert.same({ code = 3, stdout = "out\n", stderr = "err\n", truncated = false, timed_out = false },
      run { "sh", "-c", "echo out; echo err >&2; exit 3" })
  end)

  it("is run without a shell", function()
    assert.equal("$HOME; *\n", run({ "echo", "$HOME; *" }).stdout)
  end)

  it("tells which signal ended it", function()
    local result = run { "sh", "-c", "kill -9 $$" }
    assert.is_nil(result.code)
    assert.equal(9, result.signal)
    assert.is_false(result.timed_out)
  end)

  it("reads its stdin, all of it, whether it wants it or not", function()
    local input = ("0123456789abcdef"):rep(65536)
    assert.equal(input, run({ "cat" }, { stdin = input, max_output = 2 ^ 20 }).stdout)
    assert.equal(0, run({ "true" }, { stdin = input }).code)
    assert.equal("", run({ "cat" }).stdout)
  end)

  it("has our environment, changed as was asked", function()
    local result = run({ "sh", "-c", 'echo "$A|${HOME-unset}|${PATH:+path}"' }, { env = { A = "1 = 2", HOME = false } })
    assert.equal("1 = 2|unset|path\n", result.stdout)
    assert.equal(os.getenv("HOME") .. "\n", run({ "sh", "-c", "echo $HOME" }).stdout)
    assert.equal("/no/such\n", run({ "env", "/bin/sh", "-c", "echo $PATH" }, { env = { PATH = "/no/such" } }).stdout,
      "looked for in the node's PATH")
  end)

  it("starts in the folder that was asked for", function()
    assert.equal(stage.folder .. "\n", run({ "pwd", "-P" }, { cwd = stage.folder }).stdout)
  end)

  it("keeps the beginning of its output, and says that there was more", function()
    local result = run({ "sh", "-c", "seq 100000; echo no >&2" }, { max_output = 4 })
    assert.equal("1\n2\n", result.stdout)
    assert.equal("no\n", result.stderr)
    assert.is_true(result.truncated)
    assert.equal(0, result.code)
    result = run({ "echo", "abc" }, { max_output = 4 })
    assert.equal("abc\n", result.stdout)
    assert.is_false(result.truncated)
    assert.equal(64 * 1024, #run({ "seq", "100000" }).stdout)
  end)

  it("is ended by TERM when its time is over, with all that it started", function()
    local result = run({ "sh", "-c", "echo begun; sleep 3600 & sleep 3600" }, { timeout = 0.3 })
    assert.equal(15, result.signal)
    assert.is_true(result.timed_out)
    assert.is_true(run({ "sleep", "3600" }, { timeout = 0 }).timed_out)
  end)

  it("is killed when TERM does not help", function()
    local result = run({ "sh", "-c", "trap '' TERM; echo begun; while :; do sleep 0.01; done" }, { timeout = 0.3 })
    assert.equal(9, result.signal)
    assert.is_true(result.timed_out)
    assert.equal("begun\n", result.stdout)
  end)

  it("may have handled TERM", function()
    local result = run({ "sh", "-c", "trap 'echo bye; exit 7' TERM; echo begun; while :; do sleep 0.01; done" },
      { timeout = 0.5 })
    assert.equal(7, result.code)
    assert.is_true(result.timed_out)
    assert.equal("begun\nbye\n", result.stdout)
  end)

  it("is told of when it ends, though something that it left behind still writes", function()
    local result = run { "sh", "-c", "echo $$; sleep 3600 & echo $!" }
    local group, left = result.stdout:match("^(%d+)\n(%d+)\n$")
    assert.equal(0, result.code)
    os.execute("kill " .. assert(left)) -- it is not the node's any more
    assert.is_truthy(group)
  end)

  it("has none of our descriptors and signals as at the start of a process", function()
    local fcntl, unistd = require "posix.fcntl", require "posix.unistd"
    local signal = require "posix.signal"
    local fd = assert(fcntl.open("/dev/null", fcntl.O_RDONLY)) -- inherited, if nobody sees to it
    local before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    local result = run { "sh", "-c", "ls /proc/self/fd; grep -E '^Sig(Blk|Ign)' /proc/self/status" }
    signal.signal(signal.SIGHUP, before)
    unistd.close(fd)
    -- 3 is that of ls; signals 32 and 33 are the C library's
    assert.equal("0 1 2 3 SigBlk: 0000000000000000 SigIgn: 0000000000000000",
      (result.stdout:gsub("%s+", " "):gsub(" $", ""):gsub("180000000$", "000000000")))
  end)

  it("answers what is wrong when it cannot be started, and calls nobody", function()
    local function never() error("called") end
    local function refuse(...)
      local pending, message, code = node:spawn(...)
      assert.is_nil(pending)
      assert.equal("spawn", code)
      return message
    end
    assert.equal("cannot run no-such-program: no such file or directory", refuse({ "no-such-program" }, never))
    assert.equal("cannot run /etc/passwd: permission denied", refuse({ "/etc/passwd" }, never))
    assert.equal("cannot run true in the folder /no/such: no such file or directory",
      refuse({ "true" }, { cwd = "/no/such" }, never))
    assert.equal("cannot run true in the folder /etc/passwd: not a directory",
      refuse({ "true" }, { cwd = "/etc/passwd" }, never))
    assert.equal("cannot run ./no-such-program: no such file or directory",
      refuse({ "./no-such-program" }, { cwd = stage.folder }, never))
    stage:idle(0.02)
    assert.equal(0, node:info().handlers.errors)
    assert.equal(0, num_children())
  end)

  it("may be cancelled: it ends, and nobody is called", function()
    local called = false
    local pending = assert(node:spawn({ "sleep", "3600" }, function() called = true end))
    assert.equal(1, num_children())
    assert.is_true(pending:cancel())
    assert.is_false(pending:cancel())
    stage:wait(function() return num_children() == 0 end)
    assert.is_false(called)
  end)

  it("waits for its turn, eight at a time, in order", function()
    local most, ended = 0, {}
    for i = 1, 40 do
      assert(node:spawn({ "echo", tostring(i) }, function(_, result) ended[#ended + 1] = tonumber(result.stdout) end))
      most = math.max(most, num_children())
    end
    stage:wait(function()
      most = math.max(most, num_children())
      return #ended == 40
    end)
    assert.equal(8, most)
    assert.is_true(ended[1] <= 8 and ended[40] > 32)
  end)

  it("is refused when too many wait, and tells later when it cannot be started then", function()
    node = stage:start { max_children = 1 }
    local outcome
    local first = assert(node:spawn({ "sleep", "3600" }, function() end))
    assert(node:spawn({ "no-such-program" }, function(_, ...) outcome = { ... } end))
    for _ = 2, 1024 do assert(node:spawn({ "true" }, function() end)) end
    local pending, message, code = node:spawn({ "true" }, function() end)
    assert.same({ nil, "too many programs wait to be run", "full" }, { pending, message, code })
    assert.equal(1, num_children())
    first:cancel()
    stage:wait(function() return outcome end)
    assert.same({ nil, "cannot run no-such-program: no such file or directory", "spawn" }, outcome)
  end)

  it("ends with its node", function()
    local called = false
    for _ = 1, 3 do assert(node:spawn({ "sleep", "3600" }, function() called = true end)) end
    assert(node:spawn({ "sh", "-c", "trap '' TERM; while :; do sleep 1; done" }, function() called = true end))
    assert.equal(4, num_children())
    node:close()
    assert.equal(0, num_children())
    assert.is_false(called)
  end)

  it("ends with the version of the handlers that started it", function()
    local called = false
    node:set_handlers { on_reload = function(n)
      n:after(0, function(m) m:spawn({ "sleep", "3600" }, function() called = true end) end)
    end }
    stage:wait(function() return num_children() == 1 end)
    assert.is_true(node:set_handlers {})
    stage:wait(function() return num_children() == 0 end)
    assert.is_false(called)
  end)

  it("cannot be started while a version loads, which may be refused", function()
    local _, message = node:set_handlers { on_reload = function(n) n:spawn({ "true" }, function() end) end }
    assert.matches("node:spawn: not allowed while this version of the handlers loads", message)
  end)

  it("may close the node in its function", function()
    assert(node:spawn({ "sleep", "3600" }, function() end))
    assert(node:spawn({ "true" }, function(n) n:close() end))
    stage:wait(function() return node:is_closed() end)
    stage:wait(function() return num_children() == 0 end)
  end)

  it("leaves nothing behind, however many there were", function()
    local left, running = MANY, 0
    local function start()
      left, running = left - 1, running + 1
      assert(node:spawn({ "/bin/true" }, function(_, result)
        assert(result.code == 0)
        running = running - 1
        if left > 0 then start() end
      end))
    end
    local before = stages.descriptors()
    for _ = 1, 8 do start() end
    stage:wait(function() return running == 0 and left == 0 end, nil, 60)
    assert.equal(before, stages.descriptors())
    assert.equal(0, num_children())
    assert.equal(0, node:info().handlers.errors)
  end)

  it("is misuse with strange arguments", function()
    local function misuse(pattern, ...)
      local arguments = { n = select("#", ...), ... }
      assert.error_matches(function() node:spawn(unpack(arguments, 1, arguments.n)) end, pattern)
    end
    local function nothing() end
    misuse("node:spawn: argument 1 must be a table, got 'ls'", "ls", nothing)
    misuse("node:spawn: argument 1 must be a list of a program and its arguments, got a table", {}, nothing)
    misuse("node:spawn: the program and its arguments must be strings, got 1", { "ls", 1 }, nothing)
    misuse("node:spawn: the program and its arguments must not have a zero byte", { "ls", "a\0b" }, nothing)
    misuse("node:spawn: the program has no name", { "" }, nothing)
    misuse("node:spawn: unknown option 'std_in' %(did you mean 'stdin'%?%)", { "ls" }, { std_in = "" }, nothing)
    misuse("node:spawn: option 'timeout' must be seconds, 0 or more, got %-1", { "ls" }, { timeout = -1 }, nothing)
    misuse("node:spawn: option 'env': A must be a string or false, got true", { "ls" }, { env = { A = true } }, nothing)
    misuse("node:spawn: option 'env': not the name of a variable: 'A=B'", { "ls" }, { env = { ["A=B"] = "" } }, nothing)
    misuse("node:spawn: needs a function to call, got 'x'", { "ls" }, {}, "x")
    misuse("node:spawn: needs a function to call, or a coroutine to wait in", { "ls" })
    stage:idle(0.01)
    assert.equal(0, num_children())
  end)
end)

describe("a program that a script runs", function()
  it("ends with a reload, and the new version runs its own", function()
    local stage = stages.new()
    local text = [[
      local M = {}
      local function start(node)
        node:after(0, function(n)
          n:spawn({ "sleep", "3600" }, function() n.store.called = true end)
          n:spawn({ "echo", "VERSION" }, function(m, result) m.store.said = result.stdout end)
        end)
      end
      M.on_start, M.on_reload = start, start
      return M
    ]]
    local path = stage:write("service.lua", (text:gsub("VERSION", "one")))
    local node = stage:start { handlers = path, watch = false }
    stage:wait(function() return node.store.said == "one\n" end)
    assert.equal(1, num_children())
    stage:write("service.lua", (text:gsub("VERSION", "two")))
    assert.is_true(node:reload())
    stage:wait(function() return node.store.said == "two\n" and num_children() == 1 end)
    assert.is_nil(node.store.called)
    stage:close()
    assert.equal(0, num_children())
  end)
end)
