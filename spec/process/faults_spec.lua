--- A member whose system calls fail: it says so and ends, or waits; it is never busy with
--- nothing.

local errno = require "posix.errno"
local files = require "spec.support.files"
local node = require "spec.support.node"
local process = require "spec.support.process"
local stat = require "posix.sys.stat"
local wait = require "spec.support.wait"

local SHIM = files.build .. "/spec/libspec-faults.so"

describe("a member", function()
  after_each(process.cleanup)

  if not process.read(SHIM) then
    pending "only Linux has its system calls replaced"
    return
  end

  local function failing(faults)
    return {
      LD_PRELOAD = SHIM,
      SHOAL_FAULTS = faults,
      ASAN_OPTIONS = "verify_asan_link_order=0", -- the sanitizer's runtime is not the first
    }
  end

  it("does not start when its sockets cannot be watched", function()
    local member = node.launch { env = failing("epoll_ctl:" .. errno.ENOMEM) }
    assert.equal(1, member:wait(5))
    assert.matches("^shoal: cannot listen on [^\n]*%.sock: the event loop cannot watch the socket: "
      .. "cannot allocate memory\n$", member:log())
    assert.is_nil(stat.lstat(member.control))
  end)

  it("does not start without the descriptors that a loop takes", function()
    local member = node.launch { env = failing("pipe:" .. errno.EMFILE) }
    assert.equal(1, member:wait(5))
    assert.equal("shoal: cannot create an event loop: too many open files\n", member:log())
  end)

  it("ends with an error when its loop cannot wait", function()
    local member = node.launch { env = failing("epoll_wait:" .. errno.ENOMEM) }
    assert.equal(1, member:wait(5))
    assert.matches("\nshoal: the event loop has failed: [^\n]*epoll_wait: cannot allocate memory\n$", member:log())
  end)

  it("waits while it cannot receive, and does what it is told", function()
    local member = node.start { env = failing("recvmmsg:" .. errno.ENOMEM) }
    node.start { join = { member } }
    wait.for_that(function() return member:info().host.receive_errors >= 16 end, 5, "sixteen errors")
    wait.pass(0.5)
    local info = member:info()
    assert.is_true(info.host.receive_errors < 100, info.host.receive_errors)
    assert.equal(0, info.host.datagrams_received)
    assert.equal("alive", info.state)
    member:signal "TERM"
    assert.equal(0, member:wait(5))
    local _, told = member:log():gsub("cannot receive", "")
    assert.equal(1, told)
  end)

  it("ends with an error when it can never receive again", function()
    local member = node.start { env = failing("recvmmsg:" .. errno.EBADF) }
    local other = node.start { join = { member } }
    local code = wait.for_that(function()
      other:ask("join", member.addr) -- it is not told by what does not come
      return member.process:ended()
    end, 10, "end")
    assert.equal(1, code)
    assert.matches("error +host +the node has failed", member:log())
    assert.matches("\nshoal: cannot receive on 127%.0%.0%.1:%d+: bad file descriptor\n$", member:log())
    assert.is_nil(stat.lstat(member.control))
  end)

  it("joins without the calls that a sandbox does not let through", function()
    local member = node.start { env = failing(("recvmmsg:%d,sendmmsg:%d"):format(errno.EPERM, errno.EPERM)) }
    local other = node.start { join = { member } }
    wait.for_that(function() return node.converged { member, other } end, 5, "cluster of two")
    assert.equal(0, member:info().host.receive_errors)
  end)
end)
