-- Tells a webhook when a member fails. All members notice; the one that owns the failed member's
-- address makes the request, and tries again when nobody takes it.
--
--   WEBHOOK=https://hooks.example.com/down shoal run examples/webhook.lua --bind 10.0.0.1:7946
--
-- This is a hint, not a lock: while views differ, two members may tell it, or none.

local url = os.getenv("WEBHOOK") or "http://127.0.0.1:8080/down"
local attempts, pause = 3, 2

local M = {}

local function tell(node, text)
  for attempt = 1, attempts do
    local response, message = node:http {
      url = url,
      headers = { ["Content-Type"] = "text/plain" },
      body = text,
      timeout = 5,
    }
    if response and response.status < 300 then
      return node:log("info", "the webhook was told", { what = text })
    end
    node:log("warn", "the webhook failed", { attempt = attempt, reason = message or response.status })
    node:sleep(pause * attempt)
  end
  node:log("error", "the webhook was not told", { what = text })
end

function M.on_member_down(node, member)
  local _, mine = node:owner(member.addr)
  if mine and member.reason == "failed" then
    node:go(function(n) tell(n, member.addr .. " failed") end)
  end
end

return M
