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
---@field timeout? number     seconds: then its process group gets TERM, and KILL 2 s later
---@field max_output? integer  bytes kept of each of stdout and stderr (65536)

---@class shoal.SpawnResult
---@field code? integer       its exit code; nil if a signal ended it
---@field signal? integer     the signal that ended it. Neither: another part of the process has waited for it
---@field stdout string
---@field stderr string
---@field truncated boolean   there was more of one of the two
---@field timed_out boolean

---@class shoal.Node
local Node = {}

--- Runs a program without a shell; `argv[1]` is a path, or looked for in $PATH. Calls `fn(node,
--- result)` when it has ended. Returns at once: what can be cancelled (the program is ended, `fn` is
--- not called), or `nil, message, code`: "spawn" (it cannot be started), "full" (1,024 wait). One
--- that had to wait and cannot be started then calls `fn(node, nil, message, "spawn")`. It ends with
--- the version of the handlers that started it. Without `fn`: only in a coroutine, which waits and
--- gets `result`, or `nil, message, code`. (sends)
---@param argv string[]
---@param options? shoal.SpawnOptions
---@param fn? fun(node: shoal.Node, result: shoal.SpawnResult?, message: string?, code: shoal.Code?)
---@return shoal.Pending|shoal.SpawnResult|nil, string? message, shoal.Code? code
---@overload fun(self: shoal.Node, argv: string[], fn: fun(node: shoal.Node, result: shoal.SpawnResult?, message: string?, code: shoal.Code?)): shoal.Pending?, string?, shoal.Code?
function Node:spawn(argv, options, fn) end
