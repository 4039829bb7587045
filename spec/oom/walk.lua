--- What the binding does when memory runs out: each scenario is run with its first
-- allocation failing, then its second, and so on (see DENSE), until the last; then the
-- same with every allocation from the n-th on. It must end with "not enough memory",
-- or go on as if nothing had been; what it used must be in order afterwards, and
-- the registry must keep nothing that it did not keep before.
--
--   walk.all(scenarios, { before = function() -> context, after = function(context), stride = 3 })
--
-- A scenario is a function of the context that `before` has made, with memory enough;
-- `after` checks it, and gives it back.

local oom = oom -- luacheck: ignore 113 (of walk.c)
local jit = rawget(_G, "jit")
if jit then jit.off() end -- the same allocations in every run

-- Beyond the first DENSE allocations, one of STRIDE fails: the rest is mostly those of
-- a fresh Lua state, which are much the same in every scenario that makes one.
local DENSE, STRIDE = 200, 3

local walk = {}

--- References of ours (src/lua/refs.h) that are in use.
function walk.references()
  local count = 0
  for key, value in pairs(debug.getregistry()) do
    if type(key) == "number" and key < -1000 and type(value) ~= "number" then
      count = count + 1
    end
  end
  return count
end

--- Makes a file with that text, or writes it anew.
function walk.write(path, text)
  local file = assert(io.open(path, "w"))
  assert(file:write(text))
  file:close()
end

local function kept()
  collectgarbage()
  collectgarbage()
  return walk.references()
end

-- Says where it was when something is wrong.
local function must(where, fn, context)
  local ok, message = xpcall(function() fn(context) end, debug.traceback)
  if not ok then
    error(("%s: %s"):format(where, message), 0)
  end
end

--- Runs a scenario with the n-th allocation failing: did it get that far?
local function run(name, scenario, stage, n, forever)
  local where = ("%s, allocation %d failed%s"):format(name, n, forever and " and all that followed" or "")
  local context = stage.before()
  oom.arm(n, forever)
  local before = oom.count()
  local ok, message = pcall(scenario, context)
  local used = oom.count() - before
  oom.arm(0)
  if not ok and not tostring(message):find "memory" then
    error(("%s, and it said: %s"):format(where, message), 0)
  end
  must(where, stage.after, context)
  return used >= n
end

local function sorted(scenarios)
  local names = {}
  for name in pairs(scenarios) do names[#names + 1] = name end
  table.sort(names)
  return names
end

local function walk_one(name, scenario, stage, forever)
  run(name, scenario, stage, 1e9) -- what is made once is there then
  local before = kept()
  local n = 1
  local stride = stage.stride or STRIDE
  while run(name, scenario, stage, n, forever) do n = n + (n < DENSE and 1 or stride) end
  assert(n > 1, name .. ": allocated nothing")
  local more = kept() - before
  assert(more == 0, ("%s: the registry keeps %d values of it"):format(name, more))
  return n - 1
end

function walk.all(scenarios, stage)
  for _, name in ipairs(sorted(scenarios)) do
    for _, forever in ipairs { false, true } do
      local clock = os.clock()
      local count = walk_one(name, scenarios[name], stage, forever)
      io.write(("%-20s %5d allocations %6.2f s\n"):format(name, count, os.clock() - clock))
      io.flush()
    end
  end
end

return walk
