--- The pages of docs/guides do what they say, from the first command to the last.

local files = require "spec.support.files"
local guide = require "spec.support.guide"
local process = require "spec.support.process"

local INDEX = "docs/guides/README.md"

local function pages()
  local list = {}
  for _, path in ipairs(files.find("docs/guides", "*.md")) do
    list[#list + 1] = path ~= INDEX and path or nil
  end
  return list
end

describe("a guide", function()
  after_each(process.cleanup)

  for _, path in ipairs(pages()) do
    it("works as it says: " .. path, function()
      if files.sanitized and files.read(path):find "%f[%w]luajit " then
        return pending "an interpreter without the sanitizer cannot load the module"
      end
      guide.run(path)
    end)
  end

  it("has its place in the index", function()
    local index = files.read(INDEX)
    for _, path in ipairs(pages()) do
      assert.is_truthy(index:find("](" .. path:match "[^/]+$" .. ")", 1, true), path)
    end
  end)

  it("says what it is for, what is needed, what goes wrong, and what is next", function()
    for _, path in ipairs(pages()) do
      local text = files.read(path)
      for _, heading in ipairs { "\n**Goal.** ", "\n**You need** ", "\n## What goes wrong\n", "\n## Next\n" } do
        assert.is_truthy(text:find(heading, 1, true), path .. ":" .. heading)
      end
    end
  end)

  it("is compared with what is shown", function()
    assert.is_true(guide.shows("a 2026-11-23T10:34:39.413Z b\n", "a  2025-01-01T00:00:00Z b\n"))
    assert.is_true(guide.shows("x up port=1\ny\n", "x up …\ny\n"))
    assert.is_true(guide.shows("1\n2\n3\n", "…\n3\n"))
    assert.is_true(guide.shows("1\n2\n3\n", "1\n…\n"))
    assert.is_true(guide.shows("web alive 9s\n", "web   alive  10s\n"))
    assert.is_false(guide.shows("1\n2\n3\n", "1\n2\n"))
    assert.is_false(guide.shows("1\n", "1\n2\n"))
    assert.is_false(guide.shows("", "1\n"))
    assert.is_false(guide.shows("a down\n", "a up\n"))
  end)
end)
