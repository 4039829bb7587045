--- Real processes for specs: started with their output in files of a fresh
-- folder, ended by pid, and never left behind.
--
--   local process = require "spec.support.process"
--   after_each(process.cleanup)
--
--   local p = process.start { process.shoal, "run", script, "--bind", "127.0.0.1:0" }
--   p:wait_for("started", 5)      -- a pattern in its stderr
--   p:signal "TERM"
--   assert.equal(0, p:wait(5))
--
--   local done = process.run { process.shoal, "version" }   -- { code=, out=, err= }
--
-- Options beside the arguments: env = { NAME = value or false }, cwd = folder,
-- stdin = text.

local fcntl = require "posix.fcntl"
local signal = require "posix.signal"
local stdlib = require "posix.stdlib"
local syswait = require "posix.sys.wait"
local unistd = require "posix.unistd"
local wait = require "spec.support.wait"
local unpack = table.unpack or unpack -- luacheck: std max

local process = {}

process.source = os.getenv("SHOAL_SOURCE") or unistd.getcwd()

--- What an interpreter that loads the module needs as env.LD_PRELOAD when the
-- build is a sanitized one; false otherwise.
process.preload = os.getenv("SHOAL_PRELOAD") or false

--- Which build's program is `process.shoal`.
function process.use(build)
  process.build = build:sub(1, 1) == "/" and build or process.source .. "/" .. build
  process.shoal = process.build .. "/bin/shoal"
end

process.use(os.getenv("SHOAL_BUILD") or "build")

--- The interpreter that runs the specs.
process.lua = os.getenv("SHOAL_LUA") or "luajit"

local Process = {}
Process.__index = Process

--- Called in a child before it becomes somebody else.
process.on_fork = function() end

-- What cleanup() has to see to.
local processes, folders = {}, {}

-- ---- Files ------------------------------------------------------------------

--- A new empty folder, gone after cleanup().
function process.tempdir()
  local folder = assert(stdlib.mkdtemp((os.getenv("TMPDIR") or "/tmp") .. "/shoal-XXXXXX"))
  folders[#folders + 1] = folder
  return folder
end

function process.read(path)
  local file = io.open(path, "rb")
  if not file then
    return nil
  end
  local content = file:read("*a")
  file:close()
  return content
end

function process.write(path, content)
  local file = assert(io.open(path, "wb"))
  assert(file:write(content))
  assert(file:close())
  return path
end

-- ---- The child's side -------------------------------------------------------

--- Linux can end a child together with us, should we be killed in the middle
-- of a spec; only LuaJIT can ask for it.
local function die_with_parent()
  local has_ffi, ffi = pcall(require, "ffi")
  if has_ffi and ffi.os == "Linux" then
    local PR_SET_PDEATHSIG = 1
    pcall(ffi.cdef, "int prctl(int, unsigned long, unsigned long, unsigned long, unsigned long);")
    ffi.C.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
  end
end

local function redirect(fd, path, flags)
  local opened = assert(fcntl.open(path, flags, tonumber("600", 8)))
  assert(unistd.dup2(opened, fd))
  unistd.close(opened)
end

local function become(options, folder)
  unistd.setpid("p", 0, 0)
  process.on_fork()
  die_with_parent()
  redirect(unistd.STDIN_FILENO, options.stdin and folder .. "/stdin" or "/dev/null", fcntl.O_RDONLY)
  local fresh = fcntl.O_WRONLY + fcntl.O_CREAT + fcntl.O_TRUNC + fcntl.O_APPEND
  redirect(unistd.STDOUT_FILENO, folder .. "/stdout", fresh)
  redirect(unistd.STDERR_FILENO, folder .. "/stderr", fresh)
  if options.cwd then
    assert(unistd.chdir(options.cwd))
  end
  for name, value in pairs(options.env or {}) do
    stdlib.setenv(name, value or nil)
  end
  local _, message = unistd.execp(options[1], { [0] = options[1], unpack(options, 2) })
  io.stderr:write(message, "\n")
end

-- ---- Starting ---------------------------------------------------------------

function process.start(options)
  local folder = process.tempdir()
  if options.stdin then
    process.write(folder .. "/stdin", options.stdin)
  end
  for _, name in ipairs { "stdout", "stderr" } do
    process.write(folder .. "/" .. name, "")
  end
  io.stdout:flush()
  local pid = assert(unistd.fork())
  if pid == 0 then
    pcall(become, options, folder)
    unistd._exit(127)
  end
  local self = setmetatable({ pid = pid, folder = folder, command = table.concat(options, " ") }, Process)
  processes[#processes + 1] = self
  return self
end

-- A process that has ended and told all it had to tell.
local function release(self)
  for _, name in ipairs { "stdin", "stdout", "stderr" } do
    unistd.unlink(self.folder .. "/" .. name)
  end
  unistd.rmdir(self.folder)
  for i = #processes, 1, -1 do
    if processes[i] == self then
      table.remove(processes, i)
    end
  end
  for i = #folders, 1, -1 do
    if folders[i] == self.folder then
      table.remove(folders, i)
    end
  end
end

--- Runs something to its end: { code=, out=, err= }; `code` is a name like
-- "KILL" when a signal ended it.
function process.run(options)
  local self = process.start(options)
  local code = self:wait(options.seconds or 20)
  local report = self:sanitizer_report()
  assert(not report, report)
  local result = { code = code, out = self:stdout(), err = self:stderr() }
  release(self)
  return result
end

--- What `shoal <arguments>` answers.
function process.cli(...)
  return process.run { process.shoal, ... }
end

-- ---- A process --------------------------------------------------------------

function Process:stdout()
  return process.read(self.folder .. "/stdout")
end

function Process:stderr()
  return process.read(self.folder .. "/stderr")
end

local function signal_name(number)
  for name, value in pairs(signal) do
    if value == number and name:match("^SIG%u") then
      return name:sub(4)
    end
  end
  return tostring(number)
end

--- Has it ended? Then its exit code, or the name of the signal.
function Process:ended()
  if self.code == nil then
    local pid, how, status = syswait.wait(self.pid, syswait.WNOHANG)
    if pid == self.pid and how == "exited" then
      self.code = status
    elseif pid == self.pid and how == "killed" then
      self.code = signal_name(status)
    end
  end
  return self.code
end

--- Waits for its end; raises when it does not come.
function Process:wait(seconds)
  return wait.for_that(function()
    return self:ended(), self:stderr()
  end, seconds, ("end of `%s`"):format(self.command))
end

--- Waits until a Lua pattern is found in its stderr (or, with "stdout", there);
-- the match or the first capture.
function Process:wait_for(pattern, seconds, stream)
  local read = self[stream or "stderr"]
  return wait.for_that(function()
    local found = read(self):match(pattern)
    if not found and self:ended() then
      error(("`%s` ended (%s) without %q: %s"):format(self.command, tostring(self.code), pattern,
        self:stderr()), 0)
    end
    return found, read(self)
  end, seconds, ("%q of `%s`"):format(pattern, self.command))
end

--- p:signal "TERM". A process that has ended is left alone.
function Process:signal(name)
  if not self:ended() then
    assert(signal.kill(self.pid, signal["SIG" .. name]))
  end
end

--- Halts it. What is sent to it from here on waits until it goes on.
function Process:stop()
  self:signal "STOP"
  wait.for_that(function()
    -- behind the program's name, which may hold anything
    return process.read(("/proc/%d/stat"):format(self.pid)):match(".*%) (%u)") == "T"
  end, 5, ("halt of `%s`"):format(self.command))
end

function Process:continue()
  self:signal "CONT"
end

--- Ends it at once, with whatever it started, and waits for that: what still ends has
-- its sockets.
function Process:kill()
  self:signal "KILL"
  signal.killpg(self.pid, signal.SIGKILL) -- there may be nobody left: fine
  self:wait(5)
  -- In a container perhaps nobody takes those that have ended, and they stay.
  pcall(wait.for_that, function() return not signal.killpg(self.pid, 0) end, 0.1, "end of its group")
end

--- What a sanitizer had to say about it, or nil.
function Process:sanitizer_report()
  local text = self:stderr()
  return text and (text:match("[^\n]*Sanitizer: .*") or text:match("[^\n]*runtime error: .*"))
end

-- ---- Afterwards -------------------------------------------------------------

local function remove(folder)
  os.execute(("rm -rf -- '%s'"):format(folder:gsub("'", [['\'']])))
end

--- A program that starts processes: runs it to its end, ends what it has started, and
-- exits with 0 if it returned true.
function process.main(run)
  local ok, result = xpcall(run, debug.traceback)
  process.cleanup()
  if not ok then
    io.stderr:write(result, "\n")
  end
  os.exit(ok and result and 0 or 1)
end

--- For after_each: ends what still runs, removes the folders; raises when a
-- sanitizer complained in one of the processes.
function process.cleanup()
  local ended, emptied, complaints = processes, folders, {}
  processes, folders = {}, {}
  for _, p in ipairs(ended) do
    local killed, why = pcall(p.kill, p)
    local complaint = not killed and why or p:sanitizer_report()
    if complaint then
      complaints[#complaints + 1] = ("`%s`: %s"):format(p.command, complaint)
    end
  end
  for _, folder in ipairs(emptied) do
    remove(folder)
  end
  if #complaints > 0 then
    error(table.concat(complaints, "\n"), 0)
  end
end

-- What a spec forgot, or did not come to, is seen to when the Lua state closes.
local function at_close(fn)
  if newproxy then -- luacheck: std lua51
    local sentinel = newproxy(true) -- luacheck: std lua51
    getmetatable(sentinel).__gc = fn
    return sentinel
  end
  return setmetatable({}, { __gc = fn })
end

process.sentinel = at_close(function()
  pcall(process.cleanup)
end)

return process
