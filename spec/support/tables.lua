--- The tables of src/shoal_tables.h and src/shoal_config.h, as documents and types show them.
--
--   make tables     writes them anew where a file has a place for one:
--
--     <!-- table: config -->  -- table: config  .\" table: config
--     ...
--     <!-- end -->            -- end            .\" end
--
-- spec/house/tables_spec.lua fails when one is stale.

local core = require "shoal.core"
local files = require "spec.support.files"

local tables = {}

tables.FILES = { "docs/operating.md", "docs/shoal.1.in", "lua/shoal/types.lua" }

-- ---- Reading the headers ---------------------------------------------------

-- The columns of a row, each a literal of C: adjacent strings are one.
local function columns(row)
  local list, strings = {}, {}
  local plain = row:gsub('"%s*"', ""):gsub('"(.-)"', function(text)
    strings[#strings + 1] = text
    return "$" .. #strings
  end)
  for cell in plain:gmatch "%s*([^,]+)" do
    cell = cell:gsub("%s+$", "")
    list[#list + 1] = strings[tonumber(cell:match "^%$(%d+)$")] or cell
  end
  return list
end

--- The rows of SHOAL_<name>(X) in a header, each a list of its columns.
---@param header string
---@param name string
---@return string[][]
function tables.rows(header, name)
  local source = files.read("src/" .. header)
  local body = source:match("#define SHOAL_" .. name .. "%(X%)%s*\\\n(.-[^\\])\n\n")
  assert(body, name .. " is not in " .. header)
  local rows = {}
  for row in body:gsub("\\\n", "\n"):gsub("/%*.-%*/", ""):gmatch "X(%b())" do
    rows[#rows + 1] = columns(row:sub(2, -2))
  end
  return rows
end

-- ---- The config ------------------------------------------------------------

local function config_fields()
  local fields = {}
  for i, row in ipairs(tables.rows("shoal_config.h", "CONFIG_FIELDS")) do
    fields[i] = { name = row[2], kind = row[3], least = row[4], most = row[5], text = row[6] }
  end
  return fields
end

local TYPES = { SECONDS = "number", COUNT = "integer", BYTES = "integer", FLAG = "boolean",
  PERIODIC = "shoal.Periodic|false" }

local function unit(field)
  return field.kind == "SECONDS" and "seconds: " or field.kind == "BYTES" and "bytes " or ""
end

local MOMENTS = { ["0.000001"] = "1 us", ["0.001"] = "1 ms", ["31622400"] = "366 days" }

local function range(field)
  if field.kind == "FLAG" then return "true, false" end
  if field.kind == "PERIODIC" then return "1 ms to 366 days, 1 to 255 members" end
  if field.kind == "SECONDS" then return MOMENTS[field.least] .. " to " .. MOMENTS[field.most] end
  return field.least .. " to " .. field.most
end

local function value(v)
  if type(v) == "table" then
    return ("every %s, %s"):format(value(v.every), value(v.members) .. (v.members == 1 and " member" or " members"))
  end
  return type(v) == "number" and ("%.14g"):format(v) or tostring(v)
end

local function config_document()
  local lan = core.preset("lan", 10)
  local lines = { "| field | meaning | range | `lan`, 10 members |", "|---|---|---|---|" }
  for _, field in ipairs(config_fields()) do
    lines[#lines + 1] = ("| `%s` | %s%s | %s | %s |"):format(field.name, unit(field), field.text, range(field),
      value(lan[field.name]))
  end
  return lines
end

local function config_types()
  local lines = { "---@class shoal.Config", '---@field preset? shoal.Preset   the base of the other fields ("lan")' }
  for _, field in ipairs(config_fields()) do
    lines[#lines + 1] = ("---@field %s? %s  %s%s"):format(field.name, TYPES[field.kind], unit(field), field.text)
  end
  return lines
end

local function roff(text)
  return (text:gsub("\\", "\\e"):gsub("%-", "\\-"):gsub("^['.]", "\\&%0"):gsub("`([^`]*)`", "%1"))
end

local function config_manual()
  local lines = {}
  for _, field in ipairs(config_fields()) do
    lines[#lines + 1] = (".TP\n.BR %s \" (%s)\""):format(field.name, range(field))
    lines[#lines + 1] = roff(unit(field) .. field.text) .. "."
  end
  return lines
end

-- ---- Where each goes -------------------------------------------------------

local render = {
  md = { config = config_document },
  lua = { config = config_types },
  ["in"] = { config = config_manual },
}

local COMMENT = "^[<.%-\\\"! ]*" -- as Markdown, Lua and roff begin one

--- The text of a file with its tables as they should be.
---@param path string
---@return string
function tables.filled(path)
  local of, lines, inside = render[path:match "%.(%w+)$"], {}, false
  for line in files.read(path):gmatch "([^\n]*)\n" do
    local name = line:match(COMMENT .. "table: ([%w ]+%w)")
    inside = inside and not line:find(COMMENT .. "end%f[^%w]")
    if not inside then lines[#lines + 1] = line .. "\n" end
    if name then
      lines[#lines + 1] = table.concat(assert(of[name], "no table " .. name)(), "\n") .. "\n"
      inside = true
    end
  end
  return table.concat(lines)
end

if ... ~= "spec.support.tables" then
  for _, path in ipairs(tables.FILES) do
    local text = tables.filled(path)
    local file = assert(io.open(files.root .. "/" .. path, "wb"))
    assert(file:write(text))
    assert(file:close())
  end
end

return tables
