-- One leader, held by a lease in etcd. All members learn who leads by the tag `leader`.
--
--   ETCD="http://10.0.0.1:2379 http://10.0.0.2:2379" shoal run examples/etcd_leader.lua --bind 10.0.0.1:7946
--
-- The tag is a number that is greater for each new leader. Gossip spreads it, so for a moment two
-- members may have the tag: the greater number counts. But only one member leads at a time, as long
-- as the clocks of etcd and of the members run at the same speed, give or take a tenth.

local ttl = (os.getenv "TTL" or "10"):match "^%d+$" -- seconds after which a lease ends that nobody renews
ttl = tonumber(ttl) or 0
if ttl < 2 then error("TTL is not a whole number of seconds, 2 or more", 0) end

local M, urls, at, timer = {}, {}, 1, nil
for url in (os.getenv "ETCD" or "http://127.0.0.1:2379"):gmatch "%S+" do
  if not url:find "^https?://[^/]+/*$" then error("ETCD: not a URL such as http://10.0.0.1:2379: " .. url, 0) end
  urls[#urls + 1] = url:match "^(.-)/*$"
end
if #urls == 0 then error("ETCD is empty: give it the URLs of etcd, or unset it", 0) end

local function base64(text)
  local digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
  local code = text:gsub("..?.?", function(three)
    local a, b, c = three:byte(1, 3)
    local bits = a * 65536 + (b or 0) * 256 + (c or 0)
    return (("...."):gsub("()%.", function(i)
      local six = math.floor(bits / 64 ^ (4 - i)) % 64 + 1
      return i <= #three + 1 and digits:sub(six, six) or "="
    end))
  end)
  return code
end

local key = base64(os.getenv("LEADER_KEY") or "shoal/leader")
local CLAIM = '{"compare":[{"key":"%s","target":"CREATE","create_revision":"0"}],' -- if there is no leader
  .. '"success":[{"request_put":{"key":"%s","value":"%s","lease":"%s"}}],"failure":[{"request_range":{"key":"%s"}}]}'

local function ask(node, path, body)
  local url = urls[at] .. path
  local response, why = node:http { url = url, body = body, timeout = ttl / 4 }
  if response and response.status == 200 then return response.body end
  at = at % #urls + 1
  return nil, ("%s: %s"):format(url, why or ("status %d %s"):format(response.status, response.body))
end

-- Look at this when it matters, and not at the tag: it is right even if a timer is late.
local function leads(node) return node:now() < (node.store.leads_until or 0) end

local function show(node)
  local leader = leads(node) and node.store.leader or nil
  if node:tags().leader ~= leader then
    node:log("info", leader and "this node leads" or "this node does not lead any more")
    node:set_tags { leader = leader or require("shoal").none }
  end
  if timer then timer:cancel() end
  timer = leader and node:after(node.store.leads_until - node:now() + 0.01, show)
end

-- Renews the lease, or gets one; takes the key if it is free. Returns what is wrong, or nil.
local function turn(node)
  local store, sent = node.store, node:now() -- the lease lasts at least from here on
  local answer, why = ask(node, store.lease and "/v3/lease/keepalive" or "/v3/lease/grant",
    store.lease and ('{"ID":"%s"}'):format(store.lease) or ('{"TTL":"%d"}'):format(ttl))
  if not answer then return why end
  local lasts = tonumber(answer:match '"TTL":"(%d+)"' or 0)
  store.lease = lasts > 0 and answer:match '"ID":"(%d+)"' or nil
  if store.lease then
    local name = base64(node:identity().name or node:identity().addr)
    answer, why = ask(node, "/v3/kv/txn", CLAIM:format(key, key, name, store.lease, key))
    if not answer then return why end
    local took = answer:find('"succeeded":true', 1, true)
    local mine = took or answer:match '"lease":"(%d+)"' == store.lease
    store.leader = mine and tonumber(answer:match(took and '"revision":"(%d+)"' or '"create_revision":"(%d+)"')) or nil
  else
    store.leader = nil
  end
  store.leads_until = store.leader and sent + lasts * 0.9 or 0
end

local busy_until, resigned, seen = 0, false, {}

local function step(node)
  local store = node.store
  local tries = not resigned and (store.leader or (node:rank() or 4) <= 3) -- more members would only be more requests
  local why = tries and turn(node) or nil
  if why and not seen[why] then
    node:log("warn", "etcd does not help", { reason = why })
    seen[why] = true
  elseif tries and not why and next(seen) then
    node:log("info", "etcd helps again")
    seen = {}
  end
  if not tries then store.lease = nil end
  show(node)
  busy_until = 0
end

-- One turn at a time. An error ends one turn; the next begins when that one would have been over.
local function tick(node)
  if node:now() < busy_until then return end
  busy_until = node:now() + ttl
  node:go(step)
end

local function start(node)
  node:after(0, show)
  node:after(0, tick)
  node:every(ttl / 3, tick)
end

-- `shoal leave` does not wait for etcd's answer, so `shoal call resign` comes before it.
M.commands = {
  resign = {
    help = "Gives the lease back, and does not lead any more until the script is loaded again.",
    args = {},
    run = function(node)
      resigned = true
      node:wait(function() return node:now() >= busy_until end, ttl)
      local store, lease = node.store, node.store.lease
      store.leader, store.lease, store.leads_until = nil, nil, 0
      show(node)
      local answer, why = true, nil
      if lease then answer, why = ask(node, "/v3/lease/revoke", ('{"ID":"%s"}'):format(lease)) end
      if not answer then return nil, why .. ": the lease ends by itself" end
      return lease and "the lease was given back" or "this node had no lease"
    end,
  },
}

M.on_start, M.on_reload = start, start

return M
