--- What readers of Consul ask for, in its words: catalog, health, and blocking queries.
--
-- Nothing here changes anything, and there is no leader: any member answers for all.
--
-- An index is a time in milliseconds that grows with each change, so it grows over a restart,
-- too. A query that waits is looked at again when something has changed, and is answered when
-- its own answer has. All that is asked about one index is taken from one list of services, and
-- queries that are equal are made once for all, piece by piece.

local entries = require("shoal.serve.http.entries")
local instances = require("shoal.services.instances")
local json = require("shoal.format.json")
local making = require("shoal.serve.http.making")
local request = require("shoal.serve.http.request")
local services = require("shoal.services")
local text = require("shoal.format.text")
local waiting = require("shoal.serve.waiting")

local consul = {}

local DEFAULT_WAIT, MOST_WAIT = 300, 600 -- seconds, as Consul has them
local JITTER = 1 / 16 -- of the wait is added at random, at most
local QUIET = 0.05 -- seconds: what changes together is looked at once
local FRESH = 1 -- seconds: what nobody tells of, as the reason of a check, is not older
local MOST_BLOCKED = 100

local encode = json.encode

-- ---- What there is ----

-- Our own entry has no time of its own: it is as old as the node.
local function members_of(self)
  local members, own = self.node:members(), instances.own_member(self.node)
  if own then
    own.since, members[#members + 1] = self.since, own
  end
  return members
end

-- Services as of now, by name and address.
local function look(self)
  local view = { index = self.index, all = services.all(self.node), by_name = {}, names = {} }
  for _, one in ipairs(view.all) do
    one.member.since = one.member.since or self.since
    if not view.by_name[one.name] then
      view.by_name[one.name] = {}
      view.names[#view.names + 1] = one.name
    end
    table.insert(view.by_name[one.name], one)
  end
  return view
end

local function view_of(self)
  if not self.view or self.view.index ~= self.index then
    self.view = look(self)
  end
  return self.view
end

-- ---- What is asked for ----

-- ?tag=, of which there may be several: an instance has all of them.
local function has_tags(one, wanted)
  if not wanted[1] then
    return true
  end
  local has = {}
  for _, tag in ipairs(entries.tags_of(one)) do
    has[tag:lower()] = true
  end
  for _, tag in ipairs(wanted) do
    if not has[tag:lower()] then
      return false
    end
  end
  return true
end

-- Adds behind the first with a comma.
local function separated(add)
  local is_first = true
  return function(part)
    add(part and (is_first and part or "," .. part))
    is_first = is_first and not part
  end
end

-- See Making: each of these adds what it has, and returns the index of that.
local function each_of(self, asked, name, write)
  return function(add)
    local view, put = view_of(self), separated(add)
    add("[")
    for _, one in ipairs(view.by_name[name] or {}) do
      local is_wanted = has_tags(one, asked.tags) and (not asked.passing or one.state == "passing")
      put(is_wanted and write(self, one) or nil)
    end
    add("]\n")
    return view.index
  end
end

local function all_services(self)
  return function(add)
    local view, put = view_of(self), separated(add)
    add("{")
    for _, name in ipairs(view.names) do
      local tags = {}
      for _, one in ipairs(view.by_name[name]) do
        for _, tag in ipairs(entries.tags_of(one)) do
          tags[tag] = true
        end
        add()
      end
      put(("%s:%s"):format(encode(name), encode(text.sorted_keys(tags))))
    end
    add("}\n")
    return view.index
  end
end

local function all_checks(self, wanted)
  local function is_wanted(status)
    return wanted == "any" or wanted == status
  end
  return function(add)
    local view, put = view_of(self), separated(add)
    add("[")
    for _, member in ipairs(is_wanted("passing") and members_of(self) or {}) do
      put(entries.node_check(member))
    end
    for _, one in ipairs(view.all) do
      put(is_wanted(entries.status_of(one)) and entries.service_check(one) or nil)
    end
    add("]\n")
    return view.index
  end
end

local STATES = { any = true, passing = true, warning = true, critical = true }

-- What makes the answer to a path, which one may also wait for; nil: it is not of a list.
local function maker_of(self, asked)
  local path = asked.path
  local catalog, health = path:match("^/v1/catalog/service/([^/]+)$"), path:match("^/v1/health/service/([^/]+)$")
  local checks = path:match("^/v1/health/state/([^/]+)$")
  if path == "/v1/catalog/services" then
    return all_services(self)
  elseif catalog then
    asked.passing = false
    return each_of(self, asked, catalog, entries.catalog)
  elseif health then
    return each_of(self, asked, health, entries.health)
  elseif checks and STATES[checks] then
    return all_checks(self, checks)
  end
end

-- Those that are short, and answered at once.
local SHORT = {
  ["/v1/agent/self"] = entries.agent,
  ["/v1/status/leader"] = function(self)
    return encode(text.plain(self.node:info().addr)) .. "\n"
  end,
}

-- ---- Blocking queries ----

local UNITS = { h = 3600, m = 60, s = 1, ms = 1e-3, us = 1e-6, ns = 1e-9, ["\194\181s"] = 1e-6 }

-- "5m", "1m30s", "500ms", and "0": seconds, or nil.
local function duration(given)
  local seconds, at = 0, given == "0" and 2 or 1
  while at <= #given do
    local number, unit, stop = given:match("^(%d+%.?%d*)([^%d.]+)()", at)
    if not number or not UNITS[unit] then
      return nil
    end
    seconds, at = seconds + tonumber(number) * UNITS[unit], stop
  end
  return at > 1 and seconds or nil
end

local function headers(index)
  return {
    ["Content-Type"] = "application/json",
    ["X-Consul-Index"] = ("%.0f"):format(index),
    ["X-Consul-Knownleader"] = "true",
    ["X-Consul-Lastcontact"] = "0",
    ["X-Consul-Effective-Consistency"] = "stale",
  }
end

local function itself(piece)
  return piece
end

-- Its pieces are sent one by one: see Http:send().
local function body_of(made)
  return { made.pieces, open = "", between = "", close = "", encode = itself }
end

local function send(self, exchange, made)
  self.blocked:take(exchange)
  if made then
    self.http:send(exchange, 200, body_of(made), headers(made.version))
  else
    exchange:drop()
  end
end

-- Answers once it is made.
local function answer_later(self, exchange, key, make)
  self.making:ask(key, exchange, make, function(made)
    self.http.try(exchange, send, self, exchange, made)
  end)
end

local function is_same(made, seen)
  if not seen or #made.pieces ~= #seen then
    return false
  end
  for i, piece in ipairs(seen) do
    if piece ~= made.pieces[i] then
      return false
    end
  end
  return true
end

-- Answers those who wait for what is made now, if it is not what they have seen.
local function compare(self, key, made)
  local failure
  for _, exchange in ipairs(made and self.blocked:keys() or {}) do
    local blocked = self.blocked:get(exchange)
    if blocked and blocked.key == key and not is_same(made, blocked.seen) then
      local ok, message = pcall(self.http.try, exchange, send, self, exchange, made)
      failure = failure or not ok and message
    end
  end
  if failure then
    error(failure, 0)
  end
end

local function look_again(self)
  self.looking = nil
  for _, exchange in ipairs(self.blocked:keys()) do
    local blocked = self.blocked:get(exchange)
    self.making:ask(blocked.key, self, blocked.make, function(made)
      compare(self, blocked.key, made)
    end)
  end
end

-- What its client has seen, if nothing has changed since.
local function set_seen(blocked, made)
  if made and made.version == blocked.index then
    blocked.seen = made.pieces
  end
end

local function block(self, asked, key, make, seconds)
  if self.blocked.count >= MOST_BLOCKED then
    return 429, "too many are waiting\n", { ["Retry-After"] = "1" }
  end
  local exchange, blocked = asked.exchange, { key = key, make = make, index = self.index }
  self.blocked:put(self.node, exchange, blocked, seconds * (1 + math.random() * JITTER), function()
    self.http.try(exchange, answer_later, self, exchange, key, make)
  end)
  set_seen(blocked, self.making:find(key))
  if not blocked.seen then
    self.making:ask(key, exchange, make, function(made)
      set_seen(blocked, made)
    end)
  end
end

-- What nobody tells of is looked at anew from time to time.
local function forget_old(self)
  local now = self.node:time()
  if math.abs(now - self.looked_at) >= FRESH then
    self.looked_at, self.view = now, nil
    self.making:clear()
  end
end

-- Equal queries have equal keys, and no others: an empty tag is one, too.
local function key_of(asked)
  return ("%s\0%d\0%d\0%s"):format(asked.path, asked.passing and 1 or 0, #asked.tags, table.concat(asked.tags, "\0"))
end

local function list(self, asked, make, index, wait)
  local key = key_of(asked)
  forget_old(self)
  if index > 0 and index == self.index then
    return block(self, asked, key, make, wait)
  end
  local made = self.making:find(key)
  if made then
    return 200, body_of(made), headers(made.version)
  end
  return answer_later(self, asked.exchange, key, make)
end

local REFUSED = { "filter", "node-meta", "near", "peer", "ns", "partition", "sg" }

-- ---- The route ----

-- As Consul has it, one without a value is not there.
local function given(query, name, fallback)
  return query[name] and query[name] ~= "" and query[name] or fallback
end

---@class shoal.http.Consul
---@field node shoal.Node
---@field http shoal.Http
---@field datacenter string
---@field since number  when the node started
---@field index number
---@field private blocked shoal.Waiting  by their exchange
---@field private making shoal.http.Making
---@field private view? table  services as of an index
---@field private looked_at number
---@field private looking? shoal.Timer
local Consul = {}
Consul.__index = Consul

--- Of a path below /v1/.
---@param asked shoal.http.Request
function Consul:route(asked)
  local query = asked.query
  local short, make = SHORT[asked.path], maker_of(self, asked)
  if not make and not short then
    return 404, "this page does not exist\n"
  end
  for _, name in ipairs(REFUSED) do
    if query[name] and (query[name] ~= "" or name == "filter") then
      return 400, ("%s is not supported\n"):format(name)
    end
  end
  if query.dc and query.dc ~= "" and query.dc ~= self.datacenter then
    return 500, "No path to datacenter\n"
  end
  asked.passing = asked.passing == nil and request.flag(query, "passing")
  local index = tonumber(given(query, "index", "0"):match("^%d+$"))
  local wait = duration(given(query, "wait", DEFAULT_WAIT .. "s"))
  if not index then
    return 400, "Invalid index\n"
  elseif not wait then
    return 400, "Invalid wait time\n"
  end
  wait = math.min(wait > 0 and wait or DEFAULT_WAIT, MOST_WAIT)
  if short then
    return 200, short(self), headers(self.index)
  end
  return list(self, asked, make, index, wait)
end

--- A member or a tag has changed.
function Consul:touch()
  self.index = math.max(self.index + 1, math.floor(self.node:time() * 1000))
  self.view = nil
  self.making:clear()
  if self.blocked.count > 0 and not self.looking then
    self.looking = self.node:after(QUIET, function()
      look_again(self)
    end)
  end
end

--- The client of a request has gone.
function Consul:drop(exchange)
  self.blocked:take(exchange)
  self.making:forget(exchange)
end

---@param node shoal.Node
---@param http shoal.Http
---@return shoal.http.Consul
function consul.new(node, http)
  local info = node:info()
  return setmetatable({
    node = node, http = http, datacenter = info.cluster or "dc1", since = info.started_at,
    index = math.floor(node:time() * 1000),
    blocked = waiting.new(), making = making.new(node), looked_at = node:time(),
  }, Consul)
end

return consul
