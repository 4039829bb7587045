--- Members whose system clock is not what it was.

local node = require "spec.support.node"
local process = require "spec.support.process"
local wait = require "spec.support.wait"

-- Timeouts of loopback, but nobody is found down because the machine is busy.
local PERIOD = 0.25
local PATIENT = { "--set", "suspect_to_down_after=3600" }

-- faketime preloads its library, and the sanitizer's runtime is not the first then.
local ANY_ORDER = { ASAN_OPTIONS = "verify_asan_link_order=0" }

local function restarted_with(shift)
  local seed = node.start { config = "loopback", args = PATIENT, bind = node.own_address() }
  local before = node.start { config = "loopback", args = PATIENT, join = { seed }, bind = node.own_address() }
  wait.for_that(function() return node.converged { seed, before } end, 5, "cluster")
  seed:watch()
  local old = seed:members()[1].id
  before:signal("KILL")
  before:wait(2)
  local after = node.start { config = "loopback", args = PATIENT, join = { seed }, bind = before.addr,
    within = { "faketime", "-f", shift }, env = ANY_ORDER }
  assert.equal(before.addr, after.addr)
  wait.for_that(function()
    local info, known = after:info(), seed:members()[1]
    return #after:members() == 1 and known and known.state == "alive" and known.id.bump == info.identity.bump
      and known.id.bump ~= old.bump, seed:log() .. after:log()
  end, 3 * PERIOD, "member again")
  return seed, after, old
end

describe("a member that is started again on its address", function()
  after_each(process.cleanup)

  it("with a clock a day behind is a member again, above its former self", function()
    local seed, after, old = restarted_with("-1d")
    assert.is_true(after:info().identity.bump > old.bump)
    local rename = wait.for_that(function() return seed:heard("rename", after) end, 5, "rename")
    assert.same(old, rename.before.id)
    assert.is_nil(seed:heard("member_down", after))
    assert.matches("our clock was set back; taking the address back id=", after:log())
  end)

  it("with a clock a day ahead is a member again at once, and after that with the right one", function()
    local seed, after, old = restarted_with("+1d")
    local ahead = after:info().identity.bump
    assert.is_true(ahead > old.bump)
    after.process:kill() -- faketime and what it runs
    local right = node.start { config = "loopback", args = PATIENT, join = { seed }, bind = after.addr }
    wait.for_that(function()
      local known = seed:members()[1]
      return #right:members() == 1 and known and known.id.bump > ahead, seed:log() .. right:log()
    end, 3 * PERIOD, "member again")
  end)
end)
