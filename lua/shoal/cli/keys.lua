--- `shoal keygen` and `shoal keys`: what seals the packets of a cluster.

local client = require("shoal.cli.client")
local core = require("shoal.core")
local output = require("shoal.cli.output")

local keys = {}

--- `shoal keygen [PATH]`: the key, or where it is and its id.
---@return true? ok
---@return string? message
function keys.keygen(request)
  local answer, message = core.keygen(request.path)
  if not answer then
    return nil, message
  elseif not request.path then
    return output.write(answer, "\n")
  end
  return output.write(("key %s in %s\n"):format(answer, request.path))
end

-- What the command says, as the control socket's method has it.
local function change_of(request)
  if request.action == "list" then
    return nil
  elseif request.action ~= "add" then
    return { [request.action] = request.what }
  end
  local key, message = core.read_key(request.what)
  if not key then
    return nil, message
  end
  return { add = key }
end

--- `shoal keys [list | add PATH | use ID | remove ID]`: the keys that there are then.
---@return true? ok
---@return string? message
---@return integer? code
function keys.keys(request)
  request.action = request.action or "list"
  if (request.action == "list") == (request.what ~= nil) then
    local wants = request.action == "list" and "no argument"
      or request.action == "add" and "a key file" or "the id of a key"
    return nil, ("keys %s takes %s; see 'shoal keys --help'"):format(request.action, wants), 2
  end
  local change, message = change_of(request)
  if message then
    return nil, message
  end
  local all, code
  all, message, code = client.ask(request, "keys", { change })
  if not all then
    return nil, message, code
  end
  for _, key in ipairs(all) do
    output.write(key.id, key.used and "  in use" or "", "\n")
  end
  return true
end

return keys
