-- One member of the cluster runs a job every PERIOD seconds: the one that owns its name. If
-- that member crashes or leaves, the next run is another member's.
--
--   shoal run examples/once.lua --bind 127.0.0.1:7946
--   shoal run examples/once.lua --name second --join 127.0.0.1:7946
--
-- `shoal call owner` says which one it is.
--
-- This is a hint, not a lock. While the network is split, each side has an owner and runs the
-- job; when the owner crashes, runs are missed until the others know. So the job must
-- tolerate running twice or not at all. If it cannot, take a lock in your database.

local period = tonumber(os.getenv("PERIOD") or "60")
local job = "report"

local M = {}

local function run(node)
  node.store.runs = (node.store.runs or 0) + 1
  node:log("info", "running the job", { job = job, runs = node.store.runs })
end

-- Members that do not know each other yet all consider themselves the owner, so the job waits
-- until nothing has changed for a while (`stable_after`).
local function unsettle(node)
  node.store.stable = false
end

M.on_member_up, M.on_member_down = unsettle, unsettle

function M.on_stable(node)
  node.store.stable = true
end

-- All members look at the same moment: when the clock shows a multiple of the period.
local function plan(node)
  node:after(period - os.time() % period, function()
    local _, mine = node:owner(job)
    if mine and node.store.stable then
      run(node)
    end
    plan(node)
  end)
end

M.on_start, M.on_reload = plan, plan

M.commands = {
  owner = {
    help = "Says which member runs the job, as far as this one knows.",
    run = function(node)
      local owner = node:owner(job)
      return owner.id.name or owner.addr
    end,
  },
}

return M
