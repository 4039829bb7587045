--- What has changed lately: the last `on_view`s, so that somebody who knows how things
-- were at one of them can be told what is different now.

local core = require("shoal.core")

local history = {}

---@class shoal.History
---@field private entries { from: number, view: table }[]  oldest first
---@field private size integer  members in all of them; one for each that has none
---@field view? number  of a node that is followed: that of now
---@field private come table<string, true>  since the last view, by the bytes of their addresses
---@field private guests table<string, shoal.Member>  of these, those that have gone
local History = {}
History.__index = History

-- Members in all lists of all entries, which are empty when the node's own tags have changed;
-- more are dropped, the oldest first.
local MAX_SIZE = 10000

---@return shoal.History
function history.new()
  return setmetatable({ entries = {}, size = 0, come = {}, guests = {} }, History)
end

local function size_of(view)
  return math.max(1, #view.joined + #view.left + #view.changed)
end

--- From `number` on this is what has changed.
---@param number number
---@param view shoal.View
function History:add(number, view)
  self.entries[#self.entries + 1] = { from = number, view = view }
  self.size = self.size + size_of(view)
  while self.size > MAX_SIZE and self.entries[1] do
    self.size = self.size - size_of(table.remove(self.entries, 1).view)
  end
end

local LISTS = { "joined", "left", "changed" }

-- What is known of a member: whether it was there before, and what it is now.
local function fold(found, order, name, member)
  local key = core.pack(member.addr)
  local entry = found[key]
  if not entry then
    entry = { was_there = name ~= "joined" }
    found[key] = entry
    order[#order + 1] = entry
  end
  entry.is_there, entry.member = name ~= "left", member
end

local function list_of(entry)
  if not entry.is_there then
    return "left" -- perhaps it was not there: but who got all members in between knows it
  end
  return entry.was_there and "changed" or "joined"
end

--- The lists of all changes since `number`, as one; nil: so much is not known any more.
---@param number number
---@return { joined: shoal.Member[], left: shoal.Member[], changed: shoal.Member[] }?
function History:since(number)
  local found, order, begins = {}, {}, false
  for _, entry in ipairs(self.entries) do
    begins = begins or entry.from == number
    for _, name in ipairs(begins and LISTS or {}) do
      for _, member in ipairs(entry.view[name]) do
        fold(found, order, name, member)
      end
    end
  end
  if not begins then
    return nil
  end
  local lists = { joined = {}, left = {}, changed = {} }
  for _, entry in ipairs(order) do
    table.insert(lists[list_of(entry)], entry.member)
  end
  return lists
end

--- What is different since then; nil: it is not known, or nothing is.
---@param number? number|false
---@return { view: number, joined: shoal.Member[], left: shoal.Member[], changed: shoal.Member[] }?
function History:changes(number)
  local lists = number and number ~= self.view and self:since(number)
  if not lists then
    return nil
  end
  lists.view = self.view
  return lists
end

-- ---- Of a node ----

-- Seconds: a view comes earlier, if one comes.
local SETTLED = 2

-- Those who have come and gone since the last view are in none, but somebody may have got all
-- members in between.
local function watch_guests(self, node, settle)
  local timer
  node:on("member_up", function(_, member)
    local key = core.pack(member.addr)
    self.come[key], self.guests[key] = true, nil
  end)
  node:on("member_down", function(_, member)
    local key = core.pack(member.addr)
    if not self.come[key] then
      return
    end
    self.guests[key] = member
    timer = timer or node:after(SETTLED, function()
      timer = nil
      if next(self.guests) ~= nil then
        settle()
      end
    end)
  end)
end

-- The view, and those that it lacks.
local function with_guests(self, view)
  if next(self.guests) == nil then
    return view
  end
  local left = {}
  for i, member in ipairs(view.left) do
    left[i] = member
  end
  for _, member in pairs(self.guests) do
    left[#left + 1] = member
  end
  self.guests = {}
  return { joined = view.joined, left = left, changed = view.changed }
end

--- That of a node, from now on; `fn` is called after each of its views, and when somebody has
--- come and gone between two. No view of a node that was here before has the same number.
---@param node shoal.Node
---@param fn fun()
---@return shoal.History
function history.follow(node, fn)
  local self = history.new()
  local base = math.floor(node:time() * 1000)
  self.view = base + node:view()
  local function take(view)
    self:add(self.view, with_guests(self, view))
    self.view = math.max(self.view + 1, base + node:view())
    fn()
  end
  watch_guests(self, node, function()
    take({ joined = {}, left = {}, changed = {} })
  end)
  node:on("view", function(_, view)
    self.come = {}
    take(view)
  end)
  return self
end

return history
