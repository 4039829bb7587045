--- A part of `make disk-faults` each time.

local disk = require "spec.faults.disk"
local process = require "spec.support.process"

local EACH = 11 -- not a multiple of the number of faults

describe("a member's memory on disk", function()
  after_each(process.cleanup)

  it("is the old state or the new one, whatever fails and wherever the member is killed", function()
    local problem = disk.problem()
    if problem then
      pending(problem)
      return
    end
    local counts, cases = {}, disk.cases()
    assert.is_true(#cases >= 100, #cases)
    for i = 1, #cases, EACH do
      local what, why = disk.try(cases[i])
      assert.is_truthy(what, ("%s: %s"):format(cases[i].name, why))
      counts[what] = (counts[what] or 0) + 1
    end
    assert.is_true(counts.old > 0 and counts.new > 0)
  end)
end)
