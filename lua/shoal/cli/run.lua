--- `shoal run SCRIPT`: a member of a cluster, until it is told to go.
--
-- What can be wrong is found in the order of how little it disturbs: the config and
-- the seeds, then the control socket, then the script and the UDP socket. Only then
-- do others hear of us. Whatever fails, nothing stays behind.

local config = require("shoal.cli.config")
local control = require("shoal.control")
local core = require("shoal.core")
local paths = require("shoal.cli.paths")
local seeds = require("shoal.cli.seeds")
local shoal = require("shoal")

local run = {}

-- shoal.start takes a word without a slash for a module's name.
local function script_path(script)
  return script:find("/", 1, true) and script or "./" .. script
end

local function log_options(request)
  local levels = request.log_level or os.getenv("SHOAL_LOG")
  if not levels or levels == "" then
    levels = "info"
  end
  return { levels = levels, format = request.log_format or "text" }
end

local function start_options(request, fields)
  return {
    handlers = script_path(request.script),
    bind = request.bind,
    advertise = request.advertise,
    join = request.join,
    name = request.name,
    cluster = request.cluster,
    config = fields,
    log = log_options(request),
  }
end

-- Says goodbye and ends the loop. The others are told by what close() still sends.
local function stop(node)
  if node:is_closed() then
    return
  end
  if node:connection() ~= "defunct" then
    node:leave()
  end
  node:close()
  shoal.stop()
end

-- INT and TERM: leave and stop. From the first on the system's own answer is back
-- in force, so that a second one ends us at once even when a handler hangs.
local function watch_signals(node)
  local watchers = {}
  local function on_end()
    for _, watcher in ipairs(watchers) do
      watcher:cancel()
    end
    stop(node)
  end
  watchers[1] = core.signal("INT", on_end)
  watchers[2] = core.signal("TERM", on_end)
  core.signal("HUP", function()
    node:reload("signal")
  end)
end

---@param request table
---@return true? ok
---@return string? message
function run.run(request)
  local fields, message = config.from(request)
  if not fields then
    return nil, message
  end
  local reachable
  reachable, message = seeds.check(request.join)
  if not reachable then
    return nil, message
  end
  local server
  server, message = control.listen(paths.control(request))
  if not server then
    return nil, message
  end
  local node
  node, message = shoal.start(start_options(request, fields))
  if not node then
    server:close()
    return nil, message
  end
  server:attach(node)
  server.on_leave = function()
    stop(node)
  end
  watch_signals(node)
  shoal.run()
  server:close()
  return true
end

return run
