--- The foca peer against packets of real foca agents (0.17 to 1.0) on loopback:
-- a = 127.0.0.1:8001, b = :8002, c = :8003, e = :8005, each with its bump.

local core = require "shoal.core"
local shoal = require "shoal"

local root = os.getenv("SHOAL_SOURCE") or "."
package.path = root .. "/examples/?.lua;" .. package.path

local function unhex(hex)
  return (hex:gsub("%s", ""):gsub("%x%x", function(byte) return string.char(tonumber(byte, 16)) end))
end

local function hex(bytes)
  return (bytes:gsub(".", function(byte) return ("%02x"):format(byte:byte()) end))
end

local a = { addr = "127.0.0.1:8001", bump = 1795416443 }
local b = { addr = "127.0.0.1:8002", bump = 1795416444 }
local c = { addr = "127.0.0.1:8003", bump = 1795416445 }
local e = { addr = "127.0.0.1:8005", bump = 1795416447 }

local A, B, C, E = "007f000001fb411ffc7be1036b", "007f000001fb421ffc7ce1036b", "007f000001fb431ffc7de1036b",
  "007f000001fb451ffc7fe1036b"

local function header(kind, src, dst, more)
  local fields = { kind = kind, src = src, src_incarnation = 0, dst = dst }
  for key, value in pairs(more or {}) do fields[key] = value end
  return fields
end

--- { what, header in hex, header, what follows in hex, the members in it }
local golden = {
  { "announce b->a", B .. "00" .. A .. "06", header("announce", b, a), "", {} },
  { "feed a->b", A .. "00" .. B .. "07", header("feed", a, b), "0000", {} },
  { "feed a->c", A .. "00" .. C .. "07", header("feed", a, c), "0001" .. B .. "0000",
    { { id = b, incarnation = 0, state = "alive" } } },
  { "gossip a->c", A .. "00" .. C .. "08", header("gossip", a, c), "0002" .. B .. "0000" .. C .. "0000",
    { { id = b, incarnation = 0, state = "alive" }, { id = c, incarnation = 0, state = "alive" } } },
  { "ping c->b", C .. "00" .. B .. "0001", header("ping", c, b, { number = 1 }), "0000", {} },
  { "ack b->c", B .. "00" .. C .. "0101", header("ack", b, c, { number = 1 }), "0000", {} },
  { "ping_req c->b", C .. "00" .. B .. "02" .. A .. "02", header("ping_req", c, b, { number = 2, peer = a }), "0000",
    {} },
  { "indirect_ack a->b", A .. "00" .. B .. "04" .. C .. "02",
    header("indirect_ack", a, b, { number = 2, peer = c }), "0000", {} },
  { "forwarded_ack b->c", B .. "00" .. C .. "05" .. A .. "02",
    header("forwarded_ack", b, c, { number = 2, peer = a }), "0000", {} },
  { "turn_undead a->e", A .. "00" .. E .. "0a", header("turn_undead", a, e), "", {} },
  { "gossip b->a on leaving", B .. "00" .. A .. "08", header("gossip", b, a), "0001" .. B .. "0002",
    { { id = b, incarnation = 0, state = "down" } } },
}
local ITEM = "f043415354c0de01000000000000000768656c6c6f" -- as large as in the capture, 21 bytes

describe("the foca peer", function()
  local peer

  before_each(function()
    package.loaded.bincode = nil
    peer = dofile(root .. "/examples/foca_peer.lua")
  end)

  for _, entry in ipairs(golden) do
    local what, head, fields, rest, members = entry[1], entry[2], entry[3], entry[4], entry[5]

    it("reads and writes the header of " .. what, function()
      local read, used = peer.codec.decode_header(unhex(head .. (fields.kind == "turn_undead" and "" or rest)))
      assert.same(fields, read)
      assert.equal(#head / 2, used)
      assert.equal(head, hex(peer.codec.encode_header(fields)))
    end)

    if members[1] then
      it("reads and writes the members of " .. what, function()
        local packet, at = unhex(head .. rest), #head / 2 + 3
        for _, member in ipairs(members) do
          local read, used = peer.codec.decode_member(packet, at)
          assert.same(member, read)
          assert.equal(hex(packet:sub(at, at + used - 1)), hex(peer.codec.encode_member(member)))
          at = at + used
        end
        assert.equal(#packet + 1, at)
      end)
    end
  end

  it("drops what foca 0.17.0 puts behind a turn_undead", function()
    local packet = unhex(A .. "00" .. E .. "0a" .. "0015" .. ITEM)
    local read, used = peer.codec.decode_header(packet)
    assert.equal("turn_undead", read.kind)
    assert.equal(#packet, used)
  end)

  it("reads and writes addresses of IPv6", function()
    local bincode = require "bincode"
    for _, text in ipairs {
      "[::1]:80", "[2001:db8::1]:65535", "[1:2:3:4:5:6:7:8]:250", "[::]:0", "[fe80::1:0:0:1]:251",
    } do
      local bytes = bincode.address(text)
      local read, at = bincode.read_address(bytes, 1)
      assert.equal(text, read)
      assert.equal(#bytes + 1, at)
    end
  end)

  it("writes integers as short as they can be", function()
    local bincode = require "bincode"
    local forms = {
      { 0, "00" }, { 250, "fa" }, { 251, "fbfb00" }, { 65535, "fbffff" }, { 65536, "fc00000100" },
      { 4294967295, "fcffffffff" }, { 4294967296, "fd0000000001000000" },
    }
    for _, form in ipairs(forms) do
      assert.equal(form[2], hex(bincode.varint(form[1])))
      assert.equal(form[1], (bincode.read_varint(unhex(form[2]), 1)))
    end
  end)

  -- 2^53 - 1, 2^53, and the largest there is.
  it("refuses a bump that a number of Lua cannot hold", function()
    local function agent(bump) return "007f000001fb411f" .. bump end
    local function read(id)
      local one, message = peer.codec.decode_header(unhex(id .. "00" .. B .. "06"))
      local two = peer.codec.decode_header(unhex(B .. "00" .. id .. "06"))
      local three = peer.codec.decode_member(unhex(id .. "0000"), 1)
      return one and one.src.bump, two and two.dst.bump, three and three.id.bump, not one and message or nil
    end
    local largest = 2 ^ 53 - 1
    assert.same({ largest, largest, largest }, { read(agent "fdffffffffffff1f00") })
    assert.equal(agent "fdffffffffffff1f00" .. "0000",
      hex(peer.codec.encode_member { id = { addr = a.addr, bump = largest }, incarnation = 0, state = "alive" }))
    for _, bump in ipairs { "fd0000000000002000", "fdffffffffffffffff" } do
      local one, two, three, message = read(agent(bump))
      assert.is_nil(one or two or three)
      assert.matches("larger than 2%^53 %- 1", message)
    end
    assert.error_matches(function()
      peer.codec.encode_member { id = { addr = a.addr, bump = 2 ^ 53 }, incarnation = 0, state = "alive" }
    end, "larger than 2%^53 %- 1")
    assert.is_nil(peer.broadcast.receive({ store = {} }, unhex "007f000001fb411ffdffffffffffffffff"))
  end)

  it("refuses what is cut short anywhere, and raises nothing", function()
    for _, entry in ipairs(golden) do
      for size = 0, #entry[2] / 2 - 1 do
        assert.is_nil((peer.codec.decode_header(unhex(entry[2]):sub(1, size))))
      end
    end
  end)

  -- An engine that is agent `id`, and what comes of packets of the others.
  describe("as an agent", function()
    local function agent(id)
      return assert(core.new {
        identity = id,
        config = { preset = "lan", cluster_size = 10, gossip = false },
        seed = 1,
        handlers = { identity = nil, codec = peer.codec },
      })
    end

    local function sends(engine)
      local out = {}
      for _, bytes, message in engine:sends() do out[#out + 1] = { message, hex(bytes) } end
      return out
    end

    local function hear(engine, now, text)
      assert(engine:receive(now, unhex(text)))
      return sends(engine)
    end

    it("lets another one join, with the very bytes that foca answers", function()
      local engine = agent(a)
      local out = hear(engine, 1, golden[1][2])
      assert.same({ { "feed", golden[2][2] .. "0000" } }, out)
      assert.equal("alive", engine:member(b.addr).state)
    end)

    it("joins", function()
      local engine = agent(b)
      assert(engine:announce(0, a))
      assert.same({ { "announce", golden[1][2] } }, sends(engine))
      hear(engine, 1, A .. "00" .. B .. "07" .. "0001" .. C .. "0000")
      assert.equal(2, engine:num_members())
    end)

    it("answers a ping", function()
      local engine = agent(b)
      local out = hear(engine, 1, golden[5][2] .. "0000")
      assert.equal("ack", out[1][1])
      assert.equal(golden[6][2], out[1][2]:sub(1, #golden[6][2]))
    end)

    it("passes an indirect ping on, and its answer back", function()
      local engine = agent(b)
      local out = hear(engine, 1, golden[7][2] .. "0000")
      assert.equal("indirect_ping", out[1][1])
      out = hear(engine, 1, golden[8][2] .. "0000")
      assert.equal("forwarded_ack", out[1][1])
      assert.equal(golden[9][2], out[1][2]:sub(1, #golden[9][2]))
    end)

    it("suspects and refutes", function()
      local engine = agent(a)
      hear(engine, 1, B .. "00" .. A .. "08" .. "0001" .. C .. "0001")
      assert.equal("suspect", engine:member(c.addr).state)
      hear(engine, 1, B .. "00" .. A .. "08" .. "0001" .. C .. "0100")
      assert.equal("alive", engine:member(c.addr).state)
      hear(engine, 1, B .. "00" .. A .. "08" .. "0001" .. A .. "0001")
      assert.equal(1, engine:self().incarnation)
    end)

    it("hears a goodbye", function()
      local engine = agent(a)
      hear(engine, 1, golden[1][2])
      hear(engine, 2, golden[11][2] .. golden[11][4])
      assert.equal("down", engine:member(b.addr).state)
    end)

    it("comes back by one more when it is called down", function()
      local engine = agent(e)
      hear(engine, 1, golden[10][2])
      assert.equal(e.bump + 1, engine:identity().bump)
    end)

    it("never says what foca does not know", function()
      local engine = agent(b)
      hear(engine, 1, C .. "00" .. B .. "08" .. "0001" .. A .. "0000")
      for second = 2, 40 do
        engine:tick(second)
        for _, out in ipairs(sends(engine)) do assert.are_not.equal("nack", out[1]) end
      end
    end)
  end)

  it("does not call itself by an address that nobody can send to", function()
    local options = { bind = "0.0.0.0:0", handlers = root .. "/examples/foca_peer.lua", log = false, watch = false }
    local node, message = shoal.start(options)
    assert.is_nil(node)
    assert.matches("is a wildcard address.*advertise the address at which other members reach this host", message)
    options.advertise = "127.0.0.1"
    node = assert(shoal.start(options))
    assert.equal("127.0.0.1:" .. node:bound():match("%d+$"), node:identity().addr)
    node:close()
  end)

  it("keeps the newest text of each address", function()
    local node = { store = {} }
    local function item(version) return unhex("007f000001fb411f") .. string.char(version, 2) .. "hi" end
    assert.equal(a.addr, peer.broadcast.receive(node, item(3)))
    assert.is_nil(peer.broadcast.receive(node, item(3)))
    assert.is_nil(peer.broadcast.receive(node, item(2)))
    assert.equal(a.addr, peer.broadcast.receive(node, item(4)))
    assert.is_nil(peer.broadcast.receive(node, "\9"))
  end)
end)
