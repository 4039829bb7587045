--- Nothing points up: cli -> script -> control -> lua, host | sim -> seal, core -> wire -> base.

local csource = require "spec.support.csource"
local files = require "spec.support.files"

-- Which other folders below src/ a folder may include.
local MAY_INCLUDE = {
  base = "",
  wire = "base",
  ["core/table"] = "base wire", -- what an engine keeps, which knows no engine
  ["core/records"] = "base core/table",
  core = "base wire core/records core/table",
  ["core/entry"] = "wire core core/records core/table",
  ["core/delivery"] = "wire core core/records core/table",
  seal = "base",
  disk = "base",
  host = "base seal wire",
  ["host/act"] = "base host",
  ["host/watch"] = "base host",
  sim = "base seal",
  lua = "base wire",
  control = "base wire lua host", -- of the host: what its loop is
  web = "base control host lua",
  dns = "base control host lua",
  ["script/engine"] = "base wire lua",
  ["script/reload"] = "base lua script/engine",
  ["script/node"] = "base disk host host/act host/watch lua seal script/engine script/reload",
  ["script/node/act"] = "base host/act lua script/engine script/node script/reload",
  ["script/node/methods"] = "base host lua seal script/engine script/node script/node/act script/reload",
  ["script/sim"] = "base host host/act sim lua script/node script/node/methods",
  script = "base dns host lua seal control web script/engine script/reload script/node script/node/methods script/sim",
  cli = "base",
}
-- How many .c files of a folder may be in a ring of calls: a file uses a
-- function of another one, which uses one of ... the first. Less is better: a
-- ring is read as one file. 1 for the folders that are not named.
local LARGEST_RING = {
  core = 7,
  ["core/delivery"] = 6,
  ["core/table"] = 2,
  host = 11,
  ["host/act"] = 3,
  control = 3,
  web = 4,
  sim = 8,
  lua = 2,
  ["script/node"] = 5,
  ["script/sim"] = 2,
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

  it("include all that they may", function()
    local unused = {}
    for folder, others in pairs(MAY_INCLUDE) do
      for other in pairs(others) do
        unused[folder .. " includes " .. other] = true
      end
    end
    for _, include in ipairs(includes()) do
      unused[(include.folder or "") .. " includes " .. (include.other or "")] = nil
    end
    assert.same({}, unused)
  end)

  it("form no ring", function()
    local graph = {}
    for _, include in ipairs(includes()) do
      if include.folder and include.other and include.other ~= include.folder then
        graph[include.folder] = graph[include.folder] or {}
        graph[include.folder][include.other] = true
      end
    end
    assert.same({}, csource.cycles(graph))
  end)

  it("keep clock, sockets, files and Lua out of the engine", function()
    assert.same({}, offenders(function(include)
      return (include.folder == "wire" or include.folder:match("^core")) and include.system
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

describe("the files of a folder", function()
  it("call each other in rings no larger than those that are known", function()
    local list = {}
    for folder, graph in pairs(csource.calls(csource.read())) do
      local largest = csource.cycles(graph)[1] or { folder }
      local known = LARGEST_RING[folder] or 1
      if #largest > known then
        list[#list + 1] = ("%s: %d files in a ring: %s"):format(folder, #largest,
          table.concat(largest, " "))
      elseif #largest < known then
        list[#list + 1] = ("%s: the largest ring has %d files: say so here"):format(folder, #largest)
      end
    end
    assert.same({}, list)
  end)
end)

describe("the Lua files", function()
  it("leave the command line to the command line", function()
    assert.same({}, files.offenders("lua", { "*.lua" }, function(line, path)
      local module = line:match("require%s*%(?%s*[\"']([%w_%.]+)[\"']")
      return module and not path:match("^lua/shoal/cli")
        and (module:match("^shoal%.cli") or module == "argparse")
    end))
  end)

  it("write values without knowing who is served, or what a service is", function()
    assert.same({}, files.offenders("lua", { "*.lua" }, function(line, path)
      local module = line:match("require%s*%(?%s*[\"']([%w_%.]+)[\"']")
      return module and path:match("^lua/shoal/format/")
        and not (module:match("^shoal%.format") or module == "shoal.core")
    end))
  end)

  it("need nothing of the specs or the examples", function()
    assert.same({}, files.offenders("lua", { "*.lua" }, function(line)
      return line:match("require%s*%(?%s*[\"']spec%.") or line:match("require%s*%(?%s*[\"']examples%.")
    end))
  end)
end)
