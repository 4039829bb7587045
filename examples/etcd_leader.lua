-- One leader, held by a lease in etcd. All members learn who leads by the tag `leader`.
--
--   ETCD="http://10.0.0.1:2379 http://10.0.0.2:2379" shoal run examples/etcd_leader.lua --bind 10.0.0.1:7946
--
-- The tag is a number that is greater for each new leader. Gossip spreads it, so for a moment two
-- members may have the tag: the greater number counts. But only one member leads at a time, as long
-- as the clocks of etcd and of the members run at the same speed, give or take a tenth.

local ttl = tonumber(os.getenv("TTL") or "10") -- seconds after which a lease ends that nobody renews

local M, urls, at, timer = {}, {}, 1, nil
for url in (os.getenv("ETCD") or "http://127.0.0.1:2379"):gmatch "%S+" do urls[#urls + 1] = url end

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
  local response, why = node:http { url = urls[at] .. path, body = body, timeout = ttl / 4 }
  if response and response.status == 200 then return response.body end
  at = at % #urls + 1
  return nil, why or response.body
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

local function start(node)
  node:after(0, show)
  node:go(function(n)
    while true do
      local tries = n.store.leader or (n:rank() or 4) <= 3 -- more members would only be more requests
      local why = tries and turn(n) or nil
      if why and why ~= n.store.trouble then n:log("warn", "etcd does not help", { reason = why }) end
      n.store.trouble, n.store.lease = why, tries and n.store.lease or nil
      show(n)
      n:sleep(ttl / 3)
    end
  end)
end

M.on_start, M.on_reload = start, start

return M
