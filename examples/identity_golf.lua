-- Every packet carries identities, so small ones leave more room for updates. This
-- script goes from a large one down to two bytes, for a cluster whose members differ in
-- the port alone, 7900 to 7931:
--
--   HOLE=4 shoal run examples/identity_golf.lua --bind 127.0.0.1:7901
--   HOLE=4 shoal run examples/identity_golf.lua --bind 127.0.0.1:7902 --join 127.0.0.1:7901 --name two

local function port_of(endpoint)
  return tonumber(endpoint:match(":(%d+)$"))
end

local holes = {}

-- 1: easy to read, about 70 bytes. The bump distinguishes a restarted member from its
-- former self, and grows beyond that of a member that claims our address.
holes[1] = {
  new = function(opts)
    return { addr = opts.advertise, bump = os.time(), host = os.getenv("HOSTNAME") or "localhost", version = "1.0.0" }
  end,
  addr = function(id) return id.addr end,
  at = function(endpoint) return { addr = endpoint, bump = 0 } end,
  renew = function(id, adversary)
    id.bump = math.max(id.bump, adversary and adversary.bump or 0) + 1
    return id
  end,
  wins = function(id, adversary) return id.bump > adversary.bump end,
}

-- 2: no names, 21 bytes.
holes[2] = {
  new = function(opts) return { opts.advertise, os.time() } end,
  addr = function(id) return id[1] end,
  at = function(endpoint) return { endpoint, 0 } end,
  renew = function(id, adversary) return { id[1], math.max(id[2], adversary and adversary[2] or 0) + 1 } end,
  wins = function(id, adversary) return id[2] > adversary[2] end,
}

-- 3: without the host, which all members share; address and endpoint differ. 9 bytes.
holes[3] = {
  new = function(opts) return { port_of(opts.bind), os.time() } end,
  addr = function(id) return tostring(id[1]) end,
  endpoint = function(id) return "127.0.0.1:" .. id[1] end,
  at = function(endpoint) return { port_of(endpoint), 0 } end,
  renew = function(id, adversary) return { id[1], math.max(id[2], adversary and adversary[2] or 0) + 1 } end,
  wins = function(id, adversary) return id[2] > adversary[2] end,
}

-- 4: a number below 256: five bits say which member, three which life of it.
-- Lives wrap around, like serial numbers (RFC 1982): 1 wins against 0, and 0 against 7.
holes[4] = {
  new = function(opts) return (port_of(opts.bind) - 7900) * 8 + os.time() % 8 end,
  addr = function(id) return tostring(math.floor(id / 8)) end,
  endpoint = function(id) return "127.0.0.1:" .. 7900 + math.floor(id / 8) end,
  at = function(endpoint) return (port_of(endpoint) - 7900) * 8 end,
  renew = function(id) return id - id % 8 + (id + 1) % 8 end,
  wins = function(id, adversary) return (id - adversary) % 8 >= 1 and (id - adversary) % 8 <= 3 end,
}

local hole = os.getenv("HOLE") or "4"
return { identity = assert(holes[tonumber(hole)], "HOLE must be 1 to 4, not " .. hole) }
