--- One question to a running node, over its control socket.

local core = require("shoal.core")
local paths = require("shoal.cli.paths")
local text = require("shoal.cli.text")

local client = {}

-- Long enough for a script that takes its time to load, short enough to notice a
-- node that hangs.
local PATIENCE = 30

--- One line about what a connection's methods answered instead of a result.
---@param failure any
---@param code string?
---@return string
function client.explain(failure, code)
  if code == "timeout" then
    return ("the node did not answer within %d s"):format(PATIENCE)
  elseif type(failure) == "table" and type(failure.message) == "string" then
    return failure.message
  end
  return text.value(failure)
end

--- A connection to the node that `--control` or `--name` names.
---@param request { control?: string, name?: string }
---@return shoal.Client?, string? message
function client.connect(request)
  return core.control_connect(paths.control(request))
end

--- Calls one method on a connection.
---@param connection shoal.Client
---@return any result nil when it failed
---@return string? message
function client.call(connection, method, params)
  local result, failure, code = connection:call(method, params or {}, PATIENCE)
  if result == nil then
    return nil, client.explain(failure, code)
  end
  return result
end

--- Connects, calls one method, and closes.
---@param request { control?: string, name?: string }
---@return any result nil when it failed
---@return string? message
function client.ask(request, method, params)
  local connection, message = client.connect(request)
  if not connection then
    return nil, message
  end
  local result
  result, message = client.call(connection, method, params)
  connection:close()
  return result, message
end

--- Waits until the node has closed the connection.
---@param connection shoal.Client
---@return true? gone
---@return string? message
function client.wait_for_end(connection)
  local method, message, code
  repeat
    method, message, code = connection:receive(PATIENCE)
  until not method
  if code == "closed" then
    return true
  end
  return nil, client.explain(message, code)
end

return client
