--- Nodes of the libev host, on loopback.

local core = require "shoal.core"
local walk = require "walk"

local PATIENCE = 60 -- seconds, for what takes none

local handlers = [[
  local M = { broadcast = {} }
  function M.broadcast.receive(node, data)
    node.store.heard = data
    return data
  end
  function M.on_start(node)
    node:every(0.01, function() node.store.ticks = (node.store.ticks or 0) + 1 end)
    node:on("packet_received", function() end)
  end
  M.commands = { twice = { args = { { "n", type = "number" } }, run = function(node, args)
    node:sleep(0)
    return 2 * args.n
  end } }
  function M.on_member_up(node, member) node.store[member.addr] = member.id end
  return M
]]

local compile = rawget(_G, "loadstring") or load
local table_of_handlers = assert(compile(handlers))
local path = os.tmpname() .. ".lua"

local function start(options)
  options.bind, options.config, options.log = "127.0.0.1:0", "loopback", false
  options.cluster_size, options.seed, options.watch = 3, 1, options.watch or false
  return assert(core.start(options))
end

local function step_until(condition)
  local deadline = os.time() + PATIENCE
  while not condition() do
    assert(os.time() < deadline, "in vain")
    core.step(0.01)
  end
end

local function knows(a, b)
  local known = a:member(b:bound())
  return known and known.state == "alive"
end

local function agree(world)
  step_until(function() return knows(world.a, world.b) and knows(world.b, world.a) end)
end

local function two()
  local world = { a = false, b = false, c = false }
  walk.write(path, handlers)
  world.a = start { handlers = path }
  world.b = start { handlers = table_of_handlers(), join = world.a:bound() }
  agree(world)
  return world
end

local function turn()
  for _ = 1, 5 do core.step() end
end

local scenarios = {}

function scenarios.start_with_a_table(world)
  world.c = start { handlers = table_of_handlers(), join = { world.a:bound() }, name = "c", meta = { zone = "x" } }
  turn()
end

function scenarios.start_with_a_script(world)
  world.c = start { handlers = path, join = { world.a:bound(), world.b:bound() }, watch = true }
  turn()
end

function scenarios.commands(world)
  for _, node in ipairs { world.a, world.b } do
    node:commands()
    node:call("twice", { 21 }, function() end)
    turn()
  end
end

function scenarios.turns(world)
  world.a:gossip()
  turn()
  world.b:gossip()
  turn()
end

function scenarios.broadcasts(world)
  assert(world.b:add_broadcast("one"))
  assert(world.b:broadcast())
  turn()
end

function scenarios.joining(world)
  world.a:join { world.b:bound(), "127.0.0.1:9" }
  world.b:announce(world.a:bound())
  turn()
end

function scenarios.timers(world)
  local timer = world.a:every(0.001, function() end)
  world.b:after(0, function() timer:cancel() end)
  core.step(0.002)
  turn()
end

function scenarios.waits(world)
  coroutine.wrap(function() world.b:wait(function() return world.b.store.heard end, 0.001) end)()
  world.b.store.heard = "x"
  core.step(0.03)
end

function scenarios.programs(world)
  assert(world.b:spawn({ "cat" }, { stdin = "x", env = { A = "1" } }, function() end))
  assert(world.b:spawn({ "sleep", "1000" }, function() end)):cancel()
  for _ = 1, 10 do core.step(0.01) end
end

function scenarios.reload(world)
  walk.write(path, handlers .. "--" .. math.random())
  assert(world.a:reload())
  assert(world.b:set_handlers(table_of_handlers()))
end

function scenarios.views(world)
  world.a:info() world.b:info() world.a:stats() world.a:members() world.b:timeout() world.b:fd()
end

function scenarios.closing(world)
  world.c = start { join = world.a:bound() }
  world.c:after(0, function(node) node:close() end)
  turn()
  world.c:close()
  turn()
end

local function in_order(world)
  agree(world)
  world.b:add_broadcast("two")
  turn()
  for _, node in pairs(world) do
    if node then node:close() end
  end
  turn()
end

walk.all(scenarios, { before = two, after = in_order })
os.remove(path)
