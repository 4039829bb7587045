--- Two processes that claim one address, by mistake.

local node = require "spec.support.node"
local process = require "spec.support.process"
local wait = require "spec.support.wait"

local function packets(member)
  local counts = member:info().packets
  return counts.sent + counts.received
end

-- Packets that a member sends and receives in a second.
local function packet_rate(member, seconds)
  local since, before = wait.now(), packets(member)
  wait.pass(seconds)
  return (packets(member) - before) / (wait.now() - since)
end

describe("two members with one advertised address", function()
  after_each(process.cleanup)

  it("are one member for the others, are told of in the log, and cause no storm", function()
    local cluster = node.start_cluster(3, { config = "loopback" })
    local double = node.start({ config = "loopback", args = { "--advertise", cluster[2].addr }, join = { cluster[1] } })
    assert.equal(cluster[2].addr, double.addr)

    local observer = cluster[3]
    local rate = packet_rate(observer, 3)
    assert.is_true(rate < 100, ("%d packets a second"):format(rate))

    local at_address = 0
    for _, member in ipairs(observer:members(true)) do
      at_address = at_address + (member.addr == double.addr and 1 or 0)
    end
    assert.equal(1, at_address)

    -- The one that gets the packets, who stays what it is: the other one cannot show that it does.
    local identity = '"{addr=' .. double.addr:gsub("%p", "%%%0") .. ",bump=%d+[^\n]*"
    wait.for_that(function()
      local log = cluster[2]:log()
      return log:find("another node says that it has our address[^\n]* id=" .. identity), log
    end, 15, "word of the conflict")
    assert.is_nil(observer:log():find "member replaced by a newer identity")
    local _, lines = (cluster[2]:log() .. double:log()):gsub("\n", "")
    assert.is_true(lines < 60, lines .. " lines of log")
    wait.for_that(function()
      return observer:sees(cluster[1]) == "alive"
    end, 5, "member that has nothing to do with it")
  end)
end)
