-- Members with tickets: who may be what is decided by a key that no member holds.
--
-- Whoever has a cluster's key can say that it is any member (docs/security.md). Here each member
-- shows a ticket as well: its address, a name and a date, signed once by you. So a member that was
-- broken into cannot pass for another one, or bring its friends.
--
-- Once, where no member runs:  public, secret = require("shoal.crypto").keypair()
-- For each member:             print(dofile("examples/tickets.lua")._issue(secret, addr, name, expires))
--
--   export SHOAL_TICKETS=<public key in hexadecimal>
--   SHOAL_TICKET="10.0.0.1:7946 web-1 1800000000 <signature>" \
--     shoal run examples/tickets.lua --bind 10.0.0.1:7946 --key-file cluster.key

local crypto = require "shoal.crypto"

local M = { identity = {} }

-- What is signed. `expires` is unix time.
local function text_of(addr, name, expires)
  return ("shoal ticket\n%s\n%s\n%d"):format(addr, name, expires)
end

-- "10.0.0.1:7946 web-1 1800000000 <signature>"
function M._issue(secret, addr, name, expires)
  if (addr .. name):find "%s" or addr == "" or name == "" then error("an address and a name have no blanks", 0) end
  local signature = crypto.sign(text_of(addr, name, expires), secret)
  return ("%s %s %d %s"):format(addr, name, expires, crypto.to_hex(signature))
end

local public = crypto.from_hex(os.getenv "SHOAL_TICKETS" or "") or ""

-- An identity is { addr, bump, name, expires, signature }.
function M.identity.new(opts)
  local ticket = opts.meta and opts.meta.ticket or os.getenv "SHOAL_TICKET" or ""
  local addr, name, expires, signature = ticket:match "^(%S+) (%S+) (%d+) (%x+)$"
  if (os.getenv "SHOAL_TICKETS" or "") == "" then
    return nil, "SHOAL_TICKETS is not set: give it the public key"
  elseif #public ~= 32 then
    return nil, "SHOAL_TICKETS is not a public key"
  elseif ticket == "" then
    return nil, "SHOAL_TICKET is not set: give it the ticket for " .. tostring(opts.advertise)
  elseif addr ~= opts.advertise then
    return nil, "SHOAL_TICKET is not a ticket for " .. tostring(opts.advertise)
  elseif tonumber(expires) <= os.time() then
    return nil, "SHOAL_TICKET has expired"
  end
  return { addr, os.time(), name, tonumber(expires), crypto.from_hex(signature) }
end

function M.identity.at(endpoint) return { endpoint, 0 } end -- whoever answers there

function M.identity.addr(id)
  if type(id) == "table" and id[1] then return id[1] end
  return nil, "an identity without a ticket"
end

function M.identity.renew(id, other)
  return { id[1], math.max(id[2], other and other[2] or 0) + 1, id[3], id[4], id[5] }
end

-- Others write what they like into an identity: all of it is looked at.
local function is_whole(number) return type(number) == "number" and number % 1 == 0 end

function M.identity.wins(id, other)
  return is_whole(id[2]) and (not is_whole(other[2]) or id[2] > other[2])
end

function M.admit(node, id)
  local is_one = type(id[1]) == "string" and is_whole(id[2]) and type(id[3]) == "string" and is_whole(id[4])
  if not is_one or not crypto.verify(id[5], text_of(id[1], id[3], id[4]), public) then return false end
  local left = id[4] - node:time()
  if left <= 0 then node:log("warn", "a ticket has expired", { addr = id[1], name = id[3], ago = -left }) end
  return left > 0
end

return M
