--- on_view and on_stable on a real clock; spec/sim/view_events_spec.lua has the rest.

local stages = require "spec.script.stage"

describe("a node on a real loop", function()
  local stage

  before_each(function() stage = stages.new() end)
  after_each(function() stage:close() end)

  local QUICK = { preset = "loopback", probe_period = 10, suspect_to_down_after = 3600, view_quiet = 0.01,
    stable_after = 0.05 }

  it("calls on_view, then on_stable", function()
    local calls = {}
    local a = stage:start { config = QUICK, handlers = {
      on_view = function(node, view)
        calls[#calls + 1] = "view of " .. #view.joined
        assert.is_true(node:view() > 0)
      end,
      on_stable = function() calls[#calls + 1] = "stable" end,
    } }
    stage:wait(function() return calls[1] == "stable" end, "a calm alone")
    local b = stage:start { join = { a:bound() } }
    stage:wait(function() return calls[3] == "stable" end, "a calm of two")
    assert.same({ "stable", "view of 1", "stable" }, calls)
    b:leave()
    stage:wait(function() return calls[5] == "stable" end, "a calm alone again")
    assert.equal("view of 0", calls[4])
  end)

  it("wakes up for one that subscribes later", function()
    local a, stable = stage:start { config = QUICK }, false
    stage:idle(0.1)
    a:on("stable", function() stable = true end)
    stage:wait(function() return stable end, "the calm")
  end)
end)
