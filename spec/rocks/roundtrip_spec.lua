--- The rock's life from lint to remove; the script tells the steps.

local files = require "spec.support.files"
local process = require "spec.support.process"

describe("the rock", function()
  after_each(process.cleanup)

  it("is made, packed, served, installed, used and removed without a trace", function()
    if files.sanitized then
      return pending("a rock is built without the sanitizer, as in the plain run")
    end
    local done = process.run { process.source .. "/rocks/roundtrip.sh", seconds = 300 }
    assert.equal(0, done.code, done.out .. done.err)
    assert.matches("%-%- fine\n$", done.out)
  end)
end)
