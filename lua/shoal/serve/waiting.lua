--- Those who wait for something, each with a time when it is given up.

local waiting = {}

---@class shoal.Waiting
---@field count integer
---@field private entries table<any, table>
local Waiting = {}
Waiting.__index = Waiting

---@return shoal.Waiting
function waiting.new()
  return setmetatable({ entries = {}, count = 0 }, Waiting)
end

--- `fn` is called after so many seconds, unless `key` was taken out before; nil: never. It
--- is out by then.
---@param node shoal.Node
---@param key any  by which it is taken out
---@param entry table  what is kept of it
---@param seconds? number
---@param fn fun()
function Waiting:put(node, key, entry, seconds, fn)
  self.entries[key], self.count = entry, self.count + 1
  entry.timer = seconds and node:after(seconds, function()
    self:take(key)
    fn()
  end)
end

--- It waits no longer; nil: it did not.
---@param key any
---@return table? entry
function Waiting:take(key)
  local entry = self.entries[key]
  if not entry then
    return nil
  end
  self.entries[key], self.count = nil, self.count - 1
  if entry.timer then
    entry.timer:cancel()
  end
  return entry
end

--- The keys of all, of now.
---@return any[]
function Waiting:keys()
  local list = {}
  for key in pairs(self.entries) do
    list[#list + 1] = key
  end
  return list
end

--- What is kept of one; nil: it does not wait.
---@param key any
---@return table?
function Waiting:get(key)
  return self.entries[key]
end

return waiting
