--- The first nodes of a state.

local first = require "first"
local core = require "shoal.core"

local handlers = {
  broadcast = { receive = function(_, data) return data end },
  on_active = function(node) node:after(0.1, function() end) end,
  on_member_up = function(node, member) node.store[member.addr] = true end,
}

local net, a, b, c

local function spawn(join)
  return net and assert(net:spawn { handlers = handlers, config = "lan", seed = 1, log = false, join = join })
end

local function run(seconds)
  if net then net:run(net:now() + seconds) end
end

local steps = {
  function() net = core.simulation { seed = 1 } end,
  function() a = spawn() end,
  function() if a then b = spawn(a:bound()) end end,
  function() run(1) end,
  function() if a then a:after(0.5, function() end) end end,
  function() if b then b:every(0.2, function() end) end end,
  function() if a then a:on("member_up", function() end) end end,
  function() if a then a:set_handlers { on_idle = function() end } end end,
  function() if b then c = spawn(b:bound()) end end,
  function() run(1) end,
  function() if c then c:close() end end,
}

return first(steps, function()
  net = net or core.simulation { seed = 1 }
  a = a or spawn()
  b = b or spawn(a:bound())
  run(1)
  assert(b:add_broadcast("one"))
  assert(b:add_broadcast("two"))
  run(10)
  net:close()
end, ...)
