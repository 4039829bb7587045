--- `shoal tags`: what a node says of itself.

local client = require("shoal.cli.client")
local json = require("shoal.format.json")
local output = require("shoal.cli.output")
local text = require("shoal.format.text")
local typed = require("shoal.cli.typed")

local tags = {}

local USAGE = 2

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

-- Which of two contradicting words counts, nobody can know.
local function find_contradiction(request)
  local seen = {}
  for _, tag in ipairs(request.set) do
    if seen[tag.name] then
      return ("the tag %s is given twice"):format(typed.quote(tag.name))
    end
    seen[tag.name] = true
  end
  for _, name in ipairs(request.delete) do
    if seen[name] then
      return ("the tag %s is both set and deleted"):format(typed.quote(name))
    end
  end
  return nil
end

--- `shoal tags [KEY=VALUE…] [--delete KEY]`: one line for each tag.
---@return true? ok
---@return string? message
---@return integer? code
function tags.tags(request)
  local changes
  local wrong = find_contradiction(request)
  if wrong then
    return nil, wrong, USAGE
  end
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
