local support = require "spec.core.support"
local engine, mortal = support.engine, support.mortal

describe("notifications of members", function()
  it("tell the first one up, the last one down, and the next one up", function()
    local e = engine("a")
    assert.same({ "member_up b", "active" }, e:apply({ "b" }).events)
    assert.same({ "member_up c" }, e:apply({ "c" }).events)
    assert.same({ "member_down b" }, e:apply({ "b down" }).events)
    assert.same({ "member_down c", "idle" }, e:apply({ "c down" }).events)
    assert.same({ "member_up d", "active" }, e:apply({ "d" }).events)
  end)

  it("go together with what the engine says of its connection", function()
    local e = engine("a")
    assert.equal("idle", e.core:connection())
    e:apply { "b" }
    assert.equal("active", e.core:connection())
    e:apply { "b down" }
    assert.equal("idle", e.core:connection())
    e:apply { "c" }
    assert.equal("active", e.core:connection())
  end)

  it("say nothing of same-state, suspect and higher-incarnation updates of an active member", function()
    local e = engine("a"):knowing("b", "c")
    for _, update in ipairs {
      "c alive 0", "c suspect 0", "c suspect 0", "c suspect 3", "c alive 4", "c alive 9", "c suspect 9", "c alive 3",
    } do
      local out = e:receive { kind = "gossip", from = "b", updates = { update } }
      assert.same({}, out.log, update)
    end
    assert.equal("suspect", e:state_of("c"))
  end)

  it("tell a member up that was first heard of as suspect", function()
    local e = engine("a")
    assert.same({ "member_up b", "active" }, e:apply({ "b suspect 4" }).events)
  end)

  it("tell one down that was suspect, once", function()
    local e = engine("a"):knowing("b suspect", "c")
    assert.same({ "member_down b" }, e:apply({ "b down" }).events)
    assert.same({}, e:apply({ "b down 3" }).events)
  end)

  it("carry the member as it is then", function()
    local e = engine("a")
    e.core:apply(e.now, e:claims { "b suspect 4" }, {})
    local name, member
    for event, subject in e.core:events() do
      if event == "member_up" then name, member = event, subject end
    end
    assert.equal("member_up", name)
    assert.same({ addr = "b:7946", bump = 1 }, member.id)
    assert.equal("b:7946", member.addr)
    assert.equal("suspect", member.state)
    assert.equal(4, member.incarnation)
    assert.equal(e.now, member.since)
  end)
end)

describe("being declared down", function()
  it("makes an engine defunct that cannot be renewed, once", function()
    local e = mortal("a"):knowing("b", "c")
    local out = e:receive { kind = "gossip", from = "b", updates = { "a down 0" } }
    assert.same({ "defunct" }, out.events)
    assert.equal("defunct", e.core:connection())
    assert.equal("down", e.core:self().state)
    assert.same({}, e:receive({ kind = "gossip", from = "b", updates = { "a down 0" } }).events)
    assert.same({}, e:receive({ kind = "turn_undead", from = "c" }).events)
  end)

  it("makes a renewable one rejoin at once under its new identity, never defunct", function()
    local e = engine("a"):knowing("b", "c", "d")
    local out = e:receive { kind = "gossip", from = "b", updates = { "a down 0" } }
    assert.same({ "rejoin a#2" }, out.events)
    assert.equal("active", e.core:connection())
    assert.equal("a#2", e:whoami())
    assert.equal("alive", e.core:self().state)
    local gossip = out:sent("gossip")
    assert.equal(2, #gossip)
    for _, packet in ipairs(gossip) do assert.equal("a#2", packet.from) end
  end)

  it("happens by turn_undead as well", function()
    assert.same({ "rejoin a#2" }, engine("a"):knowing("b"):receive({ kind = "turn_undead", from = "b" }).events)
    assert.same({ "defunct" }, mortal("a"):knowing("b"):receive({ kind = "turn_undead", from = "b" }).events)
  end)

  it("happens whatever incarnation the claim is about", function()
    for _, claim in ipairs { "a down 0", "a down 4", "a down 65535" } do
      local e = mortal("a"):knowing("b")
      e:apply { "a suspect 1" }
      assert.same({ "defunct" }, e:apply({ claim }).events, claim)
    end
  end)

  it("takes back what was still to be said against it", function()
    local e = mortal("a"):knowing("b")
    e:receive { kind = "gossip", from = "b", updates = { "a suspect 0" } }
    assert.equal(1, e:backlog()) -- a alive 1
    assert.same({ "defunct" }, e:receive({ kind = "turn_undead", from = "b" }).events)
    assert.equal(0, e:backlog())
  end)

  it("is taken back itself when the identity is used again", function()
    local e = mortal("a"):knowing("b")
    e:leave()
    assert.equal(1, e:backlog()) -- a down 0, for whoever it might still meet
    e:call("reuse_down_identity")
    assert.equal(0, e:backlog())
  end)

  it("stops the probing", function()
    local e = mortal("a"):knowing("b", "c")
    e:next_ping()
    e:receive { kind = "turn_undead", from = "b" }
    local out = e:advance(30)
    assert.same({}, out.log)
    assert.same({ "b alive 0", "c alive 0" }, e:members())
  end)
end)

describe("a defunct engine", function()
  local e

  before_each(function()
    e = mortal("a")
    assert.same({ "defunct" }, e:leave().events)
  end)

  it("goes on following the membership, but is not active", function()
    local out = e:receive { kind = "gossip", from = "b", updates = { "c", "d suspect 1" } }
    assert.same({ "member_up b", "member_up c", "member_up d" }, support.sorted(out.events))
    assert.same({ "b alive 0", "c alive 0", "d suspect 1" }, e:members())
    assert.same({ "member_down c" }, e:apply({ "c down" }).events)
    assert.same({ "rename b b#2" }, e:apply({ "b#2" }).events)
    assert.equal("defunct", e.core:connection())
  end)

  it("is not idle either when the last member goes", function()
    e:apply { "b" }
    assert.same({ "member_down b" }, e:apply({ "b down" }).events)
    assert.equal("defunct", e.core:connection())
  end)

  it("is active again as soon as it changes its identity", function()
    e:apply { "b" }
    local out = e:become("a#2")
    assert.is_true(support.contains(out.events, "active"))
    assert.equal("active", e.core:connection())
    assert.equal("alive", e.core:self().state)
    assert.equal("ping", e:next_ping().kind)
  end)

  it("is active again as soon as it reuses its old one", function()
    e:apply { "b" }
    local out = e:reuse()
    assert.is_true(support.contains(out.events, "active"))
    assert.equal("active", e.core:connection())
    assert.equal("alive", e.core:self().state)
    assert.equal("a", e:whoami())
    assert.equal("ping", e:next_ping().kind)
  end)

  it("is idle after that when it knows nobody, and active with the first member", function()
    e:reuse()
    assert.equal("idle", e.core:connection())
    assert.same({ "member_up b", "active" }, e:apply({ "b" }).events)
  end)

  it("does not answer pings", function()
    assert.same({}, e:receive({ kind = "ping", from = "b", number = 3 }).sends)
  end)

  it("says nothing by itself, and nothing when asked to", function()
    e:apply({ "b", "c suspect" }, { broadcast = true })
    assert.same({}, e:gossip().log)
    assert.same({}, e:broadcast().log)
    assert.same({}, e:advance(3).log)
  end)

  it("does not care who else declares it down", function()
    e:apply { "b", "c down" }
    for _, fields in ipairs {
      { kind = "turn_undead", from = "b" },
      { kind = "turn_undead", from = "c" },
      { kind = "gossip", from = "b", updates = { "a down 7", "a suspect 65535", "a suspect 3" } },
    } do
      assert.same({}, e:receive(fields).log)
    end
    assert.equal(0, e:incarnation())
  end)

  it("still forgets who is down", function()
    e:apply { "b down" }
    e:advance(16)
    assert.equal(0, e.core:num_known())
  end)
end)

describe("diagnostics", function()
  local ALL = { "suspect", "refuted", "conflict", "probe_started", "probe_failed", "packet_received", "packet_sent" }

  local function events_of(e, act)
    act()
    local seen = {}
    for event, a in e.core:events() do seen[#seen + 1] = { event, a } end
    return seen
  end

  local function named(seen)
    local list = {}
    for i, event in ipairs(seen) do list[i] = event[1] end
    return list
  end

  it("are off by default", function()
    local e = engine("a"):knowing("b", "c")
    local out = e:advance(3)
    for _, event in ipairs(out.events) do
      assert.is_false(support.contains(ALL, event:match("^%S+")))
    end
    assert.is_true(#out:sent("ping") > 0)
  end)

  it("tell of suspicion and refutation when asked for", function()
    local e = engine("a", { diagnostics = { "suspect", "refuted" } }):knowing("b")
    assert.same({ "suspect c" }, e:knowing("c"):apply({ "c suspect 1" }).events)
    assert.same({ "refuted c" }, e:apply({ "c alive 2" }).events)
    assert.same({}, e:apply({ "c alive 3" }).events)
    assert.same({ "refuted a" }, e:apply({ "a suspect 0" }).events)
  end)

  it("tell of the probes", function()
    local e = engine("a", { diagnostics = { "probe_started", "probe_failed", "suspect" } }):knowing("b")
    assert.same({ "probe_started b" }, e:advance(1).events)
    assert.same({ "probe_failed b", "suspect b", "probe_started b" }, e:advance(1).events)
  end)

  it("tell of who claims our address", function()
    local e = engine("a#2", { diagnostics = { "conflict" } }):knowing("b")
    assert.same({ "conflict a" }, e:receive({ kind = "gossip", from = "b", updates = { "a alive 0" } }).events)
  end)

  it("tell of packets, with their kind and size", function()
    local e = engine("a", { diagnostics = { "packet_received", "packet_sent" } }):knowing("b")
    local bytes = e:packet { kind = "ping", from = "b", updates = { "c", "d" } }
    local seen = events_of(e, function() e.core:receive(e.now, bytes) end)
    local received, sent
    for _, event in ipairs(seen) do
      if event[1] == "packet_received" then received = event[2] end
      if event[1] == "packet_sent" then sent = event[2] end
    end
    assert.equal("ping", received.message)
    assert.equal(2, received.updates)
    assert.equal(#bytes, received.size)
    assert.same(e:id("b"), received.id)
    assert.equal("ack", sent.message)
    assert.equal(2, sent.updates)
    assert.same(e:id("b"), sent.id)
  end)

  it("can be switched while running", function()
    local e = engine("a"):knowing("b", "c")
    e.core:set_diagnostics(true)
    assert.is_true(support.contains(named(events_of(e, function()
      e.core:apply(e.now, e:claims { "c suspect" }, {})
    end)), "suspect"))
    e.core:set_diagnostics(false)
    assert.same({}, named(events_of(e, function() e.core:apply(e.now, e:claims { "c alive 1" }, {}) end)))
  end)
end)
