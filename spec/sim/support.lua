--- Simulated networks for specs, closed when the spec is over; and scripts for
-- their members.
--
--   local nets = require "spec.sim.support"
--   after_each(nets.close)
--
--   local net = nets.new { seed = 7 }
--   local net, members = nets.grown(10)            -- come together already
--   local path = nets.script "return { on_start = function(node) ... end }"

local process = require "spec.support.process"
local sim = require "shoal.sim"

local nets = {}

local open = {}

function nets.new(options)
  local net = sim.new(options)
  open[#open + 1] = net
  return net
end

--- `count` members that see each other. The config is loopback's, for speed.
function nets.grown(count, options, network)
  local net = nets.new(network)
  local all = { config = "loopback" }
  for name, value in pairs(options or {}) do
    all[name] = value
  end
  local members = assert(net:spawn(count, all))
  assert(net:run_until(function() return net:converged() end, 60))
  return net, members
end

--- The path of a file with that text.
function nets.script(text, name)
  local path = process.tempdir() .. "/" .. (name or "script.lua")
  process.write(path, text)
  return path
end

--- The program that runs the specs.
function nets.interpreter()
  local i = 0
  while arg[i - 1] do
    i = i - 1
  end
  return arg[i]
end

function nets.close()
  while #open > 0 do
    table.remove(open):close()
  end
  process.cleanup()
end

return nets
