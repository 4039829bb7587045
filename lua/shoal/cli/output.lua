--- Standard output whose errors count.

local output = {}

local EPIPE = 32 -- wherever shoal runs

local no_reader = false

local function check(ok, message, number)
  if ok then
    return true
  end
  no_reader = no_reader or number == EPIPE
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

--- Was it a pipe whose reader has gone? Nobody needs to be told of that.
---@return boolean
function output.has_no_reader()
  return no_reader
end

return output
