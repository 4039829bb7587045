local support = require "spec.core.support"
local engine, collector = support.engine, support.collector
local names = support.names

local CONFIG = {
  num_indirect_probes = 3, notify_down_members = true, max_packet_size = 600,
  gossip = { every = 0.5, members = 2 },
  announce = { every = 3, members = 1 },
  announce_to_down = { every = 4, members = 1 },
}

local function fresh()
  return engine("a", { broadcast = collector().handler, config = CONFIG, diagnostics = true })
end

-- A scenario that grows every structure of the engine, as a list of steps
-- (entry point, arguments).
local function scenario(e)
  local function packet(fields) return { "receive", e:packet(fields) } end
  local steps = {
    { "announce", e:id("b") },
    packet { kind = "announce", from = "b" },
    packet { kind = "feed", from = "b", updates = names(20) },
    { "apply", e:claims(names(200, "m")), { broadcast = true } },
    { "add_broadcast", "k one" },
    packet { kind = "gossip", from = "n1", items = { "l two", "m three" }, updates = { "a suspect 0" } },
    { "set_config", { max_packet_size = 1400 } },
    { "gossip" },
    { "broadcast" },
  }
  for i = 1, 12 do
    steps[#steps + 1] = { "later", 0.75 }
    steps[#steps + 1] = packet {
      kind = "ping", from = "n" .. i,
      updates = { ("n%d#2"):format(i + 1), ("m%d down"):format(i), ("m%d suspect"):format(i + 20) },
    }
    steps[#steps + 1] = { "add_broadcast", ("%s item %d"):format(string.char(96 + i), i) }
  end
  for _, step in ipairs {
    packet { kind = "ping_req", from = "b", peer = "n3" },
    packet { kind = "turn_undead", from = "b" },
    { "later", 5 },
    { "change_identity", e:id("z#4") },
    { "leave" },
    { "reuse_down_identity" },
    { "later", 20 },
  } do
    steps[#steps + 1] = step
  end
  return steps
end

--- The same for verdicts, conflicts and a table that is full. Packets are for
-- whoever we are when they arrive.
local function dispute(e)
  local function packet(fields)
    return function() return { "receive", e:packet(fields) } end
  end
  local function told(...)
    return packet { kind = "gossip", from = "n5", updates = { ... } }
  end
  local function ourselves(format)
    return function() return { "receive", e:packet { kind = "gossip", from = "n5",
      updates = { format:format(e:whoami()) } } } end
  end
  local strangers, downs = {}, {}
  for i = 1, 20 do strangers[i], downs[i] = ("x%d down 1"):format(i), ("n%d down 0"):format(i + 5) end
  return {
    { "set_config", { max_members = 44, max_packet_size = 1400 } },
    packet { kind = "feed", from = "n5", updates = names(30) },
    { "apply", e:claims(downs), { broadcast = true } },
    ourselves "%s down 3",
    ourselves "%s suspect 1",
    { "later", 1 },
    packet { kind = "ping", from = "n7", incarnation = 2 }, -- is back
    packet { kind = "gossip", from = "n7", incarnation = 2, updates = { "n5 down 0", "n3#2 down 0" } },
    told(support.unpack(strangers)),
    told("n8 alive 0", "n9 suspect 0", "n10#2 down 0"),
    packet { kind = "ping", from = "n8" },
    packet { kind = "ping", from = "n3" },
    packet { kind = "ping", from = "n5", to = "a#70" },
    { "later", 1 },
    told("a#90 alive 0"),
    packet { kind = "announce", from = "y1" }, packet { kind = "announce", from = "y2" },
    told("y3", "y4", "y5", "y6", "y7", "y8"),
    packet { kind = "turn_undead", from = "n5" }, packet { kind = "turn_undead", from = "n5" },
    { "later", 2 },
    { "change_identity", e:id("moved") },
    packet { kind = "feed", from = "n5", updates = { "a#90 alive 7", "a#120 alive 0" } },
    { "change_identity", e:id("n11#4") }, -- a down one's address
    { "forget", e:id("n12").addr },
    { "leave" },
    { "leave_to", e:id("s") },
    { "reuse_down_identity" },
    ourselves "%s left",
    { "later", 30 },
  }
end

-- When an earlier step could not be done, this one may have no reason.
local EXPECTED = {
  no_memory = true, not_defunct = true, loses = true, address_in_use = true, not_found = true, not_down = true,
}

--- What a program that only listens would take for the members, by address.
local function listen(e, heard)
  for event, a, b in e.core:events() do
    local member = event == "rename" and b or a
    if event == "member_up" then
      assert.is_nil(heard[member.addr], "up twice")
      heard[member.addr] = e.scheme.text(member.id)
    elseif event == "member_down" then
      assert.truthy(heard[member.addr], "down twice")
      heard[member.addr] = nil
    elseif event == "rename" and heard[member.addr] then
      assert.equal(e.scheme.text(a.id), heard[member.addr])
      heard[member.addr] = e.scheme.text(b.id)
    end
  end
end

local function active(e)
  local members = {}
  for _, member in ipairs(e.core:members()) do members[member.addr] = e.scheme.text(member.id) end
  return members
end

--- Runs the scenario; every answer must be success or no_memory, and whoever
-- listens must know the members at any time. Answers how many calls had no memory.
local function run(e, steps)
  local failures, heard = 0, active(e)
  local function check(step, ok, message, code)
    if ok ~= nil then return end
    failures = failures + (code == "no_memory" and 1 or 0)
    assert.is_true(EXPECTED[code], ("%s: %s (%s)"):format(step, message, code))
  end
  for i, step in ipairs(steps) do
    if type(step) == "function" then step = step() end
    if step[1] == "later" then
      e.now = e.now + step[2]
      check(i .. " tick", e.core:tick(e.now))
    else
      check(i .. " " .. step[1], e.core[step[1]](e.core, e.now, support.unpack(step, 2)))
    end
    listen(e, heard)
    assert.same(active(e), heard)
  end
  return failures
end

--- The engine still does its work: it lets somebody join, answers, spreads.
local function works(e)
  local out
  if e.core:connection() == "defunct" then e:become("a#9000") end
  out = e:receive { kind = "announce", from = "newcomer" }
  assert.is_true(support.contains(out.sends, "feed newcomer"))
  assert.equal("alive", e:state_of("newcomer"))
  out = e:receive { kind = "ping", from = "newcomer", number = 5 }
  assert.equal(5, out:the("ack").number)
  out = e:receive { kind = "gossip", from = "newcomer", updates = { "second", "third suspect" } }
  assert.is_true(support.contains(out.events, "member_up second"))
  assert.is_true(e:backlog() > 0)
  e:add("after")
  assert.is_true(e:waiting_items() > 0)
  assert.is_true(#e:gossip():sent("gossip") > 0)
  out = e:live(30, { "third" })
  assert.is_true(support.contains(out.events, "member_down third"))
  assert.equal(#e.core:members(), e.core:num_members())
end

local SCENARIOS = { ["a busy life"] = scenario, ["accusations, conflicts and a full table"] = dispute }

for what, scenario_of in pairs(SCENARIOS) do
  describe("running out of memory in " .. what .. ",", function()
    it("at any one allocation is told or survived, and the engine works afterwards", function()
      local total = 0
      for n = 1, 100000 do
        local e = fresh()
        local steps = scenario_of(e)
        local before = e.core:stats().allocations
        e.core:fail_allocation(n)
        run(e, steps)
        local calls = e.core:stats().allocations - before
        e.core:fail_allocation(nil)
        works(e)
        e.core:close()
        if calls < n then
          total = n - 1
          break
        end
      end
      assert.is_true(total > 20, "the scenario allocates too little to prove anything: " .. total)
    end)

    it("is told at least once on the way", function()
      local told = 0
      for n = 1, 40 do
        local e = fresh()
        local steps = scenario_of(e)
        e.core:fail_allocation(n)
        told = told + run(e, steps)
      end
      assert.is_true(told > 0)
    end)

    it("for a while, from any allocation on, is told or survived, and the engine works afterwards", function()
      for n = 1, 100000 do
        local e = fresh()
        local steps = scenario_of(e)
        local before = e.core:stats().allocations
        e.core:fail_allocation(n, true)
        run(e, steps)
        local calls = e.core:stats().allocations - before
        e.core:fail_allocation(nil)
        works(e)
        if calls < n then break end
      end
    end)

    it("is no reason to grow: what failed can be tried again", function()
      local e = fresh()
      local steps = scenario_of(e)
      e.core:fail_allocation(1, true)
      run(e, steps)
      e.core:fail_allocation(nil)
      assert.equal(0, run(e, scenario_of(e)))
    end)
  end)
end

describe("the steady packet path", function()
  --- Allocator calls while `act` runs `count` times, after a warm-up.
  local function allocations(e, count, act)
    for i = 1, 300 do act(i) end
    local before = e.core:stats().allocations
    for i = 1, count do act(i) end
    return e.core:stats().allocations - before
  end

  local e

  before_each(function()
    e = engine("a", { broadcast = collector({}, function() return false end).handler })
    e:apply(names(100))
  end)

  local function hear(bytes)
    assert(e.core:receive(e.now, bytes))
    for _ in e.core:effects() do end -- luacheck: ignore
  end

  it("allocates nothing for pings of known members", function()
    local pings = {}
    for i = 1, 100 do pings[i] = e:packet { kind = "ping", from = "n" .. i, number = i } end
    assert.equal(0, allocations(e, 2000, function(i) hear(pings[i % 100 + 1]) end))
  end)

  it("allocates nothing for stale updates and items that are old", function()
    local bytes = e:packet { kind = "gossip", from = "n1", updates = names(20), items = { "one", "two" } }
    assert.equal(0, allocations(e, 2000, function() hear(bytes) end))
  end)

  it("allocates nothing for indirect probes between known members", function()
    local packets = {}
    for i, kind in ipairs { "ping_req", "indirect_ping", "indirect_ack" } do
      packets[i] = e:packet { kind = kind, from = "n1", peer = "n2", number = 7 }
    end
    assert.equal(0, allocations(e, 2000, function(i) hear(packets[i % 3 + 1]) end))
  end)

  it("allocates nothing for fresh updates about known members", function()
    local packets = {}
    for i = 1, 2400 do
      packets[i] = e:packet { kind = "gossip", from = "n1", updates = { ("n%d alive %d"):format(i % 99 + 2, i) } }
    end
    local at = 0
    assert.equal(0, allocations(e, 2000, function()
      at = at + 1
      hear(packets[at])
      assert(e.core:gossip(e.now))
      for _ in e.core:effects() do end -- luacheck: ignore
    end))
  end)

  it("allocates nothing for probing", function()
    assert.equal(0, allocations(e, 300, function() e:live(1) end))
  end)

  it("keeps nothing of packets that are refused", function()
    local before
    for i = 1, 3000 do
      e.core:receive(e.now, e:packet { kind = "gossip", from = "x" .. i, updates = { "y" .. i }, tail = "\0" })
      e.core:receive(e.now, e:packet { kind = "gossip", from = "x" .. i, count = 40 * i % 65536 })
      if i == 100 then before = e.core:stats().memory_bytes end
    end
    assert.equal(before, e.core:stats().memory_bytes)
  end)

  it("gives back what members that came and went have cost", function()
    local config = { remove_down_after = 1, probe_period = 1000, probe_rtt = 1 }
    local busy = engine("a", { config = config })
    local peak
    for round = 1, 40 do
      local ups, downs = names(200, ("r%02d-"):format(round)), {}
      for i, name in ipairs(ups) do downs[i] = name .. " down" end
      busy:apply(ups)
      busy:apply(downs)
      busy:advance(2)
      if round == 5 then peak = busy.core:stats().memory_bytes end
    end
    assert.equal(0, busy.core:num_known())
    assert.is_true(busy.core:stats().memory_bytes <= peak)
  end)
end)
