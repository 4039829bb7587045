--- Golden bytes of the default codec: what docs/wire.md pictures, and what
-- spec/c/golden.h has for C.

local golden = {}

function golden.unhex(hex)
  return (hex:gsub("%s", ""):gsub("%x%x", function(byte)
    return string.char(tonumber(byte, 16))
  end))
end

function golden.hex(bytes)
  return (bytes:gsub(".", function(byte)
    return ("%02x"):format(byte:byte())
  end))
end

-- Stock identities, D in its compact form. In the bytes below, A stands for that
-- of `ids.A`.
golden.ids = {
  A = { addr = "a:1", bump = 1 },
  B = { addr = "b:2", bump = 2 },
  C = { addr = "c:3", bump = 3 },
  D = { addr = "10.0.0.1:7946", bump = 5 },
}
golden.id_hex = {
  A = "82a461646472a3613a31a462756d7001",
  B = "82a461646472a3623a32a462756d7002",
  C = "82a461646472a3633a33a462756d7003",
  D = "c70c011f0a0a000001000000000005",
}

-- The hashes of these identities, in bytes #A, and of their addresses, in bytes @A.
golden.hashes = { A = 0x5946378b, B = 0x61655894, C = 0x36e3e348, D = 0xccf5a737 }
golden.address_hashes = { A = 0x6f51fd1b, B = 0x4ad402ac, C = 0x2656083d, D = 0xd90aa90b }

--- "9501 06 A 00 @B" -> bytes
function golden.bytes(text)
  return golden.unhex((text:gsub("([#@]?)([ABCD])", function(mark, id)
    if mark == "" then return golden.id_hex[id] end
    return ("ce%08x"):format((mark == "#" and golden.hashes or golden.address_hashes)[id])
  end)))
end

local ids, hashes = golden.ids, golden.hashes

--- { text, fields }
golden.headers = {
  { "96 01 00 A 00 #B 07", { kind = "ping", src = ids.A, src_incarnation = 0, dst_hash = hashes.B, number = 7 } },
  { "96 01 01 B 03 #A 07", { kind = "ack", src = ids.B, src_incarnation = 3, dst_hash = hashes.A, number = 7 } },
  { "97 01 02 A 00 #B ccc8 C",
    { kind = "ping_req", src = ids.A, src_incarnation = 0, dst_hash = hashes.B, number = 200, peer = ids.C } },
  { "97 01 03 B 03 #C ccc8 A",
    { kind = "indirect_ping", src = ids.B, src_incarnation = 3, dst_hash = hashes.C, number = 200, peer = ids.A } },
  { "97 01 04 C 7f #B ccc8 A",
    { kind = "indirect_ack", src = ids.C, src_incarnation = 127, dst_hash = hashes.B, number = 200, peer = ids.A } },
  { "97 01 05 B cc80 #A ccff C",
    { kind = "forwarded_ack", src = ids.B, src_incarnation = 128, dst_hash = hashes.A, number = 255, peer = ids.C } },
  { "95 01 06 A cdffff @B",
    { kind = "announce", src = ids.A, src_incarnation = 65535, dst_hash = golden.address_hashes.B } },
  { "95 01 07 B cd0100 #A", { kind = "feed", src = ids.B, src_incarnation = 256, dst_hash = hashes.A } },
  { "95 01 08 A ccff #C", { kind = "gossip", src = ids.A, src_incarnation = 255, dst_hash = hashes.C } },
  { "95 01 09 A 00 #C", { kind = "broadcast", src = ids.A, src_incarnation = 0, dst_hash = hashes.C } },
  { "95 01 0a C 00 #A", { kind = "turn_undead", src = ids.C, src_incarnation = 0, dst_hash = hashes.A } },
  { "97 01 0b B 03 #A 07 C",
    { kind = "nack", src = ids.B, src_incarnation = 3, dst_hash = hashes.A, number = 7, peer = ids.C } },
  { "95 01 0c B 01 #C", { kind = "refused", src = ids.B, src_incarnation = 1, dst_hash = hashes.C } },
  { "98 01 02 A 00 #B 07 C c3",
    { kind = "ping_req", src = ids.A, src_incarnation = 0, dst_hash = hashes.B, number = 7, peer = ids.C,
      wants_nack = true } },
  { "97 01 00 A 00 #B 07 92 03 ce01020304",
    { kind = "ping", src = ids.A, src_incarnation = 0, dst_hash = hashes.B, number = 7,
      digest = { members = 3, sum = 0x01020304 } } },
  { "97 01 01 B 03 #A 07 92 ccc8 00",
    { kind = "ack", src = ids.B, src_incarnation = 3, dst_hash = hashes.A, number = 7,
      digest = { members = 200, sum = 0 } } },
  { "96 01 00 D 00 #A 07", { kind = "ping", src = ids.D, src_incarnation = 0, dst_hash = hashes.A, number = 7 } },
  { "97 01 01 B 03 #A 07 93 05 06 cc81",
    { kind = "ack", src = ids.B, src_incarnation = 3, dst_hash = hashes.A, number = 7,
      digest = { members = 5, sum = 6, without = 0x81 } } },
  { "97 01 01 B 03 #A 07 94 05 06 00 ce01020304",
    { kind = "ack", src = ids.B, src_incarnation = 3, dst_hash = hashes.A, number = 7,
      digest = { members = 5, sum = 6, streams = 0x01020304 } } },
  { "95 01 0d A 00 #B", { kind = "exchange", src = ids.A, src_incarnation = 0, dst_hash = hashes.B } },
  { "96 01 20 A 00 #B 07",
    { kind = "ping", src = ids.A, src_incarnation = 0, dst_hash = hashes.B, number = 7, no_tags = true } },
  { "95 01 28 A ccff #C",
    { kind = "gossip", src = ids.A, src_incarnation = 255, dst_hash = hashes.C, no_tags = true } },
  { "99 01 08 B 00 #D c0 c0 c0 91 ce0a0b0c0d",
    { kind = "gossip", src = ids.B, src_incarnation = 0, dst_hash = hashes.D, cookie = 0x0a0b0c0d } },
  { "99 01 01 D 00 #A 07 92 03 04 c0 92 05 ce0a0b0c0d",
    { kind = "ack", src = ids.D, src_incarnation = 0, dst_hash = hashes.A, number = 7,
      digest = { members = 3, sum = 4 }, cookie = 5, echo = 0x0a0b0c0d } },
  { "99 01 06 A 00 @B c0 c0 c0 92 00 ce0a0b0c0d",
    { kind = "announce", src = ids.A, src_incarnation = 0, dst_hash = golden.address_hashes.B, echo = 0x0a0b0c0d } },
}

--- { text, fields }
golden.members = {
  { "93 A 00 00", { id = ids.A, incarnation = 0, state = "alive" } },
  { "93 A 00 04", { id = ids.A, incarnation = 0, state = "alive", no_tags = true } },
  { "94 B 03 05 A", { id = ids.B, incarnation = 3, state = "suspect", from = ids.A, no_tags = true } },
  { "93 B ccc8 01", { id = ids.B, incarnation = 200, state = "suspect" } },
  { "94 B 03 01 A", { id = ids.B, incarnation = 3, state = "suspect", from = ids.A } },
  { "93 B 03 02", { id = ids.B, incarnation = 3, state = "down" } },
  { "93 C cdffff 02", { id = ids.C, incarnation = 65535, state = "down" } },
  { "94 B cdffff 02 C", { id = ids.B, incarnation = 65535, state = "down", from = ids.C } },
  { "93 D 05 00", { id = ids.D, incarnation = 5, state = "alive" } },
  { "96 B 03 00 c0 ce0001e0db c408 81a47a6f6e65a162",
    { id = ids.B, incarnation = 3, state = "alive", tags_version = 0x1e0db, tags = "\129\164zone\161b" } },
  { "96 B 03 00 c0 ce0001e0db cd0400",
    { id = ids.B, incarnation = 3, state = "alive", tags_version = 0x1e0db, tags_size = 1024 } },
  { "96 B 03 00 c0 ce0002142b 94 ce0001e0db 07 00 c401 63",
    { id = ids.B, incarnation = 3, state = "alive", tags_version = 0x2142b, tags = "c", tags_base = 0x1e0db,
      tags_prefix = 7, tags_suffix = 0 } },
  { "96 B 03 01 A ce0001e0db c408 81a47a6f6e65a162",
    { id = ids.B, incarnation = 3, state = "suspect", from = ids.A, tags_version = 0x1e0db,
      tags = "\129\164zone\161b" } },
}

--- Records of an exchange (spec/c/record_test.c reads them).
golden.records = {
  "000c 02 00 5946378b 00 61655894 00",
  "0004 03 00 03 81",
  "0004 04 03 40 01",
  "0005 05 5946378b",
  "000d 0c 61655894 00000001e0db 0000",
  "0015 0d 61655894 00000001e0db 0000 81a47a6f6e65a162",
  "000f 06 02 00000000 ffffffff 0a0b0c0d 03",
  "0007 07 0a0b0c0d 02 02",
  "001f 08 03 03 05 7075726765 0010 82a461646472a3613a31a462756d7001 a36b6579",
  "001b 09 03 04 05 7075726765 0010 82a461646472a3613a31a462756d7001",
}

--- A whole packet: A tells B that C is suspect, and carries an item.
golden.gossip = "95 01 08 A 00 #B 0001 93 C 02 01 0005 68656c6c6f"

return golden
