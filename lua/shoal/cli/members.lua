--- `shoal members`: who is there.

local client = require("shoal.cli.client")
local core = require("shoal.core")
local interrupts = require("shoal.cli.interrupts")
local json = require("shoal.format.json")
local output = require("shoal.cli.output")
local tags = require("shoal.cli.tags")
local text = require("shoal.format.text")

local members = {}


local AGAIN_AFTER = 2 -- seconds, with --watch
local CLEAR_SCREEN = "\27[H\27[2J"
local STDOUT = 1
local NAME_WIDTH = 48
local RAW_WIDTH = 24 -- of an identity without any text

-- ---- What is shown ----

-- Shown in other columns, or not at all.
local STOCK_FIELDS = { "addr", "bump", "life", "name" }

local function is_binary(value)
  return type(value) == "string" and text.escape(value) ~= value
end

-- Of a list, such as { addr, bump, name, signature }: what is text, and not the address.
local function words_of(id, addr)
  local words = {}
  for _, item in ipairs(id) do
    if type(item) == "string" and item ~= addr and item ~= "" and not is_binary(item) then
      words[#words + 1] = item
    end
  end
  return table.concat(words, " ")
end

-- What is not text in an identity tells nothing: `info` and `--json` have it.
local function fields_of(id)
  local skip = {}
  for _, key in ipairs(id.bump and STOCK_FIELDS or {}) do
    skip[key] = true
  end
  for key, value in pairs(id) do
    skip[key] = skip[key] or is_binary(value)
  end
  return text.fields(id, " ", skip)
end

-- The name, and what else an identity of a script's own has: as much of it as tells members apart.
local function name_of(member)
  local id = member.id
  if type(id) ~= "table" then
    return text.cut(text.value(id), is_binary(id) and RAW_WIDTH or NAME_WIDTH)
  elseif text.is_array(id) then
    local words = words_of(id, member.addr)
    return words ~= "" and text.cut(words, NAME_WIDTH) or text.cut(text.value(id), RAW_WIDTH)
  end
  local rest = fields_of(id)
  local name = id.bump and id.name ~= nil and text.value(id.name) or nil
  return name and rest ~= "" and name .. " " .. rest or name or (rest ~= "" and rest or "-")
end

local function state_of(member)
  return member.reason and ("%s (%s)"):format(member.state, member.reason) or member.state
end

local function tags_of(member)
  return member.tags and next(member.tags) ~= nil and text.fields(member.tags, " ") or "-"
end

-- Since when it is in its state; of one that is gone, when it was seen last: perhaps by
-- another clock, ahead of ours.
local function age_of(member, now, is_gone)
  if is_gone then
    return text.duration(math.max(0, now - member.last_seen)) .. " ago"
  end
  return text.duration(now - member.since)
end

-- The line of the node itself has a star.
local function table_of(list, now, request)
  local rows = { { "  NAME", "ADDRESS", "STATE", request.gone and "LAST SEEN" or "SINCE", "TAGS" } }
  for i, member in ipairs(list) do
    rows[i + 1] = {
      (member.is_own and "* " or "  ") .. name_of(member),
      text.value(member.addr),
      state_of(member),
      age_of(member, now, request.gone),
      tags_of(member),
    }
  end
  if request.rtt then
    for i, row in ipairs(rows) do
      local rtt = i > 1 and list[i - 1].rtt
      table.insert(row, 5, i == 1 and "RTT" or rtt and text.short_time(rtt) or "-")
    end
  end
  return text.cut(text.table(rows), text.columns())
end

-- ---- Which, and in which order ----

local function is_meant(member, word)
  return not word or text.value(member.addr) == word
    or name_of(member) == word
    or type(member.id) == "table" and member.id.name ~= nil and tostring(member.id.name) == word
end

local function select_members(list, request)
  local found = {}
  for _, member in ipairs(list) do
    if tags.match(member, request.tags) and is_meant(member, request.member)
      and (not request.state or member.state == request.state) then
      found[#found + 1] = member
    end
  end
  return found
end

local SORT = {
  name = name_of,
  address = function(member) return text.value(member.addr) end,
  state = state_of,
  since = function(member) return ("%020.0f"):format(2 ^ 53 - member.since) end, -- the latest first
}

local function sort(list, by)
  local keys = {}
  for _, member in ipairs(list) do
    keys[member] = SORT[by](member) .. "\0" .. text.value(member.addr)
  end
  table.sort(list, function(a, b)
    return keys[a] < keys[b]
  end)
end

-- ---- Asking ----

-- As the other members see it.
local function own_member(request, connection)
  local info, message = client.call(request, connection, "info")
  local own = info and client.call(request, connection, "tags")
  if not own then
    return nil, message or "the node does not say what its tags are"
  end
  return { addr = info.addr, id = info.identity, state = info.state, since = info.started_at, tags = own,
    is_own = true }
end

local function ask(request)
  local connection, message = client.connect(request)
  if not connection then
    return nil, message
  end
  local list, own
  local options = { all = request.all or request.state == "down", gone = request.gone }
  local only_others = request.json or request.gone
  list, message = client.call(request, connection, "members", { options })
  if list and not only_others then
    own, message = own_member(request, connection)
    list[#list + 1] = own
  end
  connection:close()
  if not list or not (own or only_others) then
    return nil, message
  end
  list = select_members(list, request)
  sort(list, request.sort or "address")
  return list
end

local function show(request)
  local list, message = ask(request)
  if not list then
    return nil, message
  end
  local ok
  local is_nobody = request.member and #list == 0 and not request.watch
  if request.json or not is_nobody then
    ok, message = output.write(request.json and json.encode_objects(list, json.MEMBER)
      or table_of(list, os.time(), request))
  end
  if is_nobody then
    return nil, ("no member of this list has the name or the address '%s'"):format(request.member)
  end
  return ok, message
end

local function watch(request)
  local is_interrupted, ok, message
  is_interrupted, message = interrupts.watch()
  if not is_interrupted then
    return nil, message
  end
  repeat
    if core.is_terminal(STDOUT) then
      output.write(CLEAR_SCREEN)
    end
    ok, message = show(request)
    if ok then
      ok, message = output.flush()
    end
  until not ok or is_interrupted(AGAIN_AFTER)
  return ok, message
end

---@param request table
---@return true? ok
---@return string? message
function members.members(request)
  return (request.watch and watch or show)(request)
end

return members
