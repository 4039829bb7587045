-- Keeps the servers of an upstream of nginx: the instances of the service `web` that pass their
-- checks. nginx.conf has
--
--   include /etc/nginx/upstreams/*.conf;      and, in a server,      proxy_pass http://web;
--
--   shoal run examples/nginx.lua --bind 10.0.0.1:7946 -- file=/etc/nginx/upstreams/web.conf
--
-- The other members are those of examples/haproxy.lua. Behind `--`: file=PATH is the file to write,
-- reload="COMMAND" what makes nginx read it.

local file = require "shoal.file"

local M = require("shoal.services").script {}

local function words(text)
  local list = {}
  for word in text:gmatch "%S+" do list[#list + 1] = word end
  return list
end

-- Whatever has no port is not for a proxy.
local function servers(node)
  return node:service("web", { where = function(one) return one.port end })
end

function M.on_service(node, name)
  if name ~= "web" then return end
  local lines = {}
  for _, one in ipairs(servers(node)) do
    -- a weight of 0 means nothing to nginx
    if one.weight > 0 then lines[#lines + 1] = ("  server %s weight=%d;"):format(one.addr, one.weight) end
  end
  -- an upstream without servers is a mistake to nginx, and it would keep the old ones
  lines[1] = lines[1] or "  server 127.0.0.1:9 down;"
  local args = node.args
  file.keep(node, args.file or "/etc/nginx/upstreams/web.conf",
    ("upstream web {\n%s\n}\n"):format(table.concat(lines, "\n")), words(args.reload or "nginx -s reload"))
end

return M
