--- `shoal members`: who is there.

local client = require("shoal.cli.client")
local json = require("shoal.cli.json")
local output = require("shoal.cli.output")
local tags = require("shoal.cli.tags")
local text = require("shoal.cli.text")

local members = {}

local ORDER = { "addr", "state", "reason", "incarnation", "since", "last_seen", "rtt", "tags", "id" }

-- Shown in other columns, or not at all.
local STOCK_FIELDS = { addr = true, bump = true }

-- The fields an identity has beyond what every stock identity has.
local function own_fields(id)
  if type(id) ~= "table" or text.is_array(id) then
    return text.value(id)
  end
  return text.fields(id, " ", id.bump and STOCK_FIELDS)
end

local function add_column(rows, at, name, list, value)
  table.insert(rows[1], at, name)
  for i, member in ipairs(list) do
    table.insert(rows[i + 1], at, value(member) or "-")
  end
end

local function any_has_tags(list)
  for _, member in ipairs(list) do
    if member.tags and next(member.tags) ~= nil then
      return true
    end
  end
  return false
end

-- Only --all lists members that are down, so only then is there a reason.
local function table_of(list, now, request)
  local rows = { { "ADDRESS", "STATE", "INCARNATION", "SINCE", "IDENTITY" } }
  for _, member in ipairs(list) do
    rows[#rows + 1] = {
      text.value(member.addr),
      member.state,
      text.number(member.incarnation),
      text.duration(now - member.since),
      own_fields(member.id),
    }
  end
  if request.rtt then
    add_column(rows, 5, "RTT", list, function(member) return member.rtt and text.short_time(member.rtt) end)
  end
  if request.all then
    add_column(rows, 3, "REASON", list, function(member) return member.reason end)
  end
  if any_has_tags(list) then
    add_column(rows, #rows[1] + 1, "TAGS", list, function(member)
      return member.tags and next(member.tags) ~= nil and text.fields(member.tags, " ")
    end)
  end
  return text.table(rows)
end

-- A member may have been seen last by another clock, ahead of ours.
local function gone_table_of(list, now)
  local rows = { { "ADDRESS", "STATE", "REASON", "LAST SEEN", "IDENTITY", "TAGS" } }
  for _, member in ipairs(list) do
    rows[#rows + 1] = {
      text.value(member.addr),
      member.state,
      member.reason or "-",
      text.duration(math.max(0, now - member.last_seen)) .. " ago",
      own_fields(member.id),
      member.tags and next(member.tags) ~= nil and text.fields(member.tags, " ") or "-",
    }
  end
  return text.table(rows)
end

local function with_tags(list, wanted)
  local found = {}
  for _, member in ipairs(list) do
    if tags.match(member, wanted) then
      found[#found + 1] = member
    end
  end
  return found
end

local function json_of(list)
  local objects = {}
  for i, member in ipairs(list) do
    objects[i] = json.encode_object(member, ORDER)
  end
  return "[" .. table.concat(objects, ",\n ") .. "]\n"
end

---@param request table
---@return true? ok
---@return string? message
function members.members(request)
  local options = { all = request.all or false }
  options.gone = request.gone
  local list, message = client.ask(request, "members", { options })
  if not list then
    return nil, message
  end
  list = with_tags(list, request.tags)
  if request.json then
    return output.write(json_of(list))
  end
  return output.write(request.gone and gone_table_of(list, os.time()) or table_of(list, os.time(), request))
end

return members
