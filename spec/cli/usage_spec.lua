local process = require "spec.support.process"

-- What is wrong with a command line, and the one line that says so.
local MISTAKES = {
  { {}, "a command is required; see 'shoal --help'" },
  { { "rum" }, "unknown command 'rum' (did you mean 'run'?); see 'shoal --help'" },
  { { "--verzion" }, "unknown option '--verzion' (did you mean '--version'?); see 'shoal --help'" },
  { { "run" }, "missing argument 'SCRIPT'; see 'shoal run --help'" },
  { { "run", "a.lua", "b.lua" },
    "too many arguments: what is for the script goes behind '--': 'b.lua'; see 'shoal run --help'" },
  {
    { "run", "a.lua", "--jion", "x:1" },
    "unknown option '--jion' (did you mean '--join'?); see 'shoal run --help'",
  },
  { { "run", "a.lua", "--bind" }, "option '--bind' requires an argument; see 'shoal run --help'" },
  {
    { "run", "a.lua", "--bind", "x:1", "--bind", "y:1" },
    "option '--bind' must be used at most 1 time; see 'shoal run --help'",
  },
  {
    { "run", "a.lua", "--set", "probe_period" },
    "argument for option '--set' must be KEY=VALUE, not 'probe_period'; see 'shoal run --help'",
  },
  {
    { "run", "a.lua", "--cluster-size", "none" },
    "argument for option '--cluster-size' must be a whole number from 1 to 4294967295, not 'none'; "
      .. "see 'shoal run --help'",
  },
  {
    { "run", "a.lua", "--busy-limit", "long" },
    "argument for option '--busy-limit' must be a number from 0 to 1000000000, not 'long'; see 'shoal run --help'",
  },
  {
    { "run", "a.lua", "--cluster-size", "-5" },
    "argument for option '--cluster-size' must be a whole number from 1 to 4294967295, not '-5'; "
      .. "see 'shoal run --help'",
  },
  {
    { "run", "a.lua", "--bind", "127.0.0.1:99999" },
    "--bind: '99999' is not a port (0 to 65535); see 'shoal run --help'",
  },
  {
    { "run", "a.lua", "--join", "127.0.0.1" },
    "cannot join 127.0.0.1: '127.0.0.1' has no port (expected host:port); see 'shoal run --help'",
  },
  {
    { "join", "127.0.0.1:0" },
    "cannot join 127.0.0.1:0: the port must not be 0; see 'shoal join --help'",
  },
  {
    { "members", "--timeout", "soon" },
    "argument for option '--timeout' must be a number from 0.001 to 86400, not 'soon'; see 'shoal members --help'",
  },
  { { "broadcast", "" }, "a broadcast must not be empty; see 'shoal broadcast --help'" },
  { { "ask", "" }, "the name of a question has 1 to 64 bytes; see 'shoal ask --help'" },
  { { "ask", ("x"):rep(65) }, "the name of a question has 1 to 64 bytes; see 'shoal ask --help'" },
  { { "forget", "" }, "argument for option 'ADDR' must not be empty; see 'shoal forget --help'" },
  {
    { "run", "a.lua", "--cluster", "" },
    "argument for option '--cluster' must have 1 to 64 bytes, not 0; see 'shoal run --help'",
  },
  {
    { "run", "a.lua", "--log-format", "xml" },
    "argument for option '--log-format' must be one of 'text', 'json'; see 'shoal run --help'",
  },
  {
    { "run", "a.lua", "--name", "../x" },
    "argument for option '--name' must be at most 64 letters, digits, '-', '_' or '.', "
      .. "and not begin with a '.'; not '../x'; see 'shoal run --help'",
  },
  {
    { "run", "a.lua", "--name", ("x"):rep(600) },
    "argument for option '--name' must be at most 64 letters, digits, '-', '_' or '.', "
      .. "and not begin with a '.'; not 600 bytes; see 'shoal run --help'",
  },
  {
    { "members", "--name", "a", "--control", "b" },
    "option '--control' can not be used together with option '--name'; see 'shoal members --help'",
  },
  { { "check" }, "missing argument 'SCRIPT'; see 'shoal check --help'" },
  { { "sim" }, "missing argument 'SCRIPT'; see 'shoal sim --help'" },
  {
    { "sim", "a.lua", "--loss", "10" },
    "argument for option '--loss' must be a number from 0 to 1, not '10'; see 'shoal sim --help'",
  },
  {
    { "sim", "a.lua", "--nodes", "1.5" },
    "argument for option '--nodes' must be a whole number from 1 to 10000, not '1.5'; see 'shoal sim --help'",
  },
  {
    { "sim", "a.lua", "--latency", "2-1" },
    "argument for option '--latency' must be seconds, or from-to, not '2-1'; see 'shoal sim --help'",
  },
  {
    { "run", "a.lua", "--cluster-size", "99999999999999" },
    "argument for option '--cluster-size' must be a whole number from 1 to 4294967295, not '99999999999999'; "
      .. "see 'shoal run --help'",
  },
  {
    { "sim", "a.lua", "--seed", "-1" },
    "argument for option '--seed' must be a whole number from 0 to 9007199254740992, not '-1'; see 'shoal sim --help'",
  },
  { { "sim", "a.lua", "--broadcast", "" }, "a broadcast must not be empty; see 'shoal sim --help'" },
  {
    { "sim", "a.lua", "--publish", "set" },
    "argument for option '--publish' must be TOPIC=DATA, with a TOPIC of 1 to 64 bytes, not 'set'; "
      .. "see 'shoal sim --help'",
  },
  {
    { "sim", "a.lua", "--publish", "set=" },
    "argument for option '--publish' must be TOPIC=DATA, with a TOPIC of 1 to 64 bytes, not 'set='; "
      .. "see 'shoal sim --help'",
  },
  {
    { "sim", "a.lua", "--publish", ("t"):rep(65) .. "=1" },
    "argument for option '--publish' must be TOPIC=DATA, with a TOPIC of 1 to 64 bytes, not '"
      .. ("t"):rep(65) .. "=1'; see 'shoal sim --help'",
  },
  {
    { "sim", "a.lua", "--publish", "a=b", "--broadcast", "c" },
    "option '--broadcast' can not be used together with option '--publish'; see 'shoal sim --help'",
  },
  {
    { "sim", "a.lua", "--plot", "" },
    "argument for option '--plot' must not be empty; see 'shoal sim --help'",
  },
  {
    { "run", "a.lua", "--control", "" },
    "argument for option '--control' must not be empty; see 'shoal run --help'",
  },
  {
    { "members", "--control", "" },
    "argument for option '--control' must not be empty; see 'shoal members --help'",
  },
  {
    { "run", "a.lua", "--log-level", "" },
    "argument for option '--log-level' must not be empty; see 'shoal run --help'",
  },
  {
    { "broadcast", "-1 a b" },
    "unknown option '-1' (data that begins with '-' goes behind '--'); see 'shoal broadcast --help'",
  },
  { { "join" }, "missing argument 'HOST:PORT'; see 'shoal join --help'" },
  { { "broadcast" }, "missing argument 'DATA'; see 'shoal broadcast --help'" },
  { { "publish", "t" }, "missing argument 'DATA'; see 'shoal publish --help'" },
  { { "publish", "", "x" }, "the name of a topic has 1 to 64 bytes; see 'shoal publish --help'" },
  { { "forget" }, "missing argument 'ADDR'; see 'shoal forget --help'" },
  { { "tags", "zone" }, "a tag must be KEY=VALUE, with a KEY of 1 to 64 bytes, not 'zone'; see 'shoal tags --help'" },
  { { "run", "x.lua", "--tag", "=b" },
    "a tag must be KEY=VALUE, with a KEY of 1 to 64 bytes, not '=b'; see 'shoal run --help'" },
  { { "members", "--tag", "" }, "argument for option '--tag' must be KEY or KEY=VALUE; see 'shoal members --help'" },
  { { "completion", "tcsh" },
    "the shell must be bash, zsh or fish, not 'tcsh'; see 'shoal completion --help'" },
  { { "leave", "now" }, "too many arguments; see 'shoal leave --help'" },
}

local COMMANDS = {
  "run", "check", "sim", "members", "tags", "info", "join", "leave", "forget", "reload", "ask", "broadcast",
  "publish", "monitor", "completion", "version",
}

describe("the command line", function()
  after_each(process.cleanup)

  for _, mistake in ipairs(MISTAKES) do
    local arguments, message = mistake[1], mistake[2]
    it(("answers `shoal %s` with one line and exit code 2"):format(table.concat(arguments, " "):sub(1, 60)), function()
      local done = process.cli(unpack(arguments)) -- luacheck: std max
      assert.equal("shoal: " .. message .. "\n", done.err)
      assert.equal("", done.out)
      assert.equal(2, done.code)
    end)
  end

  it("cannot be made to print control characters of its arguments", function()
    local done = process.cli("\27[31mred")
    assert.equal("shoal: unknown command '\\x1b[31mred'; see 'shoal --help'\n", done.err)
  end)

  it("explains itself", function()
    local done = process.cli("--help")
    assert.equal(0, done.code)
    assert.equal("", done.err)
    for _, command in ipairs(COMMANDS) do
      assert.truthy(done.out:find("\n   " .. command .. " ", 1, true), command)
    end
  end)

  for _, command in ipairs(COMMANDS) do
    it(("explains %s"):format(command), function()
      for _, flag in ipairs { "--help", "-h" } do
        local done = process.cli(command, flag)
        assert.equal(0, done.code)
        assert.equal("", done.err)
        assert.truthy(done.out:find("Usage: shoal " .. command, 1, true))
      end
    end)
  end

  it("keeps its help within 80 columns", function()
    for _, command in ipairs(COMMANDS) do
      for line in process.cli(command, "--help").out:gmatch("[^\n]+") do
        assert.is_true(#line <= 80, line)
      end
    end
  end)

  it("tells its version", function()
    local core = require "shoal.core"
    for _, word in ipairs { "version", "--version" } do
      local done = process.cli(word)
      assert.equal(0, done.code)
      assert.truthy(done.out:find("^shoal " .. core.version:gsub("%p", "%%%0") .. " %(LuaJIT"))
    end
  end)
end)
