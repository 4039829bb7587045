-- SPDX-License-Identifier: MIT
-- Services on tags: what this node offers, whether it works, and who else offers it.
--
--     local M = require("shoal.services").script {
--       services = {
--         web = { port = 8080, tags = { "v2" }, weight = 10,
--                 check = { http = "http://127.0.0.1:8080/health", every = 2 } },
--       },
--     }
--     function M.on_service(node, name, instances) ... end
--     return M
--
-- M is a table of handlers like any other, with two fields more. What it needs of its
-- own (on_start, on_reload, on_view, a command) is called around yours.
local core = require "shoal.core"
local instances = require "shoal.services.instances"
local memory = require "shoal.services.memory"
local publishing = require "shoal.services.publishing"
local rounds = require "shoal.services.rounds"
local written = require "shoal.services.written"

local services = {}

-- The runtime of each node's version: { services=, on_service=, cache=, told=, rounds=,
-- refused=, publish= }.
local runtimes = setmetatable({}, { __mode = "k" })
-- The current weights of round robin: [node][name][address].
local turns = setmetatable({}, { __mode = "k" })

-- ---- Telling ----

local function names_of(all, told)
  local names, known = {}, {}
  local function add(name)
    if not known[name] then
      known[name] = true
      names[#names + 1] = name
    end
  end
  for _, instance in ipairs(all) do
    add(instance.name)
  end
  for name in pairs(told) do
    add(name)
  end
  table.sort(names)
  return names
end

-- All instances, read from the tags once until these change.
local function cached(runtime, node)
  runtime.cache = runtime.cache or instances.all(node)
  return runtime.cache
end

local function with_traceback(raised)
  return debug.traceback(tostring(raised), 2)
end

-- What it raises is logged and counted as any other, but in a turn of its own: it holds up neither
-- the other services nor the checks.
local function call(runtime, node, name, list)
  local ok, failure = xpcall(function()
    runtime.on_service(node, name, list)
  end, with_traceback)
  if not ok then
    node:after(0, function()
      error(("on_service of '%s': %s"):format(name, failure), 0)
    end)
  end
end

-- Calls on_service for each service whose passing instances are others than last time.
local function tell(runtime, node)
  runtime.cache = nil
  if not runtime.on_service then
    return
  end
  local all = cached(runtime, node)
  for _, name in ipairs(names_of(all, runtime.told)) do
    local list = instances.select(all, name)
    local signature = instances.signature(list)
    -- nobody yet is nothing to tell: at the start nobody is known
    if runtime.told[name] ~= signature and (runtime.told[name] or list[1]) then
      runtime.told[name] = signature
      node.store._services_told[name] = true
      call(runtime, node, name, list)
    end
  end
end

-- Makes our tags what our services are, if they are not.
local function publish(runtime, node)
  local tags, changes, differs = node:tags(), {}, false
  local function change(tag, value)
    changes[tag], differs = value, true
  end
  for tag in pairs(tags) do
    local name = instances.name_of(tag)
    if name and not runtime.services[name] then
      change(tag, core.none)
    end
  end
  for name, service in pairs(runtime.services) do
    local tag, value = instances.tag_of(name), publishing.value(service, memory.state(node, service))
    if tags[tag] == nil or core.pack(tags[tag]) ~= core.pack(value) then
      change(tag, value)
    end
  end
  if not differs then
    return
  end
  publishing.set(node, changes, runtime.refused)
  tell(runtime, node)
end

-- ---- The command ----

local TTL_STATES = { pass = "passing", warn = "warning", fail = "critical" }

local function report(runtime, node, service, state, note)
  if not rounds.report(runtime, node, service, state, note) then
    return nil, ("service '%s' has no check of the kind ttl"):format(service.name)
  end
  if note then
    node:log("info", "service reported", { service = service.name, state = state, note = note })
  end
  return true
end

local function drain(node, service, is_out, note)
  local known = memory.of(node, service)
  known.maintenance, known.note = is_out or nil, is_out and note or nil
  node:log("info", is_out and "service is taken out" or "service is back", { service = service.name, note = note })
end

local function act(runtime, node, args)
  local service = runtime.services[args.name]
  if not service then
    return nil, ("this node has no service '%s'"):format(args.name), "not_found"
  end
  if TTL_STATES[args.action] then
    local ok, message = report(runtime, node, service, TTL_STATES[args.action], args.note)
    if not ok then
      return nil, message
    end
  elseif args.action == "drain" or args.action == "resume" then
    drain(node, service, args.action == "drain", args.note)
  else
    return nil, ("the action must be pass, warn, fail, drain or resume, not '%s'"):format(args.action), "arguments"
  end
  publish(runtime, node)
  return memory.state(node, service)
end

-- ---- The handlers ----

local function begin(runtime, node)
  runtimes[node] = runtime
  memory.begin(node, runtime.services)
  for name in pairs(node.store._services_told) do -- the new version has not heard of them
    runtime.told[name] = "before"
  end
  local function forget()
    runtime.cache = nil
  end
  for _, event in ipairs { "tags", "member_up", "member_down", "rename" } do
    node:on(event, forget)
  end
  node:after(0, function(n) -- not while it loads
    publish(runtime, n)
    tell(runtime, n)
    rounds.begin(runtime, n)
  end)
end

local function around(ours, theirs)
  return function(node, ...)
    ours(node, ...)
    if theirs then
      return theirs(node, ...)
    end
  end
end

-- The table of handlers that M stands for.
local function handlers_of(M)
  if M.on_service ~= nil and type(M.on_service) ~= "function" then
    error("'on_service' must be a function, got a " .. type(M.on_service), 0)
  elseif M.services ~= nil and type(M.services) ~= "table" then
    error("'services' must be a table, got a " .. type(M.services), 0)
  end
  local runtime = { services = written.services(M.services), on_service = M.on_service, told = {}, rounds = {},
    refused = {} }
  function runtime.publish(node)
    publish(runtime, node)
  end
  local handlers = {}
  for name, value in pairs(M) do
    handlers[name] = value
  end
  handlers.services, handlers.on_service = nil, nil
  local function start(node)
    begin(runtime, node)
  end
  handlers.on_start = around(start, M.on_start)
  handlers.on_reload = around(start, M.on_reload)
  handlers.on_view = around(function(node)
    tell(runtime, node)
  end, M.on_view)
  if M.commands ~= nil and type(M.commands) ~= "table" then
    return handlers -- which is wrong, and will be said
  end
  if M.commands and M.commands.service ~= nil then
    error("commands.service: `shoal service` runs it, so shoal.services has that name: give yours another one", 0)
  end
  handlers.commands = { service = {
    help = "Reports a service (pass, warn, fail), or takes it out (drain) and back (resume).",
    args = { { "action", type = "string" }, { "name", type = "string" }, { "note", type = "string", optional = true } },
    run = function(node, args)
      return act(runtime, node, args)
    end,
  } }
  for name, command in pairs(M.commands or {}) do
    handlers.commands[name] = command
  end
  -- `shoal check` adds it to the size of `tags`
  return setmetatable(handlers, { __tags_size = publishing.size(runtime.services) })
end

--- A table of handlers with services. Besides the fields of handlers it may have
--- `services`, and `on_service(node, name, instances)`, which is called once a view for each
--- service whose passing instances have changed.
---@param definition table
---@return table
function services.script(definition)
  if type(definition) ~= "table" then
    error("services.script: needs a table, got a " .. type(definition), 2)
  end
  return setmetatable(definition, { __handlers = handlers_of })
end

-- ---- Asking for them ----

local function all_of(node)
  local runtime = runtimes[node]
  return runtime and cached(runtime, node) or instances.all(node)
end

--- The instances of a service that living members, this node included, offer: those that
--- pass, by address.
---@param node shoal.Node
---@param name string
---@param options? { tag?: string, state?: string|string[], where?: function }
---@return shoal.services.Instance[]
function services.instances(node, name, options)
  if type(name) ~= "string" then
    error("node:service: needs the name of a service, got a " .. type(name), 2)
  end
  return instances.select(all_of(node), name, options)
end

--- All instances of all services, whatever their state. Those of this node say why they do
--- not pass (`reason`).
---@param node shoal.Node
---@return shoal.services.Instance[]
function services.all(node)
  local all, own = instances.all(node)
  for _, instance in ipairs(all) do
    if instance.member == own and instance.state ~= "passing" then
      instance.reason = memory.reason(node, instance.name)
    end
  end
  return all
end

-- Smooth weighted round robin: each turn everybody gains its weight, and the one that is
-- picked pays for all.
local function next_in_turn(node, name, list)
  turns[node] = turns[node] or {}
  local before, now = turns[node][name] or {}, {}
  local best, total = nil, 0
  for _, instance in ipairs(list) do
    local key = instance.addr or instance.member.addr
    now[key] = (before[key] or 0) + instance.weight
    total = total + instance.weight
    if instance.weight > 0 and (not best or now[key] > now[best.addr or best.member.addr]) then
      best = instance
    end
  end
  if best then
    local key = best.addr or best.member.addr
    now[key] = now[key] - total
  end
  turns[node][name] = best and now or nil -- names may come from requests
  return best
end

-- The same on every member that knows the same: by rendezvous hashing.
local function owner_of(node, list, key)
  local by_member = {}
  for _, instance in ipairs(list) do
    by_member[core.pack(instance.member.addr)] = instance
  end
  local owner = node:owner(key, {
    where = function(member)
      return by_member[core.pack(member.addr)] ~= nil
    end,
    weight = function(member)
      return by_member[core.pack(member.addr)].weight
    end,
  })
  return owner and by_member[core.pack(owner.addr)]
end

--- One passing instance: by weighted round robin, or with a key always the same one while
--- the members are the same. nil: there is none.
---@param node shoal.Node
---@param name string
---@param key? string
---@param options? { tag?: string, state?: string|string[], where?: function }
---@return shoal.services.Instance?
function services.pick(node, name, key, options)
  local list = services.instances(node, name, options)
  if key ~= nil then
    return owner_of(node, list, key)
  end
  return next_in_turn(node, name, list)
end

function core.methods.service(node, name, options)
  return services.instances(node, name, options)
end

return services
