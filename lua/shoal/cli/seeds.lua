--- Looks endpoints up before a node is asked to join through them.
--
-- A node resolves names without waiting, and tells a failure in its log. Whoever
-- typed a command wants to know it now.

local core = require("shoal.core")

local seeds = {}

--- At least one endpoint must have an address that a socket bound to `bind` can send
--- to: the others may come up later. An address of the other family never will, nor
--- another host's, when `bind` is the loopback.
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
  local failure
  for _, endpoint in ipairs(endpoints) do
    local found, message = core.resolve(endpoint, bind)
    if found then
      return true
    end
    failure = failure or message
  end
  if failure then
    return nil, failure
  end
  return true
end

return seeds
