--- docs/guides/from-serf-consul-memberlist.md, from the first command to the last.

local guide = require "spec.support.guide"
local process = require "spec.support.process"

describe("docs/guides/from-serf-consul-memberlist.md", function()
  after_each(process.cleanup)

  it("works as it says", function()
    local why = guide.obstacle "docs/guides/from-serf-consul-memberlist.md"
    if why then return pending(why) end
    guide.run "docs/guides/from-serf-consul-memberlist.md"
  end)
end)
