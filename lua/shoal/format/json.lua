--- Writes JSON.
--
-- A writer of our own, because what it writes comes from the network:
--   - keys are sorted, so that the same value is the same text
--   - integers are written whole (tostring() would print a bump as 1.76e+15)
--   - what is an array does not depend on a field named "n", as with dkjson,
--     where `{"n": 1e9}` in an identity would print a thousand million nulls
--   - a string that is not UTF-8 is still valid JSON: each of its bytes becomes
--     the code point of that number (so "\xff" is "ÿ"), and can be taken back

local text = require("shoal.format.text")

local json = {}

local ESCAPES = {
  ['"'] = '\\"',
  ["\\"] = "\\\\",
  ["\b"] = "\\b",
  ["\f"] = "\\f",
  ["\n"] = "\\n",
  ["\r"] = "\\r",
  ["\t"] = "\\t",
}

local function escape_byte(c)
  return ESCAPES[c] or ("\\u%04x"):format(c:byte())
end

local function encode_string(s)
  -- %z is how Lua 5.1 spells the zero byte, %c covers it elsewhere
  local special = text.is_utf8(s) and '[%z%c"\\\127]' or '[%z%c"\\\127-\255]'
  return '"' .. s:gsub(special, escape_byte) .. '"'
end

local function encode_number(n)
  if n ~= n or n == math.huge or n == -math.huge then
    return "null"
  end
  if n == math.floor(n) and n > -2 ^ 63 and n < 2 ^ 63 then
    return ("%.0f"):format(n)
  end
  for precision = 14, 16 do
    local digits = ("%." .. precision .. "g"):format(n)
    if tonumber(digits) == n then
      return digits
    end
  end
  return ("%.17g"):format(n)
end

local encode

local function encode_array(array)
  local parts = {}
  for i, item in ipairs(array) do
    parts[i] = encode(item)
  end
  return "[" .. table.concat(parts, ",") .. "]"
end

local function encode_object(object, order)
  local parts, done = {}, {}
  local function add(key)
    if object[key] ~= nil and not done[key] then
      done[key] = true
      parts[#parts + 1] = encode_string(tostring(key)) .. ":" .. encode(object[key])
    end
  end
  for _, key in ipairs(order or {}) do
    add(key)
  end
  for _, key in ipairs(text.sorted_keys(object)) do
    add(key)
  end
  return "{" .. table.concat(parts, ",") .. "}"
end

function encode(value)
  local kind = type(value)
  if kind == "string" then
    return encode_string(value)
  elseif kind == "number" then
    return encode_number(value)
  elseif kind == "table" then
    return (text.is_array(value) and encode_array or encode_object)(value)
  end
  return value == nil and "null" or tostring(value)
end

--- `value` as one line of JSON: nil, booleans, numbers, strings and tables of these.
---@param value any
---@return string
json.encode = encode

--- A table as an object (also when it is empty), with the keys in `order` first.
---@param value table
---@param order? string[]
---@return string
json.encode_object = encode_object

--- In which order the fields of a member are written.
json.MEMBER = { "addr", "state", "reason", "incarnation", "since", "last_seen", "rtt", "tags", "id" }

--- A list of tables as an array of objects, each on a line of its own.
---@param list table[]
---@param order? string[]
---@return string
function json.encode_objects(list, order)
  local objects = {}
  for i, object in ipairs(list) do
    objects[i] = encode_object(object, order)
  end
  return "[" .. table.concat(objects, ",\n ") .. "]\n"
end

return json
