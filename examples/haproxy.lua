-- Keeps the list of HAProxy's servers: all members with a tag `http = { port = }`. When it changes,
-- the file is replaced in one step and HAProxy is reloaded, without blocking the node.
--
--   shoal run examples/haproxy.lua --bind 10.0.0.1:7946             beside HAProxy
--   shoal run service.lua --join 10.0.0.1:7946 …                    beside each server, with
--     node:set_tags { http = { port = 8080 } }                      in its on_start
--
-- FILE is the file to write, RELOAD the command (words) that makes HAProxy read it. For nginx, write
-- "server ADDRESS;" lines of an upstream, and set RELOAD="nginx -s reload".

local path = os.getenv("FILE") or "/etc/haproxy/conf.d/web.cfg"
local reload = {}
for word in (os.getenv("RELOAD") or "systemctl reload haproxy"):gmatch("%S+") do
  reload[#reload + 1] = word
end

local M = {}
local written, wanted, running

-- Whatever else a member says under that name is not for HAProxy.
local function has_port(http)
  return type(http) == "table" and tonumber(http.port) ~= nil
end

local function render(node)
  local lines = {}
  for _, member in ipairs(node:members { tags = { http = has_port } }) do
    local host, port = member.addr:match("^(.*):%d+$"), member.tags.http.port
    lines[#lines + 1] = ("  server %s_%d %s:%d check"):format(host:gsub("[^%w.]", "_"), port, host, port)
  end
  table.sort(lines)
  return "backend web\n" .. table.concat(lines, "\n") .. "\n"
end

local function replace(text)
  local file, message = io.open(path .. ".new", "w")
  if not file then return nil, message end
  local ok = file:write(text)
  ok = file:close() and ok
  if not ok then return nil, "cannot write " .. path .. ".new" end
  return os.rename(path .. ".new", path)
end

-- One at a time; what changed meanwhile is written after it.
local function update(node)
  while written ~= wanted do
    local text = wanted
    local ok, message = replace(text)
    local result = ok and node:spawn(reload, { timeout = 10 }) or nil
    if not ok or not result or result.code ~= 0 then
      node:log("error", "HAProxy was not reloaded", { reason = message or result and result.stderr or reload[1] })
      node:sleep(5)
    else
      written = text
    end
  end
  running = false
end

local function changed(node)
  wanted = render(node)
  if not running and wanted ~= written then
    running = true
    node:go(update)
  end
end

M.on_start, M.on_reload, M.on_view, M.on_tags = changed, changed, changed, changed

return M
