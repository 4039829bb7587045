-- Tells a webhook when a member fails. All members notice; the one that owns the failed member's
-- address makes the request, and tries again when nobody takes it, also after a hot reload.
--
--   WEBHOOK=https://hooks.example.com/down shoal run examples/webhook.lua --bind 10.0.0.1:7946
--
-- This is a hint, not a lock: two members may tell it while views differ, or none, or one twice at a reload.

local url = os.getenv("WEBHOOK") or "http://127.0.0.1:8080/down"
local attempts, pause, plain = 3, 2, { ["Content-Type"] = "text/plain" }
local M = {}

local function tell(node, addr)
  local pending, text = node.store.pending, addr .. " failed"
  for attempt = pending[addr] or 1, attempts do
    local response, message = node:http { url = url, body = text, headers = plain, timeout = 5 }
    if response and response.status < 300 then
      pending[addr] = nil
      return node:log("info", "the webhook was told", { what = text })
    end
    node:log("warn", "the webhook failed", { attempt = attempt, reason = message or response.status })
    pending[addr] = attempt + 1
    node:sleep(pause * attempt)
  end
  pending[addr] = nil
  node:log("error", "the webhook was not told", { what = text })
end

function M.on_member_down(node, member)
  if not select(2, node:owner(member.addr)) or member.reason ~= "failed" then return end
  node.store.pending[member.addr] = 1
  node:go(function(n) tell(n, member.addr) end)
end

local function start(node) -- a reload has ended the coroutines
  node.store.pending = node.store.pending or {}
  for addr in pairs(node.store.pending) do node:go(function(n) tell(n, addr) end) end
end

M.on_start, M.on_reload = start, start
return M
