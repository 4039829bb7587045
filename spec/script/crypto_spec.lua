--- Signatures and hashes: the values of the standards, and what is none.

local core = require "shoal.core"

local describe_crypto = core.signing.problem() and pending or describe

describe_crypto("shoal.crypto", function()
  local crypto = require "shoal.crypto"
  local unhex = crypto.from_hex

  it("makes the keys and signatures of RFC 8032", function()
    -- 7.1, TEST 2
    local public, secret = crypto.keypair(unhex "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb")
    assert.equal("3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c", crypto.to_hex(public))
    local signature = crypto.sign("\114", secret)
    assert.equal("92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
      .. "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00", crypto.to_hex(signature))
    assert.is_true(crypto.verify(signature, "\114", public))
  end)

  it("makes the hash of RFC 7693's function", function()
    -- BLAKE2b with 32 bytes, of "abc"
    assert.equal("bddd813c634239723171ef3fee98579b94964e3bb1cb3e427262c8c068d52319", crypto.to_hex(crypto.hash "abc"))
    assert.not_equal(crypto.hash "abc", crypto.hash("abc", "key"))
  end)

  it("does not take a signature of other bytes, by another key, or what is none", function()
    local public, secret = crypto.keypair()
    local other = crypto.keypair()
    local signature = crypto.sign("data", secret)
    assert.is_true(crypto.verify(signature, "data", public))
    assert.is_false(crypto.verify(signature, "datA", public))
    assert.is_false(crypto.verify(signature, "data", other))
    assert.is_false(crypto.verify(signature:sub(1, 63), "data", public))
    assert.is_false(crypto.verify(signature .. "x", "data", public))
    for i = 1, 64, 7 do
      local broken = signature:sub(1, i - 1) .. string.char((signature:byte(i) + 1) % 256) .. signature:sub(i + 1)
      assert.is_false(crypto.verify(broken, "data", public), i)
    end
    for _, nothing in ipairs { "", 5, true, {} } do
      assert.is_false(crypto.verify(nothing, "data", public))
    end
    assert.is_false(crypto.verify(nil, "data", public))
  end)

  it("makes other keys each time", function()
    local public, secret = crypto.keypair()
    assert.equal(32, #public)
    assert.equal(64, #secret)
    assert.not_equal(public, crypto.keypair())
  end)

  it("raises for a key that is none", function()
    assert.error_matches(function() crypto.sign("x", "short") end, "must be a secret key of 64 bytes, got 5")
    assert.error_matches(function() crypto.verify("", "x", "short") end, "must be a public key of 32 bytes, got 5")
    assert.error_matches(function() crypto.keypair "short" end, "must be a seed of 32 bytes, got 5")
    assert.error_matches(function() crypto.hash("x", ("k"):rep(65)) end, "a key of at most 64 bytes")
  end)

  it("reads and writes hexadecimal digits", function()
    assert.equal("00ff7f", crypto.to_hex "\0\255\127")
    assert.equal("\0\255\127", crypto.from_hex "00Ff7f")
    assert.is_nil(crypto.from_hex "0")
    assert.is_nil(crypto.from_hex "0g")
    assert.equal("", crypto.from_hex "")
  end)
end)

describe("shoal.crypto of a build without libsodium", function()
  it("says so to whoever wants it", function()
    local loaded, signing = package.loaded["shoal.crypto"], core.signing
    package.loaded["shoal.crypto"] = nil
    core.signing = { problem = function() return "there is no libsodium" end }
    local ok, message = pcall(require, "shoal.crypto")
    core.signing, package.loaded["shoal.crypto"] = signing, loaded
    assert.is_false(ok)
    assert.matches("shoal.crypto: there is no libsodium", message, 1, true)
  end)
end)
