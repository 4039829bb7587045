--- Where the control socket of a node is.

local paths = {}

-- Where programs of one user keep their sockets: the XDG base directory
-- specification wants an absolute path and anything else ignored.
local function runtime_folder()
  local folder = os.getenv("XDG_RUNTIME_DIR")
  if folder and folder:sub(1, 1) == "/" then
    return folder
  end
  return "/run"
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

return paths
