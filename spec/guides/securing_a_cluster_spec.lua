--- docs/guides/securing-a-cluster.md, from the first command to the last.

local guide = require "spec.support.guide"
local process = require "spec.support.process"

describe("docs/guides/securing-a-cluster.md", function()
  after_each(process.cleanup)

  it("works as it says", function()
    local why = guide.obstacle "docs/guides/securing-a-cluster.md"
    if why then return pending(why) end
    guide.run "docs/guides/securing-a-cluster.md"
  end)
end)
