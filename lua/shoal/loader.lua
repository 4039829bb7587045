-- SPDX-License-Identifier: MIT
-- shoal.load(path): a table of handlers from a file, for a program that keeps
-- its nodes' handlers in its own Lua state and changes them with
-- node:set_handlers().
--
-- The file runs in a fresh environment, and so does every Lua module that it
-- requires: they read the program's globals but set none of them, and no module
-- is shared with the program or with an earlier load. C modules, and modules
-- that the program has preloaded, are the program's.
local core = require "shoal.core"

local loader = {}

-- load a chunk with its globals in `env`: 5.1 and LuaJIT set them afterwards.
local function compile(text, name, env)
  if setfenv then -- luacheck: ignore 113
    local chunk, message = loadstring(text, name) -- luacheck: ignore 113
    return chunk and setfenv(chunk, env), message -- luacheck: ignore 113
  end
  return load(text, name, "bt", env)
end

local function read(path)
  local file, message = io.open(path, "rb")
  if not file then return nil, "cannot read " .. message end
  local text, trouble = file:read("*a")
  file:close()
  if not text then return nil, ("cannot read %s: %s"):format(path, trouble) end
  return (text:gsub("^\239\187\191", ""):gsub("^#[^\n]*", ""))
end

-- package.searchpath, which 5.1 lacks.
local function find(name, templates)
  local tried = {}
  local file_name = name:gsub("%.", "/")
  for template in templates:gmatch("[^;]+") do
    local path = template:gsub("%?", (file_name:gsub("%%", "%%%%")))
    local file = io.open(path, "rb")
    if file then
      file:close()
      return path
    end
    tried[#tried + 1] = "\n\tno file '" .. path .. "'"
  end
  return nil, table.concat(tried)
end

local function fresh_environment()
  local env = setmetatable({}, { __index = _G })
  env._G = env
  return env
end

-- A `require` with a cache of its own, which looks into `folder` first.
local function make_require(folder, env)
  local loaded = {}
  local templates = ("%s/?.lua;%s/?/init.lua;"):format(folder, folder)

  local function load_module(name)
    local path, tried = find(name, templates .. package.path)
    if not path then return nil, tried end
    local text = assert(read(path))
    local chunk, message = compile(text, "@" .. path, env)
    if not chunk then
      error(("error loading module '%s' from file '%s':\n\t%s"):format(name, path, message), 0)
    end
    return function() return chunk(name, path) end
  end

  return function(name)
    if loaded[name] ~= nil then return loaded[name] end
    if package.preload[name] then return require(name) end
    local chunk = load_module(name)
    if not chunk then return require(name) end -- a C module, or Lua's own error
    loaded[name] = true
    local value = chunk()
    if value ~= nil then loaded[name] = value end
    return loaded[name]
  end
end

local function run(path)
  local text, trouble = read(path)
  if not text then return nil, trouble end
  local env = fresh_environment()
  env.require = make_require(path:match("^(.*)/[^/]*$") or ".", env)
  local chunk, message = compile(text, "@" .. path, env)
  if not chunk then return nil, message end
  local ok, handlers = pcall(chunk, path)
  if not ok then return nil, tostring(handlers) end
  local fits, complaint = pcall(core.check_handlers, handlers, path:match("[^/]*$"))
  if not fits then return nil, complaint end
  return handlers
end

---@param path string
---@return shoal.Handlers?, string? message, string? code
function loader.load(path)
  if type(path) ~= "string" then error("shoal.load: needs a path, got " .. type(path), 2) end
  local handlers, message = run(path)
  if not handlers then return nil, message, "script" end
  return handlers
end

return loader
