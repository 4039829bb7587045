--- The methods and options that the C code has are those that the types describe.

local core = require "shoal.core"
local files = require "spec.support.files"

local function set(text, pattern)
  local names = {}
  for name in text:gmatch(pattern) do names[name] = true end
  return names
end

local function keys(values)
  local names = {}
  for name in pairs(values) do names[name] = true end
  return names
end

local types = files.read "lua/shoal/types.lua"

describe("the types", function()
  it("have the methods of a node", function()
    assert.same(keys(core.methods), set(types .. files.read "lua/shoal/types/act.lua",
      "\nfunction Node:([%w_]+)"))
  end)

  it("have methods that the documents describe", function()
    local text = files.read "docs/handlers.md" .. files.read "docs/embedding.md"
    for name in pairs(core.methods) do
      assert.is_truthy(text:find("[`:]" .. name .. "[`({]") or text:find(" `" .. name .. "`", 1, true), name)
    end
  end)

  it("have the options of shoal.start", function()
    local source = files.read "src/script/node/methods/start_options.c"
    local names = source:match("int start_read_options.-names%[%] = {(.-)NULL}")
    local class = files.read("lua/shoal/types/options.lua"):match("%-%-%-@class shoal%.StartOptions\n(.-)\n\n")
    assert.same(set(names, '"([%w_]+)"'), set(class, "%-%-%-@field ([%w_]+)"))
  end)
end)
