--- What files that states.lua runs have in common.

local oom = oom -- luacheck: ignore 113 (of walk.c)
local walk = require "walk"

--- Tries each of the steps with the n-th allocation failing, then `check`. How many
--- allocations were there, and how many values does the registry keep?
return function(steps, check, others, n, forever)
  local registry = debug.getregistry()
  for i = 1, others do registry["other" .. i] = true end
  local before = oom.count()
  oom.arm(n, forever ~= 0)
  for i = 1, #steps do
    local ok, message = pcall(steps[i])
    if not ok and not message:find "memory" then
      oom.arm(0)
      error(("step %d, allocation %d failed, and it said: %s"):format(i, n, message))
    end
  end
  local used = oom.count() - before
  oom.arm(0)
  check()
  collectgarbage()
  collectgarbage()
  return used, walk.references()
end
