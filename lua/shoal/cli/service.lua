--- `shoal service`: what the members offer, and whether it works; a word about our own.

local client = require("shoal.cli.client")
local json = require("shoal.cli.json")
local output = require("shoal.cli.output")
local text = require("shoal.cli.text")

local service = {}

local USAGE = 2
local ORDER = { "name", "addr", "state", "weight", "tags", "member" }

local function lines_of(list)
  local rows = { { "SERVICE", "ADDRESS", "STATE", "WEIGHT", "MEMBER", "TAGS" } }
  for _, one in ipairs(list) do
    local tags = {}
    for i, tag in ipairs(one.tags) do
      tags[i] = text.value(tag)
    end
    rows[#rows + 1] = { text.escape(one.name), one.addr and text.escape(one.addr) or "-", text.escape(one.state),
      text.number(one.weight), text.value(one.member), table.concat(tags, ",") }
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

--- `shoal service [ACTION] [NAME] [NOTE]`
---@return true? ok
---@return string? message, integer? code
function service.service(request)
  if not request.action or request.action == "list" then
    return list(request)
  elseif not request.service then
    return nil, "the name of a service is missing", USAGE
  end
  local state, message = client.ask(request, "call", { "service",
    { action = request.action, name = request.service, note = request.note } })
  if not state then
    local has_none = message == "there is no command 'service'"
    return nil, has_none and "the script of this node has no services" or message
  end
  return output.write(text.escape(request.service), " is ", text.value(state), "\n")
end

return service
