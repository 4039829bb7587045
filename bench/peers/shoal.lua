-- SPDX-License-Identifier: MIT
-- A member's script, for bench/peers/run.lua: prints "up ADDR", "down ADDR" and
-- "got DATA".
local M = { broadcast = {} }

local seen = {}

local function tell(kind, what)
  io.stdout:write(kind, " ", what, "\n")
  io.stdout:flush()
end

function M.on_member_up(_, member)
  tell("up", member.addr)
end

function M.on_member_down(_, member)
  tell("down", member.addr)
end

function M.broadcast.receive(_, data)
  if not seen[data] then
    seen[data] = true
    tell("got", data)
    return data
  end
end

return M
