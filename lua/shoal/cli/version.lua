--- `shoal version`

local core = require("shoal.core")
local output = require("shoal.cli.output")

local version = {}

---@return true? ok
---@return string? message
function version.version()
  local runtime = jit and jit.version or _VERSION -- luacheck: std max
  return output.write(("shoal %s (%s)\n"):format(core.version, runtime))
end

return version
