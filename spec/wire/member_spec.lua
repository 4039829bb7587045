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
    local member, used = codec.decode_member(bytes "94 B 03 01 c0")
    assert.same({ id = golden.ids.B, incarnation = 3, state = "suspect" }, member)
    assert.equal(#bytes "94 B 03 01 c0", used)
  end)

  it("that left says who it is now, one that was found down does not", function()
    local member = codec.decode_member(bytes "94 B 03 02 A")
    assert.same({ id = golden.ids.B, incarnation = 3, state = "down" }, member)
    local fields = { id = golden.ids.B, incarnation = 3, state = "down", from = golden.ids.A }
    assert.equal(hex(bytes "93 B 03 02"), hex(assert(codec.encode_member(fields))))
  end)

  it("of a newer release is read without the elements that it has more", function()
    local text = "98 B 03 00 A 05 c400 07 c0"
    local member, used = codec.decode_member(bytes(text) .. "more")
    assert.same({ id = golden.ids.B, incarnation = 3, state = "alive", tags_version = 5, tags = "" }, member)
    assert.equal(#bytes(text), used)
  end)

  it("has a version and tags or neither, and never when it is down", function()
    for _, text in ipairs {
      "93 A 00 03", "93 A 00 06", "93 A 00 07", "93 A 00 08", "96 B 03 04 c0 05 c400",
      "96 B 03 00 c0 05 00", "96 B 03 00 c0 05 94 00 01 01 c400", "96 B 03 00 c0 05 94 05 01 01 c400",
      "96 B 03 00 c0 05 94 04 cd2000 cd2000 c401 00", "96 B 03 00 c0 05 94 04 01 01", "96 B 03 00 c0 05 93 04 01 c400",
      "96 B 03 00 c0 05 94 04 01 01 a161", "96 B 03 00 c0 05 cd4001",
      "95 B 03 00 c0 05", "96 B 03 00 c0 00 c400", "96 B 03 00 c0 05 a161", "96 B 03 00 c0 05 c0",
      "96 B 03 00 c0 ff c400", "96 B 03 02 c0 05 c400", "96 B 03 00 c0 05 c502", "96 B 03 00 c0 05 c4",
      "96 B 03 00 c0 cf0001000000000000 c400",
    } do
      local member, _, code = codec.decode_member(bytes(text))
      assert.is_nil(member, text)
      assert.equal("malformed", code)
    end
    local most = bytes "96 B 03 00 c0 05 c54000" .. ("x"):rep(16384)
    assert.equal(16384, #codec.decode_member(most).tags)
    assert.is_nil((codec.decode_member(bytes "96 B 03 00 c0 05 c54001" .. ("x"):rep(16385))))
  end)
end)
