-- SPDX-License-Identifier: MIT
-- What plays the rest of the world in a simulated network: the programs that
-- members run.
local blame = require "shoal.blame"

---@class shoal.sim.Net
local Net = {}

---@class shoal.sim.SpawnAnswer  how a program ended
---@field code? integer    0, unless there is a signal
---@field signal? integer
---@field stdout? string
---@field stderr? string
---@field after? number    seconds that it runs (0)

local function check_function(fn, method)
  if type(fn) ~= "function" then
    blame.misuse("net:%s: needs a function, got %s", method, blame.describe(fn))
  end
end

--- Answers for the programs that members run from now on: what `node:spawn` was
--- given goes in, how it ends comes out; nil and a message if it cannot be started.
--- The options are `stdin`, `cwd`, `timeout` and `env`, the variables that are not
--- the process's own.
---@param fn fun(member: shoal.sim.Member, argv: string[], options: table): shoal.sim.SpawnAnswer?, string?
function Net:on_spawn(fn)
  check_function(fn, "on_spawn")
  self.handle:on_spawn(function(place, argv, options)
    return fn(self.by_number[place + 1], argv, options)
  end)
end

return Net
