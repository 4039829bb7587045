--- One question to a running node, over its control socket.

local core = require("shoal.core")
local paths = require("shoal.cli.paths")
local text = require("shoal.format.text")

local client = {}

--- One line about what a connection's methods answered instead of a result.
---@param failure any
---@return string
function client.explain(failure)
  if type(failure) == "table" and type(failure.message) == "string" then
    return failure.message
  end
  return text.value(failure)
end

local MOST_NAMES = 5
local PATIENCE = 0.1 -- seconds

-- The names of nodes that run where this one was looked for, to choose one by `--name`; or nil.
local function others(path)
  local names, found, folder = core.control_names(path), {}, path:gsub("[^/]*$", "")
  table.sort(names)
  for _, name in ipairs(names) do
    local connection = #found < MOST_NAMES and core.control_connect(folder .. name .. ".sock", PATIENCE)
    if connection then
      connection:close()
      found[#found + 1] = text.escape(name)
    end
  end
  return found[1] and table.concat(found, ", ")
end

local function advise(request, path, message)
  if not request.control and message:find("^no node is listening") then
    local names = others(path)
    return names and ("%s; --name takes: %s"):format(message, names) or message
  end
  return paths.advise(request, message)
end

--- A connection to the node that `--control` or `--name` names.
---@param request { control?: string, name?: string, timeout: number }
---@return shoal.Client?, string? message
function client.connect(request)
  local path, untrusted = paths.trusted(request)
  if not path then
    return nil, untrusted
  end
  local connection, message = core.control_connect(path, request.timeout)
  if not connection then
    return nil, advise(request, path, message)
  end
  return connection
end

--- Calls one method on a connection, and waits for its answer as long as `--timeout`
--- says.
---@param request { timeout: number }
---@param connection shoal.Client
---@return any result nil when it failed
---@return string? message
---@return integer? code the exit code, when what was typed is wrong
function client.call(request, connection, method, params)
  local result, failure = connection:call(method, params or {}, request.timeout)
  if result == nil then
    local is_typed = type(failure) == "table" and failure.code == "invalid_params"
    return nil, client.explain(failure), is_typed and 2 or nil
  end
  return result
end

--- Connects, calls one method, and closes.
---@param request { control?: string, name?: string, timeout: number }
---@return any result nil when it failed
---@return string? message
---@return integer? code as client.call() has it
function client.ask(request, method, params)
  local connection, message = client.connect(request)
  if not connection then
    return nil, message
  end
  local result, code
  result, message, code = client.call(request, connection, method, params)
  connection:close()
  return result, message, code
end

--- Waits until the node has closed the connection.
---@param request { timeout: number }
---@param connection shoal.Client
---@return true? gone
---@return string? message
function client.wait_for_end(request, connection)
  local method, message, code
  repeat
    method, message, code = connection:receive(request.timeout)
  until not method
  if code == "closed" then
    return true
  end
  return nil, client.explain(message)
end

return client
