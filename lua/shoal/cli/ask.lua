--- `shoal ask`: a question to many members, and what they answer.

local client = require("shoal.cli.client")
local json = require("shoal.cli.json")
local output = require("shoal.cli.output")
local text = require("shoal.cli.text")

local ask = {}

local ORDER = { "addr", "data", "error", "code", "id" }

-- The node ends the question in time; its answer is on its way a bit longer.
local GRACE = 5

-- { zone = "b", http = true }: without a value any will do.
local function where_of(tags)
  local where
  for _, tag in ipairs(tags) do
    where = where or {}
    where[tag.name] = tag.value == nil or tag.value
  end
  return where
end

local function json_of(result)
  local lists = {}
  for name, list in pairs({ answers = result.answers, missing = result.missing }) do
    local objects = {}
    for i, entry in ipairs(list) do
      local member = entry.member or entry
      local object = { addr = member.addr, id = member.id }
      object.data, object.error, object.code = entry.data, entry.error, entry.code
      objects[i] = json.encode_object(object, ORDER)
    end
    lists[name] = "[" .. table.concat(objects, ",\n ") .. "]"
  end
  return ('{"answers":%s,\n "missing":%s}\n'):format(lists.answers, lists.missing)
end

local function lines_of(result)
  local rows = {}
  for i, answer in ipairs(result.answers) do
    local said = answer.error and "error: " .. text.escape(answer.error) or text.value(answer.data)
    rows[i] = { text.value(answer.member.addr), said }
  end
  return text.table(rows)
end

local function missing_of(result)
  local names = {}
  for i, member in ipairs(result.missing) do
    names[i] = text.value(member.addr)
  end
  local expected = #result.answers + #names
  return ("%d of %d did not answer: %s"):format(#names, expected, table.concat(names, ", "))
end

--- `shoal ask NAME [DATA]`: fails when somebody is missing, after printing what the others said.
---@return true? ok
---@return string? message
function ask.ask(request)
  local waits = setmetatable({ timeout = request.timeout + GRACE }, { __index = request })
  local result, message = client.ask(waits, "ask", { request.question, {
    data = request.data,
    tags = where_of(request.tags),
    members = #request.members > 0 and request.members or nil,
    timeout = request.timeout,
  } })
  if not result then
    return nil, message
  end
  local ok
  ok, message = output.write(request.json and json_of(result) or lines_of(result))
  if ok and #result.missing > 0 then
    return nil, missing_of(result)
  end
  return ok, message
end

return ask
