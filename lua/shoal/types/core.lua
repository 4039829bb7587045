---@meta
--- What `require "shoal.core"` deals in: the engine, sans I/O, for those with a
--- transport, a clock or an event loop of their own. Nothing here runs.
---
--- Conventions are those of `shoal` (../types.lua); moments are seconds of any
--- clock that does not run backwards.

---@class shoal.core
---@field version string      "1.2.3"
---@field presets string[]    the names of the config presets
---@field codec shoal.CodecHandlers  the default codec; its decoders answer nil, message, code for bytes that are none
local core = {}

---@class shoal.CoreHandlers
---@field identity? shoal.IdentityHandlers
---@field broadcast? shoal.CoreBroadcastHandlers
---@field admit? fun(engine: shoal.Engine, identity: any, endpoint: string): boolean
---@field check_tags? fun(member: shoal.Member, tags: table<string, any>): boolean?
---@field codec? shoal.CodecHandlers

---@class shoal.CoreBroadcastHandlers
---@field receive fun(engine: shoal.Engine, data: string, sender: shoal.Identity?): any  its key, or nil: no news
---@field invalidates? fun(key: any, other: any): boolean?
---@field wanted_by? fun(engine: shoal.Engine, member: shoal.Member): boolean?

---@class shoal.EngineOptions
---@field identity shoal.Identity
---@field config? shoal.Preset|shoal.Config  default "lan"
---@field cluster_size? integer  what a preset is scaled to (10)
---@field seed? integer          of every random choice; none: one of its own
---@field handlers? shoal.CoreHandlers
---@field diagnostics? boolean|shoal.Event[]  which diagnostics are reported

--- A new engine, idle and alone.
---@param options shoal.EngineOptions
---@return shoal.Engine?, string? message, shoal.Code? code
function core.new(options) end

--- The identity that needs no script: an address, a number that grows with every
--- life, and what else there is to say.
---@param addr string "host:port"
---@param bump integer 0 to 2^53 - 1
---@param extra? table name, meta, ...
---@return table
function core.stock_identity(addr, bump, extra) end

---@param name shoal.Preset
---@param cluster_size? integer
---@return shoal.Config
function core.preset(name, cluster_size) end

--- Canonical MessagePack: equal values are equal bytes.
---@param value any
---@return string? bytes, string? message
function core.pack(value) end

---@param bytes string one whole value
---@return any value, string? message
function core.unpack(bytes) end

--- `header.dst_hash` of a packet to it.
---@param id shoal.Identity
---@return integer
function core.hash_identity(id) end

--- `header.dst_hash` of an announce to it.
---@param addr any
---@return integer
function core.hash_address(addr) end

--- The entry of `list` that `name` was probably meant to be.
---@param name string
---@param list string[]
---@return string?
function core.nearest(name, list) end

-- ---- The engine ------------------------------------------------------------

--- Entry points answer true, or nil, message, code, and leave effects behind.
--- Inside one of the engine's own questions they, and close(), answer nil,
--- message, "reentrant"; queries work there.
---@class shoal.Engine
local Engine = {}

--- A packet arrived.
---@param now number
---@param packet string
---@return true?, string? message, shoal.Code? code
function Engine:receive(now, packet) end

--- Does what is due: to be called at deadline(), or late.
---@param now number
---@return true?, string? message, shoal.Code? code
function Engine:tick(now) end

--- When tick() wants to be called; nil while there is nothing to wait for.
---@return number?
function Engine:deadline() end

--- Joins through `id`, or the member that has its address.
---@param now number
---@param id shoal.Identity
---@return true?, string? message, shoal.Code? code
function Engine:announce(now, id) end

--- Sends updates and broadcasts to a few random members now.
---@param now number
---@return true?, string? message, shoal.Code? code
function Engine:gossip(now) end

--- Sends waiting broadcasts, and nothing else, now.
---@param now number
---@return true?, string? message, shoal.Code? code
function Engine:broadcast(now) end

--- Queues an item of ours: true; false when `receive` took it for no news.
---@param now number
---@param data string
---@return boolean?, string? message, shoal.Code? code
function Engine:add_broadcast(now, data) end

--- Publishes a value on a topic. See shoal.Node.
---@param now number
---@param topic string
---@param data any
---@return integer? number, string? message, shoal.Code? code
function Engine:publish(now, topic, data) end

--- Changes our tags: `shoal.core.none` deletes one. See shoal.Node.
---@param now number
---@param changes table<string, any>
---@return true?, string? message, shoal.Code? code
function Engine:set_tags(now, changes) end

--- Our tags, a new table.
---@return table<string, any>
function Engine:tags() end

--- Sends a message to an active member. `message_acknowledged` and `message_failed`, which are
--- diagnostics, have its ticket. See shoal.Node.
---@param now number
---@param to shoal.Member|any  a member, its address or its name
---@param data any
---@param ticket? integer  0 or more (0)
---@return true?, string? message, shoal.Code? code
function Engine:send_to(now, to, data, ticket) end

--- Tells some members that we are going, and is defunct.
---@param now number
---@return true?, string? message, shoal.Code? code
function Engine:leave(now) end

--- Tells somebody who need not be a member that we have left; nothing before
--- leave().
---@param now number
---@param id shoal.Identity
---@return true?, string? message, shoal.Code? code
function Engine:leave_to(now, id) end

--- Codes: "loses" (it has our address, or a known one's, and does not win against
--- the identity there), "address_in_use" (a living member has its address),
--- "same_identity", "identity", "too_big".
---@param now number
---@param id shoal.Identity
---@return true?, string? message, shoal.Code? code
function Engine:change_identity(now, id) end

---@param now number
---@return true?, string? message, shoal.Code? code
function Engine:reuse_down_identity(now) end

--- Takes claims as if a packet had brought them; state() can be given back. Stops at
--- the first that is refused: the message says which one, `applied` how many were
--- before it.
---@param now number
---@param states shoal.Claim[]
---@param options? { broadcast: boolean }
---@return true?, string? message, shoal.Code? code, integer? applied
function Engine:apply(now, states, options) end

--- Forgets a member that is down. Codes: "not_found", "not_down".
---@param now number
---@param addr any
---@return true?, string? message, shoal.Code? code
function Engine:forget(now, addr) end

--- Changes what is named, over the present config.
---@param now number
---@param config shoal.Preset|shoal.Config
---@return true?, string? message, shoal.Code? code
function Engine:set_config(now, config) end

--- All other handlers from now on.
---@param handlers shoal.CoreHandlers
---@return true?, string? message, shoal.Code? code
function Engine:set_handlers(handlers) end

---@param diagnostics boolean|shoal.Event[]
---@return true
function Engine:set_diagnostics(diagnostics) end

--- Takes the packets out: for to, bytes, message, endpoint in engine:sends() do
---@return fun(engine: shoal.Engine): shoal.Identity?, string, shoal.Message, string
---@return shoal.Engine
function Engine:sends() end

--- Takes the events out: for event, a, b in engine:events() do
---   member; rename: before { id=, addr= } and after; active, idle, defunct:
---   nothing; packet_*: { id=, message=, updates=, size= }; item_dropped:
---   { size=, reason= }; rejoin and returned: ourselves
---@return fun(engine: shoal.Engine): shoal.Event?, any, any
---@return shoal.Engine
function Engine:events() end

--- Takes both out in order: "send", to, bytes, message, endpoint or "notify",
--- event, a, b.
---@return fun(engine: shoal.Engine): "send"|"notify"|nil, any, any, any, any
---@return shoal.Engine
function Engine:effects() end

---@return shoal.Identity
function Engine:identity() end
---@return shoal.Member
function Engine:self() end
---@return shoal.Connection
function Engine:connection() end
--- Active ones.
---@return integer
function Engine:num_members() end
--- Down ones included.
---@return integer
function Engine:num_known() end
--- As those of a node.
---@return integer
function Engine:view() end
---@param options? shoal.LivingOptions
---@return integer
function Engine:size(options) end
---@param options? shoal.LivingOptions
---@return integer?
function Engine:rank(options) end
---@param key string
---@param options? shoal.OwnerOptions
---@return shoal.Member|shoal.Member[]|nil owner, boolean mine
function Engine:owner(key, options) end
---@param options? shoal.MembersOptions
---@return shoal.Member[]
function Engine:members(options) end
---@param addr any
---@return shoal.Member?
function Engine:member(addr) end
--- All members, down ones included.
---@return shoal.Member[]
function Engine:state() end
---@return { updates: integer, broadcasts: integer }
function Engine:backlog() end
---@return shoal.Config
function Engine:config() end
--- Counters since the beginning.
---@return shoal.Stats
function Engine:stats() end

--- Frees it; it then only raises. Unreferenced engines are freed as well.
---@return true?, string? message, shoal.Code? code
function Engine:close() end

--- For tests: the n-th allocation of the engine from now on fails, with `after`
--- all that follow as well; nil: none.
---@param n? integer
---@param after? boolean
function Engine:fail_allocation(n, after) end

--- The network that shoal.sim stands on: use that.
---@param options? shoal.sim.Options
---@return userdata
function core.simulation(options) end

--- Is that descriptor a terminal (2: stderr)?
---@param descriptor integer
---@return boolean
function core.is_terminal(descriptor) end

--- Tells whoever looks after the process (systemd: `$NOTIFY_SOCKET`) by sd_notify's protocol.
---@param state string  "READY=1"; RELOADING=1 gets its MONOTONIC_USEC
---@return boolean? told  false: nobody does
---@return string? message
function core.tell_supervisor(state) end

--- A new key as text; or, with a path, in a new file of mode 0600, and its id. `nil, message, "key"`.
---@param path? string
---@return string? key_or_id, string? message, string? code
function core.keygen(path) end

--- The one key in a file that only we may read, as text, and its id. `nil, message, "key"`.
---@param path string
---@return string? key, string? id_or_message, string? code
function core.read_key(path) end

--- What is at that path; nil: nothing. Links are not followed: one is "other", as
--- are devices and pipes.
---@param path string
---@return "file"|"folder"|"other"|nil
function core.file_kind(path) end
--- Opens libcurl, if it is there, so that the first `node:http()` does not.
function core.open_http() end

return core
