---@meta
--- Options of shoal.start and of a node's methods.

---@class shoal.StartOptions
---@field bind? string          "host:port"; port 0 picks one (default "127.0.0.1:0")
---@field advertise? string     "host[:port]" at which other members reach this node (default: the bound address)
---@field join? string[]|string seeds: "host:port"; names need not resolve yet
---@field name? string          1 to 64 letters, digits, "-", "_" or ".", and not a "." first; in the stock identity
---@field cluster? string       label of 1 to 64 bytes; packets with another label are dropped
---@field handlers? shoal.Handlers|string  a table; a module's name; a path (it ends in .lua or has a "/"), then every version of the script lives in a Lua state of its own and is reloaded when its files change
---@field watch? boolean        reload by itself when the files change (true)
---@field config? shoal.Preset|shoal.Config
---@field cluster_size? integer
---@field meta? table           in the stock identity, visible to all members
---@field tags? table<string, any>  what this node says of itself from the start; these replace tags of the same names of the handlers
---@field seed? integer         of the random choices
---@field log? shoal.LogOptions|string|shoal.LogFunction|false  levels, a function that gets the lines, or false for silence
---@field args? table           what the script finds in `node.args`: anything that MessagePack carries
---@field busy_limit? number   how many seconds to keep answering pings while a handler blocks (30); 0: not at all
---@field key_file? string      packets are sealed with the key in this file (mode 0600); docs/security.md
---@field key? string           the same with a key, or several on lines of their own, as text
---@field key_fd? integer       the same, read to its end from a descriptor, which is closed
---@field clock_skew? number    seconds that clocks of members with a key may be apart (30); 0: clocks are not used
---@field key_grace? number     seconds that the old key is kept after a rotation (86400)
---@field data_dir? string      a folder of its own for the node's memory on disk; docs/operating.md
---@field snapshot_every? number  seconds: how often, at most, changes are written there (5)
---@field allow? string[]      networks that members may be in: "10.0.0.0/8", "fd00::/8" (default: any)
---@field user? string         whom the process becomes for good, once the socket is bound and the key is read; it must run as root
---@field group? string        with this group (default: the user's)
---@field max_children? integer  how many programs the node runs at a time (8), up to 10,000; see Node:spawn
---@field on_error? fun(what: string, message: string)  called for every handler that failed, in addition to the log; called with "socket" and the reason before a node closes because its socket can never be used again

---@class shoal.MembersOptions
---@field state? shoal.State|"active"|"all"  default "active" (alive or suspect)
---@field where? table<string, any>|fun(member: shoal.Member): boolean
---@field tags? table<string, any>  only members with these tags: true: any value; a function of the value (or nil): decides, once all others agree; else an equal value

---@class shoal.LivingOptions
---@field where? table<string, any>|fun(member: shoal.Member): boolean  counts only members for which it holds

---@class shoal.OwnerOptions
---@field n? integer  1 to 255: a list of so many, the next owners behind the first
---@field where? table<string, any>|fun(member: shoal.Member): boolean   only members for which it holds
---@field weight? fun(member: shoal.Member): integer  0 to 65535: its share of the keys; 0: none. Must be the same on all members

---@class shoal.LogOptions
---@field levels? string        "info", "warn,engine=trace" (default: $SHOAL_LOG, else "warn")
---@field format? "text"|"json"
---@field write? shoal.LogFunction  gets the lines, which are not written then

---@alias shoal.LogFunction fun(level: shoal.Level, area: string, text: string, fields: table<string, string|number>)
