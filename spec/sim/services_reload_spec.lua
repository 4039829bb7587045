--- shoal.services: what a reload does to checks and their verdicts, and checks that are late.

local nets = require "spec.sim.support"
local process = require "spec.support.process"
local services = require "shoal.services"

describe("services", function()
  after_each(nets.close)

  local net, member, path, well

  local function state(name)
    local tag = member:tags()["service." .. (name or "web")]
    return tag and tag.state
  end

  --- Why it does not pass.
  local function reason()
    return services.all(member.node)[1].reason
  end

  local function write(checks)
    path = path or nets.script ""
    process.write(path, ([[
      local late, mode = 0, "well"
      local M = require("shoal.services").script { services = { web = { port = 80, checks = { %s } } } }
      M.commands = { mode = { args = { "mode" }, run = function(_, args) mode = args.mode end } }
      return M
    ]]):gsub("%%s", function() return checks end))
  end

  --- One member with these checks, which all get what `well` says of their target, 10 s later.
  local function begin(checks)
    net, well, path = nets.new(), {}, nil
    net:on_connect(function(_, endpoint)
      if well[endpoint] == false then return nil, "refused" end
      return {}
    end)
    net:on_spawn(function(_, argv) return { code = well[argv[1]] == false and 2 or 0 } end)
    net:on_http(function() return { status = 200 } end)
    write(checks)
    member = net:spawn { handlers = path }
    net:run(10)
  end

  local function reload(checks)
    write(checks)
    assert(member:reload())
  end

  --- It is in that state all the time.
  local function stays(wanted, seconds)
    for _ = 1, seconds * 10 do
      net:run(0.1)
      assert.equal(wanted, state())
    end
  end

  local A, B, TTL = "{ tcp = 'a:1', every = 1 }", "{ tcp = 'b:1', every = 1 }", "{ ttl = 30 }"
  local OTHERS = { A, B, "{ exec = { 'e' }, every = 1 }", "{ http = 'http://h/', every = 1 }",
    "{ lua = function() return true end, every = 1 }" }

  it("that pass do so until a check that a reload has brought says otherwise", function()
    for _, other in ipairs(OTHERS) do
      for _, before in ipairs { "", B } do
        for _, after in ipairs { other, other .. "," .. B, B .. "," .. other } do
          begin(before)
          reload(after)
          stays("passing", 5)
          assert.same({}, (net:errors()))
          net:close()
        end
      end
    end
    begin ""
    well["a:1"] = false
    reload(A)
    stays("passing", 1.9)
    net:run(0.2) -- the third bad answer, at 2 s
    assert.equal("critical", state())
  end)

  it("that pass have all the time of a ttl that a reload has brought", function()
    begin(A)
    reload(TTL)
    stays("passing", 29)
    reload(TTL .. "," .. A) -- goes on with the same time
    net:run(2)
    assert.equal("critical", state())
    assert.equal("passing", member:call("service", { "pass", "web" }))
    net:run(20)
    reload "{ ttl = 20 }"
    stays("passing", 19)
    net:run(2)
    assert.equal("critical", state())
  end)

  it("that do not pass stay critical until the checks that are left, or new, have passed", function()
    for _, after in ipairs { B, B .. "," .. A, "{ exec = { 'no' }, every = 1 }", TTL } do
      begin(A)
      well["b:1"], well.no = false, false
      reload(A .. "," .. B)
      net:run(5)
      assert.equal("critical", state())
      reload(after)
      stays("critical", 5)
      net:close()
    end
    begin(A)
    well["a:1"] = false
    net:run(5)
    reload(B)
    stays("critical", 0.9)
    net:run(0.2) -- the second good answer, at 1 s
    assert.equal("passing", state())
  end)

  it("pass at once without the check that failed, if the others have passed", function()
    begin(A .. "," .. B)
    well["b:1"] = false
    net:run(5)
    assert.equal("critical", state())
    reload(A)
    net:run(0.1)
    assert.equal("passing", state())
  end)

  local HANGS = [[{ every = 1, timeout = 0.5, rise = 1, fall = 2, lua = function(node)
    if mode == "late" then
      late = late + 1
      node:wait(function() return mode ~= "late" end)
      return true, late
    end
    if mode == "raise" then error("the disk is on fire\nand the house") end
    return late <= 1
  end }]]

  it("fail when a function has not answered in time, and it is not called again before it has", function()
    begin(HANGS)
    assert.equal("passing", state())
    member:call("mode", { "late" })
    net:run(1.6)
    assert.equal("passing", state())
    assert.is_nil(reason())
    net:run(1) -- the second time
    assert.equal("critical", state())
    assert.equal("no answer within 0.5 s", reason())
    net:run(100)
    member:call("mode", { "well" })
    net:run(0.1)
    assert.equal("critical", state()) -- the answer of then counts no more
    net:run(1)
    assert.equal("passing", state()) -- it was late once
    assert.same({}, (net:errors()))
  end)

  it("are late, and have raised nothing, when the answer of a round before comes", function()
    begin(HANGS)
    member:call("mode", { "late" })
    net:run(3.2) -- a round has begun
    assert.equal("critical", state())
    member:call("mode", { "well" })
    net:run(0.6) -- and has not been asked for
    assert.equal("no answer within 0.5 s", reason())
    net:run(1)
    assert.equal("passing", state())
  end)

  it("say what their function raised, in their reason and in the error", function()
    begin(HANGS)
    member:call("mode", { "raise" })
    net:run(3)
    assert.equal("critical", state())
    local failure = net:errors()[1]
    assert.equal("coroutine", failure.what)
    if _VERSION == "Lua 5.1" and not rawget(_G, "jit") then -- no pcall around what waits
      return assert.equal("the check raised an error", reason())
    end
    assert.matches("script%.lua:%d+: the disk is on fire$", reason())
    assert.matches("^service 'web': .*script%.lua:%d+: the disk is on fire\nand the house\nstack traceback",
      failure.message)
  end)

  it("are told by `shoal service`, so no command of a script has that name", function()
    local refused, why = nets.new():spawn { handlers = nets.script [[
      local M = require("shoal.services").script { services = { web = { port = 80 } } }
      M.commands = { service = { run = function() return "mine" end } }
      return M
    ]] }
    assert.is_nil(refused)
    assert.equal("commands.service: `shoal service` runs it, so shoal.services has that name: give yours another one",
      why)
  end)
end)
