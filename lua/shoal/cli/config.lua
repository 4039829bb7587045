--- The config that `--config`, `--cluster-size` and `--set` make together.

-- luacheck: std max

local core = require("shoal.core")

local config = {}

-- The exit code for a value that is wrong on its face.
local USAGE = 2

local PRESETS = {}
for _, name in ipairs(core.presets) do
  PRESETS[name] = true
end

-- The file sees no globals: it is data in Lua's clothes, not a program. Only
-- text, since crafted bytecode can do what it likes to the process.
local function load_chunk(source, name)
  if setfenv then
    if source:byte() == 27 then
      return nil, name:sub(2) .. ": is bytecode, not Lua text"
    end
    local chunk, message = loadstring(source, name)
    return chunk and setfenv(chunk, {}), message
  end
  return load(source, name, "t", {})
end

local function read_file(path)
  local file, message = io.open(path, "rb")
  if not file then
    return nil, message
  end
  -- a folder can be opened, but not read
  local source, problem = file:read("*a")
  file:close()
  if not source then
    return nil, ("%s: %s"):format(path, problem or "cannot be read")
  end
  return source
end

local function load_file(path)
  local source, message = read_file(path)
  if not source then
    return nil, message
  end
  local chunk
  chunk, message = load_chunk(source, "@" .. path)
  if not chunk then
    return nil, message
  end
  local ok, result = pcall(chunk)
  if not ok then
    return nil, tostring(result)
  end
  if type(result) ~= "table" then
    return nil, ("%s: must return a table, not a %s"):format(path, type(result))
  end
  return result
end

-- A temporary engine checks the fields before anything is bound. It raises an error
-- for a wrong type or name, and adds a field that is out of range to its message, in
-- parentheses.
local function check(fields)
  local identity = core.stock_identity("127.0.0.1:1", 1)
  local ok, engine, message = pcall(core.new, { identity = identity, config = fields })
  if not ok then
    local complaint = tostring(engine):gsub("^.-core%.new: ", "")
    return nil, (complaint:gsub("^option '([%w_]+)': option '([%w_]+)'", "option '%1.%2'"))
  end
  if not engine then
    return nil, message:match("%((config%..*)%)$") or message
  end
  engine:close()
  return fields
end

-- The config that --set changes. A word that is not a preset and does not look like a
-- file name is a mistyped preset.
local function base(name)
  if not name or PRESETS[name] then
    return { preset = name or "lan" }
  end
  local fields, message = load_file(name)
  if not fields and not name:find("[/.]") then
    return nil, ("'%s' is neither a preset (lan, wan, simple, loopback) nor a file"):format(name), USAGE
  end
  if fields then
    fields, message = check(fields)
    message = message and ("%s: %s"):format(name, message)
  end
  return fields, message
end

local function value_of(word)
  if word == "true" or word == "false" then
    return word == "true"
  end
  local is_number = word:find("^[%d%.eE+-]+$")
  return is_number and tonumber(word) or word
end

-- Puts value at "announce.every", say.
local function set(fields, key, value)
  local group, field = key:match("^([^%.]+)%.([^%.]+)$")
  if not group then
    fields[key] = value
    return
  end
  if type(fields[group]) ~= "table" then
    fields[group] = {}
  end
  fields[group][field] = value
end

--- The config for shoal.start.
---@param request { config?: string, cluster_size?: integer, set?: { key: string, value: string }[] }
---@return shoal.Config? config
---@return string? message names the file and line, or the field
---@return integer? code the exit code, when that is not the one of a failure
function config.from(request)
  local fields, message, code = base(request.config)
  if not fields then
    return nil, message, code
  end
  fields.cluster_size = request.cluster_size or fields.cluster_size
  for _, setting in ipairs(request.set or {}) do
    set(fields, setting.key, value_of(setting.value))
  end
  fields, message = check(fields)
  local unknown = message and message:match("^unknown option (.*)$")
  return fields, unknown and "--set: unknown config field " .. unknown or message, not fields and USAGE or nil
end

return config
