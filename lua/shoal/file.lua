-- SPDX-License-Identifier: MIT
-- Files that another program reads: written in one step, and then that program is told.
local file = {}

-- What each node keeps: [node][path] = { text=, reload=, done=, is_running= }.
local kept = setmetatable({}, { __mode = "k" })

local RELOAD_WITHIN, AGAIN_AFTER = 10, 5 -- seconds

--- Replaces the file by one with that text: whoever reads it sees the old one or the new
--- one, whole.
---@param path string
---@param text string
---@return true?, string? message
function file.replace(path, text)
  local temporary = path .. ".new"
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
  while entry.done ~= entry.text do
    local text, done = entry.text, node.store._files
    done[path] = nil
    local ok, message = apply(node, path, text, entry.reload)
    if ok then
      entry.done, done[path] = text, true
      node:log("info", "file written", { file = path })
    else
      node:log("error", "a file could not be taken into use", { file = path, reason = message })
      node:sleep(AGAIN_AFTER)
    end
  end
  entry.is_running = false
end

--- Keeps the file as the text: if it is another one, replaces it and runs `reload`, without
--- blocking. If one of the two fails, tries again every 5 s, with the last text. A new version
--- of a script does nothing if the one before was done with the same text (which it knows
--- from node.store._files).
---@param node shoal.Node
---@param path string
---@param text string
---@param reload? string[]  program and arguments, see node:spawn
function file.keep(node, path, text, reload)
  kept[node] = kept[node] or {}
  local entry = kept[node][path]
  if not entry then
    local store = node.store
    store._files = store._files or {}
    entry = { done = store._files[path] and is_there(path, text) and text or nil }
    kept[node][path] = entry
  end
  entry.text, entry.reload = text, reload
  if not entry.is_running and entry.done ~= text then
    entry.is_running = true
    node:go(function(n)
      work(n, path, entry)
    end)
  end
end

return file
