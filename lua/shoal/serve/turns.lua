--- Work for clients that is too much to be done for all of them at once: one piece of it in
--- each turn of the loop, in the order in which it came.

local turns = {}

---@class shoal.Turns
---@field private node shoal.Node
---@field private line { exchange: shoal.Exchange, fn: fun() }[]
---@field private timer? shoal.Timer
---@field private step fun()
local Turns = {}
Turns.__index = Turns

-- What raises answers nobody: rather than wait for ever, the client is cut off.
local function try(exchange, fn, ...)
  local ok, message = pcall(fn, ...)
  if not ok then
    exchange:drop()
    error(message, 0)
  end
end

turns.try = try

-- Clients that have gone need nothing.
local function drop_gone(self)
  while self.line[1] and not self.line[1].exchange:is_open() do
    table.remove(self.line, 1)
  end
end

-- Nothing is allocated.
local function give_up(self)
  while self.line[1] do
    table.remove(self.line, 1).exchange:drop()
  end
end

--- Calls `self.step` in the next turn of `self.node`, which sets `self.timer` to nil. Without
-- memory for that, what waits is given up.
---@param self { node: shoal.Node, timer?: shoal.Timer, step: fun() }
---@param give_up_all fun(self: table)
function turns.plan(self, give_up_all)
  local ok, timer = pcall(self.node.after, self.node, 0, self.step)
  if not ok then
    give_up_all(self)
    error(timer, 0)
  end
  self.timer = timer
end

local function plan(self)
  if not self.timer and self.line[1] then
    turns.plan(self, give_up)
  end
end

local function step(self)
  self.timer = nil
  drop_gone(self)
  local entry = table.remove(self.line, 1)
  plan(self)
  if entry then
    try(entry.exchange, entry.fn)
  end
end

--- Calls `fn` in a turn of its own, if the client is still there then.
---@param exchange shoal.Exchange
---@param fn fun()
function Turns:add(exchange, fn)
  self.line[#self.line + 1] = { exchange = exchange, fn = fn }
  plan(self)
end

---@param node shoal.Node
---@return shoal.Turns
function turns.new(node)
  local self = setmetatable({ node = node, line = {} }, Turns)
  self.step = function()
    step(self)
  end
  return self
end

return turns
