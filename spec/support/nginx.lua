--- A real nginx with its Lua module for specs: that of the system, or the one that
-- `make test` has unpacked (.ci/unpack), so that neither LuaJIT is in the way of the other.
--
--   local web = nginx.start { http = "lua_shared_dict shoal 1m; …", server = "location … " }
--   web:get "/where"                       -- the body; or nil and what came instead
--   web:reload()                           -- waits until only new workers are there

local process = require "spec.support.process"
local unistd = require "posix.unistd"
local unix = require "socket.unix"
local wait = require "spec.support.wait"

local nginx = {}

local Nginx = {}
Nginx.__index = Nginx

local MODULES = "/usr/lib/nginx/modules"

-- Where the modules are, and what else the program needs.
local function installation()
  if process.read(MODULES .. "/ngx_http_lua_module.so") then
    return { root = "" }
  end
  local root = process.build .. "/nginx-lua"
  if not process.read(root .. MODULES .. "/ngx_http_lua_module.so") then
    error("no Lua module of nginx: run .ci/unpack " .. root .. " nginx-lua, as `make test` does", 0)
  end
  local folders = {}
  local listed = process.run { "sh", "-c", ("ls -d '%s'/usr/lib/*/ '%s'/lib/*/"):format(root, root) }
  for folder in listed.out:gmatch "[^\n]+" do
    folders[#folders + 1] = folder
  end
  return { root = root, libraries = table.concat(folders, ":") }
end

--- A program `nginx` in this folder: with the Lua module, and shoal's library as if it were
-- installed. A configuration in the working folder that names the system's modules gets
-- those that are there. If root starts it, so are its workers: what is unpacked may be where
-- nobody else may read.
function nginx.program(folder)
  local place = installation()
  local user = place.root ~= "" and unistd.geteuid() == 0 and "-g 'user root;'" or ""
  local path = process.write(folder .. "/nginx", ([[
#!/bin/sh
export LD_LIBRARY_PATH='%s' LUA_PATH='%s/lua/?.lua;%s/usr/share/lua/5.1/?.lua;;'
unset LD_PRELOAD
PATH=${PATH#*:}
sed -i 's|load_module /usr/|load_module %s/usr/|' ./*.conf
exec nginx %s "$@"
]]):format(place.libraries or "", process.source, place.root, place.root, user))
  process.run { "chmod", "755", path }
end

local CONFIG = [[
daemon off;
%s
load_module %s/ndk_http_module.so;
load_module %s/ngx_http_lua_module.so;
worker_processes %d;
pid %s/nginx.pid;
error_log %s/error.log notice;
%s
events { worker_connections 128; }
http {
  access_log off;
  client_body_temp_path %s/body; proxy_temp_path %s/proxy; fastcgi_temp_path %s/fastcgi;
  uwsgi_temp_path %s/uwsgi; scgi_temp_path %s/scgi;
  lua_package_path "%s/lua/?.lua;%s/usr/share/lua/5.1/?.lua;;";
  %s
  server {
    listen unix:%s/front.sock;
    %s
  }
}
]]

local function text_of(options, folder, place)
  local modules = place.root .. MODULES
  local user = unistd.geteuid() == 0 and "user root;" or "" -- who may use the control socket
  return CONFIG:format(user, modules, modules, options.workers or 8, folder, folder, options.main or "", folder, folder,
    folder, folder, folder, process.source, place.root, options.http or "", folder, options.server or "")
end

--- { http =, server =, workers =, main =, config = the whole of it, with %FOLDER% }.
function nginx.start(options)
  local place, folder = installation(), process.tempdir()
  local self = setmetatable({ folder = folder, options = options, place = place }, Nginx)
  process.run { "chmod", "755", folder }
  process.write(folder .. "/nginx.conf", text_of(options, folder, place))
  self.process = process.start { "nginx", "-p", folder, "-e", folder .. "/error.log", "-c", folder .. "/nginx.conf",
    env = { LD_LIBRARY_PATH = place.libraries or false, LD_PRELOAD = false } }
  wait.for_that(function()
    if self.process:ended() then
      error("nginx has ended: " .. self.process:stderr() .. self:log(), 0)
    end
    local client = unix()
    local connected = client:connect(folder .. "/front.sock")
    client:close()
    return connected
  end, 10, "nginx")
  return self
end

--- Its log so far.
function Nginx:log()
  return process.read(self.folder .. "/error.log") or ""
end

--- The body of the answer 200; or nil, and what came instead.
function Nginx:get(uri)
  local client = unix()
  client:settimeout(60)
  local answer, why
  local connected = client:connect(self.folder .. "/front.sock")
  if connected and client:send("GET " .. uri .. " HTTP/1.0\r\nHost: x\r\n\r\n") then
    answer, why = client:receive "*a"
  end
  client:close()
  local body = answer and answer:match "^HTTP/1.%d 200.-\r\n\r\n(.*)$"
  return body, not body and (answer or why or "no connection") or nil
end

--- The lines of the answer.
function Nginx:lines(uri)
  local list = {}
  for line in assert(self:get(uri)):gmatch "[^\n]+" do
    list[#list + 1] = line
  end
  return list
end

--- The processes of its workers, those that are shutting down included.
function Nginx:workers()
  local list = {}
  for pid in process.run({ "pgrep", "-P", tostring(self.process.pid) }).out:gmatch "%d+" do
    list[#list + 1] = tonumber(pid)
  end
  return list
end

--- Takes other workers; with another configuration, if one is given.
function Nginx:reload(options)
  if options then
    process.write(self.folder .. "/nginx.conf", text_of(options, self.folder, self.place))
  end
  local before = {}
  for _, pid in ipairs(self:workers()) do
    before[pid] = true
  end
  self.process:signal "HUP"
  wait.for_that(function()
    local now = self:workers()
    for _, pid in ipairs(now) do
      if before[pid] then
        return false
      end
    end
    return #now == (self.options.workers or 8)
  end, 20, "new workers")
end

return nginx
