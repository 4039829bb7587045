--- Long bodies that several may ask for: made once for all, a piece in each turn of the loop.
--
-- A body is made by a function that adds one text after the other. It runs in a coroutine,
-- which stops when a turn's worth is done. Bodies wait for each other, so there is one piece
-- in a turn whatever is asked for. What was made is kept until something changes.

local turns = require("shoal.serve.turns")

local making = {}

local PIECE_BYTES = 2 ^ 15 -- in one turn, about
local LOOKS = 200 -- or so many that came to nothing
local MOST_KEPT = 2 ^ 22 -- bytes, of all that is kept, and of their keys
local EACH = 500 -- of these bytes, about, for what is as short as "[]"

---@class shoal.http.Made
---@field pieces string[]
---@field size integer  bytes
---@field version any  what its function returned

---@class shoal.http.Making
---@field private node shoal.Node
---@field private queue table[]
---@field private open table<string, table>  those that have not begun, by their keys
---@field private kept table<string, shoal.http.Made>
---@field private size integer  bytes of these, about
---@field private changes integer
---@field private timer? shoal.Timer
---@field private step fun()
local Making = {}
Making.__index = Making

-- ---- A body ----

-- Runs in the coroutine: add(text), or add() for what came to nothing.
local function run(made, make)
  local parts, size, looks = {}, 0, 0
  local function cut()
    made.pieces[#made.pieces + 1] = table.concat(parts)
    made.size = made.size + size
    parts, size = {}, 0
  end
  made.version = make(function(text)
    looks = looks + 1
    if text then
      parts[#parts + 1], size = text, size + #text
    end
    if size >= PIECE_BYTES then
      cut()
    elseif looks < LOOKS then
      return
    end
    looks = 0
    coroutine.yield()
  end)
  if size > 0 then
    cut()
  end
end

local function keep(self, job)
  local size = job.made.size + #job.key + EACH
  if job.changes ~= self.changes or size > MOST_KEPT then
    return
  elseif self.size + size > MOST_KEPT then
    self.kept, self.size = {}, 0
  end
  self.kept[job.key], self.size = job.made, self.size + size
end

-- One turn's worth. true: it is made.
local function advance(self, job)
  if not job.thread then
    self.open[job.key] = nil
    job.changes = self.changes
    if self.kept[job.key] then
      job.made = self.kept[job.key]
      return true
    end
    job.made = { pieces = {}, size = 0 }
    job.thread = coroutine.create(run)
  end
  local ok, message = coroutine.resume(job.thread, job.made, job.make)
  if not ok then
    error(message, 0)
  elseif coroutine.status(job.thread) ~= "dead" then
    return false
  end
  keep(self, job)
  return true
end

-- ---- Those who wait for it ----

-- Each is told; what one of them raises is returned. An exchange that could not be told, for
-- want of memory to call its function, does not wait for ever.
local function tell(job, made)
  local failure
  for waiter, fn in pairs(job.waiters) do
    local ok, message = pcall(fn, made)
    if not ok and type(waiter) == "userdata" then
      waiter:drop()
    end
    failure = failure or not ok and message or nil
  end
  return failure
end

-- Rather than wait for ever. Nothing is allocated.
local function give_up(self)
  local queue = self.queue
  while queue[1] do
    local job = table.remove(queue, 1)
    self.open[job.key] = nil
    tell(job, nil)
  end
end

-- Nobody waits any more for those that are passed over.
local function next_job(self)
  local job = self.queue[1]
  while job and next(job.waiters) == nil do
    table.remove(self.queue, 1)
    if self.open[job.key] == job then
      self.open[job.key] = nil
    end
    job = self.queue[1]
  end
  return job
end

local function plan(self)
  if not self.timer and next_job(self) then
    turns.plan(self, give_up)
  end
end

local function step(self)
  self.timer = nil
  local job = next_job(self)
  if not job then
    return
  end
  local ok, is_made = pcall(advance, self, job)
  local failure = not ok and is_made or nil
  if not ok or is_made then
    table.remove(self.queue, 1)
    failure = tell(job, ok and job.made or nil) or failure
  end
  plan(self)
  if failure then
    error(failure, 0)
  end
end

-- ---- From outside ----

--- What was made, if nothing has changed since.
---@param key string
---@return shoal.http.Made?
function Making:find(key)
  return self.kept[key]
end

--- Calls fn(made) in a later turn, once for all who ask before it is begun; fn(nil): it failed.
---@param key string  of bodies that are the same
---@param waiter any  by which it is forgotten; its second question replaces the first
---@param make fun(add: fun(text?: string)): any  its result is the version
---@param fn fun(made?: shoal.http.Made)
function Making:ask(key, waiter, make, fn)
  local job = self.open[key]
  if job then
    job.waiters[waiter] = fn
    return
  end
  job = { key = key, make = make, waiters = { [waiter] = fn } }
  self.open[key] = job
  self.queue[#self.queue + 1] = job
  plan(self)
end

--- It is not told any more.
function Making:forget(waiter)
  for _, job in ipairs(self.queue) do
    job.waiters[waiter] = nil
  end
end

--- Something has changed: what is asked for is made anew.
function Making:clear()
  self.changes = self.changes + 1
  self.kept, self.size = {}, 0
end

---@param node shoal.Node
---@return shoal.http.Making
function making.new(node)
  local self = setmetatable({ node = node, queue = {}, open = {}, kept = {}, size = 0, changes = 0 }, Making)
  self.step = function()
    step(self)
  end
  return self
end

return making
