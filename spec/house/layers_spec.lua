--- Nothing points up: cli -> script -> control -> lua -> host | sim -> core -> wire -> base.

local files = require "spec.support.files"

-- Which other folders below src/ a folder may include. Core and wire are one
-- library: the codec implements an interface of the public header, and the
-- engine's checks are the wire's.
local MAY_INCLUDE = {
  base = "",
  wire = "base",
  core = "base wire",
  host = "base core wire",
  sim = "base core wire",
  lua = "base wire host",
  control = "base wire host lua",
  ["script/engine"] = "base wire lua",
  -- A node has versions, and a version calls its node: these two are one still.
  -- reload includes script for luaopen_shoal_core().
  ["script/node"] = "base wire host lua script/engine script/reload",
  ["script/reload"] = "base wire host lua script/engine script/node script",
  ["script/sim"] = "base wire host sim lua script/engine script/node",
  script = "base wire host sim lua control script/engine script/node script/reload script/sim",
  cli = "base script",
}
for folder, others in pairs(MAY_INCLUDE) do
  MAY_INCLUDE[folder] = {}
  for other in others:gmatch("%S+") do
    MAY_INCLUDE[folder][other] = true
  end
end

-- What the engine may know of the world: nothing that has a clock, a file or a
-- socket in it.
local PURE = {}
for name in ("assert inttypes limits math msgpack stdarg stdbool stddef stdint stdlib string"):gmatch("%S+") do
  PURE[name .. ".h"] = true
end
PURE["sanitizer/asan_interface.h"] = true -- macros, to mark memory that may not be touched

--- The folder below src/ that an include of a file in `folder` leads to.
local function target(folder, own)
  local path = folder .. "/" .. own
  local count
  repeat
    path, count = path:gsub("[^/]+/%.%./", "", 1)
  until count == 0
  return path:match("^(.*)/[^/]+$")
end

local function includes()
  local found = {}
  for _, name in ipairs { "*.c", "*.h" } do
    for _, path in ipairs(files.find("src", name)) do
      for number, line in files.lines(path) do
        local system, own = line:match("^%s*#%s*include%s*<([^>]+)>"), line:match('^%s*#%s*include%s*"([^"]+)"')
        local folder = path:match("^src/(.+)/[^/]+$")
        if system or own then
          found[#found + 1] = {
            where = ("%s:%d includes %s"):format(path, number, system or own),
            folder = folder,
            system = system,
            other = own and folder and target(folder, own),
            own = own,
          }
        end
      end
    end
  end
  return found
end

local function offenders(is_offence)
  local list = {}
  for _, include in ipairs(includes()) do
    if include.folder and is_offence(include) then
      list[#list + 1] = include.where
    end
  end
  return list
end

describe("the layers of the C code", function()
  it("never include what is above them", function()
    assert.same({}, offenders(function(include)
      return include.other and include.other ~= include.folder
        and not assert(MAY_INCLUDE[include.folder], include.where)[include.other]
    end))
  end)

  it("keep clock, sockets, files and Lua out of the engine", function()
    assert.same({}, offenders(function(include)
      return (include.folder == "core" or include.folder == "wire") and include.system
        and not PURE[include.system:gsub("^msgpack/.*", "msgpack.h")]
    end))
  end)

  it("keep Lua out of what is below the scripts", function()
    local below = { base = true, host = true, sim = true }
    assert.same({}, offenders(function(include)
      return below[include.folder] and include.system and include.system:match("^lua")
    end))
  end)

  it("keep libev out of the simulator and the base", function()
    assert.same({}, offenders(function(include)
      return (include.folder == "sim" or include.folder == "base")
        and (include.system == "ev.h" or include.other == "host")
    end))
  end)

  it("never include a source file", function()
    assert.same({}, offenders(function(include)
      return include.own and include.own:match("%.c$")
    end))
  end)
end)

describe("the Lua files", function()
  it("leave the command line to the command line", function()
    local list = {}
    for _, path in ipairs(files.find("lua", "*.lua")) do
      local is_cli = path:match("^lua/shoal/cli")
      for number, line in files.lines(path) do
        local module = line:match("require%s*%(?%s*[\"']([%w_%.]+)[\"']")
        if module and not is_cli and (module:match("^shoal%.cli") or module == "argparse") then
          list[#list + 1] = ("%s:%d requires %s"):format(path, number, module)
        end
      end
    end
    assert.same({}, list)
  end)

  it("need nothing of the specs or the examples", function()
    local list = {}
    for _, path in ipairs(files.find("lua", "*.lua")) do
      for number, line in files.lines(path) do
        if line:match("require%s*%(?%s*[\"']spec%.") or line:match("require%s*%(?%s*[\"']examples%.") then
          list[#list + 1] = ("%s:%d"):format(path, number)
        end
      end
    end
    assert.same({}, list)
  end)
end)
