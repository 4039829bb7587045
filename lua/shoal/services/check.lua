-- SPDX-License-Identifier: MIT
-- Checks of services: what they ask, and how an answer is judged.
--
--     http = "http://127.0.0.1:8080/health"    2xx passes, 429 warns
--     tcp = "127.0.0.1:6379"                   a connection passes
--     exec = { "/usr/lib/check-disk", "/" }    exit code 0 passes, 1 warns
--     lua = function(node) return true end     true passes, "warning" warns; may wait
--     ttl = 30                                 whoever says so in time (shoal service pass)
--
-- A check that answers badly `fall` times in a row makes its service critical, one that
-- answers well `rise` times in a row makes it passing again.

local check = {}

local KINDS = { "http", "tcp", "exec", "lua", "ttl" }
local WANTED = { http = "string", tcp = "string", exec = "table", lua = "function", ttl = "number" }
local OPTIONS = { every = 5, timeout = 2, rise = 2, fall = 3 }
local OTHER = { method = "string", headers = "table", body = "string" } -- of http

local function complain(who, text, ...)
  error(("%s: " .. text):format(who, ...), 0)
end

local function kind_of(who, given)
  local found
  for _, kind in ipairs(KINDS) do
    if given[kind] ~= nil then
      if found then
        complain(who, "is either '%s' or '%s'", found, kind)
      elseif type(given[kind]) ~= WANTED[kind] then
        complain(who, "'%s' must be a %s, got a %s", kind, WANTED[kind], type(given[kind]))
      end
      found = kind
    end
  end
  return found or complain(who, "needs http, tcp, exec, lua or ttl")
end

local function number(who, given, name)
  local value = given[name] or OPTIONS[name]
  local whole = name == "rise" or name == "fall"
  if type(value) ~= "number" or not (value > 0 and value <= 1e6) or whole and value % 1 ~= 0 then
    complain(who, "'%s' must be a %s above 0", name, whole and "whole number" or "number of seconds")
  end
  return value
end

-- What can be seen of it without asking.
local function check_target(who, kind, what)
  if kind == "http" and not what:find "^https?://[^/]" then
    complain(who, "'http' must begin with http:// or https://")
  elseif kind == "tcp" and not (what:find "/" or what:find "^.+:%d+$") then
    complain(who, "'tcp' must be host:port, or the path of a socket")
  elseif kind == "ttl" and not (what > 0 and what <= 1e6) then
    complain(who, "'ttl' must be a number of seconds above 0")
  elseif kind == "exec" then
    for i = 1, math.max(#what, 1) do
      if type(what[i]) ~= "string" then
        complain(who, "'exec' must list a program and its arguments, as strings")
      end
    end
  end
end

--- A check as it was written, complete. Raises what is wrong with it.
---@param who string "services.web.check"
---@param given table
---@return shoal.services.Check
function check.read(who, given)
  if type(given) ~= "table" then
    complain(who, "must be a table, got a %s", type(given))
  end
  local kind = kind_of(who, given)
  for name, value in pairs(given) do
    if name ~= kind and not OPTIONS[name] and not (kind == "http" and OTHER[name]) then
      complain(who, "unknown option '%s'", tostring(name))
    elseif OTHER[name] and type(value) ~= OTHER[name] then
      complain(who, "'%s' must be a %s", name, OTHER[name])
    end
  end
  local self = { kind = kind, what = given[kind], method = given.method, headers = given.headers, body = given.body }
  for name in pairs(OPTIONS) do
    self[name] = number(who, given, name)
  end
  self.timeout = math.min(self.timeout, self.every)
  check_target(who, kind, self.what)
  return self
end

--- What it asks, as text. All functions are one: what they do cannot be compared.
---@param self shoal.services.Check
---@return string
function check.target(self)
  if self.kind == "lua" then
    return self.kind
  end
  return self.kind .. " " .. (self.kind == "exec" and table.concat(self.what, "\0") or tostring(self.what))
end

-- ---- Asking: in a coroutine ----

local ask = {}

function ask.http(node, self)
  local response, message = node:http { url = self.what, method = self.method, headers = self.headers,
    body = self.body, timeout = self.timeout, max_body = 1024 }
  if not response then
    return "critical", message
  elseif response.status >= 200 and response.status < 300 then
    return "passing"
  end
  return response.status == 429 and "warning" or "critical", "status " .. response.status
end

function ask.tcp(node, self)
  local connection, message = node:connect(self.what, self.timeout)
  if not connection then
    return "critical", message
  end
  connection:close()
  return "passing"
end

local STATES = { [0] = "passing", [1] = "warning" }

function ask.exec(node, self)
  local result, message = node:spawn(self.what, { timeout = self.timeout, max_output = 1024 })
  if not result then
    return "critical", message
  end
  local said = (result.stdout ~= "" and result.stdout or result.stderr):match("[^\n]*")
  if result.timed_out then
    said = "timeout"
  end
  return STATES[result.code] or "critical", said
end

local VERDICTS = { passing = true, warning = true, critical = true }

function ask.lua(node, self)
  local answer, message = self.what(node)
  if VERDICTS[answer] then
    return answer, message ~= nil and tostring(message) or nil
  end
  return answer and "passing" or "critical", message ~= nil and tostring(message) or nil
end

--- What the check finds: a state and, if it is not passing, why. Waits.
---@param node shoal.Node
---@param self shoal.services.Check
---@return string state, string? reason
function check.ask(node, self)
  return ask[self.kind](node, self)
end

-- ---- Judging ----

--- Takes an answer in. `memory` is what the store keeps of the check: `state` and how
-- often in a row it was contradicted.
---@param self shoal.services.Check
---@param memory { state: string, count: integer }
---@param answer string
---@return boolean changed
function check.judge(self, memory, answer)
  local before = memory.state
  local is_bad, was_bad = answer == "critical", before == "critical"
  if is_bad == was_bad then
    memory.count = 0
    memory.state = answer
    return answer ~= before
  end
  memory.count = memory.count + 1
  if memory.count < (is_bad and self.fall or self.rise) then
    return false
  end
  memory.state, memory.count = answer, 0
  return true
end

return check
