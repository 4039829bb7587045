--- The default folder of control sockets is nobody's but ours, or it is not used: neither
--- by a node nor by those that want to talk to one.

local process = require "spec.support.process"
local stat = require "posix.sys.stat"
local unistd = require "posix.unistd"

local NOBODY = 65534

describe("the default folder of control sockets", function()
  local runtime, folder, script, decoy

  before_each(function()
    runtime = process.tempdir()
    folder = runtime .. "/shoal"
    script = process.write(runtime .. "/script.lua", "return {}")
  end)
  after_each(process.cleanup)

  local function shoal(...)
    local words = { process.shoal, ... }
    words.env = { XDG_RUNTIME_DIR = runtime }
    return process.run(words)
  end

  -- Somebody who waits for clients where they look for a node.
  local function start_decoy(where)
    decoy = process.start { process.shoal, "run", script, "--control", where .. "/default.sock" }
    decoy:wait_for("running", 5)
  end

  local function refused(pattern)
    for _, command in ipairs { { "run", script }, { "members" }, { "leave" }, { "monitor" } } do
      local done = shoal((table.unpack or unpack)(command)) -- luacheck: std max
      assert.equal(1, done.code, command[1])
      assert.equal("", done.out)
      assert.matches("^shoal: cannot use " .. folder:gsub("%p", "%%%0") .. ": " .. pattern .. "[^\n]*\n$", done.err)
    end
    if decoy then assert.is_nil(decoy:ended()) end -- nobody told it to leave
    decoy = nil
  end

  it("is used when it is ours", function()
    assert(stat.mkdir(folder, tonumber("755", 8)))
    start_decoy(folder)
    assert.equal(0, shoal("members").code)
    assert.equal(0, shoal("leave").code)
  end)

  it("is refused when it is a symbolic link", function()
    local elsewhere = process.tempdir()
    start_decoy(elsewhere)
    assert(unistd.link(elsewhere, folder, true))
    refused("it is a symbolic link; remove it, or use %-%-control PATH")
  end)

  for _, mode in ipairs { "777", "1777", "770" } do
    it("is refused when other users can write to it: " .. mode, function()
      assert(stat.mkdir(folder, tonumber("700", 8)))
      start_decoy(folder)
      assert(stat.chmod(folder, tonumber(mode, 8)))
      refused(("other users can write to it %%(mode 0?%s%%); run chmod go%%-w %s, or use "
      .. "%%-%%-control PATH"):format(mode,
        folder:gsub("%p", "%%%0")))
    end)
  end

  it("is refused when it is somebody else's", function()
    if unistd.geteuid() ~= 0 then pending "only root can give a folder away" end
    assert(stat.mkdir(folder, tonumber("700", 8)))
    start_decoy(folder)
    assert(unistd.chown(folder, NOBODY, NOBODY))
    refused("it belongs to user 65534; set XDG_RUNTIME_DIR to a folder of your own, or use %-%-control PATH")
  end)

  it("is refused when it is no folder", function()
    process.write(folder, "")
    refused("it is not a folder; remove it, or use %-%-control PATH")
  end)

  it("does not vouch for a socket in it that is somebody else's", function()
    if unistd.geteuid() ~= 0 then pending "only root can give a socket away" end
    assert(stat.mkdir(folder, tonumber("700", 8)))
    start_decoy(folder)
    assert(unistd.chown(folder .. "/default.sock", NOBODY, NOBODY))
    local done = shoal("leave")
    assert.equal(1, done.code)
    assert.matches("default%.sock: it belongs to user 65534; remove it, or use %-%-control PATH\n$", done.err)
  end)

  it("is nothing to look at when the path is given", function()
    assert(stat.mkdir(folder, tonumber("777", 8)))
    assert(stat.chmod(folder, tonumber("777", 8)))
    start_decoy(folder)
    assert.equal(0, shoal("members", "--control", folder .. "/default.sock").code)
  end)
end)
