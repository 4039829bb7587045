--- `shoal service`: what the members offer, and whether it works; a word about our own.

local client = require("shoal.cli.client")
local json = require("shoal.format.json")
local output = require("shoal.cli.output")
local text = require("shoal.format.text")

local service = {}

local USAGE = 2
local ORDER = { "name", "addr", "state", "weight", "tags", "member", "reason" }

-- Only a node's own services say why they do not pass.
local function has_reasons(list)
  for _, one in ipairs(list) do
    if one.reason then
      return true
    end
  end
  return false
end

local function lines_of(list)
  local rows = { { "SERVICE", "ADDRESS", "STATE", "WEIGHT", "MEMBER", "TAGS" } }
  local with_reasons = has_reasons(list)
  if with_reasons then
    table.insert(rows[1], "REASON")
  end
  for _, one in ipairs(list) do
    local tags = {}
    for i, tag in ipairs(one.tags) do
      tags[i] = text.value(tag)
    end
    rows[#rows + 1] = { text.escape(one.name), one.addr and text.escape(one.addr) or "-", text.escape(one.state),
      text.number(one.weight), text.value(one.member), table.concat(tags, ",") }
    if with_reasons then
      table.insert(rows[#rows], one.reason and text.escape(one.reason) or "")
    end
  end
  return text.table(rows)
end

local function list(request)
  local all, message = client.ask(request, "services", request.service and { request.service } or {})
  if not all then
    return nil, message
  end
  return output.write(request.json and json.encode_objects(all, ORDER) or lines_of(all))
end

-- What the command `service` of the script answers, which services.lua adds.
local function ask_script(request)
  local connection, message = client.connect(request)
  if not connection then
    return nil, message
  end
  local state, failure = connection:call("call", { "service",
    { action = request.action, name = request.service, note = request.note } }, request.timeout)
  connection:close()
  if state == nil and type(failure) == "table" and failure.code == "no_handler" then
    return nil, "the script of this node has no services"
  end
  return state, state == nil and client.explain(failure) or nil
end

--- `shoal service [ACTION] [NAME] [NOTE]`
---@return true? ok
---@return string? message, integer? code
function service.service(request)
  if not request.action or request.action == "list" then
    return list(request)
  elseif not request.service then
    return nil, "the name of a service is missing", USAGE
  end
  local state, message = ask_script(request)
  if state == nil then
    return nil, message
  end
  return output.write(text.escape(request.service), " is ", text.value(state), "\n")
end

return service
