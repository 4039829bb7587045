-- SPDX-License-Identifier: MIT
-- Services as a script writes them.
local core = require "shoal.core"
local check = require "shoal.services.check"
local hosts = require "shoal.services.hosts"

local written = {}

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
  elseif host and not hosts.read(host) then
    error(("%s: 'host' must be a name or an IP address, without a port, not '%s'"):format(who, host), 0)
  elseif given.tags and not is_texts(given.tags) then
    error(who .. ": 'tags' must be a list of strings", 0)
  elseif given.checks and #given.checks == 0 and next(given.checks) ~= nil then
    error(who .. ": 'checks' must be a list of checks", 0)
  end
end

-- A reload finds a check again by what it asks. Functions, and equal ones, by their order.
local function add_keys(checks)
  local counts = {}
  for _, one in ipairs(checks) do
    local key = check.target(one)
    counts[key] = (counts[key] or 0) + 1
    one.key = ("%s #%d"):format(key, counts[key])
  end
end

local function read_service(name, given)
  local who = "services." .. tostring(name)
  if type(name) ~= "string" or not name:find "^[%w_-]+$" or #name > 48 then
    error(("services: '%s' cannot be a name: it has 1 to 48 letters, digits, _ or -"):format(tostring(name)), 0)
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
  local self = { name = name, port = given.port, host = given.host and hosts.read(given.host), tags = given.tags,
    weight = weight, checks = {} }
  if given.check then
    self.checks[1] = check.read(who .. ".check", given.check)
  end
  for i, one in ipairs(given.checks or {}) do
    self.checks[#self.checks + 1] = check.read(("%s.checks[%d]"):format(who, i), one)
  end
  add_keys(self.checks)
  return self
end

-- DNS knows no difference between "web" and "WEB".
local function check_names(given)
  local seen = {}
  for name in pairs(given) do
    local key = tostring(name):lower()
    if seen[key] then
      local first, second = name, seen[key]
      if first > second then
        first, second = second, first
      end
      error(("services: '%s' and '%s' differ only in case: to DNS they are one"):format(first, second), 0)
    end
    seen[key] = name
  end
end

local function has_http(all)
  for _, service in pairs(all) do
    for _, one in ipairs(service.checks) do
      if one.kind == "http" then
        return true
      end
    end
  end
  return false
end

--- All of them, complete. Raises what is wrong with them.
---@param given? table<string, table>
---@return table<string, table>
function written.services(given)
  local all = {}
  for name, service in pairs(given or {}) do
    all[name] = read_service(name, service)
  end
  check_names(all)
  if has_http(all) then
    core.open_http() -- now, when nobody waits; not in the middle of the first check
  end
  return all
end

return written
