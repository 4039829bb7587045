-- SPDX-License-Identifier: MIT
-- A member's script, for bench/namespaces.lua: prints "up ADDR BUMP", "down ADDR REASON",
-- "rename ADDR BUMP", and of itself "self ADDR BUMP".
local M = {}

local function tell(kind, addr, more)
  io.stdout:write(("%s %s %s\n"):format(kind, addr, more))
  io.stdout:flush()
end

local function number(bump)
  return ("%.0f"):format(bump)
end

function M.on_start(node)
  local id = node:identity()
  tell("self", id.addr, number(id.bump))
end

function M.on_rejoin(_, id)
  tell("self", id.addr, number(id.bump))
end

function M.on_member_up(_, member)
  tell("up", member.addr, number(member.id.bump))
end

function M.on_rename(_, _, after)
  tell("rename", after.addr, number(after.id.bump))
end

function M.on_member_down(_, member)
  tell("down", member.addr, member.reason)
end

return M
