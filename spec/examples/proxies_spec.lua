--- The examples haproxy and nginx in front of real servers, with the real programs.

local node = require "spec.support.node"
local process = require "spec.support.process"
local unix = require "socket.unix"
local wait = require "spec.support.wait"

local root = os.getenv("SHOAL_SOURCE") or "."

-- An HTTP server on loopback that answers everything with its name.
local SERVER = [[
local socket = require "socket"
local server = assert(socket.bind("127.0.0.1", 0))
io.stdout:setvbuf "no"
print((select(2, server:getsockname())))
while true do
  local client = server:accept()
  client:settimeout(5)
  repeat local line = client:receive "*l" until not line or line == ""
  client:send("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nConnection: close\r\n\r\n" .. arg[1])
  client:close()
end
]]

local PROXIES = {
  haproxy = {
    config = [[
global
  maxconn 64
defaults
  mode http
  timeout connect 2s
  timeout client 2s
  timeout server 2s
frontend all
  bind unix@%FOLDER%/front.sock
  default_backend web
]],
    nobody = "backend web\n",
    argv = { "haproxy", "-W", "-db", "-f", "%FOLDER%/main.cfg", "-f", "%FOLDER%/web.cfg" },
    reload = "kill -USR2 %PID%",
  },
  nginx = {
    config = [[
daemon off;
pid %FOLDER%/nginx.pid;
error_log %FOLDER%/error.log;
events { worker_connections 64; }
http {
  access_log off;
  client_body_temp_path %FOLDER%/body;
  proxy_temp_path %FOLDER%/proxy;
  fastcgi_temp_path %FOLDER%/fastcgi;
  uwsgi_temp_path %FOLDER%/uwsgi;
  scgi_temp_path %FOLDER%/scgi;
  include %FOLDER%/web.cfg;
  server {
    listen unix:%FOLDER%/front.sock;
    location / { proxy_pass http://web; proxy_connect_timeout 2s; }
  }
}
]],
    nobody = "upstream web { server 127.0.0.1:9 down; }\n",
    argv = { "nginx", "-p", "%FOLDER%", "-e", "%FOLDER%/error.log", "-c", "%FOLDER%/main.cfg" },
    reload = "kill -HUP %PID%",
  },
}

for name, proxy in pairs(PROXIES) do
  describe("the example " .. name .. ", with the program,", function()
    local folder, front

    before_each(function()
      folder = process.tempdir()
      front = folder .. "/front.sock"
    end)
    after_each(process.cleanup)

    local function fill(text)
      return (text:gsub("%%FOLDER%%", folder))
    end

    local function start_proxy()
      process.run { "chmod", "755", folder } -- its workers may be another user
      process.write(folder .. "/main.cfg", fill(proxy.config))
      process.write(folder .. "/web.cfg", proxy.nobody)
      local argv = {}
      for i, word in ipairs(proxy.argv) do argv[i] = fill(word) end
      local running = process.start(argv)
      wait.for_that(function() -- before, a signal would end it
        local client = unix()
        local there = client:connect(front)
        client:close()
        return there or running:ended()
      end, 10, "proxy")
      return running
    end

    local function start_server(letter)
      local server = process.start { process.lua, process.write(folder .. "/" .. letter .. ".lua", SERVER), letter }
      server.port = wait.for_that(function()
        return tonumber(process.read(server.folder .. "/stdout"))
      end, 10, "port of a server")
      return server
    end

    -- A member beside that server, with the service and its check.
    local function start_member(server, seed)
      return node.start { join = { seed }, source = ([[
        return require("shoal.services").script { services = { web = { port = %d,
          check = { http = "http://127.0.0.1:%d/", every = 0.1, timeout = 0.1, rise = 1, fall = 3 } } } }
      ]]):format(server.port, server.port) }
    end

    -- Who answers behind the proxy; nil: nobody does.
    local function ask()
      local client = unix()
      client:settimeout(5)
      local answer
      if client:connect(front) and client:send "GET / HTTP/1.0\r\nHost: x\r\n\r\n" then
        answer = client:receive "*a"
      end
      client:close()
      return answer and answer:match "^HTTP/1.%d 200.-\r\n\r\n(.*)$"
    end

    local function wait_for_answers(...)
      local wanted = {}
      for _, letter in ipairs { ... } do wanted[letter] = true end
      wait.for_that(function()
        local seen = {}
        for _ = 1, 8 do
          local who = ask()
          if not who or not wanted[who] then return false end
          seen[who] = true
        end
        for letter in pairs(wanted) do
          if not seen[letter] then return false end
        end
        return true
      end, 30, "answers of " .. table.concat({ ... }, " and "))
    end

    it("sends requests to the servers that pass, and to no other, reloaded in the middle", function()
      if process.run({ "sh", "-c", "command -v " .. name }).code ~= 0 then
        pending(name .. " is not installed")
        return
      end
      local running = start_proxy()
      local path = process.write(folder .. "/script.lua", process.read(("%s/examples/%s.lua"):format(root, name)))
      local balancer = node.start { script = path, args = { "--",
        "file=" .. folder .. "/web.cfg", "reload=" .. proxy.reload:gsub("%%PID%%", tostring(running.pid)) } }
      local a, b = start_server "a", start_server "b"
      local first = start_member(a, balancer)
      start_member(b, balancer)
      wait_for_answers("a", "b")
      assert.equal("web is maintenance\n", first:ask("service", "drain", "web").out)
      wait_for_answers "b"
      node.reload(path, { balancer })
      node.reload(first.script, { first }) -- what is drained stays drained
      wait_for_answers "b"
      assert.equal("web is passing\n", first:ask("service", "resume", "web").out)
      wait_for_answers("a", "b")
      b:signal "KILL" -- the server, not the member beside it
      wait_for_answers "a"
      assert.is_falsy(running:ended())
    end)
  end)
end
