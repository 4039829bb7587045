--- Tags: what a member says of itself, and everybody knows.

local nets = require "spec.sim.support"
local shoal = require "shoal"

local unpack = table.unpack or unpack -- luacheck: compat

--- How many of the others know that tag of `owner`.
local function known(net, owner, name, value)
  local count = 0
  for _, member in ipairs(net:members()) do
    local seen = member ~= owner and member:member(owner.addr)
    if seen and seen.tags and seen.tags[name] == value then count = count + 1 end
  end
  return count
end

local function by_all(net, owner, name, value)
  return function() return known(net, owner, name, value) == #net:members() - 1 end
end

--- What handlers heard: { who, about, changed }.
local function listening(members)
  local heard = {}
  for _, member in ipairs(members) do
    member:on("tags", function(_, about, changed)
      heard[#heard + 1] = { who = member, about = about, changed = changed }
    end)
  end
  return heard
end

describe("tags", function()
  after_each(nets.close)

  it("are known to all members, each of which is told once", function()
    local net, members = nets.grown(12)
    local heard = listening(members)
    assert(members[3]:set_tags { zone = "b", http = { port = 8080, weight = 10 } })
    assert.is_true(net:run_until(by_all(net, members[3], "zone", "b"), 5))
    net:run(5)
    assert.equal(11, #heard)
    for _, entry in ipairs(heard) do
      assert.equal(members[3].addr, entry.about.addr)
      assert.same({ zone = "b", http = { port = 8080, weight = 10 } }, entry.about.tags)
      assert.same({ zone = { after = "b" }, http = { after = { port = 8080, weight = 10 } } }, entry.changed)
    end
    assert.same({ zone = "b", http = { port = 8080, weight = 10 } }, members[3]:tags())
    assert.same({}, members[3]:member(members[1].addr).tags)
  end)

  it("are none of a member that says so with its first packet, and nil only while not known", function()
    local net, members = nets.grown(8)
    for _, member in ipairs(members) do
      member:on("member_up", function(_, about) assert.same({}, about.tags) end)
      for _, other in ipairs(member:members()) do assert.same({}, other.tags) end
    end
    net:spawn(3, { config = "loopback" })
    assert.is_true(net:run_until(net.converged, 10))
    for _, member in ipairs(net:members()) do
      assert.equal(10, #member:members { tags = {} })
      assert.equal(10, #member:members { tags = { zone = function(zone) return zone == nil end } })
    end
    assert.same({}, (net:errors()))
  end)

  it("of a member that has some are never none", function()
    local net, members = nets.grown(20, {}, { loss = 0.2 })
    local function watch(_, about) assert.not_same({}, about.tags) end
    for _, member in ipairs(members) do member:on("member_up", watch) end
    net:spawn(20, { config = "loopback", tags = { zone = "b" } })
    for _ = 1, 300 do
      net:run(0.05)
      for _, member in ipairs(members) do
        assert.is_true(#member:members { tags = {} } == #member:members { tags = { zone = true } } + 19)
      end
    end
    assert.same({}, (net:errors()))
    assert.is_true(net:run_until(function() return #members[1]:members { tags = { zone = "b" } } == 20 end, 60))
  end)

  it("change one by one, and are deleted by none", function()
    local net, members = nets.grown(4)
    assert(members[1]:set_tags { a = 1, b = { 2 }, c = true })
    net:run(3)
    local heard = listening { members[2] }
    assert(members[1]:set_tags { a = shoal.none, b = { 2 }, c = false, d = "new" })
    net:run(3)
    assert.same({ b = { 2 }, c = false, d = "new" }, members[2]:member(members[1].addr).tags)
    assert.equal(1, #heard)
    assert.same({ a = { before = 1 }, c = { before = true, after = false }, d = { after = "new" } }, heard[1].changed)
    assert(members[1]:set_tags { b = shoal.none, c = shoal.none, d = shoal.none })
    net:run(3)
    assert.same({}, members[2]:member(members[1].addr).tags)
    assert.same({}, members[1]:tags())
  end)

  it("that change all the time are told a few times a second, the last ones to all", function()
    local net, members = nets.grown(8)
    local heard = listening { members[2] }
    for i = 1, 100 do
      assert(members[1]:set_tags { count = i })
      net:run(0.01)
    end
    assert.is_true(net:run_until(by_all(net, members[1], "count", 100), 5))
    assert.is_true(#heard <= 6, #heard)
  end)

  it("cost nothing while they do not change", function()
    local net, members = nets.grown(8)
    local function sent_in_a_minute()
      local before, after = 0, 0
      net:run(20)
      for _, member in ipairs(members) do before = before + member:stats().bytes_sent end
      net:run(60)
      for _, member in ipairs(members) do after = after + member:stats().bytes_sent end
      return after - before
    end
    local without = sent_in_a_minute()
    assert(members[1]:set_tags { text = ("x"):rep(900) })
    assert.is_true(math.abs(sent_in_a_minute() - without) < without / 50)
  end)

  it("reach a newcomer with the members", function()
    local net, members = nets.grown(30)
    for i, member in ipairs(members) do assert(member:set_tags { number = i, text = ("x"):rep(200) }) end
    net:run(5)
    local newcomer = net:spawn(1)[1]
    assert.is_true(net:run_until(function()
      for i, member in ipairs(members) do
        local seen = newcomer:member(member.addr)
        if not (seen and seen.tags and seen.tags.number == i) then return false end
      end
      return true
    end, 2))
  end)

  it("are right everywhere after losses and a split, whoever changed them meanwhile", function()
    local net, members = nets.grown(16)
    net:set { loss = 0.2 }
    local split = net:partition({ unpack(members, 1, 8) }, "rest")
    for round = 1, 10 do
      for i, member in ipairs(members) do assert(member:set_tags { value = round * 100 + i }) end
      net:run(2)
    end
    split:heal()
    net:set { loss = 0 }
    assert.is_true(net:run_until(function()
      for i, member in ipairs(members) do
        if known(net, member, "value", 1000 + i) < 15 then return false end
      end
      return true
    end, 60))
  end)

  it("of a member that is down are hidden, and there at once when it is back", function()
    local net, members = nets.grown(5)
    assert(members[1]:set_tags { zone = "b" })
    net:run(3)
    local up = {}
    members[2]:on("member_up", function(_, member) up[#up + 1] = member end)
    local heard = listening { members[2] }
    local split = net:partition({ members[1] }, "rest")
    assert.is_true(net:run_until(function() return members[2]:sees(members[1]) == "down" end, 60))
    assert.is_nil(members[2]:member(members[1].addr).tags)
    assert.same({}, members[2]:members { tags = { zone = "b" } })
    split:heal()
    assert.is_true(net:run_until(function() return members[2]:sees(members[1]) == "alive" end, 60))
    assert.same({ zone = "b" }, up[1].tags)
    assert.same({ zone = "b" }, members[2]:member(members[1].addr).tags)
    assert.same({}, heard)
  end)

  it("are not those of the process that was there before", function()
    local net, members = nets.grown(5)
    assert(members[1]:set_tags { zone = "b" })
    net:run(3)
    net:crash(members[1])
    net:restart(members[1])
    assert.is_true(net:run_until(net.converged, 10))
    assert.same({}, members[2]:member(members[1].addr).tags)
    assert(members[1]:set_tags { zone = "c" })
    assert.is_true(net:run_until(by_all(net, members[1], "zone", "c"), 5))
  end)

  it("stay with a member that takes a new identity", function()
    local net, members = nets.grown(5)
    assert(members[1]:set_tags { zone = "b" })
    net:run(3)
    local id = members[1]:identity()
    assert(members[1]:change_identity { addr = id.addr, bump = id.bump + 1 })
    assert.is_true(net:run_until(by_all(net, members[1], "zone", "b"), 5))
    assert.same({ zone = "b" }, members[1]:tags())
  end)

  it("select members", function()
    local net, members = nets.grown(4)
    assert(members[1]:set_tags { zone = "a", http = { port = 1 } })
    assert(members[2]:set_tags { zone = "b", http = { port = 2 } })
    assert(members[3]:set_tags { zone = "b" })
    net:run(5)
    local function count(tags) return #members[4]:members { tags = tags } end
    assert.equal(2, count { zone = "b" })
    assert.equal(2, count { http = true })
    assert.equal(1, count { http = { port = 2 } })
    assert.equal(0, count { http = { port = 3 } })
    assert.equal(1, count { zone = "b", http = true })
    assert.equal(1, count { zone = "b", http = function(http) return http == nil end })
    assert.equal(3, count {})
    assert.equal(1, #members[4]:members { tags = { zone = "b" }, where = function(m) return m.tags.http end })
  end)

  it("ask functions last, in whatever order a table is walked", function()
    local net, members = nets.grown(4, { tags = { zone = "a" } })
    assert(members[1]:set_tags { zone = "b", number = 1 })
    net:run(5)
    for i = 1, 20 do
      local wanted = { zone = "b", number = function(number) return number < 2 end }
      wanted["none" .. i] = function() return true end
      assert.equal(1, #members[4]:members { tags = wanted })
    end
  end)

  --- How many exchanges all have sent.
  local function exchanges(net)
    local sent = 0
    for _, member in ipairs(net:members()) do sent = sent + member:stats().sent.exchange end
    return sent
  end

  local function assert_quiet(net)
    net:run(10)
    local before = exchanges(net)
    net:run(60)
    assert.equal(before, exchanges(net))
  end

  it("that check_tags does not accept are ignored, and not told again", function()
    local function check_tags(member, tags)
      assert(member.addr and type(tags) == "table")
      return tags.zone ~= "evil"
    end
    local net, members = nets.grown(6, { handlers = { check_tags = check_tags } })
    assert(members[1]:set_tags { zone = "b" })
    assert.is_true(net:run_until(by_all(net, members[1], "zone", "b"), 5))
    local heard, ignored = listening(members), {}
    members[2]:on("tags_ignored", function(_, member, tags) ignored[#ignored + 1] = { member.addr, tags } end)
    assert(members[1]:set_tags { zone = "evil" })
    assert_quiet(net)
    assert.same({}, heard)
    assert.is_true(by_all(net, members[1], "zone", "b")())
    assert.same({ { members[1].addr, { size = 11, reason = "tags_vetoed" } } }, ignored)
    for i = 2, 6 do assert.equal(1, members[i]:stats().dropped.tags_vetoed) end
    assert(members[1]:set_tags { zone = "c" })
    assert.is_true(net:run_until(by_all(net, members[1], "zone", "c"), 5))
    assert.equal(5, #heard)
    assert.same({}, (net:errors()))
  end)

  it("that a member lacks and all others ignore are fetched from their owner", function()
    local picky = { check_tags = function() return false end }
    local net, members = nets.grown(1)
    net:spawn(6, { config = "loopback", handlers = picky })
    assert.is_true(net:run_until(net.converged, 10))
    assert(members[1]:set_tags { zone = "b" })
    net:run(5)
    local newcomer = net:spawn { config = "loopback", join = { net:members()[3].addr } }
    assert.is_true(net:run_until(function()
      local seen = newcomer:member(members[1].addr)
      return seen and seen.tags and seen.tags.zone == "b"
    end, 5))
    assert_quiet(net)
  end)

  describe("larger than a packet", function()
    local LARGE = { config = { preset = "loopback", max_tags_size = 16384 } }

    local function text(seed)
      local words = {}
      for i = 1, 1600 do words[i] = ("%d:%06d"):format(seed, i) end
      return table.concat(words)
    end

    it("reach all members in parts, and newcomers", function()
      local net, members = nets.grown(8, LARGE)
      local heard = listening(members)
      assert(members[1]:set_tags { text = text(1) })
      assert.is_true(net:run_until(by_all(net, members[1], "text", text(1)), 5))
      assert.equal(7, #heard)
      local packets, bytes = 0, 0
      for _, member in ipairs(members) do
        local stats = member:stats()
        packets, bytes = packets + stats.tag_repairs, bytes + stats.tag_repair_bytes
      end
      assert.is_true(packets >= 2 * 7) -- who asks, and the answer
      assert.is_true(bytes >= 7 * #text(1))
      assert(members[1]:set_tags { text = text(2), zone = "b" })
      assert.is_true(net:run_until(by_all(net, members[1], "text", text(2)), 5))
      net:spawn(3, LARGE)
      assert.is_true(net:run_until(net.converged, 10))
      assert.is_true(net:run_until(by_all(net, members[1], "text", text(2)), 10))
      assert_quiet(net)
    end)

    it("arrive whole whatever is lost, split or changed meanwhile", function()
      local net, members = nets.grown(8, LARGE)
      net:set { loss = 0.2 }
      local split = net:partition({ unpack(members, 1, 4) }, "rest")
      for round = 1, 5 do
        for i, member in ipairs(members) do
          if i % 2 == 1 then assert(member:set_tags { text = text(10 * round + i) }) end
        end
        net:run(2)
      end
      split:heal()
      net:set { loss = 0 }
      assert.is_true(net:run_until(function()
        for i = 1, 7, 2 do
          if known(net, members[i], "text", text(50 + i)) < 7 then return false end
        end
        return true
      end, 60))
    end)

    it("may be refused by size and by check_tags, and have a bound", function()
      local net, members = nets.grown(4, { config = { preset = "loopback", max_tags_size = 16384,
        max_tags_memory = 20000 }, handlers = { check_tags = function(_, tags) return tags.text ~= text(2) end } })
      local done, _, code = members[1]:set_tags { text = text(1):rep(2) }
      assert.same({ nil, "too_big" }, { done, code })
      assert(members[1]:set_tags { text = text(2) })
      net:run(5)
      assert.equal(1, members[2]:stats().dropped.tags_vetoed)
      assert.is_nil(members[2]:member(members[1].addr).tags.text)
      assert(members[2]:set_tags { text = text(1) })
      assert(members[3]:set_tags { text = text(3) })
      net:run(5)
      assert.equal(1, members[4]:stats().dropped.tags_memory)
      assert_quiet(net)
    end)
  end)

  it("for which there is no room are ignored, and not told again", function()
    local net, members = nets.grown(6, { config = { preset = "loopback", max_tags_memory = 500 } })
    for _, member in ipairs(members) do assert(member:set_tags { text = ("x"):rep(150) }) end
    assert_quiet(net)
    local dropped = 0
    for _, member in ipairs(members) do
      assert.equal(2, #member:members { tags = { text = true } })
      dropped = dropped + member:stats().dropped.tags_memory
    end
    assert.equal(6 * 3, dropped)
  end)

  it("of ours change nothing when they are too large, and raise when they are none", function()
    local _, members = nets.grown(2)
    assert(members[1]:set_tags { zone = "b" })
    local done, message, code = members[1]:set_tags { text = ("x"):rep(1000) }
    assert.is_nil(done)
    assert.equal("too_big", code)
    assert.is_truthy(message)
    assert.same({ zone = "b" }, members[1]:tags())
    for _, wrong in ipairs { { 1 }, { [""] = 1 }, { [("x"):rep(65)] = 1 }, { f = print }, { [true] = 1 } } do
      assert.has_error(function() members[1]:set_tags(wrong) end)
    end
    assert.has_error(function() members[1]:set_tags() end)
    assert.same({ zone = "b" }, members[1]:tags())
    assert(members[1]:set_tags { [("x"):rep(64)] = 1 })
  end)
end)
