--- What fits into a packet: what is accepted is delivered, and what is not is refused,
-- or given up and counted; nothing is sent for ever, and nothing in silence.

local core = require "shoal.core"
local support = require "spec.core.support"
local engine, healing, collector = support.engine, support.healing, support.collector

local function with(config, ...)
  local fields = { gossip = { every = 0.125, members = 3 }, probe_period = 1000, remove_down_after = 10000 }
  for key, value in pairs(config or {}) do fields[key] = value end
  local options = { broadcast = collector().handler, config = fields, diagnostics = { "item_dropped" } }
  return healing("a", options):knowing(...)
end

--- One whose headers have the whole identity of the receiver in them.
local function with_whole(...)
  local fields = { gossip = { every = 0.125, members = 3 }, probe_period = 1000, remove_down_after = 10000 }
  return healing("a", { broadcast = collector().handler, config = fields, diagnostics = { "item_dropped" },
    codec = support.whole }):knowing(...)
end

local function long(letter, size) return letter:rep(size) end

--- The largest item that is taken now.
local function add_largest(e)
  for size = e.core:config().max_packet_size, 1, -1 do
    local out = e:call("add_broadcast", ("x"):rep(size))
    if out.ok then return size end
    assert.equal("too_big", out.code)
  end
end

local function reached(out, item_size)
  local names = {}
  for _, packet in ipairs(out:sent("gossip")) do
    for _, item in ipairs(packet.items) do
      if #item == item_size then names[#names + 1] = packet.to end
    end
  end
  return support.set(names)
end

describe("an item", function()
  it("that is accepted reaches every member, whatever their identities", function()
    local lengths = { 100, 300, 400 }
    for length = 1, 32 do lengths[#lengths + 1] = length end -- of identities that fill a step, and others
    for _, length in ipairs(lengths) do
      local e = with(nil, "b", long("c", length), "d", "a suspect 300") -- of which the header tells
      local size = add_largest(e)
      local out = e:advance(2)
      assert.same(support.sorted { "b", long("c", length), "d" }, reached(out, size))
    end
  end)

  it("that is refused says how much room there is", function()
    local e = with({ max_packet_size = 400 }, "b", long("c", 60))
    local message = e:refuses("too_big", "add_broadcast", ("x"):rep(390))
    local room = message:match("an item has 390 bytes, and a packet to the members known now has room for (%d+)")
    room = tonumber(room)
    assert.equal(room, add_largest(e))
  end)

  it("is measured with a gossip, not with a smaller kind of packet", function()
    for size = 290, 330 do
      local e = with({ max_packet_size = 400 }, "b")
      if e:call("add_broadcast", ("x"):rep(size)).ok then
        assert.same({ "b" }, reached(e:advance(2), size))
      end
    end
  end)

  it("goes out though suspicions wait that leave it no room", function()
    local e = with({ tell_suspects = true, max_packet_size = 256, max_transmissions = 9 }, "b", "c", "d", "e")
    e:apply({ "c suspect 0", "d suspect 0", "e suspect 0" }, { broadcast = true })
    local size = add_largest(e)
    assert.same({ "b", "c", "d", "e" }, reached(e:advance(2), size))
    assert.equal(3, e:backlog()) -- they wait for a packet that goes anyway, and lose no transmission
    assert.same({ ["c suspect 0"] = 9, ["d suspect 0"] = 9, ["e suspect 0"] = 9 }, e:exhaust())
  end)

  it("that a newcomer's identity leaves no room for goes on to the others", function()
    local e = with_whole "b"
    local size = add_largest(e)
    e:knowing(long("z", 300))
    assert.same({ "b" }, reached(e:advance(2), size))
    assert.equal(0, e:dropped("too_big"))
    assert.equal(0, e:waiting_items())
  end)

  it("that fits into no packet any more is given up, counted and reported", function()
    local e = with_whole "b"
    e:configure { gossip = false }
    add_largest(e)
    e:add("small")
    e:apply { "b down 0", long("z", 300) }
    e:configure { gossip = { every = 0.125, members = 3 } }
    local out = e:advance(2)
    assert.equal(1, e:dropped("too_big"))
    assert.equal(1, out:count("item_dropped too_big"))
    assert.equal(1000.125, out:time_of("item_dropped too_big")) -- with the first turn
    assert.same({ long("z", 300) }, reached(out, #"small"))
    assert.same({}, e:advance(10).log)
  end)

  it("is given up whatever the sizes: nothing is tried for ever", function()
    local largest = add_largest(with_whole "b")
    for length = 2, 40 do
      for size = largest - 14, largest, 7 do
        local e = with_whole "b"
        e:configure { gossip = false }
        e:add(("x"):rep(size))
        e:apply { "b down 0", long("z", length) }
        e:configure { gossip = { every = 0.125, members = 3 } }
        local out = e:advance(5)
        local lost = #reached(out, size) > 0 and 0 or 1
        assert.equal(0, e:waiting_items())
        assert.equal(lost, e:dropped("too_big"), length)
        assert.equal(lost, out:count("item_dropped too_big"), length)
        assert.same({}, e:advance(5).log)
      end
    end
  end)

  it("from a member with a shorter identity, which we could not pass on, is dropped and counted", function()
    local e = with({ max_packet_size = 300 }, "b", long("c", 60))
    local room = 300 - #e:packet { kind = "broadcast", from = "b" } - 2
    e:receive { kind = "broadcast", from = "b", items = { ("x"):rep(room) } }
    assert.equal(1, e:dropped("too_big"))
    assert.equal(0, e:waiting_items())
  end)
end)

describe("the backlog of items", function()
  local function crowd(max)
    local items = collector({
      receive = function(_, data) return data:match("^%S+") end,
    })
    local e = healing("a", { broadcast = items.handler, diagnostics = { "item_dropped" } })
    if max then e:configure { max_broadcasts = max } end
    return e, max
  end

  it("has a bound, and the oldest make room", function()
    local e, most = crowd(50)
    for i = 1, most do e:add(("%d "):format(i)) end
    assert.equal(most, e:waiting_items())
    local out = e:add("one more")
    assert.same({ "item_dropped backlog_full" }, out.events)
    for i = 2, 10 do e:add(("more%d "):format(i)) end
    assert.equal(most, e:waiting_items())
    assert.equal(10, e:dropped("backlog_full"))
  end)

  it("is 4096 by default", function()
    local e = crowd()
    for i = 1, 4100 do e:add(("%d "):format(i)) end
    assert.equal(4096, e:waiting_items())
    assert.equal(4, e:dropped("backlog_full"))
  end)

  it("loses the oldest, whatever their sizes", function()
    local e, most = crowd(50)
    for i = 1, most do e:add(("%d "):format(i) .. ("x"):rep(30)) end
    for i = 1, 5 do e:add(("new%d"):format(i)) end
    e:knowing("b")
    local seen = {}
    for _ = 1, 400 do
      for _, item in ipairs(e:gossip():the("gossip").items) do seen[item:match("^%S+")] = true end
    end
    for i = 1, 5 do
      assert.is_true(seen["new" .. i] or false)
      assert.is_nil(seen[tostring(i)])
    end
    assert.is_true(seen["6"])
  end)

  it("makes no room for an item that replaces one", function()
    local e, most = crowd(50)
    for i = 1, most do e:add(("%d "):format(i)) end
    for i = 1, 20 do e:add(("7 anew %d"):format(i)) end
    assert.equal(most, e:waiting_items())
    assert.equal(0, e:dropped("backlog_full"))
  end)
end)

--- Gossips from a second on, after packets have become smaller.
local function gossips_in_small_packets(e)
  e:configure { max_packet_size = 400 }
  e:advance(3)
  return #e:advance(5):sent("gossip")
end

describe("what was queued for larger packets", function()
  local function large() return { text = ("x"):rep(450) } end

  it("is no reason to gossip for ever: our own tags, which are told without their bytes", function()
    local e = with(nil, "b", "c")
    assert(e.core:set_tags(e.now, large()))
    assert.equal(0, gossips_in_small_packets(e))
    assert.equal(0, e:dropped("too_big"))
  end)

  it("is none: the tags of others", function()
    local e = with(nil, "b", "c")
    e:receive(core.codec.encode_header {
      kind = "gossip", src = e.scheme.id "b", src_incarnation = 0, dst = e.core:identity(),
    } .. "\0\1" .. core.codec.encode_member {
      id = e.scheme.id "c", state = "alive", incarnation = 0,
      tags_version = 5 * 65536 + 0x3800, tags = core.pack(large()), -- with their check: docs/wire.md
    })
    assert.same(large(), e:member("c").tags)
    assert.equal(0, gossips_in_small_packets(e))
  end)

  it("is none: a member with a long identity, which is counted", function()
    local e = with(nil, "b")
    e:apply({ long("z", 395) .. " alive 0" }, { broadcast = true })
    assert.equal(0, gossips_in_small_packets(e))
    assert.equal(1, e:dropped("too_big"))
  end)
end)

describe("an identity that leaves no room in a packet", function()
  it("is refused at start, and as a new one", function()
    local function new(size, room)
      return core.new { identity = core.stock_identity(long("x", size), 1), config = { max_packet_size = room } }
    end
    for size, room in pairs { [480] = 1400, [100] = 256 } do
      local made, _, code = new(size, room)
      assert.is_nil(made)
      assert.equal("too_big", code)
    end
    assert.truthy(new(400, 1400))
    local e = healing("a"):knowing("b")
    e:refuses("too_big", "change_identity", e:id(long("a", 470)))
  end)

  it("is no renewal", function()
    local renew = function(id) return { id[1] .. long("x", 470), id[2] + 1 } end
    local e = support.mortal("a", { identity = { renew = renew } }):knowing("b")
    assert.same({ "defunct" }, e:apply({ "a down 0" }).events)
  end)

  it("makes nobody a member, and is counted once", function()
    local e = healing(long("a", 400), { config = { max_packet_size = 65507 } }):knowing("b")
    local ping = e:packet { kind = "ping", from = long("z", 485), number = 1 }
    local gossip = e:packet { kind = "gossip", from = "b", updates = { long("z", 485), "c" } }
    e:configure { max_packet_size = 1400 }
    local out = e:call("receive", ping)
    assert.same({ "identity", 0 }, { out.code, #out.log })
    assert.same({ "b alive 0" }, e:state())
    assert.equal(1, e:dropped("too_big"))
    assert.equal(0, e:dropped("identity"))
    e:receive(gossip)
    assert.same({ "b alive 0", "c alive 0" }, e:state())
    assert.equal(2, e:dropped("too_big"))
  end)

  it("is ours when packets shall get smaller: that is refused", function()
    local e = healing(long("a", 400)):knowing("b")
    local message = e:refuses("invalid_config", "set_config", { max_packet_size = 1200 })
    assert.matches("max_packet_size", message, 1, true)
    e:configure { max_packet_size = 1300 }
  end)

  it("does not come with its successor where there is no room for both", function()
    local here, there, b = long("h", 400), long("t", 400), long("b", 400)
    local e = healing(here, { config = { gossip = { every = 0.125, members = 3 } } }):knowing(b)
    local told = {}
    e:become(there)
    for _, packet in ipairs(e:live(5).packets) do
      for i, claim in ipairs(packet.updates) do told[claim] = packet.by[i] or "nobody" end
    end
    assert.same({ [here .. " left"] = "nobody" }, told)
    assert.equal(0, e:backlog())
    assert.same({}, e:live(10):sent("gossip"))
  end)

  it("does not come with who suspects it where there is no room for both", function()
    local c, b = long("c", 400), long("b", 400)
    local e = healing(long("a", 400)):knowing(b, c)
    e:receive { kind = "gossip", from = "s", updates = { ("%s suspect 0 by %s"):format(c, b) } }
    e:apply { "s left" }
    local counts = e:exhaust()
    assert.equal(3, counts[c .. " suspect 0"])
  end)
end)

describe("a feed", function()
  local function ask(e, name)
    return e:receive({ kind = "announce", from = name }):the("feed")
  end

  local function crowded(size)
    local e = engine("a")
    for i = 1, 40 do e:apply { ("%s%d"):format(long("n", size), i) } end
    return e
  end

  it("is small when nothing came but another announce: the large one was perhaps too large for the path", function()
    local e = crowded(10)
    assert.is_true(ask(e, "z").size > 1300)
    local again = ask(e, "z")
    assert.is_true(again.size <= 548 and #again.updates > 5)
    assert.is_true(ask(e, "y").size > 1300)
  end)

  it("is large again once something else was heard", function()
    local e = crowded(10)
    ask(e, "z")
    ask(e, "z")
    e:receive { kind = "ping", from = "z", number = 1 }
    assert.is_true(ask(e, "z").size > 1300)
  end)

  it("is never too small for a single member", function()
    local e = crowded(250)
    for _ = 1, 4 do assert.is_true(#ask(e, long("z", 250)).updates > 0) end
  end)
end)
