--- /members, /services, /view and /sd/prometheus: what the node knows, as JSON.

local control = require("shoal.control")
local json = require("shoal.format.json")
local request = require("shoal.serve.http.request")
local services = require("shoal.services")
local text = require("shoal.format.text")

local state = {}

local JSON = { ["Content-Type"] = "application/json", ["Cache-Control"] = "no-store" }
local SERVICE = { "name", "addr", "state", "weight", "tags", "member", "reason" }

local MAX_WAIT = 600 -- seconds
local MAX_WAITING = 100 -- that wait for a view

-- See Http:send().
local function array(list, order)
  return { list, open = "[", between = ",\n ", close = "]\n", encode = function(one)
    return json.encode_object(one, order)
  end }
end

local function bad(message)
  return 400, message .. "\n"
end

-- ---- Lists ----

local function members_of(self, all)
  return control.methods.members.run(self, { { all = all } })
end

function state.members(self, asked)
  return 200, array(members_of(self, request.flag(asked.query, "all")), json.MEMBER), JSON
end

-- Those of ?name=, and only the passing ones with ?passing.
local function wanted_services(self, asked)
  local list, query = {}, asked.query
  for _, one in ipairs(services.all(self.node)) do
    if (not query.name or one.name == query.name)
      and (not request.flag(query, "passing") or one.state == "passing") then
      list[#list + 1] = one
    end
  end
  return list
end

function state.services(self, asked)
  local list = wanted_services(self, asked)
  for _, one in ipairs(list) do
    one.member = one.member.addr
  end
  return 200, array(list, SERVICE), JSON
end

-- ---- Service discovery for Prometheus (http_sd_configs) ----

local function joined(tags)
  local parts = {}
  for i, tag in ipairs(tags) do
    parts[i] = text.plain(tag)
  end
  return parts[1] and "," .. table.concat(parts, ",") .. "," or ""
end

function state.discovery(self, asked)
  local groups = {}
  for _, one in ipairs(wanted_services(self, asked)) do
    groups[#groups + 1] = one.addr and one.port and { -- without a port nothing can be scraped
      targets = { one.addr },
      labels = {
        __meta_shoal_service = one.name,
        __meta_shoal_state = one.state,
        __meta_shoal_tags = joined(one.tags),
        __meta_shoal_member = text.plain(one.member.addr),
        __meta_shoal_name = text.name(one.member),
      },
    } or nil
  end
  return 200, array(groups, { "targets", "labels" }), JSON
end

-- ---- Views ----

-- One list after the other, each behind its name: see Http:send().
local function view_body(lists)
  local items, last = {}, nil
  for _, name in ipairs({ "members", "joined", "left", "changed" }) do
    if lists[name] then
      items[#items + 1] = (last and "]," or "") .. ('\n"%s":['):format(name)
      for i, member in ipairs(lists[name]) do
        items[#items + 1] = { member, is_first = i == 1 }
      end
      last = name
    end
  end
  return { items, open = ('{"view":%s,'):format(json.encode(lists.view)), between = "", close = "]}\n",
    encode = function(item)
      if type(item) == "string" then
        return item
      end
      return (item.is_first and "" or ",\n ") .. json.encode_object(item[1], json.MEMBER)
    end }
end

local function all(self)
  return { view = self.past.view, members = members_of(self, false) }
end

-- Listed once for all that have waited since the same view.
local function answer(self, since, made)
  made[since] = made[since] or view_body(self.past:changes(since) or all(self))
  return 200, made[since], JSON
end

local function unchanged(self)
  return 200, view_body({ view = self.past.view, joined = {}, left = {}, changed = {} }), JSON
end

function state.view(self, asked)
  local since, message = request.number(asked.query, "since", 2 ^ 53)
  if message then
    return bad(message)
  end
  local seconds
  seconds, message = request.number(asked.query, "wait", MAX_WAIT, 0)
  if message then
    return bad(message)
  elseif since ~= self.past.view then
    return answer(self, since or false, {})
  elseif seconds == 0 then
    return unchanged(self)
  elseif not self:wait(asked.exchange, seconds, function(made)
    if made then
      return answer(self, since, made)
    end
    return unchanged(self)
  end, MAX_WAITING) then
    return 503, "too many are waiting\n", { ["Retry-After"] = "1" }
  end
end

return state
