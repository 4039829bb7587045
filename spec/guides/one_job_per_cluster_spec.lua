--- docs/guides/one-job-per-cluster.md, from the first command to the last.

local guide = require "spec.support.guide"
local process = require "spec.support.process"

describe("docs/guides/one-job-per-cluster.md", function()
  after_each(process.cleanup)

  it("works as it says", function()
    local why = guide.obstacle "docs/guides/one-job-per-cluster.md"
    if why then return pending(why) end
    guide.run "docs/guides/one-job-per-cluster.md"
  end)
end)
