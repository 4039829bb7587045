--- The status socket of a member on loopback: a server and a client in one process. The
-- client blocks, so whatever it is to read is there before it reads.

local core = require "shoal.core"
local status = require "shoal.serve.status"
local walk = require "walk"

local PATIENCE = 60 -- seconds, for what takes none
local path = os.tmpname() .. ".sock"

local function start(options)
  options.bind, options.log, options.seed = "127.0.0.1:0", false, 1
  options.config = { preset = "loopback", view_quiet = 0.001 }
  return assert(core.start(options))
end

local function turn()
  for _ = 1, 6 do core.step() end
end

--- Sends a request and does not wait for the answer.
local function ask(client, method, params)
  client:call(method, params, 0)
  turn()
end

local function open()
  local world = { other = false, server = assert(status.listen(path)), node = start {} }
  world.server:attach(world.node)
  world.client = assert(core.control_connect(path, 1))
  ask(world.client, "version", {})
  return world
end

local scenarios = {}

function scenarios.listening(world)
  world.other = assert(status.listen(path .. "2"))
  world.other:attach(world.node)
  turn()
end

function scenarios.requests(world)
  for _, method in ipairs { "members", "info", "tags", "services", "view", "version", "nothing" } do
    ask(world.client, method, {})
  end
  ask(world.client, "watch", { "no number" })
end

function scenarios.monitoring(world)
  ask(world.client, "monitor", {})
  world.node:apply { { id = core.stock_identity("127.9.0.1:9", 1) } }
  turn()
  world.client:receive(0)
  ask(world.client, "unmonitor", {})
end

function scenarios.watching(world)
  ask(world.client, "watch", { world.node:view(), 60 })
  world.node:set_tags { changed = true }
  world.node:apply { { id = core.stock_identity("127.9.0.2:9", 1) } }
  for _ = 1, 10 do core.step(0.005) end
end

--- The server serves whoever comes next.
local function in_order(world)
  turn()
  local client = assert(core.control_connect(path, 1))
  local deadline, lives = os.time() + PATIENCE, 0
  ask(client, "monitor", {})
  repeat
    lives = lives + 1
    world.node:apply { { id = core.stock_identity("127.9.0.3:9", lives) } }
    turn()
    assert(os.time() < deadline, "nothing is told")
  until client:receive(0) == "event"
  client:close()
  turn()
  world.client:close()
  world.server:close()
  if world.other then world.other:close() end
  world.node:close()
  turn()
end

walk.all(scenarios, { before = open, after = in_order, stride = 11 })
