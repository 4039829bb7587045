--- .ci/fresh on machines that cannot make a bare system, which are shell scripts. (.ci/run
-- runs it where it can.)

local files = require "spec.support.files"
local process = require "spec.support.process"

local SKIPPED = 77

-- What a machine that can do it has, before its own programs on the PATH.
local function machine(programs)
  local folder = process.tempdir()
  assert(os.execute(("mkdir '%s/bin' '%s/.ci'"):format(folder, folder)))
  local all = { [".ci/deps"] = "exit 0", ["bin/id"] = "echo 0", ["bin/apt-get"] = "exit 0", ["bin/unshare"] = "exit 0" }
  for name, text in pairs(programs) do
    all[name] = text
  end
  for name, text in pairs(all) do
    local path = process.write(folder .. "/" .. name, "#!/bin/sh\n" .. text .. "\n")
    assert(os.execute("chmod +x '" .. path .. "'"))
  end
  process.write(folder .. "/.ci/fresh", files.read ".ci/fresh")
  return folder
end

local function fresh(folder, ...)
  return process.run { "sh", folder .. "/.ci/fresh", ...,
    env = { PATH = folder .. "/bin:" .. os.getenv "PATH", XDG_CACHE_HOME = folder } }
end

describe("a bare system", function()
  after_each(process.cleanup)

  for reason, programs in pairs {
    ["it needs root"] = { ["bin/id"] = "echo 1000" },
    ["it needs debootstrap and git, and they could not be installed"] = { [".ci/deps"] = "exit 1" },
    ["this system gives no namespaces for mounts and processes"] = { ["bin/unshare"] = "exit 1" },
    ["apt has no mirror for '"] = { ["bin/apt-get"] = "echo https://example.org/debian sid main" },
  } do
    it("that cannot be made is a failure of its own kind, which says: " .. reason, function()
      local done = fresh(machine(programs), "true")
      assert.equal(SKIPPED, done.code)
      assert.equal("", done.out)
      assert.is_truthy(done.err:find("fresh: SKIPPED, not run: " .. reason, 1, true), done.err)
      assert.matches("^[^\n]*\n$", done.err)
    end)
  end

  it("is asked for a command", function()
    local done = fresh(machine {})
    assert.equal(1, done.code)
    assert.matches("^fresh: which command%?", done.err)
  end)
end)
