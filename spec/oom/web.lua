--- The HTTP listener of a member on loopback: a server and its clients in one process.

local core = require "shoal.core"
local http = require "shoal.serve.http"
local walk = require "walk"

local oom = oom -- luacheck: ignore 113 (of walk.c)

local PATIENCE = 60 -- seconds, for what takes none
local path = os.tmpname() .. ".http"

local function start(options)
  options.bind, options.log, options.seed = "127.0.0.1:0", false, 1
  options.config = { preset = "loopback", view_quiet = 0.001 }
  options.tags = { ["service.web"] = { port = 80, state = "passing", tags = { "v2" } } }
  options.handlers = { http = { ["/own"] = function(_, request)
    return 200, { read = #request.body, of = request.headers.host }
  end } }
  return assert(core.start(options))
end

local function turn()
  for _ = 1, 6 do core.step() end
end

--- The answer may be that the connection ends.
local function ask(world, uri, rest)
  local request = ("%s HTTP/1.1\r\nHost: localhost\r\n%s"):format(uri, rest or "\r\n")
  world.awaited = true
  oom.say(world.client, request)
  turn()
  local text, is_over = oom.hear(world.client)
  world.awaited = text == "" and not is_over
end

local function open()
  local world = { other = false, awaited = false, has_time = false,
    server = assert(http.listen("unix:" .. path)), node = start {} }
  world.server:attach(world.node)
  world.client = oom.visit(path)
  ask(world, "GET /members")
  return world
end

local scenarios = {}

function scenarios.listening(world)
  world.other = assert(http.listen("unix:" .. path .. "2"))
  world.other:attach(world.node)
  turn()
end

function scenarios.requests(world)
  for _, path_asked in ipairs { "/members?all", "/services", "/view", "/%zz" } do
    ask(world, "GET " .. path_asked)
  end
end

function scenarios.metrics(world)
  ask(world, "GET /metrics?detail&members")
end

function scenarios.consul(world)
  ask(world, "GET /v1/health/service/web?passing&tag=v2")
  ask(world, "GET /v1/catalog/services")
end

--- Without memory to call the script nobody is told, until the listener's patience (60 s) is over.
function scenarios.pages(world)
  world.has_time = true
  ask(world, "GET /none")
  ask(world, "POST /own", "Content-Length: 3\r\n\r\nabc")
  ask(world, "POST /members", "Content-Length: 2\r\nContent-Length: 3\r\n\r\nabc")
end

function scenarios.waiting(world)
  ask(world, ("GET /view?wait=60&since=%.0f"):format(world.node:view()))
  world.awaited = false
  world.node:apply { { id = core.stock_identity("127.9.0.2:9", 1) } }
  for _ = 1, 10 do core.step(0.005) end
end

function scenarios.events(world)
  ask(world, "GET /events?probes=1")
  world.node:apply { { id = core.stock_identity("127.9.0.1:9", 1) } }
  world.node:set_tags { changed = true }
  turn()
  oom.hear(world.client)
end

--- The server serves whoever comes next.
local function in_order(world)
  turn()
  local client, deadline, answer = oom.visit(path), os.time() + PATIENCE, ""
  oom.say(client, "GET /services HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
  repeat
    core.step(0.001)
    local text, is_over = oom.hear(client)
    answer = answer .. text
    assert(os.time() < deadline, "nothing is answered")
  until is_over
  assert(answer:find "^HTTP/1.1 200 ", answer)
  if world.awaited and not world.has_time then
    local text, is_over = oom.hear(world.client)
    assert(text ~= "" or is_over, "a request is not answered")
  end
  oom.part(client)
  oom.part(world.client)
  world.server:close()
  if world.other then world.other:close() end
  world.node:close()
  turn()
end

-- Made in a coroutine of Lua, where LuaJIT 2.1.0-beta3 does not survive it (acting.lua).
-- `make test-lua` walks it with every other Lua.
if rawget(_G, "jit") then scenarios.consul = nil end

walk.all(scenarios, { before = open, after = in_order, stride = 11 })
