--- What `shoal run` tells whoever looks after it: systemd, or what speaks as it does
--- (sd_notify(3)). Nothing, where nobody does.

local core = require "shoal.core"

local supervisor = {}

-- Most often within the time after which it takes the loop for hung.
local BEATS = 4

-- A supervisor that cannot be told must not end a member.
local function tell(node, state)
  local told, message = core.tell_supervisor(state)
  if told == nil then
    node:log("warn", "the supervisor was not told", { reason = message })
  end
  return told
end

--- Seconds after which it expects to hear of us, or nil.
local function patience()
  local us = tonumber(os.getenv("WATCHDOG_USEC"))
  return us and us > 0 and us / 1e6 or nil
end

--- The node runs. From now on its loop shows that it turns.
function supervisor.ready(node)
  if not tell(node, "READY=1\nSTATUS=" .. node:bound()) then
    return
  end
  local seconds = patience()
  if seconds then
    node:every(seconds / BEATS, function()
      tell(node, "WATCHDOG=1")
    end)
  end
end

--- Runs `reload`.
function supervisor.reloading(node, reload)
  tell(node, "RELOADING=1")
  reload()
  tell(node, "READY=1")
end

function supervisor.stopping(node)
  tell(node, "STOPPING=1")
end

return supervisor
