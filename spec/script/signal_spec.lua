--- core.signal: signals as calls in the loop.

local core = require "shoal.core"
local stages = require "spec.script.stage"

describe("a signal", function()
  local stage

  before_each(function()
    stage = stages.new()
    stage:start() -- so that the loop has something to wait for
  end)
  after_each(function() stage:close() end)

  local function raise(name)
    assert(os.execute("kill -" .. name .. " $PPID"))
  end

  it("calls its function in the loop, with its name", function()
    local heard = {}
    local usr1 = core.signal("USR1", function(name) heard[#heard + 1] = name end)
    local hup = core.signal("HUP", function(name) heard[#heard + 1] = name end)
    raise("USR1")
    stage:wait(function() return heard[1] end)
    raise("HUP")
    stage:wait(function() return heard[2] end)
    assert.same({ "USR1", "HUP" }, heard)
    usr1:cancel()
    hup:cancel()
    hup:cancel()
  end)

  it("goes to everybody who watches it, until they cancel", function()
    local count = 0
    local first = core.signal("USR2", function() count = count + 1 end)
    local second = core.signal("USR2", function() count = count + 10 end)
    raise("USR2")
    stage:wait(function() return count == 11 end)
    first:cancel()
    raise("USR2")
    stage:wait(function() return count == 21 end)
    second:cancel()
  end)

  it("may be cancelled by its own function", function()
    local watcher, count = nil, 0
    watcher = core.signal("USR1", function()
      count = count + 1
      watcher:cancel()
      collectgarbage()
    end)
    local keeper = core.signal("USR1", function() end)
    raise("USR1")
    stage:wait(function() return count == 1 end)
    raise("USR1")
    stage:idle(0.05)
    assert.equal(1, count)
    keeper:cancel()
  end)

  it("is misuse when there is no such one, or no function", function()
    assert.error_matches(function() core.signal("SIGINT", print) end,
      "unknown signal 'SIGINT' %(did you mean 'INT'%?%)")
    assert.error_matches(function() core.signal("KILL", print) end, "unknown signal 'KILL'")
    assert.error_matches(function() core.signal("INT") end, "function expected")
  end)
end)
