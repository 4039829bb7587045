--- What every rockspec says, and what LuaRocks says of it.

local files = require "spec.support.files"
local process = require "spec.support.process"

local function rockspec(path)
  local fields = {}
  assert(load(files.read(path), "=" .. path, "t", fields))()
  return fields
end

for _, path in ipairs(files.find("rocks", "*.rockspec")) do
  describe(path, function()
    after_each(process.cleanup)

    it("is without a fault or a warning to luarocks lint", function()
      local done = process.run { "luarocks", "lint", path, cwd = files.root, env = { HOME = process.tempdir() } }
      assert.equal("", done.out .. done.err)
      assert.equal(0, done.code)
    end)

    it("names the project's page and where to report what is wrong, beside the source", function()
      local it_says = rockspec(path)
      local base = it_says.source.url:match "^git%+(https://.+)%.git$"
      assert.is_string(base, it_says.source.url)
      assert.equal(base, it_says.description.homepage)
      assert.equal(base .. "/issues", it_says.description.issues_url)
    end)
  end)
end

describe("the rock of shoal", function()
  it("wants a Lua of those with which CI tests it", function()
    local newest = 0
    for minor in files.read(".ci/run"):gmatch "LUA=5%.(%d)" do
      newest = math.max(newest, tonumber(minor))
    end
    for _, path in ipairs(files.find("rocks", "shoal-*.rockspec")) do
      assert.equal(("lua >= 5.1, < 5.%d"):format(newest + 1), rockspec(path).dependencies[1])
    end
  end)
end)
