--- Examples in a simulated cluster, where minutes pass in no time.

local nets = require "spec.sim.support"

local root = os.getenv("SHOAL_SOURCE") or "."

local function cluster(name, count)
  local net = nets.new { seed = 11 }
  local members = net:spawn(count, { handlers = root .. "/examples/" .. name .. ".lua", config = "lan" })
  net:run(20)
  return net, members
end

describe("the example ask_versions", function()
  after_each(nets.close)

  it("is answered by each member, and one of them asks when all is calm", function()
    local net, members = cluster("ask_versions", 5)
    local answers
    assert(members[2]:ask("version", nil, function(_, got) answers = got end))
    assert(net:run_until(function() return answers end, 5))
    assert.equal(5, #answers)
    for _, answer in ipairs(answers) do assert.same({ version = "1.4.1", generation = 1 }, answer.data) end
    net:run(60)
    local asked = 0
    for _, member in ipairs(members) do asked = asked + member:stats().questions.asked end
    assert.equal(2, asked)
  end)
end)

describe("the example rate_limit", function()
  after_each(function()
    nets.close()
  end)

  --- How many requests were allowed in the next seconds, by all members that run.
  local function allowed(net, seconds)
    local count = 0
    for _, member in ipairs(net:members()) do count = count - member.store.allowed end
    net:run(seconds)
    for _, member in ipairs(net:members()) do count = count + member.store.allowed end
    return count
  end

  it("allows as much as the limit, however many members there are", function()
    local net, members = cluster("rate_limit", 5)
    assert.is_true(math.abs(allowed(net, 60) - 6000) < 100)
    for i = 1, 3 do net:crash(members[i]) end
    net:run(30)
    assert.is_true(math.abs(allowed(net, 60) - 6000) < 100)
    assert.equal(50, members[5].store.share)
    net:spawn(8, { handlers = root .. "/examples/rate_limit.lua", config = "lan" })
    net:run(20)
    assert.is_true(math.abs(allowed(net, 60) - 6000) < 100)
    assert.equal(10, members[5].store.share)
    assert.is_true(members[5].store.refused > 0)
    assert.same({}, (net:errors()))
  end)

  it("allows as much as a limit that is less than a request a second for each member", function()
    local net = nets.new { seed = 11 }
    local text = assert(io.open(root .. "/examples/rate_limit.lua")):read "*a"
    net:spawn(5, { handlers = nets.script(text:gsub('"100"', '"3"'), "low.lua"), config = "lan" })
    net:run(20)
    assert.is_true(math.abs(allowed(net, 100) - 300) <= 5)
  end)

  it("allows more while the network is split, as its first lines say", function()
    local net, members = cluster("rate_limit", 6)
    net:partition({ members[1], members[2], members[3] }, "rest")
    net:run(60)
    assert.is_true(math.abs(allowed(net, 60) - 12000) < 200)
  end)

  it("goes on where it was after a reload", function()
    local net, members = cluster("rate_limit", 2)
    local copy = nets.script(assert(io.open(root .. "/examples/rate_limit.lua")):read "*a", "copy.lua")
    local third = net:spawn { handlers = copy, config = "lan" }
    net:run(20)
    local before = third.store.allowed
    local file = assert(io.open(copy, "a"))
    file:write "-- another version\n"
    file:close()
    assert.is_true(third:reload())
    assert.equal(before, third.store.allowed)
    assert.is_true(math.abs(allowed(net, 60) - 6000) < 100)
    assert.equal(3, members[1]:size())
  end)
end)

describe("the example once", function()
  after_each(nets.close)

  local function runs(net)
    local count = 0
    for _, member in ipairs(net:members()) do count = count + (member.store.runs or 0) end
    return count
  end

  --- How often the job was run in so many periods.
  local function runs_in(net, periods)
    local before = runs(net)
    net:run(periods * 60)
    return runs(net) - before
  end

  it("runs the job on one member, once in each period", function()
    local net, members = cluster("once", 5)
    assert.equal(10, runs_in(net, 10))
    local owner = members[1]:owner "report"
    for _, member in ipairs(members) do
      assert.equal(member.addr == owner.addr and runs(net) or 0, member.store.runs or 0)
    end
    assert.same({}, (net:errors()))
  end)

  it("runs it elsewhere after the owner has crashed", function()
    local net, members = cluster("once", 5)
    net:run(300)
    net:crash(net:member(members[1]:owner("report").addr))
    net:run(60) -- as long as it may take to notice
    assert.equal(10, runs_in(net, 10))
  end)

  it("waits from the moment at which a member is missed", function()
    local net, members = cluster("once", 5)
    net:run(300)
    local owner = members[1]:owner("report").addr
    net:crash(net:member(owner))
    local other = members[members[1].addr == owner and 2 or 1]
    for _ = 1, 3000 do -- of 10 ms: less than a view takes to be told
      if other:num_members() < 4 then break end
      assert.is_true(other.store.stable)
      net:run(0.01)
    end
    assert.equal(3, other:num_members())
    assert.is_false(other.store.stable)
  end)

  it("runs it on each side of a split network: it is a hint, not a lock", function()
    local net, members = cluster("once", 6)
    local cut = net:partition({ members[1], members[2], members[3] }, "rest")
    net:run(60)
    assert.equal(20, runs_in(net, 10))
    cut:heal()
    net:run(60)
    assert.equal(10, runs_in(net, 10))
  end)

  it("goes on after a reload without waiting for the next calm", function()
    local copy = nets.script(assert(io.open(root .. "/examples/once.lua")):read "*a", "copy.lua")
    local net = nets.new { seed = 11 }
    local only = net:spawn { handlers = copy, config = "lan" }
    net:run(30)
    local file = assert(io.open(copy, "a"))
    file:write "-- another version\n"
    file:close()
    assert.is_true(only:reload())
    assert.equal(3, runs_in(net, 3))
  end)
end)
