--- `shoal check SCRIPT`: would it load?

local output = require("shoal.cli.output")
local script = require("shoal.cli.script")
local shoal = require("shoal")

local check = {}

---@return true? ok
---@return string? message
function check.check(request)
  local report, message = shoal.check(request.script)
  if not report then
    return nil, script.name(request.script, message)
  end
  return output.write("ok\n")
end

return check
