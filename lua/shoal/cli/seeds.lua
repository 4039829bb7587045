--- Looks at endpoints before a node is asked to join through them.

local core = require("shoal.core")

local seeds = {}

--- Each must be an endpoint that a socket bound to `bind` can send to: an address of the
--- other family never will be, nor another host's, when `bind` is the loopback. A name
--- may become anything.
---@param endpoints string[]
---@param bind? string
---@return true? ok
---@return string? message, string? code  why not
function seeds.check(endpoints, bind)
  for _, endpoint in ipairs(endpoints) do
    local ok, message, code = core.check_endpoint(endpoint, bind)
    if not ok then
      return nil, message, code
    end
  end
  return true
end

--- The same, and at least one of them has an address now. A node looks names up without
--- waiting, goes on when that fails, and says so in its log only; whoever typed a command
--- wants to know.
---@param endpoints string[]
---@param bind? string
---@return true? ok
---@return string? message, string? code  why not
function seeds.resolve(endpoints, bind)
  local ok, message, code = seeds.check(endpoints, bind)
  if not ok then
    return nil, message, code
  end
  local failure
  for _, endpoint in ipairs(endpoints) do
    ok, message = core.resolve(endpoint, bind)
    if ok then
      return true
    end
    failure = failure or message
  end
  return nil, failure
end

return seeds
