--- Real nodes on loopback in this process, and a folder for their scripts.
--
--   local stage = stages.new()
--   local path = stage:write("service.lua", "return {}")
--   local node = stage:start { handlers = path }
--   stage:wait(function() return node:num_members() == 1 end)
--   stage:close()                   closes the nodes, removes the folder
--
-- The loop runs only inside wait() and step(): between them nothing happens.
--
-- Without a config, it is loopback's, but so patient that nobody is suspected or
-- found down because the machine is busy. Specs about that say config = "loopback".
local lfs = require "lfs" -- busted's own; posix is not there for every Lua
local shoal = require "shoal"
local wait = require "spec.support.wait"

local stages = {}
local Stage = {}
Stage.__index = Stage

local PATIENCE = 10
local PATIENT = { preset = "loopback", probe_period = 10, suspect_to_down_after = 3600 }

local function make_folder()
  local pipe = assert(io.popen("mktemp -d"))
  local path = assert(pipe:read("*l"))
  pipe:close()
  return path
end

function stages.new()
  return setmetatable({ nodes = {}, folder = make_folder() }, Stage)
end

-- Each line is put together, as for a log that is read; and nobody reads it.
local function heard() end

--- shoal.start with quiet, quick defaults; fails the spec when it fails.
function Stage:start(options)
  local node, message = self:try_start(options)
  return assert(node, message)
end

function Stage:try_start(options)
  local all = { bind = "127.0.0.1:0", config = PATIENT, log = heard }
  for key, value in pairs(options or {}) do all[key] = value end
  local node, message, code = shoal.start(all)
  if node then self.nodes[#self.nodes + 1] = node end
  return node, message, code
end

function Stage:path(name)
  return self.folder .. "/" .. name
end

--- Writes a file in place.
function Stage:write(name, text)
  local path = self:path(name)
  local file = assert(io.open(path, "w"))
  assert(file:write(text))
  file:close()
  return path
end

--- As editors do: another file, then rename.
function Stage:replace(name, text)
  self:write(name .. ".tmp", text)
  assert(os.rename(self:path(name .. ".tmp"), self:path(name)))
end

function Stage.step(_, seconds)
  shoal.step(seconds or 0)
end

--- How many descriptors this process has open.
function stages.descriptors()
  local count = 0
  for _ in lfs.dir("/proc/self/fd") do count = count + 1 end
  return count
end

Stage.descriptors = stages.descriptors

--- Runs the loop until the condition holds; fails the spec when it does not in
--- time. Answers what the condition did.
function Stage.wait(_, condition, what, seconds)
  local deadline = wait.now() + (seconds or PATIENCE) * wait.slowness
  while true do
    local late = wait.now() > deadline -- read first: see wait.lua
    local answer = condition()
    if answer then return answer end
    if late then
      error("waited in vain" .. (what and " for " .. what or ""), 2)
    end
    shoal.step(0.02)
  end
end

--- Runs the loop for a while: only to see that something does not happen.
function Stage.idle(_, seconds)
  local deadline = wait.now() + seconds
  repeat shoal.step(0.01) until wait.now() > deadline
end

--- The lines that are written to standard error, which is the log, while the
--- function runs and until the nodes are closed.
function Stage:capture(body)
  local fcntl, unistd = require "posix.fcntl", require "posix.unistd"
  local path = self:path("log")
  local kept = unistd.dup(2)
  local fd = assert(fcntl.open(path, fcntl.O_CREAT + fcntl.O_WRONLY + fcntl.O_TRUNC + fcntl.O_APPEND, 384))
  unistd.dup2(fd, 2)
  unistd.close(fd)
  local ok, message = pcall(body)
  self:close_nodes()
  unistd.dup2(kept, 2)
  unistd.close(kept)
  if not ok then error(message, 0) end
  local lines = {}
  for line in io.lines(path) do lines[#lines + 1] = line end
  return lines
end

function Stage:close_nodes()
  for _, node in ipairs(self.nodes) do node:close() end
  self.nodes = {}
end

function Stage:close()
  self:close_nodes()
  os.execute("rm -rf '" .. self.folder .. "'")
end

return stages
