-- Runs event handlers of serf as they are: the same variables, the same lines on standard input.
--
--   shoal run examples/serf_handlers.lua --name web-1 --bind 10.0.0.1:7946 --max-children 1 -- handler=./handler.sh
--
-- With --max-children 1 one runs after the other, as with serf. `shoal publish deploy v1` is the user
-- event `deploy`. There are no queries: write a function in `on_ask`.

local M = {}

local function text_of(tags)
  local list = {}
  for name, value in pairs(tags or {}) do list[#list + 1] = name .. "=" .. tostring(value) end
  table.sort(list)
  return table.concat(list, ",")
end

-- "web-1 <tab> 10.0.0.1 <tab> the tag role <tab> all tags", for each member
local function lines(members)
  local list = {}
  for i, member in ipairs(members) do
    local tags = member.tags or {}
    local host = member.addr:match "^%[?(.-)%]?:%d+$"
    list[i] = ("%s\t%s\t%s\t%s\n"):format(member.id.name or member.addr, host, tags.role or "", text_of(tags))
  end
  return table.concat(list)
end

local function run(node, event, input, env)
  env = env or {}
  local tags = node:tags()
  env.SERF_EVENT, env.SERF_SELF_NAME, env.SERF_SELF_ROLE = event, node:identity().name, tostring(tags.role or "")
  for name, value in pairs(tags) do env["SERF_TAG_" .. name:upper():gsub("[^%w_]", "_")] = tostring(value) end
  local function ended(n, result, message)
    if result and result.code == 0 then return end
    n:log("error", "the handler failed", { event = event, reason = message or result.stderr })
  end
  local started, message = node:spawn({ node.args.handler }, { env = env, stdin = input, timeout = 60 }, ended)
  if not started then ended(node, nil, message) end
end

function M.on_start(node)
  local self = node:identity()
  run(node, "member-join", lines { { id = self, addr = self.addr, tags = node:tags() } })
end

-- Many changes at once are one event, as with serf. A suspicion changes a member, but not its line.
function M.on_view(node, view)
  local told = node.store.told or {}
  local failed, left, updated = {}, {}, {}
  for _, member in ipairs(view.left) do
    local list = member.reason == "failed" and failed or left
    list[#list + 1] = member
  end
  for _, member in ipairs(view.changed) do
    if lines { member } ~= told[member.addr] then updated[#updated + 1] = member end
  end
  for event, members in pairs { join = view.joined, failed = failed, leave = left, update = updated } do
    if #members > 0 then run(node, "member-" .. event, lines(members)) end
    for _, member in ipairs(members) do told[member.addr] = member.state ~= "down" and lines { member } or nil end
  end
  node.store.told = told
end

function M.on_member_forgotten(node, member) run(node, "member-reap", lines { member }) end

function M.on_published(node, topic, data, _, number)
  run(node, "user", tostring(data) .. "\n", { SERF_USER_EVENT = topic, SERF_USER_LTIME = tostring(number) })
end

return M
