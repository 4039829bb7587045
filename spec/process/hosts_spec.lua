--- Five members on five hosts, whose network fails.

local hosts = require "spec.support.hosts"
local node = require "spec.support.node"
local wait = require "spec.support.wait"

local COUNT = 5

local function start_all(net, config, args)
  local members = {}
  for i = 1, COUNT do
    members[i] = node.start({
      within = net:within(i),
      bind = net:address(i) .. ":7946",
      join = { members[1] },
      config = config or "loopback",
      args = args,
    })
  end
  return members
end

local function converge(members, seconds)
  wait.for_that(function()
    return node.converged(members)
  end, seconds, "converged cluster")
end

describe("members on several hosts", function()
  after_each(hosts.cleanup)

  it("are one cluster again, without help, after two were cut off for longer than the suspicion timeout", function()
    local net = hosts.new(COUNT, pending)
    local members = start_all(net)
    converge(members, 5)
    net:cut({ 4, 5 })
    wait.for_that(function()
      return node.converged({ members[1], members[2], members[3] })
        and node.converged({ members[4], members[5] })
    end, 20, "two clusters")

    net:heal()

    converge(members, 30)
    for _, member in ipairs(members) do
      assert.equal(COUNT - 1, #member:members(true))
    end
  end)

  it("stay one cluster while one packet in five is lost", function()
    local net = hosts.new(COUNT, pending)
    net:lose(20)
    -- A suspicion that is not refuted would come to its end in the time given below.
    local members = start_all(net, "lan", { "--set", "suspect_to_down_after=10" })
    converge(members, 20)
    for _, member in ipairs(members) do
      member:watch()
    end
    wait.pass(15)
    converge(members, 20)
    local false_alarms = 0
    for _, member in ipairs(members) do
      for _, event in ipairs(member:events()) do
        false_alarms = false_alarms + (event.event == "member_down" and 1 or 0)
      end
    end
    assert.equal(0, false_alarms)
  end)

  it("find out who lost the network", function()
    local net = hosts.new(COUNT, pending)
    local members = start_all(net)
    converge(members, 5)
    net:cut({ 5 })
    wait.for_that(function()
      for i = 1, 4 do
        if members[i]:sees(members[5]) ~= "down" then
          return false
        end
      end
      return #members[5]:members() == 0
    end, 20, "word of it")
    net:heal()
    converge(members, 30)
  end)
end)
