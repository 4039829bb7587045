-- Keeps the servers of an upstream of nginx: the instances of the service `web` that pass their
-- checks. nginx.conf has
--
--   include /etc/nginx/upstreams/*.conf;      and, in a server,      proxy_pass http://web;
--
--   shoal run examples/nginx.lua --bind 10.0.0.1:7946 -- file=/etc/nginx/upstreams/web.conf
--
-- (Make that folder first; who runs this must be able to write there and to reload nginx.)
-- The other members are those of examples/haproxy.lua. Behind `--`: file=PATH is the file to write,
-- reload="COMMAND" what makes nginx read it.

local file = require "shoal.file"

local M = require("shoal.services").script {}

local function words(text)
  local list = {}
  for word in text:gmatch "%S+" do list[#list + 1] = word end
  return list
end

-- Whatever has no port is not for a proxy, and a weight of 0 means nothing to nginx.
local function servers(node)
  return node:service("web", { where = function(one) return one.port and one.weight > 0 end })
end

-- Those that passed until their members failed, in the last minute. While others pass they are out. If
-- none does, the fault may be the network's or this member's own: nginx keeps them.
local function failed(node, passing)
  local known, now, there, reasons, list = node.store.known or {}, node:now(), {}, {}, {}
  for _, member in ipairs(node:members()) do there[member.addr] = true end
  for _, member in ipairs(node:gone()) do reasons[member.addr] = member.reason end
  for _, one in ipairs(passing) do known[one.addr] = { member = one.member.addr, weight = one.weight, seen = now } end
  for addr, one in pairs(known) do
    if one.seen ~= now then
      one.failed = one.failed or now
      local by_will = there[one.member] or (reasons[one.member] or "failed") ~= "failed"
      if by_will or now > one.failed + 60 then
        known[addr] = nil
      else
        list[#list + 1] = { addr = addr, weight = one.weight }
      end
    end
  end
  node.store.known = known
  return list
end

-- A misspelled argument would mean the default of the right one.
local ARGUMENTS, is_wrong = { file = true, reload = true }, false

local function check(node)
  for name in pairs(node.args) do
    if not ARGUMENTS[name] then
      node:log("error", "unknown argument, so no file is written; file= and reload= are known", { argument = name })
      is_wrong = true
    end
  end
end

M.on_start, M.on_reload = check, check

function M.on_service(node, name)
  if name ~= "web" or is_wrong then return end
  local list, lines = servers(node), {}
  local lost = failed(node, list)
  if not list[1] and lost[1] then
    list = lost
    node:log("warn", "the last list is kept: the members of its servers have failed", { servers = #lost })
  end
  for i, one in ipairs(list) do lines[i] = ("  server %s weight=%d;"):format(one.addr, one.weight) end
  -- an upstream without servers is a mistake to nginx, and it would keep the old ones
  lines[1] = lines[1] or "  server 127.0.0.1:9 down;"
  local args = node.args
  file.keep(node, args.file or "/etc/nginx/upstreams/web.conf",
    ("upstream web {\n%s\n}\n"):format(table.concat(lines, "\n")), words(args.reload or "nginx -s reload"))
end

return M
