--- INT and TERM, for commands that go on until they come.

local core = require("shoal.core")
local shoal = require("shoal")

local interrupts = {}

--- A function that says whether one came; it waits for that as many seconds (0). Signals are
--- told by the loop, which a client does not run: it takes turns of it here.
---@return (fun(seconds?: number): boolean)?, string? message
function interrupts.watch()
  local interrupted = false
  for _, signal in ipairs({ "INT", "TERM" }) do
    local watcher, message = core.signal(signal, function()
      interrupted = true
    end)
    if not watcher then
      return nil, message
    end
  end
  return function(seconds)
    local turns = math.ceil((seconds or 0) / 0.1)
    shoal.step(0)
    while not interrupted and turns > 0 do
      shoal.step(0.1)
      turns = turns - 1
    end
    return interrupted
  end
end

return interrupts
