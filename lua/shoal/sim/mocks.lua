-- SPDX-License-Identifier: MIT
-- What plays the rest of the world in a simulated network: the programs that
-- members run, whom they connect to, and
-- the servers that they ask.
local blame = require "shoal.blame"

---@class shoal.sim.Net
local Net = {}

---@class shoal.sim.SpawnAnswer  how a program ended
---@field code? integer    0, unless there is a signal
---@field signal? integer
---@field stdout? string
---@field stderr? string
---@field after? number    seconds that it runs (0)

local function check_function(fn, method)
  if type(fn) ~= "function" then
    blame.misuse("net:%s: needs a function, got %s", method, blame.describe(fn))
  end
end

--- Answers for the programs that members run from now on: what `node:spawn` was
--- given goes in, how it ends comes out; nil and a message if it cannot be started.
--- The options are `stdin`, `cwd`, `timeout` and `env`, the variables that are not
--- the process's own.
---@param fn fun(member: shoal.sim.Member, argv: string[], options: table): shoal.sim.SpawnAnswer?, string?
function Net:on_spawn(fn)
  check_function(fn, "on_spawn")
  self.handle:on_spawn(function(place, argv, options)
    return fn(self.by_number[place + 1], argv, options)
  end)
end

---@class shoal.sim.Peer  the other end of a connection
---@field greeting? string  what it sends first
---@field receive? fun(data: string): string?, boolean?  gets what a member wrote; returns what the peer sends then,
---and whether it closes the connection after that
---@field closes? boolean   after the greeting
---@field after? number     seconds until the connection is there, and until each answer (0)

local function silent() end

local PEER = { "greeting", "receive", "closes", "after" }

-- As the core has it: what answers, what is sent first, and so on.
local function check_peer(peer)
  blame.check_options(peer, "net:on_connect: peer", PEER)
  local greeting, after = peer.greeting or "", peer.after or 0
  if type(greeting) ~= "string" then
    blame.misuse("net:on_connect: peer: option 'greeting' must be a string, got %s", blame.describe(greeting))
  end
  blame.check_seconds(after, "net:on_connect: peer: option 'after'")
  blame.check_callable(peer.receive or silent, "net:on_connect: peer: option 'receive'")
  return peer.receive or silent, greeting, peer.closes, after
end

--- Answers for the connections that members make from now on: the peer at that
--- endpoint, or nil and a message.
---@param fn fun(member: shoal.sim.Member, endpoint: string): shoal.sim.Peer?, string?
function Net:on_connect(fn)
  check_function(fn, "on_connect")
  self.handle:on_connect(function(place, endpoint)
    local peer, message = fn(self.by_number[place + 1], endpoint)
    if peer == nil then
      return nil, message
    end
    return check_peer(peer)
  end)
end

---@class shoal.sim.Response
---@field status? integer   200
---@field headers? table<string, string>
---@field body? string
---@field after? number     seconds until it is there (0)

-- As lines, in an order of their own.
local function header_lines(headers)
  local lines = {}
  for name, value in pairs(headers or {}) do
    lines[#lines + 1] = ("%s: %s\r\n"):format(name, tostring(value))
  end
  table.sort(lines)
  return table.concat(lines)
end

--- Answers for the requests that members make from now on with `node:http`: the
--- response, or nil and a message. A request has `url`, `method`, `headers` and `body`.
---@param fn fun(member: shoal.sim.Member, request: table): shoal.sim.Response?, string?
function Net:on_http(fn)
  check_function(fn, "on_http")
  self.handle:on_http(function(place, request)
    local response, message = fn(self.by_number[place + 1], request)
    if type(response) ~= "table" then
      return response, message
    end
    local copy = {}
    for name, value in pairs(response) do
      copy[name] = value
    end
    copy.headers = header_lines(response.headers)
    return copy
  end)
end

return Net
