--- Lays the types out as an addon of the Lua language server: `make addon`.
--
--   luajit spec/support/addon.lua build/luals/shoal
--
-- There a module is found by its path below `library`, so the file of types that is
-- about `require "shoal.core"` becomes library/shoal/core.lua.

local files = require "spec.support.files"

local addon = {}

local CONFIG = [[
{
  "$schema": "https://raw.githubusercontent.com/LuaLS/LLS-Addons/main/schemas/addon_config.json",
  "name": "shoal",
  "words": ["require[%s%(\"']+shoal"],
  "files": [],
  "settings": { "Lua.runtime.version": "LuaJIT" }
}
]]

--- The files of the addon, by their names in its folder.
---@return table<string, string>
function addon.files()
  local all = { ["config.json"] = CONFIG, ["library/shoal.lua"] = files.read "lua/shoal/types.lua" }
  for _, path in ipairs(files.find("lua/shoal/types", "*.lua")) do
    local text, name = files.read(path), path:match "([^/]+)$"
    local is_module = text:find("\nreturn %a+\n$") and name ~= "control.lua" -- more of shoal.core
    all["library/shoal/" .. (is_module and "" or "types/") .. name] = text
  end
  all["library/shoal/sim.lua"] = files.read "lua/shoal/sim.lua"
  for _, path in ipairs(files.find("lua/shoal/sim", "*.lua")) do
    all["library/shoal/sim/" .. path:match "([^/]+)$"] = files.read(path)
  end
  return all
end

local function write(folder)
  for name, text in pairs(addon.files()) do
    local path = folder .. "/" .. name
    assert(os.execute(("mkdir -p '%s'"):format(path:match "^(.*)/")))
    local file = assert(io.open(path, "w"))
    assert(file:write(text))
    assert(file:close())
  end
end

if arg and arg[0] and arg[0]:find "addon%.lua$" then
  write(assert(arg[1], "where to?"))
end

return addon
