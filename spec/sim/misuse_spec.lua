--- What a program does wrong with a simulated network is said in the words of its API,
--- and of the line that is wrong.

local nets = require "spec.sim.support"
local sim = require "shoal.sim"

local SECONDS = " must be a number of seconds, 0 or more, got "
local NEEDS_MEMBER = ": needs a member of this network, got 7"

-- What is done to a network, its first member (which runs) and its second (which does
-- not), a line each; and what is said of it.
local CASES = {
  { function() sim.new(7) end, "sim.new: options must be a table, got 7" },
  { function() sim.new { loss = 2 } end, "sim.new: option 'loss' must be a probability from 0 to 1, got 2" },
  { function(net) net:set { los = 1 } end, "net:set: unknown option 'los' (did you mean 'loss'?)" },
  { function(net) net:run "x" end, "net:run: seconds" .. SECONDS .. "'x'" },
  { function(net) net:run(-1) end, "net:run: seconds" .. SECONDS .. "-1" },
  { function(net) net:run() end, "net:run: seconds" .. SECONDS .. "nil" },
  { function(net) net:run_until(7) end, "net:run_until: needs a function, got 7" },
  { function(net) net:run_until(print) end, "net:run_until: timeout" .. SECONDS .. "nil" },
  { function(net) net:run_until(print, 1, "x") end, "net:run_until: step" .. SECONDS .. "'x'" },
  { function(net) net:after("x", print) end, "net:after: seconds" .. SECONDS .. "'x'" },
  { function(net) net:after(1) end, "net:after: needs a function, got nil" },
  { function(net) net:random(0) end, "net:random: needs a whole number from 1 to 4294967296, got 0" },
  { function(net) net:pause(7) end, "net:pause" .. NEEDS_MEMBER },
  { function(net, up) net:pause(up, -2) end, "net:pause: seconds" .. SECONDS .. "-2" },
  { function(net, _, down) net:pause(down) end, "net:pause: 10.0.0.2:7946 is not running" },
  { function(net) net:resume(7) end, "net:resume" .. NEEDS_MEMBER },
  { function(net, up) net:slow(up, "x") end, "net:slow: seconds" .. SECONDS .. "'x'" },
  { function(net, up) net:step_clock(up) end,
    "net:step_clock: seconds must be a number of seconds between -1e9 and 1e9, got nil" },
  { function(net) net:crash(7) end, "net:crash" .. NEEDS_MEMBER },
  { function(net, _, down) net:crash(down) end, "net:crash: 10.0.0.2:7946 is not running" },
  { function(net) net:restart(7) end, "net:restart" .. NEEDS_MEMBER },
  { function(net, up) net:restart(up, { nme = 1 }) end, "shoal.start: unknown option 'nme' (did you mean 'name'?)" },
  { function(net) net:partition(7, "rest") end,
    "net:partition: a group is a list of members, one member or \"rest\", got 7" },
  { function(net) net:partition({ 7 }, "rest") end, "net:partition" .. NEEDS_MEMBER },
  { function(net) net:partition("rest", "rest") end, "net:partition: 'rest' needs another group" },
  { function(net, up) net:partition(up, up) end, "net:partition: a member is in both groups" },
  { function(net, up) net:partition(up, "rest", { los = 1 }) end,
    "net:partition: unknown option 'los' (did you mean 'loss'?)" },
  { function(net, up) net:partition(up, "rest", { loss = 3 }) end,
    "net:partition: option 'loss' must be a probability from 0 to 1, got 3" },
  { function(net) net:spawn(0) end, "net:spawn: the count must be a whole number, 1 or more, got 0" },
  { function(net) net:spawn(math.huge) end, "net:spawn: the count must be a whole number, 1 or more, got inf" },
  { function(net) net:spawn "x" end, "net:spawn: needs a table of options, or a function that returns one, got 'x'" },
  { function(net) net:spawn(2, { nme = 1 }) end, "shoal.start: unknown option 'nme' (did you mean 'name'?)" },
  { function(net) net:spawn { advertise = "x" } end,
    "net:spawn: a simulated member has one address: give it with 'bind'" },
  { function(net) net:members "some" end, "net:members: the argument must be \"all\", got 'some'" },
  { function(net) net:member(7) end, "net:member: needs an address, got 7" },
  { function(net) net:record(7) end, "net:record" .. NEEDS_MEMBER },
  { function(net) net:stats(7) end, "net:stats" .. NEEDS_MEMBER },
  { function(net, up) net:watch("", up) end, "net:watch: needs data that is not empty, got ''" },
  { function(net) net:watch("x", 7) end, "net:watch" .. NEEDS_MEMBER },
  { function(net) net:seen(7) end, "net:seen" .. NEEDS_MEMBER },
  { function(_, up) up:sees(7) end, "member:sees: needs a member or an address, got 7" },
  { function(_, up) up:wait(7) end, "node:wait: needs a condition function, got 7" },
  { function(_, up) up:wait(print, "x") end, "node:wait: timeout" .. SECONDS .. "'x'" },
  { function(_, up) up.mine = 1 end, "node: has no field 'mine' to set (keep what is yours in node.store)" },
  { function(net) net:close() net:run(1) end, "the simulation is closed" },
  { function(net) net:close() net:census() end, "the simulation is closed" },
}

describe("misuse of a simulated network", function()
  after_each(nets.close)

  for _, case in ipairs(CASES) do
    local misuse, text = case[1], case[2]
    it(("is called so: %s"):format(text), function()
      local net = nets.new()
      local members = net:spawn(2)
      net:crash(members[2])
      local ok, message = pcall(misuse, net, members[1], members[2])
      assert.is_false(ok)
      local place = debug.getinfo(misuse, "S")
      assert.equal(("%s:%d: %s"):format(place.short_src, place.linedefined, text), message)
    end)
  end

  it("is told from what the program's own functions raise", function()
    local net = nets.new()
    net:after(1, function() error("mine", 0) end)
    net:after(2, function() error { code = 7 } end)
    assert.error_matches(function() net:run(1) end, "mine")
    local problem = {}
    assert.has_error(function() net:run_until(function() error(problem) end, 1) end, problem)
  end)
end)
