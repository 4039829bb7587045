--- docs/guides/when-gossip-is-not-enough.md, from the first command to the last.

local guide = require "spec.support.guide"
local process = require "spec.support.process"

describe("docs/guides/when-gossip-is-not-enough.md", function()
  after_each(process.cleanup)

  it("works as it says", function()
    local why = guide.obstacle "docs/guides/when-gossip-is-not-enough.md"
    if why then return pending(why) end
    guide.run "docs/guides/when-gossip-is-not-enough.md"
  end)
end)
