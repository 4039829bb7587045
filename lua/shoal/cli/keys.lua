--- `shoal keygen` and `shoal keys`: what seals the packets of a cluster.

local client = require("shoal.cli.client")
local core = require("shoal.core")
local interrupts = require("shoal.cli.interrupts")
local output = require("shoal.cli.output")
local text = require("shoal.format.text")

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

local POLL = 0.1 -- seconds
local MOST_KEYS = 4

local function count_of(members)
  return #members == 1 and "1 member does" or ("%d members do"):format(#members)
end

local function names_of(members)
  local names = {}
  for i, addr in ipairs(members) do
    names[i] = text.value(addr)
  end
  return table.concat(names, ", ")
end

local function waiting_for(rotation)
  if #rotation.lacks > 0 then
    return ("%s not have it: %s"):format(count_of(rotation.lacks), names_of(rotation.lacks))
  elseif #rotation.unused > 0 then
    return ("%s not use it yet: %s"):format(count_of(rotation.unused), names_of(rotation.unused))
  end
  return "this node does not use it yet"
end

local function is_over(rotation)
  return rotation.stage == "grace" or rotation.stage == "done"
end

local function done_with(rotation)
  local line = ("key %s is used by all members\n"):format(rotation.key)
  if rotation.removed_in then
    line = line .. ("the old key is removed in %s\n"):format(text.duration(rotation.removed_in))
  end
  return output.write(line)
end

-- There are four keys at most. Who still relied on one that made room has been away for several
-- rotations.
local function warn_of_removed(before, now)
  local still = {}
  for _, key in ipairs(now) do
    still[key.id] = true
  end
  for _, key in ipairs(before) do
    if not still[key.id] then
      local ok, message = output.write(("key %s made room: a member that has been away since it was used "
        .. "needs a new key file\n"):format(key.id))
      if not ok then
        return nil, message
      end
    end
  end
  return true
end

-- The keys that there are, while none was removed because its grace has ended: others may have begun
-- a rotation, too, for which another key makes room.
local function keys_after(request, connection, before)
  local now = client.call(request, connection, "keys")
  return now and #now == MOST_KEYS and now or before
end

-- `shoal keys rotate [PATH]`: waits until all use the new key, and names who keeps it from that. When it
-- is interrupted it says so at once: the rotation does not end with it.
local function rotate(request)
  local key, wrong
  if request.what then
    key, wrong = core.read_key(request.what)
    if not key then
      return nil, wrong
    end
  end
  local is_interrupted, message = interrupts.watch()
  if not is_interrupted then
    return nil, message
  end
  local connection
  connection, message = client.connect(request)
  if not connection then
    return nil, message
  end
  local before = client.call(request, connection, "keys")
  local rotation
  rotation, message = client.call(request, connection, "rotation", { { start = key or true } })
  local now = rotation and client.call(request, connection, "keys")
  local waited = 0
  while rotation and not is_over(rotation) and waited < request.wait and not is_interrupted(POLL) do
    waited = waited + POLL
    rotation, message = client.call(request, connection, "rotation")
    now = rotation and keys_after(request, connection, now)
  end
  connection:close()
  if not rotation then
    return nil, message
  end
  local ok, failure = warn_of_removed(before or {}, now or {})
  if ok and is_over(rotation) then
    return done_with(rotation)
  elseif not ok then
    return nil, failure
  end
  return nil, ("key %s: %s; the rotation goes on"):format(rotation.key, waiting_for(rotation))
end

--- `shoal keys [list | add PATH | use ID | remove ID | rotate [PATH]]`: the keys that there are then.
---@return true? ok
---@return string? message
---@return integer? code
function keys.keys(request)
  request.action = request.action or "list"
  local is_alone = request.action == "list"
  if request.action ~= "rotate" and is_alone == (request.what ~= nil) then
    local wants = is_alone and "no argument"
      or request.action == "add" and "a key file" or "the id of a key"
    return nil, ("keys %s takes %s; see 'shoal keys --help'"):format(request.action, wants), 2
  end
  if request.action == "rotate" then
    return rotate(request)
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
