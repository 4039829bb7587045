--- `shoal call`: the commands of a running node's script.

local node = require "spec.support.node"
local process = require "spec.support.process"
local raw = require "spec.support.raw"
local wait = require "spec.support.wait"

local SCRIPT = [[
return { commands = {
  drain = {
    help = "Takes no new work for a while.",
    args = { "host", { "seconds", type = "number", default = 0.01, help = "how long" } },
    run = function(node, args)
      node:sleep(args.seconds)
      return { host = args.host, seconds = args.seconds }
    end,
  },
  quiet = { run = function() end },
  words = { run = function(_, args) return args end },
  text = { args = { { "what", type = "string" } }, run = function(_, args) return args.what end },
  refuse = { run = function() return nil, "not now" end },
  slow = { run = function(node) node:sleep(60) end },
  set = { args = { { "flag" }, { "value", type = "number", optional = true } },
    run = function(_, args) return args.value or args.flag end },
  lines = { run = function() return "one\ttwo\nthree\27[31m\\" end },
  list = { run = function() return { 1, "a\nb", { name = "x", n = 2 ^ 53 }, { 1, 2 } } end },
  empty = { run = function() return {} end },
} }
]]

describe("shoal call", function()
  after_each(process.cleanup)

  it("runs a command and prints what it answers", function()
    local member = node.start { source = SCRIPT }
    local function call(...)
      local done = member:ask("call", ...)
      return { done.code, done.out, done.err }
    end
    assert.same({ 0, "{host=a,seconds=0.01}\n", "" }, call("drain", "a"))
    assert.same({ 0, "{host=a,seconds=0.02}\n", "" }, call("drain", "a", "0.02"))
    assert.same({ 0, '{"host":"a=b","seconds":0}\n', "" }, call("drain", "--json", "seconds=0", "a=b"))
    assert.same({ 0, "", "" }, call("quiet"))
    assert.same({ 0, "true\n", "" }, call("quiet", "--json"))
    assert.same({ 0, "1\ntrue\nx y\nk=v\n", "" }, call("words", "1", "true", "x y", "k=v"))
    assert.same({ 0, "007\n", "" }, call("text", "007"))
    assert.same({ 1, "", "shoal: not now\n" }, call("refuse"))
    assert.same({ 2, "", "shoal: the argument 'host' is missing\n" }, call("drain"))
    assert.same({ 2, "", "shoal: the argument 'seconds' must be a number, not 'x'\n" }, call("drain", "a", "x"))
    assert.same({ 2, "", "shoal: the script has no command 'dreain'; 'shoal call --help' lists those that it has\n" },
      call("dreain"))
    assert.same({ 2, "", "shoal: the name of a command is missing; 'shoal call --help' lists them\n" }, call())
  end)

  it("waits until the command ends, and says so when it is given up before", function()
    local member = node.start { source = SCRIPT }
    local done = member:ask("call", "slow", "--timeout", "0.3")
    assert.same({ code = 1, out = "", err = "shoal: the command 'slow' has not ended after 0.3 s and goes on; "
      .. "a larger --timeout waits longer, none at all until it ends\n" }, done)
    local waiting = process.start { process.shoal, "call", "slow", "--control", member.control }
    wait.for_that(function() return member:info().handlers.calls >= 2 end, 10, "both commands")
    assert.is_nil(waiting:ended())
    member:stop()
    done = member:ask("call", "slow", "--timeout", "0.1")
    assert.same({ 1, "shoal: the node does not answer (its script may be busy)\n" }, { done.code, done.err })
    member:continue()
  end)

  it("prints lines as lines, a list with an item a line, and whole numbers whole", function()
    local member = node.start { source = SCRIPT }
    local function out(...)
      return member:ask("call", ...).out
    end
    assert.equal("one\ttwo\nthree\\x1b[31m\\\\\n", out("lines"))
    assert.equal("1\na\\nb\n{n=9007199254740992,name=x}\n[1,2]\n", out("list"))
    assert.equal("[]\n", out("empty"))
    assert.equal('"one\\ttwo\\nthree\\u001b[31m\\\\"\n', out("lines", "--json"))
  end)

  it("names the argument that is wrong", function()
    local member = node.start { source = SCRIPT }
    local function refused(...)
      local done = member:ask("call", "set", ...)
      assert.same({ 2, "" }, { done.code, done.out })
      return done.err
    end
    assert.equal("shoal: the argument 'flag' is given twice\n", refused("flag=a", "flag=b"))
    assert.equal("shoal: the argument 'flag' is given by its name and by its place, 'b'\n", refused("flag=a", "b"))
    assert.equal("shoal: the command 'set' has no argument 'bogus'\n", refused("value=1", "flag=zz", "bogus=3"))
    assert.equal("shoal: too many arguments: 'c'\n", refused("a", "1", "c"))
    assert.equal("shoal: the argument 'value' must be a number, not '1e999'\n", refused("a", "1e999"))
    assert.equal("shoal: unknown option '-5' (an argument that begins with '-' goes behind '--'); "
      .. "see 'shoal call --help'\n", refused("a", "-5"))
    assert.equal("-5\n", process.cli("call", "--control", member.control, "set", "--", "a", "-5").out)
    assert.equal("1000\n", member:ask("call", "set", "a", "1e3").out)
    assert.equal("7\n", member:ask("call", "set", "a", "007").out)
  end)

  it("does not take a misspelled name for a text", function()
    local member = node.start { source = SCRIPT }
    local function call(...)
      local done = member:ask("call", ...)
      return { done.code, done.out, done.err }
    end
    assert.same({ 2, "", "shoal: the command 'text' has no argument 'waht' (did you mean 'what'?); if that is a text, "
      .. "name its argument: 'what=waht=5'\n" }, call("text", "waht=5"))
    assert.same({ 2, "", "shoal: the command 'drain' has no argument 'second' (did you mean 'seconds'?); if that is "
      .. "a text, name its argument: 'host=second=0'\n" }, call("drain", "second=0", "0"))
    assert.same({ 0, "waht=5\n", "" }, call("text", "what=waht=5"))
    assert.same({ 0, "zone=b\n", "" }, call("text", "zone=b"))
    assert.same({ 0, "aGVsbG8=\n", "" }, call("text", "aGVsbG8="))
    assert.same({ 0, "{host=second=0,seconds=0}\n", "" }, call("drain", "seconds=0", "second=0"))
  end)

  it("--help lists what the node's script has, also while no node runs", function()
    local member = node.start { source = SCRIPT }
    local help = member:ask("call", "--help")
    assert.equal(0, help.code)
    assert.truthy(help.out:find("Usage: shoal call", 1, true), help.out)
    assert.truthy(help.out:find("   drain HOST [SECONDS=0.01]  Takes no new work for a while.\n", 1, true), help.out)
    assert.truthy(help.out:find("   quiet [ARG...]\n", 1, true), help.out)
    local one = member:ask("call", "drain", "--help").out
    assert.equal("Usage: shoal call drain HOST [SECONDS=0.01]\n\nTakes no new work for a while.\n\nArguments:\n"
      .. "   host     any\n   seconds  number  how long\n", one)
    local nobody = process.cli("call", "--help", "--control", process.tempdir() .. "/none.sock")
    assert.equal(0, nobody.code)
    assert.truthy(nobody.out:find("Commands of the node's script:\n   unknown: ", 1, true), nobody.out)
  end)

  it("is a method of the control socket, which answers others meanwhile", function()
    local member = node.start { source = SCRIPT }
    local peer = raw.connect(member.control)
    peer:write(raw.request(1, "call", { "drain", { host = "a", seconds = 0.5 } }) .. raw.request(2, "version"))
    assert.equal(2, peer:read()[2])
    assert.same({ 1, 1, nil, { host = "a", seconds = 0.5 } }, peer:read())
    peer:write(raw.request(3, "call", { "nothing" }))
    assert.same({ 1, 3, { code = "no_handler", message = "there is no command 'nothing'" } }, peer:read())
    peer:write(raw.request(4, "call", { "" }))
    assert.same({ code = "invalid_params", message = "the name must have 1 to 64 bytes" }, peer:read()[3])
    peer:write(raw.request(5, "call", { "quiet" }))
    assert.same({ 1, 5, nil, true }, peer:read())
    peer:write(raw.request(6, "commands"))
    assert.equal("drain", peer:read()[4][1].name)
    peer:close()
  end)

  it("has the new version's commands after a reload", function()
    local member = node.start { source = SCRIPT }
    process.write(member.script, "return { commands = { fresh = { run = function() return 1 end } } }")
    wait.for_that(function() return member:ask("call", "fresh").code == 0 end, 10, "new command")
    assert.equal(2, member:ask("call", "quiet").code)
  end)
end)
