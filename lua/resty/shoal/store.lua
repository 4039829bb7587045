-- SPDX-License-Identifier: MIT
--- What is kept in the shared dict, and which worker may write it.
--
-- Keys end with a hash of this format's version and of the path of the node's socket, so
-- that workers of another release (after a reload of nginx) and copies of other nodes are
-- not in the way. They are short: nginx takes 10 ns for each byte of a key. Before that is
--
--   s  the state, the members: see view.lua
--   v  the version of the state: another number whenever that is another one
--   h  when the node answered last, by the monotonic clock
--   t  the trouble: why it does not; or nothing
--   l  the lock: the worker that watches the node
--   b  the beat, which grows as long as that worker lives
--   n  the number of messages between workers; each of which has its number behind m: bus.lua
--
-- The lock does not expire: the dict measures that by the wall clock, and one that is set
-- back would keep a dead worker's lock for hours. Who wants it looks whether the holder's
-- process is there and whether its beat grows.

local machine = require "resty.shoal.machine"

local store = {}

local FORMAT = "shoal 1 "
local NAMES = { state = "s", version = "v", heard = "h", trouble = "t", lock = "l", beat = "b", head = "n",
  message = "m" }

---@class resty.shoal.Store
---@field private dict table
---@field keys table<string, string>
---@field private seen { holder?: string, beat?: number, times: integer }
local Store = {}
Store.__index = Store

---@param dict table  of ngx.shared
---@param socket string
---@return resty.shoal.Store
function store.new(dict, socket)
  local keys, hash = {}, ngx.encode_base64(ngx.md5_bin(FORMAT .. socket)):sub(1, 6)
  for name, letter in pairs(NAMES) do
    keys[name] = letter .. hash
  end
  return setmetatable({ dict = dict, keys = keys, seen = { times = 0 } }, Store)
end

-- ---- The members ----

--- The number of the state of now; nil: there is none.
---@return integer?
function Store:version()
  return self.dict:get(self.keys.version)
end

---@return string?
function Store:state()
  return self.dict:get(self.keys.state)
end

--- The number that the state has now; nil, why: the dict cannot hold it, and then holds
-- what it did, or nothing.
---@param text string
---@return integer?, string?
function Store:write(text)
  local dict, keys = self.dict, self.keys
  local ok, why = dict:safe_set(keys.state, text)
  if not ok and why == "no memory" then
    dict:delete(keys.state) -- the old one may be what fills it
    dict:flush_expired()
    ok, why = dict:safe_set(keys.state, text)
  end
  if not ok then
    return nil, why
  end
  return dict:incr(keys.version, 1, 0)
end

--- Is that what is there? Others may have emptied the dict.
---@param version integer?
---@return boolean
function Store:has(version)
  local dict, keys = self.dict, self.keys
  return version ~= nil and dict:get(keys.version) == version and dict:ttl(keys.state) ~= nil
end

-- ---- The node ----

--- It has answered.
function Store:hear()
  self.dict:safe_set(self.keys.heard, machine.now())
end

--- It does not, or the dict is full; nil: all is well.
---@param why string?
function Store:set_trouble(why)
  if why then
    self.dict:safe_set(self.keys.trouble, why)
  else
    self.dict:delete(self.keys.trouble)
  end
end

--- How many seconds ago the node has answered, and what is wrong.
---@return number?, string?
function Store:condition()
  local heard = self.dict:get(self.keys.heard)
  return heard and math.max(0, machine.now() - heard), self.dict:get(self.keys.trouble)
end

-- ---- The lock ----

--- The name of a worker that has it.
---@return string?
function Store:holder()
  return self.dict:get(self.keys.lock)
end

---@param me string  "PID:…"
---@return boolean
function Store:holds(me)
  return self.dict:get(self.keys.lock) == me
end

-- So many looks without another beat, and the holder is given up.
local PATIENCE = 40

local function is_gone(self, holder)
  local seen, beat = self.seen, self.dict:get(self.keys.beat)
  if holder ~= seen.holder or beat ~= seen.beat then
    self.seen = { holder = holder, beat = beat, times = 0 }
  else
    seen.times = seen.times + 1
  end
  local pid = tonumber(holder:match "^%d+")
  return self.seen.times >= PATIENCE or not pid or not machine.is_alive(pid)
end

--- For each tick of a worker: takes the lock if nobody has it, keeps it if we do.
---@param me string
---@return boolean  do we have it?
function Store:take(me)
  local dict, keys = self.dict, self.keys
  local holder = dict:get(keys.lock)
  if holder == me then
    dict:incr(keys.beat, 1, 0)
    return true
  elseif type(holder) == "string" and not is_gone(self, holder) then
    return false
  elseif holder ~= nil then
    dict:delete(keys.lock)
  end
  return dict:safe_add(keys.lock, me) == true
end

--- Another worker may take it.
---@param me string
function Store:release(me)
  if self:holds(me) then
    self.dict:delete(self.keys.lock)
  end
end

return store
