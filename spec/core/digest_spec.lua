-- Pings carry a digest of what their sender knows (docs/wire.md); those who get it
-- compare, and whoever has pinged finds out in what the two differ.

local support = require "spec.core.support"
local core = support.core or require "shoal.core"

--- The record that says: of all members you were told what you lacked.
local done = "\4\0\0"

local function bit_count(number)
  local count = 0
  while number > 0 do
    count = count + number % 2
    number = math.floor(number / 2)
  end
  return count
end

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

--- The digest of the next ping, which is answered.
local function digest_of(e)
  local ping = e:next_ping()
  e:receive { kind = "ack", from = ping.to, number = ping.number }
  return ping.digest
end

local function names(prefix, count)
  local list = {}
  for i = 1, count do list[i] = prefix .. i end
  return list
end

--- What a ping of b with that digest brings back.
local function ack_to(e, digest)
  return e:receive({ kind = "ping", from = "b", number = 1, digest = digest }):the("ack").digest
end

describe("a digest", function()
  it("counts the active members, and us", function()
    local e = engine("a"):knowing("b", "c", "d down 0")
    e:live(2)
    assert.equal(3, digest_of(e).members)
  end)

  it("is what docs/wire.md says", function()
    local function id(addr, bump) return core.stock_identity(addr, bump) end
    local e = assert(core.new {
      identity = id("a:1", 1), config = { preset = "lan", compare_members = true }, seed = 1,
    })
    assert(e:apply(10, { { id = id("b:2", 2), state = "alive", incarnation = 0 } }))
    local seen
    for now = 11, 30 do
      e:tick(now)
      for to, bytes, kind in e:sends() do
        local header = assert(core.codec.decode_header(bytes))
        if kind == "ping" then
          seen = header.digest
          e:receive(now, core.codec.encode_header {
            kind = "ack", src = to, src_incarnation = 0, dst = header.src, number = header.number,
          } .. "\0\0")
        end
      end
    end
    -- A's 5946378b xor B's 61655894
    assert.same({ members = 2, sum = 0x38236f1f }, seen)
  end)

  it("is the same again when a member has come and gone", function()
    local e = engine("a"):knowing("b")
    e:live(2)
    local before = digest_of(e)
    e:apply { "x alive 0" }
    e:apply { "x down 0" }
    e:live(2)
    assert.same(before, digest_of(e))
  end)

  it("goes with a change of identity, ours and others'", function()
    local e, other = engine("a"):knowing("b"), engine("a#2"):knowing("b#2")
    e:become("a#2")
    e:apply { "b#2 alive 0" }
    e:live(2)
    other:live(2)
    assert.same(digest_of(other), digest_of(e))
  end)

  it("is without what has changed within half a period: the news is under way", function()
    local e = engine("a"):knowing("b")
    e:live(3)
    ack_to(e, digest_of(e)) -- b knows the same
    e.now = e:next_ping().at + 0.9
    e:apply { "x alive 0" }
    assert.equal(1, bit_count(digest_of(e).without))
    e:live(1)
    assert.is_nil(digest_of(e).without)
  end)

  it("is about a single bucket at times, when that never comes to rest", function()
    local e = engine("a"):knowing("b")
    local single = false
    for i = 1, 200 do
      e:apply { ("n%d alive 0"):format(i) }
      for _, ping in ipairs(e:live(0.25):sent("ping")) do
        single = single or (ping.digest and bit_count(ping.digest.without or 0) == 7)
      end
    end
    assert.is_true(single)
  end)

  it("is not sent where that is switched off, and not compared", function()
    local a, b = engine("a", { compare_members = false }):knowing("b", "x"), engine("b"):knowing("a")
    together(a, b, 5)
    assert.same({}, of_kind("exchange", together(a, b, 60)))
    a, b = engine("a"):knowing("b", "x"), engine("b", { compare_members = false }):knowing("a")
    together(a, b, 5)
    assert.same({}, of_kind("exchange", together(a, b, 60)))
  end)

  it("costs nothing more while both know the same", function()
    local a, b = engine("a"):knowing("b", "x", "y"), engine("b"):knowing("a", "x", "y")
    together(a, b, 5)
    for _, packet in ipairs(together(a, b, 60)) do
      assert.is_true(packet.kind == "ping" or packet.kind == "ack", packet.kind)
      assert.equal(packet.kind == "ping", packet.digest ~= nil)
    end
  end)

  it("that differs is answered with ours of the same buckets", function()
    local e = engine("a"):knowing("b", "c")
    e:live(2)
    local ours = digest_of(e)
    assert.is_nil(ack_to(e, ours))
    assert.same(ours, ack_to(e, { members = ours.members + 2, sum = 1 }))
    assert.equal(0x0f, ack_to(e, { members = 7, sum = 1, without = 0x0f }).without)
    assert.is_nil(ack_to(e, ours))
    assert.is_nil(ack_to(e, nil))
  end)

  it("that is only about what was published says nothing of members", function()
    local e = engine("a"):knowing("b", "c")
    e:live(2)
    assert(e.core:publish(e.now, "news", "x"))
    e:live(2)
    local ours = digest_of(e)
    local answer = ack_to(e, { members = ours.members, sum = ours.sum, streams = ours.streams + 1 })
    assert.same({ members = 0, sum = 0, without = 255, streams = ours.streams }, answer)
  end)

  it("that cannot be compared is answered with what has settled here", function()
    local e = engine("a"):knowing("b", "c")
    e:live(2)
    e:apply { "x alive 0" }
    local answer = ack_to(e, { members = 3, sum = 1 })
    assert.equal(1, bit_count(answer.without))
    -- all but that bucket can be
    assert.equal(answer.without, ack_to(e, { members = 9, sum = 1, without = answer.without }).without)
  end)
end)

describe("a difference", function()
  --- Two that know each other, after what they do first.
  local function pair(of_a, of_b, options)
    local a = engine("a", options):knowing("b", support.unpack(of_a))
    local b = engine("b", options):knowing("a", support.unpack(of_b))
    a:live(4)
    b.now = math.max(a.now, b.now)
    b:live(4)
    a.now = b.now
    return a, b
  end

  it("is told by whoever knows more, whichever pings", function()
    local a, b = pair({ "x", "y" }, { "y" })
    together(a, b, 5)
    assert.equal("alive", b:state_of("x"))
    a, b = pair({ "y" }, { "x", "y" })
    together(a, b, 5)
    assert.equal("alive", a:state_of("x"))
  end)

  it("takes four packets, of which only one tells", function()
    local a, b = pair({ "x", "y" }, { "y" })
    local said = of_kind("exchange", together(a, b, 5))
    local claims = 0
    for _, packet in ipairs(said) do claims = claims + #packet.updates end
    assert.equal(1, claims)
    assert.is_true(#said <= 4, #said)
  end)

  it("is told with its incarnation, and what follows from it", function()
    local a, b = pair({ "x suspect 7" }, {})
    a:configure { suspect_to_down_after = 10000 }
    together(a, b, 5)
    assert.equal(7, b:member("x").incarnation)
  end)

  it("that a member has gone makes whoever has missed it suspect it", function()
    local long = { remove_down_after = 1000, notify_down_members = true, suspect_to_down_after = 10000 }
    local a, b = pair({ "x", "y" }, { "x down 3", "y" }, long)
    together(a, b, 5)
    assert.equal("suspect", a:state_of("x"))
    a, b = pair({ "x down 3", "y" }, { "x", "y" }, long)
    together(a, b, 5)
    assert.equal("suspect", b:state_of("x"))
  end)

  it("of many members is told, both ways", function()
    for _, count in ipairs { 16, 50, 200 } do
      local a, b = pair(names("m", count), names("n", count))
      together(a, b, 4 * count)
      assert.equal(2 * count + 1, a.core:num_members())
      assert.equal(2 * count + 1, b.core:num_members())
    end
  end)

  it("of one member among thousands costs no more than a few hundred bytes", function()
    local list = names("n", 5000)
    local a = engine("a"):knowing("b", support.unpack(list))
    local b = engine("b"):knowing("a", support.unpack(list, 2))
    a:live(2)
    b.now = a.now
    b:live(2)
    a.now = b.now
    local bytes = 0
    for _, packet in ipairs(of_kind("exchange", together(a, b, 6000))) do bytes = bytes + packet.size end
    assert.equal("alive", b:state_of "n1")
    assert.is_true(bytes < 2000, bytes)
  end)

  it("is asked about less and less often while nothing comes of it", function()
    local e = engine("a"):knowing("b", "c")
    e:live(2)
    local asked = 0
    for _ = 1, 100 do
      local ping = e:next_ping()
      e.now = math.max(e.now, ping.at)
      local out = e:receive { kind = "ack", from = ping.to, number = ping.number, digest = { members = 9, sum = 1 } }
      for _, packet in ipairs(out:sent("exchange")) do
        asked = asked + 1
        e:receive { kind = "exchange", from = packet.to, items = { done } }
      end
    end
    assert.is_true(asked >= 5 and asked <= 15, asked)
  end)

  it("of which there is too much to ask at once is asked about in turns, not in a busy loop", function()
    local e = engine("a"):knowing("b")
    local asked, cut = {}, 0
    local function answer(out)
      for _, packet in ipairs(out:sent("exchange")) do asked[#asked + 1] = packet.items[1] end
    end
    answer(e:live(0.1))
    while cut < 60 and asked[1] do -- of each question: you were told, but not all
      local question = table.remove(asked, 1)
      local cell = question:sub(2, 2 + math.ceil(question:byte(2) / 8))
      cut = cut + 1
      answer(e:receive { kind = "exchange", from = "b", items = { "\4" .. cell .. "\1" } })
      assert.is_true(e.core:deadline() > e.now, cut)
    end
    assert.is_true(cut > 8, cut)
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
end)
