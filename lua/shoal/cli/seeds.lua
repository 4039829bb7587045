--- Looks endpoints up before a node is asked to join through them.
--
-- A node resolves names without waiting, and tells a failure in its log. Whoever
-- typed a command wants to know it now.

local core = require("shoal.core")

local seeds = {}

--- At least one endpoint must have an address: the others may come up later.
---@param endpoints string[]
---@return true? ok
---@return string? message why the first has none
function seeds.check(endpoints)
  local failure
  for _, endpoint in ipairs(endpoints) do
    local found, message, code = core.resolve(endpoint)
    if found then
      return true
    elseif code == "endpoint" then
      return nil, ("cannot join %s: %s"):format(endpoint, message)
    end
    failure = failure or message
  end
  if failure then
    return nil, failure
  end
  return true
end

return seeds
