--- Scripts run in a simulation as they are, each member with a Lua state of its
-- own, which sees the virtual clock.

local nets = require "spec.sim.support"
local process = require "spec.support.process"

describe("a script in a simulation", function()
  after_each(nets.close)

  it("is in a state of its own for every member, with a store of its own", function()
    local path = nets.script [[
      local count = 0
      return { on_start = function(node)
        count = count + 1
        shared = (shared or 0) + 1 -- a global of the state
        node.store.count, node.store.shared = count, shared
      end }
    ]]
    local net = nets.new()
    for _, member in ipairs(net:spawn(3, { handlers = path })) do
      assert.same({ count = 1, shared = 1 }, member.store)
    end
    assert.same({}, (net:errors()))
  end)

  it("keeps its store: what a spec writes into it is not lost, but an error where it is written", function()
    local path = nets.script "return { on_start = function(node) node.store.ill = false end }"
    local member = nets.new():spawn { handlers = path }
    local line = debug.getinfo(1, "l").currentline
    local ok, message = pcall(function()
      member.store.well = true
    end)
    assert.is_false(ok)
    assert.matches(("scripts_spec.lua:%d: node.store: 'well' cannot be set here"):format(line + 2), message)
    member.store.ill = true
    ok, message = pcall(function()
      return member.store.ill
    end)
    assert.is_false(ok)
    assert.matches(("scripts_spec.lua:%d: node.store: a field was changed here"):format(line + 8), message)
    assert.is_false(member.store.ill)
  end)

  it("keeps little garbage", function()
    local path = nets.script [[
      return { on_start = function(node) node.store.pause = collectgarbage("setpause", 120) end }
    ]]
    assert.equal(120, nets.new():spawn({ handlers = path }).store.pause)
  end)

  it("has its timers on the virtual clock", function()
    local path = nets.script [[
      local M = {}
      function M.on_start(node)
        node.store.fired = {}
        local function fire(n) n.store.fired[#n.store.fired + 1] = os.clock() end
        node:after(60, fire)
        node:every(3600, fire)
      end
      return M
    ]]
    local net = nets.new()
    local member = net:spawn { handlers = path }
    net:run(3 * 3600)
    assert.same({ 60, 3600, 7200, 10800 }, member.store.fired)
  end)

  it("sees the virtual time, from 2026 on, and its own clock's steps", function()
    local path = nets.script [[
      local M = { loaded = nil }
      local loaded = os.time()
      function M.on_start(node)
        node.store.loaded, node.store.started = loaded, node:info().started_at
        node:every(10, function(n)
          n.store.time, n.store.date = os.time(), os.date("!%Y-%m-%d %H:%M:%S")
          n.store.made = os.time { year = 2000, month = 1, day = 1, hour = 12 }
          n.store.year = os.date("!*t").year
          n.store.told = os.date("!%Y", 0)
        end)
      end
      M.loaded = nil
      return M
    ]]
    local net = nets.new()
    net:run(5)
    local member = net:spawn { handlers = path }
    net:run(10)
    local epoch = 1767225600
    assert.equal(epoch + 5, member.store.loaded)
    assert.equal(epoch + 5, member.store.started)
    assert.equal(epoch + 15, member.store.time)
    assert.equal("2026-01-01 00:00:15", member.store.date)
    assert.equal(os.time { year = 2000, month = 1, day = 1, hour = 12 }, member.store.made)
    assert.equal(2026, member.store.year)
    assert.equal("1970", member.store.told)
    assert.equal((epoch + 5) * 1000, member:identity().bump)
    net:step_clock(member, 86400)
    net:run(10)
    assert.equal("2026-01-02 00:00:25", member.store.date)
  end)

  it("goes through tables in an order that is always the same", function()
    local path = nets.script [[
      local function keys(t)
        local list = {}
        for key in pairs(t) do list[#list + 1] = type(key) == "table" and "table" or tostring(key) end
        return table.concat(list, " ")
      end
      return { on_start = function(node)
        local t = { b = 1, [3] = 1, [true] = 1, a = 1, [{}] = 1, [1] = 1, [2.5] = 1, [false] = 1, ab = 1, [""] = 1 }
        node.store.keys = keys(t)
        for key in pairs(t) do t[key] = nil end
        node.store.rest = keys(t)
        local gone, seen = { a = 1, b = 2, c = 3 }, {}
        for key in pairs(gone) do
          gone.b = nil
          seen[#seen + 1] = key
        end
        node.store.seen = seen
        node.store.refused = not pcall(function() for _ in pairs(nil) do end end)
      end }
    ]]
    local member = nets.new():spawn { handlers = path }
    assert.equal("1 2.5 3  a ab b false true table", member.store.keys)
    assert.equal("", member.store.rest)
    assert.same({ "a", "c" }, member.store.seen)
    assert.is_true(member.store.refused)
  end)

  it("draws its random numbers from the seed, other ones for every member", function()
    local path = nets.script [[
      return { on_start = function(node) node.store.drawn = math.random(1e9) end }
    ]]
    local function draw(seed)
      local list = {}
      for i, member in ipairs(nets.new({ seed = seed }):spawn(3, { handlers = path })) do
        list[i] = member.store.drawn
      end
      return list
    end
    local first = draw(1)
    assert.same(first, draw(1))
    assert.not_equal(first[1], first[2])
    assert.not_equal(first[1], draw(2)[1])
  end)

  it("leaves the program's own functions as they are", function()
    local time, own_pairs = os.time, pairs
    nets.new():spawn { handlers = nets.script "return {}" }
    assert.equal(time, os.time)
    assert.equal(own_pairs, pairs)
  end)

  it("may be reloaded", function()
    local path = nets.script "return { on_start = function(node) node.store.kept = true end }"
    local net = nets.new()
    local members = net:spawn(2, { handlers = path, config = "loopback" })
    net:run(2)
    process.write(path, [[
      return { on_reload = function(node, previous)
        node.store.generation, node.store.at = previous.generation, os.time()
      end }
    ]])
    assert.is_true(members[1]:reload())
    assert.same({ kept = true, generation = 1, at = 1767225602 }, members[1].store)
    assert.equal(2, members[1]:info().script.generation)
    assert.equal(1, members[2]:info().script.generation)
    net:run(1)
    assert.is_true(net:converged())
  end)

  it("waits in virtual time", function()
    local net = nets.new()
    local member = net:spawn { config = "loopback" }
    local answers = {}
    coroutine.wrap(function()
      answers[1] = member:wait(function(node) return node:num_members() == 1 end, 60)
      answers[2] = net:now()
      answers[3] = select(3, member:wait(function() return false end, 5))
    end)()
    net:run(3)
    net:spawn { config = "loopback" }
    net:run(10)
    assert.is_true(answers[1])
    assert.near(3, answers[2], 0.1)
    assert.equal("timeout", answers[3])
  end)

  it("may be wrong, which the network tells", function()
    local path = nets.script [[
      return { on_member_up = function() error("no, not you") end }
    ]]
    local told = {}
    local net = nets.new()
    net:spawn(3, { handlers = path, config = "loopback", on_error = function(what) told[#told + 1] = what end })
    net:run(2)
    local errors, count = net:errors()
    assert.equal(6, count)
    assert.equal(6, #told)
    assert.equal("on_member_up", errors[1].what)
    assert.matches("script.lua:1: no, not you", errors[1].message)
    assert.is_true(errors[1].at > 0 and errors[1].at < 2)
    assert.is_true(errors[1].member:is_up())
  end)

  it("has identities of its own", function()
    local net = nets.new()
    local members = net:spawn(4, function(i)
      return { bind = "127.0.0.1:790" .. i, handlers = "examples/identity_golf.lua", config = "loopback" }
    end)
    assert(net:run_until(function() return net:converged() end, 10))
    assert.equal("number", type(members[1]:identity()))
    assert.equal("alive", members[1]:sees(members[2]))
    net:restart(members[2])
    net:run(1)
    net:crash(members[3])
    net:run(20)
    assert.equal("down", members[1]:sees(members[3]))
    assert.equal(3, #net:record(members[3]).noticed)
  end)

  it("logs with the virtual time and its address, if it is to log at all", function()
    local path = nets.script [[
      return { on_member_up = function(node, member) node:log("info", "hello, " .. member.addr, { n = 1 }) end }
    ]]
    local program = ([[
      local net = require("shoal.sim").new()
      net:spawn(2, { handlers = %q, config = "loopback", log = { levels = "info", format = arg[1] } })
      net:spawn { handlers = %q, config = "loopback" }
      net:run(5)
      net:close()
    ]]):format(path, path)
    local function lines(format)
      local path_of_program = process.write(process.tempdir() .. "/program.lua", program)
      local done = process.run { nets.interpreter(), path_of_program, format, env = { LD_PRELOAD = process.preload } }
      assert.equal(0, done.code)
      return (done.err:gsub("[^\n]*slow [^\n]*\n", "")) -- which is the machine's doing
    end
    local text = lines "text"
    assert.matches("2026%-01%-01T00:00:00%.%d%d%dZ info  script  10.0.0.1:7946 hello, 10.0.0.2:7946 n=1\n", text)
    assert.is_nil(text:find("10.0.0.3:7946 hello", 1, true))
    assert.equal(text, lines "text")
    assert.matches('"area":"script","node":"10.0.0.2:7946","text":"hello, 10.0.0.1:7946","n":1}', lines "json")
  end)

  local function logged(levels)
    local program = ([[
      local net = require("shoal.sim").new()
      local members = net:spawn(3, { config = "loopback", log = %q })
      net:run(2)
      net:crash(members[2])
      net:run(20)
      print(net:trace())
      net:close()
    ]]):format(levels)
    local path = process.write(process.tempdir() .. "/program.lua", program)
    local done = process.run { nets.interpreter(), path, env = { LD_PRELOAD = process.preload } }
    assert.equal(0, done.code)
    return done.err, done.out
  end

  it("logs what its engine goes through, as a real one does", function()
    local text = logged "info"
    assert.matches(" info  engine  10.0.0.1:7946 member up addr=10.0.0.2:7946 incarnation=0 members=%d\n", text)
    assert.matches(" info  engine  10.0.0.2:7946 active members=%d\n", text)
    assert.matches(" info  engine  10.0.0.3:7946 member down addr=10.0.0.2:7946 ", text)
    assert.is_nil(text:find(" debug ", 1, true))
    assert.matches(" debug engine  10.0.0.1:7946 suspect addr=10.0.0.2:7946 ", (logged "debug"))
    text = logged "engine=trace"
    assert.matches(" trace engine  10.0.0.1:7946 packet sent message=ping addr=10.0.0.3:7946 ", text)
    assert.matches(" trace engine  10.0.0.3:7946 packet received message=ping addr=10.0.0.1:7946 ", text)
  end)

  it("goes on the same whether it is logged or not", function()
    local _, silent = logged "off"
    local _, told = logged "trace"
    assert.equal(silent, told)
  end)

  it("cannot step a loop that does not turn it", function()
    local member = nets.new():spawn {}
    assert.error_matches(function() member:step(0) end, "simulated")
  end)
end)

describe("a codec of Lua functions", function()
  after_each(nets.close)

  --- The same cluster, in which packets are lost, with the default codec's own
  -- functions as a codec: how many healthy members are declared down, and all that
  -- was sent.
  local function run(lifeguard)
    local net, downs = nets.new { seed = 3, loss = 0.35 }, 0
    local handlers = { on_member_down = function() downs = downs + 1 end }
    if lifeguard ~= nil then
      local default = require("shoal.core").codec
      handlers.codec = { lifeguard = lifeguard }
      for name, fn in pairs(default) do handlers.codec[name] = fn end
    end
    net:spawn(24, { config = "lan", handlers = handlers })
    net:run(120)
    assert.same({}, (net:errors()))
    local packets = net:stats().packets
    return { downs = downs, packets = packets, bytes = net:stats().bytes }
  end

  it("with lifeguard is as good as the default codec: every packet is the same", function()
    assert.same(run(), run(true))
  end)

  it("without it takes healthy members down", function()
    assert.is_true(run(false).downs > 10 * (run(true).downs + 1))
  end)
end)
