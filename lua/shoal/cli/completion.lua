--- `shoal completion SHELL`: what a shell needs to complete command lines, made from
-- what the parser knows.

local output = require("shoal.cli.output")
local parser = require("shoal.cli.parser")

local completion = {}

---@return true? ok
---@return string? message
function completion.completion(request)
  return output.write(parser.completion(request.shell))
end

return completion
