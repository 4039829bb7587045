--- What has changed lately: the last `on_view`s, so that somebody who knows how things
-- were at one of them can be told what is different now.

local core = require("shoal.core")

local history = {}

---@class shoal.History
---@field private entries { from: number, view: table }[]  oldest first
---@field private size integer  members in all of them; one for each that has none
---@field view? number  of a node that is followed: that of now
local History = {}
History.__index = History

-- Members in all lists of all entries, which are empty when the node's own tags have changed;
-- more are dropped, the oldest first.
local MAX_SIZE = 10000

---@return shoal.History
function history.new()
  return setmetatable({ entries = {}, size = 0 }, History)
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
    local name = entry.was_there and (entry.is_there and "changed" or "left") or entry.is_there and "joined"
    if name then
      table.insert(lists[name], entry.member)
    end
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

--- That of a node, from now on; `fn` is called after each of its views. No view of a node
--- that was here before has the same number.
---@param node shoal.Node
---@param fn fun()
---@return shoal.History
function history.follow(node, fn)
  local self = history.new()
  local base = math.floor(node:time() * 1000)
  self.view = base + node:view()
  node:on("view", function(_, view)
    self:add(self.view, view)
    self.view = base + node:view()
    fn()
  end)
  return self
end

return history
