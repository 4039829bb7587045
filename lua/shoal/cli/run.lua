--- `shoal run SCRIPT`: a member of a cluster, until it is told to go.
--
-- What can be wrong is found in the order of how little it disturbs: the config and
-- the seeds, then the control socket, then the script and the UDP socket. Only then
-- do others hear of us. Whatever fails, nothing stays behind.

local config = require("shoal.cli.config")
local control = require("shoal.control")
local core = require("shoal.core")
local paths = require("shoal.cli.paths")
local script = require("shoal.cli.script")
local seeds = require("shoal.cli.seeds")
local shoal = require("shoal")
local supervisor = require("shoal.cli.supervisor")
local typed = require("shoal.cli.typed")

local run = {}

local DEFAULT_BIND = "127.0.0.1:0"

-- The exit code for a value that is wrong on its face.
local USAGE = 2

local function log_options(request)
  local levels = request.log_level or os.getenv("SHOAL_LOG")
  if not levels or levels == "" then
    levels = "info"
  end
  return { levels = levels, format = request.log_format or "text" }
end

-- systemd's StateDirectory=: may be several folders, of which the first is for us.
local function state_directory()
  local folders = os.getenv("STATE_DIRECTORY")
  return folders and folders:match("^[^:]+") or nil
end

local function start_options(request, fields, on_error)
  return {
    handlers = script.path(request.script),
    bind = request.bind or DEFAULT_BIND,
    advertise = request.advertise,
    join = request.join,
    name = request.name,
    cluster = request.cluster,
    config = fields,
    busy_limit = request.busy_limit,
    key_file = request.key_file,
    key_fd = request.key_fd,
    clock_skew = request.clock_skew,
    user = request.user,
    group = request.group,
    allow = #request.allow > 0 and request.allow or nil,
    key_grace = request.key_grace,
    data_dir = request.data_dir or state_directory(),
    snapshot_every = request.snapshot_every,
    tags = typed.map(request.tags),
    max_children = request.max_children,
    args = typed.arguments(request.words),
    log = log_options(request),
    on_error = on_error,
  }
end

local OPTIONS = { bind = true, advertise = true, join = true, user = true, data_dir = true }

-- Which option an error is about, unless it says so itself.
local function name_option(message, code)
  if OPTIONS[code] and not message:find(code, 1, true) then
    return ("--%s: %s"):format(code:gsub("_", "-"), message)
  end
  return message
end

-- What shoal.start takes for misuse by a program is for us a value that somebody
-- typed, unless it was in the environment: it raises "shoal.start: what is wrong".
local function start(options, request)
  local ok, node, message, code = pcall(shoal.start, options)
  if not ok then
    local complaint = tostring(node):match("shoal%.start: (.*)$")
    if not complaint then
      error(node, 0)
    end
    local level = complaint:match("^log: option 'levels': (.*)$")
    if level and not request.log_level then
      return nil, "SHOAL_LOG: " .. level
    end
    local network = complaint:match("^option 'allow': (.*)$")
    if network then
      return nil, "--allow: " .. network, USAGE
    end
    return nil, level and "--log-level: " .. level or complaint, USAGE
  end
  if not node and code == "script" then
    message = script.name(options.handlers, message)
  end
  if node then
    return node
  end
  local of_tags = #request.tags > 0 and message:match("^tags: (.*)$")
  if of_tags then
    return nil, "--tag: " .. of_tags, USAGE
  end
  return nil, name_option(message, code), code == "advertise" and USAGE or nil
end

-- Says goodbye and ends the loop. The others are told by what close() still sends.
local function stop(node)
  if node:is_closed() then
    return
  end
  supervisor.stopping(node)
  if node:connection() ~= "defunct" then
    node:leave()
  end
  node:close()
  shoal.stop()
end

local function act_on(signal, node)
  if signal ~= "HUP" then
    stop(node)
  elseif not node:is_closed() then
    supervisor.reloading(node, function()
      node:reload("signal")
    end)
  end
end

-- INT and TERM: leave and stop; HUP: reload. Those that come while the script is still
-- starting wait until the function that this returns is given the node. That a second
-- INT or TERM ends us at once, even when a handler hangs, is core.signal's doing.
local function watch_signals()
  local node, came = nil, {}
  for _, signal in ipairs({ "INT", "TERM", "HUP" }) do
    local watcher, message = core.signal(signal, function()
      if node then
        act_on(signal, node)
      else
        came[#came + 1] = signal
      end
    end)
    if not watcher then
      return nil, message
    end
  end
  return function(started)
    node = started
    for _, signal in ipairs(came) do
      act_on(signal, node)
    end
  end
end

-- The engine has said where it listens; this is the rest of what an operator wants.
local function announce(node, path, server)
  local loaded = node:info().script
  node:log("info", "running", {
    script = loaded.path, hash = loaded.hash, control = path, http = server.http and server.http:stats().place,
    dns = server.dns and server.dns:stats().place,
  })
end

-- With a reader of JSON and more: most members have none.
local function listen_status(request)
  return require("shoal.serve.status").listen(request.status, {
    mode = request.status_mode, group = request.status_group, user = request.user,
  })
end

local function listen_http(request)
  local http = require("shoal.serve.http")
  local server, message = http.listen(request.http, {
    public = request.http_public, token_file = request.http_token_file, user = request.user,
  })
  return server, message and "--http: " .. message
end

local function listen_dns(request)
  local dns = require("shoal.serve.dns")
  local server, message = dns.listen(request.dns, {
    public = request.dns_public, domain = request.domain, ttl = request.dns_ttl,
  })
  local is_domain = message and message:find("is not a domain", 1, true)
  return server, message and (is_domain and "--domain: " or "--dns: ") .. message
end

local LISTENERS = {
  { name = "status", listen = listen_status },
  { name = "http", listen = listen_http },
  { name = "dns", listen = listen_dns },
}

local function close(server)
  server:close()
  for _, one in ipairs(LISTENERS) do
    if server[one.name] then
      server[one.name]:close()
    end
  end
end

-- The control socket, and those for everybody, if they are asked for.
local function listen(request, path, access)
  if request.status == path then
    return nil, ("--status: %s is the control socket: give it a path of its own"):format(path), USAGE
  end
  local server, message = control.listen(path, access)
  if not server then
    return nil, paths.advise(request, message)
  end
  for _, one in ipairs(LISTENERS) do
    if request[one.name] then
      server[one.name], message = one.listen(request)
      if not server[one.name] then
        close(server)
        return nil, message
      end
    end
  end
  return server
end

local function attach(server, node)
  server:attach(node)
  for _, one in ipairs(LISTENERS) do
    if server[one.name] then
      server[one.name]:attach(node)
    end
  end
end

local OWNER = tonumber("600", 8)

-- The socket gets the group of the member, too; but whoever is in that controls the member only if
-- that is said.
local function access_of(request)
  return {
    mode = request.control_mode or (not request.control_group and OWNER or nil),
    group = request.control_group or request.group,
    user = request.user,
  }
end

---@param request table
---@return true? ok
---@return string? message, integer? code
function run.run(request)
  if not request.status and (request.status_mode or request.status_group) then
    return nil, "--status-mode and --status-group are about the socket of --status PATH", USAGE
  end
  if not request.http and (request.http_public or request.http_token_file) then
    return nil, "--http-public and --http-token-file are about the listener of --http WHERE", USAGE
  end
  if not request.dns and (request.dns_public or request.dns_ttl or request.domain) then
    return nil, "--dns-public, --dns-ttl and --domain are about the listener of --dns WHERE", USAGE
  end
  local fields, message, code = config.from(request)
  if not fields then
    return nil, message, code
  end
  local reachable
  reachable, message, code = seeds.check(request.join, request.bind or DEFAULT_BIND)
  if not reachable then
    return nil, code == "family" and not request.bind and message .. ": give --bind" or message
  end
  io.stdout:setvbuf("line") -- what a script prints is read from a file or a pipe while it runs
  local obey_signals
  obey_signals, message = watch_signals() -- from here on there is something to clean up
  if not obey_signals then
    return nil, message
  end
  local path
  local access = access_of(request)
  path, message = paths.trusted(request, true, access)
  if not path then
    return nil, message
  end
  local server
  server, message, code = listen(request, path, access)
  if not server then
    return nil, message, code
  end
  local node, failure
  local function on_error(what, why)
    failure = what == "socket" and why or failure
  end
  node, message, code = start(start_options(request, fields, on_error), request)
  if not node then
    close(server)
    return nil, message, code
  end
  attach(server, node)
  server.on_leave = function()
    stop(node)
  end
  announce(node, path, server)
  supervisor.ready(node)
  obey_signals(node)
  shoal.run()
  close(server)
  if failure then
    return nil, failure
  end
  return true
end

return run
