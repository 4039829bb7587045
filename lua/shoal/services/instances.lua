-- SPDX-License-Identifier: MIT
-- The services of a cluster, as the tags of its members have them: one tag for each,
-- "service.web" = { port = 8080, state = "passing", tags = { "v2" }, weight = 10 }.

local core = require "shoal.core"
local hosts = require "shoal.services.hosts"

local instances = {}

local PREFIX = "service."

--- The tag that says it.
---@return string
function instances.tag_of(name)
  return PREFIX .. name
end

--- The name of the service that a tag is about; nil: it is about none.
---@param tag any
---@return string?
function instances.name_of(tag)
  return type(tag) == "string" and tag:sub(1, #PREFIX) == PREFIX and tag:sub(#PREFIX + 1) or nil
end

--- "10.0.0.1" of "10.0.0.1:7946", "[::1]" of "[::1]:7946".
---@param addr any
---@return string?
function instances.host_of(addr)
  return type(addr) == "string" and addr:match "^(.*):%d+$" or nil
end

local function whole(value, high)
  local number = type(value) == "number" and value or nil
  return number and number >= 0 and number <= high and number % 1 == 0 and number or nil
end

--- What a member says, as far as it is what it should be: members of other releases and
--- other hands may say anything. nil: it is not about a service.
---@param name string
---@param member shoal.Member
---@param value any  of the tag
---@return shoal.services.Instance?
function instances.read(name, member, value)
  if type(value) ~= "table" then
    return nil
  end
  local port, host = whole(value.port, 65535), hosts.read(value.host) or hosts.read(instances.host_of(member.addr))
  return {
    name = name,
    member = member,
    host = host,
    port = port,
    addr = host and port and ("%s:%d"):format(host, port) or host,
    state = type(value.state) == "string" and value.state or "critical",
    tags = type(value.tags) == "table" and value.tags or {},
    weight = whole(value.weight, 65535) or 1,
  }
end

--- This node, as other members see it.
---@param node shoal.Node
---@return shoal.Member?
function instances.own_member(node)
  if node:connection() == "defunct" then
    return nil
  end
  local id = node:identity()
  local addr = type(id) == "table" and id.addr or node:info().addr
  return { addr = addr, id = id, state = "alive", tags = node:tags() }
end

-- And which of them we are.
local function living(node)
  local members, own = node:members(), instances.own_member(node)
  members[#members + 1] = own
  return members, own
end

local function sort_key(instance)
  local addr = instance.member.addr
  return type(addr) == "string" and addr or core.pack(addr)
end

local function sort(list)
  local keys = {}
  for _, instance in ipairs(list) do
    keys[instance] = instance.name .. "\0" .. sort_key(instance)
  end
  table.sort(list, function(a, b)
    return keys[a] < keys[b]
  end)
  return list
end

--- Every instance that a living member, this node included, says it has: by name and
--- address.
---@param node shoal.Node
---@return shoal.services.Instance[], shoal.Member? own  whose instances are ours
function instances.all(node)
  local list = {}
  local members, own = living(node)
  for _, member in ipairs(members) do
    for tag, value in pairs(member.tags or {}) do
      local name = instances.name_of(tag)
      list[#list + 1] = name and instances.read(name, member, value) or nil
    end
  end
  return sort(list), own
end

local function has_tag(instance, wanted)
  for _, tag in ipairs(instance.tags) do
    if tag == wanted then
      return true
    end
  end
  return false
end

local function has_state(instance, wanted)
  if wanted == nil then
    return instance.state == "passing"
  elseif wanted == "any" then
    return true
  elseif type(wanted) == "table" then
    for _, state in ipairs(wanted) do
      if state == instance.state then
        return true
      end
    end
    return false
  end
  return instance.state == wanted
end

local OPTIONS = { tag = "string", where = "function", state = true }

local function check_options(options)
  for name, value in pairs(options) do
    if not OPTIONS[name] then
      error(("node:service: unknown option '%s'"):format(tostring(name)), 3)
    elseif OPTIONS[name] ~= true and type(value) ~= OPTIONS[name] then
      error(("node:service: option '%s' must be a %s"):format(name, OPTIONS[name]), 3)
    end
  end
end

--- Those of one name that are wanted, of a list of all.
---@param all shoal.services.Instance[]
---@param name string
---@param options? { tag?: string, state?: string|string[], where?: fun(instance: shoal.services.Instance): boolean }
---@return shoal.services.Instance[]
function instances.select(all, name, options)
  options = options or {}
  check_options(options)
  local list = {}
  for _, instance in ipairs(all) do
    if instance.name == name and has_state(instance, options.state)
      and (not options.tag or has_tag(instance, options.tag))
      and (not options.where or options.where(instance)) then
      list[#list + 1] = instance
    end
  end
  return list
end

--- What makes a list of instances another one.
---@param list shoal.services.Instance[]
---@return string
function instances.signature(list)
  local parts = {}
  for i, instance in ipairs(list) do
    parts[i] = { instance.addr or "", instance.state, instance.tags, instance.weight, instance.member.addr }
  end
  return core.pack(parts)
end

return instances
