-- Who is no member shows first that it receives what is sent to it (src/core/stranger.h).

local support = require "spec.core.support"

local KINDS = {
  "ping", "ack", "ping_req", "indirect_ping", "indirect_ack", "forwarded_ack", "announce", "feed", "gossip",
  "broadcast", "turn_undead", "nack", "exchange",
}

local function engine(config, options)
  config = config or {}
  config.check_strangers = true
  options = options or {}
  options.config = config
  return support.healing("a", options)
end

local function of_kind(kind, fields)
  fields.kind = kind
  if kind == "ping_req" or kind:match("^indirect") or kind == "forwarded_ack" or kind == "nack" then
    fields.peer = "c"
  end
  if kind ~= "announce" and kind ~= "turn_undead" and kind ~= "broadcast" then
    fields.updates = { "d alive 0", "a suspect 0" }
  end
  return fields
end

local function bytes(outcome)
  local sum = 0
  for _, packet in ipairs(outcome.packets) do sum = sum + packet.size end
  return sum
end

local function knows(e, name)
  for _, claim in ipairs(e:state()) do
    if claim:match("^%S+") == name then return true end
  end
  return false
end

--- It is asked to show more, and nothing else happens.
local function ignores(e, fields)
  local before = e:snapshot()
  local out = e:receive(fields)
  assert.same({}, out.events)
  assert.same(before, e:snapshot())
  assert.is_number(out.packets[1].cookie)
end

--- What `from` must send back to be heard.
local function cookie_for(e, from)
  return assert(e:receive({ kind = "gossip", from = from }).packets[1].cookie)
end

describe("a stranger", function()
  for _, kind in ipairs(KINDS) do
    it("that sends " .. kind .. " changes nothing, and is worth at most three bytes for each of its own", function()
      local e = engine():knowing("c")
      local before = e:snapshot()
      local packet = e:packet(of_kind(kind, { from = "b" }))
      local out = e:receive(packet)
      assert.same(before, e:snapshot())
      assert.same({}, out.events)
      assert.is_true(#out.packets >= 1 and bytes(out) <= 3 * #packet)
      for _, answer in ipairs(out.packets) do
        assert.equal("b", answer.to)
        assert.same({}, answer.updates or {})
      end
    end)

    it("that sends " .. kind .. " with the cookie is a member", function()
      local e = engine():knowing("c")
      e:receive(of_kind(kind, { from = "b", echo = cookie_for(e, "b") }))
      assert.is_true(knows(e, "b"))
    end)
  end

  it("learns from the ack that we are there", function()
    local out = engine():receive { kind = "ping", from = "b", number = 7 }
    assert.same({ "ack b" }, out.sends)
    assert.equal(7, out.packets[1].number)
    assert.is_number(out.packets[1].cookie)
  end)

  it("cannot use the cookie of another", function()
    local e = engine()
    local cookie = cookie_for(e, "b")
    ignores(e, { kind = "announce", from = "c", echo = cookie })
    ignores(e, { kind = "announce", from = "b", echo = cookie + 1 })
    e:receive { kind = "announce", from = "b", echo = cookie }
    assert.same({ "b alive 0" }, e:members())
  end)

  it("may send it for a minute, but not for ever", function()
    local e = engine()
    local cookie = cookie_for(e, "b")
    e:advance(59)
    e:receive { kind = "announce", from = "b", echo = cookie }
    assert.same({ "b alive 0" }, e:members())
    cookie = cookie_for(e, "c")
    e:advance(130)
    ignores(e, { kind = "announce", from = "c", echo = cookie })
  end)

  it("cannot guess the cookies of one engine from those of another", function()
    local one, other = engine(nil, { seed = 1 }), engine(nil, { seed = 2 })
    assert.not_equal(cookie_for(one, "b"), cookie_for(other, "b"))
  end)

  it("that was believed of by a member is a member", function()
    local e = engine():knowing("b")
    e:receive { kind = "gossip", from = "b", updates = { "c alive 0" } }
    assert.same({ "b alive 0", "c alive 0" }, e:members())
  end)

  it("may send anything where strangers are not checked, or nobody could carry a cookie", function()
    local e = support.healing("a", { config = { check_strangers = false } })
    e:receive { kind = "gossip", from = "b" }
    assert.same({ "b alive 0" }, e:members())
    local old = support.foreign("a", { config = { check_strangers = true } })
    old:receive { kind = "gossip", from = "b" }
    assert.same({ "b alive 0" }, old:members())
  end)

  it("is refused at once where there is no room", function()
    local e = engine({ max_members = 1 }):knowing("b")
    assert.same({ "refused c" }, e:receive({ kind = "announce", from = "c" }).sends)
  end)
end)

describe("a member that is down", function()
  it("does not come back by what somebody sends in its name", function()
    local e = engine():knowing("b down 3")
    local out = e:receive { kind = "ping", from = "b", incarnation = 4 }
    assert.same({ "b down 3" }, e:state())
    assert.same({ "gossip b" }, out.sends)
    assert.same({ "b down 3" }, out.packets[1].updates)
    e:receive { kind = "announce", from = "b", incarnation = 4, echo = out.packets[1].cookie }
    assert.same({ "b alive 4" }, e:members())
  end)

  it("that has shown it and still is down is not asked again", function()
    local e = engine():knowing("b down 3")
    local out = e:receive { kind = "ping", from = "b", incarnation = 3, echo = cookie_for(e, "b") }
    e:advance(1)
    assert.is_nil((out.packets[1] or {}).cookie)
  end)
end)

describe("a member that restarted", function()
  it("replaces what it was when it has shown that it is there", function()
    local e = engine():knowing("b")
    local out = e:receive { kind = "announce", from = "b#2" }
    assert.same({ "b alive 0" }, e:members())
    assert.same({}, out.events)
    e:receive { kind = "announce", from = "b#2", echo = out.packets[1].cookie }
    assert.same({ "b#2 alive 0" }, e:members())
  end)
end)

describe("who is asked to show that it is there", function()
  it("does so at once, to a member", function()
    local e = engine():knowing("b")
    local out = e:receive { kind = "ack", from = "b", cookie = 77 }
    assert.same({ "gossip b" }, out.sends)
    assert.equal(77, out.packets[1].echo)
  end)

  it("does not, to somebody whom it neither knows nor has asked", function()
    local e = engine()
    local out = e:receive { kind = "gossip", from = "b", cookie = 77 }
    assert.same({ "gossip b" }, out.sends)
    assert.is_false(knows(e, "b"))
    assert.is_number(out.packets[1].cookie)
  end)

  it("asks nobody that has left, whose last packet comes late", function()
    local e = engine():knowing("b", "c")
    e:receive { kind = "gossip", from = "c", updates = { "b down 65535" } }
    local cookie = e:receive({ kind = "ping", from = "b" }).packets[1].cookie
    local out = e:receive { kind = "gossip", from = "b", cookie = 77, echo = assert(cookie) }
    assert.same({}, out:sent "announce")
  end)

  it("joins whom it has asked, and asks again with the echo", function()
    local e = engine()
    local asked = e:announce("b").packets[1]
    assert.is_true(asked.size > 180, "room for the answer of a large identity")
    local out = e:receive { kind = "gossip", from = "b", cookie = 77, echo = asked.cookie }
    assert.same({ "announce b" }, out.sends)
    assert.equal(77, out.packets[1].echo)
    assert.same({ "b alive 0" }, e:members())
  end)

  it("answers twice, where it is an announce, and joins once", function()
    local e = engine()
    local out = e:receive { kind = "announce", from = "b" }
    assert.same({ "gossip b", "gossip b" }, out.sends)
    local asked = e:announce("c").packets[1]
    e:receive { kind = "gossip", from = "c", cookie = 77, echo = asked.cookie }
    assert.same({ "gossip c" }, e:receive({ kind = "gossip", from = "c", cookie = 77, echo = asked.cookie }).sends)
  end)
end)

describe("what a member asks", function()
  local function known()
    local names = {}
    for i = 1, 60 do names[i] = ("m%02d"):format(i) end
    return engine({ compare_members = true }):knowing("b", support.unpack(names))
  end
  --- A list of everybody that names nobody.
  local LIST = "\2\0"

  it("of an exchange brings three times its bytes, until it sends the echo", function()
    local e = known()
    local packet = e:packet { kind = "exchange", from = "b", items = { LIST } }
    local out = e:receive(packet)
    assert.is_true(bytes(out) <= 3 * #packet)
    local cookie = out.packets[1].cookie
    out = e:receive { kind = "exchange", from = "b", items = { LIST }, echo = cookie }
    assert.is_true(bytes(out) > 1000)
  end)

  it("in an announce brings no feed, until it sends the echo", function()
    local e = known()
    local packet = e:packet { kind = "announce", from = "b" }
    local out = e:receive(packet)
    assert.same({ "gossip b" }, out.sends)
    assert.is_true(bytes(out) <= 3 * #packet)
    out = e:receive { kind = "announce", from = "b", echo = out.packets[1].cookie }
    assert.same({ "feed b" }, out.sends)
  end)
end)
