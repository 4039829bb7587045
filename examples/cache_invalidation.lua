-- Gateways that cache the answers of a slow backend. When one learns that an entry is
-- stale, all of them drop it, within a few hundred milliseconds and without a broker.
-- Whoever may have missed one empties its whole cache. A gateway calls
-- node:publish("purge", key); from a shell, the same is:
--
--   shoal publish purge users/42

local M = { topics = {} }

-- What the program around it would use. A reload empties a cache, which is safe.
local cache = { ["users/42"] = "Ada", ["users/43"] = "Grace" }

function M.topics.purge(node, key)
  local had = cache[key] ~= nil
  cache[key] = nil
  node:log("info", "dropped " .. key, { had = had })
end

function M.on_missed(node, _, from)
  cache = {}
  node:log("info", "dropped all: something that " .. from.addr .. " published was missed")
end

return M
