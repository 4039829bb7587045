-- SPDX-License-Identifier: MIT
-- shoal: a node of a cluster in your program, its events in your functions.
--
--     local shoal = require "shoal"
--     local node = assert(shoal.start {
--       bind = "10.0.0.1:7946", join = { "10.0.0.2:7946" },
--       handlers = { on_member_up = function(_, member) print(member.addr) end },
--     })
--     shoal.run()
--
-- What can be given, and what a node can do, is in shoal/types.lua.
local core = require "shoal.core"
local loader = require "shoal.loader"
require "shoal.wait"

return {
  _VERSION = core.version,
  start = core.start,
  run = core.run,
  stop = core.stop,
  step = core.step,
  load = loader.load,
  check = core.check,
  none = core.none,
}
