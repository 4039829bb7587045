--- Members and services as Consul writes them.
--
-- A member is a node; a service that its tags have is a service of that node, with one
-- check of its own and the node's "serfHealth". The cluster's label is the datacenter.

local instances = require("shoal.services.instances")
local json = require("shoal.format.json")
local text = require("shoal.format.text")

local entries = {}

local encode = json.encode

-- ---- Members as nodes ----

-- Four polynomials of the bytes, modulo the largest prime below 2^32; a product is exact below 2^53.
local PRIME, POINTS = 4294967291, { 1299709, 1566083, 1828757, 2038073 }

-- A UUID of a member, the same on all that know it.
local function uuid_of(name)
  local parts = {}
  for i, point in ipairs(POINTS) do
    local hash = #name
    for at = 1, #name do
      hash = (hash * point + name:byte(at) + 1) % PRIME
    end
    parts[i] = ("%08x"):format(hash)
  end
  local digits = table.concat(parts)
  return ("%s-%s-%s-%s-%s"):format(digits:sub(1, 8), digits:sub(9, 12), digits:sub(13, 16), digits:sub(17, 20),
    digits:sub(21))
end

local function name_of(member)
  local name = text.name(member)
  return name ~= "" and name or text.plain(member.addr)
end

local function host_of(member)
  local addr = text.plain(member.addr)
  return (addr:match("^%[?(.-)%]?:%d+$") or addr)
end

-- Strings by name, as Consul's metadata are: the tags that are not services.
local function meta_of(member)
  local parts = {}
  for _, name in ipairs(text.sorted_keys(member.tags or {})) do
    local value = member.tags[name]
    if type(value) ~= "table" and not instances.name_of(name) then
      parts[#parts + 1] = ("%s:%s"):format(encode(tostring(name)), encode(text.plain(value)))
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
    .. '"CreateIndex":%.0f,"ModifyIndex":%.0f}'):format(encode(uuid_of(text.plain(member.addr))),
    encode(name_of(member)), encode(host), encode(self.datacenter), addresses(host), meta_of(member), index, index)
end

-- ---- Services and checks ----

local function service_host(one)
  return one.host and one.host:gsub("^%[(.*)%]$", "%1") or host_of(one.member)
end

--- Its tags, as text.
function entries.tags_of(one)
  local tags = {}
  for i, tag in ipairs(one.tags) do
    tags[i] = text.plain(tag)
  end
  return tags
end

--- What its check says.
function entries.status_of(one)
  return (one.state == "passing" or one.state == "warning") and one.state or "critical"
end

local function check_object(member, id, name, status, output, one)
  local index = index_of(member)
  return ('{"Node":%s,"CheckID":%s,"Name":%s,"Status":%s,"Notes":"","Output":%s,"ServiceID":%s,"ServiceName":%s,'
    .. '"ServiceTags":%s,"Type":"","Interval":"","Timeout":"","ExposedPort":0,"Definition":{},'
    .. '"CreateIndex":%.0f,"ModifyIndex":%.0f}'):format(encode(name_of(member)), encode(id), encode(name),
    encode(status), encode(output), encode(one and one.name or ""),
    encode(one and one.name or ""), encode(one and entries.tags_of(one) or {}),
    index, index)
end

function entries.node_check(member)
  return check_object(member, "serfHealth", "Serf Health Status", "passing", "Agent alive and reachable")
end

function entries.service_check(one)
  return check_object(one.member, "service:" .. one.name, ("Service '%s' check"):format(one.name),
    entries.status_of(one), one.reason and ("%s: %s"):format(one.state, one.reason) or one.state, one)
end

local function weights(one)
  return ('{"Passing":%d,"Warning":1}'):format(one.weight)
end

function entries.catalog(self, one)
  local member, host = one.member, host_of(one.member)
  local index = index_of(member)
  return ('{"ID":%s,"Node":%s,"Address":%s,"Datacenter":%s,"TaggedAddresses":%s,"NodeMeta":%s,"ServiceKind":"",'
    .. '"ServiceID":%s,"ServiceName":%s,"ServiceTags":%s,"ServiceAddress":%s,"ServiceTaggedAddresses":{},'
    .. '"ServiceWeights":%s,"ServiceMeta":{},"ServicePort":%d,"ServiceSocketPath":"","ServiceEnableTagOverride":false,'
    .. '"ServiceProxy":{"Mode":"","MeshGateway":{},"Expose":{}},"ServiceConnect":{},'
    .. '"CreateIndex":%.0f,"ModifyIndex":%.0f}'):format(encode(uuid_of(text.plain(member.addr))),
    encode(name_of(member)), encode(host), encode(self.datacenter), addresses(host), meta_of(member),
    encode(one.name), encode(one.name),
    encode(entries.tags_of(one)), encode(service_host(one)), weights(one), one.port or 0, index, index)
end

function entries.health(self, one)
  local index = index_of(one.member)
  return ('{"Node":%s,"Service":{"ID":%s,"Service":%s,"Tags":%s,"Address":%s,"TaggedAddresses":{},"Meta":{},"Port":%d,'
    .. '"Weights":%s,"EnableTagOverride":false,"Proxy":{"Mode":"","MeshGateway":{},"Expose":{}},"Connect":{},'
    .. '"PeerName":"","CreateIndex":%.0f,"ModifyIndex":%.0f},"Checks":[%s,%s]}'):format(node_object(self, one.member),
    encode(one.name), encode(one.name), encode(entries.tags_of(one)), encode(service_host(one)), one.port or 0,
    weights(one), index, index, entries.node_check(one.member), entries.service_check(one))
end

--- This node, for /v1/agent/self.
function entries.agent(self)
  local info = self.node:info()
  local member = { id = info.identity, addr = info.addr, tags = self.node:tags(), since = info.started_at }
  return ('{"Config":{"Datacenter":%s,"PrimaryDatacenter":%s,"NodeName":%s,"NodeID":%s,"Revision":"","Server":false,'
    .. '"Version":%s,"BuildDate":"1970-01-01T00:00:00Z"},"Coord":{"Vec":[0,0,0,0,0,0,0,0],"Error":1.5,"Adjustment":0,'
    .. '"Height":0.00001},"Member":{"Name":%s,"Addr":%s,"Port":%d,"Tags":%s,"Status":1,"ProtocolMin":1,'
    .. '"ProtocolMax":5,"ProtocolCur":2,"DelegateMin":2,"DelegateMax":5,"DelegateCur":4},"Stats":{},"Meta":%s}\n')
    :format(encode(self.datacenter), encode(self.datacenter), encode(name_of(member)),
      encode(uuid_of(text.plain(member.addr))), encode(info.version), encode(name_of(member)), encode(host_of(member)),
      tonumber(text.plain(member.addr):match(":(%d+)$")) or 0, meta_of(member), meta_of(member))
end

return entries
