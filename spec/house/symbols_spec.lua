--- What the built libraries need and show, as the linker sees it: the engine is
-- pure whatever its headers say, and the module shows one function.

local files = require "spec.support.files"

-- libc functions that neither read the world nor change it.
local HARMLESS = {}
for name in ([[
  memchr memcmp memcpy memmove memset strchr strcmp strlen strncmp qsort
  realloc free malloc calloc abort __assert_fail __stack_chk_fail
  log10 log log2 exp pow floor ceil round lround llround
  __memcpy_chk __memmove_chk __memset_chk _GLOBAL_OFFSET_TABLE_
]]):gmatch("%S+") do
  HARMLESS[name] = true
end

--- { { kind = "U", name = "memcpy" }, ... } of nm's report about a file.
local function symbols(arguments, path)
  local list = {}
  for _, line in ipairs(files.output(("nm %s '%s/%s'"):format(arguments, files.build, path))) do
    local kind, name = line:match("%s(%a)%s+(%S+)$")
    if kind then
      list[#list + 1] = { kind = kind, name = name }
    end
  end
  return list
end

local function names(list, wanted)
  local found = {}
  for _, symbol in ipairs(list) do
    if wanted(symbol) then
      found[#found + 1] = symbol.name
    end
  end
  table.sort(found)
  return found
end

local function with_build(path)
  local file = io.open(files.build .. "/" .. path)
  if files.sanitized or not file then
    pending("needs a plain build with " .. path)
    return false
  end
  file:close()
  return true
end

describe("the engine as a library", function()
  it("needs msgpack-c and harmless parts of libc, nothing else", function()
    if not with_build("libshoal.a") then return end
    local all = symbols("-g", "libshoal.a")
    local own = {}
    for _, symbol in ipairs(all) do
      own[symbol.name] = own[symbol.name] or symbol.kind ~= "U"
    end
    assert.same({}, names(all, function(symbol)
      return not own[symbol.name] and not HARMLESS[symbol.name]
        and not symbol.name:match("^msgpack_")
    end))
  end)

  it("keeps nothing in global variables", function()
    if not with_build("libshoal.a") then return end
    local variables = {}
    for _, line in ipairs(files.output(("nm --format=sysv '%s/libshoal.a'"):format(files.build))) do
      local name, section = line:match("^(%S+)%s*|.*|(%S+)$")
      -- .data.rel.ro is constants that hold addresses.
      if section and (section:match("^%.bss") or section:match("^%.data") and not section:match("^%.data%.rel%.ro")
          or section == "*COM*") then
        variables[#variables + 1] = name
      end
    end
    assert.same({}, variables)
  end)

  it("gives every name it shares a prefix of its own", function()
    if not with_build("libshoal.a") then return end
    assert.same({}, names(symbols("-g --defined-only", "libshoal.a"), function(symbol)
      return not symbol.name:match("^%l+_%l")
    end))
  end)
end)

describe("the Lua module", function()
  local path = ("lib/lua/%s/shoal/core.so"):format(_VERSION:match("%d%.%d"))

  it("shows luaopen_shoal_core and nothing else", function()
    if not with_build(path) then return end
    assert.same({ "luaopen_shoal_core" },
      names(symbols("-D --defined-only", path), function(symbol)
        return symbol.kind:match("%u")
      end))
  end)

  it("links no Lua of its own", function()
    if not with_build(path) then return end
    local linked = table.concat(files.output(("ldd '%s/%s'"):format(files.build, path)), "\n")
    assert.is_nil(linked:match("liblua[^\n]*"))
  end)
end)
