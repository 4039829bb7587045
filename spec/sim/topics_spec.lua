--- Topics: every message, once and in order, or a word that some were missed.

local nets = require "spec.sim.support"
local process = require "spec.support.process"

--- What `member` hears of a topic: a list of { data, from, number }, and of missed ones in `missed`.
local function listen(member, topic)
  local heard = { missed = {} }
  member:subscribe(topic or "t", function(_, data, from, number)
    heard[#heard + 1] = { data = data, from = from.addr, number = number }
  end)
  member:on("missed", function(_, missed_topic, from, first, last)
    heard.missed[#heard.missed + 1] = { topic = missed_topic, from = from.addr, first = first, last = last }
  end)
  return heard
end

--- A function: how many messages they have heard since. None may miss one.
local function count_heard(members)
  local count = 0
  for _, member in ipairs(members) do
    member:on("published", function() count = count + 1 end)
    member:on("missed", function() error "nothing is missed" end)
  end
  return function() return count end
end

local function data_of(heard)
  local list = {}
  for i, message in ipairs(heard) do list[i] = message.data end
  return list
end

local function numbers(from, to)
  local list = {}
  for i = from, to do list[#list + 1] = i end
  return list
end

local function publish(net, member, from, to, pause)
  for i = from, to do
    assert(member:publish("t", i))
    net:run(pause)
  end
end

describe("what is published", function()
  after_each(nets.close)

  it("is heard by all members, its own included, once and in order", function()
    local net, members = nets.grown(12)
    local heard = {}
    for i, member in ipairs(members) do heard[i] = listen(member) end
    publish(net, members[3], 1, 50, 0.01)
    net:run(3)
    for i = 1, 12 do
      assert.same(numbers(1, 50), data_of(heard[i]))
      assert.same({ data = 50, from = members[3].addr, number = 50 }, heard[i][50])
      assert.same({}, heard[i].missed)
    end
  end)

  it("is heard from now on by a member that had not compared what it knows, and does", function()
    local net, members = nets.grown(4)
    local late = assert(net:spawn { config = { preset = "lan", compare_members = false }, join = { members[1].addr } })
    net:run(5)
    publish(net, members[2], 1, 5, 0.1)
    assert(late:set_config { preset = "lan" })
    net:run(10)
    local heard = listen(late)
    publish(net, members[2], 6, 10, 0.1)
    net:run(5)
    assert.same(numbers(6, 10), data_of(heard))
    assert.same({}, heard.missed)
  end)

  it("may be any value, and as large as many packets", function()
    local net, members = nets.grown(5)
    local heard = listen(members[2])
    local large = ("0123456789"):rep(6000)
    assert(members[1]:publish("t", { key = "user/7", list = { 1, 2, 3 } }))
    local number = assert(members[1]:publish("t", large))
    assert(members[1]:publish("t", false))
    net:run(10)
    assert.same({ key = "user/7", list = { 1, 2, 3 } }, heard[1].data)
    assert.is_true(heard[2].data == large)
    assert.is_true(number > 40)
    assert.equal(number, heard[2].number)
    assert.is_false(heard[3].data)
    assert.equal(number + 1, heard[3].number)
    assert.equal("too_big", select(3, members[1]:publish("t", large .. large)))
  end)

  it("is whole, however large, also where members have just come together", function()
    for seed = 1, 12 do
      local net, members = nets.grown(5, nil, { seed = seed })
      local heard = listen(members[2])
      local large = ("0123456789"):rep(6000)
      assert(members[1]:publish("t", large))
      assert(members[1]:publish("t", "end"))
      assert.is_true(net:run_until(function() return #heard == 2 end, 10), "seed " .. seed)
      assert.is_true(heard[1].data == large and heard[2].data == "end")
      assert.same({}, heard.missed)
      nets.close()
    end
  end)

  it("reaches everybody in spite of losses, also the last of it", function()
    local net, members = nets.grown(12, nil, { seed = 5 })
    local heard = {}
    for i, member in ipairs(members) do heard[i] = listen(member) end
    net:set { loss = 0.2 }
    for i = 1, 100 do
      assert(members[1]:publish("t", i))
      assert(members[2]:publish("t", -i))
      net:run(0.02)
    end
    net:run(20)
    local repaired, bytes = 0, 0
    for i, member in ipairs(members) do
      local of = { [members[1].addr] = {}, [members[2].addr] = {} }
      for _, message in ipairs(heard[i]) do table.insert(of[message.from], math.abs(message.data)) end
      assert.same(numbers(1, 100), of[members[1].addr])
      assert.same(numbers(1, 100), of[members[2].addr])
      assert.same({}, heard[i].missed)
      local stats = member:stats()
      repaired, bytes = repaired + stats.items_repaired, bytes + stats.topic_repair_bytes
      assert.equal(stats.sent.exchange, stats.member_repairs + stats.topic_repairs + stats.tag_repairs)
    end
    assert.is_true(repaired > 0 and bytes > repaired)
  end)

  it("is repaired after a split, as long as somebody has it", function()
    local net, members = nets.grown(8)
    local heard = listen(members[8])
    publish(net, members[1], 1, 5, 0.05)
    local split = net:partition({ members[7], members[8] }, "rest")
    publish(net, members[1], 6, 205, 0.02)
    net:run(5)
    assert.same(numbers(1, 5), data_of(heard))
    split:heal()
    assert.is_true(net:run_until(function() return #heard == 205 end, 60))
    assert.same(numbers(1, 205), data_of(heard))
    assert.same({}, heard.missed)
  end)

  it("is told as missed when nobody has it any more, and what follows is heard", function()
    local net, members = nets.grown(8)
    local heard = listen(members[8])
    publish(net, members[1], 1, 5, 0.05)
    net:run(1)
    local split = net:partition({ members[8] }, "rest")
    publish(net, members[1], 6, 3005, 0.01)
    split:heal()
    assert.is_true(net:run_until(function() return heard[#heard].data == 3005 end, 60))
    assert.equal(1, #heard.missed)
    local missed = heard.missed[1]
    assert.same({ topic = "t", from = members[1].addr, first = 6, last = missed.last }, missed)
    local expected = numbers(1, 5)
    for i = missed.last + 1, 3005 do expected[#expected + 1] = i end
    assert.same(expected, data_of(heard))
    assert.equal(missed.last - 5, members[8]:stats().items_missed)
  end)

  it("is told as missed, too, when it was silent since: nobody keeps it for long", function()
    local net, members = nets.grown(6)
    local heard = listen(members[6])
    publish(net, members[1], 1, 3, 0.05)
    net:run(1)
    local split = net:partition({ members[6] }, "rest")
    publish(net, members[1], 4, 6, 0.05)
    net:run(120)
    split:heal()
    assert.is_true(net:run_until(function() return #heard.missed > 0 end, 60))
    assert.same({ { topic = "t", from = members[1].addr, first = 4, last = 6 } }, heard.missed)
    publish(net, members[1], 7, 8, 0.05)
    net:run(3)
    assert.same({ 1, 2, 3, 7, 8 }, data_of(heard))
  end)

  it("may have been missed when its origin was started again", function()
    local net, members = nets.grown(6)
    local heard = listen(members[6])
    publish(net, members[1], 1, 3, 0.05)
    net:run(1)
    local addr = members[1].addr
    net:crash(members[1])
    net:run(0.5)
    local again = assert(net:restart(members[1]))
    assert.is_true(net:run_until(function() return #heard.missed > 0 end, 30))
    assert.same({ { topic = "t", from = addr, first = 4 } }, heard.missed)
    assert.equal(1, again:publish("t", "new"))
    net:run(3)
    assert.same({ data = "new", from = addr, number = 1 }, heard[4])
    assert.equal(1, #heard.missed)
  end)

  it("may have been missed when its origin took another identity, also by who had heard nothing", function()
    local net, members = nets.grown(6)
    local heard = {}
    for i = 2, 6 do heard[i] = listen(members[i]) end
    local split = net:partition({ members[1] }, "rest")
    assert(members[1]:publish("t", "nobody hears it"))
    local id = members[1]:identity()
    id.bump = id.bump + 1
    assert(members[1]:change_identity(id))
    split:heal()
    assert.is_true(net:run_until(function()
      for i = 2, 6 do if #heard[i].missed == 0 then return false end end
      return true
    end, 60))
    for i = 2, 6 do
      assert.equal("t", heard[i].missed[1].topic)
      assert.is_nil(heard[i].missed[1].last)
    end
  end)

  it("before a member came is not for it, and not missed", function()
    local net, members = nets.grown(6)
    publish(net, members[1], 1, 20, 0.02)
    net:run(2)
    local newcomer = assert(net:spawn { config = "loopback", join = { members[2].addr } })
    newcomer = newcomer[1] or newcomer
    local heard = listen(newcomer)
    assert.is_true(net:run_until(function() return net:converged() end, 30))
    net:run(2)
    assert.same({}, data_of(heard))
    publish(net, members[1], 21, 25, 0.02)
    assert(members[3]:publish("t", "first"))
    net:run(3)
    local first = table.remove(heard)
    while first.data ~= "first" do first = table.remove(heard, 1) end
    assert.same(numbers(21, 25), data_of(heard))
    assert.same({}, heard.missed)
  end)

  it("as soon as members know each other is heard by all of them", function()
    for seed = 1, 40 do
      local count = 2 + seed % 5
      local net, members = nets.grown(count, { config = seed % 2 == 0 and "lan" or "loopback" }, { seed = seed })
      local heard = {}
      for i, member in ipairs(members) do heard[i] = listen(member) end
      net:run(seed * 0.013)
      for _, member in ipairs(members) do assert.equal(1, member:publish("t", member.addr)) end
      net:run(5)
      for i = 1, count do
        assert.equal(count, #heard[i], ("seed %d, member %d"):format(seed, i))
        assert.same({}, heard[i].missed)
      end
      nets.close()
    end
  end)

  it("is heard by each of a crowd from when it has come, or told as missed, where packets are lost", function()
    for seed = 1, 8 do
      local net, members = nets.grown(2, { config = "lan" }, { seed = seed })
      local silent = 0
      net:set { loss = 0.3 }
      local function missed_in(heard)
        local told = {}
        for _, missed in ipairs(heard.missed) do
          for number = missed.first, missed.last do told[number] = true end
        end
        return told
      end
      local crowd = {}
      for i = 1, 50 do
        local newcomer = assert(net:spawn { config = "lan", join = { members[1].addr } })
        crowd[i] = { member = newcomer, heard = listen(newcomer), due = {} }
        net:run(0.01)
        assert.equal(i, members[1]:publish("t", i))
        for _, one in ipairs(crowd) do
          one.due[i] = members[1]:sees(one.member) == "alive" and one.member:sees(members[1]) == "alive"
        end
      end
      net:run(30)
      net:set { loss = 0 }
      net:run(60)
      for _, one in ipairs(crowd) do
        local known = missed_in(one.heard)
        for _, message in ipairs(one.heard) do known[message.number] = true end
        for number, is_due in ipairs(one.due) do
          if is_due and not known[number] then silent = silent + 1 end
        end
      end
      assert.equal(0, silent, "seed " .. seed)
      nets.close()
    end
  end)

  it("because a member has come is heard by it", function()
    for seed = 1, 20 do
      local net, members = nets.grown(5, nil, { seed = seed })
      local joined
      members[1]:on("member_up", function(node, member)
        if member.addr == joined then node:publish("t", "welcome") end
      end)
      members[1]:publish("t", "before")
      net:run(2)
      local newcomer = assert(net:spawn { config = "loopback", join = { members[2].addr } })
      joined = newcomer.addr
      local heard = listen(newcomer)
      net:run(5)
      assert.same({ "welcome" }, data_of(heard), "seed " .. seed)
      assert.same({}, heard.missed)
      nets.close()
    end
  end)

  it("because a member has come is heard by it, also when its publisher is busy for a while then", function()
    for seed = 1, 20 do
      local net, members = nets.grown(2, { config = "lan" }, { seed = seed })
      local joined
      members[1]:on("member_up", function(node, member)
        if member.addr ~= joined then return end
        node:publish("t", "welcome")
        net:after(0, function() net:pause(members[1], 0.3 + seed * 0.03) end)
      end)
      members[1]:publish("t", "before")
      net:run(2)
      local newcomer = assert(net:spawn { config = "lan", join = { members[1].addr } })
      joined = newcomer.addr
      local heard = listen(newcomer)
      net:run(5)
      assert.same({ { "welcome" }, {} }, { data_of(heard), heard.missed }, "seed " .. seed)
      nets.close()
    end
  end)

  it("is heard on many topics by everybody, however they are called", function()
    local net, members = nets.grown(6)
    local count = count_heard(members)
    net:set { loss = 0.1 }
    for topic = 1, 60 do
      for _, member in ipairs(members) do assert(member:publish("topic " .. topic, topic)) end
      net:run(0.2)
    end
    net:set { loss = 0 }
    assert.is_true(net:run_until(function() return count() == 6 * 6 * 60 end, 50))
  end)

  it("is heard soon by everybody on more topics than the heads of fit into a packet", function()
    local net, members = nets.grown(8, { config = "lan" })
    net:run(10)
    local count = count_heard(members)
    net:set { loss = 0.2 }
    for topic = 1, 120 do
      for _, member in ipairs(members) do assert(member:publish("topic " .. topic, topic)) end
    end
    assert.is_true(net:run_until(function() return count() == 8 * 8 * 120 end, 40))
  end)

  it("waits, and is refused with a code, when there is more than can be sent", function()
    local net, members = nets.grown(3)
    local heard = listen(members[2])
    local number, message, code = true, nil, nil
    local published = 0
    while number do
      number, message, code = members[1]:publish("t", published + 1)
      published = number and published + 1 or published
      assert(published < 10000)
    end
    assert.equal("full", code)
    assert.is_string(message)
    net:run(20)
    assert.same(numbers(1, published), data_of(heard))
    assert.is_number(members[1]:publish("t", published + 1))
  end)

  -- Each publishes `count` messages of `size` bytes, and tries again later when there is no room.
  local function flood(net, publishers, count, size)
    local left = #publishers
    for _, member in ipairs(publishers) do
      local published, timer = 0, nil
      timer = member.node:every(0.1, function(node)
        while published < count do
          local number, message, code = node:publish("t", ("x"):rep(size) .. published)
          if not number then
            assert(code == "full", message)
            return
          end
          published = published + 1
        end
        timer:cancel()
        left = left - 1
      end)
    end
    assert.is_true(net:run_until(function() return left == 0 end, 120))
    net:run(20)
  end

  local floods = {
    { "much of it", members = 5, publishers = 1, count = 4000, size = 10 },
    { "large", members = 5, publishers = 1, count = 1000, size = 1200 },
    { "said by many in spite of losses", members = 8, publishers = 5, count = 300, size = 900, loss = 0.2 },
    { "more than memory is for", members = 5, publishers = 3, count = 100, size = 900, memory = 65536 },
    { "as large as memory", members = 3, publishers = 1, count = 3, size = 60000, memory = 65536 },
  }
  for _, one in ipairs(floods) do
    it(("is heard by all, who publishes no more when it is full: %s"):format(one[1]), function()
      local net, members = nets.grown(one.members, { config = { preset = "lan", max_topics_memory = one.memory } })
      local heard, publishers = {}, {}
      for i, member in ipairs(members) do heard[i] = listen(member) end
      for i = 1, one.publishers do publishers[i] = members[i] end
      net:set { loss = one.loss or 0 }
      flood(net, publishers, one.count, one.size)
      for i = 1, one.members do
        assert.same({ i, {}, one.publishers * one.count }, { i, heard[i].missed, #heard[i] })
      end
    end)
  end

  -- One message after the other, until there is no room.
  local function publish_without_pause(net, member, size, seconds)
    local number, ends = 0, net:now() + seconds
    while net:now() < ends do
      local next = member:publish("t", ("x"):rep(size))
      number = next or number
      if not next then net:run(0.05) end
    end
    return number
  end

  it("is heard by all, or told, soon after there was too much of it for the network", function()
    local net, members = nets.grown(8, { config = "lan" }, { loss = 0.2, seed = 4 })
    local known = {}
    for i = 2, 8 do
      known[i] = 0
      members[i]:on("published", function(_, _, _, _, number) known[i] = number end)
      members[i]:on("missed", function(_, _, _, first, last)
        assert.equal(known[i] + 1, first)
        known[i] = last
      end)
    end
    local last = publish_without_pause(net, members[1], 600, 30)
    assert.is_true(last > 2000, last)
    net:run(60)
    net:set { loss = 0 }
    for i = 2, 8 do assert.equal(last, known[i], i) end
    assert.equal(last + 1, members[1]:publish("t", "one more"))
    net:run(1)
    for i = 2, 8 do assert.equal(last + 1, known[i], i) end
  end)

  it("leaves no memory behind, whatever sizes it has", function()
    local net, members = nets.grown(3, { config = "lan" })
    local before = members[2]:stats().memory_bytes
    for size = 100, 1200, 100 do
      publish_without_pause(net, members[1], size, 10)
      net:run(100)
    end
    assert.is_true(members[2]:stats().memory_bytes < before + 1048576, members[2]:stats().memory_bytes)
  end)

  it("is given up in the end by who is alone", function()
    local net, members = nets.grown(2, { config = "lan" })
    local heard = listen(members[2])
    assert(members[1]:publish("t", "one"))
    net:run(1)
    local cut = net:partition({ members[1] }, "rest")
    assert(members[1]:publish("t", "two")) -- nobody hears it
    net:run(0.6)
    cut:heal()
    assert(members[1]:publish("t", "three"))
    net:run(0.02)
    net:crash(members[1])
    net:run(80)
    assert.same({ "one", "three" }, data_of(heard))
    assert.same({ 2, 2 }, { heard.missed[1].first, heard.missed[1].last })
  end)

  local function num_told(heard)
    local count = #heard
    for _, missed in ipairs(heard.missed) do count = count + missed.last - missed.first + 1 end
    return count
  end

  -- `origin` publishes 1 to `count`, each second one while `away` cannot hear it, and is gone.
  local function publish_with_gaps(net, origin, away, count)
    for i = 1, count do
      local cut = i % 2 == 0 and net:partition(away, { origin })
      assert(origin:publish("t", i))
      net:run(cut and 0.6 or 0.02)
      if cut then cut:heal() end
    end
    net:crash(origin)
  end

  it("is given up together, however many gaps there are, by who is alone", function()
    local net, members = nets.grown(2, { config = "lan" })
    local heard = listen(members[2])
    publish_with_gaps(net, members[1], { members[2] }, 9)
    net:run(80)
    assert.equal(9, heard[#heard].data)
    assert.equal(9, num_told(heard))
    assert.is_true(#heard.missed > 1)
  end)

  it("that all lack whose origin is gone is told soon, however many gaps there are", function()
    local net, members = nets.grown(4, { config = "lan" })
    local heard = {}
    for i = 2, 4 do heard[i] = listen(members[i]) end
    publish_with_gaps(net, members[1], { members[2], members[3], members[4] }, 21)
    net:run(25)
    for i = 2, 4 do
      assert.same({ i, 21, 21 }, { i, heard[i][#heard[i]].data, num_told(heard[i]) })
    end
    assert.is_true(#heard[2].missed > 2)
  end)

  it("by who is alone now has room, and is not for those that come later", function()
    local net, members = nets.grown(2, { config = "lan" })
    while members[1]:publish("t", "old") do end -- luacheck: ignore 542
    assert(members[2]:leave())
    assert.is_true(net:run_until(function() return members[1]:num_members() == 0 end, 5))
    assert(members[1]:publish("t", "alone"))
    net:run(5)
    local heard = listen(assert(net:spawn { config = "lan", join = { members[1].addr } }))
    net:run(10)
    assert(members[1]:publish("t", "new"))
    net:run(3)
    assert.same({ { "new" }, {} }, { data_of(heard), heard.missed })
  end)

  it("that came before a crowd is not for it, and not missed", function()
    for _, old in ipairs { 1, 3 } do
      local net, members = nets.grown(old, { config = "lan" }, { seed = 2 })
      publish(net, members[1], 1, 100, 0.02)
      net:run(120)
      local heard = {}
      for i = 1, 25 do
        heard[i] = listen(assert(net:spawn { config = "lan", join = { members[1].addr } }))
      end
      net:run(10)
      assert(members[1]:publish("t", 101))
      net:run(5)
      for i = 1, 25 do assert.same({ { 101 }, {} }, { data_of(heard[i]), heard[i].missed }) end
      nets.close()
    end
  end)

  it("by who is away is not missed by those that come meanwhile", function()
    for _, away in ipairs { 30, 100 } do
      local net, members = nets.grown(4, { config = "lan" })
      publish(net, members[1], 1, 20, 0.02)
      net:run(5)
      local cut = net:partition({ members[1] }, "rest")
      net:run(away)
      local heard = listen(assert(net:spawn { config = "lan", join = { members[2].addr } }))
      net:run(10)
      cut:heal()
      assert(net:run_until(function() return net:converged() end, 120))
      net:run(20)
      assert(members[1]:publish("t", 21))
      net:run(5)
      assert.same({ { 21 }, {} }, { data_of(heard), heard.missed })
      nets.close()
    end
  end)

  it("under an identity that stays as it is may be missed after a restart, and that is told", function()
    local handlers = nets.script([[return { identity = {
      new = function(options) return { addr = options.advertise, bump = 1 } end } }]])
    local net, members = nets.grown(4, { handlers = handlers })
    local heard = listen(members[2])
    publish(net, members[1], 1, 3, 0.1)
    net:run(1)
    local again = assert(net:restart(members[1]))
    assert.equal(1, again:publish("t", "at once")) -- it knows of no other life yet
    net:run(10)
    assert.same({ 4 }, { heard.missed[1].first, heard.missed[1].last })
    local number = again:publish("t", "later")
    net:run(2)
    assert.same({ data = "later", from = again.addr, number = number }, heard[#heard])
    assert.is_true(number > 4, number)
  end)

  it("costs nothing where nothing is", function()
    local net, members = nets.grown(8)
    local function sent(seconds)
      local before, after = 0, 0
      for _, member in ipairs(members) do before = before + member:stats().bytes_sent end
      net:run(seconds)
      for _, member in ipairs(members) do after = after + member:stats().bytes_sent end
      return (after - before) / #members / seconds
    end
    net:run(5)
    local before = sent(30)
    assert(members[1]:publish("t", "once"))
    net:run(80)
    local after = sent(30)
    -- pings say that there is something: some bytes each
    assert.is_true(after < before * 1.15, ("%g %g"):format(before, after))
  end)
end)

describe("topics of a script", function()
  after_each(nets.close)

  it("are functions of its table; a reload takes them over without a gap", function()
    local text = [[
      local M = { topics = {} }
      function M.topics.t(node, data, from, number)
        node.store.heard = (node.store.heard or "") .. data .. "%s "
      end
      return M
    ]]
    local path = nets.script(text:format("a"))
    local net = nets.new()
    local members = assert(net:spawn(4, { config = "loopback", handlers = path }))
    assert.is_true(net:run_until(function() return net:converged() end, 60))
    assert(members[1]:publish("t", 1))
    net:run(2)
    process.write(path, text:format("b"))
    assert(members[2]:reload())
    assert(members[1]:publish("t", 2))
    net:run(2)
    assert.equal("1a 2b ", members[2].store.heard)
    assert.equal("1a 2a ", members[3].store.heard)
  end)

  it("must be functions with names", function()
    local net = nets.new()
    for _, case in ipairs {
      { "return { topics = 5 }", "'topics' must be a table" },
      { "return { topics = { t = 5 } }", "'topics.t' must be a function, got 5" },
      { "return { topics = { print } }", "a topic must have a name" },
      { "return { topics = { [('x'):rep(65)] = print } }", "a topic must have a name" },
    } do
      local member, message = net:spawn { handlers = nets.script(case[1]) }
      assert.is_nil(member)
      assert.is_truthy(message:find(case[2], 1, true), message)
    end
  end)

  it("are subscribed and unsubscribed at run time", function()
    local net, members = nets.grown(3)
    local count = 0
    local function hear() count = count + 1 end
    members[2]:subscribe("t", hear)
    assert(members[1]:publish("t", 1))
    assert(members[1]:publish("other", 1))
    net:run(2)
    assert.equal(1, count)
    assert.is_true(members[2]:unsubscribe("t", hear))
    assert.is_false(members[2]:unsubscribe("t", hear))
    assert(members[1]:publish("t", 2))
    net:run(2)
    assert.equal(1, count)
    assert.has_error(function() members[2]:subscribe("", hear) end)
    assert.has_error(function() members[2]:subscribe("t") end)
    assert.has_error(function() members[2]:publish("t") end)
  end)
end)
