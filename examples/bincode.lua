-- The few shapes of bincode's standard configuration that foca's agents use.
-- Writers return bytes; readers take (bytes, at) and return a value and where the
-- next one begins. A reader that runs out of bytes raises.

local bincode = {}

local floor, char = math.floor, string.char

-- n bytes, the lowest first.
local function little(value, n)
  local out = {}
  for i = 1, n do
    out[i] = char(value % 256)
    value = floor(value / 256)
  end
  return table.concat(out)
end

local function take(bytes, at, n)
  local part = bytes:sub(at, at + n - 1)
  if #part < n then
    error("cut short", 0)
  end
  return part, at + n
end

-- Where numbers are doubles (LuaJIT) integers from 2^53 on would silently lose bits.
local function exact(value)
  if value >= 2 ^ 53 then
    error("an integer is larger than 2^53 - 1", 0)
  end
  return value
end

-- Integers are as short as they can be: one byte, or a mark and 2, 4 or 8.
function bincode.varint(value)
  if value < 251 then return char(value) end
  if value < 2 ^ 16 then return "\251" .. little(value, 2) end
  if value < 2 ^ 32 then return "\252" .. little(value, 4) end
  return "\253" .. little(exact(value), 8)
end

local WIDTH = { [251] = 2, [252] = 4, [253] = 8 }

function bincode.read_varint(bytes, at)
  local first, next_at = take(bytes, at, 1)
  local width = WIDTH[first:byte()]
  if not width then
    return first:byte(), next_at
  end
  local value, part = 0
  part, next_at = take(bytes, next_at, width)
  for i = width, 1, -1 do
    value = exact(value * 256 + part:byte(i))
  end
  return value, next_at
end

function bincode.u8(value)
  return char(value)
end

function bincode.read_u8(bytes, at)
  local part, next_at = take(bytes, at, 1)
  return part:byte(), next_at
end

-- Socket addresses: 0 and 4 bytes, or 1 and 16; then the port. As text they are
-- "10.0.0.1:7946" and "[2001:db8::1]:7946" (RFC 5952).

local function v6_groups(text)
  local head, tail = text:match("^(.-)::(.*)$")
  local groups = {}
  for group in (head or text):gmatch("%x+") do groups[#groups + 1] = tonumber(group, 16) end
  local last = {}
  for group in (tail or ""):gmatch("%x+") do last[#last + 1] = tonumber(group, 16) end
  while head and #groups + #last < 8 do groups[#groups + 1] = 0 end
  for _, group in ipairs(last) do groups[#groups + 1] = group end
  return groups
end

-- The longest run of two or more zero groups becomes "::".
local function v6_text(groups)
  local best_at, best = nil, 1
  local run = 0
  for i = 1, 8 do
    run = groups[i] == 0 and run + 1 or 0
    if run > best then best_at, best = i - run + 1, run end
  end
  local function hex(from, to)
    local out = {}
    for i = from, to do out[#out + 1] = ("%x"):format(groups[i]) end
    return table.concat(out, ":")
  end
  if not best_at then return hex(1, 8) end
  return hex(1, best_at - 1) .. "::" .. hex(best_at + best, 8)
end

function bincode.address(text)
  local port = bincode.varint(tonumber(text:match(":(%d+)$")))
  local a, b, c, d = text:match("^(%d+)%.(%d+)%.(%d+)%.(%d+):")
  if a then
    return char(0, a, b, c, d) .. port
  end
  local out = { "\1" }
  for i, group in ipairs(v6_groups(text:match("^%[(.-)%]"))) do
    out[i + 1] = char(floor(group / 256), group % 256)
  end
  return table.concat(out) .. port
end

function bincode.read_address(bytes, at)
  local version, ip, host, port
  version, at = bincode.read_varint(bytes, at)
  if version == 0 then
    ip, at = take(bytes, at, 4)
    host = ("%d.%d.%d.%d"):format(ip:byte(1, 4))
  elseif version == 1 then
    ip, at = take(bytes, at, 16)
    local groups = {}
    for i = 1, 8 do groups[i] = ip:byte(2 * i - 1) * 256 + ip:byte(2 * i) end
    host = "[" .. v6_text(groups) .. "]"
  else
    error("no such address family: " .. version, 0)
  end
  port, at = bincode.read_varint(bytes, at)
  return host .. ":" .. port, at
end

return bincode
