--- docs/testing.md: its programs work, its specs pass, its commands run.

local files = require "spec.support.files"
local markdown = require "spec.support.markdown"
local process = require "spec.support.process"

local function blocks(language)
  return markdown.blocks("docs/testing.md", language)
end

-- With this file's globals, which busted has given it.
local function compiled(block)
  -- luacheck: push ignore 113 143
  local name = ("@docs/testing.md:%d"):format(block.line)
  if setfenv then
    return setfenv(assert(loadstring(block.text, name)), getfenv(1))
  end
  return assert(load(block.text, name, "t", _ENV))
  -- luacheck: pop
end

describe("docs/testing.md", function()
  after_each(process.cleanup)

  local programs, specs = 0, 0
  for _, block in ipairs(blocks("lua")) do
    if block.text:find("describe(", 1, true) then
      specs = specs + 1
      compiled(block)() -- its own describe, within this one
    else
      programs = programs + 1
      it(("has a program at line %d that runs"):format(block.line), compiled(block))
    end
  end

  it("has a program and a spec", function()
    assert.is_true(programs >= 1 and specs >= 1)
  end)

  -- A seeded run is the same wherever floating point is, so the figures are those of
  -- the code. On another kind of processor a sum may end in another digit.
  local function comparable(text)
    if jit and jit.arch == "x64" then -- luacheck: std max
      return text
    end
    return (text:gsub("trace +%x+", "trace"):gsub("[%d.]+ m?s", "N s"):gsub("%d[%d.]*", "N"))
  end

  it("has commands that print what it shows, to the last figure", function()
    local commands = blocks("sh")
    assert.is_true(#commands >= 1)
    for _, command in ipairs(commands) do
      local arguments = {}
      for word in command.text:gmatch("%S+") do
        arguments[#arguments + 1] = word
      end
      assert.equal("shoal", arguments[1])
      arguments[1] = process.shoal
      local done = process.run(arguments)
      assert.equal("", done.err)
      assert.equal(0, done.code)
      local shown = files.read("docs/testing.md"):match(command.text:gsub("%p", "%%%0") .. "```\n\n```\n(.-)```")
      assert.equal(comparable(done.out), comparable(shown))
    end
  end)
end)
