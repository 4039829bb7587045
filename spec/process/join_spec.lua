--- Thirty-two processes that join through one of them at the same moment.

local node = require "spec.support.node"
local process = require "spec.support.process"
local time = require "posix.time"
local wait = require "spec.support.wait"

local COUNT = 32

-- Joins when a file appears, which all of them see within a few milliseconds, and
-- writes down when it knew everybody and what that took.
local SCRIPT = [[
local go, seed, folder = %q, %q, %q
local M = {}

function M.on_start(node)
  local timer
  timer = node:every(0.002, function()
    if io.open(go) then
      timer:cancel()
      node:join({ seed })
    end
  end)
end

function M.on_member_up(node, member)
  if node:num_members() == %d then
    local packets = node:info().packets
    local file = io.open(folder .. "/" .. node:bound() .. ".tmp", "w")
    file:write(("%%.6f %%d"):format(member.since, packets.sent))
    file:close()
    os.rename(folder .. "/" .. node:bound() .. ".tmp", folder .. "/" .. node:bound())
  end
end

return M
]]

local function wall_clock()
  local t = time.clock_gettime(time.CLOCK_REALTIME)
  return t.tv_sec + t.tv_nsec / 1e9
end

local function launch_all(seed, go, folder)
  local script = process.write(folder .. "/script.lua", SCRIPT:format(go, seed.addr, folder, COUNT - 1))
  local members = {}
  for i = 1, COUNT - 1 do
    members[i] = node.launch({ script = script, args = { "--cluster-size", tostring(COUNT) } })
  end
  for _, member in ipairs(members) do
    member.addr = member.process:wait_for("started.-bind=(%S+)", 10)
  end
  return members
end

describe("a join of thirty-two at once", function()
  after_each(process.cleanup)

  it("takes less than 0.5 s and 20 packets for each", function()
    local folder = process.tempdir()
    local go = folder .. "/go"
    local seed = node.start({ args = { "--cluster-size", tostring(COUNT) } })
    local members = launch_all(seed, go, folder)

    local began = wall_clock()
    process.write(go, "")

    local latest, packets = 0, 0
    for _, member in ipairs(members) do
      local report = wait.for_that(function()
        return process.read(folder .. "/" .. member.addr)
      end, 5, "full view of " .. member.addr)
      local at, sent = report:match("^(%S+) (%d+)$")
      latest = math.max(latest, tonumber(at))
      packets = packets + tonumber(sent)
    end
    assert.is_true(latest - began < 0.5 * wait.slowness, ("took %.3f s"):format(latest - began))
    assert.is_true(packets / #members <= 20, ("took %.1f packets each"):format(packets / #members))
  end)
end)
