--- What readers of Consul ask for, in its words: catalog, health, and blocking queries.
--
-- A member is a node; a service that its tags have is a service of that node, with one
-- check of its own and the node's "serfHealth". The cluster's label is the datacenter. Nothing
-- here changes anything, and there is no leader: any member answers for all.
--
-- An index is a time in milliseconds that grows with each change, so it grows over a restart,
-- too. A query that waits is looked at again when something has changed, and is answered when
-- its own answer has. Queries that are equal are looked at once for all.

local instances = require("shoal.services.instances")
local json = require("shoal.format.json")
local request = require("shoal.serve.http.request")
local services = require("shoal.services")
local text = require("shoal.format.text")
local waiting = require("shoal.serve.waiting")

local consul = {}

local DEFAULT_WAIT, MOST_WAIT = 300, 600 -- seconds, as Consul has them
local JITTER = 1 / 16 -- of the wait is added at random, at most
local QUIET = 0.05 -- seconds: what changes together is looked at once
local MOST_BLOCKED = 100

local encode = json.encode

-- ---- Members as nodes ----

-- A UUID of a member, the same on all that know it.
local function uuid_of(name)
  local parts = {}
  for i = 1, 4 do
    local hash = 5381 + i * 7919
    for at = 1, #name do
      hash = (hash * 33 + name:byte(at) * i) % 4294967296
    end
    parts[i] = ("%08x"):format(hash)
  end
  local digits = table.concat(parts)
  return ("%s-%s-%s-%s-%s"):format(digits:sub(1, 8), digits:sub(9, 12), digits:sub(13, 16), digits:sub(17, 20),
    digits:sub(21))
end

local function name_of(member)
  local name = text.name(member)
  return name ~= "" and name or text.value(member.addr)
end

local function host_of(member)
  local addr = text.value(member.addr)
  return (addr:match("^%[?(.-)%]?:%d+$") or addr)
end

-- Strings by name, as Consul's metadata are: the tags that are not services.
local function meta_of(member)
  local parts = {}
  for _, name in ipairs(text.sorted_keys(member.tags or {})) do
    local value = member.tags[name]
    if type(value) ~= "table" and not instances.name_of(name) then
      parts[#parts + 1] = ("%s:%s"):format(encode(tostring(name)), encode(text.value(value)))
    end
  end
  return "{" .. table.concat(parts, ",") .. "}"
end

-- When it came to be as it is, in the unit of the index.
local function index_of(member)
  return math.floor((member.since or 0) * 1000)
end

local function addresses(host)
  return ('{"lan":%s,"wan":%s}'):format(encode(host), encode(host))
end

local function node_object(self, member)
  local host, index = host_of(member), index_of(member)
  return ('{"ID":%s,"Node":%s,"Address":%s,"Datacenter":%s,"TaggedAddresses":%s,"Meta":%s,'
    .. '"CreateIndex":%.0f,"ModifyIndex":%.0f}'):format(encode(uuid_of(text.value(member.addr))),
    encode(name_of(member)), encode(host), encode(self.datacenter), addresses(host), meta_of(member), index, index)
end

-- ---- Services and checks ----

local function service_host(one)
  return one.host and one.host:gsub("^%[(.*)%]$", "%1") or host_of(one.member)
end

local function tags_of(one)
  local tags = {}
  for i, tag in ipairs(one.tags) do
    tags[i] = text.value(tag)
  end
  return tags
end

local function status_of(one)
  return (one.state == "passing" or one.state == "warning") and one.state or "critical"
end

local function check_object(member, id, name, status, output, one)
  local index = index_of(member)
  return ('{"Node":%s,"CheckID":%s,"Name":%s,"Status":%s,"Notes":"","Output":%s,"ServiceID":%s,"ServiceName":%s,'
    .. '"ServiceTags":%s,"Type":"","Interval":"","Timeout":"","ExposedPort":0,"Definition":{},'
    .. '"CreateIndex":%.0f,"ModifyIndex":%.0f}'):format(encode(name_of(member)), encode(id), encode(name),
    encode(status), encode(output), encode(one and one.name or ""),
    encode(one and one.name or ""), encode(one and tags_of(one) or {}),
    index, index)
end

local function node_check(member)
  return check_object(member, "serfHealth", "Serf Health Status", "passing", "Agent alive and reachable")
end

local function service_check(one)
  return check_object(one.member, "service:" .. one.name, ("Service '%s' check"):format(one.name), status_of(one),
    one.reason and ("%s: %s"):format(one.state, one.reason) or one.state, one)
end

local function weights(one)
  return ('{"Passing":%d,"Warning":1}'):format(one.weight)
end

local function catalog_entry(self, one)
  local member, host = one.member, host_of(one.member)
  local index = index_of(member)
  return ('{"ID":%s,"Node":%s,"Address":%s,"Datacenter":%s,"TaggedAddresses":%s,"NodeMeta":%s,"ServiceKind":"",'
    .. '"ServiceID":%s,"ServiceName":%s,"ServiceTags":%s,"ServiceAddress":%s,"ServiceTaggedAddresses":{},'
    .. '"ServiceWeights":%s,"ServiceMeta":{},"ServicePort":%d,"ServiceSocketPath":"","ServiceEnableTagOverride":false,'
    .. '"ServiceProxy":{"Mode":"","MeshGateway":{},"Expose":{}},"ServiceConnect":{},'
    .. '"CreateIndex":%.0f,"ModifyIndex":%.0f}'):format(encode(uuid_of(text.value(member.addr))),
    encode(name_of(member)), encode(host), encode(self.datacenter), addresses(host), meta_of(member),
    encode(one.name), encode(one.name),
    encode(tags_of(one)), encode(service_host(one)), weights(one), one.port or 0, index, index)
end

local function health_entry(self, one)
  local index = index_of(one.member)
  return ('{"Node":%s,"Service":{"ID":%s,"Service":%s,"Tags":%s,"Address":%s,"TaggedAddresses":{},"Meta":{},"Port":%d,'
    .. '"Weights":%s,"EnableTagOverride":false,"Proxy":{"Mode":"","MeshGateway":{},"Expose":{}},"Connect":{},'
    .. '"PeerName":"","CreateIndex":%.0f,"ModifyIndex":%.0f},"Checks":[%s,%s]}'):format(node_object(self, one.member),
    encode(one.name), encode(one.name), encode(tags_of(one)), encode(service_host(one)), one.port or 0, weights(one),
    index, index, node_check(one.member), service_check(one))
end

-- ---- What is asked for ----

-- ?tag=, of which there may be several: an instance has all of them.
local function has_tags(one, wanted)
  local has = {}
  for _, tag in ipairs(tags_of(one)) do
    has[tag:lower()] = true
  end
  for _, tag in ipairs(wanted) do
    if not has[tag:lower()] then
      return false
    end
  end
  return true
end

local function array(parts)
  return "[" .. table.concat(parts, ",") .. "]\n"
end

-- Our own entry has no time of its own: it is as old as the node.
local function all_of(self)
  local all = services.all(self.node)
  for _, one in ipairs(all) do
    one.member.since = one.member.since or self.since
  end
  return all
end

local function each_of(self, asked, name, write)
  local parts = {}
  for _, one in ipairs(all_of(self)) do
    if one.name == name and has_tags(one, asked.tags) and (not asked.passing or one.state == "passing") then
      parts[#parts + 1] = write(self, one)
    end
  end
  return array(parts)
end

local function all_services(self)
  local tags, names = {}, {}
  for _, one in ipairs(all_of(self)) do
    if not tags[one.name] then
      tags[one.name] = {}
      names[#names + 1] = one.name
    end
    for _, tag in ipairs(tags_of(one)) do
      tags[one.name][tag] = true
    end
  end
  for i, name in ipairs(names) do
    names[i] = ("%s:%s"):format(encode(name), encode(text.sorted_keys(tags[name])))
  end
  return "{" .. table.concat(names, ",") .. "}\n"
end

local function all_checks(self, wanted)
  local parts = {}
  local function add(status, check)
    if wanted == "any" or wanted == status then
      parts[#parts + 1] = check
    end
  end
  local members = self.node:members()
  local own = instances.own_member(self.node)
  if own then
    own.since, members[#members + 1] = self.since, own
  end
  for _, member in ipairs(members) do
    add("passing", node_check(member))
  end
  for _, one in ipairs(all_of(self)) do
    add(status_of(one), service_check(one))
  end
  return array(parts)
end

local function own_agent(self)
  local info = self.node:info()
  local member = { id = info.identity, addr = info.addr, tags = self.node:tags(), since = info.started_at }
  return ('{"Config":{"Datacenter":%s,"PrimaryDatacenter":%s,"NodeName":%s,"NodeID":%s,"Revision":"","Server":false,'
    .. '"Version":%s,"BuildDate":"1970-01-01T00:00:00Z"},"Coord":{"Vec":[0,0,0,0,0,0,0,0],"Error":1.5,"Adjustment":0,'
    .. '"Height":0.00001},"Member":{"Name":%s,"Addr":%s,"Port":%d,"Tags":%s,"Status":1,"ProtocolMin":1,'
    .. '"ProtocolMax":5,"ProtocolCur":2,"DelegateMin":2,"DelegateMax":5,"DelegateCur":4},"Stats":{},"Meta":%s}\n')
    :format(encode(self.datacenter), encode(self.datacenter), encode(name_of(member)),
      encode(uuid_of(text.value(member.addr))), encode(info.version), encode(name_of(member)), encode(host_of(member)),
      tonumber(text.value(member.addr):match(":(%d+)$")) or 0, meta_of(member), meta_of(member))
end

local STATES = { any = true, passing = true, warning = true, critical = true }

-- What makes the answer to a path, and whether one may wait for another; nil: there is no such path.
local function maker_of(self, asked)
  local path = asked.path
  local catalog, health = path:match("^/v1/catalog/service/([^/]+)$"), path:match("^/v1/health/service/([^/]+)$")
  local checks = path:match("^/v1/health/state/([^/]+)$")
  if path == "/v1/catalog/services" then
    return function() return all_services(self) end, true
  elseif catalog then
    asked.passing = false
    return function() return each_of(self, asked, catalog, catalog_entry) end, true
  elseif health then
    return function() return each_of(self, asked, health, health_entry) end, true
  elseif checks and STATES[checks] then
    return function() return all_checks(self, checks) end, true
  elseif path == "/v1/agent/self" then
    return function() return own_agent(self) end, false
  elseif path == "/v1/status/leader" then
    return function() return encode(text.value(self.node:info().addr)) .. "\n" end, false
  end
end

-- ---- Blocking queries ----

local UNITS = { h = 3600, m = 60, s = 1, ms = 1e-3, us = 1e-6, ns = 1e-9, ["\194\181s"] = 1e-6 }

-- "5m", "1m30s", "500ms": seconds, or nil.
local function duration(given)
  local seconds, at = 0, 1
  while at <= #given do
    local number, unit, stop = given:match("^(%d+%.?%d*)([^%d.]+)()", at)
    if not number or not UNITS[unit] then
      return nil
    end
    seconds, at = seconds + tonumber(number) * UNITS[unit], stop
  end
  return at > 1 and seconds or nil
end

local function headers(self)
  return {
    ["Content-Type"] = "application/json",
    ["X-Consul-Index"] = ("%.0f"):format(self.index),
    ["X-Consul-Knownleader"] = "true",
    ["X-Consul-Lastcontact"] = "0",
    ["X-Consul-Effective-Consistency"] = "stale",
  }
end

local function answer(self, exchange, make)
  local body, about = make(), headers(self)
  self.blocked:take(exchange)
  self.http:send(exchange, 200, body, about)
end

-- Equal queries have equal keys.
local function look_again(self)
  self.looking = nil
  local made = {}
  for _, exchange in ipairs(self.blocked:keys()) do
    local blocked = self.blocked:get(exchange)
    if blocked then
      made[blocked.key] = made[blocked.key] or blocked.make()
      if made[blocked.key] ~= blocked.body then
        local body = made[blocked.key]
        self.http.try(exchange, answer, self, exchange, function()
          return body
        end)
      end
    end
  end
end

local function block(self, asked, make, seconds)
  if self.blocked.count >= MOST_BLOCKED then
    return 429, "too many are waiting\n", { ["Retry-After"] = "1" }
  end
  local exchange = asked.exchange
  self.blocked:put(self.node, exchange, {
    key = ("%s\0%s\0%s"):format(asked.path, asked.passing and 1 or 0, table.concat(asked.tags, "\0")),
    make = make, body = make(),
  }, seconds * (1 + math.random() * JITTER), function()
    self.http.try(exchange, answer, self, exchange, make)
  end)
end

local REFUSED = { "filter", "node-meta", "near", "peer", "ns", "partition", "sg" }

-- ---- The route ----

---@class shoal.http.Consul
---@field node shoal.Node
---@field http shoal.Http
---@field datacenter string
---@field since number  when the node started
---@field index number
---@field private blocked shoal.Waiting  by their exchange
---@field private looking? shoal.Timer
local Consul = {}
Consul.__index = Consul

--- Of a path below /v1/.
---@param asked shoal.http.Request
function Consul:route(asked)
  local query = asked.query
  local make, may_block = maker_of(self, asked)
  if not make then
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
  local index = tonumber((query.index or "0"):match("^%d+$"))
  local wait = query.wait and duration(query.wait) or not query.wait and DEFAULT_WAIT
  if not index then
    return 400, "Invalid index\n"
  elseif not wait then
    return 400, "Invalid wait time\n"
  end
  wait = math.min(wait > 0 and wait or DEFAULT_WAIT, MOST_WAIT)
  if may_block and index > 0 and index == self.index then
    return block(self, asked, make, wait)
  end
  return 200, make(), headers(self)
end

--- A member or a tag has changed.
function Consul:touch()
  self.index = math.max(self.index + 1, math.floor(self.node:time() * 1000))
  if self.blocked.count > 0 and not self.looking then
    self.looking = self.node:after(QUIET, function()
      look_again(self)
    end)
  end
end

--- The client of a request has gone.
function Consul:drop(exchange)
  self.blocked:take(exchange)
end

---@param node shoal.Node
---@param http shoal.Http
---@return shoal.http.Consul
function consul.new(node, http)
  local info = node:info()
  return setmetatable({
    node = node, http = http, datacenter = info.cluster or "dc1", since = info.started_at,
    index = math.floor(node:time() * 1000),
    blocked = waiting.new(),
  }, Consul)
end

return consul
