-- Gateways that cache the answers of a slow backend. When one learns that an entry is
-- stale, all of them drop it, within a few hundred milliseconds and without a
-- broker. A gateway calls invalidate(); from a shell, the same is:
--
--   shoal broadcast "$(uuidgen) users/42"

local M = { broadcast = {} }

local KEEP = 60 -- seconds: far longer than an item travels

-- What the program around it would use. A reload empties a cache, which is safe.
local cache = { ["users/42"] = "Ada", ["users/43"] = "Grace" }

-- The same key may become stale again and again, so every item has a name.
local count = 0
local function invalidate(node, key)
  count = count + 1
  return node:add_broadcast(("%s-%d-%d %s"):format(node:identity().addr, os.time(), count, key))
end

function M.broadcast.receive(node, data)
  local name, key = data:match("^(%S+) (.+)$")
  local seen = node.store.seen
  if not name or seen[name] then
    return nil
  end
  seen[name] = os.time()
  cache[key] = nil
  node:log("info", "dropped " .. key)
  return key -- a newer item about the same key makes the queued one obsolete
end

local function forget_old(node)
  for name, at in pairs(node.store.seen) do
    if os.time() - at > KEEP then
      node.store.seen[name] = nil
    end
  end
end

local function start(node)
  node.store.seen = node.store.seen or {}
  node:every(KEEP / 2, forget_old)
end

M.on_start = start
M.on_reload = start

-- A member that was away may have missed items, so it empties its cache.
local function invalidate_all(node)
  for key in pairs(cache) do
    invalidate(node, key)
  end
end

M.on_returned = invalidate_all
M.on_rejoin = invalidate_all

return M
