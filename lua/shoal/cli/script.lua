--- What `run` and `check` have to say about a script.

local script = {}

--- A path for shoal.start, which takes a word without a slash for a module's name.
---@param path string
---@return string
function script.path(path)
  return path:find("/", 1, true) and path or "./" .. path
end

--- Why it did not load, with the script's name unless that is in the message.
---@param path string
---@param message string
---@return string
function script.name(path, message)
  local name = path:match("[^/]*$")
  if message:find(name, 1, true) then
    return message
  end
  return ("%s: %s"):format(path, message)
end

return script
