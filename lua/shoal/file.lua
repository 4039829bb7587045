-- SPDX-License-Identifier: MIT
-- Files that another program reads: written in one step, and then that program is told.
local blame = require "shoal.blame"

local file = {}

-- What each node keeps: [node][path] = { text=, reload=, done=, begins=, thread= }. `done` is
-- what the file and the program are known to have: nil while one of them may have another text.
local kept = setmetatable({}, { __mode = "k" })

local RELOAD_WITHIN, AGAIN_AFTER = 10, 5 -- seconds

local function quote(word)
  return "'" .. word:gsub("'", "'\\''") .. "'"
end

-- Lua can only make files with the mode that the umask leaves: a file that only its owner may
-- read would become one for everybody. cp makes one with the mode, and the owner if it may.
-- Without cp the file is written all the same.
local function copy_mode(path, temporary)
  local present = io.open(path, "rb")
  if present then
    present:close()
    local from, to = quote(path), quote(temporary)
    os.execute(("cp -pf -- %s %s 2>/dev/null && chmod u+w -- %s"):format(from, to, to))
  end
end

--- Replaces the file by one with that text: whoever reads it sees the old one or the new
--- one, whole. The new one has the mode of the old one. A symbolic link is replaced, too,
--- and not what it leads to.
---@param path string
---@param text string
---@return true?, string? message
function file.replace(path, text)
  local temporary = path .. ".new"
  copy_mode(path, temporary)
  local out, message = io.open(temporary, "wb")
  if not out then
    return nil, message
  end
  local ok, trouble = out:write(text)
  local closed, why = out:close()
  if not ok or not closed then
    os.remove(temporary)
    return nil, ("cannot write %s: %s"):format(temporary, trouble or why)
  end
  ok, message = os.rename(temporary, path)
  return ok and true or nil, message
end

local function is_there(path, text)
  local present = io.open(path, "rb")
  if not present then
    return false
  end
  local same = present:read "*a" == text
  present:close()
  return same
end

-- nil and why not. Waits for the program.
local function apply(node, path, text, reload)
  local ok, message = file.replace(path, text)
  if not ok or not reload then
    return ok, message
  end
  local result, trouble = node:spawn(reload, { timeout = RELOAD_WITHIN })
  if result and result.code == 0 then
    return true
  end
  local said = result and (result.timed_out and "timeout" or result.stderr:match "[^\n]*")
  return nil, ("%s failed: %s"):format(reload[1], trouble or said)
end

-- One at a time; of what changes meanwhile the last counts.
local function work(node, path, entry)
  entry.begins, entry.thread = false, coroutine.running()
  while entry.done ~= entry.text do
    local text, done = entry.text, node.store._files
    entry.done, done[path] = nil, nil
    local ok, message = apply(node, path, text, entry.reload)
    if ok then
      entry.done, done[path] = text, true
      node:log("info", "file written", { file = path })
    else
      node:log("error", "a file could not be taken into use", { file = path, reason = message })
      node:sleep(AGAIN_AFTER)
    end
  end
end

-- An error ends a coroutine, and what it was to do is left to the next one.
local function is_worked_on(entry)
  return entry.begins or entry.thread and coroutine.status(entry.thread) ~= "dead"
end

local function check_arguments(path, text, reload)
  if type(path) ~= "string" then
    error(("file.keep: needs the path of a file, got %s"):format(blame.describe(path)), 3)
  elseif type(text) ~= "string" then
    error(("file.keep: needs a text, got %s"):format(blame.describe(text)), 3)
  elseif reload ~= nil and (type(reload) ~= "table" or #reload == 0) then
    error(("file.keep: 'reload' must list a program and its arguments, got %s"):format(blame.describe(reload)), 3)
  end
  for _, word in ipairs(reload or {}) do
    if type(word) ~= "string" then
      error(("file.keep: 'reload' must list strings, got %s"):format(blame.describe(word)), 3)
    end
  end
end

--- Keeps the file as the text: if it is another one, replaces it and runs `reload`, without
--- blocking. If one of the two fails, tries again every 5 s, with the last text. A new version
--- of a script does nothing if the one before was done with the same text (which it knows
--- from node.store._files). The mode and links are as with file.replace.
---@param node shoal.Node
---@param path string
---@param text string
---@param reload? string[]  program and arguments, see node:spawn
function file.keep(node, path, text, reload)
  check_arguments(path, text, reload)
  kept[node] = kept[node] or {}
  local entry = kept[node][path]
  if not entry then
    local store = node.store
    store._files = store._files or {}
    entry = { done = store._files[path] and is_there(path, text) and text or nil }
    kept[node][path] = entry
  end
  entry.text, entry.reload = text, reload
  if entry.done ~= text and not is_worked_on(entry) then
    node:go(function(n)
      work(n, path, entry)
    end)
    entry.begins = true
  end
end

return file
