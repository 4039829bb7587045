--- Who a member is on its machine, and who may use its control socket.

local node = require "spec.support.node"
local process = require "spec.support.process"
local pwd = require "posix.pwd"
local stat = require "posix.sys.stat"
local unistd = require "posix.unistd"

local is_root = unistd.getuid() == 0
local nobody = pwd.getpwnam "nobody"
local describe_root = is_root and nobody and describe or pending

local function mode_of(path)
  return ("%o"):format(stat.lstat(path).st_mode % 512)
end

-- A folder that others can enter, as that of a service is.
local function open_folder()
  local folder = process.tempdir()
  assert.equal(0, stat.chmod(folder, tonumber("755", 8)))
  return folder
end

local function status_of(pid, name)
  local list = {}
  for number in process.read(("/proc/%d/status"):format(pid)):match(name .. ":%s*([^\n]*)"):gmatch "%d+" do
    list[#list + 1] = tonumber(number)
  end
  return list
end

local function refused(...)
  local folder = process.tempdir()
  return process.cli("run", process.write(folder .. "/script.lua", "return {}\n"), "--bind", "127.0.0.1:0",
    "--control", folder .. "/control.sock", ...)
end

describe("a control socket", function()
  after_each(process.cleanup)

  it("is its owner's alone unless the operator says more", function()
    assert.equal("600", mode_of(node.start({}).control))
    assert.equal("660", mode_of(node.start({ args = { "--control-mode", "0660" } }).control))
    assert.equal("666", mode_of(node.start({ args = { "--control-mode", "666" } }).control))
  end)

  it("lets those into a folder that is made for it who may use it", function()
    local folder = process.tempdir() .. "/made"
    node.start { control = folder .. "/one.sock", args = { "--control-mode", "0660" } }
    assert.equal("750", mode_of(folder))
    folder = process.tempdir() .. "/made"
    node.start { control = folder .. "/one.sock" }
    assert.equal("700", mode_of(folder))
  end)

  it("has no mode that is none, or shuts its owner out", function()
    for _, mode in ipairs { "0777", "0066", "0400", "640x", "8", "", "01660", "0661" } do
      local done = refused("--control-mode", mode)
      assert.equal(2, done.code, mode)
      assert.matches("argument for option '--control-mode' must be a mode such as 0600 or 0660", done.err, 1, true)
    end
  end)

  it("has no group that does not exist", function()
    local done = refused("--control-group", "no-such-group")
    assert.equal(1, done.code)
    assert.equal("shoal: there is no group 'no-such-group'\n", done.err)
  end)
end)

describe_root("a control socket that is given a group", function()
  after_each(process.cleanup)

  it("has it, and mode 0660", function()
    local member = node.start { args = { "--control-group", tostring(nobody.pw_gid) } }
    assert.equal(nobody.pw_gid, stat.lstat(member.control).st_gid)
    assert.equal("660", mode_of(member.control))
  end)
end)

describe_root("a member that root starts as another user", function()
  after_each(process.cleanup)

  local function start(more)
    local folder = open_folder()
    local options = {
      script = process.write(folder .. "/script.lua", [[
        io.open(... or "]] .. folder .. [[/never", "w")
        return {}]]),
      control = folder .. "/made/control.sock",
      args = { "--user", "nobody" },
    }
    for key, value in pairs(more or {}) do options[key] = value end
    stat.chmod(options.script, tonumber("644", 8))
    return node.start(options), folder
  end

  it("keeps its control socket from its group, unless that is said", function()
    local member, folder = start { args = { "--user", "nobody", "--group", tostring(nobody.pw_gid) } }
    assert.same({ nobody.pw_gid, "600", "700" },
      { stat.lstat(member.control).st_gid, mode_of(member.control), mode_of(folder .. "/made") })
  end)

  it("is that user for good, in all of its threads, with that user's groups alone", function()
    local member = start()
    local uid, gid = nobody.pw_uid, nobody.pw_gid
    local path = ("/proc/%d/task"):format(member.pid)
    local threads = 0
    for _, task in ipairs(require("posix.dirent").dir(path)) do
      if task:find "^%d" then
        threads = threads + 1
        local text = process.read(path .. "/" .. task .. "/status")
        assert.matches(("\nUid:\t%d\t%d\t%d\t%d\n"):format(uid, uid, uid, uid), text, 1, true)
        assert.matches(("\nGid:\t%d\t%d\t%d\t%d\n"):format(gid, gid, gid, gid), text, 1, true)
        assert.matches("\nCapEff:\t0+\n", text)
        assert.matches("\nCapPrm:\t0+\n", text)
      end
    end
    assert.is_true(threads > 1) -- the deputy
    assert.same({ gid }, status_of(member.pid, "Groups"))
  end)

  it("runs no line of the script as root", function()
    local _, folder = start()
    assert.is_nil(process.read(folder .. "/never"))
  end)

  it("has a control socket of its own, which it takes away at the end", function()
    local member = start()
    assert.equal(nobody.pw_uid, stat.lstat(member.control).st_uid)
    assert.equal(nobody.pw_uid, stat.lstat(member.control:match "^(.*)/").st_uid)
    assert.equal("left\n", member:ask("leave").out)
    assert.is_nil(stat.lstat(member.control))
  end)

  it("has read the key before, and binds what only root may", function()
    local key = process.tempdir() .. "/key"
    if process.cli("keygen", key).code ~= 0 then return pending "there is no libsodium" end
    local member = start { args = { "--user", "nobody", "--group", "0", "--key-file", key } }
    assert.equal(0, status_of(member.pid, "Gid")[1])
    assert.equal(nobody.pw_uid, status_of(member.pid, "Uid")[1])
    assert.matches("  in use\n", member:ask("keys").out)
  end)

  it("does not start as a user who does not exist, or as root", function()
    for user, message in pairs { ["no-such-user"] = "there is no user 'no-such-user'", root = "the user 'root' is root",
      ["4000000"] = "there is no user 4000000: give a group" } do
      local done = refused("--user", user)
      assert.equal(1, done.code)
      assert.equal("shoal: " .. message .. "\n", done.err)
    end
    local done = refused("--user", "nobody", "--group", "no-such-group")
    assert.equal("shoal: there is no group 'no-such-group'\n", done.err)
    assert.equal("shoal: a group needs a user\n", refused("--group", "0").err)
  end)
end)
