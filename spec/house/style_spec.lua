--- Habits of this code that no compiler or linter looks after.

local files = require "spec.support.files"

local MAX_LINES = 500 -- past that, a file is two

-- Words that mean unfinished work. Split, so that this file passes too.
local UNFINISHED = { "TO" .. "DO", "FIX" .. "ME", "X" .. "XX", "HA" .. "CK" }

-- C functions whose faults are well known, and what to use instead.
local BANNED = {
  strcpy = "memcpy with a known size", strcat = "snprintf", sprintf = "snprintf",
  vsprintf = "vsnprintf", gets = "fgets", strtok = "strchr", atoi = "strtol", atof = "strtod",
  alloca = "an array or the allocator", rand = "rng.h", srand = "rng.h", system = "nothing",
  tmpnam = "mkstemp", signal = "sigaction", setjmp = "return values", longjmp = "return values",
}

local offenders = files.offenders

describe("the source files", function()
  it("hold no unfinished work", function()
    assert.same({}, offenders("src lua spec examples cmake docs", { "*" }, function(line)
      for _, word in ipairs(UNFINISHED) do
        if line:match("%f[%w_]" .. word .. "%f[^%w_]") then
          return word
        end
      end
    end))
  end)

  it("end their lines cleanly and indent with spaces", function()
    assert.same({}, offenders("src lua spec examples cmake",
      { "*.c", "*.h", "*.lua", "*.cmake", "*.txt" }, function(line)
        return line:match("%s$") and "trailing space" or line:match("\t") and "tab"
      end))
  end)

  it("are short", function()
    local list = {}
    for _, name in ipairs { "*.c", "*.h", "*.lua" } do
      for _, path in ipairs(files.find("src lua examples", name)) do
        local _, lines = files.read(path):gsub("\n", "")
        if lines > MAX_LINES then
          list[#list + 1] = ("%s: %d lines"):format(path, lines)
        end
      end
    end
    assert.same({}, list)
  end)
end)

describe("the C files", function()
  it("begin with their licence", function()
    local list = {}
    for _, name in ipairs { "*.c", "*.h" } do
      for _, path in ipairs(files.find("src spec", name)) do
        if not files.read(path):match("^/%* SPDX%-License%-Identifier: MIT %*/\n") then
          list[#list + 1] = path
        end
      end
    end
    assert.same({}, list)
  end)

  it("leave the dialect of C to the build", function()
    assert.same({}, offenders("src spec bench", { "*.c", "*.h" }, function(line)
      return line:match("^%s*#%s*define%s+_[A-Z]+_SOURCE")
    end))
  end)

  it("avoid functions with well-known faults", function()
    assert.same({}, offenders("src", { "*.c", "*.h" }, function(line)
      for name, instead in pairs(BANNED) do
        if line:match("%f[%w_]" .. name .. "%s*%(") and not line:match("^%s*/?%*") then
          return ("%s: use %s"):format(name, instead)
        end
      end
    end))
  end)
end)

describe("the Lua modules", function()
  it("return a local table and set no global", function()
    -- luacheck finds globals that are set; this finds modules that return none.
    local list = {}
    for _, path in ipairs(files.find("lua", "*.lua")) do
      local source = files.read(path)
      if not source:match("\nreturn ") and not source:match("^%-%-%-@meta") then
        list[#list + 1] = path
      end
    end
    assert.same({}, list)
  end)
end)
