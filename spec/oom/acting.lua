--- What a script does in simulated clusters: services and their checks, and commands that
-- wait for all that there is to wait for.

local core = require "shoal.core"
local walk = require "walk"

require "shoal.services" -- node:service

-- The same for a table and a script. A check says what the program told it to.
local handlers = [[
  local services = require "shoal.services"
  local M = services.script {
    rename_as_down_up = true,
    services = {
      web = { port = 80, tags = { "v1" }, weight = 2, checks = {
        { lua = function(node) node:sleep(0.1) return node.store.ill and "critical" or true, "so" end, every = 0.5,
          rise = 1, fall = 1 },
        { exec = { "check" }, every = 0.5, timeout = 0.3, rise = 1, fall = 1 },
        { http = "http://127.0.0.1/", every = 0.5, timeout = 0.3, rise = 1, fall = 1 },
        { tcp = "127.0.0.1:1", every = 0.5, timeout = 0.3, rise = 1, fall = 1 },
        { ttl = 2 },
      } },
    },
  }
  function M.on_service(node, name, list)
    node.store[name] = list[1] and list[1].addr
    node.store.picked = { services.pick(node, name) and true, services.pick(node, name, "key") and true }
  end
  M.commands = {
    work = { args = { { "n", type = "number", default = 1 } }, run = function(node, args)
      node:sleep(0.05)
      local result = node:spawn({ "work" }, { stdin = "x" })
      local response = node:http { url = "http://127.0.0.1/", body = "x" }
      node:wait(function() return true end, 0.1)
      return { args.n, result and result.code, response and response.status }
    end },
    fail = { run = function() error "oh" end },
    refuse = { run = function() return nil, "no", "never" end },
    lost = { run = function() coroutine.yield() end },
    ill = { run = function(node, args) node.store.ill = args[1] end },
    call = { run = function(node) return node:call("work", { 2 }) end },
  }
  return M
]]

local compile = rawget(_G, "loadstring") or load
local path = os.tmpname() .. ".lua"

local function spawn(world, options)
  options.config, options.log, options.cluster_size, options.join = "lan", false, 3, world.addr
  options.on_error = function() end
  local node, _, addr = assert(world.net:spawn(options))
  world.addr = world.addr or addr
  return node
end

local function run(world, seconds)
  world.net:run(world.net:now() + seconds)
end

local function two()
  local world = { net = assert(core.simulation { seed = 1 }), other = false }
  walk.write(path, handlers)
  world.net:on_spawn(function() return { after = 0.1 } end)
  world.net:on_http(function() return { status = 200, after = 0.1 } end)
  world.a = spawn(world, { handlers = assert(compile(handlers))() })
  world.b = spawn(world, { handlers = path })
  run(world, 3)
  assert(world.net:converged())
  return world
end

--- The outcome is there, unless memory ran out.
local function call(world, node, name, args)
  assert(node:call(name, args, function(_, ...) world.outcome = { ... } end))
  run(world, 1)
end

local scenarios = {}

function scenarios.starting(world)
  world.other = spawn(world, { handlers = path })
  run(world, 1)
end

function scenarios.checking(world)
  for _, node in ipairs { world.a, world.b } do
    call(world, node, "service", { "pass", "web", "fine" })
    call(world, node, "ill", { true })
    call(world, node, "service", { "drain", "web" })
    call(world, node, "service", { "resume", "web" })
  end
end

function scenarios.asking(world)
  world.a:service("web", { state = "any", tag = "v1", where = function() return true end })
  world.a:commands() world.b:commands()
end

function scenarios.commands(world)
  for _, node in ipairs { world.a, world.b } do
    for _, name in ipairs { "work", "fail", "refuse", "lost", "call", "nothing" } do call(world, node, name, {}) end
    call(world, node, "work", { "no number" })
  end
end

function scenarios.reload(world)
  assert(world.b:call("call", {}, function() end))
  assert(world.a:call("call", {}, function() end))
  run(world, 0.07)
  walk.write(path, handlers .. "--" .. math.random())
  assert(world.b:reload())
  assert(world.a:set_handlers(assert(compile(handlers))()))
  run(world, 1)
end

--- Its commands answer, and its service is known, whatever happened.
local function in_order(world)
  for _, node in ipairs { world.a, world.b } do
    node:call("ill", { false }, function() end)
    run(world, 1)
    call(world, node, "work", { 3 })
    call(world, node, "work", { 3 })
    assert(world.outcome and world.outcome[1] and world.outcome[1][1] == 3, "a command does not answer")
  end
  run(world, 60)
  assert(#world.a:service("web", { state = "any" }) >= 2, "a service is lost")
  world.net:close()
end

-- When memory runs out in a function in Lua, LuaJIT 2.1.0-beta3 (lj_err_mem) writes the message
-- at a top of the stack that is not kept up while it runs: over its return address, sometimes.
-- `make test-lua LUA=5.4` walks these.
if rawget(_G, "jit") then scenarios.checking, scenarios.commands = nil, nil end

walk.all(scenarios, { before = two, after = in_order, stride = 61 })
os.remove(path)
