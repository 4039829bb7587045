--- Which claim about a member holds where a verdict can be refuted. (Where it is
-- final: member_table_spec.)

local support = require "spec.core.support"
local healing = support.healing

-- What is known, what is claimed, what is known then, and what is told of it.
-- Incarnations are named by how they compare to 5, the known one.
local PRECEDENCE = {
  { "alive 5",   "alive 4",   "alive 5" },
  { "alive 5",   "alive 5",   "alive 5" },
  { "alive 5",   "alive 6",   "alive 6" },
  { "alive 5",   "suspect 4", "alive 5" },
  { "alive 5",   "suspect 5", "suspect 5" },
  { "alive 5",   "suspect 6", "suspect 6" },
  { "alive 5",   "down 4",    "alive 5" },
  { "alive 5",   "down 5",    "down 5",    "member_down c" },
  { "alive 5",   "down 6",    "down 6",    "member_down c" },
  { "alive 5",   "left",      "left",      "member_down c" },
  { "suspect 5", "alive 4",   "suspect 5" },
  { "suspect 5", "alive 5",   "suspect 5" },
  { "suspect 5", "alive 6",   "alive 6" },
  { "suspect 5", "suspect 4", "suspect 5" },
  { "suspect 5", "suspect 5", "suspect 5" },
  { "suspect 5", "suspect 6", "suspect 6" },
  { "suspect 5", "down 4",    "suspect 5" },
  { "suspect 5", "down 5",    "down 5",    "member_down c" },
  { "suspect 5", "down 6",    "down 6",    "member_down c" },
  { "suspect 5", "left",      "left",      "member_down c" },
  { "down 5",    "alive 4",   "down 5" },
  { "down 5",    "alive 5",   "down 5" },
  { "down 5",    "alive 6",   "alive 6",   "member_up c" },
  { "down 5",    "suspect 4", "down 5" },
  { "down 5",    "suspect 5", "down 5" },
  { "down 5",    "suspect 6", "suspect 6", "member_up c" },
  { "down 5",    "down 4",    "down 5" },
  { "down 5",    "down 5",    "down 5" },
  { "down 5",    "down 6",    "down 6" },
  { "down 5",    "left",      "left" },
  { "left",      "alive 4",     "left" },
  { "left",      "alive 65534", "left" },
  { "left",      "alive 65535", "left" },
  { "left",      "suspect 4",   "left" },
  { "left",      "suspect 65535", "left" },
  { "left",      "down 65534",  "left" },
  { "left",      "left",        "left" },
}

-- The same of a verdict that is doubted, which others than these leave as it was.
local DOUBTED = {
  { "alive 4",   "down 5" },
  { "alive 5",   "alive 5",   "member_up c" },
  { "alive 6",   "alive 6",   "member_up c" },
  { "suspect 4", "down 5" },
  { "suspect 5", "down 5" }, -- it would raise the dead: hearsay comes as a suspicion
  { "suspect 6", "suspect 6", "member_up c" },
  { "down 4",    "down 5" },
  { "down 5",    "down 5" },
  { "down 6",    "down 6" },
  { "left",      "left" },
}

local function known_of(e, name)
  local member = e:member(name)
  if member.state == "down" and member.incarnation == 65535 then return "left" end
  return ("%s %d"):format(member.state, member.incarnation)
end

local function knowing(known)
  return healing("a"):knowing("b", "c"):knowing("c " .. known)
end

--- We learn that we were taken for down ourselves, so we doubt what we believe of others.
local function doubting(known)
  local e = knowing(known)
  e:receive { kind = "gossip", from = "b", updates = { "a down " .. e:incarnation() } }
  e:advance(0.5)
  return e
end

local function hear(e, claim)
  return e:receive { kind = "gossip", from = "b", updates = { "c " .. claim } }
end

describe("precedence, where a verdict can be refuted,", function()
  for _, line in ipairs(PRECEDENCE) do
    local known, claimed, result, event = support.unpack(line, 1, 4)

    it(("of %s over %s gives %s"):format(claimed, known, result), function()
      local e = knowing(known)
      assert.same({ event }, hear(e, claimed).events)
      assert.equal(result, known_of(e, "c"))
      assert.equal(result ~= known and 1 or 0, e:backlog())
      for _, broadcast in ipairs { true, false } do
        e = knowing(known)
        assert.same({ event }, e:apply({ "c " .. claimed }, { broadcast = broadcast }).events)
        assert.equal(result, known_of(e, "c"))
      end
    end)
  end

  for _, line in ipairs(DOUBTED) do
    local claimed, result, event = support.unpack(line, 1, 3)

    it(("of %s over a down 5 that is doubted gives %s"):format(claimed, result), function()
      local e = doubting "down 5"
      assert.same({ event }, hear(e, claimed).events)
      assert.equal(result, known_of(e, "c"))
    end)
  end

  it("lets a member that left not come back, doubted or not", function()
    local e = doubting "left"
    for _, claimed in ipairs { "alive 0", "alive 65534", "alive 65535", "suspect 65535" } do
      assert.same({}, hear(e, claimed).events)
    end
    assert.equal("left", known_of(e, "c"))
  end)

  it("is the same for what a header says of its sender", function()
    local e = knowing "down 5"
    assert.same({}, e:receive({ kind = "ping", from = "c", incarnation = 5 }).events)
    assert.same({ "member_up c" }, e:receive({ kind = "ping", from = "c", incarnation = 6 }).events)
    e = doubting "down 5"
    assert.same({}, e:receive({ kind = "ping", from = "c", incarnation = 4 }).events)
    assert.same({ "member_up c" }, e:receive({ kind = "ping", from = "c", incarnation = 5 }).events)
    e = knowing "left"
    assert.same({}, e:receive({ kind = "ping", from = "c", incarnation = 65535 }).events)
  end)
end)

describe("the incarnation of a departure", function()
  it("is no living member's: whoever says so is taken to say one less", function()
    for _, claimed in ipairs { "alive 65535", "suspect 65535" } do
      local e = knowing "alive 3"
      hear(e, claimed)
      assert.equal(claimed:gsub("65535", "65534"), known_of(e, "c"))
      e = healing("a"):knowing("b")
      hear(e, claimed)
      assert.equal(claimed:gsub("65535", "65534"), known_of(e, "c"))
    end
  end)

  it("is no living sender's either", function()
    for _, name in ipairs { "b", "c", "stranger" } do
      local e = knowing "down 5"
      e:receive { kind = "gossip", from = name, incarnation = 65535 }
      assert.equal("alive 65534", known_of(e, name))
    end
  end)

  it("is not reached by a suspicion that ends", function()
    local e = knowing "suspect 65535"
    assert.same({ "member_down c" }, e:live(5, { "c" }).events)
    assert.equal("down 65534", known_of(e, "c"))
  end)

  it("is believed whoever says so, for only the member itself is asked to", function()
    local e = knowing "alive 3"
    assert.same({ "member_down c" }, hear(e, "left").events)
    assert.same({ "c left" }, (function()
      local told = {}
      for claim in pairs(e:exhaust()) do told[#told + 1] = claim end
      return told
    end)())
  end)

  it("is final for one identity, not for the next at its address", function()
    local e = knowing "left"
    assert.same({ "rename c c#2", "member_up c#2" }, e:apply({ "c#2 alive 0" }).events)
  end)

  it("is forgotten after remove_down_after as any other", function()
    local e = knowing "left"
    assert.same({ "member_forgotten c" }, e:live(16).events)
    assert.same({ "member_up c" }, e:apply({ "c alive 0" }).events)
  end)
end)

describe("a doubt", function()
  it("ends with any new claim that holds, the same verdict at a greater incarnation included", function()
    local e = doubting "down 5"
    hear(e, "down 6")
    assert.same({}, hear(e, "alive 6").events)
    assert.equal("down 6", known_of(e, "c"))
    e = doubting "down 5"
    hear(e, "alive 5")
    hear(e, "down 5")
    assert.same({}, hear(e, "alive 5").events)
    assert.equal("down 5", known_of(e, "c"))
  end)

  it("does not end with claims that do not hold", function()
    local e = doubting "down 5"
    for _, claimed in ipairs { "down 5", "suspect 5", "alive 4", "down 3" } do hear(e, claimed) end
    assert.same({ "member_up c" }, hear(e, "alive 5").events)
  end)

  it("is about the identity that was declared down, not about its successor", function()
    local e = doubting "down 5"
    e:apply { "c#2 down 5" }
    assert.same({}, hear(e, "alive 5").events)
    assert.same({}, e:receive({ kind = "gossip", from = "b", updates = { "c#2 alive 5" } }).events)
  end)
end)
