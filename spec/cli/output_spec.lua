--- Output that goes nowhere is a failure, and says so.

local node = require "spec.support.node"
local process = require "spec.support.process"
local wait = require "spec.support.wait"

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
    -- Opening the one end waits for the other, whose holder has ended after `wait`.
    local pipe = process.tempdir() .. "/pipe"
    local done = shell(("mkfifo PIPE && { : <PIPE & } && exec 3>PIPE && wait && %s version >&3; echo $? >&2")
      :gsub("PIPE", pipe))
    assert.equal("1\n", done.err) -- nobody needs to be told: `shoal members | head -1`
  end)

  it("that fails while members, info or monitor print to it", function()
    local a = node.start({})
    for _, command in ipairs { "members", "members --json", "info", "info --json" } do
      assert_failed(shell("%s " .. command .. " --control " .. a.control .. " > /dev/full"),
        "No space left on device")
    end
    local monitor = process.start {
      "sh", "-c", ("exec '%s' monitor --timeout 60 --control %s > /dev/full"):format(process.shoal, a.control),
    }
    wait.for_that(function()
      return a:info().control.monitors == 1
    end, 5, "monitor")
    node.start({ join = { a } })
    assert.equal(1, monitor:wait(5))
    assert.equal("shoal: cannot write to standard output: No space left on device\n", monitor:stderr())
  end)

  it("does not keep a member from running", function()
    local a = node.start({})
    local control = process.tempdir() .. "/control.sock"
    local member = process.start { "sh", "-c",
      ("exec '%s' run %s --control %s 2>&- >&-"):format(process.shoal, a.script, control) }
    wait.for_that(function()
      return process.cli("info", "--control", control).code == 0
    end, 5, "answer")
    member:signal("TERM")
    assert.equal(0, member:wait(5))
  end)
end)
