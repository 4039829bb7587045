--- Output that goes nowhere is a failure, and says so.

local node = require "spec.support.node"
local process = require "spec.support.process"

-- Runs a shell command line in which %s is the program.
local function shell(line)
  return process.run { "sh", "-c", (line:gsub("%%s", "'" .. process.shoal .. "'")) }
end

describe("standard output", function()
  after_each(process.cleanup)

  local function assert_failed(done, reason)
    assert.equal("shoal: cannot write to standard output: " .. reason .. "\n", done.err)
    assert.equal(1, done.code)
  end

  it("that is a full disk", function()
    assert_failed(shell("%s version > /dev/full"), "No space left on device")
    assert_failed(shell("%s run --help > /dev/full"), "No space left on device")
  end)

  it("that is closed", function()
    assert_failed(shell("%s version >&-"), "Bad file descriptor")
  end)

  it("that is a pipe nobody reads", function()
    local done = shell("{ sleep 0.2; %s version; echo $? >&2; } | true")
    assert.equal("shoal: cannot write to standard output: Broken pipe\n1\n", done.err)
  end)

  it("that fails while members, info or monitor print to it", function()
    local a = node.start({})
    for _, command in ipairs { "members", "members --json", "info", "info --json" } do
      assert_failed(shell("%s " .. command .. " --control " .. a.control .. " > /dev/full"),
        "No space left on device")
    end
    local monitor = process.start {
      "sh", "-c", ("exec '%s' monitor --control %s > /dev/full"):format(process.shoal, a.control),
    }
    require("spec.support.wait").for_that(function()
      return a:info().control.monitors == 1
    end, 5, "monitor")
    node.start({ join = { a } })
    assert.equal(1, monitor:wait(5))
    assert.equal("shoal: cannot write to standard output: No space left on device\n", monitor:stderr())
  end)

  it("does not keep a member from running", function()
    local a = node.start({})
    local done = shell(("'%s' run %s --control %s/c --name x 2>&- >&- & pid=$!; "):format(process.shoal, a.script,
      process.tempdir()) .. "sleep 0.3; kill -TERM $pid; wait $pid; echo $?")
    assert.equal("0\n", done.out)
  end)
end)
