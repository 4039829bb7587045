--- The packages for other systems say what the build says.

local files = require "spec.support.files"

local version = files.read("CMakeLists.txt"):match "project%(shoal VERSION ([%d.]+)"

-- What a compiler's package of every Debian builder has, or only this repository wants.
local GRANTED = {}
for name in ("gcc libc6-dev make luajit|luajit2 dpkg-dev debhelper lintian"):gmatch "%S+" do
  GRANTED[name] = true
end

describe("the Debian packages", function()
  it("have the version of the project", function()
    assert.equal(version, files.read("debian/changelog"):match "^shoal %(([%d.]+)%)")
  end)

  it("are built with what .ci/packages lists", function()
    local control = files.read("debian/control"):match "Build%-Depends:(.-)\nStandards"
    for _, line in files.lines ".ci/packages" do
      local group, names = line:match "^(%S+)%s+(%S+)"
      if (group == "build" or group == "deb") and not GRANTED[names] then
        local wanted = names:gsub("|", " | ")
        assert.is_truthy((control .. ","):find("%s" .. wanted:gsub("%p", "%%%0") .. ","), names)
      end
    end
  end)

  it("have the module for each Lua that CI tests", function()
    local versions = {}
    for lua in files.read(".ci/run"):gmatch "LUA=(5%.%d)" do
      versions[#versions + 1] = lua
    end
    local list = table.concat(versions, " ")
    assert.equal(list, files.read("debian/rules"):match "\nVERSIONS %?= ([^\n]+)")
    assert.equal(list, files.read("debian/control"):match "\nXB%-Lua%-Versions: ([^\n]+)")
  end)
end)

describe("the packages for OpenWrt and Alpine", function()
  it("have the version of the project, and say that they are untried", function()
    for path, name in pairs { ["openwrt/Makefile"] = "PKG_VERSION:", ["alpine/APKBUILD"] = "pkgver" } do
      local text = files.read("examples/packages/" .. path)
      assert.equal(version, text:match("\n" .. name .. "=([^\n]+)"))
      assert.is_truthy(text:find("UNTRIED", 1, true))
    end
  end)
end)
