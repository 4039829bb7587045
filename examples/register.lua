-- One value for the whole cluster, such as a switch for maintenance. Any member sets it, and the
-- greater version wins. A raw broadcast: a value that waits to be sent is dropped as soon as a
-- newer one arrives, so of a thousand quick changes only the last ones travel. A topic would
-- deliver, and repair, all of them.
--
--   shoal run examples/register.lua --bind 127.0.0.1:7946
--   shoal broadcast "$(date +%s) closed until noon"
--
-- Newcomers learn the value when it is set again, and a member may miss one.

local M = { broadcast = {} }

function M.broadcast.receive(node, data)
  local version, value = data:match("^(%d+) (.*)$")
  version = tonumber(version)
  if not version or version <= (node.store.version or -1) then
    return nil -- malformed, or known: it is not passed on
  end
  node.store.version, node.store.value = version, value
  node:log("info", "the value is " .. value, { version = version })
  return "value" -- its key: it replaces the queued item with the same key
end

return M
