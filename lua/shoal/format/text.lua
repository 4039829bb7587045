--- Text for people: what members and scripts say, made safe to print.
--
-- Identities and broadcasts come from the network. Whoever sends them must not
-- be able to move the cursor of the operator's terminal, recolour it, forge a
-- line of a table or reorder what is read, so everything that is not plain
-- printable text is shown as an escape.

local core = require("shoal.core")

local text = {}

local STDOUT = 1

-- UTF-8 sequences that are well-formed but do not belong on a terminal: C1
-- controls, line and paragraph separators, and the marks that change the
-- reading direction.
local UNPRINTABLE = {
  "^\194[\128-\159]",
  "^\216\156",
  "^\226\128[\139-\143\168-\174]",
  "^\226\129[\160-\175]",
  "^\239\187\191",
}

-- Patterns of UTF-8 sequences by their first byte (RFC 3629, table 3-7 of the
-- Unicode standard: no overlong forms, no surrogates, nothing above U+10FFFF).
local SEQUENCES = {
  "^[\194-\223][\128-\191]",
  "^\224[\160-\191][\128-\191]",
  "^[\225-\236\238\239][\128-\191][\128-\191]",
  "^\237[\128-\159][\128-\191]",
  "^\240[\144-\191][\128-\191][\128-\191]",
  "^[\241-\243][\128-\191][\128-\191][\128-\191]",
  "^\244[\128-\143][\128-\191][\128-\191]",
}

--- The last byte of the UTF-8 sequence that starts at `at`, or nil.
---@param s string
---@param at integer
---@return integer?
function text.utf8_end(s, at)
  local first = s:byte(at)
  if first < 0x80 then
    return at
  end
  for _, pattern in ipairs(SEQUENCES) do
    local _, last = s:find(pattern, at)
    if last then
      return last
    end
  end
  return nil
end

local function is_unprintable(s, at)
  for _, pattern in ipairs(UNPRINTABLE) do
    if s:find(pattern, at) then
      return true
    end
  end
  return false
end

local function hex(bytes)
  return (bytes:gsub(".", function(c)
    return ("\\x%02x"):format(c:byte())
  end))
end

local SHORT = { ["\n"] = "\\n", ["\r"] = "\\r", ["\t"] = "\\t", ["\\"] = "\\\\" }

--- `s` with everything but printable text escaped: `\n`, `\x1b`, `\\`.
---@param s string
---@return string
function text.escape(s)
  if not s:find("[%c\\\127-\255]") then
    return s
  end
  local out, at = {}, 1
  while at <= #s do
    local last = text.utf8_end(s, at)
    local piece = s:sub(at, last or at)
    if SHORT[piece] then
      piece = SHORT[piece]
    elseif not last or piece:find("%c") or piece == "\127" or is_unprintable(s, at) then
      piece = hex(piece)
    end
    out[#out + 1] = piece
    at = (last or at) + 1
  end
  return table.concat(out)
end

--- Is all of it?
---@param s string
---@return boolean
function text.is_utf8(s)
  if not s:find("[\128-\255]") then
    return true
  end
  local at = 1
  while at <= #s do
    local last = text.utf8_end(s, at)
    if not last then
      return false
    end
    at = last + 1
  end
  return true
end

-- As `text.escape`; but of what is not UTF-8, such as a signature, no byte is shown as a letter that
-- it happens to look like.
local function escape_bytes(s)
  if text.is_utf8(s) then
    return text.escape(s)
  end
  return (s:gsub("[%c\\\127-\255]", function(c)
    return SHORT[c] or hex(c)
  end))
end

--- An error message on one line. What Lua says of a module that is not there goes on
--- with every place it looked at: that is left out.
---@param message string
---@return string
function text.one_line(message)
  message = message:gsub("\n%s*no f.*", ""):gsub(":?%s*$", ""):gsub("%s*\n%s*", " ")
  return text.escape(message)
end

--- The name in a member's identity, if there is one that is text; else "".
---@param member shoal.Member
---@return string
function text.name(member)
  local id = member.id
  return type(id) == "table" and type(id.name) == "string" and id.name or ""
end

--- How many columns `s` takes: code points, which is right for most scripts.
---@param s string
---@return integer
function text.width(s)
  local _, continuations = s:gsub("[\128-\191]", "")
  return #s - continuations
end

--- An integer without exponent, any other number at full precision.
---@param n number
---@return string
function text.number(n)
  if n == math.floor(n) and n >= -2 ^ 53 and n <= 2 ^ 53 then
    return ("%d"):format(n)
  end
  return ("%.14g"):format(n)
end

local function sorted_keys(map)
  local keys = {}
  for key in pairs(map) do
    keys[#keys + 1] = key
  end
  table.sort(keys, function(a, b)
    return tostring(a) < tostring(b)
  end)
  return keys
end
text.sorted_keys = sorted_keys

--- Are its keys exactly 1..n? An empty table is an empty array, as on the wire.
---@param value table
---@return boolean
function text.is_array(value)
  local total = 0
  for _ in pairs(value) do
    total = total + 1
  end
  for i = 1, total do
    if value[i] == nil then
      return false
    end
  end
  return true
end

--- Any value on one line: `{meta={role=db},ports=[80,443]}`.
---@param value any
---@return string
function text.value(value)
  if type(value) == "string" then
    return escape_bytes(value)
  end
  if type(value) == "number" then
    return text.number(value)
  end
  if type(value) ~= "table" then
    return tostring(value)
  end
  local parts = {}
  if text.is_array(value) then
    for i, item in ipairs(value) do
      parts[i] = text.value(item)
    end
    return "[" .. table.concat(parts, ",") .. "]"
  end
  return "{" .. text.fields(value, ",") .. "}"
end

--- The same for a program, which gets it in JSON: a string stays as it is.
---@param value any
---@return string
function text.plain(value)
  return type(value) == "string" and value or text.value(value)
end

--- What a node's own script answers. Its text may have lines and tabs; a list has an item a
--- line. Everything else is as in text.value.
---@param value any
---@return string
function text.answer(value)
  if type(value) == "string" then
    return (value:gsub("[^\n\t]+", text.escape))
  elseif type(value) ~= "table" or next(value) == nil or not text.is_array(value) then
    return text.value(value)
  end
  local lines = {}
  for i, item in ipairs(value) do
    lines[i] = text.value(item)
  end
  return table.concat(lines, "\n")
end

--- A map as `key=value` pairs in the order of its keys, without those in `skip`.
---@param map table
---@param separator? string default: a space
---@param skip? table<any, boolean>
---@return string
function text.fields(map, separator, skip)
  local parts = {}
  for _, key in ipairs(sorted_keys(map)) do
    if not (skip and skip[key]) then
      parts[#parts + 1] = text.value(key) .. "=" .. text.value(map[key])
    end
  end
  return table.concat(parts, separator or " ")
end

local UNITS = { { 86400, "d" }, { 3600, "h" }, { 60, "m" }, { 1, "s" } }

--- Seconds as the two largest units: `3s`, `2m05s`, `1h00m`, `12d07h`.
---@param seconds number
---@return string
function text.duration(seconds)
  seconds = math.floor(math.max(0, seconds))
  for i, unit in ipairs(UNITS) do
    local size, name = unit[1], unit[2]
    if seconds >= size and UNITS[i + 1] then
      local rest = math.floor(seconds % size / UNITS[i + 1][1])
      return ("%d%s%02d%s"):format(math.floor(seconds / size), name, rest, UNITS[i + 1][2])
    end
  end
  return seconds .. "s"
end

--- A short time with three digits: `0.512ms`, `20.3ms`, `1.5s`.
---@param seconds number
---@return string
function text.short_time(seconds)
  if seconds >= 0.9995 then
    return ("%.3gs"):format(seconds)
  end
  return ("%.3gms"):format(seconds * 1000)
end

--- Rows of strings as lines with aligned columns; the last column is not padded.
---@param rows string[][]
---@return string
function text.table(rows)
  local widths = {}
  for _, row in ipairs(rows) do
    for column, cell in ipairs(row) do
      widths[column] = math.max(widths[column] or 0, text.width(cell))
    end
  end
  local lines = {}
  for i, row in ipairs(rows) do
    local cells = {}
    for column, cell in ipairs(row) do
      local padding = widths[column] - text.width(cell)
      cells[column] = cell .. (" "):rep(padding)
    end
    lines[i] = table.concat(cells, "  "):gsub(" +$", "") .. "\n"
  end
  return table.concat(lines)
end

--- How many columns there are to fill: $COLUMNS, or 80 on a terminal; nil: no matter.
---@return integer?
function text.columns()
  local columns = tonumber(os.getenv("COLUMNS") or "")
  return columns and columns >= 20 and columns or core.is_terminal(STDOUT) and 80 or nil
end

-- The first `width` columns of a line.
local function cut_line(line, width)
  if text.width(line) <= width then
    return line
  end
  local at, columns = 1, 0
  while columns < width - 3 do
    at, columns = (text.utf8_end(line, at) or at) + 1, columns + 1
  end
  return line:sub(1, at - 1) .. "..."
end

--- Lines that end where the columns do. Without a width: as they are.
---@param lines string
---@param width? integer
---@return string
function text.cut(lines, width)
  if not width then
    return lines
  end
  return (lines:gsub("[^\n]+", function(line)
    return cut_line(line, width)
  end))
end

--- The words in lines of at most so many columns (a longer word has a line of its own).
---@param words string
---@param width integer
---@return string[]
function text.wrap(words, width)
  local lines, line = {}, nil
  for word in words:gmatch("[^ ]+") do
    if line and text.width(line) + 1 + text.width(word) <= width then
      line = line .. " " .. word
    else
      lines[#lines + 1] = line
      line = word
    end
  end
  lines[#lines + 1] = line
  return lines
end

return text
