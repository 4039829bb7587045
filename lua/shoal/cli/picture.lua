--- The file of a picture or page: checked before a long run, written after it.
--
-- It is written to a temporary file and renamed, so that a full disk leaves the old
-- file, and no reader sees half of the new one. A pipe, /dev/stdout or a link is
-- written directly: renaming would replace it.

local core = require("shoal.core")

local picture = {}

local function complain(what, message)
  return nil, ("cannot write the %s: %s"):format(what, message or "unknown error")
end

local function is_plain(path)
  local kind = core.file_kind(path)
  return kind == nil or kind == "file"
end

local function beside(path)
  return path .. ".part"
end

-- Can it be opened in this mode? (Not for a pipe: closing it would end its reader.)
local function try(what, path, mode)
  local file, message = io.open(path, mode)
  if not file then
    return complain(what, message)
  end
  file:close()
  return true
end

--- Could it be written?
---@param path string
---@param what string "plot", "page"
---@return true? ok
---@return string? message
function picture.check(path, what)
  local kind = core.file_kind(path)
  if kind == "other" then
    return true
  end
  if kind then
    local ok, message = try(what, path, "a")
    if not ok then
      return nil, message
    end
  end
  local ok, message = try(what, beside(path), "w")
  os.remove(beside(path))
  return ok, message
end

local function fill(what, path, content)
  local file, message = io.open(path, "w")
  if not file then
    return complain(what, message)
  end
  local written, write_message = file:write(content)
  local closed, close_message = file:close()
  if not (written and closed) then
    return complain(what, ("%s: %s"):format(path, write_message or close_message))
  end
  return true
end

--- Writes it, whole or not at all.
---@param path string
---@param content string
---@param what string
---@return true? ok
---@return string? message
function picture.write(path, content, what)
  if not is_plain(path) then
    return fill(what, path, content)
  end
  local ok, message = fill(what, beside(path), content)
  if ok then
    local renamed, problem = os.rename(beside(path), path)
    if renamed then
      return true
    end
    ok, message = complain(what, problem)
  end
  os.remove(beside(path))
  return ok, message
end

return picture
