--- `make leaves COUNT=1000`: real members leave a cluster, one after the other, and nobody may take
-- one that left for one that failed (`reason` in the logs). Ends with 1 if anybody did.
--
--   luajit spec/hostile/leaves.lua [COUNT [MEMBERS]]

local node = require "spec.support.node"
local process = require "spec.support.process"
local wait = require "spec.support.wait"

local COUNT = tonumber(arg[1] or 1000)
local STAY = tonumber(arg[2] or 4) -- members that see the others go
local AT_ONCE = 20
process.use(os.getenv("SHOAL_BUILD") or "build")

-- At debug the log has a line for each member, however many come at once.
local LOG = { "--log-level", "info,engine=debug" }

local function options(stay)
  return { config = "lan", join = { stay and stay[1] }, args = LOG }
end

-- How often each of these is in the logs of all who stay.
local function count(stay)
  local total = { up = 0, left = 0, failed = 0, replaced = 0 }
  for _, member in ipairs(stay) do
    local log = member:log()
    total.up = total.up + select(2, log:gsub("member up addr=", ""))
    for reason in log:gmatch "member down addr=%S+ incarnation=%d+ reason=(%a+)" do
      total[reason] = total[reason] + 1
    end
  end
  return total
end

-- So many come, are known to all, and go: by a signal or by `shoal leave`. `ups`: lines about
-- members that came before.
local function come_and_go(stay, number, gone, ups)
  local guests, seen = {}, nil
  for i = 1, number do guests[i] = node.launch(options(stay)) end
  wait.for_that(function() return count(stay).up >= ups + (gone + number) * #stay end, 120, "guests")
  for i, guest in ipairs(guests) do
    if i % 4 == 0 then
      assert(guest:ask("leave").code == 0)
    else
      guest:signal "TERM"
    end
  end
  for _, guest in ipairs(guests) do assert(guest.process:wait(20) == 0) end
  wait.for_that(function()
    seen = count(stay)
    return seen.left + seen.failed + seen.replaced >= (gone + number) * #stay
  end, 120, "departures")
  return seen
end

local function run()
  local stay = {}
  for i = 1, STAY do stay[i] = node.start(options(i > 1 and stay or nil)) end
  wait.for_that(function() return node.converged(stay) end, 60, "cluster")
  local gone, seen, ups = 0, nil, count(stay).up
  while gone < COUNT do
    local number = math.min(AT_ONCE, COUNT - gone)
    seen = come_and_go(stay, number, gone, ups)
    gone = gone + number
    if gone % 100 < AT_ONCE or gone == COUNT then
      print(("%5d have left; %d members saw %d left, %d failed, %d replaced"):format(gone, STAY, seen.left,
        seen.failed, seen.replaced))
      io.stdout:flush()
    end
  end
  return seen.failed == 0
end

process.main(run)
