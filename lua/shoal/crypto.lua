--- Signatures and hashes, of libsodium: for identities that prove who they are.
--
--     local crypto = require "shoal.crypto"
--     local public, secret = crypto.keypair()
--     local signature = crypto.sign("anything", secret)
--     crypto.verify(signature, "anything", public)      --> true
--
-- All of them take and return strings of bytes. examples/tickets.lua uses them.

local signing = require("shoal.core").signing

local why_not = signing.problem()
if why_not then
  error("shoal.crypto: " .. why_not, 0)
end

local crypto = {}

--- A new pair of keys (Ed25519): 32 and 64 bytes. The same `seed` (32 bytes that nobody can
--- guess) always makes the same pair.
---@param seed? string
---@return string public
---@return string secret
function crypto.keypair(seed)
  return signing.keypair(seed)
end

--- The signature of `data`: 64 bytes.
---@param data string
---@param secret string
---@return string
function crypto.sign(data, secret)
  return signing.sign(data, secret)
end

--- Did the owner of the secret key that belongs to `public` sign these bytes? A `signature` that
--- is none (of another size, or no string) is false.
---@param signature any
---@param data string
---@param public string
---@return boolean
function crypto.verify(signature, data, public)
  return signing.verify(signature, data, public)
end

--- A hash (BLAKE2b) of 32 bytes. With a key (up to 64 bytes) nobody else can make it.
---@param data string
---@param key? string
---@return string
function crypto.hash(data, key)
  return signing.hash(data, key)
end

local function hex(byte)
  return ("%02x"):format(byte:byte())
end

--- Bytes as text, two hexadecimal digits each.
---@param bytes string
---@return string
function crypto.to_hex(bytes)
  return (bytes:gsub(".", hex))
end

--- The reverse. nil: it is none.
---@param text string
---@return string?
function crypto.from_hex(text)
  if #text % 2 ~= 0 or text:find("%X") then
    return nil
  end
  return (text:gsub("%x%x", function(digits)
    return string.char(tonumber(digits, 16))
  end))
end

return crypto
