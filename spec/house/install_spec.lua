--- An installed tree works from wherever it is, without the source or the build.

local files = require "spec.support.files"
local process = require "spec.support.process"

local version = files.read("CMakeLists.txt"):match("project%(shoal VERSION ([%d.]+)")

local function installed()
  local prefix = process.tempdir()
  local done = process.run { "cmake", "--install", process.build, "--prefix", prefix, seconds = 60 }
  assert.equal(0, done.code, done.err)
  return prefix
end

-- No variable that leads to the source tree.
local function run(prefix, ...)
  local options = { prefix .. "/bin/shoal", ... }
  options.cwd = "/"
  options.env = { LUA_PATH = false, LUA_CPATH = false }
  return process.run(options)
end

describe("an installed tree", function()
  after_each(process.cleanup)

  it("has a program that finds its own files", function()
    local prefix = installed()
    local script = process.write(prefix .. "/script.lua", "return {}\n")
    for _, arguments in ipairs { { "version" }, { "check", script }, { "run", "--help" } } do
      local done = run(prefix, arguments[1], arguments[2])
      assert.equal(0, done.code, done.err)
    end
    assert.equal(version, run(prefix, "version").out:match("^shoal (%S+) "))
    assert.is_truthy(process.read(prefix .. "/share/man/man1/shoal.1"):find("shoal " .. version, 1, true))
  end)

  it("holds every Lua file, the module, the header and the library", function()
    local prefix = installed()
    for _, path in ipairs(files.find("lua", "*.lua")) do
      assert.is_string(process.read(prefix .. "/share/" .. path:gsub("^lua/", "lua/5.1/")), path)
    end
    assert.is_string(process.read(prefix .. "/lib/lua/5.1/shoal/core.so"))
    for _, name in ipairs { "shoal.h", "shoal_config.h", "shoal_handlers.h", "shoal_tables.h", "shoal_types.h" } do
      assert.equal(files.read("src/" .. name), process.read(prefix .. "/include/" .. name))
    end
    assert.equal(1, #files.output(("find '%s' -name libshoal.a"):format(prefix)))
  end)

  it("gives the module to a plain interpreter", function()
    local prefix = installed()
    local done = process.run {
      "luajit", "-e", "print(require('shoal')._VERSION)", cwd = "/",
      env = {
        LUA_CPATH = prefix .. "/lib/lua/5.1/?.so",
        LUA_PATH = prefix .. "/share/lua/5.1/?.lua;" .. prefix .. "/share/lua/5.1/?/init.lua",
        LD_PRELOAD = process.preload,
      },
    }
    assert.equal(0, done.code, done.err)
    assert.equal(version .. "\n", done.out)
  end)
end)
