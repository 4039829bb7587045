-- Which versions run in the cluster, and where? Each member answers the question, and anyone
-- may ask it: here the members that see a change of the view, and you on the command line.
--
--   VERSION=1.4.1 shoal run examples/ask_versions.lua --bind 127.0.0.1:7946
--   VERSION=1.4.2 shoal run examples/ask_versions.lua --name second --join 127.0.0.1:7946
--   shoal ask version
--
-- An answer is what a member says when it is asked. What should be known at any time, without
-- asking, is a tag.

local version = os.getenv("VERSION") or "1.4.1"

local M = { on_ask = {} }

-- Anything that MessagePack carries and that fits into a packet.
function M.on_ask.version(node)
  return { version = version, generation = node:info().script.generation }
end

-- { ["1.4.1"] = { "10.0.0.1:7946", ... }, ... }
local function by_version(answers)
  local found = {}
  for _, answer in ipairs(answers) do
    local name = answer.data and answer.data.version or "unknown: " .. answer.error
    found[name] = found[name] or {}
    table.insert(found[name], answer.member.addr)
  end
  return found
end

local function report(node, answers, missing)
  for name, members in pairs(by_version(answers)) do
    table.sort(members)
    node:log("info", "version " .. name, { count = #members, members = table.concat(members, " ") })
  end
  for _, member in ipairs(missing) do
    node:log("warn", "did not say which version it runs", { member = member.addr })
  end
end

-- One member asks, once the cluster has come to rest.
function M.on_stable(node)
  if select(2, node:owner("versions")) then
    node:ask("version", nil, { timeout = 10 }, report)
  end
end

return M
