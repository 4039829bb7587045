-- SPDX-License-Identifier: MIT
--- The members as the shared dict has them, and the services that they offer.
--
-- A state is an array: what is said of the node that was asked, and the members, each of
-- which is packed by itself: a reader unpacks those that are others than before, and keeps
-- the tables of all the rest.

local msgpack = require "resty.shoal.msgpack"

local view = {}

local PREFIX = "service."

---@class resty.shoal.Member
---@field addr any
---@field id any
---@field tags table
---@field is_self? true  the node whose socket it is

---@class resty.shoal.Instance
---@field name string
---@field member resty.shoal.Member
---@field addr string?
---@field host string?
---@field port integer?
---@field state string
---@field tags string[]
---@field weight integer

---@class resty.shoal.View
---@field node table
---@field members resty.shoal.Member[]  by address
---@field private tables table<string, resty.shoal.Member>  by what they are packed
---@field private services table<string, resty.shoal.Instance[]>  those that pass
---@field private empty integer  how many of these lists are
local View = {}
View.__index = View

--- The bytes of an address, as the engine has them.
---@param addr any
---@return string
function view.bytes_of(addr)
  return type(addr) == "string" and addr or "\193" .. msgpack.pack(addr)
end

-- As services are sorted by the node.
local function sort_key(addr)
  return type(addr) == "string" and addr or msgpack.pack(addr)
end

-- ---- Members by their tags ----

local function same(a, b)
  if a == b then
    return true
  elseif type(a) ~= "table" or type(b) ~= "table" then
    return false
  end
  for key, value in pairs(a) do
    if not same(value, b[key]) then
      return false
    end
  end
  for key in pairs(b) do
    if a[key] == nil then
      return false
    end
  end
  return true
end

-- Functions come last, whatever the order of the table is.
local function has_tags(tags, wanted)
  for name, value in pairs(wanted) do
    if value == true then
      if tags[name] == nil then
        return false
      end
    elseif type(value) ~= "function" and not same(value, tags[name]) then
      return false
    end
  end
  for name, value in pairs(wanted) do
    if type(value) == "function" and not value(tags[name]) then
      return false
    end
  end
  return true
end

--- Those that have these tags, as `node:members` selects; a new table.
---@param options { tags?: table, where?: fun(member: resty.shoal.Member): boolean }
---@return resty.shoal.Member[]
function View:matching(options)
  local list, tags, where = {}, options.tags, options.where
  for _, member in ipairs(self.members) do
    if (not tags or has_tags(member.tags, tags)) and (not where or where(member)) then
      list[#list + 1] = member
    end
  end
  return list
end

-- ---- A state as text ----

--- What is kept of a member.
---@param member table
---@param is_self? boolean
---@return string
function view.pack_member(member, is_self)
  local tags = type(member.tags) == "table" and member.tags or {}
  return msgpack.pack { addr = member.addr, id = member.id, tags = tags, is_self = is_self or nil }
end

--- Members by the bytes of their addresses, each packed.
---@param node table
---@param members table<string, string>
---@return string
function view.pack(node, members)
  local keys, parts = {}, {}
  for key in pairs(members) do
    keys[#keys + 1] = key
  end
  table.sort(keys)
  for i, key in ipairs(keys) do
    parts[i] = msgpack.pack(members[key])
  end
  return msgpack.pack_array(2) .. msgpack.pack(node) .. msgpack.pack_array(#keys) .. table.concat(parts)
end

local function read_member(text, before)
  local known = before and before.tables[text]
  if known then
    return known
  end
  local ok, member = msgpack.unpack(text)
  if ok and type(member) == "table" and member.addr ~= nil then
    member.tags = type(member.tags) == "table" and member.tags or {}
    return member
  end
end

--- nil: it is no state. Tables of members that are as they were are those of `before`.
---@param text any
---@param before? resty.shoal.View
---@return resty.shoal.View?
function view.read(text, before)
  local ok, state = msgpack.unpack(type(text) == "string" and text or "")
  if not ok or type(state) ~= "table" or type(state[1]) ~= "table" or type(state[2]) ~= "table" then
    return nil
  end
  local self = setmetatable({ node = state[1], members = {}, tables = {}, services = {}, empty = 0 }, View)
  for i, packed in ipairs(state[2]) do
    local member = type(packed) == "string" and read_member(packed, before)
    if not member then
      return nil
    end
    self.members[i], self.tables[packed] = member, member
  end
  if before then
    view.keep_lists(self, before)
  end
  return self
end

-- ---- Services: as lua/shoal/services/instances.lua reads them ----

local function host_of(addr)
  return type(addr) == "string" and addr:match "^(.*):%d+$" or nil
end

-- An IPv6 address has brackets.
local function clean_host(host)
  if type(host) ~= "string" or #host > 255 or not host:find "^%[?[%w%.%-_:%%]+%]?$" then
    return nil
  elseif host:find(":", 1, true) then
    local bare = host:match "^%[(.*)%]$" or host
    return select(2, bare:gsub(":", "")) > 1 and "[" .. bare .. "]" or nil
  end
  return host
end

local function whole(value, high)
  local number = type(value) == "number" and value or nil
  return number and number >= 0 and number <= high and number % 1 == 0 and number or nil
end

-- Members of other releases and other hands may say anything.
local function read_instance(name, member, value)
  if type(value) ~= "table" then
    return nil
  end
  local port, host = whole(value.port, 65535), clean_host(value.host) or clean_host(host_of(member.addr))
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

--- All instances of a service, whatever their state, by the address of the member.
---@param name string
---@return resty.shoal.Instance[]
function View:instances(name)
  local list, keys, tag = {}, {}, PREFIX .. name
  for _, member in ipairs(self.members) do
    local instance = member.tags[tag] ~= nil and read_instance(name, member, member.tags[tag])
    if instance then
      list[#list + 1] = instance
      keys[instance] = sort_key(member.addr)
    end
  end
  table.sort(list, function(a, b)
    return keys[a] < keys[b]
  end)
  return list
end

local function has_state(instance, wanted)
  if type(wanted) == "table" then
    for _, state in ipairs(wanted) do
      if state == instance.state then
        return true
      end
    end
    return false
  end
  return wanted == "any" or instance.state == (wanted or "passing")
end

local function has_tag(instance, wanted)
  for _, tag in ipairs(instance.tags) do
    if tag == wanted then
      return true
    end
  end
  return false
end

--- Those that are wanted; a new table.
---@param name string
---@param options { tag?: string, state?: string|string[], where?: fun(instance: resty.shoal.Instance): boolean }
---@return resty.shoal.Instance[]
function View:select(name, options)
  local list = {}
  for _, instance in ipairs(self:instances(name)) do
    if has_state(instance, options.state) and (not options.tag or has_tag(instance, options.tag))
      and (not options.where or options.where(instance)) then
      list[#list + 1] = instance
    end
  end
  return list
end

-- Lists without an instance that are kept. Names may come from requests, and then there is any
-- number of them.
local MOST_EMPTY = 100

local function keep(self, name, list)
  if not list[1] then
    if self.empty >= MOST_EMPTY then
      return
    end
    self.empty = self.empty + 1
  end
  self.services[name] = list
end

--- Those that pass: the same table as long as these are the same.
---@param name string
---@return resty.shoal.Instance[]
function View:passing(name)
  local list = self.services[name]
  if not list then
    list = self:select(name, {})
    keep(self, name, list)
  end
  return list
end

-- The tables of members are the same ones if nothing about them is different.
local function is_same(list, other)
  for i = 1, math.max(#list, #other) do
    if not list[i] or not other[i] or list[i].member ~= other[i].member then
      return false
    end
  end
  return true
end

-- Whoever keeps something that was made of a list can see by the table that it still holds.
function view.keep_lists(self, before)
  for name, list in pairs(before.services) do
    local now = self:select(name, {})
    keep(self, name, is_same(now, list) and list or now)
  end
end

return view
