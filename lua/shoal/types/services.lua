---@meta
--- `require "shoal.services"`: services on tags. Nothing here runs.
--- Conventions are those of `shoal` (../types.lua).

---@class shoal.services.Check  one of http, tcp, exec, lua, ttl
---@field http? string      a URL: 2xx passes, 429 warns
---@field tcp? string       an endpoint: a connection passes
---@field exec? string[]    a program: exit code 0 passes, 1 warns
---@field lua? fun(node: shoal.Node): boolean|"passing"|"warning"|"critical"|nil, string?  may wait; the string says why
---@field ttl? number       seconds within which somebody must say that it works (`shoal service pass`)
---@field every? number     seconds between two checks (5)
---@field timeout? number   seconds for one (2, at most `every`)
---@field rise? integer     good answers in a row that make it passing (2)
---@field fall? integer     bad answers in a row that make it critical (3)
---@field method? string    of http, as `body` and `headers`
---@field body? string
---@field headers? table<string, string|number>

---@class shoal.services.Service
---@field port? integer
---@field host? string      where it is: a name or an IP address, without a port (the host of the member's address)
---@field tags? string[]
---@field weight? integer   0 to 65535 (1)
---@field check? shoal.services.Check
---@field checks? shoal.services.Check[]  the worst counts. Without any, it passes

---@class shoal.services.Instance
---@field name string
---@field addr? string      "10.0.0.1:8080"; the host alone without a port
---@field host? string      an IPv6 address has brackets
---@field port? integer
---@field state string      "passing", "warning", "critical" or "maintenance"
---@field tags string[]
---@field weight integer
---@field member shoal.Member  whose it is
---@field reason? string    of `services.all`, for what this node offers: why it does not pass

---@class shoal.services.Options
---@field tag? string       only those with this tag
---@field state? string|string[]  only those in this state, or these ("passing"); "any"
---@field where? fun(instance: shoal.services.Instance): boolean

---@class shoal.services
local services = {}

--- A table of handlers that may also have `services` and `on_service`.
---@param definition table  { services: table<string, shoal.services.Service>, on_service: fun(node, name, instances), ... }
---@return table
function services.script(definition) end
--- What `node:service(name, options)` is once this module was required.
---@param node shoal.Node
---@param name string
---@param options? shoal.services.Options
---@return shoal.services.Instance[]
function services.instances(node, name, options) end
---@param node shoal.Node
---@return shoal.services.Instance[]  of all services, in whatever state
function services.all(node) end
--- One of them: weighted round robin, or with a key always the same one while the instances are the
--- same. nil: there is none.
---@param node shoal.Node
---@param name string
---@param key? string
---@param options? shoal.services.Options
---@return shoal.services.Instance?
function services.pick(node, name, key, options) end

return services
