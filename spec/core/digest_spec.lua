-- Whoever knows more members tells: pings carry a digest of whom their sender knows
-- (docs/wire.md), and those who get it compare.

local support = require "spec.core.support"
local core = support.core or require "shoal.core"

local function engine(name, options)
  local config = { compare_members = true }
  for key, value in pairs(options or {}) do config[key] = value end
  return support.engine(name, { config = config })
end

--- Delivers what one of two engines has sent to the other, and the answers. All
-- others ack pings. Returns what the two said to each other.
local function deliver(from, to, packets)
  local said, queue = {}, { { from, packets } }
  for _ = 1, 1000 do
    local next_one = table.remove(queue, 1)
    if not next_one then return said end
    local sender, sent = next_one[1], next_one[2]
    local receiver = sender == from and to or from
    for _, packet in ipairs(sent) do
      if packet.to == receiver:whoami() then
        said[#said + 1] = packet
        receiver.now = math.max(receiver.now, sender.now)
        queue[#queue + 1] = { receiver, receiver:receive(packet.bytes).packets }
      elseif packet.kind == "ping" then
        local answer = { kind = "ack", from = packet.to, number = packet.number }
        queue[#queue + 1] = { sender, sender:receive(answer).packets }
      end
    end
  end
  error "they do not stop talking"
end

--- `a` lives for so long, and talks with `b`, which only answers.
local function together(a, b, seconds)
  local said = {}
  for _ = 1, seconds * 4 do
    for _, packet in ipairs(deliver(a, b, a:advance(0.25).packets)) do said[#said + 1] = packet end
  end
  return said
end

local function of_kind(kind, said)
  local found = {}
  for _, packet in ipairs(said) do
    if packet.kind == kind then found[#found + 1] = packet end
  end
  return found
end

--- The digests of eight pings in a row, by bucket.
local function digests(e)
  local found = {}
  for _ = 1, 8 do
    local ping = e:next_ping()
    e:receive { kind = "ack", from = ping.to, number = ping.number }
    found[ping.number % 8] = ping.digest or false
  end
  return found
end

local function names(prefix, count)
  local list = {}
  for i = 1, count do list[i] = prefix .. i end
  return list
end

describe("a digest", function()
  it("counts the active members, and us", function()
    local sum = 0
    for _, digest in pairs(digests(engine("a"):knowing("b", "c", "d down 0"))) do
      sum = sum + digest.members
    end
    assert.equal(3, sum)
  end)

  it("is what docs/wire.md says", function()
    local function id(addr, bump) return core.stock_identity(addr, bump) end
    local e = assert(core.new { identity = id("a:1", 1), config = { compare_members = true }, seed = 1 })
    assert(e:apply(10, { { id = id("b:2", 2), state = "alive", incarnation = 0 } }))
    local seen = {}
    for now = 11, 30 do
      e:tick(now)
      for _, bytes, kind in e:sends() do
        local header = assert(core.codec.decode_header(bytes))
        if kind == "ping" then
          seen[header.number % 8] = header.digest
          e:receive(now, core.codec.encode_header {
            kind = "ack", src = header.dst, src_incarnation = 0, dst = header.src, number = header.number,
          } .. "\0\0")
        end
      end
    end
    assert.same({ members = 1, sum = 0x5946378b }, seen[3])
    assert.same({ members = 1, sum = 0x61655894 }, seen[4])
    assert.same({ members = 0, sum = 0 }, seen[0])
  end)

  it("is of the bucket that the number of the ping selects", function()
    local e = engine("a"):knowing("b")
    local before = digests(e)
    e:apply { "x alive 0" }
    e:live(2)
    local changed = {}
    for bucket, digest in pairs(digests(e)) do
      if digest.sum ~= before[bucket].sum then
        changed[#changed + 1] = bucket
        assert.equal(before[bucket].members + 1, digest.members)
      end
    end
    assert.equal(1, #changed)
  end)

  it("is the same again when a member has come and gone", function()
    local e = engine("a"):knowing("b")
    local before = digests(e)
    e:apply { "x alive 0" }
    e:apply { "x down 0" }
    e:live(2)
    assert.same(before, digests(e))
  end)

  it("goes with a change of identity, ours and others'", function()
    local e, other = engine("a"):knowing("b"), engine("a#2"):knowing("b#2")
    e:become("a#2")
    e:apply { "b#2 alive 0" }
    e:live(2)
    assert.same(digests(other), digests(e))
  end)

  it("is left out of a bucket that has changed within a period: the news is under way", function()
    local e = engine("a"):knowing("b")
    e:live(0.5)
    for i = 1, 40 do e:apply { "n" .. i .. " alive 0" } end
    assert.is_nil(e:next_ping().digest)
    assert.is_table(e:next_ping().digest)
  end)

  it("is not sent where that is switched off, and not compared", function()
    local a, b = engine("a", { compare_members = false }):knowing("b", "x"), engine("b"):knowing("a")
    assert.same({}, of_kind("gossip", together(a, b, 60)))
    a, b = engine("a"):knowing("b", "x"), engine("b", { compare_members = false }):knowing("a")
    assert.same({}, of_kind("gossip", together(a, b, 60)))
  end)

  it("costs nothing more while both know the same", function()
    local a, b = engine("a"):knowing("b", "x", "y"), engine("b"):knowing("a", "x", "y")
    for _, packet in ipairs(together(a, b, 60)) do
      assert.is_true(packet.kind == "ping" or packet.kind == "ack", packet.kind)
      assert.equal(packet.kind == "ping", packet.digest ~= nil)
    end
  end)
end)

describe("a difference", function()
  it("of one member is told by whoever pings and knows it", function()
    local a, b = engine("a"):knowing("b", "x", "y"), engine("b"):knowing("a", "y")
    local said = together(a, b, 120)
    assert.equal("alive", b:state_of("x"))
    assert.equal(1, #of_kind("gossip", said))
    assert.same({ "x alive 0" }, of_kind("gossip", said)[1].updates)
  end)

  it("of one member is told by whoever is pinged and knows it", function()
    local a, b = engine("a"):knowing("b", "y"), engine("b"):knowing("a", "x", "y")
    local said = together(a, b, 120)
    assert.equal("alive", a:state_of("x"))
    assert.equal(1, #of_kind("gossip", said))
  end)

  it("is told with its incarnation, and what follows from it", function()
    local a, b = engine("a"):knowing("b", "x suspect 7"), engine("b"):knowing("a")
    together(a, b, 3)
    a:configure { suspect_to_down_after = 10000 }
    together(a, b, 120)
    assert.equal(7, b:member("x").incarnation)
  end)

  it("of one member that has gone is told by whoever knows that", function()
    local long = { remove_down_after = 1000 }
    local a, b = engine("a", long):knowing("b", "x", "y"), engine("b", long):knowing("a", "x down 3", "y")
    together(a, b, 40)
    assert.equal("down", a:state_of("x"))
    a, b = engine("a", long):knowing("b", "x down 3", "y"), engine("b", long):knowing("a", "x", "y")
    together(a, b, 40)
    assert.equal("down", b:state_of("x"))
  end)

  it("of several members is made up for bucket by bucket", function()
    local a, b = engine("a"):knowing("b", support.unpack(names("n", 50))), engine("b"):knowing("a")
    together(a, b, 2000)
    assert.equal(51, b.core:num_members())
    a, b = engine("a"):knowing("b"), engine("b"):knowing("a", support.unpack(names("n", 50)))
    together(a, b, 2000)
    assert.equal(51, a.core:num_members())
  end)

  it("of other members, as many, is told both ways", function()
    local a = engine("a"):knowing("b", support.unpack(names("m", 16)))
    local b = engine("b"):knowing("a", support.unpack(names("n", 16)))
    together(a, b, 2000)
    assert.equal(33, a.core:num_members())
    assert.equal(33, b.core:num_members())
  end)

  it("is told once in a fifth of a period, however often we are pinged", function()
    local e = engine("a"):knowing("b", support.unpack(names("n", 50)))
    e:live(2)
    local gossip = 0
    for i = 1, 100 do
      local ping = { kind = "ping", from = "b", number = i, digest = { members = 0, sum = 1 } }
      gossip = gossip + #e:receive(ping):sent("gossip")
    end
    assert.equal(1, gossip)
    e:live(0.2)
    local ping = { kind = "ping", from = "b", number = 1, digest = { members = 0, sum = 1 } }
    assert.equal(1, #e:receive(ping):sent("gossip"))
  end)

  it("is answered with our digest, so that they can tell us", function()
    local e = engine("a"):knowing("b", "c")
    local function reply(digest)
      local packets = e:receive { kind = "ping", from = "b", number = 1, digest = digest }.packets
      return packets[#packets].digest
    end
    local ours = digests(e)[1]
    assert.is_nil(reply(ours))
    assert.same(ours, reply { members = ours.members + 2, sum = 1 })
    assert.is_nil(reply(ours))
    assert.is_nil(reply(nil))
  end)

  it("that nobody can explain does no harm", function()
    local e = engine("a"):knowing("b", "c")
    for i = 1, 64 do
      for _, members in ipairs { 0, 1, 2, 3, 4294967295 } do
        e:receive { kind = "ping", from = "b", number = i, digest = { members = members, sum = i } }
        e:receive { kind = "ack", from = "c", number = i, digest = { members = members, sum = i } }
      end
      e:live(0.3)
    end
    assert.equal(2, e.core:num_members())
  end)

  it("is searched for in slices: the cost of a packet has a bound", function()
    local list = names("n", 5000)
    local b = engine("b"):knowing("a", support.unpack(list, 1, 4999))
    local a = engine("a"):knowing("b", support.unpack(list, 1, 5000))
    b:live(3)
    a.now = b.now
    local told, at = nil, nil
    for step = 1, 200 do
      local ping = b:next_ping()
      b:receive { kind = "ack", from = ping.to, number = ping.number }
      a.now = b.now
      -- as if it had been for a: all pings say the same of b
      local heard = a:receive { kind = "ping", from = "b", number = ping.number, digest = ping.digest }
      at = #heard:sent("gossip") > 0 and "receive" or at
      local ticks = 0
      while not at and ticks < 5 do
        ticks = ticks + 1
        if #a:tick():sent("gossip") > 0 then at = ticks end
      end
      if at then
        told = step
        break
      end
    end
    assert.is_true(told ~= nil)
    assert.equal(4, at)
  end)

  it("is forgotten when we have changed meanwhile", function()
    local e = engine("a"):knowing("b", support.unpack(names("n", 3000)))
    e:live(2)
    local ours = digests(e)[1]
    e:receive { kind = "ping", from = "b", number = 1, digest = { members = ours.members - 1, sum = 5 } }
    for i = 1, 40 do e:apply { "m" .. i .. " alive 0" } end
    local gossip = 0
    for _ = 1, 6 do gossip = gossip + #e:tick():sent("gossip") end
    assert.equal(0, gossip)
  end)
end)
