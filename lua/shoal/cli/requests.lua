--- The commands that ask a node to do something: one request, one line.

local client = require("shoal.cli.client")
local output = require("shoal.cli.output")
local seeds = require("shoal.cli.seeds")
local text = require("shoal.format.text")

local requests = {}

--- `shoal join HOST:PORT…`
---@return true? ok
---@return string? message
function requests.join(request)
  local info, message = client.ask(request, "info")
  if not info then
    return nil, message
  end
  local ok
  ok, message = seeds.resolve(request.endpoints, info.bind)
  if ok then
    ok, message = client.ask(request, "join", request.endpoints)
  end
  if not ok then
    return nil, message
  end
  return output.write("joining through ", table.concat(request.endpoints, ", "), "\n")
end

--- `shoal leave`: waits until the node has gone.
---@return true? ok
---@return string? message
function requests.leave(request)
  local connection, message = client.connect(request)
  if not connection then
    return nil, message
  end
  local ok
  ok, message = client.call(request, connection, "leave")
  if ok then
    ok, message = client.wait_for_end(request, connection)
  end
  connection:close()
  if not ok then
    return nil, message
  end
  return output.write("left\n")
end

--- `shoal forget ADDR`
---@return true? ok
---@return string? message
---@return integer? code
function requests.forget(request)
  local ok, message, code = client.ask(request, "forget", { request.addr })
  if not ok then
    return nil, message, code
  end
  return output.write("forgot ", text.escape(request.addr), "\n")
end

--- `shoal log [LEVELS]`: the levels that there are then.
---@return true? ok
---@return string? message
---@return integer? code
function requests.log(request)
  local levels, message, code = client.ask(request, "log", { request.levels })
  if not levels then
    return nil, message, code
  end
  return output.write(levels, "\n")
end

--- `shoal reload`
---@return true? ok
---@return string? message
function requests.reload(request)
  local answer, message = client.ask(request, "reload")
  if not answer then
    return nil, message
  end
  return output.write(("%s: generation %d, hash %s\n"):format(answer.outcome, answer.generation, answer.hash or "none"))
end

--- `shoal broadcast DATA`
---@return true? ok
---@return string? message
---@return integer? code
function requests.broadcast(request)
  local wanted, message, code = client.ask(request, "broadcast", { request.data })
  if wanted == nil then
    return nil, message, code
  elseif not wanted then
    return nil, "the script did not accept it (broadcast.receive returned no key)"
  end
  return output.write("queued\n")
end

--- `shoal publish TOPIC DATA`
---@return true? ok
---@return string? message
---@return integer? code
function requests.publish(request)
  local number, message, code = client.ask(request, "publish", { request.topic, request.data })
  if not number then
    return nil, message, code
  end
  return output.write(("published as number %d\n"):format(number))
end

return requests
