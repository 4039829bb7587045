-- Keeps the list of HAProxy's servers: the instances of the service `web` that pass their checks.
-- When it changes, the file is replaced in one step and HAProxy is reloaded, without blocking.
--
--   shoal run examples/haproxy.lua --bind 10.0.0.1:7946             beside HAProxy
--   shoal run service.lua --join 10.0.0.1:7946 …                    beside each server, with
--     return require("shoal.services").script {                     in the script
--       services = { web = { port = 8080, check = { http = "http://127.0.0.1:8080/health" } } },
--     }
--
-- Behind `--`: file=PATH is the file to write, reload="COMMAND" what makes HAProxy read it.

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
  local lines = { "backend web" }
  for _, one in ipairs(servers(node)) do
    local id = one.addr:gsub("[^%w.]", "_")
    lines[#lines + 1] = ("  server %s %s weight %d check"):format(id, one.addr, math.min(one.weight, 256))
  end
  local args = node.args
  file.keep(node, args.file or "/etc/haproxy/conf.d/web.cfg", table.concat(lines, "\n") .. "\n",
    words(args.reload or "systemctl reload haproxy"))
end

return M
