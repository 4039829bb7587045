--- The control socket of a running node: what `shoal members` and its kind ask.
--
-- A Unix socket that speaks MessagePack-RPC, so any client of that can drive a
-- node (docs/operating.md has the methods). shoal.core does the framing and cuts
-- off whoever sends anything else; this file is the methods.
--
-- It listens before the node exists, so that a path which cannot be used is found
-- before anybody hears of the new member:
--
--     local server = control.listen(path)
--     local node = shoal.start{...}
--     server:attach(node)

local core = require("shoal.core")
local scripts = require("shoal.control_scripts")

local control = {}

---@class shoal.Control
---@field node? shoal.Node
---@field status? shoal.Status that `info` tells of, too
---@field http? shoal.Http the same
---@field dns? shoal.Dns the same
---@field on_leave? fun() called once `leave` has been answered
---@field private listener shoal.Server
---@field private leaving boolean
---@field private watching table<integer, shoal.Peer> those that monitor,
---@field private suspicious table<integer, shoal.Peer> those that want to know of suspicions, too
---@field private on_suspicion? table<string, function> while there are such
local Control = {}
Control.__index = Control

-- ---- The methods ----
--
-- `params` are the types of the parameters, those from `optional` on may be left
-- out, `rest` may come any number of times. `run` answers a result (never nil), or
-- nil, message, code.

---@class shoal.control.Method
---@field params? string[]
---@field optional? integer
---@field rest? string
---@field run fun(self: shoal.Control, params: any[], peer: shoal.Peer, id: integer): any, string?, string?

-- The result of a method that answers by itself.
local LATER = {}

---@type table<string, shoal.control.Method>
local methods = {}

local function count(set)
  local n = 0
  for _ in pairs(set) do
    n = n + 1
  end
  return n
end

methods.members = {
  params = { "table" },
  optional = 1,
  run = function(self, params)
    for name, value in pairs(params[1] or {}) do
      if (name ~= "all" and name ~= "gone") or type(value) ~= "boolean" then
        return nil, "the only options are 'all' and 'gone', true or false", "invalid_params"
      end
    end
    local options = params[1] or {}
    local members = options.gone and self.node:gone()
      or self.node:members({ state = options.all and "all" or "active" })
    scripts.sort_by_address(members)
    return members
  end,
}

-- { set = { zone = "b" }, delete = { "draining" } }, or nothing: what the tags are then.
methods.tags = {
  params = { "table" },
  optional = 1,
  run = function(self, params)
    local changes, asked = {}, params[1] or {}
    for name in pairs(asked) do
      if (name ~= "set" and name ~= "delete") or type(asked[name]) ~= "table" then
        return nil, "the only options are 'set' and 'delete', both tables", "invalid_params"
      end
    end
    for _, name in ipairs(asked.delete or {}) do
      changes[name] = core.none
    end
    for name, value in pairs(asked.set or {}) do
      changes[name] = value
    end
    if next(changes) ~= nil then
      local called, ok, message, code = pcall(self.node.set_tags, self.node, changes)
      if not called then
        return scripts.misuse("set_tags", ok)
      elseif not ok then
        return nil, message, code
      end
    end
    return self.node:tags()
  end,
}

local KEY_CHANGES = { add = "add_key", use = "use_key", remove = "remove_key" }

-- { add = "the key as text" }, { use = "a1b2" }, { remove = "a1b2" }, or nothing: what
-- the keys are then, without what opens anything.
methods.keys = {
  params = { "table" },
  optional = 1,
  run = function(self, params)
    for name, value in pairs(params[1] or {}) do
      local method = KEY_CHANGES[name]
      if not method or type(value) ~= "string" then
        return nil, "the only options are 'add', 'use' and 'remove', each text", "invalid_params"
      end
      local ok, message, code = self.node[method](self.node, value)
      if not ok then
        return nil, message, code
      end
    end
    return self.node:keys()
  end,
}

-- What the levels of the log are, after they were changed if there is a parameter.
methods.log = {
  params = { "string" },
  optional = 1,
  run = function(self, params)
    local ok, levels = pcall(self.node.log_levels, self.node, params[1])
    if not ok then
      return scripts.misuse("log_levels", levels)
    end
    return levels
  end,
}

-- { start = true }, or the text of a key: another key for the whole cluster. How far that is; an
-- empty map: there was none.
methods.rotation = {
  params = { "table" },
  optional = 1,
  run = function(self, params)
    local asked = params[1] or {}
    for name, value in pairs(asked) do
      if name ~= "start" or type(value) ~= "boolean" and type(value) ~= "string" then
        return nil, "the only option is 'start', true, false or the text of a key", "invalid_params"
      end
    end
    if asked.start then
      local id, message, code = self.node:rotate_key(type(asked.start) == "string" and asked.start or nil)
      if not id then
        return nil, message, code
      end
    end
    local rotation, message, code = self.node:rotation()
    if message then
      return nil, message, code
    end
    return rotation or {}
  end,
}

methods.info = {
  run = function(self)
    local info = self.node:info()
    info.control = self.listener:stats()
    info.control.path = self.listener:path()
    info.control.monitors = count(self.watching)
    info.status = self.status and self.status:stats()
    info.http = self.http and self.http:stats()
    info.dns = self.dns and self.dns:stats()
    return info
  end,
}

methods.join = {
  params = { "string" },
  rest = "string",
  run = function(self, params)
    return self.node:join(params)
  end,
}

methods.leave = {
  run = function(self)
    if self.node:connection() ~= "defunct" then
      local ok, message, code = self.node:leave()
      if not ok then
        return nil, message, code
      end
    end
    self.leaving = true
    return true
  end,
}

methods.forget = {
  params = { "string" },
  run = function(self, params)
    local addr = params[1]
    if addr == "" then
      return nil, "an address cannot be empty", "invalid_params"
    end
    local ok, message, code = self.node:forget(addr)
    if code == "not_found" and tonumber(addr) then -- a script's own addresses may be numbers
      ok, message, code = self.node:forget(tonumber(addr))
    end
    return ok, message, code
  end,
}

methods.reload = {
  run = function(self)
    local ok, outcome, code = self.node:reload("asked")
    if not ok then
      return nil, outcome, code
    end
    local script = self.node:info().script
    return { outcome = outcome or "reloaded", generation = script.generation, hash = script.hash }
  end,
}

methods.broadcast = {
  params = { "string" },
  run = function(self, params)
    return self.node:add_broadcast(params[1])
  end,
}

for name, method in pairs(scripts.methods(LATER)) do
  methods[name] = method
end

methods.publish = {
  params = { "string", "any" },
  run = function(self, params)
    if params[1] == "" or #params[1] > 64 then
      return nil, "the name of a topic has 1 to 64 bytes", "invalid_params"
    end
    return self.node:publish(params[1], params[2])
  end,
}

-- Diagnostics cost something, so they are heard only while somebody wants them.
local function hear_suspicions(self, wanted)
  if wanted == (self.on_suspicion ~= nil) then
    return
  end
  for _, event in ipairs({ "suspect", "refuted" }) do
    if wanted then
      local function tell(_, member)
        self.listener:publish(self.suspicious, "event", { { event = event, time = os.time(), member = member } })
      end
      self.on_suspicion = self.on_suspicion or {}
      self.on_suspicion[event] = tell
      self.node:on(event, tell)
    else
      self.node:off(event, self.on_suspicion[event])
    end
  end
  self.on_suspicion = wanted and self.on_suspicion or nil
end

local function stop_watching(self, peer)
  self.watching[peer:id()], self.suspicious[peer:id()] = nil, nil
  if self.node and not self.node:is_closed() then
    hear_suspicions(self, next(self.suspicious) ~= nil)
  end
end

methods.monitor = {
  params = { "table" },
  optional = 1,
  run = function(self, params, peer)
    for name, value in pairs(params[1] or {}) do
      if name ~= "suspicions" or type(value) ~= "boolean" then
        return nil, "the only option is 'suspicions', true or false", "invalid_params"
      end
    end
    stop_watching(self, peer)
    self.watching[peer:id()] = peer
    self.suspicious[peer:id()] = params[1] and params[1].suspicions and peer or nil
    hear_suspicions(self, next(self.suspicious) ~= nil)
    return true
  end,
}

methods.unmonitor = {
  run = function(self, _, peer)
    stop_watching(self, peer)
    return true
  end,
}

methods.version = {
  run = function()
    return core.version
  end,
}

-- ---- Requests ----

local function describe_count(least, most)
  if not most then
    return ("%d or more"):format(least)
  end
  return least == most and tostring(most) or ("%d to %d"):format(least, most)
end

local function check_params(method, params)
  local types = method.params or {}
  local least = method.optional and method.optional - 1 or #types
  local most = not method.rest and #types or nil
  if #params < least or (most and #params > most) then
    local wanted = describe_count(least, most)
    return nil, ("wrong number of parameters: got %d, expected %s"):format(#params, wanted), "invalid_params"
  end
  for i = 1, #params do
    local wanted, got = types[i] or method.rest, type(params[i])
    if got ~= wanted and wanted ~= "any" then
      return nil, ("parameter %d must be a %s, not a %s"):format(i, wanted, got), "invalid_params"
    end
  end
  return true
end

--- Runs one of these methods, after what a client gave it was checked: for the status
-- socket, too. What stands behind `params` goes on to the method.
---@param of table<string, shoal.control.Method>
function control.perform(of, self, name, params, ...)
  local method = of[name]
  if not method then
    return nil, ("there is no method '%s'"):format(name), "unknown_method"
  end
  local ok, message, code = check_params(method, params)
  if not ok then
    return nil, message, code
  end
  if not self.node then
    return nil, "the node is starting", "starting"
  end
  return method.run(self, params, ...)
end

-- Whoever asked us to leave has been told that we do: now we may go.
local function leave_if_asked(self)
  if self.leaving and self.on_leave then
    self.leaving = false
    self.on_leave()
  end
end

local function on_request(self, peer, id, name, params)
  local result, message, code = control.perform(methods, self, name, params, peer, id)
  if result == LATER then
    return
  elseif result == nil then
    peer:respond(id, { code = code or "failed", message = message })
  else
    peer:respond(id, nil, result)
  end
  leave_if_asked(self)
end

-- ---- Events ----

-- What the monitor shows of an event: most are about a member.
local function describe(event, a, b, c, d)
  local report = { event = event, time = os.time() }
  if event == "published" then
    report.topic, report.data, report.member, report.number = a, b, c, d
  elseif event == "missed" then
    report.topic, report.member, report.first, report.last = a, b, c, d
  elseif event == "rename" then
    report.before, report.member = a, b
  elseif event == "rejoin" or event == "returned" then
    report.id = a
  elseif event == "message" then
    report.member, report.data = b, a
  elseif event == "tags" then
    report.member, report.changed = a, b
  else
    report.member = a
  end
  return report
end

local function tell_watchers(self, event, ...)
  if next(self.watching) == nil then
    return
  end
  self.listener:publish(self.watching, "event", { describe(event, ...) })
end

-- ---- Life ----

--- Listens at `path`; requests are answered once a node is attached.
---@param path string
---@param access? shoal.ControlAccess
---@return shoal.Control?, string? message, string? code
function control.listen(path, access)
  local self = setmetatable({ watching = {}, suspicious = {}, leaving = false }, Control)
  local listener, message, code = core.control_listen(path, {
    on_request = function(peer, id, name, params)
      on_request(self, peer, id, name, params)
    end,
    on_close = function(peer)
      stop_watching(self, peer)
    end,
  }, access)
  if not listener then
    return nil, message, code
  end
  self.listener = listener
  return self
end

--- Answers for `node` from now on, and tells those that monitor its events.
---@param node shoal.Node
function Control:attach(node)
  self.node = node
  node:on("*", function(_, event, ...)
    tell_watchers(self, event, ...)
  end)
end

-- For the status socket.
control.methods, control.describe = methods, describe

--- Ends all connections after what waits for them was written, and removes the
--- socket.
function Control:close()
  self.listener:close()
end

return control
