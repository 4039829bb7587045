--- HTTP for those that only want to know: metrics, members, services.
--
-- It listens before the node exists, like the control socket. The work with sockets is
-- done in C (src/web); this file finds the route, and answers. A route is a function
-- (self, request) -> status, body, headers; or nothing, when it answers later.

local consul = require("shoal.serve.http.consul")
local core = require("shoal.core")
local events = require("shoal.serve.http.events")
local history = require("shoal.serve.history")
local json = require("shoal.format.json")
local metrics = require("shoal.serve.http.metrics")
local request = require("shoal.serve.http.request")
local state = require("shoal.serve.http.state")
local text = require("shoal.format.text")
local turns = require("shoal.serve.turns")
local waiting = require("shoal.serve.waiting")

local http = {}

---@class shoal.Http
---@field node? shoal.Node
---@field listener shoal.WebServer
---@field past shoal.History
---@field events? shoal.http.Events
---@field consul? shoal.http.Consul
---@field detection shoal.http.Detection
---@field drops string[]  reasons that /metrics has a series of
---@field private waiting shoal.Waiting  for a view, by their exchange
---@field turns? shoal.Turns  of a node that is attached
---@field private failures table<string, table>  of pages, by their path: when that was logged
---@field private has_token boolean
local Http = {}
Http.__index = Http

-- ---- Routes ----

local TEXT = { ["Content-Type"] = "text/plain; charset=utf-8" }

-- It needs nothing from elsewhere, and nobody else shows it.
local PAGE = {
  ["Content-Type"] = "text/html; charset=utf-8",
  ["Cache-Control"] = "no-store",
  ["Content-Security-Policy"] = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; "
    .. "connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  ["X-Content-Type-Options"] = "nosniff",
  ["Referrer-Policy"] = "no-referrer",
}

local routes = {
  ["/"] = function()
    return 200, require("shoal.serve.http.page"), PAGE
  end,
  ["/metrics"] = function(self, asked)
    return 200, metrics.render(self, asked), { ["Content-Type"] = "text/plain; version=0.0.4; charset=utf-8" }
  end,
  ["/members"] = state.members,
  ["/services"] = state.services,
  ["/view"] = state.view,
  ["/sd/prometheus"] = state.discovery,
  ["/events"] = function(self, asked)
    return self.events:subscribe(asked)
  end,
}

-- What each takes after the "?". Those of Consul look at theirs; the page takes anything.
local QUERIES = {
  ["/metrics"] = { "detail", "members" },
  ["/members"] = { "all" },
  ["/services"] = { "name", "passing" },
  ["/view"] = { "since", "wait" },
  ["/sd/prometheus"] = { "name", "passing" },
  ["/events"] = { "last", "probes" },
}

local function unknown_query(asked)
  local known = {}
  for _, name in ipairs(QUERIES[asked.path] or {}) do
    known[name] = true
  end
  for _, name in ipairs(text.sorted_keys(asked.query)) do
    if QUERIES[asked.path] and name ~= "" and not known[name] then
      return name
    end
  end
  return nil
end

-- ---- Answers ----

local PIECE, PIECE_BYTES = 200, 2 ^ 16 -- items and bytes that are written in one turn of the loop, about
local PAUSE = 0.01 -- seconds, while the client takes what was written
local MOST_WAITING = 2 ^ 18 -- bytes; with another piece it is less than a stream may leave unread

-- The items from one on, as far as a piece goes; and where the next begins.
local function piece_of(body, from)
  local list, parts, size, i = body[1], {}, 0, from
  while i <= #list and i < from + PIECE and size < PIECE_BYTES do
    local part = (i > 1 and body.between or "") .. body.encode(list[i])
    parts[#parts + 1], size, i = part, size + #part, i + 1
  end
  return table.concat(parts), i
end

local try = turns.try

Http.try = try

-- The rest of a list, from one of its items on: as fast as the client takes it.
local function go_on(self, exchange, body, from)
  local function again()
    self.turns:add(exchange, function()
      go_on(self, exchange, body, from)
    end)
  end
  if from > #body[1] then
    exchange:write(body.close)
    exchange:finish()
  elseif exchange:waiting() > MOST_WAITING then
    self.node:after(PAUSE, function()
      try(exchange, again)
    end)
  else
    local piece, after = piece_of(body, from)
    exchange:write(piece)
    from = after
    again()
  end
end

--- Answers. A body is text; or { list, open =, between =, close =, encode = }, which is
--- encoded while it is sent, so that a hundred thousand members delay nobody.
---@param exchange shoal.Exchange
---@param status integer
---@param body string|table
---@param headers? table<string, string>
function Http:send(exchange, status, body, headers)
  headers = headers or TEXT
  if type(body) == "string" then
    exchange:respond(status, headers, body)
    return
  end
  local piece, from = piece_of(body, 1)
  if from > #body[1] then
    exchange:respond(status, headers, body.open .. piece .. body.close)
  elseif exchange:stream(status, headers) then
    exchange:write(body.open .. piece)
    self.turns:add(exchange, function()
      go_on(self, exchange, body, from)
    end)
  end
end

local function send_made(self, exchange, fn, made)
  self:send(exchange, fn(made))
end

--- Answers with what `fn(made)` returns once the view has changed (`made` is the same
--- table for all that waited), or with that of `fn()` after so many seconds. false: more
--- than `most` wait already.
---@param exchange shoal.Exchange
---@param seconds number
---@param fn fun(made?: table): integer, string, table?
---@param most integer
---@return boolean
function Http:wait(exchange, seconds, fn, most)
  if self.waiting.count >= most then
    return false
  end
  self.waiting:put(self.node, exchange, { fn = fn }, seconds, function()
    try(exchange, send_made, self, exchange, fn)
  end)
  return true
end

-- Each in a turn of its own, with one list for all.
local function on_view(self)
  local made, failure = {}, nil
  for _, exchange in ipairs(self.waiting:keys()) do
    local wait = self.waiting:take(exchange)
    local ok, message = true, nil
    if wait then
      ok, message = pcall(try, exchange, self.turns.add, self.turns, exchange, function()
        send_made(self, exchange, wait.fn, made)
      end)
    end
    failure = failure or not ok and message
  end
  if failure then
    error(failure, 0)
  end
end

-- ---- The script's pages ----

-- What the listener says of the body and the connection.
local OURS = { ["content-length"] = true, ["transfer-encoding"] = true, connection = true }

local TOKEN = "^[%w!#$%%&'*+%-.^_`|~]+$"

local function check_header(name, value)
  if type(name) ~= "string" or type(value) ~= "string" or (name .. value):find("[\r\n%z]") then
    return "must return headers that are strings, without line ends"
  elseif not name:find(TOKEN) then
    return ("must return headers whose names have letters, digits and - only, not '%s'"):format(name)
  elseif OURS[name:lower()] and (name .. value):lower() ~= "connectionclose" then
    return ("cannot set the header %s"):format(name)
  end
end

-- nil, or what is wrong with it.
local function check_answer(answer)
  local status = answer.status
  if type(status) ~= "number" or status % 1 ~= 0 or status < 200 or status > 599 then
    return "must return a status from 200 to 599 first"
  elseif answer.headers ~= nil and type(answer.headers) ~= "table" then
    return "must return its headers as a table"
  end
  for name, value in pairs(answer.headers or {}) do
    local wrong = check_header(name, value)
    if wrong then
      return wrong
    end
  end
end

local GATE = 60 -- seconds between two lines about a page

-- As often as any failure of a handler is logged.
local function log_failure(self, path, reason)
  local now, known = self.node:time(), self.failures[path]
  if known and math.abs(now - known.time) < GATE then
    known.held_back = known.held_back + 1
    return
  end
  self.failures[path] = { time = now, held_back = 0 }
  self.node:log("error", "a page cannot be sent", { page = path, reason = reason,
    held_back = known and known.held_back > 0 and known.held_back or nil })
end

-- Those of the page, with what it is unless the page says that itself.
local function headers_of(answer, content_type)
  local headers = {}
  for name, value in pairs(answer.headers or {}) do
    headers[name] = value
    content_type = name:lower() ~= "content-type" and content_type or nil
  end
  headers["Content-Type"] = headers["Content-Type"] or content_type
  return headers
end

-- A table is JSON.
local function try_to_send(self, exchange, answer)
  local body, content_type = answer.body, TEXT["Content-Type"]
  if type(body) == "table" then
    body, content_type = json.encode(body) .. "\n", "application/json"
  end
  self:send(exchange, answer.status, body == nil and "" or tostring(body), headers_of(answer, content_type))
end

local function send_page(self, asked, answer)
  local wrong = check_answer(answer)
  if not wrong then
    local ok, message = pcall(try_to_send, self, asked.exchange, answer)
    wrong = not ok and text.one_line(tostring(message)) or nil
  end
  if wrong then
    self:send(asked.exchange, 500, "the page failed\n")
    log_failure(self, asked.path, wrong)
  end
end

local FAILURES = { no_handler = 404, full = 503, closed = 503, replaced = 503 }
local REASONS = {
  no_handler = "this page does not exist\n", full = "too many pages are being made\n",
  closed = "the node has ended\n", replaced = "the script was reloaded meanwhile\n",
}

-- What the script raises is logged as that of any handler. Of its function nobody waits
-- for more than this.
local PATIENCE = 60 -- seconds

local function on_page(self, asked, answer, failure)
  if answer then
    return send_page(self, asked, answer)
  end
  self:send(asked.exchange, FAILURES[failure] or 500, REASONS[failure] or "the page failed\n")
end

-- A browser says which page asks. Another host's must not make somebody's browser do what only
-- those may do who can reach us; with a token, it cannot.
local function is_foreign(self, exchange)
  local origin = not self.has_token and exchange:header("origin")
  return origin and origin:lower():gsub("^%a[%w+.-]*://", "") ~= (exchange:header("host") or ""):lower()
end

local function ask_script(self, asked)
  local timer
  if is_foreign(self, asked.exchange) then
    return 403, "a page of another host asks for this (Origin)\n"
  end
  local call, _, code = self.node:page(asked.path, {
    method = asked.method, path = asked.path, query = asked.query, body = asked.body,
    headers = asked.exchange:headers(),
  }, function(_, answer, _, failure)
    if timer then
      timer:cancel()
    end
    try(asked.exchange, on_page, self, asked, answer, failure)
  end)
  if not call then
    return FAILURES[code] or 500, REASONS[code] or "the page failed\n"
  end
  timer = self.node:after(PATIENCE, function()
    call:cancel()
    self:send(asked.exchange, 504, "the page took too long\n")
  end)
end

-- ---- Requests ----

local function route_of(path)
  if path:find("^/v1/") then
    return function(self, asked)
      self.events:look()
      return self.consul:route(asked)
    end
  end
  return routes[path]
end

local MAX_PATH = 64 -- bytes of one of the script's

local READ_ONLY = { ["Content-Type"] = TEXT["Content-Type"], Allow = "GET, HEAD" }

-- status, body, headers; or nothing: later.
local function answer(self, asked)
  local route = route_of(asked.path)
  local is_live = self.node and not self.node:is_closed()
  if not route then
    if not is_live or #asked.path > MAX_PATH then
      return 404, "this page does not exist\n"
    elseif asked.method == "CONNECT" then -- its answer is a tunnel: without a length, or an end
      return 501, "nothing can be reached through this\n"
    end
    return ask_script(self, asked)
  elseif asked.method ~= "GET" and asked.method ~= "HEAD" then
    return 405, "only GET and HEAD\n", READ_ONLY
  elseif asked.body ~= "" then
    return 400, "nothing takes a body here\n"
  elseif not is_live then
    return 503, "the node has not started yet, or has ended\n"
  end
  local unknown = unknown_query(asked)
  if unknown then
    return 400, ("unknown: ?%s=. %s takes %s\n"):format(text.escape(unknown), asked.path,
      table.concat(QUERIES[asked.path], ", "))
  end
  return route(self, asked)
end

local function serve(self, asked)
  local status, said, headers = answer(self, asked)
  if status then
    self:send(asked.exchange, status, said, headers)
  end
end

-- These cost a walk over all members: one of them in a turn of the loop.
local WALKS = { ["/metrics"] = true, ["/members"] = true, ["/services"] = true, ["/view"] = true,
  ["/sd/prometheus"] = true }

local function on_request(self, exchange, method, uri, body)
  local path, query, tags = request.parse(uri)
  if not path then
    return self:send(exchange, 400, "not a path and a query: a % must begin a code as %20\n")
  end
  local asked = {
    method = method, path = path, query = query, tags = tags, body = body, exchange = exchange,
  }
  if not WALKS[path] or not self.turns or self.node:is_closed() then
    return serve(self, asked)
  end
  self.turns:add(exchange, function()
    serve(self, asked)
  end)
end

-- ---- Life ----

--- Listens at "127.0.0.1:7947" (port 0: any), or "unix:PATH"; requests are answered once a
--- node is attached. `nil, message`: the place or the token cannot be used, or there is no
--- libmicrohttpd.
---@param where string
---@param options? shoal.WebOptions
---@return shoal.Http?, string? message, string? code
function http.listen(where, options)
  -- nothing is allocated behind its making: nobody could close it
  local self = setmetatable({
    waiting = waiting.new(), drops = {}, failures = {}, listener = false,
    has_token = options ~= nil and options.token_file ~= nil,
  }, Http)
  local listener, message, code = core.web_listen(where, {
    on_request = function(...)
      on_request(self, ...)
    end,
    on_over = function(exchange)
      self.waiting:take(exchange)
      if self.events then
        self.events:drop(exchange)
        self.consul:drop(exchange)
      end
    end,
  }, options)
  if not listener then
    return nil, message, code
  end
  self.listener = listener
  return self
end

--- Answers for `node` from now on.
---@param node shoal.Node
function Http:attach(node)
  self.node = node
  self.turns = turns.new(node)
  self.past = history.follow(node, function()
    on_view(self)
    self.events:on_view()
  end)
  self.consul = consul.new(node, self)
  self.events = events.new(node, self.past, function()
    self.consul:touch()
  end)
  self.detection = metrics.watch_detection(node)
end

--- `place`, and the counters of its connections.
function Http:stats()
  local stats = self.listener:stats()
  stats.place = self.listener:place()
  return stats
end

--- Ends all connections.
function Http:close()
  self.listener:close()
end

--- For specs.
http.send = Http.send

return http
