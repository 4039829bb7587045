-- SPDX-License-Identifier: MIT
-- What is known of our own services, for the next version of the script:
--
--     store._services[name] = { maintenance=, note=, checks = { { key=, state=, count=, reason=, deadline= } } }
--     store._services_told[name] = true      on_service was called for it
--     store._services_life                   when the node was started that knew all this
--
-- A verdict belongs to what a check asks (its key), not to its place among the checks. And
-- it belongs to one life of the node: a restart may bring this table back from the disk, but
-- nobody has looked at the service meanwhile, and deadlines are those of another clock.
local memory = {}

local WORSE = { passing = 0, warning = 1, critical = 2 }

local function worst(checks)
  local state, reason = "passing", nil
  for _, one in ipairs(checks) do
    if WORSE[one.state] > WORSE[state] then
      state, reason = one.state, one.reason
    end
  end
  return state, reason
end

-- A check that is new begins with the state of its service. As critical it would take one
-- that works out of the lists before it has been asked; as passing it would put one back
-- that does not work.
local function inherit(node, service, former)
  local before, known, checks = former and worst(former.checks) or "critical", {}, {}
  for _, one in ipairs(former and former.checks or {}) do
    known[one.key] = one
  end
  for i, one in ipairs(service.checks) do
    local deadline = one.kind == "ttl" and before ~= "critical" and node:now() + one.what or nil
    checks[i] = known[one.key] or { key = one.key, state = before, count = 0, deadline = deadline }
  end
  return checks
end

--- Makes the store remember these services, and no others.
---@param node shoal.Node
---@param services table<string, table>
function memory.begin(node, services)
  local store, life = node.store, node:info().started_at
  if store._services_life ~= life then
    store._services, store._services_told, store._services_life = nil, nil, life
  end
  local former, present = store._services or {}, {}
  for name, service in pairs(services) do
    local one = former[name]
    present[name] = { maintenance = one and one.maintenance, note = one and one.note,
      checks = inherit(node, service, one) }
  end
  store._services, store._services_told = present, store._services_told or {}
end

--- What is known of one.
---@param node shoal.Node
---@param service table
---@return { maintenance?: true, note?: string, checks: table[] }
function memory.of(node, service)
  return node.store._services[service.name]
end

---@param node shoal.Node
---@param service table
---@return string
function memory.state(node, service)
  local one = memory.of(node, service)
  return one.maintenance and "maintenance" or (worst(one.checks))
end

--- Why the service is not passing, as far as this node knows; nil: it is, or nobody said.
---@param node shoal.Node  whose store may be a copy
---@param name string
---@return string?
function memory.reason(node, name)
  local one = (type(node.store) == "table" and node.store._services or {})[name]
  if not one or one.maintenance then
    return one and one.note
  end
  return (select(2, worst(one.checks)))
end

return memory
