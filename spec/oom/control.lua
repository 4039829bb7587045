--- The control socket: a server and a client in one process. The client blocks, so
-- whatever it is to read is there before it reads.

local core = require "shoal.core"
local walk = require "walk"

local path = os.tmpname() .. ".sock"

local handlers = {}

-- "ahead" answers the request that comes next, with news in front of the answer.
function handlers.on_request(peer, id, method, params)
  if method == "ahead" then
    peer:notify("news", { "x" })
    peer:respond(id + 1, nil, { "early", params })
  elseif method == "tell" then
    peer:notify("news", params)
  elseif method == "hang up" then
    peer:close()
  else
    peer:respond(id, nil, params)
  end
end

function handlers.on_notify(peer) peer:close() end
function handlers.on_close(peer) assert(not peer:notify("news", {})) end

local function turn()
  for _ = 1, 4 do core.step() end
end

--- Sends a request and does not wait for the answer.
local function ask(client, method, params)
  client:call(method, params, 0)
  turn()
end

local function open()
  local world = { other = false, server = assert(core.control_listen(path, handlers)) }
  world.client = assert(core.control_connect(path, 1))
  ask(world.client, "ping", {})
  return world
end

local scenarios = {}

function scenarios.listening(world)
  world.other = assert(core.control_listen(path .. "2", handlers))
end

function scenarios.connecting(world)
  world.other = assert(core.control_connect(path, 1))
  ask(world.other, "ping", { 1 })
  world.other:close()
  turn()
end

function scenarios.requests(world)
  ask(world.client, "ping", { { a = 1 }, ("x"):rep(5000) })
  ask(world.client, "hang up")
end

function scenarios.answers(world)
  ask(world.client, "ahead", { 1 })
  world.client:call("ping", { 2 }, 0.2)
  for _ = 1, 2 do
    local news = world.client:receive(0)
    assert(news == nil or news == "news")
  end
end

function scenarios.news(world)
  ask(world.client, "tell", { ("x"):rep(300) })
  world.client:receive(0)
end

function scenarios.hanging_up(world)
  world.client:close()
  turn()
  world.server:stats() world.server:path()
end

--- The server serves whoever comes next.
local function in_order(world)
  turn()
  local client = assert(core.control_connect(path, 1))
  ask(client, "ahead", { 3 })
  assert(client:call("ping", {}, 5)[1] == "early")
  assert(client:receive(0) == "news")
  client:close()
  turn()
  world.client:close()
  world.server:close()
  if world.other then world.other:close() end
  turn()
end

walk.all(scenarios, { before = open, after = in_order })
