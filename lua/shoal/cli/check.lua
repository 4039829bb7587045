--- `shoal check SCRIPT`: would it load?

local output = require("shoal.cli.output")
local shoal = require("shoal")

local check = {}

---@return true? ok
---@return string? message
function check.check(request)
  local report, message = shoal.check(request.script)
  if not report then
    return nil, message
  end
  return output.write("ok\n")
end

return check
