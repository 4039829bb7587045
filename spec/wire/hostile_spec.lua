--- Bytes that nobody should send. Everything here must be told from a packet,
-- and none of it may make anybody ask for memory that the bytes do not warrant.

local core = require "shoal.core"
local golden = require "spec.wire.golden"

local codec, bytes = core.codec, golden.bytes

-- Asked thousands of times, hence without luassert, which takes its time.
local function must_be_malformed(value, code, packet)
  if value ~= nil or code ~= "malformed" then
    error(("%s: %s"):format(golden.hex(packet), value and "was taken" or code), 3)
  end
end

local function header_is_malformed(packet)
  local header, _, code = codec.decode_header(packet)
  must_be_malformed(header, code, packet)
end

local function member_is_malformed(packet)
  local member, _, code = codec.decode_member(packet)
  must_be_malformed(member, code, packet)
end

local function value_is_malformed(text)
  local value, message = core.unpack(bytes(text))
  assert.is_nil(value)
  assert.is_string(message)
end

--- An identity of so many bytes: a text.
local function identity_of(size)
  local length = size - 3
  return "\218" .. string.char(math.floor(length / 256), length % 256) .. ("x"):rep(length)
end

describe("a header", function()
  it("cut short at any byte is malformed", function()
    for _, entry in ipairs(golden.headers) do
      local packet = bytes(entry[1])
      for size = 0, #packet - 1 do header_is_malformed(packet:sub(1, size)) end
    end
  end)

  it("with a field of another type is malformed", function()
    local fields = { "01", "02", "A", "03", "#B", "04", "C" }
    local others = { "c0", "c3", "ff", "d0ff", "a131", "c40101", "d40101", "cb3ff0000000000000", "9101", "80", "c1" }
    for _, place in ipairs { 1, 2, 4, 5, 6 } do
      for _, other in ipairs(others) do
        local text = "97"
        for i, field in ipairs(fields) do text = text .. (i == place and other or field) end
        header_is_malformed(bytes(text))
      end
    end
  end)

  it("with a number out of its range is malformed", function()
    header_is_malformed(bytes "96 01 00 A ce00010000 #B 07")
    header_is_malformed(bytes "96 01 00 A cf0000000100000000 #B 07")
    header_is_malformed(bytes "96 01 00 A 00 #B cd0100")
    header_is_malformed(bytes "96 01 00 A 00 cf0000000100000000 07")
  end)

  it("with fewer elements than its kind needs is malformed", function()
    header_is_malformed(bytes "95 01 00 A 00 #B 07")
    header_is_malformed(bytes "96 01 02 A 00 #B 07 C")
    header_is_malformed(bytes "94 01 06 A 00 @B")
    header_is_malformed(bytes "90")
  end)

  it("that counts more elements than there are bytes is malformed", function()
    header_is_malformed(bytes "dd10000000")
    header_is_malformed(bytes "ddffffffff 01 00 A 00 B 07")
    header_is_malformed(bytes "96 01 00 dd10000000 00 #B 07")
    header_is_malformed(bytes "96 01 00 dfffffffff 00 #B 07")
    header_is_malformed(bytes "96 01 00 dbffffffff 00 #B 07")
    header_is_malformed(bytes "97 01 00 A 00 #B 07 dd10000000")
  end)

  it("with an identity of 513 bytes is malformed, of 512 it is not", function()
    local rest = bytes "00 @B"
    assert.is_table(codec.decode_header(bytes "95 01 06" .. identity_of(512) .. rest))
    header_is_malformed(bytes "95 01 06" .. identity_of(513) .. rest)
    header_is_malformed(bytes "97 01 02 A 00 #B 07" .. identity_of(513))
  end)

  it("with an identity nested 9 deep is malformed, 8 deep it is not", function()
    assert.is_table(codec.decode_header(bytes "95 01 06 9191919191919191 05 00 @B"))
    header_is_malformed(bytes "95 01 06 919191919191919191 05 00 @B")
    header_is_malformed(bytes "97 01 02 A 00 #B 07 919191919191919191 05")
  end)

  it("is looked at without trust whichever bit is changed", function()
    local packet = bytes "97 01 02 A 03 #B ccc8 C"
    for place = 1, #packet do
      local byte = packet:byte(place)
      for bit = 0, 7 do
        local is_set = math.floor(byte / 2 ^ bit) % 2 == 1
        local flipped = string.char(byte + (is_set and -1 or 1) * 2 ^ bit)
        local changed = packet:sub(1, place - 1) .. flipped .. packet:sub(place + 1)
        local header, used = codec.decode_header(changed)
        if header and used > #changed then error("used more than there is: " .. golden.hex(changed)) end
      end
    end
  end)
end)

describe("a member", function()
  it("cut short at any byte is malformed", function()
    for _, entry in ipairs(golden.members) do
      local packet = bytes(entry[1])
      for size = 0, #packet - 1 do member_is_malformed(packet:sub(1, size)) end
    end
  end)

  it("with a field of another type or out of its range is malformed", function()
    for _, other in ipairs { "c0", "c3", "ff", "a131", "c40101", "d40101", "cb3ff0000000000000", "9101", "80", "c1" } do
      member_is_malformed(bytes("93 A " .. other .. " 00"))
      member_is_malformed(bytes("93 A 00 " .. other))
    end
    member_is_malformed(bytes "93 A ce00010000 00")
    member_is_malformed(bytes "93 A 00 03")
  end)

  it("that counts more than there is is malformed", function()
    member_is_malformed(bytes "dd10000000")
    member_is_malformed(bytes "94 A 00 00")
    member_is_malformed(bytes "92 A 00 00")
    member_is_malformed(bytes "93 c6ffffffff 00 00")
  end)

  it("with an identity too large or too deep is malformed", function()
    member_is_malformed("\147" .. identity_of(513) .. "\0\0")
    member_is_malformed(bytes "93 919191919191919191 05 00 00")
  end)
end)

describe("a value", function()
  it("cut short at any byte is refused", function()
    local packet = bytes "85 01 a3616263 02 93 c0c2c3 03 cb3ff8000000000000 04 da000161 a16b ce00010000"
    assert.is_table(core.unpack(packet))
    for size = 0, #packet - 1 do
      local value, message = core.unpack(packet:sub(1, size))
      assert.is_nil(value)
      assert.is_string(message)
    end
  end)

  it("that counts more than there are bytes is refused", function()
    value_is_malformed "dd10000000"
    value_is_malformed "ddffffffff"
    value_is_malformed "dfffffffff"
    value_is_malformed "df8000000101"
    value_is_malformed "dbffffffff"
    value_is_malformed "c6ffffffff"
    value_is_malformed "91 91 91 dd10000000"
  end)

  it("with the reserved byte in it is refused", function()
    value_is_malformed "c1"
    value_is_malformed "92 01 c1"
    value_is_malformed "81 01 c1"
  end)
end)
