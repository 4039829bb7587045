-- Keeps a file with the addresses of the active members, one a line, for programs
-- that cannot talk to shoal: a proxy's reload hook, a cron job, a shell.
-- The file is replaced as a whole, so a reader never sees half of it.
--
--   MEMBERS_FILE=/run/members.txt shoal run examples/agent.lua --bind 10.0.0.2:7946 --join 10.0.0.1:7946

local path = os.getenv("MEMBERS_FILE") or "members.txt"

local M = {}

local function list(node)
  local lines = { node:identity().addr }
  for _, member in ipairs(node:members()) do
    lines[#lines + 1] = member.addr
  end
  table.sort(lines)
  return table.concat(lines, "\n") .. "\n"
end

-- A full disk makes write or close fail, so both are checked.
local function replace(text)
  local file, message = io.open(path .. ".new", "w")
  if not file then
    return nil, message
  end
  local written, write_message = file:write(text)
  local closed, close_message = file:close()
  if not (written and closed) then
    os.remove(path .. ".new")
    return nil, write_message or close_message
  end
  return os.rename(path .. ".new", path)
end

local function update(node)
  local ok, message = replace(list(node))
  if not ok then
    node:log("error", "cannot write the list of members", { file = path, reason = message })
  end
end

M.on_start = update
M.on_reload = update
M.on_view = update -- once, however many members join at the same time
M.on_rejoin = update

return M
