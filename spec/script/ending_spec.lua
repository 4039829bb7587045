--- What ends while one of its own methods is at work: by a function that the method
-- calls, or by a finalizer, which Lua may run at any allocation.

local core = require "shoal.core"

local MEMBERS = 100

local function finalizer(fn)
  if rawget(_G, "newproxy") then -- in 5.1, tables have none
    getmetatable(newproxy(true)).__gc = fn -- luacheck: ignore 113
  else
    setmetatable({}, { __gc = fn })
  end
end

-- With `fn` run sooner or later while `act` allocates.
local function while_acting(act, fn)
  collectgarbage("setpause", 0)
  collectgarbage("setstepmul", 10000)
  for _ = 1, 20 do
    finalizer(fn)
    if not pcall(act) then break end -- it is closed
  end
  collectgarbage("setpause", 200)
  collectgarbage("setstepmul", 200)
  collectgarbage()
end

local function claims()
  local list = {}
  for i = 1, MEMBERS do
    list[i] = { id = core.stock_identity(("10.1.0.%d:1"):format(i), 1) }
  end
  return list
end

local function simulated(options)
  local net = core.simulation { seed = 1 }
  options = options or {}
  options.log = false
  local node, place = assert(net:spawn(options))
  return net, node, place
end

describe("an engine", function()
  it("is not closed by a finalizer while it is being asked", function()
    local engine = assert(core.new { identity = core.stock_identity("10.0.0.1:1", 1), seed = 1 })
    assert(engine:apply(1, claims()))
    local longest = 0
    while_acting(function() longest = math.max(longest, #engine:members()) end, function() engine:close() end)
    assert.is_true(longest == 0 or longest == MEMBERS)
  end)
end)

describe("a node", function()
  it("is closed after a method in which a finalizer asked for that", function()
    local net, node = simulated()
    assert(node:apply(claims()))
    while_acting(function() assert.equal(MEMBERS, #node:members()) end, function() node:close() end)
    while_acting(function() return node:info() and node:stats() end, function() node:close() end)
    net:run(1)
    assert.is_true(node:is_closed())
    net:close()
  end)

  it("may be closed by the condition of a wait", function()
    local net, node = simulated()
    local outcome
    coroutine.wrap(function()
      outcome = { node:wait(function() node:close() end) }
    end)()
    net:run(1)
    assert.is_true(node:is_closed())
    assert.equal("closed", outcome[3])
    net:close()
  end)

  it("crashes after a method in which a finalizer asked for that", function()
    local net, node, place = simulated()
    assert(node:apply(claims()))
    while_acting(function() return node:members() end, function()
      if net:is_up(place) then net:crash(place) end
    end)
    net:run(1)
    assert.is_false(net:is_up(place))
    net:close()
  end)
end)

describe("a simulation", function()
  it("is not closed inside a method of a member", function()
    local net, node = simulated()
    assert(node:apply(claims()))
    local refused
    node:members { where = function() refused = not pcall(net.close, net) end }
    assert.is_true(refused)
    net:close()
  end)

  it("is not closed by a module of handlers that it loads", function()
    local net = core.simulation { seed = 1 }
    local refused
    package.preload.closing_handlers = function()
      refused = not pcall(net.close, net)
      return {}
    end
    assert(net:spawn { handlers = "closing_handlers", log = false })
    package.preload.closing_handlers, package.loaded.closing_handlers = nil, nil
    assert.is_true(refused)
    net:close()
  end)
end)
