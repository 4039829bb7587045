--- A client of `shoal run --http` for specs: requests by luasocket, one connection each.
--
--   local a = node.start { args = { "--http", "127.0.0.1:0" } }
--   local page = web.get(a, "/members")      -- { status=, headers=, body=, json= }

local dkjson = require "dkjson"
local socket = require "socket"

local web = {}

--- Where a member answers HTTP: "127.0.0.1:41234".
function web.place(member)
  return member:info().http.place
end

--- A connection to it, which waits for up to a minute.
function web.connect(member)
  local host, port = web.place(member):match "^(.*):(%d+)$"
  local client = assert(socket.tcp())
  client:settimeout(60)
  assert(client:connect(host, tonumber(port)))
  return client
end

--- The answer that begins where `client` is.
function web.read(client)
  local status = tonumber(assert(client:receive "*l"):match "^HTTP/1.1 (%d+)")
  local headers = {}
  for line in function() return client:receive "*l" end do
    if line == "" then break end
    local name, value = line:match "^([^:]+): ?(.*)$"
    headers[name:lower()] = value
  end
  return status, headers
end

--- Asks for it, with the lines of `headers` if there are any.
function web.ask(member, method, uri, headers, body)
  local client = web.connect(member)
  assert(client:send(("%s %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n%s\r\n%s"):format(
    method, uri, headers or "", body or "")))
  local status, found = web.read(client)
  local text = client:receive "*a" or ""
  client:close()
  local is_json = (found["content-type"] or ""):find "json"
  return { status = status, headers = found, body = text, json = is_json and dkjson.decode(text) or nil }
end

function web.get(member, uri, headers)
  return web.ask(member, "GET", uri, headers)
end

return web
