--- Whole packets, as engines send and take them.

local core = require "shoal.core"
local golden = require "spec.wire.golden"

local ids, bytes, hex = golden.ids, golden.bytes, golden.hex

--- An engine that does nothing by itself, in its own time.
local function engine(name, config)
  local fields = { preset = "simple", announce = false, announce_to_down = false, gossip = false }
  for key, value in pairs(config or {}) do fields[key] = value end
  return assert(core.new {
    identity = ids[name],
    config = fields,
    seed = 1,
    handlers = { broadcast = { receive = function(_, data) return data end } },
  })
end

--- What an engine has sent since it was last asked: { bytes, "ping", "b:2" }.
local function sent(from)
  local list = {}
  for _, packet, message, endpoint in from:sends() do
    list[#list + 1] = { packet, message, endpoint }
  end
  return list
end

--- The bytes that an engine without tags sends.
local function says(text) return bytes((text:gsub("^(9%x 01 )0", "%12"))) end

local function starts_with(text, packet)
  local expected = says(text)
  assert.equal(hex(expected), hex(packet:sub(1, #expected)))
end

--- What `name` answers to a packet, after it has come to know the others.
local function answer(name, text, config)
  local e = engine(name, config)
  for _, other in ipairs { "A", "B", "C" } do
    if other ~= name then assert(e:apply(0, { { id = ids[other], state = "alive", incarnation = 0 } }, {})) end
  end
  assert(e:receive(0, bytes(text)))
  local packets = sent(e)
  assert.equal(1, #packets)
  return packets[1][1], packets[1][2], packets[1][3]
end

describe("a packet", function()
  it("of announce is a header and nothing else", function()
    local a = engine "A"
    assert(a:announce(0, ids.B))
    assert.same({ { says "95 01 06 A 00 @B", "announce", "b:2" } }, sent(a))
  end)

  it("of feed has no count of members where there is none", function()
    local b = engine "B"
    assert(b:receive(0, bytes "95 01 06 A 00 @B"))
    assert.same({ { says "95 01 07 B 00 #A", "feed", "a:1" } }, sent(b))
  end)

  it("of feed lists members, but not whom it is for", function()
    assert.equal(hex(says "95 01 07 B 00 #A 0001 93 C 00 00"), hex((answer("B", "95 01 06 A 00 @B"))))
  end)

  it("of ping is answered by an ack with its number", function()
    local packet, message = answer("A", "96 01 00 B 00 #A 07 0000")
    assert.equal("ack", message)
    starts_with("96 01 01 A 00 #B 07", packet)
  end)

  it("of ping_req, indirect_ping and indirect_ack is sent on with its number", function()
    local packet, message, endpoint = answer("B", "97 01 02 A 00 #B ccc8 C 0000")
    assert.same({ "indirect_ping", "c:3" }, { message, endpoint })
    starts_with("97 01 03 B 00 #C ccc8 A", packet)
    packet, message, endpoint = answer("C", "97 01 03 B 00 #C ccc8 A 0000")
    assert.same({ "indirect_ack", "b:2" }, { message, endpoint })
    starts_with("97 01 04 C 00 #B ccc8 A", packet)
    packet, message, endpoint = answer("B", "97 01 04 C 00 #B ccc8 A 0000")
    assert.same({ "forwarded_ack", "a:1" }, { message, endpoint })
    starts_with("97 01 05 B 00 #A ccc8 C", packet)
  end)

  it("of ping_req that wants a nack is answered by one with its number, if there is nothing better", function()
    local b = engine "B"
    assert(b:receive(0, bytes "98 01 02 A 00 #B 07 C c3 0000"))
    local packets = sent(b)
    while packets[#packets][2] ~= "nack" do
      assert(b:tick(assert(b:deadline(), "there will be no nack")))
      for _, packet in ipairs(sent(b)) do packets[#packets + 1] = packet end
      assert.is_true(#packets < 10)
    end
    assert.equal("a:1", packets[#packets][3])
    starts_with("97 01 0b B 00 #A 07 C", packets[#packets][1])
  end)

  it("of turn_undead is a header and nothing else", function()
    local a = engine("A", { notify_down_members = true })
    assert(a:set_handlers { codec = { -- with the default codec it is a verdict
      encode_header = core.codec.encode_header, decode_header = core.codec.decode_header,
      encode_member = core.codec.encode_member, decode_member = core.codec.decode_member,
    } })
    assert(a:apply(0, { { id = ids.C, state = "down", incarnation = 0 } }, {}))
    assert(a:receive(0, bytes "96 01 00 C 00 #A 07"))
    assert.same({ { bytes "95 01 0a A 00 #C", "turn_undead", "c:3" } }, sent(a))
  end)

  it("of turn_undead is taken, and answered as a verdict is", function()
    local a = engine("A", { notify_down_members = true })
    assert(a:apply(0, { { id = ids.C, state = "alive", incarnation = 0 } }, {}))
    local _, _, code = a:receive(1, bytes "95 01 0a C 00 #A 0000")
    assert.equal("malformed", code)
    assert(a:receive(1, bytes "95 01 0a C 00 #A"))
    assert.equal(1, a:self().incarnation)
  end)

  it("that tells a down member so is a gossip with that claim and nothing else", function()
    local a = engine("A", { notify_down_members = true })
    assert(a:apply(0, { { id = ids.C, state = "down", incarnation = 2 } }, {}))
    assert(a:apply(0, { { id = ids.B, state = "alive", incarnation = 0 } }, { broadcast = true }))
    assert.is_true(a:add_broadcast(0, "hello"))
    assert(a:receive(0, bytes "96 01 00 C 00 #A 07"))
    assert.same({ { says "95 01 08 A 00 #C 0001 93 C 02 02", "gossip", "c:3" } }, sent(a))
  end)

  it("of refused is a header and nothing else", function()
    local a = engine("A", { max_members = 1 })
    assert(a:apply(0, { { id = ids.B, state = "alive", incarnation = 0 } }, {}))
    assert(a:receive(0, bytes "95 01 06 C 00 @A"))
    assert.same({ { says "95 01 0c A 00 #C", "refused", "c:3" } }, sent(a))
    local c = engine "C"
    local _, _, code = c:receive(0, bytes "95 01 0c A 00 #C 00")
    assert.equal("malformed", code)
    assert(c:receive(0, bytes "95 01 0c A 00 #C"))
  end)

  it("of broadcast carries items behind their lengths, and no count", function()
    local a = engine "A"
    assert(a:apply(0, { { id = ids.C, state = "alive", incarnation = 0 } }, {}))
    assert.is_true(a:add_broadcast(0, "hello"))
    sent(a)
    assert(a:broadcast(0))
    assert.same({ { says "95 01 09 A 00 #C 0005 68656c6c6f", "broadcast", "c:3" } }, sent(a))
  end)

  it("of gossip carries a count, members and items", function()
    local a = engine "A"
    assert(a:apply(0, { { id = ids.B, state = "alive", incarnation = 0 } }, {}))
    assert(a:apply(0, { { id = ids.C, state = "down", incarnation = 2 } }, { broadcast = true }))
    assert.is_true(a:add_broadcast(0, "hello"))
    sent(a)
    assert(a:gossip(0))
    local expected = says "95 01 08 A 00 #B 0001 93 C 02 02 0005 68656c6c6f"
    assert.same({ { expected, "gossip", "b:2" } }, sent(a))
  end)

  it("of gossip says that its sender has left, or who it is now", function()
    local a = engine("A", { notify_down_members = true })
    assert(a:apply(0, { { id = ids.C, state = "alive", incarnation = 0 } }, {}))
    assert(a:change_identity(1, ids.B))
    assert.same({ { says "95 01 08 B 00 #C 0001 94 A cdffff 02 B", "gossip", "c:3" } }, sent(a))
    assert(a:leave(2))
    local last = sent(a)[1][1]
    assert.equal(hex(says "95 01 08 B 00 #C"), hex(last:sub(1, #bytes "95 01 08 B 00 #C")))
    assert.is_truthy(last:find(bytes "93 B cdffff 02", 1, true))
  end)

  it("is taken apart into its members and items", function()
    local items = {}
    local b = engine "B"
    b:set_handlers { broadcast = { receive = function(_, data) items[#items + 1] = data end } }
    assert(b:receive(0, bytes(golden.gossip)))
    assert.same({ "hello" }, items)
    assert.equal("alive", b:member("a:1").state)
    assert.equal("suspect", b:member("c:3").state)
    assert.equal(2, b:member("c:3").incarnation)
  end)

  it("changes nothing when it is cut short anywhere but between its parts", function()
    local packet = bytes(golden.gossip)
    local whole = { [#bytes "95 01 08 A 00 #B"] = true, [#bytes "95 01 08 A 00 #B 0001 93 C 02 01"] = true }
    for size = 0, #packet - 1 do
      if not whole[size] then
        local b = engine "B"
        local ok, _, code = b:receive(0, packet:sub(1, size))
        assert.is_nil(ok)
        assert.equal("malformed", code)
        assert.equal(0, b:num_known())
        assert.equal(1, b:stats().dropped.malformed)
      end
    end
  end)

  it("of a newer release is taken when it only says more", function()
    local b = engine "B"
    assert(b:receive(0, bytes "98 01 08 A 00 #B c0 c0 8101c3 0001 94 C 02 01 A"))
    assert.equal("alive", b:member("a:1").state)
    assert.equal("suspect", b:member("c:3").state)
  end)

  it("of another version or kind is dropped and counted", function()
    local b = engine "B"
    for _, text in ipairs { "95 02 08 A 00 #B 0000", "97 01 0e A 00 #B 07 C 0000" } do
      local ok, _, code = b:receive(0, bytes(text))
      assert.is_nil(ok)
      assert.equal("unsupported", code)
    end
    assert.equal(2, b:stats().dropped.unsupported)
    assert.equal(0, b:num_known())
  end)
end)
