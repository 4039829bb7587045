--- The lines that README.md gives for LuaRocks, as they stand, in an empty home of root:
-- LuaRocks refuses --local when USER is root.

local files = require "spec.support.files"
local process = require "spec.support.process"

local function install_lines()
  local lines = files.read("README.md"):match "\n## Install the rock\n.-\n```sh\n(.-)```"
  return (lines:gsub("\\\n", ""):gsub("^sudo apt%-get[^\n]*\n", "")) -- the packages are there: the specs run
end

describe("the install lines of README.md", function()
  after_each(process.cleanup)

  it("give a program and a module that work", function()
    if files.sanitized then
      return pending("a rock is built without the sanitizer, as in the plain run")
    end
    local folder = process.tempdir()
    local done = process.run {
      "sh", "-ec", ([[
        mkdir home tree
        tar -C '%s' --exclude=.git --exclude='./build*' -cf - . | tar -C tree -xf -
        cd tree
        env -i PATH="$PATH" USER=root HOME="$PWD/../home" CMAKE_BUILD_PARALLEL_LEVEL=2 sh -ec "$LINES_OF_README"
        chmod -R u+w .. && rm -rf ../tree ../home
      ]]):format(process.source),
      cwd = folder, env = { LINES_OF_README = install_lines() }, seconds = 300,
    }
    assert.equal(0, done.code, done.out .. done.err)
    local version = files.read("CMakeLists.txt"):match "project%(shoal VERSION ([%d.]+)"
    assert.is_truthy(done.out:find("shoal " .. version .. " ", 1, true), done.out)
    assert.matches("\n" .. version:gsub("%.", "%%.") .. "\n$", done.out)
    local said = "\n" .. (done.out .. done.err):lower()
    for _, alarm in ipairs { "missing dependencies", "(not installed)", "\nwarning", "\nerror" } do
      assert.is_nil(said:find(alarm, 1, true), said)
    end
  end)
end)
