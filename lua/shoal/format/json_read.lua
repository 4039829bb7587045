--- Reads JSON (RFC 8259), of which a client's request is a line.
--
-- Objects and arrays become tables, null becomes nil (an array that has one in it is
-- as long as its last element). A \u escape becomes UTF-8; one that is half of a pair
-- becomes U+FFFD.

local json_read = {}

local MAX_DEPTH = 32

local ESCAPES = { b = "\b", f = "\f", n = "\n", r = "\r", t = "\t", ['"'] = '"', ["\\"] = "\\", ["/"] = "/" }
local WORDS = { ["true"] = true, ["false"] = false }

local function fail(at, what)
  error({ message = ("%s at byte %d"):format(what, at) }, 0)
end

local function skip(s, at)
  return s:find("[^ \t\r\n]", at) or #s + 1
end

local function utf8(code)
  local floor, char = math.floor, string.char
  if code < 0x80 then
    return char(code)
  elseif code < 0x800 then
    return char(0xC0 + floor(code / 64), 0x80 + code % 64)
  elseif code < 0x10000 then
    return char(0xE0 + floor(code / 4096), 0x80 + floor(code / 64) % 64, 0x80 + code % 64)
  end
  return char(0xF0 + floor(code / 262144), 0x80 + floor(code / 4096) % 64, 0x80 + floor(code / 64) % 64,
    0x80 + code % 64)
end

-- The character, and where what follows it begins.
local function read_unicode(s, at)
  local code = tonumber(s:match("^%x%x%x%x", at) or fail(at, "no four hexadecimal digits"), 16)
  if code < 0xD800 or code > 0xDFFF then
    return utf8(code), at + 4
  end
  local low = code < 0xDC00 and tonumber(s:match("^\\u(%x%x%x%x)", at + 4) or "0", 16) or 0
  if low < 0xDC00 or low > 0xDFFF then
    return "\239\191\189", at + 4
  end
  return utf8(0x10000 + (code - 0xD800) * 1024 + low - 0xDC00), at + 10
end

local function read_string(s, at)
  local parts = {}
  while true do
    local stop = s:find('["\\%c]', at)
    if not stop then
      fail(#s + 1, "the string does not end")
    end
    parts[#parts + 1] = s:sub(at, stop - 1)
    local c = s:sub(stop, stop)
    if c == '"' then
      return table.concat(parts), stop + 1
    elseif c ~= "\\" then
      fail(stop, "a control character in a string")
    end
    local escape = s:sub(stop + 1, stop + 1)
    if escape == "u" then
      parts[#parts + 1], at = read_unicode(s, stop + 2)
    else
      parts[#parts + 1] = ESCAPES[escape] or fail(stop, "an unknown escape")
      at = stop + 2
    end
  end
end

local function read_number(s, at)
  local digits = s:match("^%-?%d+%.?%d*[eE]?[+-]?%d*", at)
  local number = digits and not digits:find("^%-?0%d") and tonumber(digits)
  if not number then
    fail(at, "not a value")
  end
  return number, at + #digits
end

local read_value

local function read_array(s, at, depth)
  local array, count = {}, 0
  at = skip(s, at)
  if s:sub(at, at) == "]" then
    return array, at + 1
  end
  while true do
    count = count + 1
    array[count], at = read_value(s, at, depth)
    at = skip(s, at)
    local c = s:sub(at, at)
    if c == "]" then
      return array, at + 1
    elseif c ~= "," then
      fail(at, "no , or ]")
    end
    at = at + 1
  end
end

local function read_object(s, at, depth)
  local object = {}
  at = skip(s, at)
  if s:sub(at, at) == "}" then
    return object, at + 1
  end
  while true do
    at = skip(s, at)
    if s:sub(at, at) ~= '"' then
      fail(at, "no name")
    end
    local name
    name, at = read_string(s, at + 1)
    at = skip(s, at)
    if s:sub(at, at) ~= ":" then
      fail(at, "no :")
    end
    object[name], at = read_value(s, at + 1, depth)
    at = skip(s, at)
    local c = s:sub(at, at)
    if c == "}" then
      return object, at + 1
    elseif c ~= "," then
      fail(at, "no , or }")
    end
    at = at + 1
  end
end

function read_value(s, at, depth)
  at = skip(s, at)
  local c = s:sub(at, at)
  if depth > MAX_DEPTH then
    fail(at, "nested too deep")
  elseif c == '"' then
    return read_string(s, at + 1)
  elseif c == "{" then
    return read_object(s, at + 1, depth + 1)
  elseif c == "[" then
    return read_array(s, at + 1, depth + 1)
  end
  local word = s:match("^%l+", at)
  if word == "null" then
    return nil, at + 4
  elseif word and WORDS[word] ~= nil then
    return WORDS[word], at + #word
  end
  return read_number(s, at)
end

local function read(s)
  local value, at = read_value(s, 1, 0)
  at = skip(s, at)
  if at <= #s then
    fail(at, "more than one value")
  end
  return value
end

--- The value that `s` is; or nil and what is wrong with it.
---@param s string
---@return any value, string? message
function json_read.decode(s)
  local ok, value = pcall(read, s)
  if ok then
    return value
  elseif type(value) == "table" and value.message then
    return nil, value.message
  end
  error(value, 0)
end

return json_read
