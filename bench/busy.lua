-- SPDX-License-Identifier: MIT
-- How long a ping waits for its answer while the member that is pinged has 100 programs
-- running and reads lines from 1,000 connections, a thousand lines a second. Milliseconds,
-- on loopback: the median, the 99th percentile and the worst of PINGS. The same where each
-- program ends after a second and is followed by another one, a hundred a second, and of
-- an idle member. What the pinger itself and the kernel make it wait is in there, too.
--
-- It takes 4,096 descriptors (`ulimit -n`), and nobody else on the machine; or, as root,
-- `nice -n -20 make bench ONLY=busy`: the programs are nicer than that.
local ffi = require "ffi"
local core = require "shoal.core"
local socket = require "socket"
local driver = require "bench.driver"

local PROGRAMS, CONNECTIONS, LINES_EVERY, PINGS, PAUSE = 100, 1000, 0.001, 2000, 0.002

local SCRIPT = [[
  local M = {}
  local function run(node)
    node:spawn({ "nice", "-n", "39", "sleep", tostring(node.args.seconds) }, run)
  end
  local function read(node)
    local c = assert(node:connect(node.args.server, 10))
    while c:read("*l", 1e6) do node.store.lines = (node.store.lines or 0) + 1 end
  end
  function M.on_start(node)
    for _ = 1, node.args.connections or 0 do node:go(read) end
    for i = 1, node.args.programs or 0 do node:after(node.args.apart * i, run) end
  end
  return M
]]

-- ---- A server of lines --------------------------------------------------------

ffi.cdef [[
  typedef struct { unsigned short family; char path[108]; } bench_address;
  int socket(int, int, int);
  int bind(int, const bench_address *, unsigned);
  int listen(int, int);
  int accept4(int, void *, void *, int);
  long write(int, const void *, size_t);
  int close(int);
]]

local AF_UNIX, SOCK_STREAM, SOCK_NONBLOCK = 1, 1, 2048

local function serve(path)
  local listener = ffi.C.socket(AF_UNIX, SOCK_STREAM + SOCK_NONBLOCK, 0)
  local address = ffi.new "bench_address"
  address.family = AF_UNIX
  ffi.copy(address.path, path)
  assert(ffi.C.bind(listener, address, ffi.sizeof(address)) == 0, "bind")
  assert(ffi.C.listen(listener, 4096) == 0, "listen")
  local clients, last, next_line = {}, 0, driver.now()
  local server = { clients = clients }
  -- Takes who comes, and sends the lines that are due.
  function server.turn()
    while true do
      local fd = ffi.C.accept4(listener, nil, nil, SOCK_NONBLOCK)
      if fd < 0 then break end
      clients[#clients + 1] = fd
    end
    while #clients > 0 and next_line < driver.now() do
      last = last % #clients + 1
      ffi.C.write(clients[last], "a line\n", 7)
      next_line = next_line + LINES_EVERY
    end
  end
  function server.close()
    for _, fd in ipairs(clients) do ffi.C.close(fd) end
    ffi.C.close(listener)
  end
  return server
end

-- ---- A member that pings --------------------------------------------------------

local function open_pinger(addr)
  local udp = assert(socket.udp())
  assert(udp:setsockname("127.0.0.1", 0))
  local host, port = udp:getsockname()
  local engine = assert(core.new { identity = core.stock_identity(host .. ":" .. port, 1), config = "lan" })
  local self = { engine = engine, udp = udp, addr = addr }

  local function send()
    for kind, _, bytes, _, endpoint in engine:effects() do
      if kind == "send" then
        local to_host, to_port = endpoint:match "^(.*):(%d+)$"
        udp:sendto(bytes, to_host, tonumber(to_port))
      end
    end
  end

  -- Whatever arrives within that time, and what is due.
  function self.step(seconds)
    udp:settimeout(seconds)
    local bytes = udp:receivefrom()
    local now = driver.now()
    if bytes then engine:receive(now, bytes) end
    if (engine:deadline() or math.huge) <= now then engine:tick(now) end
    send()
    return bytes
  end

  function self.announce()
    engine:announce(driver.now(), core.stock_identity(addr, 0))
    send()
  end
  return self
end

local function wait_for(what, condition, step)
  local deadline = driver.now() + 60
  while not condition() do
    assert(driver.now() < deadline, what)
    step()
  end
end

local function measure(pinger, server)
  local engine, codec, times = pinger.engine, core.codec, {}
  local member = engine:member(pinger.addr)
  for i = 1, PINGS do
    local number = i % 200
    local header = { kind = "ping", src = engine:identity(), src_incarnation = engine:self().incarnation,
      dst = member.id, dst_hash = core.hash_identity(member.id), number = number }
    local bytes = assert(codec.encode_header(header))
    local host, port = pinger.addr:match "^(.*):(%d+)$"
    local began = driver.now()
    pinger.udp:sendto(bytes, host, tonumber(port))
    local answered
    repeat
      local answer = pinger.step(1)
      local got = answer and codec.decode_header(answer)
      answered = not answer or (got and got.kind == "ack" and got.number == number)
    until answered
    times[i] = (driver.now() - began) * 1000
    local resume = driver.now() + PAUSE
    while driver.now() < resume do
      server.turn()
      pinger.step(0.0005)
    end
  end
  table.sort(times)
  return { times[math.floor(#times / 2)], times[math.floor(#times * 0.99)], times[#times] }
end

-- ---- One run ----------------------------------------------------------------------

local function read(path)
  local file = io.open(path)
  local text = file and file:read "*a" or ""
  if file then file:close() end
  return text
end

local function run(folder, args)
  local log, control = folder .. "/log", folder .. "/control"
  driver.write(folder .. "/script.lua", SCRIPT)
  os.remove(log) -- of the run before
  local start = ("ulimit -n 4096; %s/bin/shoal run %s/script.lua --bind 127.0.0.1:0 --control %s --max-children %d \z
    --log-level warn,host=info -- %s >%s 2>&1 & echo $! >%s/pid")
    :format(driver.build, folder, control, PROGRAMS, args, log, folder)
  os.execute(start)
  local server = serve(folder .. "/server")
  local addr
  wait_for("no start", function()
    addr = read(log):match "started bind=(%S+)"
    return addr
  end, function() socket.sleep(0.01) end)
  local pinger = open_pinger(addr)
  local wanted = tonumber(args:match "connections=(%d+)" or 0)
  wait_for("no connections", function() return #server.clients >= wanted end, function() server.turn() end)
  local again = 0
  wait_for("no member", function() return pinger.engine:member(addr) end, function()
    if driver.now() > again then
      pinger.announce()
      again = driver.now() + 1
    end
    server.turn()
    pinger.step(0.005)
  end)
  local resume = driver.now() + 2 -- the programs have begun
  while driver.now() < resume do
    server.turn()
    pinger.step(0.005)
  end
  local times = measure(pinger, server)
  os.execute(("kill -TERM $(cat %s/pid)"):format(folder))
  wait_for("no end", function() return read(log):find "closed" end, function() socket.sleep(0.01) end)
  server.close()
  os.remove(folder .. "/server")
  return times
end

local pipe = assert(io.popen "mktemp -d")
local folder = assert(pipe:read "*l")
pipe:close()

local function busy(seconds)
  return run(folder, ("programs=%d apart=%g seconds=%s connections=%d server=%s/server")
    :format(PROGRAMS, 1 / PROGRAMS, seconds, CONNECTIONS, folder))
end

driver.run(function()
  local all = {}
  for _, times in ipairs { busy "1000", busy "1", run(folder, "") } do
    for _, ms in ipairs(times) do all[#all + 1] = ms end
  end
  return table.concat(all, " ")
end, { cold = true })

os.execute("rm -r " .. folder)
