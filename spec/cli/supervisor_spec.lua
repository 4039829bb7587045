--- What `shoal run` tells systemd, or whoever stands in for it.

local fcntl = require "posix.fcntl"
local files = require "spec.support.files"
local node = require "spec.support.node"
local process = require "spec.support.process"
local sockets = require "posix.sys.socket"
local unistd = require "posix.unistd"
local wait = require "spec.support.wait"

--- A supervisor: its socket, and all that it was told.
local function supervisor()
  local path = process.tempdir() .. "/notify"
  local fd = assert(sockets.socket(sockets.AF_UNIX, sockets.SOCK_DGRAM, 0))
  assert(sockets.bind(fd, { family = sockets.AF_UNIX, path = path }))
  fcntl.fcntl(fd, fcntl.F_SETFL, fcntl.O_NONBLOCK)
  local self = { path = path, told = {} }
  function self.hears(pattern)
    for state in function() return sockets.recv(fd, 4096) end do
      self.told[#self.told + 1] = state
    end
    for i, state in ipairs(self.told) do
      local found = state:match(pattern)
      if found then
        for _ = 1, i do table.remove(self.told, 1) end
        return found
      end
    end
  end
  function self.expect(pattern)
    return wait.for_that(function() return self.hears(pattern) end, 5, pattern)
  end
  function self.close() unistd.close(fd) end
  return self
end

describe("shoal run under a supervisor", function()
  local systemd
  before_each(function() systemd = supervisor() end)
  after_each(function()
    process.cleanup()
    systemd.close()
  end)

  it("says when it is ready, when it loads its script anew, and when it stops", function()
    local a = node.start({ env = { NOTIFY_SOCKET = systemd.path } })
    assert.equal(a.addr, systemd.expect("^READY=1\nSTATUS=([^\n]*)$"))
    a:signal("HUP")
    assert.is_true(tonumber(systemd.expect("^RELOADING=1\nMONOTONIC_USEC=(%d+)$")) > 0)
    systemd.expect("^READY=1$")
    a:signal("TERM")
    systemd.expect("^STOPPING=1$")
    assert.equal(0, a:wait(2))
  end)

  it("is not ready when its script does not start", function()
    local done = process.run { process.shoal, "run", process.write(process.tempdir() .. "/a.lua", "error 'no'"),
      "--control", process.tempdir() .. "/control", env = { NOTIFY_SOCKET = systemd.path } }
    assert.equal(1, done.code)
    assert.is_nil(systemd.hears "READY")
  end)

  it("shows as often as it is asked to that its loop turns", function()
    node.start({ env = { NOTIFY_SOCKET = systemd.path, WATCHDOG_USEC = "200000" } })
    systemd.expect "^READY=1"
    for _ = 1, 3 do systemd.expect "^WATCHDOG=1$" end
  end)

  it("goes on when nobody is there", function()
    local a = node.start({ env = { NOTIFY_SOCKET = "/nowhere/at/all" } })
    wait.for_that(function() return a:log():find("supervisor was not told", 1, true) end, 5, "warning")
    local b = node.start({ env = { NOTIFY_SOCKET = "no path" } })
    wait.for_that(function() return b:log():find("is no path of a socket", 1, true) end, 5, "warning")
  end)
end)

describe("examples/shoal@.service", function()
  it("is a unit that systemd takes, and exposes little", function()
    if process.run({ "sh", "-c", "command -v systemd-analyze" }).code ~= 0 then
      return pending "systemd-analyze is not installed (Debian: systemd)"
    end
    local unit = process.write(process.tempdir() .. "/shoal@web.service", files.read "examples/shoal@.service")
    local report = process.run { "systemd-analyze", "security", "--offline=true", unit }
    assert.is_true(tonumber(report.out:match "exposure level for shoal@web.service: ([%d.]+)") < 2, report.out)
    local verified = process.run { "systemd-analyze", "verify", "--man=no", unit }
    assert.equal("", verified.err)
    assert.equal(0, verified.code)
  end)
end)
