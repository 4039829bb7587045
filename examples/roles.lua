-- Members with roles: broadcasts go only to members with the role "db", although all
-- members know each other.
--
--   ROLE=db  shoal run examples/roles.lua --bind 127.0.0.1:7946
--   ROLE=web shoal run examples/roles.lua --name web --join 127.0.0.1:7946
--   shoal broadcast --name web "rotate the logs"

local M = { identity = {}, broadcast = {} }

local id = M.identity

function id.new(opts)
  return { addr = opts.advertise, bump = os.time(), role = os.getenv("ROLE") or "web" }
end

function id.addr(self)
  return self.addr
end

-- When joining, only the address is known.
function id.at(endpoint)
  return { addr = endpoint, bump = 0 }
end

-- Another member (or this one, before its clock was set back) may claim our address.
function id.renew(self, adversary)
  local bump = math.max(self.bump, adversary and adversary.bump or 0)
  return { addr = self.addr, bump = bump + 1, role = self.role }
end

function id.wins(self, adversary)
  return self.bump > adversary.bump
end

function M.broadcast.wanted_by(_, member)
  return member.id.role == "db"
end

function M.broadcast.receive(node, data)
  node.store.seen = node.store.seen or {}
  if node.store.seen[data] then
    return nil
  end
  node.store.seen[data] = true
  node:log("info", "got " .. data, { role = node:identity().role })
  return data
end

return M
