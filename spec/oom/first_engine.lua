--- The first engine of a state.

local first = require "first"

local core, engine

local function make()
  core = require "shoal.core"
  engine = assert(core.new {
    identity = core.stock_identity("10.0.0.1:1", 1), seed = 1,
    handlers = { broadcast = { receive = function(_, data) return data end } },
  })
end

local steps = {
  function() make() end,
  function() if engine then engine:add_broadcast(1, "one") end end,
  function() if engine then engine:close() end end,
}

return first(steps, function()
  if not core then package.loaded["shoal.core"] = nil end -- where 5.1 notes the attempt
  make()
  assert(engine:add_broadcast(1, "two"))
  assert(engine:close())
end, ...)
