--- `shoal ask`: a question to many members, and what they answer.

local client = require("shoal.cli.client")
local json = require("shoal.format.json")
local output = require("shoal.cli.output")
local text = require("shoal.format.text")

local ask = {}

local ORDER = { "addr", "data", "error", "code", "id" }

-- The node ends the question in time; its answer is on its way a bit longer.
local GRACE = 5

-- { zone = "b", http = true }: without a value any will do. A tag that must be true is
-- one of `exactly`.
local function where_of(tags, is_exact)
  local where
  for _, tag in ipairs(tags) do
    if (tag.value == true) == is_exact then
      where = where or {}
      where[tag.name] = tag.value == nil or tag.value
    end
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
    local name = text.name(member)
    names[i] = (name ~= "" and text.escape(name) .. " " or "") .. text.value(member.addr)
  end
  local expected = #result.answers + #names
  return ("%d of %d did not answer: %s"):format(#names, expected, table.concat(names, ", "))
end

--- `shoal ask NAME [DATA]`: fails when somebody is missing or answers with an error, after printing
--- what the others said.
---@return true? ok
---@return string? message
---@return integer? code
function ask.ask(request)
  local waits = setmetatable({ timeout = request.timeout + GRACE }, { __index = request })
  local result, message, code = client.ask(waits, "ask", { request.question, {
    data = request.data,
    tags = where_of(request.tags, false),
    exactly = where_of(request.tags, true),
    members = #request.members > 0 and request.members or nil,
    timeout = request.timeout,
  } })
  if not result then
    return nil, message, code
  end
  local ok
  ok, message = output.write(request.json and json_of(result) or lines_of(result))
  if ok and #result.missing > 0 then
    return nil, missing_of(result)
  elseif ok and #result.answers == 0 then
    return nil, "no member has these tags"
  end
  local failed = 0
  for _, answer in ipairs(result.answers) do
    failed = failed + (answer.error and 1 or 0)
  end
  if ok and failed > 0 then
    return nil, ("%d of %d answered with an error"):format(failed, #result.answers)
  end
  return ok, message
end

return ask
