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

tables.FILES = { "docs/handlers.md", "docs/operating.md", "docs/shoal.1.in", "lua/shoal/types.lua",
  "lua/shoal/types/info.lua" }

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
---@param prefix? string instead of SHOAL_
---@return string[][]
function tables.rows(header, name, prefix)
  local source = files.read("src/" .. header)
  local body = source:match("#define " .. (prefix or "SHOAL_") .. name .. "%(X%)%s*\\\n(.-[^\\])\n\n")
  assert(body, name .. " is not in " .. header)
  local rows = {}
  body = body:gsub("\\\n", "\n"):gsub("/%*.-%*/", "")
  for macro, row in body:gmatch "([%u_]+)(%b())" do
    if macro == "X" then
      rows[#rows + 1] = columns(row:sub(2, -2))
    else -- a table in this one
      for _, inner in ipairs(tables.rows(header, macro, "")) do rows[#rows + 1] = inner end
    end
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

-- ---- Events ----------------------------------------------------------------

-- Those whose kind is in the text: "0" always, "1" a diagnostic, "2" computed when
-- somebody asks for it.
local function events(kinds)
  local list = {}
  for _, row in ipairs(tables.rows("shoal_tables.h", "EVENTS")) do
    if kinds:find(row[4], 1, true) then
      list[#list + 1] = { name = row[3], diagnostic = row[4] == "1", carries = row[5], text = row[8] }
    end
  end
  return list
end

-- What a handler gets after the node, with types.
local ARGUMENTS = {
  NOTHING = {}, MEMBER = { "member: shoal.Member" }, OURSELVES = { "id: shoal.Identity" },
  BOTH = { "before: shoal.Former", "after: shoal.Member" }, PACKET = { "packet: shoal.Packet" },
  TAGS = { "member: shoal.Member", "changed: table<string, { before: any, after: any }>" },
  PUBLISHED = { "topic: string", "data: any", "from: shoal.Member", "number: integer" },
  MISSED = { "topic: string", "from: shoal.Member", "first: integer", "last?: integer" },
  MESSAGE = { "data: any", "from: shoal.Member" },
  OUTCOME = { "member: shoal.Member", "ticket: integer", "code: shoal.Code?" },
  IGNORED = { "member: shoal.Member", "tags: shoal.Dropped" }, ITEM = { "item: shoal.Dropped" },
  REASON = { "member: shoal.Member", "reason: shoal.Drop" }, CHANGES = { "view: shoal.View" },
}

local function arguments(event, with_types)
  local list = { with_types and "node: shoal.Node" or "node" }
  for _, argument in ipairs(ARGUMENTS[event.carries]) do
    list[#list + 1] = with_types and argument or argument:match "^%w+"
  end
  return table.concat(list, ", ")
end

local function event_types()
  local lines = { "---@alias shoal.Event" }
  for _, event in ipairs(events "012") do
    lines[#lines + 1] = ('---| "%s" # (%s)%s: %s'):format(event.name, arguments(event),
      event.diagnostic and ", a diagnostic" or "", event.text)
  end
  return lines
end

local function handler_types()
  local lines = {
    "---@class shoal.Handlers",
    "---@field identity? shoal.IdentityHandlers",
    "---@field broadcast? shoal.BroadcastHandlers",
    "---@field codec? shoal.CodecHandlers",
    "---@field on_ask? table<string, fun(node: shoal.Node, data: any, from: shoal.Member): any>  of ask",
    "---@field tags? table<string, any>|fun(opts: shoal.IdentityOptions): table<string, any>?  "
      .. "what this node says of itself",
    "---@field check_tags? fun(member: shoal.Member, tags: table<string, any>): boolean?  "
      .. "false: this version is ignored",
    "---@field admit? fun(node: shoal.Node, identity: any, endpoint: string): boolean  "
      .. "may this new identity be a member?",
    "---@field persist? boolean  true: the store is remembered on disk",
    "---@field rename_as_down_up? boolean  "
      .. "true: a rename is also a member that went (`reason` is \"replaced\") and one that came",
    "---@field on_start? fun(node: shoal.Node)  the node is live",
  }
  for _, event in ipairs(events "02") do
    lines[#lines + 1] = ("---@field on_%s? fun(%s)  %s"):format(event.name, arguments(event, true), event.text)
  end
  lines[#lines + 1] = "---@field topics? table<string, fun(node: shoal.Node, data: any, from: shoal.Member, " ..
    "number: integer)>  what is published on these topics"
  lines[#lines + 1] = "---@field commands? table<string, shoal.Command>  what `shoal call` and node:call run"
  lines[#lines + 1] = "---@field http? table<string, fun(node: shoal.Node, request: shoal.PageRequest): integer, any, "
    .. "table<string, string>?>  pages of `shoal run --http`, by path"
  lines[#lines + 1] = "---@field on_reload? fun(node: shoal.Node, previous: shoal.Previous)  we are the new version"
  lines[#lines + 1] = "---@field on_stop? fun(node: shoal.Node)  the node is about to close"
  return lines
end

local function monitor()
  local with = { NOTHING = "", MEMBER = "`member`", OURSELVES = "`id`", BOTH = "`member`, `before`",
    TAGS = "`member`, and `changed`: by name, what was `before` and is `after`",
    MESSAGE = "`member`, `data`", PUBLISHED = "`member`, `topic`, `data`, `number`",
    MISSED = "`member`, `topic`, `first`, and `last` if it is known" }
  local lines = { "| event | with | |", "|---|---|---|" }
  for _, event in ipairs(events "0") do
    lines[#lines + 1] = ("| `%s` | %s | %s |"):format(event.name, with[event.carries], event.text)
  end
  return lines
end

local function diagnostics()
  local with = { MEMBER = "a member", PACKET = "`{ id=, message=, updates=, size=, incarnation=, number=, peer= }`",
    REASON = "a member, a reason", ITEM = "`{ size=, reason= }`", IGNORED = "a member, `{ size=, reason= }`",
    OUTCOME = "the receiver, a number; of `message_failed` also the code" }
  local lines = { "| event | with | |", "|---|---|---|" }
  for _, event in ipairs(events "1") do
    lines[#lines + 1] = ("| `%s` | %s | %s |"):format(event.name, with[event.carries], event.text)
  end
  return lines
end

-- ---- Counters --------------------------------------------------------------

-- The last two columns of rows as a table, after a head of its own.
local function explained(head, ...)
  local lines = { ("| %s | |"):format(head), "|---|---|" }
  for _, rows in ipairs { ... } do
    for _, row in ipairs(rows) do
      lines[#lines + 1] = ("| `%s` | %s |"):format(row[#row - 1], row[#row])
    end
  end
  return lines
end

local function drops()
  return explained("reason", tables.rows("shoal_tables.h", "DROPS"), tables.rows("host/counters.h", "DROPS", "HOST_"))
end

-- An error's columns, in the order of the others'.
local function errors()
  local rows = {}
  for i, row in ipairs(tables.rows("shoal_tables.h", "ERRORS")) do rows[i] = { row[1], row[3], row[4] } end
  return rows
end

local function codes()
  return explained("code", errors(), tables.rows("lua/result.h", "NODE_CODES", "RESULT_"))
end

local function control_codes()
  return explained("code", tables.rows("lua/result.h", "CONTROL_CODES", "RESULT_"))
end

local function code_types()
  local names = {}
  for _, rows in ipairs { errors(), tables.rows("lua/result.h", "NODE_CODES", "RESULT_") } do
    for _, row in ipairs(rows) do names[#names + 1] = '"' .. row[2] .. '"' end
  end
  return { "---@alias shoal.Code " .. table.concat(names, "|") }
end

local function host_counters()
  return explained("counter", tables.rows("host/counters.h", "COUNTERS", "HOST_"))
end

local function engine_counters()
  return explained("counter", tables.rows("shoal_tables.h", "COUNTERS"))
end

local function alias(class, name, column)
  return function()
    local names = {}
    for i, row in ipairs(tables.rows("shoal_tables.h", name)) do names[i] = '"' .. row[column] .. '"' end
    if name == "DROPS" then
      for _, row in ipairs(tables.rows("host/counters.h", "DROPS", "HOST_")) do
        names[#names + 1] = '"' .. row[1] .. '"'
      end
    end
    return { ("---@alias %s %s"):format(class, table.concat(names, "|")) }
  end
end

local function counter_types(class, header, prefix, rest)
  return function()
    local lines = { "---@class " .. class }
    for _, row in ipairs(tables.rows(header, "COUNTERS", prefix)) do
      lines[#lines + 1] = ("---@field %s integer  %s"):format(row[1], row[2])
    end
    for _, line in ipairs(rest) do lines[#lines + 1] = "---@field " .. line end
    return lines
  end
end

-- ---- Where each goes -------------------------------------------------------

local render = {
  md = {
    config = config_document, monitor = monitor, diagnostics = diagnostics, drops = drops,
    codes = codes, ["control codes"] = control_codes, ["host counters"] = host_counters,
    ["engine counters"] = engine_counters,
  },
  lua = {
    codes = code_types, messages = alias("shoal.Message", "MESSAGES", 3), drops = alias("shoal.Drop", "DROPS", 2),
    config = config_types, events = event_types, handlers = handler_types,
    ["engine counters"] = counter_types("shoal.Stats", "shoal_tables.h", nil, {
      "sent table<shoal.Message, integer>  packets", "received table<shoal.Message, integer>  and accepted",
      "dropped table<shoal.Drop, integer>  packets, updates and items",
      "rtt { seconds: number, took: integer[] }  answered pings: all together, and how many took up to 1 ms, 10 ms, "
        .. "100 ms, and longer",
      "handlers shoal.HandlersInfo",
      "host? shoal.HostStats  of a node", "questions? shoal.QuestionStats  of a node",
      "allocations? integer  of an engine",
    }),
    ["host counters"] = counter_types("shoal.HostStats", "host/counters.h", "HOST_", {}),
  },
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
