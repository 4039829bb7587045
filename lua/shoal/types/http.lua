---@meta
--- `require "shoal.http"`: HTTP for a node in a program. Nothing here runs.
--- Conventions are those of `shoal` (../types.lua).

---@class shoal.http
local http = {}

--- Answers at "127.0.0.1:7947" (port 0: any) or "unix:PATH" what `shoal run --http` answers, in the loop of
--- nodes, until it is closed. `nil, message, "listen"`: the place or the token cannot be used, or there is
--- no libmicrohttpd. Once the node is closed, the answer is 503.
---@param node shoal.Node
---@param where string
---@param options? shoal.WebOptions
---@return shoal.http.Server?, string? message, string? code
function http.serve(node, where, options) end

--- A function that returns what /metrics answers. It needs no libmicrohttpd.
---@param node shoal.Node
---@return fun(which?: { detail?: boolean, members?: boolean }): string
function http.metrics(node) end

---@class shoal.http.Server
local Server = {}
--- "127.0.0.1:7947", with the port that it was given; "unix:PATH".
---@return string
function Server:place() end
---@return { place: string, accepted: integer, refused: integer, requests: integer, cut_off: integer, connections: integer }
function Server:stats() end
--- Ends all connections.
function Server:close() end

return http
