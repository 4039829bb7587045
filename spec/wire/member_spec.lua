local core = require "shoal.core"
local golden = require "spec.wire.golden"

local codec, bytes, hex = core.codec, golden.bytes, golden.hex

describe("a member", function()
  for _, entry in ipairs(golden.members) do
    local text, fields = entry[1], entry[2]

    it("that is " .. fields.state .. " is " .. text, function()
      assert.equal(hex(bytes(text)), hex(assert(codec.encode_member(fields))))
    end)

    it("that reads " .. text .. " is " .. fields.state, function()
      local member, used = codec.decode_member(bytes(text))
      assert.same(fields, member)
      assert.equal(#bytes(text), used)
    end)
  end

  it("that is suspect is suspected by nobody when nil is in that place", function()
    local member, used = codec.decode_member(bytes "95 B 03 01 c0 07")
    assert.same({ id = golden.ids.B, incarnation = 3, state = "suspect" }, member)
    assert.equal(#bytes "95 B 03 01 c0 07", used)
  end)

  it("that left says who it is now, one that was found down does not", function()
    local member = codec.decode_member(bytes "94 B 03 02 A")
    assert.same({ id = golden.ids.B, incarnation = 3, state = "down" }, member)
    local fields = { id = golden.ids.B, incarnation = 3, state = "down", from = golden.ids.A }
    assert.equal(hex(bytes "93 B 03 02"), hex(assert(codec.encode_member(fields))))
  end)

  it("of a newer release is read without the elements that it has more", function()
    local member, used = codec.decode_member(bytes "95 B 03 00 A c0" .. "more")
    assert.same({ id = golden.ids.B, incarnation = 3, state = "alive" }, member)
    assert.equal(#bytes "95 B 03 00 A c0", used)
  end)
end)
