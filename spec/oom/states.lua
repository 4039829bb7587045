--- Lua states in which nothing of ours has been used yet: what is made once in a state
-- is made while memory runs out, beside more or fewer values of others in the
-- registry, so that its table grows at one moment or another.

local oom = oom -- luacheck: ignore 113 (of walk.c)

local OTHERS = 6 -- values in the registry

local function walk(file, others, forever)
  local _, normal = oom.inside(file, others, 0, 0)
  local n = 0
  repeat
    n = n + 1
    local used, kept = oom.inside(file, others, n, forever)
    assert(kept <= normal, ("%s, %d others: allocation %d failed, and the registry keeps %d values instead of %d")
      :format(file, others, n, kept, normal))
  until used < n
  io.write(("%-20s %5d allocations, %d others\n"):format(file, n - 1, others))
  io.flush()
end

for _, file in ipairs { "first_engine", "first_nodes" } do
  for others = 0, OTHERS do
    walk(file, others, 0)
    walk(file, others, 1)
  end
end
