-- A member of a cluster of foca's example agents (foca 0.17 to 1.0, Rust), which
-- speak bincode: with this codec a shoal node is one of them.
--
--   shoal run examples/foca_peer.lua --bind 127.0.0.1:8010 --join 127.0.0.1:8001 --config lan
--
-- Their identity is an address and a number that grows, like our stock one. Theirs
-- has 64 bits: agents with a number beyond 2^53 - 1 are not understood.

local bincode = require "bincode"

local M = { identity = {}, codec = {}, broadcast = {} }

function M.identity.new(opts)
  return { addr = opts.advertise, bump = os.time() }
end

local KINDS = {
  [0] = "ping", "ack", "ping_req", "indirect_ping", "indirect_ack", "forwarded_ack",
  "announce", "feed", "gossip", "broadcast", "turn_undead",
}
local STATES = { [0] = "alive", "suspect", "down" }
local NUMBER_OF = {}
for number = 0, #KINDS do NUMBER_OF[KINDS[number]] = number end
for number = 0, #STATES do NUMBER_OF[STATES[number]] = number end

local function identity(id)
  return bincode.address(id.addr) .. bincode.varint(id.bump)
end

local function read_identity(bytes, at)
  local id = {}
  id.addr, at = bincode.read_address(bytes, at)
  id.bump, at = bincode.read_varint(bytes, at)
  return id, at
end

function M.codec.encode_header(header)
  return identity(header.src) .. bincode.varint(header.src_incarnation) .. identity(header.dst)
    .. bincode.varint(NUMBER_OF[header.kind])
    .. (header.peer and identity(header.peer) or "")
    .. (header.number and bincode.u8(header.number) or "")
end

local function read_header(bytes)
  local header, at, kind = {}, 1
  header.src, at = read_identity(bytes, at)
  header.src_incarnation, at = bincode.read_varint(bytes, at)
  header.dst, at = read_identity(bytes, at)
  kind, at = bincode.read_varint(bytes, at)
  header.kind = KINDS[kind] or error("no such message: " .. kind, 0)
  if kind >= 2 and kind <= 5 then header.peer, at = read_identity(bytes, at) end
  if kind <= 5 then header.number, at = bincode.read_u8(bytes, at) end
  -- foca 0.17.0 puts broadcasts behind a turn_undead, where they do not belong.
  return header, header.kind == "turn_undead" and #bytes or at - 1
end

function M.codec.encode_member(member)
  return identity(member.id) .. bincode.varint(member.incarnation) .. bincode.varint(NUMBER_OF[member.state])
end

local function read_member(bytes, from)
  local member, at, state = {}, from
  member.id, at = read_identity(bytes, at)
  member.incarnation, at = bincode.read_varint(bytes, at)
  state, at = bincode.read_varint(bytes, at)
  member.state = STATES[state] or error("no such state: " .. state, 0)
  return member, at - from
end

-- Bytes that are not a packet are the network's fault: return nil and a message.
local function refusing(read)
  return function(...)
    local ok, value, used = pcall(read, ...)
    if ok then return value, used end
    return nil, value
  end
end

M.codec.decode_header = refusing(read_header)
M.codec.decode_member = refusing(read_member)

-- Agents broadcast (address, version, text); the newest of each address counts.
function M.broadcast.receive(node, data)
  local ok, addr, at = pcall(bincode.read_address, data, 1)
  local read, version = pcall(bincode.read_varint, data, ok and at or 1)
  local seen = node.store
  if not (ok and read) or (seen[addr] and seen[addr] >= version) then
    return nil
  end
  seen[addr] = version
  return addr
end

return M
