--- Nodes of a simulated network: their handlers, in a table of the program and in a
-- script's own state, and all that a program can do with them.

local core = require "shoal.core"
local walk = require "walk"

local SECONDS = 3 -- for everybody to hear of everything
local MINUTES = 5 -- to agree, after the worst

-- What handlers may do; the same for a table and a script.
local handlers = [[
  local M = { broadcast = {} }
  function M.broadcast.receive(node, data, sender)
    node.store.told = (node.store.told or 0) + 1
    return { data, from = sender }
  end
  function M.broadcast.invalidates(key, other) return key[1] == other[1] end
  function M.broadcast.wanted_by(_, member) return member.state ~= "down" end
  function M.on_start(node)
    node:after(0.3, function() node.store.fired = true end)
    node:every(1, function() node:gossip() end)
    node:on("packet_received", function() end)
    coroutine.wrap(function()
      node.store.waited = node:wait(function() return node:num_members() > 1 end, 5)
    end)()
  end
  M.on_ask = { what = function(_, data) return { data } end, fails = function() error "oh" end }
  function M.on_message(node, data, from) node.store.said = { data, from.addr } end
  function M.on_member_up(node, member) node.store[member.addr] = member.id end
  function M.on_member_down(node, member) node.store[member.addr] = nil end
  function M.on_view(node, view) node.store.joined = #view.joined end
  function M.on_stable(node) node.store.owner = node:owner("job", { n = 2, where = function() return true end }) end
  function M.on_reload(node, previous) node.store.generation = previous.generation end
  function M.on_stop(node) node.store.stopped = true end
  return M
]]

local compile = rawget(_G, "loadstring") or load
local table_of_handlers = assert(compile(handlers))
local path = os.tmpname() .. ".lua"

local function spawn(world, options)
  options.config, options.log = "lan", false
  options.cluster_size = 3
  options.on_error = function(what, message) world.failed = what .. message end
  options.join = world.addr
  local node, place, addr = assert(world.net:spawn(options))
  world.addr = world.addr or addr
  return node, place
end

local function run(world, seconds)
  world.net:run(world.net:now() + seconds)
end

--- Two members that know each other: one with a table, one with a script.
local function two()
  local world = { net = assert(core.simulation { seed = 1 }) }
  walk.write(path, handlers)
  world.a = spawn(world, { handlers = table_of_handlers() })
  world.b, world.place = spawn(world, { handlers = path })
  run(world, SECONDS)
  assert(world.net:converged())
  return world
end

local scenarios = {}

function scenarios.network(world)
  world.other = core.simulation { seed = 2, latency = { 0.001, 0.002 } }
  world.other:after(1, function() end)
  world.other:run(2)
end

function scenarios.start_with_a_table(world) spawn(world, { handlers = table_of_handlers(), name = "c" }) end
function scenarios.start_with_a_script(world) spawn(world, { handlers = path, meta = { zone = "x" } }) end

function scenarios.start_with_a_module(world)
  package.loaded.the_handlers = table_of_handlers()
  spawn(world, { handlers = "the_handlers", seed = 3 })
end

function scenarios.time(world) run(world, SECONDS) end

function scenarios.a_third(world)
  local c = spawn(world, { handlers = table_of_handlers() })
  run(world, SECONDS)
  c:close()
  run(world, SECONDS)
end

function scenarios.broadcasts(world)
  assert(world.a:add_broadcast("one"))
  assert(world.b:add_broadcast("two"))
  assert(world.a:broadcast())
  run(world, 0.5)
end

function scenarios.timers(world)
  local timer = world.a:every(0.1, function() end)
  world.a:after(0.2, function(node) node:after(0.1, function() timer:cancel() end) end)
  world.b:after(0.3, function() error "oh" end)
  run(world, 1)
end

function scenarios.waits(world)
  coroutine.wrap(function() world.a:wait(function() return world.a.store.x end, 0.1) end)()
  coroutine.wrap(function()
    local asked = 0
    world.b:wait(function()
      asked = asked + 1
      assert(asked < 3, "oh")
    end)
  end)()
  run(world, 1)
end

function scenarios.programs(world)
  world.net:on_spawn(function(_, argv) return { stdout = argv[1], stderr = "x", after = 0.1 } end)
  for _ = 1, 10 do
    assert(world.a:spawn({ "one" }, { stdin = "x", env = { A = "1" } }, function(_, result) world.result = result end))
  end
  assert(world.a:spawn({ "two" }, function() end)):cancel()
  run(world, 1)
end

function scenarios.messages(world)
  local function noted(_, ok) world.sent = ok end
  assert(world.a:send(world.b:bound(), { text = "one" }, noted))
  assert(world.a:send(world.a:bound(), "two", noted))
  world.b:send("nobody", "three")
  run(world, 0.5)
end

function scenarios.asks(world)
  local function noted(_, answers, missing) world.answers = { answers, missing } end
  assert(world.a:ask("what", "x", { where = function() return true end, timeout = 2 }, noted))
  assert(world.b:ask("fails", nil, { members = { world.a:bound() } }, noted))
  run(world, 3)
end

function scenarios.asks_at_a_reload(world)
  assert(world.b:ask("what", "x", function() end))
  assert(world.a:ask("what", "x", function() end))
  assert(world.a:set_handlers(table_of_handlers()))
  run(world, 3)
end

function scenarios.listeners(world)
  local function listen(_, member) world.heard = member end
  world.a:on("packet_sent", listen)
  world.b:on("*", listen)
  run(world, 1)
  world.a:off("packet_sent", listen)
  world.b:off("*", listen)
end

function scenarios.reload(world)
  walk.write(path, handlers:gsub("0.3", tostring(math.random())))
  assert(world.b:reload("because"))
end

function scenarios.handlers(world) assert(world.a:set_handlers(table_of_handlers())) end

function scenarios.store(world)
  local store = world.b.store
  world.a.store = { copy = store }
  world.a.store.list = { 1, 2, { 3 } }
end

function scenarios.questions(world)
  world.a:members { state = "all", where = function(member) return member.id end }
  world.a:member(world.addr) world.a:info() world.b:info() world.a:stats() world.a:backlog()
  world.a:config() world.a:identity() world.a:state() tostring(world.b)
end

function scenarios.changes(world)
  assert(world.a:set_config { probe_period = 2 })
  assert(world.a:apply({ { id = core.stock_identity("10.9.9.9:1", 1), state = "down" } }, { broadcast = true }))
  assert(world.a:announce(world.b:bound()))
  world.gone = true
  assert(world.b:leave())
  run(world, SECONDS)
end

function scenarios.log(world)
  world.a:log("error", "one line", { number = 1, text = "x" })
end

function scenarios.faults(world)
  local net = world.net
  net:set { loss = 0.1, latency = 0.001 }
  local cut = net:cut({ world.place }, nil, 1)
  net:pause(world.place)
  run(world, 1)
  net:resume(world.place)
  net:heal(cut)
  net:set { loss = 0, latency = 0.001 }
end

function scenarios.views(world)
  local net = world.net
  net:converged() net:census() net:counts() net:trace() net:traffic(world.place) net:record(world.place)
  net:watch("x", world.place) net:seen(world.place)
end

function scenarios.closing(world)
  local _, place = spawn(world, { handlers = table_of_handlers() })
  assert(world.net:crash(place))
  local c = spawn(world, { handlers = table_of_handlers() })
  c:after(0, function() c:close() end)
  run(world, 1)
end

--- They go on: whoever was lost comes back, what is said arrives, and what was not
-- closed ends with its network.
local function in_order(world)
  repeat
    run(world, 1)
    assert(world.net:now() < MINUTES * 60, "the members do not agree")
  until world.gone or world.net:converged()
  world.a:add_broadcast("three")
  run(world, 2)
  world.net:close()
  if world.other then world.other:close() end
  package.loaded.the_handlers = nil
end

walk.all(scenarios, { before = two, after = in_order })
os.remove(path)
