-- SPDX-License-Identifier: MIT
-- HTTP for a node in your program: what `shoal run --http` answers (docs/http.md).
--
--     local server = assert(http.serve(node, "127.0.0.1:7947"))
--     local metrics = http.metrics(node)     -- for a program that has a server of its own
local blame = require "shoal.blame"

local http = {}

local function check_node(who, node)
  local ok, info = pcall(function()
    return node.info
  end)
  if not ok or type(info) ~= "function" then
    blame.misuse("%s: needs a node, got %s", who, blame.describe(node))
  elseif node:is_closed() then
    blame.misuse("%s: the node is closed", who)
  end
end

local Server = {}
Server.__index = Server

--- "127.0.0.1:7947", with the port that it was given; "unix:PATH".
function Server:place()
  return self.http:stats().place
end

function Server:stats()
  return self.http:stats()
end

function Server:close()
  self.http:close()
end

--- Answers for that node, in the loop of nodes.
---@param node shoal.Node
---@param where string
---@param options? shoal.WebOptions
---@return shoal.http.Server?, string? message, string? code
function http.serve(node, where, options)
  check_node("http.serve", node)
  if type(where) ~= "string" then
    blame.misuse("http.serve: 'where' must be a string, got %s", blame.describe(where))
  end
  local server, message, code = require("shoal.serve.http").listen(where, options)
  if not server then
    return nil, message, code
  end
  server:attach(node)
  return setmetatable({ http = server }, Server)
end

--- What /metrics answers, as text, each time that the function is called.
---@param node shoal.Node
---@return fun(which?: { detail?: boolean, members?: boolean }): string
function http.metrics(node)
  check_node("http.metrics", node)
  local metrics = require "shoal.serve.http.metrics"
  local self = { node = node, drops = {}, detection = metrics.watch_detection(node) }
  return function(which)
    which = which or {}
    return metrics.render(self, { query = { detail = which.detail and "1", members = which.members and "1" } })
  end
end

return http
