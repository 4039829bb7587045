---@meta
--- The HTTP server below `shoal run --http`, in `require "shoal.core"`. Nothing here
--- runs. Conventions are those of `shoal` (../types.lua).

--- A request, and its answer.
---@class shoal.Exchange
local Exchange = {}
--- The value of a header, whatever its case; nil: it has none, or the exchange is over.
---@param name string
---@return string?
function Exchange:header(name) end
--- All of them, by their names in small letters.
---@return table<string, string>
function Exchange:headers() end
--- Answers. false: it was answered before, or the client has gone.
---@param status integer
---@param headers? table<string, string>
---@param body? string
---@return boolean
function Exchange:respond(status, headers, body) end
--- Answers with what `write` adds until `finish`. false: as `respond`.
---@param status integer
---@param headers? table<string, string>
---@return boolean
function Exchange:stream(status, headers) end
--- false: it is over; or its reader did not read, and was cut off.
---@param text string
---@return boolean
function Exchange:write(text) end
--- Bytes of it that the client has not taken yet.
---@return integer
function Exchange:waiting() end
function Exchange:finish() end
--- Ends its connection, unless it has been answered in full: it cannot be.
function Exchange:drop() end
--- Is anybody still there?
---@return boolean
function Exchange:is_open() end

---@class shoal.WebHandlers
---@field on_request? fun(exchange: shoal.Exchange, method: string, uri: string, body: string)
---@field on_over? fun(exchange: shoal.Exchange)

---@class shoal.WebOptions
---@field public? boolean  another address than loopback will do; needs a token
---@field token_file? string  the token that clients must show
---@field mode? integer  of a path (0600, or 0660 with a group)
---@field group? string  of a path, by name or number
---@field user? string   the owner of a path; only root can give it away
---@field idle? number   seconds from a request to the next one's first line (75)
---@field arrive? number seconds from there to its end (15)
---@field write? number  seconds until an answer is taken (60)

---@class shoal.WebServer
local WebServer = {}
--- "127.0.0.1:7947", with the port that it was given; "unix:PATH".
---@return string
function WebServer:place() end
---@return { accepted: integer, refused: integer, requests: integer, cut_off: integer, connections: integer }
function WebServer:stats() end
--- Ends all connections.
function WebServer:close() end

---@class shoal.core
local core = {}

--- Answers HTTP at "127.0.0.1:7947" (port 0: any) or "unix:PATH", in the loop of nodes.
--- `nil, message, "listen"`: the place or the token cannot be used, or there is no
--- libmicrohttpd.
---@param where string
---@param handlers shoal.WebHandlers
---@param options? shoal.WebOptions
---@return shoal.WebServer?, string? message, string? code
function core.web_listen(where, handlers, options) end
