--- Where the control socket of a node is.

local core = require("shoal.core")

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

--- The message with advice, where the default path caused the failure: another node
--- without a --name has it, or only root may use the system's folder.
---@param request { control?: string, name?: string }
---@param message string
---@param code? string
---@return string
function paths.advise(request, message, code)
  if code == "folder" then
    return message .. ", or use --control PATH"
  end
  if not request.control and message:find("in use by another node", 1, true) then
    return message .. ": give this one a --name of its own"
  end
  local is_default = not request.control and runtime_folder() == SYSTEM_FOLDER
  if is_default and message:find("[Pp]ermission denied") then
    return message .. ": use --control PATH or set XDG_RUNTIME_DIR"
  end
  return message
end

--- The path of the control socket. The default path is returned only if no other user
--- can have put a socket there. `make` creates its folder if it is missing.
---@param request { control?: string, name?: string }
---@param make? boolean
---@param access? shoal.ControlAccess whose it is then, and who may use it
---@return string? path
---@return string? message
function paths.trusted(request, make, access)
  local path = paths.control(request)
  if request.control then
    return path
  end
  local ok, message, code = core.control_folder(path, make, access)
  if not ok then
    return nil, paths.advise(request, message, code)
  end
  return path
end

return paths
