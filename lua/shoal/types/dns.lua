---@meta
--- The DNS server below `shoal run --dns`, in `require "shoal.core"`. Nothing here runs.
--- Conventions are those of `shoal` (../types.lua).

---@class shoal.DnsHandlers
---@field on_turn? fun()  before queries are answered, at most 50 times a second

---@class shoal.DnsOptions
---@field public? boolean  another address than loopback will do
---@field domain? string   what names end in ("shoal")
---@field ttl? integer     seconds that answers may be kept (0)
---@field idle? number     seconds between two queries of a connection (10)
---@field arrive? number   seconds for the whole of one (5)
---@field write? number    seconds until an answer is read (5)

---@class shoal.DnsService
---@field name string
---@field host? string    an IP address, or a name
---@field port? integer
---@field weight? integer
---@field passing? boolean
---@field tags? string[]

---@class shoal.DnsServer
local DnsServer = {}
--- Describes a member, instead of what was said of it before.
---@param key string        which member
---@param name? string      its name as a node
---@param host? string      its address
---@param texts? string[]   its tags
---@param services? shoal.DnsService[]
function DnsServer:put(key, name, host, texts, services) end
---@param key string
function DnsServer:drop(key) end
--- "127.0.0.1:8600", with the port that it was given.
---@return string
function DnsServer:place() end
---@return table<string, integer>
function DnsServer:stats() end
--- Ends all connections.
function DnsServer:close() end

---@class shoal.core
local core = {}

--- Answers DNS at "127.0.0.1:8600" (port 0: any), by UDP and TCP, in the loop of nodes.
--- `nil, message, "listen"`: the address cannot be used.
---@param where string
---@param handlers shoal.DnsHandlers
---@param options? shoal.DnsOptions
---@return shoal.DnsServer?, string? message, string? code
function core.dns_listen(where, handlers, options) end
