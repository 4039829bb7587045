--- `make soak`, as short and as small as can be: it tells how it went, and
-- leaves nothing behind.

local files = require "spec.support.files"
local process = require "spec.support.process"

-- All that it makes is below this folder, and has it in its arguments.
local function soak(folder, seconds)
  return process.start { "luajit", "spec/soak/soak.lua", tostring(seconds), "1", "4", cwd = process.source,
    env = { TMPDIR = folder, SHOAL_BUILD = process.build } }
end

-- The brackets keep the pattern from finding the shell that has it.
local function remains(folder)
  return files.output(("ls -A '%s'; pgrep -f '[/]%s/'; true"):format(folder, folder:sub(2)))
end

describe("the soak", function()
  after_each(process.cleanup)

  it("tells what happened, who agrees and who has grown", function()
    local folder = process.tempdir()
    local run = soak(folder, 0.5)
    assert.equal(0, run:wait(60), run:stderr())
    for _, line in ipairs { "4 members agree", "happened     %d", "agreement    after", "resident     %d+ KiB",
      "descriptors  %d+", "all is well" } do
      assert.is_truthy(run:stdout():find(line), line)
    end
    assert.same({}, remains(folder))
  end)

  it("leaves nothing behind when it is interrupted", function()
    local folder = process.tempdir()
    local run = soak(folder, 600)
    run:wait_for("4 members agree", 30, "stdout")
    run:signal "INT"
    assert.equal(1, run:wait(20), run:stdout())
    assert.is_truthy(run:stderr():find("interrupted by SIGINT", 1, true))
    assert.same({}, remains(folder))
  end)
end)
