--- The version stands in one place, CMakeLists.txt.

local files = require "spec.support.files"

local version = files.read("CMakeLists.txt"):match("project%(shoal VERSION (%d+%.%d+%.%d+)")

describe("the version", function()
  it("is a part of the project's line in CMakeLists.txt", function()
    assert.is_string(version)
  end)

  it("is written nowhere else in the code", function()
    local quoted = version:gsub("%.", "%%.")
    local list = {}
    for _, name in ipairs { "*.c", "*.h", "*.lua", "*.cmake", "*.txt" } do
      for _, path in ipairs(files.find("src lua spec examples cmake", name)) do
        for number, line in files.lines(path) do
          if line:match("%f[%w%.]" .. quoted .. "%f[^%w%.]") then
            list[#list + 1] = ("%s:%d"):format(path, number)
          end
        end
      end
    end
    assert.same({}, list)
  end)

  it("has its section in the changelog", function()
    if not files.exists("CHANGELOG.md") then
      return pending("there is no changelog yet")
    end
    local first = files.read("CHANGELOG.md"):match("\n## %[?([^%]\n ]+)")
    assert.is_truthy(first == version or first:lower() == "unreleased", first)
  end)
end)
