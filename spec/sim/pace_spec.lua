--- How soon a cluster notices who came and who went, in virtual time: real
-- processes (spec/process) show that it happens, and this how fast.

local nets = require "spec.sim.support"

local SEEDS = { 1, 2, 3 }

-- Seconds from the end of a member until the first and the last of the others
-- reported it down.
local function noticed(net, member, limit)
  assert(net:run_until(function()
    return #net:record(member).noticed == #net:members()
  end, limit))
  local record = net:record(member)
  return record.noticed[1] - record.ended, record.noticed[#record.noticed] - record.ended
end

describe("a cluster of five", function()
  after_each(nets.close)

  for _, seed in ipairs(SEEDS) do
    local about = (" (seed %d)"):format(seed)

    it("finds a crashed member out within 3.5 s, and all know within 7 s, with loopback" .. about, function()
      local net, members = nets.grown(5, {}, { seed = seed })
      net:crash(members[5])
      local first, last = noticed(net, members[5], 7)
      assert.is_true(first <= 3.5, "first after " .. first)
      assert.is_true(last <= 7, "last after " .. last)
    end)

    it("finds a crashed member out within 12 s with lan" .. about, function()
      local net, members = nets.grown(5, { config = "lan" }, { seed = seed })
      net:crash(members[5])
      noticed(net, members[5], 12)
    end)

    it("knows within 0.1 s that a member left" .. about, function()
      local net, members = nets.grown(5, {}, { seed = seed })
      members[5]:leave()
      members[5]:close()
      noticed(net, members[5], 0.1)
    end)
  end
end)

describe("a join of thirty-two at once", function()
  after_each(nets.close)

  for _, seed in ipairs(SEEDS) do
    it(("takes less than 0.5 s and 28 packets for each (seed %d)"):format(seed), function()
      local net = nets.new({ seed = seed })
      assert(net:spawn(32, { config = "loopback" }))
      assert(net:run_until(function()
        return net:converged()
      end, 0.5))
      assert.is_true(net:stats().packets <= 28 * 32, net:stats().packets / 32 .. " packets each")
    end)
  end
end)
