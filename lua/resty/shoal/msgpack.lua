-- SPDX-License-Identifier: MIT
--- MessagePack in LuaJIT: as much of it as the sockets of shoal speak.
--
-- `pack` is canonical, as that of shoal: the shortest form, keys of maps in the order of
-- their bytes. A reader takes values out of a stream, and asks for more bytes when it
-- needs them.

local bit = require "bit"
local ffi = require "ffi"

local msgpack = {}

local byte, char, sub = string.byte, string.char, string.sub
local floor = math.floor
local band, rshift = bit.band, bit.rshift

local MAX_DEPTH = 64
-- More than this of a text is no message of shoal's.
local MAX_TEXT = 2 ^ 26

local number = ffi.new "union { double value; uint8_t bytes[8]; float single; }"
local is_little = ffi.abi "le"

-- ---- Packing ----

-- `count` bytes of a whole number, the highest first.
local function big_endian(value, count)
  local bytes = {}
  for i = count, 1, -1 do
    bytes[i] = char(value % 256)
    value = floor(value / 256)
  end
  return table.concat(bytes)
end

local function pack_whole(value)
  if value >= 0 then
    if value < 128 then return char(value) end
    if value < 2 ^ 8 then return "\204" .. char(value) end
    if value < 2 ^ 16 then return "\205" .. big_endian(value, 2) end
    if value < 2 ^ 32 then return "\206" .. big_endian(value, 4) end
    return "\207" .. big_endian(value, 8)
  end
  if value >= -32 then return char(value + 256) end
  if value >= -2 ^ 7 then return "\208" .. char(value + 2 ^ 8) end
  if value >= -2 ^ 15 then return "\209" .. big_endian(value + 2 ^ 16, 2) end
  if value >= -2 ^ 31 then return "\210" .. big_endian(value + 2 ^ 32, 4) end
  -- its two's complement does not fit into a double
  local low = value % 2 ^ 32
  return "\211" .. big_endian(floor(value / 2 ^ 32) + 2 ^ 32, 4) .. big_endian(low, 4)
end

local function pack_number(value)
  if value % 1 == 0 and value > -2 ^ 53 and value < 2 ^ 53 then
    return pack_whole(value)
  end
  number.value = value
  local bytes = ffi.string(number.bytes, 8)
  return "\203" .. (is_little and bytes:reverse() or bytes)
end

local function pack_head(count, short, most, long)
  if count <= most then
    return char(short + count)
  end
  return count < 2 ^ 16 and char(long) .. big_endian(count, 2) or char(long + 1) .. big_endian(count, 4)
end

local function pack_text(text)
  local size = #text
  if size < 32 then
    return char(160 + size) .. text
  end
  return (size < 2 ^ 8 and "\217" .. char(size) or pack_head(size, 0, -1, 218)) .. text
end

local pack

local function pack_table(value, depth)
  local count, parts = #value, {}
  local others = 0
  for _ in pairs(value) do
    others = others + 1
  end
  if others == count then
    for i = 1, count do
      parts[i] = pack(value[i], depth)
    end
    return pack_head(count, 144, 15, 220) .. table.concat(parts)
  end
  for key, held in pairs(value) do
    parts[#parts + 1] = { pack(key, depth), held }
  end
  table.sort(parts, function(a, b)
    return a[1] < b[1]
  end)
  for i, part in ipairs(parts) do
    parts[i] = part[1] .. pack(part[2], depth)
  end
  return pack_head(#parts, 128, 15, 222) .. table.concat(parts)
end

function pack(value, depth)
  local kind = type(value)
  if kind == "string" then
    return pack_text(value)
  elseif kind == "number" then
    return pack_number(value)
  elseif kind == "boolean" then
    return value and "\195" or "\194"
  elseif kind == "nil" then
    return "\192"
  elseif kind ~= "table" then
    error("MessagePack has no " .. kind, 0)
  elseif depth == MAX_DEPTH then
    error("nested too deeply", 0)
  end
  return pack_table(value, depth + 1)
end

--- Raises for what MessagePack cannot carry.
---@param value any
---@return string
function msgpack.pack(value)
  return pack(value, 0)
end

--- The head of an array, before `count` packed values.
---@param count integer
---@return string
function msgpack.pack_array(count)
  return pack_head(count, 144, 15, 220)
end

-- ---- Reading ----

---@class resty.shoal.Reader
---@field private data string
---@field private at integer  of the next byte in `data`
---@field private more fun(): string?, string?
local Reader = {}
Reader.__index = Reader

--- `more` answers further bytes, or nil and why there are none.
---@param more fun(): string?, string?
---@return resty.shoal.Reader
function msgpack.reader(more)
  return setmetatable({ data = "", at = 1, more = more }, Reader)
end

-- The place of `count` bytes that are there now, and behind which the next value is.
local function take(self, count)
  while #self.data - self.at + 1 < count do
    local further, why = self.more()
    if not further then
      error({ why = why or "it ended" }, 0)
    end
    self.data, self.at = sub(self.data, self.at) .. further, 1
  end
  local at = self.at
  self.at = at + count
  return at
end

local function read_whole(self, count)
  local at, value = take(self, count), 0
  for i = at, at + count - 1 do
    value = value * 256 + byte(self.data, i)
  end
  return value
end

local function read_signed(self, count)
  local value, limit = read_whole(self, count), 2 ^ (8 * count - 1)
  return value >= limit and value - 2 * limit or value
end

-- A double would round before the sign is known.
local function read_signed_long(self)
  local high = read_signed(self, 4)
  return high * 2 ^ 32 + read_whole(self, 4)
end

local function read_text(self, size)
  if size > MAX_TEXT then
    error({ why = "a text that is too long" }, 0)
  end
  local at = take(self, size)
  return sub(self.data, at, at + size - 1)
end

local function read_float(self, size)
  local bytes = read_text(self, size)
  ffi.copy(number.bytes, is_little and bytes:reverse() or bytes, size)
  return size == 8 and tonumber(number.value) or tonumber(number.single)
end

local read

local function read_array(self, count, depth)
  local list = {}
  for i = 1, count do
    list[i] = read(self, depth)
  end
  return list
end

local function read_map(self, count, depth)
  local map = {}
  for _ = 1, count do
    local key = read(self, depth)
    local value = read(self, depth)
    if key ~= nil and key == key then
      map[key] = value
    end
  end
  return map
end

-- By the first byte, from c0 on.
local READ = {
  [0xc0] = function() return nil end,
  [0xc2] = function() return false end,
  [0xc3] = function() return true end,
  [0xc4] = function(self) return read_text(self, read_whole(self, 1)) end,
  [0xc5] = function(self) return read_text(self, read_whole(self, 2)) end,
  [0xc6] = function(self) return read_text(self, read_whole(self, 4)) end,
  [0xca] = function(self) return read_float(self, 4) end,
  [0xcb] = function(self) return read_float(self, 8) end,
  [0xcc] = function(self) return read_whole(self, 1) end,
  [0xcd] = function(self) return read_whole(self, 2) end,
  [0xce] = function(self) return read_whole(self, 4) end,
  [0xcf] = function(self) return read_whole(self, 8) end,
  [0xd0] = function(self) return read_signed(self, 1) end,
  [0xd1] = function(self) return read_signed(self, 2) end,
  [0xd2] = function(self) return read_signed(self, 4) end,
  [0xd3] = read_signed_long,
  [0xd9] = function(self) return read_text(self, read_whole(self, 1)) end,
  [0xda] = function(self) return read_text(self, read_whole(self, 2)) end,
  [0xdb] = function(self) return read_text(self, read_whole(self, 4)) end,
  [0xdc] = function(self, depth) return read_array(self, read_whole(self, 2), depth) end,
  [0xdd] = function(self, depth) return read_array(self, read_whole(self, 4), depth) end,
  [0xde] = function(self, depth) return read_map(self, read_whole(self, 2), depth) end,
  [0xdf] = function(self, depth) return read_map(self, read_whole(self, 4), depth) end,
}

function read(self, depth)
  if depth > MAX_DEPTH then
    error({ why = "nested too deeply" }, 0)
  end
  local at = take(self, 1) -- which may replace the data
  local first = byte(self.data, at)
  if first < 0x80 then
    return first
  elseif first < 0x90 then
    return read_map(self, band(first, 15), depth + 1)
  elseif first < 0xa0 then
    return read_array(self, band(first, 15), depth + 1)
  elseif first < 0xc0 then
    return read_text(self, band(first, 31))
  elseif rshift(first, 5) == 7 then
    return first - 256
  end
  local by = READ[first]
  if not by then
    error({ why = ("byte %02x begins no value"):format(first) }, 0)
  end
  return by(self, depth + 1)
end

--- The next value: true, value; or nil, and why there is none. After that, the reader is
-- of no use any more.
---@return true?, any
function Reader:next()
  local ok, value = pcall(read, self, 0)
  if ok then
    return true, value
  elseif type(value) == "table" then
    return nil, value.why
  end
  error(value, 0) -- our own fault
end

--- The one value that a text is: true, value; or nil, and what is wrong.
---@param text string
---@return true?, any
function msgpack.unpack(text)
  local reader = msgpack.reader(function()
    return nil, "it is cut off"
  end)
  reader.data = text
  local ok, value = reader:next()
  if ok and reader.at <= #text then
    return nil, "something is behind it"
  end
  return ok, value
end

return msgpack
