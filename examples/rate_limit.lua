-- A rate limit for the whole cluster, without a packet for each request: every member
-- allows its share of it, LIMIT / size. When a member joins or leaves, the shares change.
--
--   LIMIT=100 shoal run examples/rate_limit.lua --bind 127.0.0.1:7946
--   LIMIT=100 shoal run examples/rate_limit.lua --name second --join 127.0.0.1:7946
--
-- It is only as accurate as the members' views: while a new member is not known to all, and
-- while the network is split, the members together allow more than LIMIT.

local limit = tonumber(os.getenv("LIMIT") or "100") -- requests a second, of all members together
local requests = tonumber(os.getenv("REQUESTS") or "80") -- a second that come to each member

local M = {}

local REFILL = 0.1 -- seconds

-- A bucket of tokens, one for each request, that holds what a second allows, and one more:
-- a share may be less than 1.
local function refill(node)
  local store = node.store
  store.share = limit / node:size()
  store.tokens = math.min(store.share + 1, store.tokens + store.share * REFILL)
end

-- Your program calls this for each request.
local function allow(node)
  local store = node.store
  if store.tokens < 1 then
    store.refused = store.refused + 1
    return false
  end
  store.tokens = store.tokens - 1
  store.allowed = store.allowed + 1
  return true
end

function M.on_start(node)
  node.store.tokens, node.store.allowed, node.store.refused = 0, 0, 0
  M.on_reload(node)
end

function M.on_reload(node)
  node:every(REFILL, refill)
  node:every(1 / requests, allow) -- stands for real requests
end

function M.on_view(node)
  node:log("info", "this member's share", { share = limit / node:size(), members = node:size() })
end

return M
