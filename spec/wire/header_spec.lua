local core = require "shoal.core"
local golden = require "spec.wire.golden"

local codec, bytes, hex = core.codec, golden.bytes, golden.hex

describe("a header", function()
  for _, entry in ipairs(golden.headers) do
    local text, fields = entry[1], entry[2]

    it("of " .. fields.kind .. " is " .. text, function()
      assert.equal(hex(bytes(text)), hex(assert(codec.encode_header(fields))))
    end)

    it("that is " .. text .. " is read as " .. fields.kind, function()
      local header, used = codec.decode_header(bytes(text))
      assert.same(fields, header)
      assert.equal(#bytes(text), used)
    end)
  end

  it("ends where its array ends, whatever follows", function()
    for _, entry in ipairs(golden.headers) do
      local header, used = codec.decode_header(bytes(entry[1]) .. "\193\193")
      assert.same(entry[2], header)
      assert.equal(#bytes(entry[1]), used)
    end
  end)

  it("is read with its numbers in any of MessagePack's integer forms", function()
    local header = assert(codec.decode_header(bytes "96 cf0000000000000001 d000 A ce0000ffff #B d100ff"))
    assert.equal("ping", header.kind)
    assert.equal(65535, header.src_incarnation)
    assert.equal(255, header.number)
  end)

  it("carries identities of any type, up to 512 bytes", function()
    for _, id in ipairs { 5, "a:1", true, { 1, { 2 } }, { x = { y = 1.5 } }, ("x"):rep(509) } do
      local header = { kind = "announce", src = id, src_incarnation = 0, dst_hash = golden.address_hashes.B }
      assert.same(header, codec.decode_header(assert(codec.encode_header(header))))
    end
  end)

  it("has a hash of its receiver, of the address in an announce", function()
    local header = { kind = "gossip", src = golden.ids.A, src_incarnation = 0, dst = golden.ids.B }
    assert.equal(hex(bytes "95 01 08 A 00 #B"), hex(codec.encode_header(header)))
    header.kind = "announce"
    assert.equal(hex(bytes "95 01 06 A 00 @B"), hex(codec.encode_header(header)))
    header.dst = { "b", 2 } -- only handlers know whose address that is
    assert.error_matches(function() codec.encode_header(header) end, "header%.dst_hash: must be given")
    header.dst_hash = core.hash_address "b:2"
    assert.equal(hex(bytes "95 01 06 A 00 @B"), hex(codec.encode_header(header)))
    for name, id in pairs(golden.ids) do
      assert.equal(golden.hashes[name], core.hash_identity(id))
      assert.equal(golden.address_hashes[name], core.hash_address(id.addr))
    end
    header.dst, header.dst_hash = nil, nil
    assert.has_error(function() codec.encode_header(header) end, "header.dst: must be a value, got nil")
  end)

  it("can be written again, whatever hash it names its receiver by", function()
    for _, hash in ipairs { 0, 1, 4294967295 } do
      local fields = { kind = "announce", src = 1.5, src_incarnation = 0, dst_hash = hash }
      local written = assert(core.codec.encode_header(fields))
      assert.equal(written, core.codec.encode_header((core.codec.decode_header(written))))
    end
  end)

  it("does not carry an identity of 513 bytes", function()
    local header = { kind = "announce", src = ("x"):rep(510), src_incarnation = 0, dst = golden.ids.B }
    assert.has_error(function() codec.encode_header(header) end, "header.src: takes more than 512 bytes")
  end)

  describe("of a newer release", function()
    it("is read without the elements that it has more", function()
      for _, entry in ipairs(golden.headers) do
        local text, fields = entry[1], entry[2]
        local longer = ("%x"):format(tonumber(text:sub(1, 2), 16) + 3) .. text:sub(3) .. " c0 8101c3 A"
        local header, used = codec.decode_header(bytes(longer))
        assert.same(fields, header)
        assert.equal(#bytes(longer), used)
      end
    end)

    local function refusal(text)
      local header, message, code = codec.decode_header(bytes(text))
      assert.is_nil(header)
      assert.is_string(message)
      return code
    end

    it("is unsupported when its version is another", function()
      assert.equal("unsupported", refusal "96 02 00 A 00 #B 07")
      assert.equal("unsupported", refusal "96 00 00 A 00 #B 07")
      assert.equal("unsupported", refusal "93 cd0100 c0 81a16101")
      assert.equal("unsupported", refusal "91 02")
    end)

    it("is unsupported when its kind is unknown", function()
      assert.equal("unsupported", refusal "97 01 0e A 00 #B 07 C")
      assert.equal("unsupported", refusal "95 01 cd0100 A 00 #B")
    end)

    it("is malformed when it is no array at all, whatever its version", function()
      assert.equal("malformed", refusal "96 02 00 A 00 #B")
      assert.equal("malformed", refusal "92 02 c1")
      assert.equal("malformed", refusal "82 02 00 A 00")
      assert.equal("malformed", refusal "95 01 0e A 00")
    end)
  end)
end)
