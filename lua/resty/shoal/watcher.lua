-- SPDX-License-Identifier: MIT
--- The one worker that watches the node: it reads the events of the status socket and
-- writes the members into the shared dict.
--
-- Events bring each change at once. `watch` begins with the whole list, and after that is
-- the heart beat: the node answers it after BEAT seconds at the latest. What a `watch` says
-- of changes is older than the events, and not looked at.

local machine = require "resty.shoal.machine"
local rpc = require "resty.shoal.rpc"
local view = require "resty.shoal.view"

local watcher = {}

local BEAT = 0.25
-- A node whose script is busy answers late.
local SILENCE = 5
-- Between attempts to connect.
local FIRST_PAUSE, LONGEST_PAUSE = 0.1, 2
-- The dict is written so seldom that writing takes a twentieth of the time; but a process
-- that was stopped in the middle of it does not wait for long.
local LEISURE, LONGEST_LEISURE = 20, 0.1

---@class resty.shoal.Watcher
---@field private store resty.shoal.Store
---@field private bus resty.shoal.Bus
---@field private options { socket: string, hold: number }
---@field private me string
---@field running boolean
---@field private moved_at number  when the connection was seen to move last
---@field private retry_at number
---@field private pause number
---@field private members table<string, string>  packed, by the bytes of the address
---@field private held? table<string, true>  of before the node's restart
---@field private held_until number
---@field private own? string  the bytes of the node's own address
---@field private node table
---@field private version? integer  of the state that was written last
---@field private free_at number  when it may be written again
---@field private trouble? string  that was logged
local Watcher = {}
Watcher.__index = Watcher

---@param store resty.shoal.Store
---@param bus resty.shoal.Bus
---@param options { socket: string, hold: number }
---@param me string
---@return resty.shoal.Watcher
function watcher.new(store, bus, options, me)
  return setmetatable({ store = store, bus = bus, options = options, me = me, running = false,
    moved_at = 0, retry_at = 0, pause = FIRST_PAUSE, members = {}, node = {}, held_until = 0, free_at = 0 }, Watcher)
end

-- ---- Writing ----

local function write(self)
  self.is_due = false
  if not self.store:holds(self.me) then
    return -- somebody else is up to date, we perhaps not
  end
  local began = machine.now()
  local version, why = self.store:write(view.pack(self.node, self.members))
  self.version = version
  local ended = machine.now()
  self.free_at = ended + math.min(LEISURE * (ended - began), LONGEST_LEISURE)
  if version then
    if self.is_full then
      self.is_full, self.trouble = nil, nil
      self.store:set_trouble(nil)
    end
    return
  end
  self.is_full = true
  self.free_at = ended + BEAT
  watcher.complain(self, "the shared dict cannot hold the members: " .. why)
end

-- Soon: all that is there to be read comes first.
local function write_soon(self)
  if self.is_due then
    return
  end
  self.is_due = true
  local ok = ngx.timer.at(math.max(0, self.free_at - machine.now()), function()
    write(self)
  end)
  if not ok then -- out of timers, or the worker ends
    write(self)
  end
end

function watcher.complain(self, why)
  self.store:set_trouble(why)
  if self.trouble ~= why then
    self.trouble = why
    ngx.log(ngx.WARN, "shoal: ", why)
  end
end

-- ---- Members ----

local function put(self, member, is_self)
  local key = view.bytes_of(member.addr)
  local packed = view.pack_member(member, is_self)
  if self.held then
    self.held[key] = nil
  end
  if self.members[key] ~= packed then
    self.members[key] = packed
    write_soon(self)
  end
end

local function remove(self, key)
  if self.members[key] then
    self.members[key] = nil
    write_soon(self)
  end
end

-- All that the node knows. What a node forgot that was started anew stays for a while: it
-- may not have found the others yet.
local function replace(self, list)
  local before = self.members
  self.members = {}
  if self.own then
    self.members[self.own] = before[self.own]
  end
  for _, member in ipairs(list) do
    put(self, member)
  end
  for key, packed in pairs(self.held and before or {}) do
    if self.held[key] then
      self.members[key] = packed
    end
  end
  write_soon(self)
end

local function release_held(self)
  if not self.held or machine.now() < self.held_until then
    return
  end
  for key in pairs(self.held) do
    remove(self, key)
  end
  self.held = nil
end

-- What the last one that watched has written.
local function recall(self)
  local known = view.read(self.store:state())
  if not known then
    return
  end
  self.node, self.members = known.node, {}
  for _, member in ipairs(known.members) do
    local key = view.bytes_of(member.addr)
    self.members[key] = view.pack_member(member, member.is_self)
    self.own = member.is_self and key or self.own
  end
end

-- ---- The node itself ----

local function is_same_id(id, other)
  return view.bytes_of(id or false) == view.bytes_of(other or false)
end

local function hold_all(self)
  self.held, self.held_until = {}, machine.now() + self.options.hold
  for key in pairs(self.members) do
    self.held[key] = key ~= self.own or nil
  end
end

local function on_info(self, info)
  local id = info.identity
  local addr = type(id) == "table" and id.addr or info.addr
  if self.node.id ~= nil and not self.is_known and not is_same_id(id, self.node.id) then
    hold_all(self)
  end
  self.is_known = true
  local key = view.bytes_of(addr)
  if self.own and self.own ~= key then
    remove(self, self.own)
  end
  self.own = key
  self.node = { addr = addr, id = id, name = info.name, connection = info.connection }
end

local function on_tags(self, tags)
  if self.node.connection == "defunct" then
    return remove(self, self.own)
  end
  put(self, { addr = self.node.addr, id = self.node.id, tags = tags }, true)
end

-- ---- What comes from the socket ----

local EVENTS = {}

local function on_member(self, report)
  if report.member.state == "down" then
    return EVENTS.member_down(self, report)
  end
  put(self, report.member)
end

EVENTS.member_up, EVENTS.tags, EVENTS.rename = on_member, on_member, on_member

function EVENTS.member_down(self, report)
  local key = view.bytes_of(report.member.addr)
  if self.held then
    self.held[key] = nil
  end
  if key ~= self.own then
    remove(self, key)
  end
end

function EVENTS.published(self, report)
  local from = report.member
  self.bus:push("t:" .. tostring(report.topic), report.data, from and from.addr, report.number)
end

function EVENTS.missed(self, report)
  self.bus:push_missed("t:" .. tostring(report.topic))
end

local function ask_again(self)
  self.asked[self.client:request "info" or 0] = on_info
  self.asked[self.client:request "tags" or 0] = on_tags
end

EVENTS.rejoin, EVENTS.returned, EVENTS.defunct = ask_again, ask_again, ask_again

local ANSWERS = {}

local function watch(self, since)
  local id = self.client:request("watch", since, since and BEAT)
  self.asked[id or 0] = ANSWERS.watch
end

-- Its own tags are no event of the node, so they are asked for.
function ANSWERS.watch(self, answer)
  if answer.members then
    replace(self, answer.members)
    self.trouble, self.pause = nil, FIRST_PAUSE
    self.store:set_trouble(nil)
    ngx.log(ngx.NOTICE, "shoal: watching the node at ", self.options.socket)
  end
  self.store:hear()
  release_held(self)
  if self.is_full or self.version and not self.store:has(self.version) then
    write_soon(self)
  end
  self.asked[self.client:request "tags" or 0] = on_tags
  watch(self, answer.view)
end

local function on_message(self, message)
  if message[1] == 2 then
    local report = type(message[3]) == "table" and message[3][1]
    local fn = type(report) == "table" and EVENTS[report.event]
    if fn then
      fn(self, report)
    end
    return true
  end
  local fn = self.asked[message[2]]
  self.asked[message[2]] = nil
  if type(message[4]) ~= "table" and fn then
    local failure = message[3]
    return nil, "the node answers: " .. tostring(type(failure) == "table" and failure.message or failure)
  elseif fn then
    fn(self, message[4])
  end
  return true
end

-- Until the connection ends, or somebody else watches.
local function serve(self)
  self.asked, self.is_known = {}, false
  self.client:request "monitor"
  ask_again(self)
  watch(self)
  while not ngx.worker.exiting() and self.store:holds(self.me) do
    self.moved_at = machine.now()
    local message, why = self.client:read()
    if not message then
      return nil, why
    end
    local ok
    ok, why = on_message(self, message)
    if not ok then
      return nil, why
    end
  end
  return true
end

local function run(self)
  local client, why = rpc.connect(self.options.socket, SILENCE)
  if not client then
    return nil, why
  end
  self.client = client
  recall(self)
  if self.node.id ~= nil then
    self.bus:push_missed "t:" -- nobody knows what was said meanwhile
  end
  local ok
  ok, why = serve(self)
  client:close()
  return ok, why and ("the connection to %s is lost: %s"):format(self.options.socket, why)
end

-- In a timer of its own each time: what nginx keeps for one goes when it ends.
local function watch_once(premature, self)
  if not premature then
    local returned, ok, why = pcall(run, self)
    if not returned then
      ok, why = nil, "an error of this library: " .. tostring(ok)
    end
    if not ok then
      watcher.complain(self, why)
    end
  end
  self.running = false
  self.retry_at = machine.now() + self.pause
  self.pause = math.min(LONGEST_PAUSE, self.pause * 2)
end

-- It waits for SILENCE at most.
local HANGS_AFTER = 4 * SILENCE

--- For each tick of the worker that has the lock. False: it cannot watch, somebody else
-- should.
---@return boolean
function Watcher:tick()
  if self.running then
    return machine.now() - self.moved_at < HANGS_AFTER
  elseif machine.now() >= self.retry_at then
    self.moved_at = machine.now()
    self.running = not not ngx.timer.at(0, watch_once, self)
  end
  return true
end

--- May this worker take the lock?
---@return boolean
function Watcher:can_watch()
  return not self.running or machine.now() - self.moved_at < HANGS_AFTER
end

return watcher
