--- What files of this repository need from a system: the Lua modules that they
-- require, the programs that they run, the headers that they include. Files are
-- followed to the files that they name, so a spec needs what its support needs.
--
--   local used = uses.new { gives = function(name) … end, bare = { sh = true } }
--   used:file "examples/demo.lua"
--   used:shell("Makefile, demo", "luajit examples/demo.lua")
--   used.names["lua:dkjson"]        -- "spec/support/node.lua:18", who needs it
--
-- It reads text, not meaning. A program is what stands where a command does, in a
-- string that is handed to what runs it (io.popen, process.run { … }), and in any
-- other string if `gives` knows it. A module is what is required, in code and in
-- strings of code.

local files = require "spec.support.files"

local uses = {}

local Uses = {}
Uses.__index = Uses

-- ---- The strings of a Lua file ----------------------------------------------

-- Where the comment or string at `at` ends, and the text in it.
local function long_bracket(source, at)
  local level = source:match("^%[(=*)%[", at)
  if level then
    local from = at + #level + 2
    local stop = source:find("]" .. level .. "]", from, true) or #source
    return stop + #level + 2, source:sub(from, stop - 1)
  end
end

local function quoted(source, at)
  local quote, from = source:sub(at, at), at + 1
  while true do
    local stop = source:find("[\\" .. quote .. "\n]", from)
    if not stop or source:sub(stop, stop) ~= "\\" then
      stop = stop or #source
      return stop + 1, (source:sub(at + 1, stop - 1):gsub("\\n", " "):gsub("\\(.)", "%1"))
    end
    from = stop + 2
  end
end

--- Calls visit(string, code before it, line) for each.
local function each_string(source, visit)
  local at, code, line = 1, "", 1
  while true do
    local found = source:find("[\"'%[%-]", at)
    if not found then return end
    local before = source:sub(at, found - 1)
    code = (code .. before):sub(-60)
    line = line + select(2, before:gsub("\n", ""))
    local stop, text
    if source:sub(found, found + 1) == "--" then
      stop = long_bracket(source, found + 2) or (source:find("\n", found, true) or #source + 1)
    elseif source:find("^[\"']", found) then
      stop, text = quoted(source, found)
    else
      stop, text = long_bracket(source, found)
    end
    if text then visit(text, code, line) end
    if not stop then
      stop, code = found + 1, code .. source:sub(found, found)
    elseif text then
      code = code .. "''"
    end
    line = line + select(2, source:sub(found, stop - 1):gsub("\n", ""))
    at = stop
  end
end

-- ---- Commands ---------------------------------------------------------------

-- What a shell does itself, or what only stands before a command.
local NONE, BEFORE = {}, {}
for word in ([[: . [ break case cd command continue done echo esac eval exit export false fi for in kill local printf
  pwd read return set shift test trap true type ulimit umask unset wait]]):gmatch "%S+" do
  NONE[word] = true
end
for word in ("! do elif else env exec if nice sudo then time unshare until while"):gmatch "%S+" do
  BEFORE[word] = true
end

-- Options, assignments, and what a format fills in.
local function is_no_command(word)
  return BEFORE[word] or word:match "^[-%%]" or word:match "^[%a_][%w_]*="
end

-- The program of one simple command, or nil.
local function program_of(command)
  for word in command:gsub("%s%-u %S+", " "):gmatch "%S+" do -- env -u NAME
    if not is_no_command(word) then
      return word:match "^%a[%w._+-]*$" and not NONE[word] and word or nil
    end
  end
end

--- The programs that a piece of shell runs, in order.
function uses.programs(text)
  local list = {}
  text = text:gsub("\\\n", " "):gsub("'[^'\n]*'", "''"):gsub('"([^"\n]*)"', function(quoted_text)
    return quoted_text:match "%$%b()" or "''"
  end)
  text = text:gsub("ip netns exec %S+", "ip;")
  for command in text:gmatch "[^;|&(){}`\n]+" do
    list[#list + 1] = program_of(command)
  end
  return list
end

-- Code whose next string is a command line, or the first word of one.
local RUNS = { "popen%s*%(*%s*$", "execute%s*%(*%s*$", "output%s*%(*%s*$", "execp%s*%(%s*$", "%f[%w]must%s*%(*%s*$",
  "%f[%w]run%s*%(+%s*$", "process%.run%s*{%s*$", "process%.start%s*{%s*$", "succeed%s*{%s*$" }

local function is_run(code)
  for _, pattern in ipairs(RUNS) do
    if code:match(pattern) then return true end
  end
end

-- ---- Collecting -------------------------------------------------------------

--- `gives(name)`: does a package give it? `bare`: the programs and modules that need no
-- package.
function uses.new(options)
  return setmetatable({
    names = {},
    -- They name what is looked for.
    seen = { ["spec/support/uses.lua"] = true, ["spec/support/uses_spec.lua"] = true },
    gives = options.gives,
    bare = options.bare,
  }, Uses)
end

function Uses:note(name, where)
  if not self.bare[name] then
    self.names[name] = self.names[name] or where
  end
end

--- The commands in `text`; of unsure ones, those that a package gives.
function Uses:shell(where, text, unsure)
  for _, program in ipairs(uses.programs(text)) do
    if not unsure or self.gives(program) and not program:match "%.h$" then
      self:note(program, where)
    end
  end
end

-- Where our modules are, for programs that run in the root, examples/ or spec/oom/.
local ROOTS = { "", "lua/", "examples/", "spec/oom/" }

-- The file of a module of ours. examples/luv.lua does not require itself.
local function own_module(name, path)
  for _, root in ipairs(ROOTS) do
    for _, tail in ipairs { ".lua", "/init.lua" } do
      local own = root .. name:gsub("%.", "/") .. tail
      if own ~= path and files.exists(own) then return own end
    end
  end
end

function Uses:module(name, path, line)
  local own = own_module(name, path)
  if own then
    self:file(own)
  elseif not name:match "^shoal%.?" then -- in C, or written by a spec
    self:note("lua:" .. name:match "^[^.]+", path .. ":" .. line)
  end
end

-- Files and folders of the repository that a string names: "spec/soak/soak.lua",
-- "bench/%s.lua", "/examples/", "shoal.cli.run".
function Uses:named(text)
  if text:match "^[%w_]+%.[%w_.]+$" and own_module(text) then
    return self:file(own_module(text))
  end
  for path in text:gmatch "%f[%w_][%w_][%w_/.]*%.%l+" do
    if path:match "/.*%.lua$" or path:match "%.sh$" then self:file(path) end
  end
  local folder = text:match "%f[%w_]([%w_/]+)/%%s%.lua" or text:match "^/?(%l[%l/]*)/$"
  if folder and files.exists(folder) then
    for _, path in ipairs(files.find(folder, "*.lua")) do
      if path:match "^(.*)/" == folder then self:file(path) end
    end
  end
end

-- A module that the file writes itself, or that is not meant to be there.
local function is_made_up(name, source)
  return name:match "^no%.such" or source:find(name:gsub("%.", "/") .. ".lua", 1, true)
end

function Uses:lua(path, source)
  each_string(source, function(text, code, line)
    if code:match "require%s*%(?%s*$" or code:match "require%s*,%s*$" then
      return self:module(text, path, line)
    end
    for name in text:gmatch "require%s*%(?%s*[\"']([%a_][%w_.]*)[\"']" do
      if not is_made_up(name, source) then self:module(name, path, line) end
    end
    self:named(text)
    self:shell(path .. ":" .. line, text, not is_run(code))
  end)
  -- The program of the build.
  if source:find("process.shoal", 1, true) then self:file "lua/shoal/cli.lua" end
end

-- Without comments, texts that are written to files, sums, and programs in other languages.
local function bare_script(source)
  return (source:gsub("%f[^%s]#[^\n]*", ""):gsub("<<'?(%u+)'?.-\n%1\n", "\n"):gsub("%$%(%(.-%)%)", "0")
    :gsub('\\"', ""):gsub("(%l)'(%l)", "%1%2"):gsub("'[^']*'", "''"))
end

--- A script for the shell.
function Uses:script(path, source)
  local own, text = {}, bare_script(source)
  for name in text:gmatch "\n%s*([%l_]+)%(%) *{" do
    own[name] = true
  end
  for _, program in ipairs(uses.programs(text)) do
    if not own[program] then self:note(program, path) end
  end
end

--- A file of the repository, and all that it leads to.
function Uses:file(path)
  if self.seen[path] or not files.exists(path) then return end
  self.seen[path] = true
  local source = files.read(path)
  if path:match "%.lua$" then
    self:lua(path, source)
  elseif source:match "^#!/bin/sh\n" then
    self:script(path, source)
  end
end

--- The headers that a C file includes from the system.
function Uses:headers(path)
  for number, line in files.lines(path) do
    local name = line:match "^%s*#%s*include%s*<([^>]+)>"
    if name then self:note(name, ("%s:%d"):format(path, number)) end
  end
end

return uses
