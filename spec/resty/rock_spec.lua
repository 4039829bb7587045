--- The rock of lua-resty-shoal has all of its files.

local files = require "spec.support.files"
local process = require "spec.support.process"

describe("the rock lua-resty-shoal", function()
  after_each(process.cleanup)
  local rockspec = files.read "rocks/lua-resty-shoal-scm-1.rockspec"

  it("has every module in lua/resty, and no other", function()
    local there, listed = files.find("lua/resty", "*.lua"), {}
    for name, path in rockspec:gmatch '%["([%w.]+)"%] = "([^"]+)"' do
      assert.equal("lua/" .. name:gsub("%.", "/") .. ".lua", path)
      listed[#listed + 1] = path
    end
    table.sort(listed)
    table.sort(there)
    assert.same(there, listed)
  end)

  it("is what luarocks expects", function()
    local done = process.run { "luarocks", "lint", process.source .. "/rocks/lua-resty-shoal-scm-1.rockspec",
      env = { LD_PRELOAD = false } }
    assert.equal(0, done.code, done.out .. done.err)
  end)
end)
