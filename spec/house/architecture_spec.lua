--- What docs/architecture.md says of files and functions is there.

local csource = require "spec.support.csource"
local files = require "spec.support.files"

local function find(path)
  for _, prefix in ipairs { "src/", "" } do
    if files.exists(prefix .. path) then return prefix .. path end
  end
end

describe("the document docs/architecture.md", function()
  it("names files that there are", function()
    local list = {}
    for number, line in files.lines "docs/architecture.md" do
      for path in line:gmatch "`([%w_/%.]+%.[chlm][ud]?a?)`" do
        if not find(path) then list[#list + 1] = ("%d: %s"):format(number, path) end
      end
    end
    assert.same({}, list)
  end)

  it("names functions where they are defined", function()
    local list, seen = {}, 0
    for number, line in files.lines "docs/architecture.md" do
      local path, names = line:match "^| `([%w_/]+%.c)` ([^|]+) |"
      for name in (names or ""):gmatch "`([%w_]+)%(%)`" do
        local functions, static = csource.definitions(csource.strip(files.read("src/" .. path)))
        seen = seen + 1
        if not functions[name] and not static[name] then
          list[#list + 1] = ("%d: %s has no %s()"):format(number, path, name)
        end
      end
    end
    assert.is_true(seen > 30)
    assert.same({}, list)
  end)

  it("lists every folder", function()
    local folders, listed = {}, {}
    for _, file in pairs(csource.read()) do
      if file.folder then folders[file.folder] = true end
    end
    for _, line in files.lines "docs/architecture.md" do
      local folder = line:match "^| `([%l/]+)` |"
      if folder then listed[folder] = true end
    end
    assert.same(folders, listed)
  end)
end)
