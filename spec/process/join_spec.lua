--- Thirty-two processes that join through one of them at the same moment. How
-- long that takes, and how many packets, is for spec/sim/pace_spec.lua.

local node = require "spec.support.node"
local process = require "spec.support.process"
local wait = require "spec.support.wait"

local COUNT = 32
local STORM = 100 -- packets from each; a dozen will do

-- Joins when a file appears, which all of them see within a few milliseconds, and
-- writes down what it had sent when it knew everybody.
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

function M.on_member_up(node)
  if node:num_members() == %d then
    local file = io.open(folder .. "/" .. node:bound() .. ".tmp", "w")
    file:write(node:info().packets.sent)
    file:close()
    os.rename(folder .. "/" .. node:bound() .. ".tmp", folder .. "/" .. node:bound())
  end
end

return M
]]

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

  it("lets everybody know everybody, without a storm", function()
    local folder = process.tempdir()
    local go = folder .. "/go"
    local seed = node.start({ args = { "--cluster-size", tostring(COUNT) } })
    local members = launch_all(seed, go, folder)

    process.write(go, "")

    local packets = 0
    for _, member in ipairs(members) do
      packets = packets + tonumber(wait.for_that(function()
        return process.read(folder .. "/" .. member.addr)
      end, 10, "full view of " .. member.addr))
    end
    assert.is_true(packets / #members <= STORM, ("took %.1f packets each"):format(packets / #members))
  end)
end)
