--- size, rank and owner: how many are we, which of them am I, who does what.

local core = require "shoal.core"

--- An engine that has this address and knows those; its time is 1.
local function knowing(own, others)
  local engine = assert(core.new { identity = core.stock_identity(own, 1), config = "lan" })
  local claims = {}
  for i, addr in ipairs(others) do claims[i] = { id = core.stock_identity(addr, 1), state = "alive" } end
  assert(engine:apply(1, claims))
  return engine
end

local function set(engine, addr, state, incarnation)
  assert(engine:apply(1, { { id = core.stock_identity(addr, 1), state = state, incarnation = incarnation } }))
end

local ADDRESSES = {}
for i = 1, 10 do ADDRESSES[i] = ("10.0.0.%d:7946"):format(i) end

--- The engine of each of these members, who all know each other.
local function cluster()
  local engines = {}
  for i, own in ipairs(ADDRESSES) do
    local others = {}
    for _, addr in ipairs(ADDRESSES) do
      if addr ~= own then others[#others + 1] = addr end
    end
    -- each has learned of the others in an order of its own
    for k = #others, 2, -1 do
      local other = (k * i) % k + 1
      others[k], others[other] = others[other], others[k]
    end
    engines[i] = knowing(own, others)
  end
  return engines
end

local function addr_of(...)
  local owner = ...
  return owner.addr
end

describe("size", function()
  it("counts the living, oneself included", function()
    local e = knowing("a:1", { "b:1", "c:1", "d:1" })
    assert.equal(4, e:size())
    set(e, "b:1", "suspect")
    assert.equal(4, e:size())
    set(e, "b:1", "down")
    assert.equal(3, e:size())
    e:leave(1)
    assert.equal(2, e:size())
  end)

  it("counts those for which where holds", function()
    local e = knowing("a:1", { "b:1", "c:1", "d:1" })
    assert.equal(2, e:size { where = function(member) return member.addr <= "b:1" end })
    assert.equal(0, e:size { where = function() return false end })
  end)

  it("refuses other options", function()
    local e = knowing("a:1", {})
    assert.error_matches(function() e:size { wher = print } end,
      "size: unknown option 'wher' %(did you mean 'where'%?%)")
    assert.error_matches(function() e:size { where = 1 } end, "size: option 'where' must be tags or a function, got 1")
  end)
end)

describe("rank", function()
  it("is the place by address, from 1 on, a different one for each", function()
    local seen = {}
    for _, e in ipairs(cluster()) do seen[e:rank()] = e:self().addr end
    local sorted = {}
    for i, addr in ipairs(ADDRESSES) do sorted[i] = addr end
    table.sort(sorted)
    assert.same(sorted, seen)
  end)

  it("orders addresses by their bytes, the shorter first", function()
    assert.equal(2, knowing("b:1", { "b:10", "a:2", "c:1" }):rank())
    assert.equal(1, knowing("10.0.0.10:1", { "10.0.0.9:1" }):rank())
  end)

  it("follows members that come and go", function()
    local e = knowing("m:1", { "a:1", "z:1" })
    assert.equal(2, e:rank())
    set(e, "a:1", "down")
    assert.equal(1, e:rank())
    set(e, "b:1", "suspect")
    assert.equal(2, e:rank())
  end)

  it("is nil for one that is no member any more", function()
    local e = knowing("m:1", { "a:1", "z:1" })
    e:leave(1)
    assert.is_nil(e:rank())
    assert.is_nil(e:rank { where = function() return true end })
  end)

  it("is among those for which where holds, and nil if it does not for oneself", function()
    local e = knowing("m:1", { "a:1", "b:1", "z:1" })
    assert.equal(2, e:rank { where = function(member) return member.addr ~= "a:1" end })
    assert.is_nil(e:rank { where = function(member) return member.addr ~= "m:1" end })
  end)
end)

describe("owner", function()
  it("is the same for all that know the same members, and one of them says that it is it", function()
    local engines = cluster()
    for i = 1, 50 do
      local key = "job " .. i
      local first, owners = addr_of(engines[1]:owner(key)), 0
      for _, e in ipairs(engines) do
        local owner, mine = e:owner(key)
        assert.equal(first, owner.addr)
        assert.equal(owner.addr == e:self().addr, mine)
        if mine then owners = owners + 1 end
      end
      assert.equal(1, owners)
    end
  end)

  it("is as specified", function()
    local e, owners = cluster()[1], {}
    for i, key in ipairs { "", "a", "b", "c", "users/42" } do owners[i] = addr_of(e:owner(key)) end
    -- from another implementation of what docs/handlers.md specifies
    assert.same({ ADDRESSES[8], ADDRESSES[3], ADDRESSES[7], ADDRESSES[7], ADDRESSES[6] }, owners)
  end)

  it("is an equal share of the keys for each", function()
    local e, counts = cluster()[3], {}
    for i = 1, 10000 do
      local addr = addr_of(e:owner("key " .. i))
      counts[addr] = (counts[addr] or 0) + 1
    end
    for _, addr in ipairs(ADDRESSES) do assert.is_true(math.abs(counts[addr] - 1000) < 120, addr) end
  end)

  it("moves only the keys of one that leaves", function()
    local e, before = cluster()[3], {}
    for i = 1, 1000 do before[i] = addr_of(e:owner("key " .. i)) end
    set(e, ADDRESSES[7], "down")
    for i = 1, 1000 do
      local now = addr_of(e:owner("key " .. i))
      assert.not_equal(ADDRESSES[7], now)
      assert.is_true(now == before[i] or before[i] == ADDRESSES[7])
    end
  end)

  it("are n of them, the first of which is the only one, the next one if it leaves", function()
    local e = cluster()[3]
    for i = 1, 100 do
      local key = "key " .. i
      local three, mine = e:owner(key, { n = 3 })
      assert.equal(3, #three)
      assert.equal(addr_of(e:owner(key)), three[1].addr)
      assert.equal(addr_of(e:owner(key, { n = 1 })[1]), three[1].addr)
      local are_we = false
      for _, owner in ipairs(three) do are_we = are_we or owner.addr == ADDRESSES[3] end
      assert.equal(are_we, mine)
      assert.equal(three[2].addr, addr_of(e:owner(key, { where = function(member)
        return member.addr ~= three[1].addr
      end })))
    end
    local all = e:owner("x", { n = 255 })
    assert.equal(10, #all)
  end)

  it("is chosen among those for which where holds", function()
    local e = cluster()[3]
    local function odd(member) return tonumber(member.addr:match "%.(%d+):") % 2 == 1 end
    for i = 1, 100 do
      assert.is_true(odd(e:owner("key " .. i, { where = odd })))
    end
    assert.is_nil((e:owner("x", { where = function() return false end })))
    assert.same({}, (e:owner("x", { n = 2, where = function() return false end })))
  end)

  it("is as much more often one as it has more weight, and never one without", function()
    local e, counts = cluster()[3], {}
    local function weight(member)
      local number = tonumber(member.addr:match "%.(%d+):")
      return number == 1 and 0 or number == 2 and 300 or 100
    end
    for i = 1, 11000 do
      local addr = addr_of(e:owner("key " .. i, { weight = weight }))
      counts[addr] = (counts[addr] or 0) + 1
    end
    assert.is_nil(counts[ADDRESSES[1]])
    assert.is_true(math.abs(counts[ADDRESSES[2]] - 3000) < 200)
    for i = 3, 10 do assert.is_true(math.abs(counts[ADDRESSES[i]] - 1000) < 120) end
  end)

  it("does not depend on weights that are all the same", function()
    local e = cluster()[3]
    for i = 1, 200 do
      local key = "key " .. i
      assert.equal(addr_of(e:owner(key)), addr_of(e:owner(key, { weight = function() return 7 end })))
    end
  end)

  it("moves only keys of the one whose weight shrinks", function()
    local e = cluster()[3]
    local light = 100
    local function weight(member) return member.addr == ADDRESSES[5] and light or 100 end
    local before = {}
    for i = 1, 500 do before[i] = addr_of(e:owner("key " .. i, { weight = weight })) end
    light = 30
    local moved = 0
    for i = 1, 500 do
      local now = addr_of(e:owner("key " .. i, { weight = weight }))
      if now ~= before[i] then
        moved = moved + 1
        assert.equal(ADDRESSES[5], before[i])
      end
    end
    assert.is_true(moved > 0)
  end)

  it("is nobody for one that is alone and no member any more", function()
    local e = knowing("a:1", {})
    assert.equal("a:1", addr_of(e:owner("x")))
    e:leave(1)
    local owner, mine = e:owner("x")
    assert.is_nil(owner)
    assert.is_false(mine)
  end)

  it("refuses what is no key, no n and no weight", function()
    local e = knowing("a:1", { "b:1" })
    assert.error_matches(function() e:owner() end, "owner: argument 1 must be a string, got n")
    assert.error_matches(function() e:owner(7) end, "owner: argument 1 must be a string, got 7")
    assert.error_matches(function() e:owner("x", { n = 0 }) end, "owner: option 'n' must be")
    assert.error_matches(function() e:owner("x", { n = 256 }) end, "owner: option 'n' must be")
    for _, weight in ipairs { -1, 1.5, 65536, "7", false } do
      assert.error_matches(function() e:owner("x", { weight = function() return weight end }) end,
        "owner: weight must return a whole number from 0 to 65535, got ")
    end
    assert.error_matches(function() e:owner("x", { where = function() error "mine" end }) end, "mine")
  end)

  it("survives functions that change the members", function()
    local e = knowing("a:1", { "b:1", "c:1", "d:1" })
    local owners = e:owner("x", { n = 4, where = function(member)
      if member.addr ~= "a:1" then
        set(e, member.addr, "down")
        assert(e:forget(1, member.addr))
      end
      return true
    end })
    assert.same({ "a:1" }, { owners[1].addr, owners[2] and owners[2].addr })
  end)
end)
