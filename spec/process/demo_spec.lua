--- `make demo` tells the truth and cleans up after itself.

local files = require "spec.support.files"
local process = require "spec.support.process"

-- Everything the demo makes is below this folder, and has it in its arguments.
local function demo(folder)
  return { "luajit", "examples/demo.lua", process.build, cwd = process.source, env = { TMPDIR = folder } }
end

-- The brackets keep the pattern from finding the shell that has it.
local function remains(folder)
  return files.output(("ls -A '%s'; pgrep -f '[/]%s/'; true"):format(folder, folder:sub(2)))
end

describe("the demo", function()
  after_each(process.cleanup)

  it("shows joining, a death, a reload and a farewell", function()
    local folder = process.tempdir()
    local play = process.start(demo(folder))
    assert.equal(0, play:wait(60), play:stdout())
    local told = play:stdout()
    for _, what in ipairs {
      "sees the four others", "reports it down", "runs the new version", "reports it down at once",
      "all of it happened",
    } do
      assert.is_truthy(told:find(what, 1, true), what)
    end
    assert.same({}, remains(folder))
  end)

  it("leaves nothing behind when it is interrupted", function()
    local folder = process.tempdir()
    local play = process.start(demo(folder))
    play:wait_for("sees the four others", 20, "stdout")
    play:signal "INT"
    assert.equal(1, play:wait(10), play:stdout())
    assert.is_truthy(play:stdout():find("interrupted", 1, true))
    assert.same({}, remains(folder))
  end)
end)
