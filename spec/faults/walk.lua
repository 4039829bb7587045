--- `make disk-faults`: each system call with which a member reads and writes its memory on disk is
-- made to fail, and the member is killed at each of them (disk.lua). Ends with 1 if there was ever
-- neither the old state nor the new one.
--
--   luajit spec/faults/walk.lua [one of so many]

local disk = require "spec.faults.disk"
local process = require "spec.support.process"

local STEP = tonumber(arg[1] or 1)
process.use(os.getenv("SHOAL_BUILD") or "build")

local problem = disk.problem()
if problem then
  print("skipped: " .. problem)
  os.exit(0)
end

local counts, failed = { old = 0, new = 0, aside = 0 }, 0
local cases = disk.cases()
for i = 1, #cases, STEP do
  local what, why = disk.try(cases[i])
  print(("%-28s %s"):format(cases[i].name, what or "FAILED: " .. why))
  io.stdout:flush()
  if what then counts[what] = counts[what] + 1 else failed = failed + 1 end
end
print(("%d old, %d new, %d set aside, %d failed"):format(counts.old, counts.new, counts.aside, failed))
os.exit(failed == 0 and 0 or 1)
