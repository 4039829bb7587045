-- Who may become a member, and how often an address may ask (src/core/admission.h).

local core = require "shoal.core"
local support = require "spec.core.support"

local function engine(config, options)
  options = options or {}
  options.config = config or {}
  options.diagnostics = { "turned_away" }
  return support.healing("a", options)
end

--- An engine that asks `admit`, and what it was asked.
local function asking(admit, config)
  local e, asked = engine(config), {}
  assert(e.core:set_handlers { admit = function(self, id, endpoint)
    assert.equal(e.core, self)
    asked[#asked + 1] = ("%s#%d %s"):format(id.addr:match("^[^:]+"), id.bump, endpoint)
    return admit(id, endpoint, #asked)
  end })
  return e, asked
end

local function dropped(e, why)
  return e.core:stats().dropped[why]
end

local function no() return false end

describe("admit", function()
  it("is asked once for each identity that is new, and for no other", function()
    local e, asked = asking(function() return true end)
    for _ = 1, 3 do
      e:receive { kind = "gossip", from = "b", updates = { "c alive 0", "c suspect 0", "a suspect 0" } }
    end
    e:receive { kind = "gossip", from = "b#2" }
    e:receive { kind = "gossip", from = "b#2", updates = { "c down 0" } }
    assert.same({ "b#1 b:7946", "c#1 c:7946", "b#2 b:7946" }, asked)
  end)

  it("keeps a sender out that it refuses, with all that it says, and does not answer it", function()
    local e = asking(function(id) return id.addr ~= "b:7946" end)
    local out = e:receive { kind = "ping", from = "b", updates = { "c alive 0", "a suspect 0" } }
    assert.same({ "turned_away b" }, out.log)
    assert.same({}, e:state())
    assert.equal(1, dropped(e, "not_admitted"))
    assert.same({ "member_up d", "active" }, e:receive({ kind = "gossip", from = "d" }).events)
  end)

  it("keeps out of whom others tell", function()
    local e = asking(function(id) return id.addr == "b:7946" end)
    e:receive { kind = "gossip", from = "b", updates = { "c alive 0", "d down 0" } }
    assert.same({ "b alive 0" }, e:state())
    assert.equal(2, dropped(e, "not_admitted"))
  end)

  it("keeps the identity that a refused one would have replaced", function()
    local e = asking(function(id) return id.bump == 1 end)
    e:receive { kind = "gossip", from = "b" }
    e:receive { kind = "gossip", from = "b#2" }
    assert.same({ "b alive 0" }, e:members())
    assert.same({ "ack b" }, e:receive({ kind = "ping", from = "b", number = 1 }).sends)
  end)

  it("is asked about a refused identity again after half a minute, and no sooner", function()
    local e, asked = asking(no)
    e:receive { kind = "gossip", from = "b" }
    e:advance(29)
    e:receive { kind = "announce", from = "b" }
    e:receive { kind = "gossip", from = "b", updates = { "a suspect 0" } }
    assert.equal(1, #asked)
    assert.equal(3, dropped(e, "not_admitted"))
    e:advance(1)
    e:receive { kind = "gossip", from = "b" }
    assert.equal(2, #asked)
  end)

  it("is asked about refused ones again when it is another function", function()
    local e = asking(no)
    e:receive { kind = "gossip", from = "b" }
    assert(e.core:set_handlers {})
    assert.same({ "member_up b", "active" }, e:receive({ kind = "gossip", from = "b" }).events)
  end)

  it("forgets none of its members when it is another function", function()
    local e = engine():knowing("b")
    assert(e.core:set_handlers { admit = no })
    assert.same({ "ack b" }, e:receive({ kind = "ping", from = "b", number = 1 }).sends)
  end)

  it("refuses when it fails, or answers neither true nor false", function()
    local answers = { function() error "no" end, function() end, function() return 1 end, function() return "yes" end }
    for i, answer in ipairs(answers) do
      local e = asking(answer)
      e:receive { kind = "gossip", from = "b" }
      assert.same({}, e:state(), i)
      assert.equal(1, dropped(e, "not_admitted"), i)
    end
  end)

  it("is not asked about a sender that has not shown that it is there", function()
    local e, asked = asking(no, { check_strangers = true })
    local cookie = e:receive({ kind = "gossip", from = "b" }).packets[1].cookie
    assert.same({}, asked)
    local out = e:receive { kind = "gossip", from = "b", echo = cookie }
    assert.same({ "b#1 b:7946" }, asked)
    assert.same({ "turned_away b" }, out.log)
    assert.same({}, e:receive({ kind = "gossip", from = "b", echo = cookie }).log)
  end)

  it("refuses a claim of the program's, too", function()
    local e = asking(no)
    local ok, message, code, applied = e.core:apply(e.now, { { id = e.scheme.id "b", state = "alive" } })
    assert.is_nil(ok)
    assert.equal("not_admitted", code)
    assert.matches("may not become a member", message)
    assert.equal(0, applied)
  end)

  it("must be a function", function()
    local e = engine()
    assert.error_matches(function() e.core:set_handlers { admit = 5 } end, "admit must be a function, got 5")
  end)
end)

describe("a host", function()
  -- b:1, b:2, ... are different members of one host.
  local function member(i)
    return { addr = ("b:%d"):format(i), bump = 1 }
  end

  local function say(e, i)
    local header = assert(core.codec.encode_header {
      kind = "gossip", src = member(i), src_incarnation = 0, dst_hash = core.hash_identity(e.scheme.id "a"),
    })
    return e:call("receive", header)
  end

  it("brings as many members in a minute as it may, and the others when time has passed", function()
    local e = engine { newcomers_per_minute = 6 }
    for i = 1, 6 do say(e, i) end
    assert.equal(6, #e:members())
    assert.equal(1, #say(e, 7).events) -- turned_away
    assert.equal(1, dropped(e, "newcomers"))
    assert.equal(6, #e:members())
    e:receive { kind = "gossip", from = "c" }
    assert.equal(7, #e:members())
    e.now = e.now + 11
    say(e, 7)
    assert.equal(8, #e:members())
    say(e, 8)
    assert.equal(8, #e:members())
  end)

  it("may be named by others in any number", function()
    local e = engine({ newcomers_per_minute = 6 }):knowing("c")
    local updates = {}
    for i = 1, 20 do updates[i] = { id = member(i), state = "alive" } end
    assert(e.core:apply(e.now, updates))
    assert.equal(21, #e.core:members())
  end)

  it("may ask for all members so often in a minute", function()
    local e = engine({ announces_per_minute = 3 }):knowing("b", "c")
    for _ = 1, 3 do
      assert.equal(1, #e:receive({ kind = "announce", from = "b" }):sent "feed")
    end
    local out = e:receive { kind = "announce", from = "b" }
    assert.same({}, out.sends)
    assert.same({ "turned_away b" }, out.events)
    assert.equal(1, dropped(e, "announces"))
    assert.equal(1, #e:receive({ kind = "announce", from = "c" }):sent "feed")
  end)

  it("that cannot be reached uses up nothing of what others may", function()
    local e = engine({ announces_per_minute = 1, newcomers_per_minute = 1, check_strangers = true })
    local cookie
    for _ = 1, 10 do cookie = e:receive({ kind = "announce", from = "b" }).packets[1].cookie end
    assert.equal(1, #e:receive({ kind = "announce", from = "b", echo = cookie }):sent "feed")
  end)
end)

describe("an address", function()
  it("that renews a hundred times a minute is held back, and let in when it is calm", function()
    local e = engine { renewals_per_minute = 30 }
    e:receive { kind = "gossip", from = "b" }
    for i = 2, 101 do
      e:receive { kind = "gossip", from = "b#" .. i }
      e.now = e.now + 0.6
    end
    assert.equal(101 - 30 - 30, dropped(e, "renewals")) -- 30 at once, and those of the minute
    e.now = e.now + 3
    e:receive { kind = "gossip", from = "b#200" }
    assert.same({ "b#200 alive 0" }, e:members())
  end)

  it("is held back when others tell of its identities, too", function()
    local e = engine({ renewals_per_minute = 2 }):knowing("b", "c")
    for i = 2, 5 do e:receive { kind = "gossip", from = "c", updates = { "b#" .. i .. " alive 0" } } end
    assert.same({ "b#3 alive 0", "c alive 0" }, e:members())
    assert.equal(2, dropped(e, "renewals"))
  end)

  it("may do anything any number of times where that is the config", function()
    local e = engine { newcomers_per_minute = 0, announces_per_minute = 0, renewals_per_minute = 0 }
    for i = 1, 1000 do e:receive { kind = "announce", from = "b#" .. i } end
    assert.same({ "b#1000 alive 0" }, e:members())
  end)
end)
