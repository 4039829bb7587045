-- SPDX-License-Identifier: MIT
--- Messages to all workers, in a ring in the shared dict: what was published on topics, and
-- what workers say to each other.
--
-- Who writes reserves a number, then writes the entry. Each worker reads on from the number
-- that it has read last. An entry that is not there (the dict was full, or the worker was
-- too slow) is missed, and who listens is told so.

local msgpack = require "resty.shoal.msgpack"

local bus = {}

-- Entries that are kept.
local KEPT = 1024
-- Between the reservation and the entry there are microseconds; so many looks of a reader
-- that does not find one, and it is missed.
local PATIENCE = 5

---@class resty.shoal.Bus
---@field private dict table
---@field private head string
---@field private prefix string
---@field private at? integer  the last entry that was read
---@field private waited integer
---@field private listeners table<string, { fn: function, on_missed?: function, own: boolean }[]>
---@field count integer  of listeners
local Bus = {}
Bus.__index = Bus

---@param dict table
---@param keys table<string, string>
---@return resty.shoal.Bus
function bus.new(dict, keys)
  return setmetatable({ dict = dict, head = keys.head, prefix = keys.message, waited = 0, listeners = {}, count = 0 },
    Bus)
end

--- From here on this worker reads.
function Bus:begin()
  self.at = self.at or self.dict:get(self.head) or 0
end

--- `fn(data, from, number)` is called for each message of the channel; `on_missed(channel)`
-- when some may have been lost. `own`: for those of this worker, too.
---@param channel string
---@param fn function
---@param on_missed? function
---@param own boolean
function Bus:listen(channel, fn, on_missed, own)
  local list = self.listeners[channel] or {}
  self.listeners[channel] = list
  list[#list + 1] = { fn = fn, on_missed = on_missed, own = own }
  self.count = self.count + 1
end

-- Room for a message, if what was said before fills the dict: the older half goes.
local function forget_half(self, number)
  for i = number - KEPT, number - KEPT / 2 do
    self.dict:delete(self.prefix .. i)
  end
  self.dict:flush_expired()
end

--- nil, why: the dict is full, and those that listen will be told that they missed it.
---@param channel string
---@param data any
---@param from any
---@param number? integer
---@return true?, string?
function Bus:push(channel, data, from, number)
  local packed, text = pcall(msgpack.pack, { channel, ngx.worker.pid(), { data, from, number } })
  if not packed then
    return nil, text
  end
  local dict = self.dict
  local place, why = dict:incr(self.head, 1, 0)
  if not place then
    return nil, why
  end
  dict:delete(self.prefix .. place - KEPT)
  local ok
  ok, why = dict:safe_set(self.prefix .. place, text)
  if not ok and why == "no memory" then
    forget_half(self, place)
    ok, why = dict:safe_set(self.prefix .. place, text)
  end
  return ok, why
end

--- Messages may have been lost, on this channel, or all that begin with that.
---@param channel string
function Bus:push_missed(channel)
  return self:push("missed", channel)
end

-- ---- Reading ----

local function call(fn, ...)
  local ok, why = xpcall(fn, debug.traceback, ...)
  if not ok then
    ngx.log(ngx.ERR, "shoal: a subscriber raised: ", why)
  end
end

local function tell_missed(self, wanted)
  for channel, list in pairs(self.listeners) do
    if channel == wanted or wanted == "t:" and channel:find "^t:" or not wanted then
      for _, listener in ipairs(list) do
        if listener.on_missed then
          call(listener.on_missed, channel)
        end
      end
    end
  end
end

local function deliver(self, text)
  local ok, entry = msgpack.unpack(text)
  if not ok or type(entry) ~= "table" or type(entry[3]) ~= "table" then
    return tell_missed(self)
  end
  local channel, pid, message = entry[1], entry[2], entry[3]
  if channel == "missed" then
    return tell_missed(self, message[1])
  end
  for _, listener in ipairs(self.listeners[channel] or {}) do
    if listener.own or pid ~= ngx.worker.pid() then
      call(listener.fn, message[1], message[2], message[3])
    end
  end
end

-- The next entry; false: none; nil: it is not there.
local function next_entry(self, head)
  if self.at >= head then
    return false
  end
  return self.dict:get(self.prefix .. self.at + 1)
end

--- Calls those that listen, for all that there is. False: an entry is not there yet; look
-- again.
---@return boolean
function Bus:deliver()
  self:begin()
  local head = self.dict:get(self.head) or 0
  if head < self.at or head - self.at > KEPT then -- the dict was emptied, or we were too slow
    self.at = head
    tell_missed(self)
  end
  while true do
    local entry = next_entry(self, head)
    if entry == false then
      return true
    elseif entry == nil and self.waited < PATIENCE then
      self.waited = self.waited + 1
      return false
    end
    self.at, self.waited = self.at + 1, 0
    if entry then
      deliver(self, entry)
    else
      tell_missed(self)
    end
  end
end

return bus
