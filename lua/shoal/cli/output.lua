--- Standard output whose errors count.

local output = {}

local function check(ok, message)
  if ok then
    return true
  end
  return nil, "cannot write to standard output: " .. (message or "unknown error")
end

--- Writes strings; buffered.
---@return true? ok
---@return string? message
function output.write(...)
  return check(io.stdout:write(...))
end

--- Hands what was written to the system.
---@return true? ok
---@return string? message
function output.flush()
  return check(io.stdout:flush())
end

return output
