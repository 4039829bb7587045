--- A cluster of processes notices who went, and how. How soon it does is for
-- spec/sim/pace_spec.lua: here the machine may be busy.

local node = require "spec.support.node"
local process = require "spec.support.process"
local wait = require "spec.support.wait"

-- A cluster in which everybody sees everybody, and is watched.
local function cluster(count, options)
  local members = node.start_cluster(count, options)
  wait.for_that(function()
    return node.converged(members)
  end, 10, "converged cluster")
  for _, member in ipairs(members) do
    member:watch()
  end
  return members
end

-- Until each of the others has heard that `gone` is down.
local function wait_until_heard(others, gone, limit)
  local left = { unpack(others) } -- luacheck: std max
  wait.for_that(function()
    for i = #left, 1, -1 do
      if left[i]:heard("member_down", gone) then
        table.remove(left, i)
      end
    end
    return #left == 0, #left > 0 and ("%d have not heard, one of them: %s%s"):format(
      #left, left[1]:log(), left[1].monitor:stderr())
  end, limit, "word of a down member")
end

describe("a cluster of processes", function()
  after_each(process.cleanup)

  it("finds a killed member out with loopback", function()
    local members = cluster(5, { config = "loopback" })
    local gone = table.remove(members)
    gone:signal("KILL")
    wait_until_heard(members, gone, 20)
    wait.for_that(function()
      return node.converged(members)
    end, 10, "cluster of four")
  end)

  it("finds a killed member out with lan", function()
    local members = cluster(5, { config = "lan" })
    local gone = table.remove(members)
    gone:signal("KILL")
    wait_until_heard(members, gone, 30)
  end)

  it("hears from a member itself that it leaves", function()
    local members = cluster(5) -- in which no suspicion comes to an end
    local gone = table.remove(members)
    gone:signal("TERM")
    wait_until_heard(members, gone, 10)
  end)

  it("takes a member back that was stopped for longer than the suspicion timeout, as who it was",
    function()
      local members = cluster(4, { config = "loopback" })
      local stopped = table.remove(members)
      local before = stopped:info().identity
      stopped:stop()
      wait_until_heard(members, stopped, 20)

      stopped:continue()

      wait.for_that(function()
        for _, member in ipairs(members) do
          if member:sees(stopped) ~= "alive" then
            return false, member.addr .. " sees it " .. tostring(member:sees(stopped))
          end
        end
        return true
      end, 10, "comeback")
      local after = stopped:info().identity
      assert.same(before, after)
      for _, member in ipairs(members) do
        assert.is_nil(member:heard("rename", stopped))
        assert.equal(3, #member:members(true), "a second member for one address")
      end
      table.insert(members, stopped)
      wait.for_that(function()
        return node.converged(members)
      end, 5, "converged cluster")
    end)

  it("takes a member back that goes on before its suspicion ends as if nothing had been", function()
    local members = cluster(4, { config = "loopback", args = { "--set", "suspect_to_down_after=3600" } })
    local stopped = table.remove(members)
    stopped:stop()
    wait.for_that(function()
      return members[1]:sees(stopped) == "suspect"
    end, 10, "suspicion")
    stopped:continue()
    wait.for_that(function()
      return node.converged({ stopped, unpack(members) }) -- luacheck: std max
    end, 5, "converged cluster")
    for _, member in ipairs(members) do
      assert.is_nil(member:heard("member_down", stopped))
      assert.is_nil(member:heard("rename", stopped))
    end
  end)

  it("replaces a member that is started again on its address at once, without having found it down", function()
    local members = cluster(4, { bind = node.own_address() })
    local killed = table.remove(members)
    local before = killed:info().identity
    killed:signal("KILL")
    assert.equal("KILL", killed:wait(2))
    local again = node.start({ bind = killed.addr, join = { members[1] } })
    assert.equal(killed.addr, again.addr)

    wait.for_that(function()
      for _, member in ipairs(members) do
        if not member:heard("rename", again) then
          return false, member.addr .. " has not heard"
        end
      end
      return true
    end, 10, "replacement")

    for _, member in ipairs(members) do
      assert.equal(before.bump, member:heard("rename", again).before.id.bump)
      assert.is_nil(member:heard("member_down", again))
      assert.equal("alive", member:sees(again))
      assert.equal(3, #member:members(true))
    end
  end)
end)
