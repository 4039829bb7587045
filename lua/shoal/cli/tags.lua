--- `shoal tags`: what a node says of itself.

local client = require("shoal.cli.client")
local json = require("shoal.cli.json")
local output = require("shoal.cli.output")
local text = require("shoal.cli.text")
local typed = require("shoal.cli.typed")

local tags = {}

--- Has a member all of these? Without a value any will do.
---@param member shoal.Member
---@param wanted { name: string, value: any }[]
---@return boolean
function tags.match(member, wanted)
  for _, tag in ipairs(wanted) do
    local value = member.tags and member.tags[tag.name]
    if value == nil or (tag.value ~= nil and value ~= tag.value) then
      return false
    end
  end
  return true
end

--- `shoal tags [KEY=VALUE…] [--delete KEY]`: one line for each tag.
---@return true? ok
---@return string? message
---@return integer? code
function tags.tags(request)
  local changes
  if #request.set > 0 or #request.delete > 0 then
    changes = { { set = typed.map(request.set), delete = request.delete } }
  end
  local now, message, code = client.ask(request, "tags", changes)
  if not now then
    return nil, message, code
  end
  if request.json then
    return output.write(json.encode_object(now, text.sorted_keys(now)), "\n")
  end
  for _, name in ipairs(text.sorted_keys(now)) do
    output.write(text.escape(name), "=", text.value(now[name]), "\n")
  end
  return true
end

return tags
