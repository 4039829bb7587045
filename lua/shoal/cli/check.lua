--- `shoal check SCRIPT`: would it load?

local core = require("shoal.core")
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
  local usual = core.preset("lan").max_tags_size
  if report.tags_size > usual then
    return output.write(("ok with --set max_tags_size=%d (its tags have that many bytes; the default is %d)\n"):format(
      report.tags_size, usual))
  end
  return output.write("ok\n")
end

return check
