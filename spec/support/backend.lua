--- A server of HTTP in a process of its own, which answers everything with its name.
--
--   local one = backend.start("a")          -- one.host, one.port
--   backend.start("b", "127.0.1.1", 8080)   -- at a host, and a port (0: any)

local process = require "spec.support.process"
local wait = require "spec.support.wait"

local backend = {}

local SERVER = [[
local socket = require "socket"
local server = assert(socket.bind(arg[2], tonumber(arg[3])))
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

---@param letter string
---@param host? string
---@param port? integer
function backend.start(letter, host, port)
  local script = process.write(process.tempdir() .. "/server.lua", SERVER)
  local server = process.start { process.lua, script, letter, host or "127.0.0.1", tostring(port or 0) }
  server.host, server.port = host or "127.0.0.1", wait.for_that(function()
    return tonumber(server:stdout())
  end, 20, "port of a server")
  return server
end

return backend
