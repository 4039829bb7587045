-- SPDX-License-Identifier: MIT
--- Running programs, hearing what they print line by line and when, and reading
-- from /proc what they use. What was started is ended by its pid, and by the
-- kernel should this process die first.
local dirent = require "posix.dirent"
local fcntl = require "posix.fcntl"
local ffi = require "ffi"
local poll = require "posix.poll"
local signal = require "posix.signal"
local socket = require "posix.sys.socket"
local syswait = require "posix.sys.wait"
local time = require "posix.time"
local unistd = require "posix.unistd"
local driver = require "bench.driver"
local unpack = unpack -- luacheck: std luajit

local PR_SET_PDEATHSIG = 1
local LONGEST_POLL = 50 -- ms
local MOMENT = 200 * 1000 -- ns

ffi.cdef "int prctl(int, unsigned long, unsigned long, unsigned long, unsigned long);"

local programs = { now = driver.now }

local Program = {}
Program.__index = Program

local running = {} -- by the descriptor of their output

-- ---- Starting and ending -----------------------------------------------------

local function become(command, input, output)
  ffi.C.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
  unistd.dup2(input, unistd.STDIN_FILENO)
  unistd.dup2(output, unistd.STDOUT_FILENO)
  unistd.dup2(output, unistd.STDERR_FILENO)
  local _, message = unistd.execp(command[1], { [0] = command[1], unpack(command, 2) })
  io.stderr:write(message, "\n")
end

local function new_pipe()
  local from, to = unistd.pipe()
  assert(from, to)
  for _, fd in ipairs { from, to } do
    assert(fcntl.fcntl(fd, fcntl.F_SETFD, fcntl.FD_CLOEXEC))
  end
  return from, to
end

--- Starts a command (a list of strings). `hear(line, now)` is called for every
-- line that it prints.
function programs.start(command, hear)
  local stdin, write = new_pipe()
  local read, stdout = new_pipe()
  io.stdout:flush()
  local pid = assert(unistd.fork())
  if pid == 0 then
    pcall(become, command, stdin, stdout)
    unistd._exit(127)
  end
  unistd.close(stdin)
  unistd.close(stdout)
  local self = setmetatable({ pid = pid, stdin = write, stdout = read, hear = hear, rest = "", said = "" }, Program)
  running[read] = self
  return self
end

--- Something for its stdin.
function Program:write(text)
  assert(unistd.write(self.stdin, text) == #text)
end

function Program:signal(name)
  assert(signal.kill(self.pid, signal["SIG" .. name]))
end

local function close(self)
  running[self.stdout] = nil
  unistd.close(self.stdin)
  unistd.close(self.stdout)
end

--- Ends it at once.
function Program:kill()
  if running[self.stdout] == self then
    self:signal "KILL"
    syswait.wait(self.pid)
    close(self)
  end
end

function programs.kill_all()
  for _, program in pairs(running) do
    program:kill()
  end
end

-- ---- Hearing ---------------------------------------------------------------------

local function take_lines(self, text, now)
  self.said = (self.said .. text):sub(-2000)
  self.rest = (self.rest .. text):gsub("([^\n]*)\n", function(line)
    if self.hear then
      self.hear(line, now)
    end
    return ""
  end)
end

local function hear_everybody(milliseconds)
  local fds = {}
  for fd in pairs(running) do
    fds[fd] = { events = { IN = true } }
  end
  if assert(poll.poll(fds, milliseconds)) == 0 then
    return
  end
  local now = driver.now()
  for fd, about in pairs(fds) do
    if about.revents.IN then
      take_lines(running[fd], assert(unistd.read(fd, 65536)), now)
    elseif about.revents.HUP then
      running[fd].ended = true
    end
  end
  for fd, about in pairs(fds) do
    if about.revents.HUP and running[fd].ended then
      syswait.wait(running[fd].pid)
      close(running[fd])
    end
  end
end

--- Listens until the condition holds, at most so many seconds; says whether it does.
-- With none of them it takes what is there.
function programs.listen(seconds, condition)
  local deadline = driver.now() + seconds
  repeat
    if condition and condition() then
      return true
    end
    local left = math.max(0, deadline - driver.now())
    hear_everybody(math.ceil(math.min(left * 1000, LONGEST_POLL)))
  until left == 0
  return condition ~= nil and condition()
end

--- The same; raises when it takes longer.
function programs.await(seconds, what, condition)
  if not programs.listen(seconds, condition) then
    error(("no %s within %g s"):format(what, seconds), 0)
  end
end

--- Runs a command to its end.
function programs.run(command)
  local program = programs.start(command)
  programs.await(60, "end of " .. command[1], function() return program.ended end)
  return program.said
end

-- ---- /proc -----------------------------------------------------------------------

local function read(path, ...)
  local file = io.open(path:format(...))
  local text = file and file:read "*a" or ""
  if file then
    file:close()
  end
  return text
end

local function threads(pid)
  local list = {}
  for _, name in ipairs(assert(dirent.dir(("/proc/%d/task"):format(pid)))) do
    list[#list + 1] = tonumber(name)
  end
  return list
end

--- What all threads of a process have used: seconds of processor time, and how
-- often one of them woke up.
function Program:used()
  local seconds, wakeups = 0, 0
  for _, thread in ipairs(threads(self.pid)) do
    local stat, status = read("/proc/%d/task/%d/schedstat", self.pid, thread),
      read("/proc/%d/task/%d/status", self.pid, thread)
    seconds = seconds + (tonumber(stat:match "^%d+") or 0) * 1e-9
    wakeups = wakeups + (tonumber(status:match "\nvoluntary_ctxt_switches:%s*(%d+)") or 0)
  end
  return seconds, wakeups
end

--- KiB: resident, and with what is shared divided by the number of sharers.
function Program:memory()
  local rollup = read("/proc/%d/smaps_rollup", self.pid)
  return tonumber(rollup:match "\nRss:%s*(%d+)"), tonumber(rollup:match "\nPss:%s*(%d+)")
end

--- A moment, while nobody is listened to.
function programs.pause()
  time.nanosleep { tv_sec = 0, tv_nsec = MOMENT }
end

--- Is there a UDP socket bound to that port?
function programs.is_bound(port)
  return read("/proc/self/net/udp"):find((":%04X "):format(port), 1, true) ~= nil
end

-- Binds a socket for a moment: the port, or nil.
local function try_port(kind, port)
  local fd = assert(socket.socket(socket.AF_INET, kind, 0))
  local bound = socket.bind(fd, { family = socket.AF_INET, addr = "127.0.0.1", port = port })
  local answer = bound and (port > 0 and port or assert(socket.getsockname(fd)).port)
  unistd.close(fd)
  return answer
end

local given = {}

--- A port of the loopback to which nobody is bound, by UDP or TCP, and which was not
-- given before: connections linger.
function programs.free_port()
  local port
  repeat
    port = try_port(socket.SOCK_DGRAM, 0)
  until port and not given[port] and try_port(socket.SOCK_STREAM, port)
  given[port] = true
  return port
end

--- How many processes wanted a processor in the last five minutes, on average.
function programs.load()
  return tonumber(read "/proc/loadavg":match "^%S+ (%S+)")
end

--- Packets and bytes that went through the loopback of our network namespace.
function programs.traffic()
  local fields = {}
  for field in read("/proc/self/net/dev"):match("lo:([^\n]*)"):gmatch "%d+" do
    fields[#fields + 1] = tonumber(field)
  end
  return { packets = fields[10], bytes = fields[9] }
end

return programs
