-- SPDX-License-Identifier: MIT
--- The members and services of a shoal cluster in nginx: docs/lua-resty-shoal.md.
--
-- One worker watches the status socket of a node and writes a shared dict. All workers read
-- that; nothing here but `publish` and the `poll` of an ipc waits for anything.

local bus = require "resty.shoal.bus"
local machine = require "resty.shoal.machine"
local rendezvous = require "resty.shoal.rendezvous"
local rpc = require "resty.shoal.rpc"
local store = require "resty.shoal.store"
local view = require "resty.shoal.view"
local watcher = require "resty.shoal.watcher"

local now = ngx.now

---@class resty.shoal
---@field _VERSION string
local shoal = { _VERSION = "0.1.0" }

---@class resty.shoal.Options
---@field socket string  the path of the node's status socket
---@field shm string  the name of a lua_shared_dict
---@field control? string  the path of the node's control socket, for `publish`
---@field hold? number  seconds for which members stay that a restarted node does not know yet

---@class resty.Shoal
---@field private dict table
---@field private store resty.shoal.Store
---@field private bus resty.shoal.Bus
---@field private version_key string
---@field private checked_at? number
---@field private version? integer
---@field private view? resty.shoal.View
---@field private turns table<string, table>
---@field private rings table<table, table>
---@field private watches boolean
local Shoal = {}
Shoal.__index = Shoal

-- How often a worker looks for messages, and whether it has to watch: seconds.
local TICK = 0.05
local HOLD = 10
local CONTROL_SECONDS = 5

local OPTIONS = { socket = "string", shm = "string", control = "string", hold = "number" }

local function check_options(given)
  if type(given) ~= "table" then
    error("shoal.new: a table of options is needed", 3)
  end
  for name, value in pairs(given) do
    if not OPTIONS[name] then
      error(("shoal.new: unknown option '%s'"):format(tostring(name)), 3)
    elseif type(value) ~= OPTIONS[name] then
      error(("shoal.new: option '%s' must be a %s"):format(name, OPTIONS[name]), 3)
    end
  end
  if not given.socket or not given.shm then
    error("shoal.new: 'socket' and 'shm' are needed", 3)
  end
end

--- nil, why: there is no such shared dict.
---@param options resty.shoal.Options
---@return resty.Shoal?, string?
function shoal.new(options)
  check_options(options)
  local dict = ngx.shared[options.shm]
  if not dict then
    return nil, ("there is no lua_shared_dict '%s'"):format(options.shm)
  end
  local socket = options.socket:gsub("^unix:", "")
  local kept = store.new(dict, socket)
  return setmetatable({
    dict = dict,
    store = kept,
    bus = bus.new(dict, kept.keys),
    version_key = kept.keys.version,
    socket = socket,
    control = options.control and options.control:gsub("^unix:", ""),
    hold = options.hold or HOLD,
    turns = {},
    rings = setmetatable({}, { __mode = "k" }),
    watches = false,
  }, Shoal)
end

-- ---- Each worker ----

local function tick(premature, self)
  if self.bus.count > 0 then
    self.bus:deliver()
  end
  if premature or ngx.worker.exiting() then
    self.watches = false
    return self.store:release(self.me)
  end
  self.watches = self.watcher:can_watch() and self.store:take(self.me)
  if self.watches and not self.watcher:tick() then
    self.store:release(self.me)
  end
end

--- Once in each worker, in init_worker_by_lua*.
---@return true?, string?
function Shoal:init_worker()
  self.me = ("%d:%.6f"):format(ngx.worker.pid(), machine.now())
  self.watcher = watcher.new(self.store, self.bus, { socket = self.socket, hold = self.hold }, self.me)
  self.bus:begin()
  local ok, why = ngx.timer.at(0, tick, self) -- the list is wanted at once
  if ok then
    ok, why = ngx.timer.every(TICK, tick, self)
  end
  if not ok then
    return nil, "no timer: " .. why
  end
  return true
end

-- ---- What is known ----

-- Reads the dict, which has another version.
local function refresh(self, version)
  local found = view.read(self.store:state(), self.view)
  if found then
    self.view, self.version = found, version
  end
end

-- nginx's time stands still while it handles one event: so often is the dict asked.
---@return resty.shoal.View?
local function current(self)
  local time = now()
  if time ~= self.checked_at then
    self.checked_at = time
    local version = self.dict:get(self.version_key)
    if version ~= self.version and version then
      refresh(self, version)
    end
  end
  return self.view
end

local UNKNOWN = "the node has not answered yet"

local function check_call(who, options, allowed)
  for name, value in pairs(options) do
    if not allowed[name] then
      error(("%s: unknown option '%s'"):format(who, tostring(name)), 3)
    elseif allowed[name] ~= true and type(value) ~= allowed[name] then
      error(("%s: option '%s' must be a %s"):format(who, name, allowed[name]), 3)
    end
  end
end

local function check_text(who, what, value)
  if type(value) ~= "string" then
    error(("%s: the %s must be a string, got %s"):format(who, what, tostring(value)), 3)
  end
end

local MEMBERS_OPTIONS = { tags = "table", where = "function" }

--- The members that are up, the node whose socket it is included, by address. Without
-- options: a table that is shared by all callers.
---@param options? { tags?: table, where?: fun(member: resty.shoal.Member): boolean }
---@return resty.shoal.Member[]?, string?
function Shoal:members(options)
  local known = current(self)
  if not known then
    return nil, UNKNOWN
  elseif not options then
    return known.members
  end
  check_call("shoal:members", options, MEMBERS_OPTIONS)
  return known:matching(options)
end

--- How many members are up.
---@return integer?, string?
function Shoal:size()
  local known = current(self)
  if not known then
    return nil, UNKNOWN
  end
  return #known.members
end

local SERVICE_OPTIONS = { tag = "string", state = true, where = "function" }

--- Instances of a service. Without options those that pass, in a table that is shared by
-- all callers, and the same one as long as nothing about them has changed.
---@param name string
---@param options? { tag?: string, state?: string|string[], where?: fun(instance: resty.shoal.Instance): boolean }
---@return resty.shoal.Instance[]?, string?
function Shoal:service(name, options)
  check_text("shoal:service", "name", name)
  local known = current(self)
  if not known then
    return nil, UNKNOWN
  elseif not options then
    return known.services[name] or known:passing(name)
  end
  check_call("shoal:service", options, SERVICE_OPTIONS)
  return known:select(name, options)
end

---@class resty.shoal.Info
---@field node any  the address of the node
---@field name? string
---@field members integer
---@field version? integer  grows with each change
---@field age? number  seconds since the node has answered; nil: it never has
---@field stale boolean  it should have answered since
---@field trouble? string  why it does not
---@field watcher? integer  the process that watches it

local STALE_AFTER = 2

---@return resty.shoal.Info
function Shoal:info()
  local known = current(self)
  local age, trouble = self.store:condition()
  local holder = self.store:holder()
  return {
    node = known and known.node.addr,
    name = known and known.node.name,
    members = known and #known.members or 0,
    version = self.version,
    age = age,
    stale = not age or age > STALE_AFTER,
    trouble = trouble,
    watcher = type(holder) == "string" and tonumber(holder:match "^%d+") or nil,
  }
end

-- ---- Who does it ----

-- What rendezvous.owner takes of a list of members, or of instances: kept as long as the
-- list is there.
local function ring_of(self, list)
  local ring = self.rings[list]
  if ring then
    return ring
  end
  ring = { addrs = {}, weights = {} }
  local differs = false
  for i, one in ipairs(list) do
    ring.addrs[i] = view.bytes_of((one.member or one).addr)
    ring.weights[i] = one.weight or 1
    differs = differs or ring.weights[i] ~= ring.weights[1] or ring.weights[i] == 0
  end
  ring.weights = differs and ring.weights or nil
  self.rings[list] = ring
  return ring
end

local function check_weight(weight)
  if type(weight) ~= "number" or weight < 0 or weight > 65535 or weight % 1 ~= 0 then
    error("shoal:owner: weight must return a whole number from 0 to 65535, got " .. tostring(weight), 0)
  end
  return weight
end

local OWNER_OPTIONS = { n = "number", where = "function", weight = "function" }

--- The member that owns a key, and whether that is the node of the socket: as node:owner.
-- With `n`, a list.
---@param key string
---@param options? { n?: integer, where?: function, weight?: fun(member: resty.shoal.Member): integer }
---@return (resty.shoal.Member|resty.shoal.Member[])?, boolean|string|nil
function Shoal:owner(key, options)
  check_text("shoal:owner", "key", key)
  local known = current(self)
  if not known then
    return nil, UNKNOWN
  end
  options = options or {}
  check_call("shoal:owner", options, OWNER_OPTIONS)
  local list = options.where and self:members { where = options.where } or known.members
  local ring, weights = ring_of(self, list), nil
  if options.weight then
    weights = {}
    for i, member in ipairs(list) do
      weights[i] = check_weight(options.weight(member))
    end
  end
  if not options.n then
    local owner = list[rendezvous.owner(key, ring.addrs, weights)]
    return owner, owner and owner.is_self == true
  end
  local owners = rendezvous.owners(key, ring.addrs, weights, options.n)
  for i, place in ipairs(owners) do
    owners[i] = list[place]
  end
  return owners
end

local function address_of(instance)
  return instance.addr or instance.member.addr
end

local advance

-- Workers do not all begin with the same one.
local function stagger(turn, list)
  local total = 0
  for _, instance in ipairs(list) do
    total = total + instance.weight
  end
  for _ = 1, total > 0 and ngx.worker.pid() % math.min(total, 64) or 0 do
    advance(turn, list)
  end
end

-- Smooth weighted round robin.
function advance(turn, list)
  local weights, total, best, most = turn.weights, 0, nil, nil
  for i = 1, #list do
    local instance = list[i]
    local weight, addr = instance.weight, address_of(instance)
    local turned = (weights[addr] or 0) + weight
    weights[addr], total = turned, total + weight
    if weight > 0 and (not best or turned > most) then
      best, most = instance, turned
    end
  end
  if best then
    weights[address_of(best)] = most - total
  end
  return best
end

local function next_in_turn(self, name, list)
  local turn = self.turns[name]
  if not turn then
    turn = { list = list, weights = {} }
    self.turns[name] = turn
    stagger(turn, list)
  elseif turn.list ~= list then -- those that are gone are forgotten
    local weights = {}
    for _, instance in ipairs(list) do
      weights[address_of(instance)] = turn.weights[address_of(instance)]
    end
    turn.list, turn.weights = list, weights
  end
  return advance(turn, list)
end

--- One instance that passes: by weighted round robin of this worker; with a key the one
-- that services.pick takes on every member that knows the same. nil: there is none.
---@param name string
---@param key? string
---@param options? { tag?: string, state?: string|string[], where?: function }
---@return resty.shoal.Instance?, string?
function Shoal:pick(name, key, options)
  check_text("shoal:pick", "name", name)
  if key ~= nil then
    check_text("shoal:pick", "key", key)
  end
  local list, why = self:service(name, options)
  if not list then
    return nil, why
  end
  local found
  if key == nil then
    found = list[1] and next_in_turn(self, name, list)
  else
    local ring = ring_of(self, list)
    found = list[rendezvous.owner(key, ring.addrs, ring.weights)]
  end
  if not found then
    local format = list[1] and "all instances of '%s' that pass have the weight 0" or "no instance of '%s' passes"
    return nil, format:format(name)
  end
  return found
end

-- ---- Topics ----

--- Its number; or nil, message, code. It waits for the node's answer.
---@param topic string
---@param data any
---@return integer?, string?, string?
function Shoal:publish(topic, data)
  check_text("shoal:publish", "topic", topic)
  if not self.control then
    return nil, "shoal.new was given no 'control' socket, which publishing needs"
  end
  local client, why = rpc.connect(self.control, CONTROL_SECONDS)
  if not client then
    return nil, why
  end
  local number, message, code = client:call("publish", topic, data)
  if number ~= nil then
    client:keep()
    return number
  end
  client:close()
  return nil, message, code
end

local SUBSCRIBE_OPTIONS = { on_missed = "function", once = "boolean" }

--- `fn(data, from, number)` is called in each worker for each message on the topic; with
-- `once` in one worker alone. `on_missed(topic)`: some may have been lost.
---@param topic string
---@param fn fun(data: any, from: any, number: integer)
---@param options? { on_missed?: fun(topic: string), once?: boolean }
function Shoal:subscribe(topic, fn, options)
  options = options or {}
  check_call("shoal:subscribe", options, SUBSCRIBE_OPTIONS)
  local function ours(call)
    return options.once and function(...)
      if self.watches then
        call(...)
      end
    end or call
  end
  local on_missed = options.on_missed and ours(function()
    options.on_missed(topic)
  end)
  self.bus:listen("t:" .. topic, ours(fn), on_missed, true)
end

-- ---- Workers among themselves ----

local function poll(self, timeout)
  local deadline = machine.now() + (timeout or 0.3)
  while not self.bus:deliver() do
    if machine.now() > deadline then
      return nil, "timeout"
    end
    ngx.sleep(0.001)
  end
  return true
end

--- What lua-resty-mlcache takes as its `ipc`: messages between the workers of this nginx.
---@return { register_listeners: function, broadcast: function, poll: function }
function Shoal:ipc()
  return {
    register_listeners = function(events)
      for name, event in pairs(events) do
        -- Nobody knows then which keys are old.
        local on_missed = name == "purge" and function() event.handler "" end or nil
        self.bus:listen("c:" .. event.channel, event.handler, on_missed, false)
      end
      return true
    end,
    broadcast = function(channel, data)
      return self.bus:push("c:" .. channel, data)
    end,
    poll = function(timeout)
      return poll(self, timeout)
    end,
  }
end

return shoal
