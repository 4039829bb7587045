---@meta
--- What a script does without blocking the node: the rest of `shoal.Node`. Nothing here runs.
--- Conventions are those of `shoal` (../types.lua).

---@class shoal.Pending  something that was begun and is not over
local Pending = {}

--- Gives it up: nobody is told of its outcome. Returns true, or false if it was over already.
---@return boolean
function Pending:cancel() end

---@class shoal.SpawnOptions
---@field stdin? string       what it reads from its stdin (nothing)
---@field env? table<string, string|number|false>  variables that it gets in addition to ours, or in place of ours; false: without it
---@field cwd? string         its folder (ours)
---@field timeout? number     seconds: then its process group gets TERM, and KILL 2 s later. 0: at once (no limit)
---@field max_output? integer  bytes kept of each of stdout and stderr (65536)

---@class shoal.SpawnResult
---@field code? integer       its exit code; nil if a signal ended it
---@field signal? integer     the signal that ended it. Neither: another part of the process has waited for it
---@field stdout string
---@field stderr string
---@field truncated boolean   there was more of one of the two
---@field timed_out boolean

--- A connection to a peer. Its methods wait, so only coroutines call them, one at a time.
---@class shoal.Connection
local Connection = {}

--- "*l" (the default): a line without its end (LF or CR LF). "*a": all up to the end of the
--- connection. A number: so many bytes (16777216 at most), or what is left at the end. `nil, message,
--- code`: "closed" (nothing is left), "connect" (it is broken, or that is more than 16 MiB; what has
--- arrived of a line can be read by number), "timeout" (nothing is lost: read again).
---@param what? "*l"|"*a"|integer
---@param timeout? number  seconds (that of `connect`)
---@return string?, string? message, shoal.Code? code
function Connection:read(what, timeout) end
--- Returns true when the system has taken all of it.
---@param data string
---@param timeout? number  seconds (that of `connect`)
---@return true?, string? message, shoal.Code? code
function Connection:write(data, timeout) end
--- A coroutine that waits for it gets `nil, message, "closed"`. Returns false if it was closed.
---@return boolean
function Connection:close() end

---@class shoal.HttpOptions
---@field url string          http:// or https://
---@field method? string      "GET", or "POST" if there is a body
---@field body? string
---@field headers? table<string, string|number>  also in place of Host, Accept and Content-Length; "": not sent
---@field timeout? number     seconds for all of it (30)
---@field max_body? integer   bytes kept of the response's body (1048576)
---@field ca_file? string     of trusted certificates (the system's)

---@class shoal.HttpResponse
---@field status integer
---@field headers table<string, string>  by their names in small letters; the values of a repeated one are joined with ", "
---@field body string
---@field truncated boolean   there was more of the body

---@class shoal.Argument  of a command
---@field [1] string          its name
---@field type? "string"|"number"|"boolean"  what it must be (anything)
---@field default? any        its value if it is not given
---@field optional? boolean   it may be nil
---@field help? string

---@class shoal.Command
---@field run fun(node: shoal.Node, args: table): any, string?, string?  as a coroutine; its value is the answer. `nil, message, code`: it failed
---@field help? string        one line
---@field args? (string|shoal.Argument)[]  what it takes, by name or by place (anything)

--- What one of the script's pages gets.
---@class shoal.PageRequest
---@field method string
---@field path string
---@field query table<string, string>
---@field headers table<string, string>  by their names in small letters
---@field body string

---@class shoal.CommandInfo
---@field name string
---@field help? string
---@field args? { name: string, type?: string, default?: any, optional?: boolean, help?: string }[]

---@class shoal.Node
local Node = {}

--- Runs the command of that name in the table `commands` of the handlers, in the next turn of the
--- loop, and calls `fn(node, result)`, or `fn(node, nil, message, code)`. Returns at once: what can be
--- cancelled (the command goes on, `fn` is not called), or `nil, message, code`. Without `fn`: only in
--- a coroutine, which waits and gets the result. Codes: "no_handler" (there is no such command),
--- "arguments", "handler" (it raised an error), "failed" or another one of its own, "replaced" (the
--- script was reloaded meanwhile), "full" (64 are under way). (sends)
---@param name string
---@param args? table
---@param fn? fun(node: shoal.Node, result: any, message: string?, code: shoal.Code?)
---@return shoal.Pending|any, string? message, shoal.Code? code
function Node:call(name, args, fn) end
--- The same of a page in the table `http` of the handlers: the answer is { status =, body =, headers = }.
--- (sends)
---@param path string
---@param request table
---@param fn? fun(node: shoal.Node, answer: table?, message: string?, code: shoal.Code?)
---@return shoal.Pending|any, string? message, shoal.Code? code
function Node:page(path, request, fn) end
--- The commands that there are, by name.
---@return shoal.CommandInfo[]
function Node:commands() end

--- Makes a request, and calls `fn(node, response)`, or `fn(node, nil, message, code)`. Returns at
--- once: what can be cancelled, or `nil, message, code`. Without `fn`: only in a coroutine, which
--- waits and gets `response`. Codes: "http" (there is no response), "timeout", "full" (256 are under
--- way). Redirects are not followed. https needs libcurl. (sends)
---@param options shoal.HttpOptions
---@param fn? fun(node: shoal.Node, response: shoal.HttpResponse?, message: string?, code: shoal.Code?)
---@return shoal.Pending|shoal.HttpResponse|nil, string? message, shoal.Code? code
function Node:http(options, fn) end

--- Runs `fn(node)` as a coroutine, soon: not before the handler that calls this has returned. It ends
--- with the version of the handlers that started it. What it raises is logged as a handler's error.
---@param fn fun(node: shoal.Node)
function Node:go(fn) end
--- In a coroutine: waits for that time. Returns true.
---@param seconds number
---@return true
function Node:sleep(seconds) end
--- In a coroutine: connects to "host:port" by TCP, or to a Unix socket at a path with a "/". Codes:
--- "connect", "timeout". (sends)
---@param endpoint string
---@param timeout? number  seconds, also for each read and write that has none of its own (no limit)
---@return shoal.Connection?, string? message, shoal.Code? code
function Node:connect(endpoint, timeout) end
--- Calls `fn(node, fd)` in every turn of the loop in which the descriptor can be read ("r") or written
--- ("w"), until it is cancelled; cancel it before you close the descriptor. Code: "io" (it cannot be
--- watched). `fn(node, nil, message, "io")`: it was closed, and is not watched any more. Not in a
--- simulation.
---@param fd integer
---@param mode "r"|"w"
---@param fn fun(node: shoal.Node, fd: integer?, message: string?, code: shoal.Code?)
---@return shoal.Pending?, string? message, shoal.Code? code
function Node:io(fd, mode, fn) end

--- Runs a program without a shell; `argv[1]` is a path, or looked for in the node's $PATH. Calls
--- `fn(node, result)` when it has ended. Returns at once: what can be cancelled (the program is ended,
--- `fn` is not called), or `nil, message, code`: "spawn" (it cannot be started), "full" (1,024 wait).
--- One that had to wait and cannot be started then calls `fn(node, nil, message, "spawn")`. It ends
--- with the version of the handlers that started it. Without `fn`: only in a coroutine, which waits
--- and gets `result`, or `nil, message, code`. (sends)
---@param argv string[]
---@param options? shoal.SpawnOptions
---@param fn? fun(node: shoal.Node, result: shoal.SpawnResult?, message: string?, code: shoal.Code?)
---@return shoal.Pending|shoal.SpawnResult|nil, string? message, shoal.Code? code
---@overload fun(self: shoal.Node, argv: string[], fn: fun(node: shoal.Node, result: shoal.SpawnResult?, message: string?, code: shoal.Code?)): shoal.Pending?, string?, shoal.Code?
function Node:spawn(argv, options, fn) end

---@class shoal.Rotation
---@field key string  the id of the new key
---@field stage "spreading"|"using"|"grace"|"done"
---@field lacks string[]   addresses of active members that do not have it
---@field unused string[]  and of those that do not use it
---@field removed_in? number  seconds until the last of the old keys is removed

--- Gives the cluster another key; its id. Without `key`, the text of one, it makes a key that
--- nobody has in a file: members that come later need one there. (sends)
---@param key? string
---@return string? id, string? message, shoal.Code? code
function Node:rotate_key(key) end

--- How far that is; nil when there was none.
---@return shoal.Rotation?, string? message, shoal.Code? code
function Node:rotation() end

---@class shoal.GoneMember
---@field id shoal.Identity
---@field addr string
---@field state "down"|"remembered"  remembered: from the memory on disk, not heard from since the start
---@field reason? shoal.Reason
---@field last_seen number  unix seconds
---@field tags? table<string, any>  its last ones

--- Members that are known and not there.
---@return shoal.GoneMember[]
function Node:gone() end

--- The ids of the keys that open packets; the one that seals them comes first. `nil, message,
--- "key"` from a node that has none, here and in what follows.
---@return { id: string, used: boolean }[]?, string? message, shoal.Code? code
function Node:keys() end
--- Adds a key (44 characters of base64, as `shoal keygen` prints it): packets that are sealed with
--- it are opened from now on. At most four.
---@param key string
---@return true?, string? message, shoal.Code? code
function Node:add_key(key) end
--- Seals with this key from now on.
---@param id string
---@return true?, string? message, shoal.Code? code
function Node:use_key(id) end
--- Forgets a key that does not seal.
---@param id string
---@return true?, string? message, shoal.Code? code
function Node:remove_key(id) end
