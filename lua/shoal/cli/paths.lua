--- Where the control socket of a node is.

local paths = {}

local SYSTEM_FOLDER = "/run"

-- Where programs of one user keep their sockets: the XDG base directory
-- specification wants an absolute path and anything else ignored.
local function runtime_folder()
  local folder = os.getenv("XDG_RUNTIME_DIR")
  if folder and folder:sub(1, 1) == "/" then
    return folder
  end
  return SYSTEM_FOLDER
end

--- The path that `--control` gives, else the one that follows from `--name`.
---@param request { control?: string, name?: string }
---@return string
function paths.control(request)
  if request.control then
    return request.control
  end
  return ("%s/shoal/%s.sock"):format(runtime_folder(), request.name or "default")
end

--- What went wrong at that path, and what to do when that is the one that every node
--- gets which nobody has given a name, or when it is the default of the system and
--- only root may use that.
---@param request { control?: string, name?: string }
---@param message string
---@return string
function paths.advise(request, message)
  if not request.control and message:find("in use by another node", 1, true) then
    return message .. ": give this one a --name of its own"
  end
  local is_default = not request.control and runtime_folder() == SYSTEM_FOLDER
  if is_default and message:find("[Pp]ermission denied") then
    return message .. ": use --control PATH or set XDG_RUNTIME_DIR"
  end
  return message
end

return paths
