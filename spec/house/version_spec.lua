--- The version stands in one place, CMakeLists.txt.

local files = require "spec.support.files"

local version = files.read("CMakeLists.txt"):match("project%(shoal VERSION (%d+%.%d+%.%d+)")

describe("the version", function()
  it("is a part of the project's line in CMakeLists.txt", function()
    assert.is_string(version)
  end)

  it("is written nowhere else in the code", function()
    local quoted = version:gsub("%.", "%%.")
    assert.same({}, files.offenders("src lua spec examples cmake", { "*.c", "*.h", "*.lua", "*.cmake", "*.txt" },
      function(line)
        return line:find("%f[%w%.]" .. quoted .. "%f[^%w%.]") ~= nil and not line:find("{ _VERSION =", 1, true)
      end))
  end)

  it("is that of lua-resty-shoal, which knows nothing of the rest", function()
    assert.equal(version, files.read("lua/resty/shoal.lua"):match('{ _VERSION = "([^"]*)" }'))
    assert.equal(version, files.read("dist.ini"):match("\nversion = (%S+)\n"))
  end)

  it("is that of the versioned rockspec", function()
    local path = ("rocks/shoal-%s-1.rockspec"):format(version)
    assert.is_true(files.exists(path), "there is no " .. path)
    local rockspec = files.read(path)
    assert.equal(version .. "-1", rockspec:match('\nversion = "([^"]*)"'))
    assert.equal("v" .. version, rockspec:match('tag = "([^"]*)"'))
    assert.equal(1, #files.find("rocks", "shoal-[0-9]*.rockspec"))
  end)

  it("is the only thing in which the two rockspecs differ", function()
    local function body(name)
      return (files.read(("rocks/shoal-%s-1.rockspec"):format(name))
        :gsub('\nversion = "[^"]*"', "", 1):gsub('\n  tag = "[^"]*",', "", 1))
    end
    assert.equal(body "scm", body(version))
  end)

  it("has its section in the changelog", function()
    if not files.exists("CHANGELOG.md") then
      return pending("there is no changelog yet")
    end
    local first = files.read("CHANGELOG.md"):match("\n## %[?([^%]\n ]+)")
    assert.is_truthy(first == version or first:lower() == "unreleased", first)
  end)
end)
