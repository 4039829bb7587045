--- What was typed, read: functions that get a word of the command line and return what it
-- means, or nil and what is wrong with it.

local core = require("shoal.core")
local text = require("shoal.format.text")

local typed = {}

function typed.split_setting(argument)
  local key, value = argument:match("^([%w_%.]+)=(.+)$")
  if not key then
    return nil, ("argument for option '--set' must be KEY=VALUE, not '%s'"):format(argument)
  end
  return { key = key, value = value }
end

-- What was typed, unless that is a screenful.
function typed.quote(argument)
  return #argument <= 80 and ("'%s'"):format(argument) or ("%d bytes"):format(#argument)
end

-- A number that is written as we would write it, true or false is one; anything else
-- is text: 1.10 and 007 mean something.
function typed.tag_value(word)
  if word == "true" or word == "false" then
    return word == "true"
  end
  local number = word:match("^%-?%d+%.?%d*$") and tonumber(word)
  return number and text.number(number) == word and number or word
end

function typed.tag(argument)
  local name, value = argument:match("^([^=]+)=(.*)$")
  if not name or #name > 64 then
    return nil, ("a tag must be KEY=VALUE, with a KEY of 1 to 64 bytes, not %s"):format(typed.quote(argument))
  end
  return { name = name, value = typed.tag_value(value) }
end

--- Several tags, as a map.
---@param list { name: string, value: any }[]
---@return table<string, any>
function typed.map(list)
  local map = {}
  for _, tag in ipairs(list) do
    map[tag.name] = tag.value
  end
  return map
end

-- KEY=VALUE, or KEY alone: whatever its value is.
function typed.tag_filter(argument)
  if argument == "" or argument:find("^=") then
    return nil, "argument for option '--tag' must be KEY or KEY=VALUE"
  end
  return argument:find("=", 1, true) and typed.tag(argument) or { name = argument }
end

-- An empty variable in somebody's unit file must not lead into the cluster without
-- a label.
function typed.cluster_label(argument)
  if #argument < 1 or #argument > 64 then
    return nil, ("argument for option '--cluster' must have 1 to 64 bytes, not %d"):format(#argument)
  end
  return argument
end

function typed.number(option, low, high, whole)
  return function(argument)
    local n = argument:match("^[%d%.]+$") and tonumber(argument)
    if not n or n < low or n > high or (whole and n % 1 ~= 0) then
      local range = whole and "whole number from %.0f to %.0f" or "number from %.14g to %.14g"
      return nil, ("argument for option '%s' must be a " .. range .. ", not '%s'"):format(option, low, high, argument)
    end
    return n
  end
end

-- A mode as chmod takes it: of reading and writing, and the owner may do both.
function typed.mode(option)
  return function(argument)
    local mode = argument:match("^0?[0-7][0-7][0-7]$") and tonumber(argument, 8)
    local digits = argument:sub(-3)
    if not mode or digits:sub(1, 1) ~= "6" or digits:find("[^0246]") then
      return nil, ("argument for option '%s' must be a mode such as 0600 or 0660, not %s")
        :format(option, typed.quote(argument))
    end
    return mode
  end
end

function typed.filled(option)
  return function(argument)
    if argument == "" then
      return nil, ("argument for option '%s' must not be empty"):format(option)
    end
    return argument
  end
end

function typed.latency(argument)
  local low, high = argument:match("^([%d%.]+)%-?([%d%.]*)$")
  low, high = tonumber(low), tonumber(high == "" and low or high)
  if not low or not high or low > high then
    return nil, ("argument for option '--latency' must be seconds, or from-to, not '%s'"):format(argument)
  end
  return { low, high }
end

-- A file name for the control socket, so nothing that could leave its folder.
function typed.node_name(argument)
  if #argument > 64 or not argument:find("^[%w_%-][%w_%-%.]*$") then
    return nil,
      ("argument for option '--name' must be at most 64 letters, digits, '-', '_' or '.', and not begin with a '.'; "
        .. "not %s"):format(typed.quote(argument))
  end
  return argument
end

-- An endpoint is checked as it is read: what its host is comes later.
function typed.endpoint(label)
  return function(argument)
    local ok, message = core.check_endpoint(argument)
    if not ok then
      return nil, label:format(argument) .. message
    end
    return argument
  end
end

function typed.seed(argument)
  local ok, message = typed.endpoint("cannot join %s: ")(argument)
  if ok and argument:find(":0$") then
    return nil, ("cannot join %s: the port must not be 0"):format(argument)
  end
  return ok, message
end

-- FILE:COUNT
function typed.role(argument)
  local path, count = argument:match("^(.+):(%d+)$")
  count = tonumber(count)
  if not count or count < 1 or count > 10000 then
    return nil, ("argument for option '--role' must be FILE:COUNT, with 1 to 10000 members, not %s"):format(
      typed.quote(argument))
  end
  return { script = path, count = count }
end

function typed.broadcast_data(argument)
  if argument == "" then
    return nil, "a broadcast must not be empty"
  end
  return argument
end

function typed.name_of(what)
  return function(argument)
    if #argument < 1 or #argument > 64 then
      return nil, ("the name of a %s has 1 to 64 bytes"):format(what)
    end
    return argument
  end
end

--- Arguments of a script: NAME=VALUE is a field of that name, other words are in their order.
---@param words string[]
---@return table
function typed.arguments(words)
  local args, place = {}, 0
  for _, word in ipairs(words) do
    local name, value = word:match("^([%a_][%w_-]*)=(.*)$")
    if not name then
      place = place + 1
    end
    args[name or place] = typed.tag_value(value or word)
  end
  return args
end

-- DATA is looked for in packets, so there must be some.
function typed.publication(argument)
  local topic, data = argument:match("^([^=]+)=(.+)$")
  if not topic or #topic > 64 then
    return nil, ("argument for option '--publish' must be TOPIC=DATA, with a TOPIC of 1 to 64 bytes, not %s"):format(
      typed.quote(argument))
  end
  return { topic = topic, data = data }
end

return typed
