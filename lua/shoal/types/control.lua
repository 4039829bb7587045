---@meta
--- Signals and the control socket, in `require "shoal.core"`. Nothing here runs.
--- Conventions are those of `shoal` (../types.lua).

---@class shoal.Watcher
local Watcher = {}
--- Stops watching. After the last watcher of a signal, the signal does what it
--- did before the first.
function Watcher:cancel() end

---@class shoal.core
local core = {}

--- Calls `fn(name)` in the loop when the process gets the signal ("INT",
--- "TERM", "HUP", "USR1", "USR2", "QUIT"). Does not keep the loop running. An INT
--- or TERM that comes 0.2 s or more after one that no function has answered yet
--- ends the process: a function hangs.
--- `nil, message, "loop"`: the system has no event loop to give.
---@param name string
---@param fn fun(name: string)
---@return shoal.Watcher?, string? message, string? code
function core.signal(name, fn) end

--- The server's side of one connection. It speaks MessagePack-RPC.
---@class shoal.Peer
local Peer = {}
--- Unique among the peers of its server.
---@return integer
function Peer:id() end
--- Answers a request: `error` nil, or what went wrong. false: the peer is gone.
---@param id integer the request's
---@param error any
---@param result any
---@return boolean
function Peer:respond(id, error, result) end
--- Sends a notification.
---@param method string
---@param params any[]
---@return boolean
function Peer:notify(method, params) end
--- Sends these bytes, as they are.
---@param bytes string
---@return boolean
function Peer:write(bytes) end
--- Closes after what waits was written.
function Peer:close() end

---@class shoal.ControlHandlers
---@field on_request fun(peer: shoal.Peer, id: integer, method: string, params: any[])
---@field on_notify? fun(peer: shoal.Peer, method: string, params: any[])
---@field on_close? fun(peer: shoal.Peer)
---@field on_line? fun(peer: shoal.Peer, line: string)  a peer that begins with an ASCII character speaks in lines; without this it is cut off

--- Who may use a control socket.
---@class shoal.ControlAccess
---@field mode? integer  of the socket (0600, or 0660 with a group); a folder that is made for it lets the same users in
---@field group? string  by name or number
---@field user? string   the owner, by name or number; only root can give it away

---@class shoal.Server
local Server = {}
---@return string
function Server:path() end
--- Counted since the beginning, and as it is now: `connections`, and the bytes
--- `buffered` for all of them.
---@return { accepted: integer, refused: integer, malformed: integer, cut_off: integer, connections: integer, buffered: integer }
function Server:stats() end
--- Sends a notification to each of these peers. Those that are gone get none.
---@param peers table<any, shoal.Peer>
---@param method string
---@param params any[]
function Server:publish(peers, method, params) end
--- Flushes for up to 200 ms, closes every connection, removes the path.
function Server:close() end

--- Listens on a Unix socket (mode 0600 without `access`). A peer that sends anything but
--- MessagePack-RPC is cut off. A handler that raises: the request is answered
--- with its message.
---@param path string
---@param handlers shoal.ControlHandlers
---@param access? shoal.ControlAccess
---@return shoal.Server?, string? message, string? code
function core.control_listen(path, handlers, access) end

--- May a control socket be at `path`, when that is a default that nobody chose?
--- Its folder must be ours (or root's, or the user's in `access`), not a symbolic
--- link, and not writable by others, and so must a socket that is there. A folder
--- that is missing is fine, and made (mode 0700 without `access`) if `make`. `nil, message, code`: "folder" (message says what to
--- do), "listen" (it cannot be made).
---@param path string
---@param make? boolean
---@param access? shoal.ControlAccess
---@return true?, string? message, string? code
function core.control_folder(path, make, access) end

--- The names (files without `.sock`) of at most 64 sockets in the folder of `path`, in no order; none
--- if it cannot be read.
---@param path string
---@return string[]
function core.control_names(path) end

---@class shoal.Client
local Client = {}
--- Sends a request and waits for its answer; notifications that come meanwhile
--- are kept for `receive`. `nil, error, "remote"` when the other side says so
--- (`error` is what it sent), `nil, message, "timeout"|"closed"|"malformed"`
--- else. A nil result is `true`.
---@param method string
---@param params? any[]
---@param timeout? number seconds (none: for ever)
---@return any result, any error, string? code
function Client:call(method, params, timeout) end
--- The next notification: its method and parameters.
---@param timeout? number
---@return string? method, any params_or_message, string? code
function Client:receive(timeout) end
function Client:close() end

--- Blocking, for commands.
---@param path string
---@param timeout? number seconds to wait for a node that takes no connection, or later no request
---@return shoal.Client?, string? message, string? code
function core.control_connect(path, timeout) end

return core
