-- SPDX-License-Identifier: MIT
--- Who owns a key: the same as `node:owner` and `services.pick` say, in LuaJIT.
-- src/base/rendezvous.c is what it has to agree with; docs/handlers.md specifies it.

local bit = require "bit"
local ffi = require "ffi"

local rendezvous = {}

local bxor, lshift, rshift = bit.bxor, bit.lshift, bit.rshift
local byte = string.byte

local START, PRIME = 0xcbf29ce484222325ULL, 0x100000001b3ULL
local FRACTION = 32
local u64 = ffi.typeof "uint64_t"

-- FNV-1a.
local function more(hash, text)
  for i = 1, #text do
    hash = bxor(hash, u64(byte(text, i))) * PRIME
  end
  return hash
end

-- The last step of MurmurHash3.
local function mix(hash)
  hash = bxor(hash, rshift(hash, 33)) * 0xff51afd7ed558ccdULL
  hash = bxor(hash, rshift(hash, 33)) * 0xc4ceb9fe1a85ec53ULL
  return bxor(hash, rshift(hash, 33))
end

-- -log2(hash / 2^64), with 32 bits behind the point.
local function distance(hash)
  if hash == 0 then
    hash = 1ULL
  end
  local log = 63ULL
  while rshift(hash, 63) == 0 do
    hash, log = lshift(hash, 1), log - 1
  end
  local mantissa = rshift(hash, 32)
  for _ = 1, FRACTION do
    mantissa = rshift(mantissa * mantissa, 31)
    local carry = rshift(mantissa, 32)
    log = lshift(log, 1) + carry
    mantissa = rshift(mantissa, tonumber(carry))
  end
  return lshift(64ULL, FRACTION) - log
end

-- Is (hash, weight, addr) better than the other?
local function is_better(hash, weight, addr, other, others_weight, others_addr)
  if weight ~= others_weight then
    local near, far = distance(hash) * others_weight, distance(other) * weight
    if near ~= far then
      return near < far
    end
  end
  if hash ~= other then
    return hash > other
  end
  return addr < others_addr
end

--- The place in the lists of the one that owns the key; nil: there is none.
---@param key string
---@param addrs string[]  the bytes of addresses
---@param weights? integer[]  1 each, if there are none; with 0 one owns nothing
---@return integer?
function rendezvous.owner(key, addrs, weights)
  local start = more(START, key)
  local best, best_hash, best_weight
  for i = 1, #addrs do
    local weight = weights and weights[i] or 1
    if weight > 0 then
      local hash = mix(more(start, addrs[i]))
      if not best or is_better(hash, weight, addrs[i], best_hash, best_weight, addrs[best]) then
        best, best_hash, best_weight = i, hash, weight
      end
    end
  end
  return best
end

--- The places of the `count` best, the best first.
---@param key string
---@param addrs string[]
---@param weights? integer[]
---@param count integer
---@return integer[]
function rendezvous.owners(key, addrs, weights, count)
  local start, found = more(START, key), {}
  for i, addr in ipairs(addrs) do
    local weight = weights and weights[i] or 1
    if weight > 0 then
      found[#found + 1] = { place = i, hash = mix(more(start, addr)), weight = weight, addr = addr }
    end
  end
  table.sort(found, function(a, b)
    return is_better(a.hash, a.weight, a.addr, b.hash, b.weight, b.addr)
  end)
  local places = {}
  for i = 1, math.min(count, #found) do
    places[i] = found[i].place
  end
  return places
end

return rendezvous
