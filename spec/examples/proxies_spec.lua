--- HAProxy and nginx in front of real servers, with the real programs: the examples, and DNS.

local backend = require "spec.support.backend"
local node = require "spec.support.node"
local process = require "spec.support.process"
local unix = require "socket.unix"
local wait = require "spec.support.wait"

local root = os.getenv("SHOAL_SOURCE") or "."

-- Asks again and again, one request at a time, and prints who answered, or what came instead.
local LOAD = [[
local unix = require "socket.unix"
local sleep = require("socket").sleep
io.stdout:setvbuf "line"
while true do
  local client = unix()
  client:settimeout(10)
  local answer, why
  if client:connect(arg[1]) and client:send "GET / HTTP/1.0\r\nHost: x\r\n\r\n" then
    answer, why = client:receive "*a"
  end
  client:close()
  local who = answer and answer:match "^HTTP/1.%d 200.-\r\n\r\n(.+)$"
  print(who or "failed: " .. tostring(why or answer):gsub("%s+", " "))
  sleep(0.01)
end
]]

local CLIENTS = 4 -- of them

local NGINX = [[
daemon off;
pid %FOLDER%/nginx.pid;
error_log %FOLDER%/error.log;
events { worker_connections 64; }
http {
  access_log off;
  client_body_temp_path %FOLDER%/body;
  proxy_temp_path %FOLDER%/proxy;
  fastcgi_temp_path %FOLDER%/fastcgi;
  uwsgi_temp_path %FOLDER%/uwsgi;
  scgi_temp_path %FOLDER%/scgi;
  %HTTP%
  server {
    listen unix:%FOLDER%/front.sock;
    location / { %LOCATION% proxy_connect_timeout 2s; }
  }
}
]]

local HAPROXY = [[
global
  maxconn 64
  stats socket %FOLDER%/admin.sock level admin
defaults
  mode http
  retries 3
  option redispatch 1
  timeout connect 2s
  timeout client 10s
  timeout server 10s
frontend all
  bind unix@%FOLDER%/front.sock
  default_backend web
]]

local ARGV = {
  haproxy = { "haproxy", "-W", "-db", "-f", "%FOLDER%/main.cfg" },
  nginx = { "nginx", "-p", "%FOLDER%", "-e", "%FOLDER%/error.log", "-c", "%FOLDER%/main.cfg" },
}

describe("a proxy in front of servers with members beside them", function()
  local folder, front

  before_each(function()
    folder = process.tempdir()
    front = folder .. "/front.sock"
  end)
  after_each(process.cleanup)

  local function fill(text, values)
    return (text:gsub("%%(%u+)%%", function(name)
      return name == "FOLDER" and folder or values and values[name]
    end))
  end

  local function start_proxy(program, config, values)
    process.run { "chmod", "755", folder } -- its workers may be another user
    process.write(folder .. "/main.cfg", fill(config, values))
    local argv = {}
    for i, word in ipairs(ARGV[program]) do argv[i] = fill(word) end
    local running = process.start(argv)
    wait.for_that(function() -- before, a signal would end it
      local client = unix()
      local there = client:connect(front)
      client:close()
      assert(not running:ended(), running:stderr())
      return there
    end, 20, "proxy")
    return running
  end

  -- A member beside that server, with the service and its check.
  local function start_member(server, seed, config)
    return node.start { join = { seed }, config = config, source = ([[
      return require("shoal.services").script { services = { web = { host = "%s", port = %d,
        check = { http = "http://%s:%d/", every = 0.1, timeout = 0.1, rise = 1, fall = 3 } } } }
    ]]):format(server.host, server.port, server.host, server.port) }
  end

  -- Who answers behind the proxy; nil: nobody does.
  local function ask()
    local client = unix()
    client:settimeout(5)
    local answer
    if client:connect(front) and client:send "GET / HTTP/1.0\r\nHost: x\r\n\r\n" then
      answer = client:receive "*a"
    end
    client:close()
    return answer and answer:match "^HTTP/1.%d 200.-\r\n\r\n(.*)$"
  end

  local function wait_for_answers(...)
    local wanted = {}
    for _, letter in ipairs { ... } do wanted[letter] = true end
    wait.for_that(function()
      local seen = {}
      for _ = 1, 16 do
        local who = ask()
        if not who or not wanted[who] then return false end
        seen[who] = true
      end
      for letter in pairs(wanted) do
        if not seen[letter] then return false end
      end
      return true
    end, 30, "answers of " .. table.concat({ ... }, " and "))
  end

  -- Clients that ask all the time, and a function that counts what they got: answers, failures.
  local function start_load()
    local script, clients = process.write(folder .. "/load.lua", LOAD), {}
    for i = 1, CLIENTS do clients[i] = process.start { process.lua, script, front } end
    return function()
      local answers, failures, last = 0, 0, ""
      for _, client in ipairs(clients) do
        for line in client:stdout():gmatch "([^\n]*)\n" do
          if #line == 1 then answers = answers + 1
          elseif line ~= "" then failures, last = failures + 1, line end
        end
      end
      return answers, failures, last
    end
  end

  -- After that nothing that was asked before is under way.
  local function wait_for_more(count, more)
    local before = count()
    wait.for_that(function() return count() >= before + more end, 30, "answers under load")
  end

  -- a and b answer; a is drained and comes back; then b is killed. Clients notice nothing, but for what
  -- b was answering.
  local function drain_and_kill(first, b)
    wait_for_answers("a", "b")
    local count = start_load()
    wait_for_more(count, 50)
    assert.equal("web is maintenance\n", first:ask("service", "drain", "web").out)
    wait_for_answers "b"
    wait_for_more(count, 50)
    local _, failures, last = count()
    assert.equal(0, failures, last)
    assert.equal("web is passing\n", first:ask("service", "resume", "web").out)
    wait_for_answers("a", "b")
    b:signal "KILL" -- the server, not the member beside it
    wait_for_answers "a"
    wait_for_more(count, 50)
    _, failures, last = count()
    assert.is_true(failures <= CLIENTS, last)
  end

  -- What HAProxy says of its servers: how many of "web" have an admin state with one of these bits set.
  local function count_states(bits)
    local client, count = unix(), 0
    client:settimeout(5)
    assert(client:connect(folder .. "/admin.sock"))
    client:send "show servers state web\n"
    for line in client:receive("*a"):gmatch "[^\n]+" do
      local admin = tonumber(line:match "^%d+ web %d+ %S+ %S+ %d+ (%d+) ")
      for _, bit in ipairs(bits) do
        count = count + ((admin or 0) % (2 * bit) >= bit and 1 or 0)
      end
    end
    client:close()
    return count
  end

  -- So many times the example has looked what HAProxy has.
  local function wait_for_turns(balancer, more)
    local before = balancer:info().handlers.calls
    wait.for_that(function() return balancer:info().handlers.calls > before + more end, 30, "turns")
  end

  local function is_missing(program)
    if process.run({ "sh", "-c", "command -v " .. program }).code == 0 then return false end
    pending(program .. " is not installed")
    return true
  end

  it("is nginx: the example has its file written and read, reloaded in the middle", function()
    if is_missing "nginx" then return end
    process.write(folder .. "/web.cfg", "upstream web { server 127.0.0.1:9 down; }\n")
    local running = start_proxy("nginx", NGINX, { HTTP = "include " .. folder .. "/web.cfg;",
      LOCATION = "proxy_pass http://web;" })
    local path = process.write(folder .. "/script.lua", process.read(root .. "/examples/nginx.lua"))
    local balancer = node.start { script = path, args = { "--",
      "file=" .. folder .. "/web.cfg", "reload=kill -HUP " .. running.pid } }
    local a, b = backend.start "a", backend.start "b"
    local first = start_member(a, balancer)
    start_member(b, balancer)
    wait_for_answers("a", "b")
    assert.equal("web is maintenance\n", first:ask("service", "drain", "web").out)
    wait_for_answers "b"
    node.reload(path, { balancer })
    node.reload(first.script, { first }) -- what is drained stays drained
    wait_for_answers "b"
    assert.equal("web is passing\n", first:ask("service", "resume", "web").out)
    wait_for_answers("a", "b")
    b:signal "KILL"
    wait_for_answers "a"
    assert.is_falsy(running:ended())
  end)

  it("is nginx: the example keeps the last list when gossip fails", function()
    local script = process.write(folder .. "/script.lua", process.read(root .. "/examples/nginx.lua"))
    local balancer = node.start { script = script, config = "loopback", args = { "--",
      "file=" .. folder .. "/web.cfg", "reload=touch " .. folder .. "/reloaded" } }
    local a, b = backend.start "a", backend.start "b"
    local first, second = start_member(a, balancer, "loopback"), start_member(b, balancer, "loopback")
    local function has(...)
      local text = process.read(folder .. "/web.cfg") or ""
      for _, server in ipairs { ... } do
        if not text:find(server.host .. ":" .. server.port, 1, true) then return false end
      end
      return true
    end
    wait.for_that(function() return has(a, b) end, 20, "both servers")
    first:stop()
    second:stop()
    wait.for_that(function()
      return balancer:sees(first) == "down" and balancer:sees(second) == "down"
    end, 20, "failures")
    wait.for_that(function() return balancer:log():find("the last list is kept", 1, true) end, 10, "word")
    wait.for_that(function() return has(a, b) end, 10, "both servers, still")
    node.reload(script, { balancer })
    wait.for_that(function()
      return select(2, balancer:log():gsub("the last list is kept", "")) == 2
    end, 10, "word of the new version")
    assert.is_true(has(a, b))
    first:continue()
    second:continue()
    assert.equal(0, balancer:info().handlers.errors)
  end)

  it("is HAProxy: the example sets its slots, also when it was not there, and after a restart", function()
    if is_missing "haproxy" then return end
    local path = process.write(folder .. "/script.lua", process.read(root .. "/examples/haproxy.lua"))
    local balancer = node.start { script = path, args = { "--", "socket=" .. folder .. "/admin.sock" } }
    wait.for_that(function() return balancer:log():find("haproxy reason=", 1, true) end, 10, "complaint")
    local a, b = backend.start "a", backend.start "b"
    local first, second = start_member(a, balancer), start_member(b, balancer)
    local config = HAPROXY .. "backend web\n  server-template web 1-3 0.0.0.0:80 disabled\n"
    local running = start_proxy("haproxy", config)
    drain_and_kill(first, b)
    wait.for_that(function() return count_states { 1 } == 2 end, 20, "two slots without a server")
    -- then there is nothing left to say
    local said = select(2, balancer:log():gsub("haproxy was told", ""))
    wait_for_turns(balancer, 10)
    assert.equal(said, select(2, balancer:log():gsub("haproxy was told", "")))
    running:signal "TERM"
    running:wait(20)
    start_proxy("haproxy", config)
    wait_for_answers "a"
    node.reload(path, { balancer })
    assert.equal("web is maintenance\n", first:ask("service", "drain", "web").out)
    wait.for_that(function() return ask() == nil end, 20, "nobody")
    assert.equal(1, count_states { 8 })
    assert.equal("web is passing\n", first:ask("service", "resume", "web").out)
    wait_for_answers "a"
    assert.is_falsy(second.process:ended())
    assert.equal(0, balancer:info().handlers.errors)
  end)

  it("is HAProxy, which keeps its servers when gossip fails, and when the member is started again", function()
    if is_missing "haproxy" then return end
    local path = process.write(folder .. "/script.lua", process.read(root .. "/examples/haproxy.lua"))
    start_proxy("haproxy", HAPROXY .. "backend web\n  server-template web 1-3 0.0.0.0:80 disabled\n")
    local args = { "--", "socket=" .. folder .. "/admin.sock" }
    local balancer = node.start { script = path, args = args, config = "loopback" }
    local a, b = backend.start "a", backend.start "b"
    local first, second = start_member(a, balancer, "loopback"), start_member(b, balancer, "loopback")
    wait_for_answers("a", "b")
    local count = start_load()
    -- both members hang; the servers do not
    first:stop()
    second:stop()
    local function both_are(state)
      wait.for_that(function()
        return balancer:sees(first) == state and balancer:sees(second) == state
      end, 20, "both members " .. state)
    end
    both_are "down"
    wait.for_that(function() return balancer:log():find("the last list is kept", 1, true) end, 10, "word")
    wait_for_answers("a", "b") -- also the one whose member failed first
    first:continue()
    second:continue()
    both_are "alive"
    -- it leaves, and is back without knowing anybody
    balancer:signal "TERM"
    balancer:wait(20)
    assert.falsy(balancer:log():find(" error ", 1, true), balancer:log())
    balancer = node.start { script = path, args = args, config = "loopback" }
    wait.for_that(function() return balancer:log():find("2 servers are kept until", 1, true) end, 10, "word")
    wait_for_turns(balancer, 4)
    wait_for_answers("a", "b")
    balancer:signal "TERM"
    balancer:wait(20)
    balancer = node.start { script = path, args = args, config = "loopback", join = { first } }
    wait.for_that(function() return balancer:sees(second) == "alive" end, 20, "others")
    wait_for_turns(balancer, 4)
    wait_for_answers("a", "b")
    local _, failures, last = count()
    assert.equal(0, failures, last)
    -- what fails while others pass is out; when the last one leaves on purpose, what failed may still work
    second:signal "KILL"
    wait.for_that(function() return count_states { 1 } == 2 end, 20, "one server")
    wait_for_answers "a"
    first:signal "TERM"
    wait_for_answers "b"
  end)

  it("is HAProxy, and the example refuses an argument that it does not know", function()
    local path = process.write(folder .. "/script.lua", process.read(root .. "/examples/haproxy.lua"))
    local balancer = node.start { script = path, args = { "--", "sokcet=" .. folder .. "/admin.sock" } }
    wait.for_that(function() return balancer:log():find("unknown argument 'sokcet'", 1, true) end, 10, "complaint")
  end)

  local function start_dns()
    local balancer = node.start { args = { "--dns", "127.0.0.1:0" } }
    return balancer, balancer:info().dns.place
  end

  it("is HAProxy, which follows DNS with a server-template", function()
    if is_missing "haproxy" then return end
    local balancer, place = start_dns()
    local a, b = backend.start "a", backend.start "b"
    local first = start_member(a, balancer)
    start_member(b, balancer)
    start_proxy("haproxy", HAPROXY .. [[
backend web
  server-template web 3 _web._tcp.service.shoal resolvers shoal check inter 200ms
resolvers shoal
  nameserver local %DNS%
  accepted_payload_size 1232
  timeout resolve 200ms
  timeout retry 200ms
  hold valid 200ms
  hold obsolete 0s
]], { DNS = place })
    drain_and_kill(first, b)
  end)

  it("is nginx, whose resolver follows DNS", function()
    if is_missing "nginx" then return end
    local balancer, place = start_dns()
    local host = node.own_address():match "^(.*)%.%d+:"
    local a = backend.start("a", host .. ".2")
    local b = backend.start("b", host .. ".3", a.port)
    local first = start_member(a, balancer)
    start_member(b, balancer)
    start_proxy("nginx", NGINX, { HTTP = ("resolver %s valid=1s ipv6=off;"):format(place),
      LOCATION = ("set $web web.service.shoal; proxy_pass http://$web:%d;"):format(a.port) })
    drain_and_kill(first, b)
  end)
end)
