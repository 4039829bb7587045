---@meta
--- `require "shoal.file"`: files that another program reads. Nothing here runs.
--- Conventions are those of `shoal` (../types.lua).

---@class shoal.file
local file = {}

--- Replaces the file by one with that text, in one step (through PATH.new, which is renamed). It keeps
--- its mode. A symbolic link is replaced, and not the file that it leads to.
---@param path string
---@param text string
---@return true?, string? message
function file.replace(path, text) end
--- Keeps the file as the text: replaces it if it differs, and then runs `reload`, without blocking the
--- node. What fails is logged and tried again every 5 s. Of texts that come meanwhile, the last counts.
--- Raises an error if one of these is not what it should be.
---@param node shoal.Node
---@param path string
---@param text string
---@param reload? string[]  program and arguments, see Node:spawn
function file.keep(node, path, text, reload) end

return file
