--- Everything that can keep `shoal run` from starting: one clear line, exit code 1 (2
-- for what is wrong on its face), and nothing left behind.

local node = require "spec.support.node"
local process = require "spec.support.process"
local socket = require "socket"
local stat = require "posix.sys.stat"
local unistd = require "posix.unistd"

local folder, control

local function script(source)
  return process.write(folder .. "/script.lua", source)
end

local function run(path, ...)
  return process.cli("run", path, "--bind", "127.0.0.1:0", "--control", control, ...)
end

-- A pattern for a literal text.
local function literal(s)
  return (s:gsub("%p", "%%%0"))
end

local function assert_refused(done, pattern, code)
  assert.truthy(done.err:find("^shoal: [^\n]*\n$"), "not one line: " .. done.err)
  assert.truthy(done.err:find(pattern), done.err)
  assert.equal("", done.out)
  assert.equal(code or 1, done.code)
  assert.is_nil(stat.lstat(control), "the control socket was left behind")
end

local function assert_misused(done, pattern)
  assert_refused(done, pattern, 2)
end

describe("a node that cannot start", function()
  before_each(function()
    folder = process.tempdir()
    control = folder .. "/control.sock"
  end)
  after_each(process.cleanup)

  it("because its script is missing", function()
    assert_refused(run(folder .. "/none.lua"), literal(folder .. "/none.lua") .. ": No such file or directory")
  end)

  it("because its script is a folder", function()
    assert_refused(run(folder), literal(folder) .. ": Is a directory")
  end)

  it("because its script has a syntax error", function()
    local path = script("local M = {}\nfunction M.on_start(\nreturn M\n")
    assert_refused(run(path), literal(path) .. ":3: ")
  end)

  it("because its script raises", function()
    local path = script("local M = {}\nerror('no database')\nreturn M\n")
    assert_refused(run(path), literal(path) .. ":2: no database")
  end)

  it("because its script returns no table, or a field that nobody knows", function()
    assert_refused(run(script("return 5\n")), "must return its table of handlers")
    local path = script("return { on_memberup = function() end }\n")
    assert_refused(run(path), "^shoal: " .. literal(path) .. ": unknown field 'on_memberup'.*on_member_up")
    assert.equal("shoal: " .. path .. ": unknown field 'on_memberup' (did you mean 'on_member_up'?)\n",
      process.cli("check", path).err)
  end)

  it("because its script cannot find a module", function()
    local path = script("return require('no.such.module')\n")
    assert_refused(run(path), "script%.lua: module 'no%.such%.module' not found\n$")
  end)

  it("because the port is busy", function()
    local other = socket.udp()
    assert(other:setsockname("127.0.0.1", 0))
    local _, port = other:getsockname()
    local endpoint = "127.0.0.1:" .. port
    local done = process.cli("run", script("return {}"), "--bind", endpoint, "--control", control)
    other:close()
    assert_refused(done, "cannot bind " .. literal(endpoint) .. ": [Aa]ddress already in use")
  end)

  it("because the address is not one of this host's", function()
    local done = process.cli("run", script("return {}"), "--bind", "192.0.2.1:7946", "--control", control)
    assert_refused(done, "cannot bind 192%.0%.2%.1:7946: ")
  end)

  it("because an endpoint is none", function()
    local path = script("return {}")
    for _, broken in ipairs { "127.0.0.1", "127.0.0.1:99999", "::1:80", "", "127.0.0.1:port" } do
      assert_misused(process.cli("run", path, "--bind", broken, "--control", control), "bind")
      assert_misused(run(path, "--join", broken), "join")
    end
    for _, broken in ipairs { "127.0.0.1:99999", "x y:1", "", "localhost:1", "0.0.0.0:1" } do
      assert_refused(run(path, "--advertise", broken), "advertise", 2)
    end
  end)

  it("because a seed has an address that its socket cannot send to", function()
    local path = script("return {}")
    assert_refused(run(path, "--join", "127.0.0.1:9", "--join", "[::1]:7946"),
      "cannot join %[::1%]:7946: this node's socket is bound to 127%.0%.0%.1:0\n$")
    local done = process.cli("run", path, "--bind", "[::1]:0", "--join", "127.0.0.1:9", "--control", control)
    assert_refused(done, "cannot join 127%.0%.0%.1:9: this node's socket is bound to %[::1%]:0\n$")
  end)

  it("because a seed is on another host and its socket on the loopback", function()
    local path = script("return {}")
    assert_refused(run(path, "--join", "10.0.0.1:7946"),
      "cannot join 10%.0%.0%.1:7946: this node's socket is bound to 127%.0%.0%.1:0\n$")
    local done = process.cli("run", path, "--join", "10.0.0.1:7946", "--control", control)
    assert_refused(done, "this node's socket is bound to 127%.0%.0%.1:0: give %-%-bind\n$")
  end)

  it("because the control path cannot be used", function()
    local path = script("return {}")
    control = "/proc/shoal/control.sock"
    assert_refused(run(path), "/proc/shoal")
    control = folder .. "/" .. ("x"):rep(200)
    assert_refused(run(path), "107 bytes")
  end)

  it("because something else is at the control path, and leaves that alone", function()
    local path = script("return {}")
    local file = process.write(folder .. "/precious", "data")
    local done = process.cli("run", path, "--bind", "127.0.0.1:0", "--control", file)
    assert_refused(done, "precious.*is not a socket")
    assert.equal("data", process.read(file))
  end)

  it("because another node has the control path", function()
    local path = script("return {}")
    local first = process.start { process.shoal, "run", path, "--bind", "127.0.0.1:0", "--control", control }
    first:wait_for("started", 5)
    local done = run(path)
    assert.truthy(done.err:find("^shoal: [^\n]*in use by another node\n$"), done.err)
    assert.equal(1, done.code)
    assert.truthy(stat.lstat(control), "the first node's socket was removed")
    assert.equal(0, process.cli("members", "--control", control).code)
  end)

  it("because its two sockets have one path", function()
    assert_refused(run(script "return {}", "--status", control),
      "%-%-status: " .. literal(control) .. " is the control socket: give it a path of its own\n$", 2)
  end)

  it("because its config is wrong", function()
    assert_misused(run(script("return {}"), "--config", "lann"), "'lann' is neither a preset")
    assert_misused(run(script("return {}"), "--set", "probe_perod=1"), "probe_perod.*probe_period")
    assert_misused(run(script("return {}"), "--set", "probe_period=-1"), "probe_period")
    local file = process.write(folder .. "/config.lua", "return { probe_period = -1 }")
    assert_refused(run(script("return {}"), "--config", file), "config%.lua: config%.probe_period")
    assert_refused(run(script("return {}"), "--config", folder .. "/none.lua"), "No such file")
  end)

  it("because its log levels are wrong", function()
    assert_misused(run(script("return {}"), "--log-level", "loud"), "^shoal: %-%-log%-level: unknown log level 'loud'")
    assert_misused(run(script("return {}"), "--log-level", "info,motor=trace"), "motor")
    local arguments = { process.shoal, "run", script("return {}"), "--control", control, env = { SHOAL_LOG = "loud" } }
    assert_refused(process.run(arguments), "^shoal: SHOAL_LOG: unknown log level 'loud'")
  end)

  it("because its identity is wrong", function()
    local path = script("return { identity = { new = function() return nil end, addr = function() end } }")
    assert_refused(run(path), "identity")
  end)

  it("because a question about its identity failed, and says with which words", function()
    local path = script([[
      local function addr(id)
        error("no address in " .. type(id))
      end
      return { identity = { new = function() return { 1 } end, addr = addr } }
    ]])
    assert_refused(run(path), "identity%.addr: [^\n]*%.lua:2: no address in table")
  end)
end)

describe("a node's default control path", function()
  after_each(process.cleanup)

  it("is in the user's runtime folder, by the node's name", function()
    local runtime = process.tempdir()
    local env = { XDG_RUNTIME_DIR = runtime }
    local path = process.write(runtime .. "/script.lua", "return {}")
    local first = process.start { process.shoal, "run", path, env = env }
    local second = process.start { process.shoal, "run", path, "--name", "b", env = env }
    first:wait_for("started", 5)
    second:wait_for("started", 5)
    local third = process.run { process.shoal, "run", path, env = env }
    assert.matches("default%.sock is in use by another node: give this one a %-%-name of its own\n$", third.err)

    assert.equal(1, stat.S_ISSOCK(stat.lstat(runtime .. "/shoal/default.sock").st_mode))
    assert.equal(1, stat.S_ISSOCK(stat.lstat(runtime .. "/shoal/b.sock").st_mode))
    assert.equal(tonumber("600", 8), stat.lstat(runtime .. "/shoal/b.sock").st_mode % 512)
    assert.equal(tonumber("700", 8), stat.lstat(runtime .. "/shoal").st_mode % 512)

    local info = process.run { process.shoal, "info", "--name", "b", env = env }
    assert.equal(0, info.code)
    assert.truthy(info.out:find("%f[%w]b%f[%W]"))
    assert.equal(0, process.run({ process.shoal, "leave", env = env }).code)
    assert.equal(0, process.run({ process.shoal, "leave", "--name", "b", env = env }).code)
    assert.equal(0, first:wait(5))
    assert.equal(0, second:wait(5))
    assert.is_nil(unistd.access(runtime .. "/shoal/default.sock"))
    assert.is_nil(unistd.access(runtime .. "/shoal/b.sock"))
  end)

  it("is not for everybody when it is the system's", function()
    local paths = require "shoal.cli.paths"
    local stdlib = require "posix.stdlib"
    local message = "cannot create the folder /run/shoal: permission denied"
    local before = os.getenv("XDG_RUNTIME_DIR")
    stdlib.setenv("XDG_RUNTIME_DIR", nil)
    assert.equal(message .. ": use --control PATH or set XDG_RUNTIME_DIR", paths.advise({}, message))
    assert.equal("no memory", paths.advise({}, "no memory"))
    assert.equal(message, paths.advise({ control = "/run/shoal/x" }, message))
    stdlib.setenv("XDG_RUNTIME_DIR", "/tmp")
    assert.equal(message, paths.advise({}, message))
    stdlib.setenv("XDG_RUNTIME_DIR", before)
  end)

  it("is what clients complain about when nobody is there", function()
    local runtime = process.tempdir()
    local done = process.run { process.shoal, "members", "--name", "x", env = { XDG_RUNTIME_DIR = runtime } }
    assert.equal("shoal: no node is listening on " .. runtime .. "/shoal/x.sock\n", done.err)
    assert.equal(1, done.code)
  end)

  it("is not there, and those that are beside it are named", function()
    local runtime = process.tempdir()
    local beside = runtime .. "/shoal"
    assert(stat.mkdir(beside, tonumber("700", 8)))
    for _, name in ipairs { "web", "db" } do node.start { control = ("%s/%s.sock"):format(beside, name) } end
    process.write(beside .. "/old.sock", "")
    local done = process.run { process.shoal, "members", env = { XDG_RUNTIME_DIR = runtime } }
    assert.equal("shoal: no node is listening on " .. beside .. "/default.sock; --name takes: db, web\n", done.err)
    assert.equal(1, done.code)
  end)

  it("is in /run when there is no such folder", function()
    for _, runtime in ipairs { "", "relative/path", false } do
      local done = process.run { process.shoal, "members", "--name", "nobody", env = { XDG_RUNTIME_DIR = runtime } }
      assert.equal("shoal: no node is listening on /run/shoal/nobody.sock\n", done.err)
    end
  end)
end)

describe("shoal run", function()
  local WITHOUT = { "client", "history", "json", "json_read", "status", "tags" }
  local loaded

  before_each(function()
    loaded = {}
    for name, module in pairs(package.loaded) do
      if name:find "^shoal%.cli%." then loaded[name], package.loaded[name] = module, nil end
    end
  end)
  after_each(function()
    for name, module in pairs(loaded) do package.loaded[name] = module end
  end)

  it("loads no module that only other commands, or --status, need", function()
    require "shoal.cli.run"
    for _, name in ipairs(WITHOUT) do assert.is_nil(package.loaded["shoal.cli." .. name], name) end
  end)
end)
