--- A name says where it is defined: functions carry the name of their file, and a struct's name is its own.

local csource = require "spec.support.csource"

-- Functions that begin with no word of their file, their header or their folder, and why.
local EXCEPTIONS = {
  -- Lua looks it up by this name.
  luaopen_shoal_core = "src/script/module.c",
  -- Parts of the engine, declared in engine.h.
  who_from = "src/core/ask.c",
  ahead_begin = "src/core/entry/lookahead.c",
  ahead_next = "src/core/entry/lookahead.c",
  -- The local health of Lifeguard, which only suspicion timeouts depend on.
  health_change = "src/core/suspicion.c",
  health_stretch = "src/core/suspicion.c",
}

--- "resolver" and "scopes" are words of resolve.c and scope.c.
local function stem(word)
  return (word:gsub("rs?$", ""):gsub("s$", ""))
end

local function add_words(set, name)
  for word in name:gmatch("[^_/%.]+") do
    set[stem(word)] = true
  end
end

local function base_name(path)
  return path:match("([^/]+)%.[ch]$")
end

--- The words that a function of the file at `path` may begin with: of the file, of the headers of its folder that
-- declare it (or shoal.h), of the folder.
local function words_for(all, path, name)
  local set, folder = {}, all[path].folder
  add_words(set, base_name(path))
  add_words(set, folder)
  for other, file in pairs(all) do
    if other:match("%.h$") and (file.folder == folder or other == "src/shoal.h") and file.words[name] then
      add_words(set, base_name(other))
    end
  end
  return set
end

describe("the names in the C code", function()
  local all = csource.read()

  it("of functions that other files call begin with a word of their file, header or folder", function()
    local list, unused = {}, {}
    for name in pairs(EXCEPTIONS) do
      unused[name] = true
    end
    for path, file in pairs(all) do
      for name in pairs(file.functions) do
        local is_named = words_for(all, path, name)[stem(name:match("^[^_]+"))]
        if not is_named and EXCEPTIONS[name] == path then
          unused[name] = nil
        elseif not is_named and name ~= "main" then
          list[#list + 1] = path .. ": " .. name .. "()"
        end
      end
    end
    table.sort(list)
    assert.same({}, list)
    assert.same({}, unused)
  end)

  it("of structs, unions and enums are those of one", function()
    local first, list = {}, {}
    for path, file in pairs(all) do
      for kind, name in file.text:gmatch("%f[%w_](%l+)%s+([%a_][%w_]*)%s*{") do
        if kind == "struct" or kind == "union" or kind == "enum" then
          if first[name] then
            list[#list + 1] = ("%s: %s and %s"):format(name, first[name], path)
          end
          first[name] = path
        end
      end
    end
    table.sort(list)
    assert.same({}, list)
  end)
end)
