--- docs/guides/nginx.md, from the first command to the last.

local guide = require "spec.support.guide"
local process = require "spec.support.process"

describe("docs/guides/nginx.md", function()
  after_each(process.cleanup)

  it("works as it says", function()
    local why = guide.obstacle "docs/guides/nginx.md"
    if why then return pending(why) end
    guide.run "docs/guides/nginx.md"
  end)
end)
