--- Who has a place in a table that is full: the living before the dead, and strangers
-- of whom nothing but a verdict is known last.

local support = require "spec.core.support"
local engine, healing, foreign = support.engine, support.healing, support.foreign
local names = support.names

local function room_for(max_members, options)
  options = options or {}
  options.config = { max_members = max_members, remove_down_after = 100000, probe_period = 1000 }
  return healing("a", options)
end

--- Each after the one before, a second later.
local function apply_in_turn(e, claims)
  for _, claim in ipairs(claims) do
    e:apply { claim }
    e:advance(1)
  end
end

describe("a newcomer to a full table", function()
  it("takes the place of the member that has been down longest", function()
    local e = room_for(5):knowing("b", "c", "d", "e", "f")
    apply_in_turn(e, { "d down 0", "c down 0", "e left" })
    assert.same({ "member_forgotten d", "member_up g" }, e:receive({ kind = "announce", from = "g" }).events)
    assert.same({ "member_forgotten c", "member_up h" }, e:receive({ kind = "ping", from = "h" }).events)
    assert.same({ "member_forgotten e", "member_up i" }, e:apply({ "i alive 3" }).events)
    assert.same({ "b alive 0", "f alive 0", "g alive 0", "h alive 0", "i alive 3" }, e:state())
  end)

  it("takes the place of a stranger that is down, without a word about that one", function()
    local e = room_for(3):knowing("b", "c")
    apply_in_turn(e, { "x down 0", "c down 0" })
    assert.same({ "member_up g" }, e:receive({ kind = "announce", from = "g" }).events)
    assert.is_nil(e:member("x"))
  end)

  it("takes along what waited to be told about the other one", function()
    local e = room_for(2):knowing("b", "c")
    e:apply({ "c down 0" }, { broadcast = true })
    e:receive { kind = "announce", from = "g" }
    assert.is_nil(e:exhaust()["c down 0"])
  end)

  it("takes nobody's place that is alive or suspect", function()
    local e = room_for(2):knowing("b", "c suspect 0")
    assert.same({ "refused d" }, e:receive({ kind = "announce", from = "d" }).log)
    assert.equal("full", e:call("apply", e:claims { "d alive 0" }, {}).code)
    assert.same({ "b alive 0", "c suspect 0" }, e:state())
  end)

  it("is told that there is no room, once in a period", function()
    local e = healing("a", { config = { max_members = 1, probe_period = 2 } }):knowing("b")
    local function ask(from) return e:receive({ kind = "announce", from = from }).sends end
    assert.same({ "refused c" }, ask "c")
    assert.same({}, ask "c")
    assert.same({ "refused d" }, ask "d")
    e:live(2)
    assert.same({ "refused c" }, ask "c")
    assert.equal(4, e:dropped("full"))
  end)

  it("is told so in plain SWIM, too, but not in a codec of another system", function()
    local config = { config = { max_members = 1 } }
    assert.same({ "refused c" }, engine("a", config):knowing("b"):receive({ kind = "announce", from = "c" }).log)
    assert.same({}, foreign("a", config):knowing("b"):receive({ kind = "announce", from = "c" }).log)
  end)

  it("is reported where that is asked for, and so is whoever is only named", function()
    local e = room_for(1, { diagnostics = { "full" } }):knowing("b")
    assert.same({ "full c" }, e:receive({ kind = "announce", from = "c" }).events)
    local out = e:receive { kind = "feed", from = "b", updates = { "d alive 0", "e suspect 2" } }
    assert.same({ "full d", "full e" }, out.events)
    assert.equal(3, e:dropped("full"))
  end)

  it("learns from the refusal who has no room for it", function()
    local full = room_for(1):knowing("b")
    local c = healing("c", { diagnostics = { "refused" } })
    local word = full:receive(c:announce("a"):the("announce").bytes):the("refused")
    assert.same({ "refused a" }, c:receive(word.bytes).log)
  end)

  -- It would never answer, and be reported down.
  it("does not make a member of whoever refuses it, unless others say that it is one", function()
    local c = healing("c")
    assert.same({}, c:receive({ kind = "refused", from = "a" }).log)
    assert.same({}, c:state())
    assert.equal("idle", c.core:connection())
    c:knowing("a", "b")
    c:receive { kind = "refused", from = "a", incarnation = 3 }
    assert.same({ "a alive 3", "b alive 0" }, c:state())
  end)

  it("that others told of is answered each ping with a refusal, and takes that for a sign of life", function()
    local full, c = room_for(1):knowing("b"), healing("c"):knowing("a", "b")
    local refusals = 0
    local out = c:live(20, { "a" })
    assert.is_true(support.contains(out.events, "member_down a"))
    c = healing("c"):knowing("a", "b")
    out = c:advance(20, function(packet)
      if packet.to == "b" then return packet.kind == "ping" and { kind = "ack", from = "b", number = packet.number } end
      if packet.kind ~= "ping" then return nil end
      assert.same({ "refused c" }, full:receive(packet.bytes).sends)
      refusals = refusals + 1
      return { kind = "refused", from = "a" }
    end)
    assert.same({}, out.events)
    assert.is_true(refusals > 5)
  end)

  it("needs no room at an address that is known", function()
    local e = room_for(2):knowing("b", "c left")
    assert.same({ "rename b b#2" }, e:receive({ kind = "announce", from = "b#2" }).events)
    assert.same({ "rename c c#2", "member_up c#2" }, e:receive({ kind = "announce", from = "c#2" }).events)
    assert.equal(0, e:dropped("full"))
  end)

  it("finds room wherever members come and go on new addresses", function()
    local e, living = room_for(40), {}
    for deploy = 1, 8 do
      for _, name in ipairs(living) do e:receive { kind = "gossip", from = name, updates = { name .. " left" } } end
      living = names(10, ("v%d-"):format(deploy))
      for _, name in ipairs(living) do e:receive { kind = "announce", from = name } end
      assert.equal(10, e.core:num_members())
      e:advance(60)
    end
    assert.equal(40, e.core:num_known())
    assert.equal(0, e:dropped("full"))
  end)
end)

describe("forgetting a member", function()
  it("is possible while it is down, with an event, and what waits about it goes along", function()
    local e = healing("a"):knowing("b", "c", "d left")
    e:apply({ "c down 3" }, { broadcast = true })
    assert.same({ "member_forgotten c" }, e:forget("c").log)
    assert.equal(0, e:backlog())
    assert.same({ "b alive 0", "d left" }, e:state())
    e:forget("d")
    assert.same({ "b alive 0" }, e:state())
  end)

  it("lets it come back as it was", function()
    local e = healing("a"):knowing("b", "c", "c left")
    e:forget("c")
    assert.same({ "member_up c" }, e:receive({ kind = "announce", from = "c" }).events)
  end)

  it("is refused while it is active, and of whoever is not known", function()
    local e = healing("a"):knowing("b", "c suspect 0")
    e:refuses("not_down", "forget", "b:7946")
    e:refuses("not_down", "forget", "c:7946")
    e:refuses("not_found", "forget", "z:7946")
    e:refuses("not_found", "forget", "a:7946")
  end)

  it("is no event for a stranger, of whom nobody was told", function()
    local e = healing("a"):knowing("b", "x down 3")
    assert.same({}, e:forget("x").log)
    assert.same({ "b alive 0" }, e:state())
  end)
end)

describe("verdicts about strangers", function()
  local function invent(e, count, prefix)
    for i = 1, count, 30 do
      local claims = {}
      for j = i, math.min(i + 29, count) do claims[#claims + 1] = ("%s%d down 1"):format(prefix or "x", j) end
      e:receive { kind = "gossip", from = "b", updates = claims }
    end
  end

  local function strangers(e)
    local count = 0
    for _, claim in ipairs(e:state()) do count = count + (claim:match("^x%d+ down") and 1 or 0) end
    return count
  end

  it("take a sixteenth of the table at most, and sixteen at least", function()
    for max_members, share in pairs { [1600] = 100, [512] = 32, [256] = 16, [64] = 16 } do
      local e = room_for(max_members):knowing("b")
      invent(e, 1000)
      assert.equal(share, strangers(e))
    end
  end)

  it("push out one another, the oldest first, and make no events", function()
    local e = room_for(100):knowing("b")
    local claims = {}
    for i = 1, 20 do claims[i] = ("x%d down 1"):format(i) end
    apply_in_turn(e, claims)
    for i = 1, 20 do assert.equal(i > 4 and "down" or nil, e:state_of("x" .. i)) end
    local out = e:apply { "x21 down 1" }
    assert.same({}, out.events)
    assert.is_nil(e:member("x5"))
  end)

  it("leave alone whom we knew to be alive, and those that live", function()
    local e = room_for(1000):knowing("b", support.unpack(names(100)))
    for i = 1, 50 do e:apply { ("n%d down 0"):format(i) } end
    invent(e, 5000)
    for i = 1, 100 do assert.equal(i <= 50 and "down" or "alive", e:state_of("n" .. i)) end
    assert.equal(101 + 62, e.core:num_known())
  end)

  it("take their share in a full table, too, but no more", function()
    local e = room_for(100):knowing("b", support.unpack(names(99)))
    for i = 1, 50 do e:apply { ("n%d down 0"):format(i) } end
    invent(e, 1000)
    assert.equal(16, strangers(e))
    assert.equal(100, e.core:num_known())
    assert.equal(50, e.core:num_members())
  end)

  it("find no room where all are alive", function()
    local e = room_for(3):knowing("b", "c", "d")
    assert.same({}, e:receive({ kind = "gossip", from = "b", updates = { "x down 1" } }).log)
    assert.is_nil(e:member("x"))
    assert.equal(1, e:dropped("full"))
  end)

  it("are no strangers any more once they were seen alive", function()
    local e = room_for(100):knowing("b", "c down 1")
    e:receive { kind = "announce", from = "c", incarnation = 2 }
    e:apply { "c down 2" }
    invent(e, 100)
    assert.equal("down", e:state_of("c"))
    e:live(100000)
    assert.same({ "b alive 0" }, e:state())
  end)

  it("keep out those they are about, as any verdict does", function()
    local e = room_for(100):knowing("b")
    invent(e, 3)
    assert.same({}, e:receive({ kind = "announce", from = "x1", incarnation = 1 }).events)
    assert.same({ "member_up x1" }, e:receive({ kind = "announce", from = "x1", incarnation = 2 }).events)
  end)
end)
