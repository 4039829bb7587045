--- The status socket of a running node: what the control socket tells, for everybody,
-- and nothing that changes anything.
--
-- A client speaks MessagePack-RPC, or JSON, one request a line; what it begins with
-- decides (docs/operating.md has both). `watch` is for whoever keeps a copy of the
-- list of members: it answers when that has changed since.

local control = require("shoal.control")
local core = require("shoal.core")
local history = require("shoal.serve.history")
local json = require("shoal.format.json")
local json_read = require("shoal.format.json_read")
local text = require("shoal.format.text")
local waiting = require("shoal.serve.waiting")

local status = {}

---@class shoal.Status
---@field node? shoal.Node
---@field private listener shoal.Server
---@field private watching table<integer, shoal.Peer> those that monitor by MessagePack-RPC,
---@field private lines table<integer, shoal.Peer> by lines
---@field private waiting shoal.Waiting those that watch, by their peer
---@field private past shoal.History
local Status = {}
Status.__index = Status

local LATER = {}

-- ---- Answers ----

-- A client of either kind: { peer=, id=, is_lines= }.
local function respond(client, failure, result)
  if not client.is_lines then
    client.peer:respond(client.id, failure, result)
    return
  end
  local answer = { id = client.id, error = failure, result = result }
  client.peer:write(json.encode_object(answer, { "id", "error", "result" }) .. "\n")
end

-- ---- The methods: as those of control.lua ----

local methods = {
  members = control.methods.members,
  version = control.methods.version,
  services = control.methods.services,
}

methods.info = {
  run = function(self)
    return self.node:info()
  end,
}

methods.tags = {
  run = function(self)
    return self.node:tags()
  end,
}

local function all(self)
  return { view = self.past.view, members = control.methods.members.run(self, {}) }
end

methods.view = { run = all }

methods.monitor = {
  run = function(self, _, client)
    local set = client.is_lines and self.lines or self.watching
    set[client.peer:id()] = client.peer
    return true
  end,
}

methods.unmonitor = {
  run = function(self, _, client)
    self.lines[client.peer:id()], self.watching[client.peer:id()] = nil, nil
    return true
  end,
}

local function begin_watch(self, client, since, seconds)
  local peer_id = client.peer:id()
  if self.waiting:get(peer_id) then
    return nil, "one watch at a time for each connection", "full"
  end
  self.waiting:put(self.node, peer_id, { client = client, since = since }, seconds, function()
    respond(client, nil, { view = self.past.view, joined = {}, left = {}, changed = {} })
  end)
  return LATER
end

local MAX_SECONDS = 3600

methods.watch = {
  params = { "number", "number" },
  optional = 1,
  run = function(self, params, client)
    local since, seconds = params[1], params[2]
    if seconds and not (seconds > 0 and seconds <= MAX_SECONDS) then
      return nil, ("the seconds to wait must be more than 0, and at most %d"):format(MAX_SECONDS), "invalid_params"
    elseif since == self.past.view then
      return begin_watch(self, client, since, seconds)
    end
    return self.past:changes(since) or all(self)
  end,
}

-- ---- Requests ----

local function on_request(self, client, name, params)
  local result, message, code = control.perform(methods, self, name, params, client)
  if result == LATER then
    return
  elseif result == nil then
    respond(client, { code = code or "failed", message = message })
  else
    respond(client, nil, result)
  end
end

-- { method=, params=, id= }; or a method's name alone, as people type it.
local function read_line(line)
  local word = line:match("^%s*(%l+)%s*$")
  if word then
    return { method = word }
  end
  local request, wrong = json_read.decode(line)
  if type(request) ~= "table" or type(request.method) ~= "string" then
    return nil, wrong or "not an object with a method"
  elseif request.params ~= nil and not (type(request.params) == "table" and text.is_array(request.params)) then
    return nil, "params must be an array"
  end
  return request
end

local function on_line(self, peer, line)
  if not line:find("%S") then
    return
  end
  local request, wrong = read_line(line)
  local client = { peer = peer, is_lines = true, id = request and request.id }
  if request then
    on_request(self, client, request.method, request.params or {})
  else
    respond(client, { code = "invalid_params", message = wrong })
  end
end

-- ---- Events ----

local function tell_monitors(self, ...)
  if next(self.watching) == nil and next(self.lines) == nil then
    return
  end
  local report = control.describe(...)
  self.listener:publish(self.watching, "event", { report })
  local line = json.encode_object({ method = "event", params = { report } }, { "method" }) .. "\n"
  for _, peer in pairs(self.lines) do
    peer:write(line)
  end
end

-- The lists are for all that know the same view, so they are made once for each.
local function on_view(self)
  local made = {}
  for _, peer_id in ipairs(self.waiting:keys()) do
    local watch = self.waiting:take(peer_id)
    if watch then
      made[watch.since] = made[watch.since] or self.past:changes(watch.since) or all(self)
      respond(watch.client, nil, made[watch.since])
    end
  end
end

-- ---- Life ----

--- Listens at `path`; requests are answered once a node is attached. `nil, message`: it
--- cannot be used, or there is no such group.
---@param path string
---@param options? shoal.ControlAccess  the mode is 0666, or 0660 with a group
---@return shoal.Status?, string? message, string? code
function status.listen(path, options)
  options = options or {}
  local self = setmetatable({ watching = {}, lines = {}, waiting = waiting.new() }, Status)
  local listener, message, code = core.control_listen(path, {
    on_request = function(peer, id, name, params)
      on_request(self, { peer = peer, id = id }, name, params)
    end,
    on_line = function(peer, line)
      on_line(self, peer, line)
    end,
    on_close = function(peer)
      self.watching[peer:id()], self.lines[peer:id()] = nil, nil
      self.waiting:take(peer:id())
    end,
  }, { mode = options.mode or (options.group and 432 or 438), group = options.group, user = options.user })
  if not listener then
    return nil, message, code
  end
  self.listener = listener
  return self
end

--- Answers for `node` from now on.
---@param node shoal.Node
function Status:attach(node)
  self.node = node
  node:on("*", function(_, ...)
    tell_monitors(self, ...)
  end)
  self.past = history.follow(node, function()
    on_view(self)
  end)
end

--- `path`, and the counters of its connections.
function Status:stats()
  local stats = self.listener:stats()
  stats.path = self.listener:path()
  return stats
end

--- Ends all connections, and removes the socket.
function Status:close()
  self.listener:close()
end

return status
