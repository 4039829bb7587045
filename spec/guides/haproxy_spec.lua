--- docs/guides/haproxy.md, from the first command to the last.

local guide = require "spec.support.guide"
local process = require "spec.support.process"

describe("docs/guides/haproxy.md", function()
  after_each(process.cleanup)

  it("works as it says", function()
    local why = guide.obstacle "docs/guides/haproxy.md"
    if why then return pending(why) end
    guide.run "docs/guides/haproxy.md"
  end)
end)
