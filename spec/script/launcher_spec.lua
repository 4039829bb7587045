--- The program of this build: LuaJIT with the engine in it, or a Lua script.

local files = require "spec.support.files"
local shoal = require "shoal"

--- What it prints, and its exit code in the last line.
local function run(arguments)
  local pipe = assert(io.popen(("env -u LD_PRELOAD -u LUA_PATH -u LUA_CPATH '%s/bin/shoal' %s 2>&1; echo $?")
    :format(files.build, arguments)))
  local text = pipe:read "*a"
  pipe:close()
  return text
end

describe("the program", function()
  it("finds its modules without an environment", function()
    local runtime = (jit and jit.version or _VERSION):gsub("%p", "%%%0") -- luacheck: std max
    assert.matches("^shoal " .. shoal._VERSION:gsub("%p", "%%%0") .. " %(" .. runtime .. "%)\n0\n$", run "version")
  end)

  it("answers misuse with a line and the code 2", function()
    assert.matches("^shoal: unknown command 'bogus'[^\n]*\n2\n$", run "bogus")
  end)
end)
