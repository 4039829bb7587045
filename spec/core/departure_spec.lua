--- Members that leave, and identities that are given up: only they themselves say so,
-- and it is final.

local support = require "spec.core.support"
local engine, healing, foreign = support.engine, support.healing, support.foreign

--- What of it is in the packets, with who it is now.
local function claimed(out)
  local found = {}
  for _, packet in ipairs(out.packets) do
    for i, claim in ipairs(packet.updates) do
      found[#found + 1] = packet.by[i] and ("%s by %s"):format(claim, packet.by[i]) or claim
    end
  end
  return support.set(found)
end

describe("a member that leaves", function()
  it("says so at the incarnation that no living member has, whatever its own is", function()
    for _, build in ipairs { engine, healing } do
      local e = build("a"):knowing("b", "c")
      e:apply { "a suspect 6" }
      assert.same({ "a left" }, claimed(e:leave()))
    end
  end)

  it("says down at its own incarnation in a codec that has no word for it", function()
    local e = foreign("a"):knowing("b", "c")
    e:apply { "a suspect 6" }
    assert.same({ "a down 7" }, claimed(e:leave()))
  end)

  it("is down for good at whoever hears it, directly or from others", function()
    for _, from in ipairs { "b", "c" } do
      local e = healing("a"):knowing("b", "c")
      assert.same({ "member_down c" }, e:receive({ kind = "gossip", from = from, updates = { "c left" } }).events)
      assert.same({}, e:receive({ kind = "gossip", from = "b", updates = { "c alive 65534" } }).events)
      assert.same({}, e:receive({ kind = "ping", from = "c", incarnation = 9 }).events)
    end
  end)

  it("is kept out though it was never known to be alive", function()
    local e = healing("a"):knowing("b", "z left")
    assert.same({}, e:receive({ kind = "gossip", from = "b", updates = { "z alive 3" } }).events)
  end)

  it("comes back under a newer identity at its address", function()
    local e = healing("a"):knowing("b", "c left")
    assert.same({ "rename c c#2", "member_up c#2" }, e:receive({ kind = "announce", from = "c#2" }).events)
  end)

  it("comes back under another identity of its own that it never gave up", function()
    local a, b = healing("a"):knowing("b"), healing("b"):knowing("a")
    b:receive(a:leave():the("gossip").bytes)
    assert.equal("down", b:state_of("a"))
    b:receive(a:become("a#2"):the("gossip").bytes)
    assert.same({ "a#2 alive 0" }, b:members())
  end)

  -- It takes its word back, and learns with the first answer that it cannot.
  it("that goes on as the same one renews as soon as it talks to somebody who knows", function()
    local a, b = healing("a"):knowing("b"), healing("b"):knowing("a")
    b:receive(a:leave():the("gossip").bytes)
    a:reuse()
    local word = b:receive(a:next_ping().bytes):the("gossip")
    assert.same({ "a left" }, word.updates)
    local out = a:receive(word.bytes)
    assert.same({ "rejoin a#2" }, out.events)
    b:receive(out.packets[1].bytes)
    assert.same({ "a#2 alive 0" }, b:members())
  end)

  -- A codec of another system has no word for it, but the packet is its own.
  it("is not asked to come back, also where it says no more than down", function()
    local config = { announce_to_down = { every = 1, members = 2 }, remove_down_after = 1000 }
    local e = foreign("a", { config = config }):knowing("b", "c", "d")
    e:receive { kind = "gossip", from = "c", updates = { "c down 0" } }
    e:receive { kind = "gossip", from = "b", updates = { "d down 0" } }
    assert.same({ "d" }, support.set(e:live(10):targets("announce")))
  end)

  it("tells nobody twice, and nobody while it was told nothing", function()
    local e = healing("a")
    assert.same({ "defunct" }, e:leave().log)
    assert.same({}, e:call("leave").log)
  end)
end)

describe("telling somebody else of the departure", function()
  it("goes to whom we asked and never heard", function()
    local e = healing("a")
    e:announce("s")
    e:leave()
    local out = e:leave_to("s")
    assert.same({ "gossip s" }, out.sends)
    assert.same({ "a left" }, claimed(out))
    assert.same({ "gossip s" }, e:leave_to("s").sends) -- as often as one likes
  end)

  it("is nothing while we are here, or back", function()
    local e = healing("a"):knowing("b")
    assert.same({}, e:leave_to("s").log)
    e:leave()
    e:reuse()
    assert.same({}, e:leave_to("s").log)
  end)

  it("is nothing for whoever was declared down: that was not its own word", function()
    local e = support.mortal("a"):knowing("b")
    e:apply { "a down 0" }
    assert.equal("defunct", e.core:connection())
    assert.same({}, e:leave_to("s").log)
  end)

  it("does not go to ourselves", function()
    local e = healing("a")
    e:leave()
    assert.same({}, e:leave_to("a#3").log)
  end)
end)

describe("the reason why a member is down", function()
  it("is that it failed: it did not answer, or somebody says so", function()
    local e = healing("a"):knowing("b", "c suspect 0", "d", "e down 0")
    e:receive { kind = "gossip", from = "b", updates = { "d down 0" } }
    e:live(5, { "c" })
    assert.same({ "failed", "failed", "failed" }, { e:reason_of "c", e:reason_of "d", e:reason_of "e" })
  end)

  it("is that it left: it said so, also in a codec that has no word for it", function()
    local e = healing("a"):knowing("b", "c", "z left")
    e:receive { kind = "gossip", from = "b", updates = { "c left" } }
    assert.same({ "left", "left" }, { e:reason_of "c", e:reason_of "z" })
    e = foreign("a"):knowing("b")
    e:receive { kind = "gossip", from = "b", updates = { "b down 0" } }
    assert.equal("left", e:reason_of "b")
  end)

  it("is that it was replaced: it is somebody else now, at another address", function()
    local e = healing("a"):knowing("b", "c")
    e:receive { kind = "gossip", from = "b", updates = { "c left by z" } }
    assert.equal("replaced", e:reason_of "c")
    e:become("m")
    assert.equal("replaced", e:reason_of "a")
  end)

  it("is none while it is active, and none any more when it is back", function()
    local e = healing("a"):knowing("b", "c", "c down 0")
    assert.is_nil(e:reason_of "b")
    e:apply { "c alive 1" }
    assert.is_nil(e:reason_of "c")
    e:apply { "c left" }
    e:apply { "c#2 alive 0" }
    assert.is_nil(e:reason_of "c#2")
  end)

  it("becomes that it left when it says so after it had failed", function()
    local e = healing("a"):knowing("b", "c", "c down 0")
    assert.same({}, e:receive({ kind = "gossip", from = "c", updates = { "c left" } }).events)
    assert.equal("left", e:reason_of "c")
  end)

  it("is told with the event", function()
    local e = healing("a"):knowing("b", "c", "d")
    e.core:apply(e.now, e:claims { "c left", "d down 0" }, {})
    local told = {}
    for event, member in e.core:events() do told[#told + 1] = ("%s %s"):format(event, member.reason) end
    assert.same({ "member_down left", "member_down failed" }, told)
  end)
end)

describe("an identity that was given up", function()
  it("at the same address is gone without a word about the new one: that speaks for itself", function()
    for _, build in ipairs { engine, healing } do
      local e = build("a"):knowing("b", "c")
      assert.same({ "a left" }, claimed(e:become("a#4")))
    end
  end)

  it("at another address tells who it is now", function()
    local e = healing("a"):knowing("b", "c")
    assert.same({ "a left by z" }, claimed(e:become("z")))
  end)

  it("is down at the others, and its successor up", function()
    local a, b = healing("a"):knowing("b"), healing("b"):knowing("a", "c")
    local out = b:receive(a:become("z"):the("gossip").bytes)
    assert.same({ "member_up z", "member_down a" }, out.events)
    assert.same({ "a left", "c alive 0", "z alive 0" }, b:state())
  end)

  it("is told on by them with who it is now", function()
    local a, b = healing("a"):knowing("b"), healing("b"):knowing("a", "c")
    b:receive(a:become("z"):the("gossip").bytes)
    assert.same({ "a left by z", "z alive 0" }, claimed(b:gossip()))
  end)

  it("at another address is kept, as one that left", function()
    local e = healing("a"):knowing("b", "c")
    local out = e:become("z")
    assert.same({}, out.events)
    assert.same({ "a left", "b alive 0", "c alive 0" }, e:state())
  end)

  it("is no member by hearsay, where verdicts are final neither", function()
    for _, build in ipairs { engine, healing } do
      local e = build("a"):knowing("b", "c")
      e:become("z")
      for _, claim in ipairs { "a alive 0", "a alive 65534", "a suspect 9" } do
        local out = e:receive { kind = "feed", from = "b", updates = { claim } }
        assert.same({}, out.events)
        assert.is_nil(e:state_of("a") == "alive" or nil)
      end
      assert.equal(2, e.core:num_members())
    end
  end)

  it("stays kept though thousands of verdicts about strangers come", function()
    local e = healing("a", { config = { max_members = 300 } }):knowing("b", "c")
    e:become("z")
    for i = 1, 2000 do e:apply { ("x%d down 1"):format(i) } end
    e:receive { kind = "feed", from = "b", updates = { "a alive 0" } }
    assert.equal(2, e.core:num_members())
  end)

  it("leaves its address to whoever comes with a newer one", function()
    local e = healing("a"):knowing("b")
    e:become("z")
    assert.same({ "rename a a#2", "member_up a#2" }, e:receive({ kind = "announce", from = "a#2" }).events)
  end)

  it("may be gone back from: to a newer one at the old address", function()
    local e = healing("a"):knowing("b")
    e:become("z")
    e:refuses("loses", "change_identity", e:id("a"))
    e:become("a#2")
    assert.same({ "b alive 0", "z left" }, e:state())
  end)
end)
