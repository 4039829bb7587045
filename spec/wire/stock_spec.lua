--- The stock identity, answered for in C.

local core = require "shoal.core"
local golden = require "spec.wire.golden"

local bytes, hex = golden.bytes, golden.hex
local ids = golden.ids

local function engine(identity)
  return assert(core.new {
    identity = identity,
    config = { preset = "simple", announce = false, announce_to_down = false, gossip = false },
    seed = 1,
  })
end

local function events(from)
  local list = {}
  for event, a, b in from:events() do list[#list + 1] = { event, a, b } end
  return list
end

--- An announce to A from some identity, which makes it a member.
local function announce(id)
  return assert(core.codec.encode_header { kind = "announce", src = id, src_incarnation = 0, dst = ids.A })
end

--- Who has the address of b:2 after one and then the other of these was heard.
local function holder(first, second)
  local a = engine(ids.A)
  assert(a:receive(0, announce(first)))
  assert(a:receive(0, announce(second)))
  assert.equal(1, a:num_known())
  return a:member("b:2").id
end

describe("the stock identity", function()
  it("is a map with sorted keys and the smallest numbers", function()
    assert.equal(golden.id_hex.A, hex(core.pack(core.stock_identity("a:1", 1))))
    local id = core.stock_identity("a:1", 1795416443, { name = "x", zip = true })
    assert.equal(hex(bytes "84 a37a6970 c3 a461646472 a3613a31 a462756d70 ce6b03e17b a46e616d65 a178"),
      hex(core.pack(id)))
  end)

  it("is compact with an IP address, and the same table for Lua", function()
    for _, case in ipairs {
      { "c70c01 1f0a 0a000002 01a20728c8f3", { addr = "10.0.0.2:7946", bump = 1795416443123 } },
      { "c70c01 1f0a 0a000002 ffffffffffff", { addr = "10.0.0.2:7946", bump = 2 ^ 48 - 1 } },
      { "c70e01 1f0a 0a000002 000000000007 6462", { addr = "10.0.0.2:7946", bump = 7, name = "db" } },
      { "c71802 1f0a 20010db8000000000000000000000001 000000000007", { addr = "[2001:db8::1]:7946", bump = 7 } },
      { "c71a02 1f0a 20010db8000000000000000000000001 000000000007 6462",
        { addr = "[2001:db8::1]:7946", bump = 7, name = "db" } },
    } do
      local announced = "95 01 06 " .. case[1] .. " 00 @A"
      assert.equal(hex(bytes(announced)), hex(announce(case[2])))
      local a = engine(ids.A)
      assert(a:receive(0, bytes(announced)))
      local member = a:members()[1]
      assert.same(case[2], member.id)
      assert.equal(case[2].addr, member.addr)
      for to, _, _, endpoint in a:sends() do
        assert.same(case[2], to)
        assert.equal(case[2].addr, endpoint)
      end
    end
  end)

  it("is a map with anything else in it", function()
    for _, id in ipairs {
      { addr = "10.0.0.2:7946", bump = 2 ^ 48 }, { addr = "10.0.0.2:7946", bump = 7, meta = {} },
      { addr = "10.0.0.2:7946", bump = 7, name = "" }, { addr = "10.0.0.2:7946", bump = 7, name = 5 },
      { addr = "10.0.0.2:7946", bump = 7, life = 0 }, { addr = "10.0.0.2:7946", bump = 7, name = ("x"):rep(244) },
      { addr = "10.0.0.02:7946", bump = 7 }, { addr = "db.lan:7946", bump = 7 }, { addr = "[2001:DB8::1]:1", bump = 7 },
      { addr = "[::ffff:10.0.0.2]:7946", bump = 7 },
    } do
      assert.equal(hex(bytes "95 01 06" .. core.pack(id) .. bytes "00 @A"), hex(announce(id)))
      local a = engine(ids.A)
      assert(a:receive(0, announce(id)))
      assert.same(id, a:members()[1].id)
    end
  end)

  it("has one form: the map that has a compact one is refused, as is a compact one that is not right", function()
    local a = engine(ids.A)
    local others = {
      core.pack { addr = "10.0.0.2:7946", bump = 7 },
      core.pack { addr = "10.0.0.2:7946", bump = 7, name = "db" },
      core.pack { addr = "[2001:db8::1]:7946", bump = 7 },
      bytes "c70d01 1f0a 0a000002 000000000007", -- of another size
      bytes "c70b01 1f0a 0a000002 0000000007",
      bytes "c70c02 1f0a 0a000002 000000000007", -- of another type
      bytes "c70c03 1f0a 0a000002 000000000007",
      bytes "c8000c01 1f0a 0a000002 000000000007", -- with another head
      bytes "c71802 1f0a 00000000000000000000ffff0a000002 000000000007", -- an IPv4 address
      bytes "c70001",
    }
    for _, id in ipairs(others) do
      local ok, _, code = a:receive(0, bytes "95 01 06" .. id .. bytes "00 @A")
      assert.is_nil(ok)
      assert.is_truthy(code == "identity" or code == "malformed", code)
    end
    assert.equal(#others - 1, a:stats().dropped.identity) -- one takes a byte of what follows it
    assert.equal(0, a:num_known())
  end)

  it("is renewed in the form that it then has", function()
    local function renewed(id)
      local a = engine(id)
      assert(a:apply(1, { { id = id, state = "down", incarnation = 0 } }, { broadcast = true }))
      return a:identity()
    end
    assert.same({ addr = "10.0.0.2:7946", bump = 8 }, renewed { addr = "10.0.0.2:7946", bump = 7 })
    assert.same({ addr = "10.0.0.2:7946", bump = 8, name = "db" },
      renewed { addr = "10.0.0.2:7946", bump = 7, name = "db" })
    assert.same({ addr = "10.0.0.2:7946", bump = 2 ^ 48 }, renewed { addr = "10.0.0.2:7946", bump = 2 ^ 48 - 1 })
    assert.same({ addr = "10.0.0.2:7946", bump = 8 }, renewed { addr = "10.0.0.2:7946", bump = 7, life = 3 })
  end)

  it("wins by its bump, whatever its form", function()
    local small, large = { addr = "10.0.0.2:7946", bump = 2 ^ 48 - 1 }, { addr = "10.0.0.2:7946", bump = 2 ^ 48 }
    for _, order in ipairs { { small, large }, { large, small } } do
      local a = engine(ids.A)
      assert(a:receive(0, announce(order[1])))
      assert(a:receive(0, announce(order[2])))
      assert.same(large, a:member("10.0.0.2:7946").id)
    end
  end)

  it("is compact for scripts, too, which see a table", function()
    local seen
    local a = assert(core.new {
      identity = { addr = "10.0.0.9:1", bump = 1 }, config = "simple", seed = 1,
      handlers = { identity = { addr = function(id) seen = id return id.addr end } },
    })
    local id = { addr = "10.0.0.2:7946", bump = 7, name = "db" }
    assert(a:receive(0, assert(core.codec.encode_header { kind = "announce", src = id, src_incarnation = 0,
      dst = a:identity() })))
    assert.same(id, seen)
    assert.same(id, a:members()[1].id)
    for _ in a:sends() do end
    assert(a:receive(0, assert(core.codec.encode_header { kind = "announce", src = ids.B, src_incarnation = 0,
      dst = a:identity() })))
    for _, feed in a:sends() do
      assert.is_truthy(feed:find(bytes "93 c70e01 1f0a 0a000002 000000000007 6462 00 00", 1, true))
    end
  end)

  it("has its address and its endpoint in it", function()
    local a = engine(ids.A)
    assert(a:announce(0, ids.B))
    for to, _, _, endpoint in a:sends() do
      assert.same(ids.B, to)
      assert.equal("b:2", endpoint)
    end
    assert.equal("a:1", a:self().addr)
  end)

  it("wins with the larger life where the bumps are as large as can be", function()
    local last = 2 ^ 53 - 1
    local old, new = { addr = "b:2", bump = last }, { addr = "b:2", bump = last, life = 1 }
    local newest = { addr = "b:2", bump = last, life = 2, aaa = "" }
    assert.same(new, holder(old, new))
    assert.same(new, holder(new, old))
    assert.same(newest, holder(new, newest))
    assert.same(newest, holder(newest, new))
  end)

  it("is renewed by a life where the bump is as large as can be, and above an adversary", function()
    local a = assert(core.new { identity = { addr = "a:1", bump = 3, name = "x" }, config = "lan", seed = 1 })
    assert(a:apply(0, { { id = { addr = "a:1", bump = 2 ^ 53 - 2 } } }, { broadcast = true }))
    assert.same({ addr = "a:1", bump = 2 ^ 53 - 1, name = "x" }, a:identity())
    for life = 1, 3 do
      assert(a:apply(1000 * life, { { id = a:identity(), state = "down", incarnation = 65535 } }))
      assert.same({ addr = "a:1", bump = 2 ^ 53 - 1, life = life, name = "x" }, a:identity())
    end
    assert(a:apply(9000, { { id = { addr = "a:1", bump = 2 ^ 53 - 1, life = 70000 } } }, { broadcast = true }))
    assert.equal(70001, a:identity().life)
  end)

  it("has numbers that every Lua holds exactly", function()
    local a = engine(ids.A)
    for _, text in ipairs {
      "82 a461646472 a3623a32 a462756d70 cf0020000000000000", -- 2^53
      "83 a461646472 a3623a32 a462756d70 00 a46c696665 cf0020000000000000",
      "83 a461646472 a3623a32 a462756d70 00 a46c696665 ff",
      "83 a461646472 a3623a32 a462756d70 00 a46c696665 a178",
    } do
      local ok, _, code = a:receive(0, bytes("95 01 06 " .. text .. " 00 @A"))
      assert.is_nil(ok)
      assert.equal("identity", code)
    end
    assert(a:receive(0, bytes "95 01 06 83 a461646472 a3623a32 a462756d70 00 a46c696665 cf001fffffffffffff 00 @A"))
    assert.equal(1, a:num_known())
  end)

  it("wins with the larger bump", function()
    local old, new = { addr = "b:2", bump = 2 }, { addr = "b:2", bump = 300, name = "" }
    assert.same(new, holder(old, new))
    assert.same(new, holder(new, old))
  end)

  it("wins with the larger bytes when both bumps are equal", function()
    local small, large = { addr = "b:2", bump = 2, name = "x" }, { addr = "b:2", bump = 2, name = "y" }
    assert.same(large, holder(small, large))
    assert.same(large, holder(large, small))
  end)

  it("is renewed with one more bump and all else as it was", function()
    local a = engine { addr = "a:1", bump = 127, meta = { role = "db" } }
    assert(a:receive(0, announce(ids.B)))
    events(a)
    assert(a:apply(1, { { id = a:identity(), state = "down", incarnation = 0 } }, { broadcast = true }))
    local renewed = { addr = "a:1", bump = 128, meta = { role = "db" } }
    assert.same(renewed, a:identity())
    local last = events(a)
    assert.equal("rejoin", last[#last][1])
    assert.same(renewed, last[#last][2].id)
  end)

  it("is nothing that lacks one of its keys, or has another type there", function()
    local a = engine(ids.A)
    local others = {
      5, "b:2", { "b:2", 2 }, { addr = "b:2" }, { bump = 2 }, { addr = "", bump = 2 }, { addr = 5, bump = 2 },
      { addr = "b:2", bump = -1 }, { addr = "b:2", bump = 1.5 }, { addr = "b:2", bump = "2" },
    }
    for i, id in ipairs(others) do
      local ok, _, code = a:receive(0, announce(id))
      assert.is_nil(ok)
      assert.equal("identity", code)
      assert.equal(i, a:stats().dropped.identity)
    end
    assert.equal(0, a:num_known())
  end)

  it("has a bump of 2^53 - 1 at most, in which no Lua loses a bit", function()
    local largest = 2 ^ 53 - 1
    assert.equal(largest, holder(ids.B, core.stock_identity("b:2", largest)).bump)
    assert.error_matches(function() core.stock_identity("b:2", largest + 1) end,
      "must be a whole number from 0 to 2%^53 %- 1")
    for _, bump in ipairs { 2 ^ 53, 2 ^ 60 } do
      local id = { addr = "b:2", bump = bump }
      local a = engine(ids.A)
      for _, answer in ipairs {
        { core.new { identity = id } }, { a:announce(0, id) }, { a:change_identity(0, id) },
      } do
        assert.is_nil(answer[1])
        assert.is_string(answer[2])
        assert.equal("identity", answer[3])
      end
      assert.error_matches(function() a:apply(0, { { id = id, state = "alive", incarnation = 0 } }) end, "bump")
      assert.equal(0, a:num_known())
    end
    local a = engine(ids.A)
    for _, bump in ipairs { "cf 0020000000000000", "cf ffffffffffffffff" } do
      local ok, _, code = a:receive(0, bytes("95 01 06 82 a461646472 a3623a32 a462756d70" .. bump .. "00 @A"))
      assert.is_nil(ok)
      assert.equal("identity", code)
    end
    assert.equal(0, a:num_known())
    local last = engine(core.stock_identity("a:1", largest))
    assert(last:apply(1, { { id = last:identity(), state = "down", incarnation = 0 } }))
    assert.same({ addr = "a:1", bump = largest, life = 1 }, last:identity())
  end)

  it("is nothing whose keys are out of order or there twice", function()
    local a = engine(ids.A)
    for _, id in ipairs {
      "82 a462756d70 02 a461646472 a3623a32",
      "83 a461646472 a3623a32 a462756d70 02 a462756d70 03",
      "83 a461646472 a3623a32 a461646472 a3633a33 a462756d70 02",
    } do
      local ok, _, code = a:receive(0, bytes("95 01 06" .. id .. "00 @A"))
      assert.is_nil(ok)
      assert.equal("identity", code)
    end
    assert.equal(0, a:num_known())
  end)
end)
