-- SPDX-License-Identifier: MIT
--- MessagePack-RPC with a socket of shoal, by a cosocket.

local machine = require "resty.shoal.machine"
local msgpack = require "resty.shoal.msgpack"

local rpc = {}

---@class resty.shoal.Client
---@field private socket table
---@field private reader resty.shoal.Reader
---@field private id integer
local Client = {}
Client.__index = Client

local CHUNK = 65536

--- nil, why: nobody answers there. `pool`: it may be one that was kept.
---@param path string
---@param seconds number  for each wait
---@return resty.shoal.Client?, string?
function rpc.connect(path, seconds)
  if not machine.exists(path) then -- nginx would log the attempt
    return nil, ("there is no socket %s"):format(path)
  end
  local socket = ngx.socket.tcp()
  socket:settimeouts(seconds * 1000, seconds * 1000, seconds * 1000)
  local ok, why = socket:connect("unix:" .. path)
  if not ok then
    return nil, ("cannot connect to %s: %s"):format(path, why)
  end
  local reader = msgpack.reader(function()
    return socket:receiveany(CHUNK)
  end)
  return setmetatable({ socket = socket, reader = reader, id = 0 }, Client)
end

--- The number of the request.
---@param method string
---@param ... any  parameters
---@return integer?, string?
function Client:request(method, ...)
  self.id = self.id + 1
  local sent, why = self.socket:send(msgpack.pack { 0, self.id, method, { ... } })
  if not sent then
    return nil, why
  end
  return self.id
end

--- What comes next: { 1, id, error, result } or { 2, method, params }; nil, why.
---@return table?, string?
function Client:read()
  local ok, message = self.reader:next()
  if not ok then
    return nil, message
  elseif type(message) ~= "table" or (message[1] ~= 1 and message[1] ~= 2) then
    return nil, "not MessagePack-RPC"
  end
  return message
end

--- One request, and its answer: result; or nil, message, code.
---@param method string
---@param ... any
---@return any, string?, string?
function Client:call(method, ...)
  local id, why = self:request(method, ...)
  if not id then
    return nil, why
  end
  while true do
    local message
    message, why = self:read()
    if not message then
      return nil, why
    elseif message[1] == 1 and message[2] == id then
      local failure = message[3]
      if failure == nil then
        return message[4]
      end
      return nil, type(failure) == "table" and tostring(failure.message) or "failed",
        type(failure) == "table" and failure.code or nil
    end
  end
end

function Client:close()
  self.socket:close()
end

--- For the next rpc.connect of this worker.
function Client:keep()
  self.socket:setkeepalive(10000, 8)
end

return rpc
