-- SPDX-License-Identifier: MIT
-- Misuse is reported where the program's line is, not where the library noticed it.
--
-- What stands between the program and the core (shoal.sim, node:wait) would else be
-- what errors are said to be in: the core names the Lua line that called it.
local core = require "shoal.core"

local blame = {}

local function is_ours(source)
  return source:find "shoal/sim[%w_/]*%.lua$" or source:find "shoal/wait%.lua$" or source:find "shoal/blame%.lua$"
end

-- "service.lua:7: " of the innermost line that is not ours. A tail call leaves no
-- level behind, so they are not counted.
local function position()
  local level = 2
  while true do
    local info = debug.getinfo(level, "Sl")
    if not info then
      return ""
    end
    if info.currentline > 0 and not is_ours(info.short_src) then
      return ("%s:%d: "):format(info.short_src, info.currentline)
    end
    level = level + 1
  end
end

--- Raises what is wrong, as the program's fault.
---@param text string
---@param ... any for string.format
function blame.misuse(text, ...)
  error(position() .. text:format(...), 0)
end

local function settle(ok, ...)
  if ok then
    return ...
  end
  local failure = ...
  if type(failure) ~= "string" then
    error(failure, 0)
  end
  -- without a place: of the core, in a tail call
  local source, text = failure:match "^([^\n:]*):%d+: (.*)$"
  if not source then
    error(position() .. failure, 0)
  end
  error(is_ours(source) and position() .. text or failure, 0)
end

--- The same function, with the faults that it or the core finds in what it was given
--- being those of its caller. Not for what calls functions of the program's: it would
--- take the traceback away.
---@param fn function
---@return function
function blame.shift(fn)
  return function(...)
    return settle(pcall(fn, ...))
  end
end

-- ---- Arguments --------------------------------------------------------------

--- A value as messages show it.
---@param value any
---@return string
function blame.describe(value)
  if type(value) == "string" then
    return #value > 40 and ("'%s...'"):format(value:sub(1, 40)) or ("'%s'"):format(value)
  end
  local is_plain = value == nil or type(value) == "number" or type(value) == "boolean"
  return is_plain and tostring(value) or "a " .. type(value)
end

--- Raises unless it is a time to come: seconds from 0, no more than 10^12.
---@param value any
---@param what string "net:run: seconds"
function blame.check_seconds(value, what)
  if type(value) ~= "number" or not (value >= 0 and value <= 1e12) then
    blame.misuse("%s must be a number of seconds, 0 or more, got %s", what, blame.describe(value))
  end
end

--- Raises unless it can be called.
---@param value any
---@param what string "net:after"
function blame.check_callable(value, what)
  local meta = type(value) == "table" and getmetatable(value)
  if type(value) ~= "function" and not (meta and meta.__call) then
    blame.misuse("%s: needs a function, got %s", what, blame.describe(value))
  end
end

--- Raises unless it is a table with these keys alone, or nil.
---@param value any
---@param what string "net:partition"
---@param names string[]
function blame.check_options(value, what, names)
  if value ~= nil and type(value) ~= "table" then
    blame.misuse("%s: options must be a table, got %s", what, blame.describe(value))
  end
  for key in pairs(value or {}) do
    local known = false
    for _, name in ipairs(names) do
      known = known or key == name
    end
    if not known then
      local near = type(key) == "string" and core.nearest(key, names)
      blame.misuse("%s: unknown option %s%s", what, blame.describe(key),
        near and (" (did you mean '%s'?)"):format(near) or "")
    end
  end
end

return blame
