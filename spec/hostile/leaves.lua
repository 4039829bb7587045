--- `make leaves COUNT=1000`: real members leave a cluster, one after the other, and nobody may take
-- one that left for one that failed (`reason` in the logs). Ends with 1 if anybody did.
--
--   luajit spec/hostile/leaves.lua [COUNT [MEMBERS]]

local node = require "spec.support.node"
local process = require "spec.support.process"
local wait = require "spec.support.wait"

local COUNT = tonumber(arg[1] or 1000)
local STAY = tonumber(arg[2] or 4) -- members that see the others go
local AT_ONCE = 8
process.use(os.getenv("SHOAL_BUILD") or "build")

local function start(stay)
  return node.start { config = "lan", join = { stay and stay[1] } }
end

-- How often each reason is in the log of somebody who stays.
local function reasons(member)
  local found = {}
  for reason in member:log():gmatch "member down addr=%S+ incarnation=%d+ reason=(%a+)" do
    found[reason] = (found[reason] or 0) + 1
  end
  return found
end

-- Of all who stay, as text, and how many of them said "left".
local function count(stay)
  local total = { left = 0, failed = 0, replaced = 0 }
  for _, member in ipairs(stay) do
    for reason, times in pairs(reasons(member)) do total[reason] = total[reason] + times end
  end
  return total
end

-- So many come, are known to all, and go: by a signal or by `shoal leave`.
local function come_and_go(stay, number, gone)
  local guests = {}
  for i = 1, number do guests[i] = start(stay) end
  wait.for_that(function()
    for _, member in ipairs(stay) do
      for _, guest in ipairs(guests) do
        if member:sees(guest) ~= "alive" then return false end
      end
    end
    return true
  end, 60, "guests")
  for i, guest in ipairs(guests) do
    if i % 2 == 0 then
      guest:signal "TERM"
    else
      assert(guest:ask("leave").code == 0)
    end
  end
  for _, guest in ipairs(guests) do assert(guest.process:wait(10) == 0) end
  local seen
  wait.for_that(function()
    seen = count(stay)
    return seen.left + seen.failed + seen.replaced >= (gone + number) * #stay
  end, 60, "departures")
  return seen
end

local function run()
  local stay = {}
  for i = 1, STAY do stay[i] = start(stay) end
  wait.for_that(function() return node.converged(stay) end, 60, "cluster")
  local gone, seen = 0, nil
  while gone < COUNT do
    local number = math.min(AT_ONCE, COUNT - gone)
    seen = come_and_go(stay, number, gone)
    gone = gone + number
    if gone % 100 < AT_ONCE or gone == COUNT then
      print(("%5d have left; %d members saw %d left, %d failed, %d replaced"):format(gone, STAY, seen.left,
        seen.failed, seen.replaced))
      io.stdout:flush()
    end
  end
  return seen.failed == 0
end

local ok, result = xpcall(run, debug.traceback)
process.cleanup()
if not ok then
  io.stderr:write(result, "\n")
end
os.exit(ok and result and 0 or 1)
