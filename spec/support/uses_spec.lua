--- What is read out of a Lua file, a command line and a C file.

local files = require "spec.support.files"
local uses = require "spec.support.uses"

local GIVEN = { git = true, nft = true, ip = true, ["lua:socket"] = true }

local function new()
  return uses.new { gives = function(name) return GIVEN[name] end, bare = { ls = true, ["lua:ffi"] = true } }
end

local function names_of(source)
  local used, list = new(), {}
  used:lua("x.lua", source)
  for name in pairs(used.names) do list[#list + 1] = name end
  table.sort(list)
  return list
end

describe("the modules that a Lua file needs", function()
  it("are those that it requires, by their first name", function()
    assert.same({ "lua:cjson", "lua:posix", "lua:socket" }, names_of [[
      local socket = require "socket"
      local unistd, wait = require("posix.unistd"), require ( 'posix.sys.wait' )
      local ok, json = pcall(require, "cjson")
    ]])
  end)

  it("are those of the programs in its strings", function()
    assert.same({ "lua:luv", "lua:socket" }, names_of [==[
      write("a.lua", "local s = require('socket')\n")
      write("b.lua", [[ local uv = require "luv" ]])
    ]==])
  end)

  it("are none that Lua has, that are ours, that it writes itself, or that is not to be there", function()
    assert.same({}, names_of [[
      local ffi, core, shoal = require "ffi", require "shoal.core", require "shoal"
      write(folder .. "/part.lua", "return {}")
      write("main.lua", "require 'part' require 'no.such.module'")
    ]])
  end)

  it("are not in comments", function()
    assert.same({}, names_of "-- require 'socket'\n--[[ require 'luv'\n]] local a = b[1] - c[2] --require 'x'")
  end)
end)

describe("the programs that a Lua file needs", function()
  it("are all that it runs", function()
    assert.same({ "git", "jq", "xz" }, names_of [[
      io.popen("cd '%s' && git log | jq . ; ls"):read "*a"
      process.run { "xz", "-d", path }
    ]])
  end)

  it("are those that a package gives, in any other string", function()
    assert.same({ "git", "ip", "nft" }, names_of [[
      must("ip netns exec %s nft 'add table; jq'", name)
      local command = { "git", "init" }
      it("xz is not run here", "jq .")
    ]])
  end)

  it("are not what the shell does itself, or what is in quotes", function()
    assert.same({}, names_of [[
      os.execute("if [ -e a ]; then cd a; else echo 'x; jq' \"y; jq\"; fi")
      os.execute("A=1 env -u B %s/program --option")
    ]])
  end)
end)

describe("the files that a Lua file leads to", function()
  local function needs_posix(source)
    local used = new()
    used:lua("x.lua", source)
    return used.names["lua:posix"]
  end

  it("are those that it requires", function()
    assert.matches("^spec/support/process.lua:%d+$", needs_posix "local process = require 'spec.support.process'")
  end)

  it("are those that it names", function()
    for _, name in ipairs { "'luajit examples/demo.lua'", "'luajit bench/%s.lua'", "'shoal.cli.run', '/bench/'" } do
      assert.is_string(needs_posix("local what = " .. name), name)
    end
  end)

  it("are not others", function()
    assert.is_nil(needs_posix "local what = { 'bench/driver.lua', 'spec', 'demo' }")
  end)
end)

describe("a string of a Lua file", function()
  it("has its line", function()
    local used = new()
    used:lua("x.lua", "local a = [[\n\n]] --[[\n]]\nlocal b = '\\'' .. require 'socket'")
    assert.equal("x.lua:5", used.names["lua:socket"])
  end)

  it("is found in every file of ours, to the end", function()
    for _, path in ipairs(files.find("lua spec bench examples", "*.lua")) do
      local used = new()
      setmetatable(used.seen, { __index = function() return true end }) -- no others
      used:lua(path, files.read(path) .. "\nlocal last = require 'the_end'\n")
      assert.is_string(used.names["lua:the_end"], path)
    end
  end)
end)
