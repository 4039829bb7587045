--- Real members for specs: `shoal run` processes on loopback, asked and watched
-- through the command line.
--
--   local node = require "spec.support.node"
--   after_each(node.cleanup)
--
--   local a = node.start {}                       -- runs an empty script
--   local b = node.start { script = path, join = { a }, args = { "--cluster", "blue" } }
--   wait.for_that(function() return a:sees(b) == "alive" end, 2)
--
-- start{ script=path, source=text, config=, join={members or endpoints}, name=, bind=,
--        control=, args={more arguments}, env={}, within={words before the program} }
-- The port is the system's choice, the control socket is in a folder of its own.
--
-- Without a config, it is loopback's, but so patient that nobody is suspected or
-- found down because the machine is busy. Specs about that say config="loopback".

local dkjson = require "dkjson"
local process = require "spec.support.process"
local unistd = require "posix.unistd"
local wait = require "spec.support.wait"
local unpack = table.unpack or unpack -- luacheck: std max

local node = { cleanup = process.cleanup }

local Node = {}
Node.__index = Node

local READY_WITHIN = 5
local PATIENT = { "loopback", "--set", "probe_period=10", "--set", "suspect_to_down_after=3600" }

--- Where to bind a member that is to be started again: the port of one that has ended
-- is free, but on an address of this process nobody else is given it meanwhile.
function node.own_address()
  local pid = unistd.getpid()
  return ("127.%d.%d.1:0"):format(64 + pid % 128, math.floor(pid / 128) % 256)
end

local function arguments(options, control, script)
  local list = { env = options.env }
  local function add(...)
    for _, argument in ipairs { ... } do
      list[#list + 1] = argument
    end
  end
  add(unpack(options.within or {}))
  add(process.shoal, "run", script, "--bind", options.bind or "127.0.0.1:0")
  add("--control", control, "--config", unpack(options.config and { options.config } or PATIENT))
  for _, seed in ipairs(options.join or {}) do
    add("--join", type(seed) == "table" and seed.addr or seed)
  end
  if options.name then
    add("--name", options.name)
  end
  for _, argument in ipairs(options.args or {}) do
    add(argument)
  end
  return list
end

--- Starts a member without waiting for anything.
function node.launch(options)
  local folder = process.tempdir()
  local script = options.script
    or process.write(folder .. "/script.lua", options.source or "return {}\n")
  local control = options.control or folder .. "/control.sock"
  return setmetatable({
    process = process.start(arguments(options, control, script)),
    control = control,
    script = script,
    name = options.name,
  }, Node)
end

--- Starts a member and waits until it answers: then `addr` is known.
function node.start(options)
  local self = node.launch(options)
  local info = wait.for_that(function()
    if self.process:ended() then
      error(("the member ended (%s): %s"):format(self.process.code, self:log()), 0)
    end
    return self:try "info"
  end, READY_WITHIN, "answer of a new member")
  self.addr, self.pid = info.addr, self.process.pid
  return self
end

--- `count` members, all joining through the first.
function node.start_cluster(count, options)
  local members = {}
  for i = 1, count do
    local own = { join = { members[1] } }
    for key, value in pairs(options or {}) do
      own[key] = value
    end
    members[i] = node.start(own)
  end
  return members
end

-- ---- Asking -----------------------------------------------------------------

-- A member may be busy, and the machine, too.
local PATIENCE = { "--timeout", "60" } -- seconds

local function has_timeout(words)
  for _, word in ipairs(words) do
    if word == PATIENCE[1] then
      return true
    end
  end
  return false
end

--- `shoal <command> --control … <arguments>`: { code=, out=, err= }.
function Node:ask(command, ...)
  local words = { process.shoal, command, "--control", self.control, ... }
  if not has_timeout(words) then
    words[#words + 1] = PATIENCE[1]
    words[#words + 1] = PATIENCE[2]
  end
  return process.run(words)
end

--- The decoded answer of `shoal <command> --json`, or nil and its complaint.
function Node:try(command, ...)
  local answer = self:ask(command, "--json", ...)
  if answer.code ~= 0 then
    return nil, answer.err
  end
  return dkjson.decode(answer.out)
end

function Node:info()
  return assert(self:try "info")
end

--- What it knows of others; with `true` the down ones too.
function Node:members(all)
  return assert(self:try("members", all and "--all" or nil))
end

--- "alive", "suspect", "down", or nil.
function Node:sees(other)
  local addr = type(other) == "table" and other.addr or other
  for _, member in ipairs(self:members(true)) do
    if member.addr == addr then
      return member.state
    end
  end
  return nil
end

--- Does every member see all the others alive, and nobody else active?
function node.converged(members)
  for _, member in ipairs(members) do
    local alive = {}
    for _, known in ipairs(member:members()) do
      alive[known.addr] = known.state == "alive"
    end
    for _, other in ipairs(members) do
      if other ~= member and not alive[other.addr] then
        return false, ("%s does not see %s alive"):format(member.addr, other.addr)
      end
      alive[other.addr] = nil
    end
    if next(alive) then
      return false, ("%s also sees %s"):format(member.addr, next(alive))
    end
  end
  return true
end

--- Adds a line to the script of members that run it, and waits until all have reloaded it.
function node.reload(path, members)
  local before = {}
  for i, member in ipairs(members) do
    before[i] = member:info().script.generation
  end
  process.write(path, process.read(path) .. "-- another version\n")
  for i, member in ipairs(members) do
    wait.for_that(function()
      return member:info().script.generation > before[i], member:log()
    end, 20, "reload")
  end
end

-- ---- Watching ---------------------------------------------------------------

--- Its log so far.
function Node:log()
  return self.process:stderr()
end

--- Starts `shoal monitor --json`: from when this returns no event is missed.
function Node:watch()
  local monitors = self:info().control.monitors
  self.monitor = process.start { process.shoal, "monitor", "--control", self.control, "--json", unpack(PATIENCE) }
  wait.for_that(function()
    return self:info().control.monitors > monitors
  end, READY_WITHIN, "monitor")
end

--- The events since watch(), oldest first.
function Node:events()
  local events = {}
  for line in self.monitor:stdout():gmatch("([^\n]*)\n") do
    events[#events + 1] = assert(dkjson.decode(line), line)
  end
  return events
end

--- The first event of a name, about a member if one is given, or nil.
function Node:heard(event, about)
  local addr = type(about) == "table" and about.addr or about
  for _, seen in ipairs(self:events()) do
    if seen.event == event and (not addr or (seen.member or {}).addr == addr) then
      return seen
    end
  end
  return nil
end

-- ---- Ending -----------------------------------------------------------------

function Node:stop()
  self.process:stop()
end

function Node:continue()
  self.process:continue()
end

function Node:signal(name)
  self.process:signal(name)
end

function Node:wait(seconds)
  return self.process:wait(seconds)
end

return node
