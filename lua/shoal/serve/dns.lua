--- DNS for those that find services by it: what the answers are made of.
--
-- It listens before the node exists, like the control socket. Queries are read and answered in
-- C (src/dns), from a table; here that table is told of each member that has come, changed or
-- gone. Nobody tells of our own tags, so we look at them before queries are answered.

local core = require("shoal.core")
local instances = require("shoal.services.instances")
local text = require("shoal.format.text")

local dns = {}

---@class shoal.Dns
---@field node? shoal.Node
---@field listener shoal.DnsServer
---@field private own? string our own tags, packed
---@field private own_key? string
---@field private begun integer  members that were put or dropped; fewer have ended: one was not, for want of memory
---@field private ended integer
---@field private repaired number  when all were put again
local Dns = {}
Dns.__index = Dns

local function key_of(member)
  return core.pack(member.addr)
end

-- Tags as text, as far as they are one: "zone=b".
local function texts_of(member)
  local list = {}
  for _, name in ipairs(text.sorted_keys(member.tags or {})) do
    local value = member.tags[name]
    if type(value) ~= "table" and not instances.name_of(name) then
      list[#list + 1] = ("%s=%s"):format(tostring(name), tostring(value))
    end
  end
  return list
end

local function services_of(member)
  local list = {}
  for tag, value in pairs(member.tags or {}) do
    local name = instances.name_of(tag)
    local one = name and instances.read(name, member, value)
    if one then
      list[#list + 1] = { name = name, host = one.host, port = one.port, weight = one.weight, tags = one.tags,
        passing = one.state == "passing" }
    end
  end
  return list
end

local function put(self, member)
  self.begun = self.begun + 1
  self.listener:put(key_of(member), text.name(member), instances.host_of(member.addr), texts_of(member),
    services_of(member))
  self.ended = self.ended + 1
end

local function drop(self, member)
  self.begun = self.begun + 1
  self.listener:drop(key_of(member))
  self.ended = self.ended + 1
end

-- Of one that is down something may be heard, but it is not back.
local function put_or_drop(self, member)
  return (member.state == "down" and drop or put)(self, member)
end

local REPAIR = 1 -- seconds, at least, between two attempts

-- All once more, if one could not be put, or dropped.
local function repair(self)
  local now = self.node:time()
  if self.begun == self.ended or math.abs(now - self.repaired) < REPAIR then
    return
  end
  self.repaired = now
  for _, member in ipairs(self.node:members({ state = "all" })) do
    put_or_drop(self, member)
  end
  self.begun, self.ended, self.own = 0, 0, nil -- we are put again, too
end

-- Are we as we were? Only when all has worked, we are known.
local function look_at_own(self)
  local member = instances.own_member(self.node)
  local packed = member and core.pack { member.id, member.tags }
  if packed == self.own then
    return
  end
  self.own = nil
  if self.own_key then
    self.listener:drop(self.own_key)
    self.own_key = nil
  end
  if member then
    local key = key_of(member)
    put(self, member)
    self.own_key = key
  end
  self.own = packed
end

local function on_turn(self)
  if self.node and not self.node:is_closed() then
    repair(self)
    look_at_own(self)
  end
end

--- Answers at "127.0.0.1:8600" (port 0: any), by UDP and TCP; with nothing, until a node is
--- attached. `nil, message`: the address cannot be used.
---@param where string
---@param options? shoal.DnsOptions
---@return shoal.Dns?, string? message, string? code
function dns.listen(where, options)
  local self = setmetatable({ begun = 0, ended = 0, repaired = 0 }, Dns)
  local listener, message, code = core.dns_listen(where, {
    on_turn = function()
      on_turn(self)
    end,
  }, options)
  if not listener then
    return nil, message, code
  end
  self.listener = listener
  return self
end

--- Answers for `node` from now on.
---@param node shoal.Node
function Dns:attach(node)
  self.node = node
  local function down(_, member)
    drop(self, member)
  end
  local function up(_, member)
    put_or_drop(self, member)
  end
  node:on("member_up", up)
  node:on("tags", up)
  node:on("rename", function(_, before, after)
    down(nil, before)
    up(nil, after)
  end)
  node:on("member_down", down)
  node:on("member_forgotten", down)
  for _, member in ipairs(node:members()) do
    put(self, member)
  end
  look_at_own(self)
end

--- `place`, and counters.
function Dns:stats()
  local stats = self.listener:stats()
  stats.place = self.listener:place()
  return stats
end

function Dns:close()
  self.listener:close()
end

return dns
