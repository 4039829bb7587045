--- Members on both sides of a path that takes smaller packets than theirs.

local hosts = require "spec.support.hosts"
local node = require "spec.support.node"
local wait = require "spec.support.wait"

local MTU = 576
local LARGE = 1200 -- bytes of an item

local SOURCE = [[
  local M, seen = { broadcast = {} }, {}
  function M.broadcast.receive(node, data)
    if seen[data] then return nil end
    seen[data] = true
    node:log("info", ("item of %d bytes: %s"):format(#data, data:sub(1, 1)))
    return data
  end
  return M
]]

describe("a path with a smaller MTU", function()
  after_each(hosts.cleanup)

  -- Two members, one on each side.
  local function start(net, args)
    local members = {}
    for i = 1, 2 do
      members[i] = node.start { within = net:within(i), bind = net:address(i) .. ":7946", join = { members[1] },
        source = SOURCE, args = args }
    end
    wait.for_that(function() return node.converged(members) end, 10, "cluster")
    return members
  end

  local function tell(from, size, what)
    assert.equal(0, from:ask("broadcast", what:rep(size)).code)
  end

  it("carries large items at once, in parts, although the router does not say that they are too large", function()
    local net = hosts.path(MTU, pending)
    local members = start(net)
    net:filter("ip protocol icmp drop", "output")
    tell(members[1], LARGE, "a")
    members[2].process:wait_for("item of 1200 bytes: a", 10)
    tell(members[2], LARGE, "b")
    members[1].process:wait_for("item of 1200 bytes: b", 10)
    for _, member in ipairs(members) do
      assert.equal(0, member:info().host.send_errors)
    end
  end)

  it("that drops large packets without a word is found, and named with the remedy", function()
    local net = hosts.path(MTU, pending)
    local members = start(net)
    net:filter(("meta length gt %d drop"):format(MTU))
    tell(members[1], LARGE, "a")
    local size = members[1].process:wait_for("warn +host +large packets do not reach a member, small ones do: "
      .. "fix the path, or lower max_packet_size on all members to=" .. members[2].addr:gsub("%p", "%%%0")
      .. " size=(%d+)", 20)
    assert.is_true(tonumber(size) > LARGE)
    assert.equal(1, members[1]:info().host.small_paths)
    assert.is_nil(members[2]:log():find("large packets", 1, true)) -- it sent none
    assert.is_nil(members[2]:log():find("item of", 1, true))

    -- Items that are small enough arrive, as do large ones when the path is mended.
    tell(members[1], 300, "b")
    members[2].process:wait_for("item of 300 bytes: b", 10)
    net:unfilter()
    tell(members[1], LARGE, "c")
    members[2].process:wait_for("item of 1200 bytes: c", 10)
  end)

  it("that carries everything is checked with a few packets, and nothing is logged", function()
    local net = hosts.path(MTU, pending)
    local members = start(net)
    local function acks()
      return members[1]:info().packets.received_by_message.ack
    end
    local before = acks()
    tell(members[1], LARGE, "a")
    members[2].process:wait_for("item of 1200 bytes: a", 10)
    wait.for_that(function() return acks() >= before + 2 end, 10, "answers to a small and a large ping")
    wait.pass(2.5)
    assert.is_true(acks() <= before + 8, acks() - before)
    assert.is_nil(members[1]:log():find("large packets", 1, true))
  end)
end)
