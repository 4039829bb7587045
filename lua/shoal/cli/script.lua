--- What `run` and `check` have to say about a script.

local script = {}

--- A path for shoal.start, which takes a word without a slash or ".lua" at its end
--- for a module's name.
---@param path string
---@return string
function script.path(path)
  local is_path = path:find("/", 1, true) or path:find("%.lua$")
  return is_path and path or "./" .. path
end

--- Why it did not load, with the script's path: in place of its bare name, if the
--- message begins with that, and unless the message has the name elsewhere.
---@param path string
---@param message string
---@return string
function script.name(path, message)
  local name = path:match("[^/]*$")
  if message:sub(1, #name + 2) == name .. ": " then
    return path .. message:sub(#name + 1)
  end
  if message:find(name, 1, true) then
    return message
  end
  return ("%s: %s"):format(path, message)
end

return script
