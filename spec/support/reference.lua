--- The API reference: what ldoc reads, made from the types that the Lua language server reads, so
-- that there is one source. `make doc` runs it:
--
--   luajit spec/support/reference.lua FOLDER     writes FOLDER/<name>.lua for each file of types
--
-- It knows what lua/shoal/types*.lua use: @class, @field, @alias, @param, @return and @overload, and
-- raises an error at anything else.

local files = require "spec.support.files"

local reference = {}

-- ---- A type, and what follows it ------------------------------------------------

local PAIRS = { ["("] = "%b()", ["{"] = "%b{}", ["<"] = "%b<>", ['"'] = '%b""' }

-- Where the type that begins at `at` ends: at a space outside of brackets, except in
-- "fun(…): a, b" and around "|".
local function type_end(text, at)
  while at <= #text do
    local char = text:sub(at, at)
    if PAIRS[char] then
      local _, last = text:find("^" .. PAIRS[char], at)
      at = (last or #text) + 1
      local result = text:match("^:%s*()", at)
      if char == "(" and result then at = result end
    elseif char == "," or char:match "%s" then
      return at
    else
      at = at + 1
    end
  end
  return at
end

--- "integer? n  how many" -> "integer?", "n  how many"
function reference.split_type(text)
  local stop = type_end(text, 1)
  return text:sub(1, stop - 1), (text:sub(stop):gsub("^%s+", ""))
end

-- ---- Lines of ldoc ----------------------------------------------------------------

local ENTITIES = { ["&"] = "&amp;", ["<"] = "&lt;", [">"] = "&gt;" }

-- ldoc passes HTML on. What it takes "--" for, in front of a word, is a comment.
local function html(text)
  return (text:gsub("[&<>]", ENTITIES):gsub("%-%-(%w)", "&#45;-%1"):gsub("`([^`]+)`", "<code>%1</code>"))
end

local function code(text)
  return "<code>" .. html(text) .. "</code>"
end

local function described(type, text, optional)
  return code(type) .. (optional and ", optional" or "") .. (text ~= "" and ": " .. html(text) or "")
end

-- "name? type  text"
local function variable(tag, text)
  local name, optional, rest = text:match "^([%w_.]+)(%??)%s+(.*)$"
  if not name then
    name, optional, rest = text:match "^(%[[^%]]+%])(%??)%s+(.*)$"
  end
  local type, description = reference.split_type(assert(rest, text))
  return ("-- @%s%s %s %s"):format(tag, optional == "?" and tag == "param" and "[opt]" or "", name,
    described(type, description, tag == "field" and optional == "?"))
end

local function returned(text)
  local list = {}
  while text ~= "" do
    local type, rest = reference.split_type(text)
    local name, after = rest:match "^([%a_][%w_]*)%s*,%s*(.*)$"
    if not name then name, after = "", rest:match "^,%s*(.*)$" end
    if not after then -- the last one: what is left says what it is
      name, after = rest, ""
    end
    list[#list + 1] = "-- @return " .. described(type, name)
    text = after
  end
  return list
end

-- ---- A file ---------------------------------------------------------------------------

local Writer = {}
Writer.__index = Writer

function Writer:put(line)
  self.lines[#self.lines + 1] = line
end

-- The entry of ldoc for what has been collected.
function Writer:entry(kind, name)
  local text = #self.text > 0 and self.text or { name .. "." }
  self:put ""
  for number, line in ipairs(text) do
    self:put((number == 1 and "--- " or "-- ") .. line)
  end
  self:put(("-- @%s %s"):format(kind, name))
  for _, line in ipairs(self.tags) do self:put(line) end
  self.text, self.tags, self.open = {}, {}, nil
end

-- A class or alias is complete when something else begins.
function Writer:close()
  if self.open then self:entry("table", self.open) end
end

local TAGS = {}

function TAGS.class(writer, text)
  writer:close()
  local name, rest = text:match "^([%w_.]+)%s*(.*)$"
  local parent, description = rest:match "^:%s*(%S+)%s*(.*)$"
  writer.open = name
  if parent then writer.text[#writer.text + 1] = "A " .. code(parent) .. "." end
  if (description or rest) ~= "" then writer.text[#writer.text + 1] = html(description or rest) end
end

function TAGS.alias(writer, text)
  writer:close()
  local name, rest = text:match "^([%w_.]+)%s*(.*)$"
  writer.open = name
  if rest ~= "" then
    writer.text[#writer.text + 1] = described(reference.split_type(rest))
  end
end

function TAGS.field(writer, text)
  writer.tags[#writer.tags + 1] = variable("field", text)
end

function TAGS.param(writer, text)
  writer.tags[#writer.tags + 1] = variable("param", text)
end

TAGS["return"] = function(writer, text)
  for _, line in ipairs(returned(text)) do writer.tags[#writer.tags + 1] = line end
end

function TAGS.overload(writer, text)
  writer.text[#writer.text + 1] = "Also " .. code(text) .. "."
end

function TAGS.meta() end

local function read_comment(writer, line)
  local tag, rest = line:match "^%-%-%-@(%l+)%s*(.*)$"
  if tag then
    assert(TAGS[tag], "what is @" .. tag .. "?")(writer, rest)
    return
  end
  local value, text = line:match '^%-%-%-|%s*(%S+)%s*#?%s*(.*)$'
  if value then
    writer.tags[#writer.tags + 1] = ("-- @field %s %s"):format(value:gsub('"', ""), html(text))
    return
  end
  if writer.open then writer:close() end
  writer.text[#writer.text + 1] = html(line:match "^%-%-%-%s?(.*)$")
end

local function read_line(writer, line)
  if line:match "^%-%-%-" then
    return read_comment(writer, line)
  end
  local name = line:match "^function ([%w_.:]+)"
  if name then
    writer:close()
    writer:entry("function", name)
  elseif line == "" or line:match "^local " then
    writer:close()
    writer.text = {}
  end
end

--- What ldoc reads of a file of types: `name` is the name of the page.
function reference.page(name, source)
  local writer = setmetatable({ lines = {}, text = {}, tags = {} }, Writer)
  local head, body = source:match "^%-%-%-@meta\n(.-)\n\n(.*)$"
  local first = true
  for line in head:gmatch "[^\n]+" do
    writer:put((first and "--- " or "-- ") .. html(line:match "^%-%-%-?%s?(.*)$"))
    first = false
  end
  writer:put("-- @module " .. name)
  writer:put "local M = {}"
  for line in (body .. "\n"):gmatch "(.-)\n" do read_line(writer, line) end
  writer:close()
  return table.concat(writer.lines, "\n") .. "\n"
end

--- { name = path } of all files of types.
function reference.sources()
  local list = {}
  for _, path in ipairs(files.find("lua/shoal", "*.lua")) do
    local name = path:match "^lua/shoal/types/(.+)%.lua$" or path:match "^lua/(shoal)/types%.lua$"
    if name then
      list[name] = path
    end
  end
  return list
end

function reference.write(folder)
  for name, path in pairs(reference.sources()) do
    local file = assert(io.open(("%s/%s.lua"):format(folder, name), "w"))
    assert(file:write(reference.page(name, files.read(path))))
    assert(file:close())
  end
end

if arg and arg[0] and arg[0]:match "reference%.lua$" then
  reference.write(assert(arg[1], "which folder?"))
end

return reference
