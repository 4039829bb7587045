--- node:spawn in a simulation: net:on_spawn answers.

local nets = require "spec.sim.support"
local process = require "spec.support.process"

describe("a program in a simulation", function()
  after_each(nets.close)

  local function run(net, member, argv, options)
    local outcome
    assert(member:spawn(argv, options, function(_, ...) outcome = { at = net:now(), ... } end))
    assert.is_nil(outcome)
    net:run(100)
    return assert(outcome)
  end

  it("is a function's answer, at some virtual time", function()
    local net = nets.new()
    local member = net:spawn()
    local asked
    net:on_spawn(function(who, argv, options)
      asked = { who = who, argv = argv, options = options }
      return { code = 2, stdout = "out", stderr = "err", after = 1.5 }
    end)
    local outcome = run(net, member, { "reload", "now" },
      { stdin = "list", cwd = "/etc", timeout = 5, env = { A = "1" } })
    assert.equal(member, asked.who)
    assert.same({ "reload", "now" }, asked.argv)
    assert.same({ stdin = "list", cwd = "/etc", timeout = 5, env = { A = "1" } }, asked.options)
    assert.near(1.5, outcome.at, 1e-6)
    assert.same({ code = 2, stdout = "out", stderr = "err", truncated = false, timed_out = false }, outcome[1])
  end)

  it("exits with 0 and without a word unless the answer says more", function()
    local net = nets.new()
    local member = net:spawn()
    net:on_spawn(function() return {} end)
    assert.same({ code = 0, stdout = "", stderr = "", truncated = false, timed_out = false },
      run(net, member, { "true" })[1])
  end)

  it("is ended when its time is over, and keeps what there is room for", function()
    local net = nets.new()
    local member = net:spawn()
    net:on_spawn(function() return { stdout = "0123456789", after = 60 } end)
    local outcome = run(net, member, { "slow" }, { timeout = 2, max_output = 4 })
    assert.near(2, outcome.at, 1e-6)
    assert.same({ signal = 15, stdout = "0123", stderr = "", truncated = true, timed_out = true }, outcome[1])
  end)

  it("cannot be started when the function refuses, or when there is none", function()
    local net = nets.new()
    local member = net:spawn()
    local function try()
      return { member:spawn({ "curl" }, function() end) }
    end
    assert.same({ nil, "cannot run curl: nobody answers in this simulation (net:on_spawn)", "spawn" }, try())
    net:on_spawn(function() return nil, "no such file or directory" end)
    assert.same({ nil, "cannot run curl: no such file or directory", "spawn" }, try())
  end)

  it("raises out of net:run what the function raised", function()
    local net = nets.new()
    local member = net:spawn()
    net:on_spawn(function() error("oh") end)
    member:after(1, function(n) n:spawn({ "x" }, function() end) end)
    assert.error_matches(function() net:run(2) end, "oh")
    net:on_spawn(function() return { coed = 1 } end)
    local _, message = member:spawn({ "x" }, function() end)
    assert.matches("unknown option 'coed' %(did you mean 'code'%?%)", message)
  end)

  it("waits for its turn as elsewhere, and ends with its member", function()
    local net = nets.new()
    local member = net:spawn { max_children = 2 }
    local asked, ended = 0, 0
    net:on_spawn(function()
      asked = asked + 1
      return { after = 1 }
    end)
    for _ = 1, 5 do member:spawn({ "x" }, function() ended = ended + 1 end) end
    assert.equal(2, asked)
    assert.same({ running = 2, waiting = 3 }, member:info().children)
    net:run(1)
    assert.same({ 4, 2 }, { asked, ended })
    assert.same({ running = 2, waiting = 1 }, member:info().children)
    net:crash(member)
    net:run(10)
    assert.same({ 4, 2 }, { asked, ended })
  end)

  it("makes room when it is cancelled", function()
    local net = nets.new()
    local member = net:spawn { max_children = 1 }
    net:on_spawn(function(_, argv) return { after = tonumber(argv[2]) } end)
    local called, second = false, nil
    local first = member:spawn({ "sleep", "1000" }, function() called = true end)
    member:spawn({ "sleep", "1" }, function() second = net:now() end)
    first:cancel()
    net:run(5)
    assert.is_false(called)
    assert.near(1, second, 1e-3)
  end)

  it("is started by scripts, which end it with a reload", function()
    local text = [[
      local M = {}
      local function start(node)
        node:after(0, function(n)
          n:spawn({ "one" }, function(m, result) m.store.said = result.stdout end)
        end)
      end
      M.on_start, M.on_reload = start, start
      return M
    ]]
    local net = nets.new()
    net:on_spawn(function(member, argv) return { stdout = member.addr .. " ran " .. argv[1], after = 1 } end)
    local path = nets.script(text)
    local member = net:spawn { handlers = path }
    net:run(0.5)
    process.write(path, (text:gsub('"one"', '"two"')))
    assert.same({ true }, { member:reload() })
    net:run(0.75) -- that of the first version would have ended
    assert.is_nil(member.store.said)
    net:run(1)
    assert.equal(member.addr .. " ran two", member.store.said)
  end)
end)
