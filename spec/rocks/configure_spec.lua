--- A build folder that is told of another Lua becomes one for that Lua: LuaRocks
-- has one folder for all of them.

local process = require "spec.support.process"

-- All that the configuration reads of a Lua.
local function headers(version)
  local folder = process.tempdir()
  process.write(folder .. "/lua.h", ("#define LUA_VERSION_NUM %s\n"):format((version:gsub("%.", "0"))))
  return folder
end

local function configure(folder, include)
  local done = process.run {
    "cmake", "-S", process.source, "-B", folder, "-DSHOAL_ROCK=ON", "-DSHOAL_TESTS=OFF",
    "-DSHOAL_LUA_INCLUDE_DIR=" .. include, seconds = 60,
  }
  assert.equal(0, done.code, done.err)
  return process.read(folder .. "/CMakeFiles/shoal-script.dir/flags.make")
end

describe("a build folder", function()
  after_each(process.cleanup)

  it("takes the headers of the Lua that it is told of last", function()
    local folder, one, other = process.tempdir(), headers("5.3"), headers("5.4")
    local flags = configure(folder, one)
    assert.truthy(flags:find(one, 1, true), flags)
    flags = configure(folder, other)
    assert.truthy(flags:find(other, 1, true), flags)
    assert.is_nil(flags:find(one, 1, true), flags)
  end)

  it("makes the module for the version that it is told of last", function()
    local folder = process.tempdir()
    for _, version in ipairs { "5.4", "5.3" } do
      configure(folder, headers(version))
      local link = process.read(folder .. "/CMakeFiles/shoal-module.dir/link.txt")
      assert.truthy(link:find("lib/lua/" .. version .. "/shoal/core.so", 1, true), link)
    end
  end)
end)
