-- Logs a greeting for each member that joins, and a goodbye for each that leaves or fails.
--
--   shoal run examples/hello.lua --bind 127.0.0.1:7946
--   shoal run examples/hello.lua --name second --join 127.0.0.1:7946
--
-- Change a word in here while both run: they load the new version by themselves.

local M = {}

function M.on_start(node)
  node:log("info", "hello, I am " .. node:identity().addr)
end

function M.on_member_up(node, member)
  node:log("info", "hello, " .. member.addr)
end

function M.on_member_down(node, member)
  node:log("info", "goodbye, " .. member.addr)
end

return M
