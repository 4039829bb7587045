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
local check = require "shoal.services.check"
local core = require "shoal.core"
local instances = require "shoal.services.instances"

local services = {}

-- The runtime of each node's version: { services=, on_service=, cache=, told=, rounds= }.
local runtimes = setmetatable({}, { __mode = "k" })
-- The current weights of round robin: [node][name][address].
local turns = setmetatable({}, { __mode = "k" })

-- ---- What was written ----

local FIELDS = { port = "number", host = "string", tags = "table", weight = "number", check = "table",
  checks = "table" }

-- Is it { text, text, ... }?
local function is_texts(list)
  local count = 0
  for _ in pairs(list) do
    count = count + 1
    if type(list[count]) ~= "string" then
      return false
    end
  end
  return true
end

-- Beyond their types.
local function check_values(who, given)
  local port, host = given.port, given.host
  if port and not (port % 1 == 0 and port >= 1 and port <= 65535) then
    error(who .. ": 'port' must be a whole number from 1 to 65535", 0)
  elseif host and not host:find "^[%w%.:_-]+$" then
    error(who .. ": 'host' must be a name or an IP address", 0)
  elseif given.tags and not is_texts(given.tags) then
    error(who .. ": 'tags' must be a list of strings", 0)
  elseif given.checks and #given.checks == 0 and next(given.checks) ~= nil then
    error(who .. ": 'checks' must be a list of checks", 0)
  end
end

local function read_service(name, given)
  local who = "services." .. tostring(name)
  if type(name) ~= "string" or not name:find "^[%w_-]+$" or #name > 48 then
    error("services: a name has 1 to 48 letters, digits, _ or -", 0)
  elseif type(given) ~= "table" then
    error(("%s: must be a table, got a %s"):format(who, type(given)), 0)
  end
  for field, value in pairs(given) do
    if not FIELDS[field] then
      error(("%s: unknown field '%s'"):format(who, tostring(field)), 0)
    elseif type(value) ~= FIELDS[field] then
      error(("%s: '%s' must be a %s, got a %s"):format(who, field, FIELDS[field], type(value)), 0)
    end
  end
  check_values(who, given)
  local weight = given.weight or 1
  if weight % 1 ~= 0 or weight < 0 or weight > 65535 then
    error(who .. ": 'weight' must be a whole number from 0 to 65535", 0)
  end
  local self = { name = name, port = given.port, host = given.host, tags = given.tags, weight = weight, checks = {} }
  if given.check then
    self.checks[1] = check.read(who .. ".check", given.check)
  end
  for i, one in ipairs(given.checks or {}) do
    self.checks[#self.checks + 1] = check.read(("%s.checks[%d]"):format(who, i), one)
  end
  return self
end

local function read_services(given)
  local all = {}
  for name, service in pairs(given or {}) do
    all[name] = read_service(name, service)
  end
  return all
end

-- ---- States ----

-- What the store keeps of a service: { maintenance=, checks = { { state=, count= } } }.
local function memory_of(node, name)
  local all = node.store._services
  all[name] = all[name] or { checks = {} }
  return all[name]
end

-- A service that is not known to work does not.
local function check_memory(node, service, i)
  local memory = memory_of(node, service.name)
  memory.checks[i] = memory.checks[i] or { state = "critical", count = 0 }
  return memory.checks[i]
end

local WORSE = { passing = 0, warning = 1, critical = 2 }

local function state_of(node, service)
  if memory_of(node, service.name).maintenance then
    return "maintenance"
  end
  local state = "passing"
  for i in ipairs(service.checks) do
    local found = check_memory(node, service, i).state
    state = WORSE[found] > WORSE[state] and found or state
  end
  return state
end

local function tag_value(node, service)
  return {
    port = service.port,
    host = service.host,
    tags = service.tags and #service.tags > 0 and service.tags or nil,
    weight = service.weight ~= 1 and service.weight or nil,
    state = state_of(node, service),
  }
end

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
      runtime.on_service(node, name, list)
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
      node.store._services[name] = nil
    end
  end
  for name, service in pairs(runtime.services) do
    local tag, value = instances.tag_of(name), tag_value(node, service)
    if tags[tag] == nil or core.pack(tags[tag]) ~= core.pack(value) then
      change(tag, value)
    end
  end
  if not differs then
    return
  end
  local ok, message = node:set_tags(changes)
  if not ok then
    node:log("error", "the state of a service cannot be published", { reason = message })
  end
  tell(runtime, node)
end

-- ---- Checking ----

local function take(runtime, node, service, i, answer, reason)
  local one, memory = service.checks[i], check_memory(node, service, i)
  if not check.judge(one, memory, answer) then
    return
  end
  node:log(memory.state == "passing" and "info" or "warn", "service is " .. memory.state,
    { service = service.name, check = one.kind, reason = reason or "" })
  publish(runtime, node)
end

-- One round. If the check raises, or does not answer before the next round, that is an
-- answer, too; a late one is not taken any more.
local function check_round(runtime, node, service, i)
  local one = service.checks[i]
  local round = runtime.rounds[one]
  if round and not round.over then
    round.over = true
    take(runtime, node, service, i, "critical", "the check does not answer")
  end
  round = {}
  runtime.rounds[one] = round
  node:go(function(n)
    local answer, reason = check.ask(n, one)
    if not round.over then
      round.over = true
      take(runtime, n, service, i, answer, reason)
    end
  end)
end

-- Of a ttl, after it was told something, or the version has changed.
local function await_ttl(runtime, node, service, i)
  local one, memory = service.checks[i], check_memory(node, service, i)
  if runtime.rounds[one] then
    runtime.rounds[one]:cancel()
  end
  local left = math.max(0, (memory.deadline or node:now()) - node:now())
  runtime.rounds[one] = node:after(left, function(n)
    runtime.rounds[one] = nil
    if memory.state ~= "critical" then
      memory.state = "critical"
      n:log("warn", "service is critical",
        { service = service.name, check = "ttl", reason = "nobody said that it works" })
      publish(runtime, n)
    end
  end)
end

local function begin_checks(runtime, node)
  for _, service in pairs(runtime.services) do
    for i, one in ipairs(service.checks) do
      if one.kind == "ttl" then
        await_ttl(runtime, node, service, i)
      else
        check_round(runtime, node, service, i)
        node:every(one.every, function(n)
          check_round(runtime, n, service, i)
        end)
      end
    end
  end
end

-- ---- The command ----

local TTL_STATES = { pass = "passing", warn = "warning", fail = "critical" }

local function report(runtime, node, service, state, note)
  local found
  for i, one in ipairs(service.checks) do
    if one.kind == "ttl" then
      found = true
      local memory = check_memory(node, service, i)
      memory.state, memory.deadline = state, node:now() + one.what
      await_ttl(runtime, node, service, i)
    end
  end
  if not found then
    return nil, ("service '%s' has no check of the kind ttl"):format(service.name)
  end
  if note then
    node:log("info", "service reported", { service = service.name, state = state, note = note })
  end
  return true
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
    memory_of(node, service.name).maintenance = args.action == "drain" or nil
  else
    return nil, ("the action must be pass, warn, fail, drain or resume, not '%s'"):format(args.action), "arguments"
  end
  publish(runtime, node)
  return state_of(node, service)
end

-- ---- The handlers ----

local function begin(runtime, node)
  runtimes[node] = runtime
  local store = node.store
  store._services, store._services_told = store._services or {}, store._services_told or {}
  for name in pairs(store._services_told) do -- the new version has not heard of them
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
    begin_checks(runtime, n)
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
  local runtime = { services = read_services(M.services), on_service = M.on_service, told = {}, rounds = {} }
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
  return handlers
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

--- All instances of all services, whatever their state.
---@param node shoal.Node
---@return shoal.services.Instance[]
function services.all(node)
  return instances.all(node)
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
  turns[node][name] = now
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
