--- .ci/packages lists what each make target needs: for what the Lua files behind it
-- require and run there is a package in the groups that the target installs. So a new
-- `require` without a package fails here, whatever this machine has.

local debian = require "spec.support.debian"
local files = require "spec.support.files"
local markdown = require "spec.support.markdown"
local uses = require "spec.support.uses"

-- What a bare Debian system has: the programs of its essential and required packages,
-- awk (a link to one of them), and what a Lua has.
local BARE, BARE_PROGRAMS = {}, {}
for name in ([[
  apt-cache apt-config apt-get basename bash cat chmod chown chroot cmp cp cut date dd df diff dirname
  dpkg dpkg-query du
  env expr find flock getent grep gzip head hostname id ldd ln ls
  mkdir mkfifo mktemp mount mv nproc od perl readlink
  realpath rm rmdir script sed seq setsid sh sleep sort stat stty tail tar taskset tee timeout touch tr uname uniq
  unshare wc xargs
]]):gmatch "%S+" do
  BARE[name] = true
  BARE_PROGRAMS[#BARE_PROGRAMS + 1] = name
end
for name in ("awk lua:bit lua:ffi lua:jit lua:string lua:table"):gmatch "%S+" do
  BARE[name] = true
end

-- A group of things that these files use when they are there.
local OPTIONAL, OPTIONAL_IN = "peers", "^bench/peers/"

-- ---- The list ---------------------------------------------------------------

local function read_packages()
  local list = {}
  for number, line in files.lines ".ci/packages" do
    if not line:match "^%s*#" and line ~= "" then
      local group, names, gives = line:match "^(%S+)%s+(%S+)%s+(%S.*)$"
      assert(group, (".ci/packages:%d: not a line of three columns"):format(number))
      local entry = { group = group, names = names, gives = {}, where = ".ci/packages:" .. number }
      for name in gives:gmatch "%S+" do
        entry.gives[#entry.gives + 1] = name ~= "-" and name or nil
      end
      list[#list + 1] = entry
    end
  end
  return list
end

local packages = read_packages()

--- Does a package of these groups (of all, without) give it to a file?
local function given(name, groups, path)
  for _, entry in ipairs(packages) do
    local is_there = entry.group == OPTIONAL and path and path:match(OPTIONAL_IN)
    if is_there or entry.group ~= OPTIONAL and (not groups or groups[entry.group]) then
      for _, gift in ipairs(entry.gives) do
        if gift == name then return true end
      end
    end
  end
  return false
end

-- ---- The make targets -------------------------------------------------------

local function targets()
  local list = {}
  for name in files.read("Makefile"):match("\n%.PHONY: ([^\n]*)"):gmatch "%S+" do
    list[#list + 1] = name
  end
  return list
end

--- What make would do, those targets that come first included.
local function commands(target)
  return table.concat(files.output(("cd '%s' && env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL -u ONLY make -n %s")
    :format(files.root, target)), "\n")
end

local function with_scripts(text)
  for path in text:gmatch "%.ci/%l+" do
    text = path == ".ci/deps" and text or text .. "\n" .. files.read(path)
  end
  return text
end

local function groups_in(text)
  local groups = {}
  for words in text:gmatch "%.ci/deps ([^\n]*)" do
    for group in words:gmatch "%S+" do
      groups[group] = true
    end
  end
  return groups
end

local function tests()
  local list = files.find("spec/oom", "*.lua")
  for _, path in ipairs(files.find("spec", "*_spec.lua")) do
    list[#list + 1] = path
  end
  for _, path in ipairs(files.find("spec/support", "helper.lua")) do
    list[#list + 1] = path
  end
  return list
end

--- { name = who needs it } of all that a target's commands and Lua files use.
local function used_by(target, text)
  local used, where = uses.new { gives = given, bare = BARE }, "make " .. target
  used:shell(where, text)
  used:named(text)
  for path in text:gmatch "%.ci/%l+" do
    used:file(path)
  end
  local compiler = text:match "CMAKE_C_COMPILER=(%S+)"
  if compiler then
    used:note(compiler, where)
  end
  if text:match "/usr/bin/busted" then
    used:note("lua:busted", where)
  end
  if text:match "%f[%w]ctest%f[%W]" then
    used:note("lua:busted", where)
    for _, path in ipairs(tests()) do
      used:file(path)
    end
    for _, path in ipairs(files.find("docs/guides", "*.md")) do
      for _, block in ipairs(markdown.blocks(path, "sh")) do
        used:shell(("%s:%d"):format(path, block.line), (block.text:gsub("%f[%w]shoal ", ": ")))
      end
    end
  end
  return used.names
end

local function missing(names, groups)
  local list = {}
  for name, where in pairs(names) do
    if not given(name, groups, where) then
      list[#list + 1] = ("%s, for %s"):format(name, where)
    end
  end
  table.sort(list)
  return list
end

local function headers(folders, bare)
  local used = uses.new { gives = given, bare = bare }
  for _, kind in ipairs { "*.c", "*.h" } do
    for _, path in ipairs(files.find(folders, kind)) do
      used:headers(path)
    end
  end
  return used.names
end

-- Is the program or module among the paths of a package? Headers are often in another
-- one, which it brings.
local function is_among(name, paths)
  local module = name:match "^lua:(.*)"
  local text = table.concat(paths, "\n") .. "\n"
  return name:match "%.h$" or module and text:match("/lua/[%d.]+/" .. module .. "[/.]")
    or text:find("bin/" .. name .. "\n", 1, true)
end

-- ---- The specs --------------------------------------------------------------

describe("the list of packages", function()
  local needed = {} -- by group: what the targets that install it use

  for _, target in ipairs(targets()) do
    it("has all that `make " .. target .. "` requires and runs", function()
      local text = commands(target)
      local groups, names = groups_in(with_scripts(text)), used_by(target, text)
      for group in pairs(groups) do
        needed[group] = needed[group] or {}
        for name in pairs(names) do
          needed[group][name] = true
        end
      end
      assert.same({}, missing(names, groups))
    end)
  end

  it("has all headers that the C files include, beside those of libc and the compiler", function()
    if not debian.is_there() then
      return pending "not a Debian system"
    end
    local systems = debian.system_headers()
    assert.same({}, missing(headers("src bench examples", systems), { build = true }))
    assert.same({}, missing(headers("spec", systems), { build = true, test = true }))
  end)

  it("has no package that nothing uses by the names that it gives", function()
    local included, list = headers("src bench examples spec", {}), {}
    for _, entry in ipairs(packages) do
      local used = #entry.gives == 0 or entry.group == OPTIONAL
      for _, name in ipairs(entry.gives) do
        used = used or included[name] or (needed[entry.group] or {})[name]
      end
      if not used then
        list[#list + 1] = ("%s: %s for %s"):format(entry.where, entry.names, entry.group)
      end
    end
    assert.same({}, list)
  end)

  it("says of those that are installed what they do give", function()
    if not debian.is_there() then
      return pending "not a Debian system"
    end
    local listed, list = {}, {}
    for _, entry in ipairs(packages) do
      for package in entry.names:gmatch "[^|]+" do
        listed[package] = true
      end
    end
    local found = debian.paths(listed)
    for _, entry in ipairs(packages) do
      for package in entry.names:gmatch "[^|]+" do
        for _, name in ipairs(found[package] and entry.gives or {}) do
          if not is_among(name, found[package]) then
            list[#list + 1] = ("%s: %s has no %s"):format(entry.where, package, name)
          end
        end
      end
    end
    assert.same({}, list)
  end)

  it("takes for granted what every Debian system has", function()
    if not debian.is_there() then
      return pending "not a Debian system"
    end
    local required = debian.required_programs()
    for _, name in ipairs(BARE_PROGRAMS) do
      assert.is_true(required[name] or false, name)
    end
  end)

  it("is that of the line in README.md for the rock", function()
    local line = files.read("README.md"):match("\n## Install the rock\n.-\nsudo apt%-get install ([^\n]*\\?\n[^\n]*)")
    for _, entry in ipairs(packages) do
      local is_there = entry.group ~= "build"
      for name in entry.names:gmatch "[^|]+" do
        is_there = is_there or (" " .. line .. " "):find("%s" .. name:gsub("%p", "%%%0") .. "%s")
      end
      assert.is_truthy(is_there, entry.where .. ": " .. entry.names)
    end
  end)
end)

describe("a line that installs packages", function()
  it("never removes one", function()
    local folders = "README.md Makefile CMakeLists.txt .ci bench cmake docs lua rocks spec src"
    assert.same({}, files.offenders(folders, { "*" }, function(line)
      return line:find("apt-get " .. "install", 1, true) and not line:find("--no-remove", 1, true)
    end))
  end)
end)
