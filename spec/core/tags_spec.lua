-- Tags at a single engine: what is believed of others', and of our own.

local support = require "spec.core.support"
local core = support.core or require "shoal.core"

local compile = loadstring or load -- luacheck: std max

local ZONE = "\129\164zone\161b" -- { zone = "b" }
local CHECK = 0xe0db -- of it: docs/wire.md

local function engine() return support.healing("a"):knowing("b", "c") end

--- A gossip of b with a claim about `about` that has tags.
local function hear(e, about, version, tags, kind)
  local scheme = e.scheme
  return e:receive(core.codec.encode_header {
    kind = kind or "gossip", src = scheme.id "b", src_incarnation = 0, dst = e.core:identity(),
  } .. "\0\1" .. core.codec.encode_member {
    id = scheme.id(about), state = "alive", incarnation = 0, tags_version = version, tags = tags,
  })
end

--- The versions of tags that packets carry.
local function versions(out)
  local list = {}
  for _, packet in ipairs(out:sent()) do
    local at = packet.header_size + 3
    for _ = 1, #packet.updates do
      local claim, used = core.codec.decode_member(packet.bytes:sub(at))
      if claim.tags_version then list[#list + 1] = math.floor(claim.tags_version / 65536) end
      at = at + used
    end
  end
  return list
end

local function version(counter, check) return counter * 65536 + (check or CHECK) end

local function tags_of(e, name) return e:member(name).tags end

describe("the tags of others", function()
  it("are believed from the greatest version on", function()
    local e = engine()
    local out = hear(e, "c", version(5), ZONE)
    assert.same({ zone = "b" }, tags_of(e, "c"))
    assert.same({ "tags c" }, out.events)
    assert.same({}, hear(e, "c", version(5), ZONE).events)
    assert.same({}, hear(e, "c", version(4), ZONE).events)
    assert.equal(1, e.core:stats().dropped.tags_stale)
  end)

  it("are not when they were damaged, which is counted", function()
    local e = engine()
    assert.same({}, hear(e, "c", version(5, CHECK - 1), ZONE).events)
    assert.same({}, hear(e, "c", version(5), "\129\164zone\161c").events)
    assert.is_nil(tags_of(e, "c"))
    assert.equal(2, e.core:stats().dropped.tags)
  end)

  it("are not that are no map of names, which is remembered, counted and reported", function()
    for bytes, check in pairs {
      [""] = 0, ["\193"] = 0xe284, ["\146\1\2"] = 0x627d, -- { 1, 2 }
      ["\129\5\1"] = 0x09bc, -- { [5] = 1 }
      ["\129\160\1"] = 0x42f2, -- a name without a byte
      ["\129\217\80" .. ("k"):rep(80) .. "\1"] = 0xe388, -- one of 80
      ["\130\161a\1\161a\2"] = 0x4479, -- twice
      ["\129\161a\192"] = 0xab95, ["\129\161a\1\1"] = 0xbe46, -- nil; a byte behind it
      ["\129\161a\212\1\0"] = 0xb123, ["\129\161a" .. ("\145"):rep(16) .. "\1"] = 0xf19e, -- ext; too deep
    } do
      local e, checked = engine(), 0
      e.core:set_diagnostics { "tags_ignored" }
      assert(e.core:set_handlers { check_tags = function() checked = checked + 1 end })
      hear(e, "c", version(5), ZONE)
      assert.same({ "tags_ignored c" }, hear(e, "c", version(6, check), bytes).events)
      assert.same({}, hear(e, "c", version(6, check), bytes).events)
      assert.same({ zone = "b" }, tags_of(e, "c"))
      assert.equal(1, e.core:stats().dropped.tags_malformed)
      assert.same({ "tags c" }, hear(e, "c", version(7), ZONE).events)
      assert.equal(2, checked)
    end
  end)

  it("are passed on, four times each", function()
    local e = engine()
    e:configure { gossip = { every = 0.1, members = 1 } }
    hear(e, "c", version(5), ZONE)
    assert.same({ 5, 5, 5, 5 }, versions(e:live(5)))
  end)

  it("are not when an exchange told them: that is old news", function()
    local e = engine()
    e:configure { gossip = { every = 0.1, members = 1 } }
    hear(e, "c", version(5), ZONE, "exchange")
    assert.same({ zone = "b" }, tags_of(e, "c"))
    assert.same({}, versions(e:live(5)))
  end)

  it("are passed on ten times a second at the most", function()
    local e = engine()
    for counter = 1, 100 do hear(e, "c", version(counter), ZONE) end
    assert.same({ zone = "b" }, tags_of(e, "c"))
    local most = 0
    for _, counter in ipairs(versions(e:live(5))) do most = math.max(most, counter) end
    assert.is_true(most <= 10) -- exchanges tell the last ones
    assert.equal(90, e.core:stats().dropped.tags_rate)
  end)
end)

describe("what has changed in tags", function()
  local TEXT = ("x"):rep(60)
  local BEFORE, CHECK_BEFORE = core.pack { text = TEXT, zone = "b" }, 0xd081
  local CHECK_AFTER = 0xde31 -- { text = TEXT, zone = "c" }
  local CHECK_NIL = 0x4384 -- `zone` is nil

  local function hear_change(e, changed)
    local claim = { id = e.scheme.id "c", state = "alive", incarnation = 0, tags_version = version(6, CHECK_AFTER),
      tags = "c", tags_base = version(5, CHECK_BEFORE), tags_prefix = #BEFORE - 1, tags_suffix = 0 }
    for key, value in pairs(changed or {}) do claim[key] = value end
    return e:receive(core.codec.encode_header {
      kind = "gossip", src = e.scheme.id "b", src_incarnation = 0, dst = e.core:identity(),
    } .. "\0\1" .. core.codec.encode_member(claim))
  end

  --- Which versions packets to b ask for.
  local function fetched(out)
    local found
    for _, packet in ipairs(out:sent "exchange") do found = found or packet.to end
    return found
  end

  it("is put into the version before", function()
    local e = engine()
    hear(e, "c", version(5, CHECK_BEFORE), BEFORE)
    assert.same({ "tags c" }, hear_change(e).events)
    assert.same({ text = TEXT, zone = "c" }, tags_of(e, "c"))
  end)

  it("is passed on as that", function()
    local e = engine()
    e:configure { gossip = { every = 0.1, members = 1 } }
    hear(e, "c", version(5, CHECK_BEFORE), BEFORE)
    e:live(5)
    hear_change(e)
    local sizes = {}
    for _, packet in ipairs(e:live(5):sent()) do
      local at = packet.header_size + 3
      for _ = 1, #packet.updates do
        local claim, used = core.codec.decode_member(packet.bytes:sub(at))
        if claim.tags_version then sizes[#sizes + 1] = #claim.tags end
        at = at + used
      end
    end
    assert.same({ 1, 1, 1, 1 }, sizes)
  end)

  it("is fetched as a whole by whoever does not have that version", function()
    for _, before in ipairs { 0, 4, 7 } do
      local e = engine()
      if before > 0 then hear(e, "c", version(before, CHECK_BEFORE), BEFORE) end
      local out = hear_change(e)
      assert.same({}, out.events)
      assert.same(before == 7 and "nobody" or "b", fetched(out) or "nobody")
    end
  end)

  it("that does not lead to a map of tags is ignored, which is remembered", function()
    local e = engine()
    hear(e, "c", version(5, CHECK_BEFORE), BEFORE)
    -- Another value of `zone` is one, nil is none.
    local nothing = { tags = "\192", tags_prefix = #BEFORE - 2, tags_version = version(6, CHECK_NIL) }
    assert.same({}, hear_change(e, nothing).events)
    assert.equal(1, e.core:stats().dropped.tags_malformed)
    assert.same({ text = TEXT, zone = "b" }, tags_of(e, "c"))
    assert.same({}, hear_change(e, nothing).events)
    assert.equal(1, e.core:stats().dropped.tags_malformed)
  end)

  it("that does not lead to what the version says is ignored", function()
    local e = engine()
    hear(e, "c", version(5, CHECK_BEFORE), BEFORE)
    for _, changed in ipairs { { tags = "d" }, { tags_prefix = #BEFORE - 2 }, { tags_suffix = 1, tags_prefix = 0 } } do
      assert.same({}, hear_change(e, changed).events)
    end
    assert.equal(3, e.core:stats().dropped.tags)
    assert.same({ text = TEXT, zone = "b" }, tags_of(e, "c"))
    assert.equal("b", fetched(hear_change(e, { tags_prefix = #BEFORE + 1 }))) -- of more than there is
  end)

  it("is all that we say ourselves, when it is shorter", function()
    local e = engine()
    local function said(tags)
      assert(e.core:set_tags(e.now, tags))
      local claims = {}
      for _, packet in ipairs(e:live(5):sent()) do
        local at = packet.header_size + 3
        for _ = 1, #packet.updates do
          local claim, used = core.codec.decode_member(packet.bytes:sub(at))
          if claim.tags_version then claims[#claims + 1] = { #claim.tags, claim.tags_base ~= nil } end
          at = at + used
        end
      end
      return claims[1]
    end
    assert.same({ #BEFORE, false }, said { text = TEXT, zone = "b" })
    assert.same({ 1, true }, said { text = TEXT, zone = "c" })
    assert.same({ #BEFORE, false }, said { text = ("y"):rep(60) })
  end)
end)

describe("tags that are ignored", function()
  it("by check_tags leave those that were believed", function()
    local e, asked = engine(), {}
    assert(e.core:set_handlers { check_tags = function(member, tags)
      asked[#asked + 1] = (member.tags and member.tags.zone or "-") .. tags.zone
      return #asked ~= 2
    end })
    hear(e, "c", version(5), ZONE)
    assert.same({}, hear(e, "c", version(6), ZONE).events)
    assert.same({}, hear(e, "c", version(6), ZONE).events)
    assert.same({ zone = "b" }, tags_of(e, "c"))
    assert.same({ "tags c" }, hear(e, "c", version(7), ZONE).events)
    assert.same({ "-b", "bb", "bb" }, asked)
    assert.equal(1, e.core:stats().dropped.tags_vetoed)
  end)

  it("by check_tags are not there, when they were the first", function()
    local e = engine()
    assert(e.core:set_handlers { check_tags = function() return false end })
    hear(e, "c", version(5), ZONE)
    assert.is_nil(tags_of(e, "c"))
    assert(e.core:set_handlers {})
    assert.same({ "tags c" }, hear(e, "c", version(6), ZONE).events)
  end)

  it("are all on which check_tags fails; nil accepts them", function()
    for answer, believed in pairs { ["return 7"] = false, ["error 'no'"] = false, ["return"] = true } do
      local e = engine()
      assert(e.core:set_handlers { check_tags = assert(compile(answer)) })
      hear(e, "c", version(5), ZONE)
      assert.equal(believed, tags_of(e, "c") ~= nil, answer)
      assert.equal(believed and 0 or 1, e.core:stats().dropped.tags_vetoed, answer)
    end
  end)

  it("for want of memory are the later ones", function()
    local e = engine()
    e:configure { max_tags_memory = #ZONE }
    hear(e, "c", version(5), ZONE)
    hear(e, "b", version(5), ZONE)
    assert.same({ zone = "b" }, tags_of(e, "c"))
    assert.is_nil(tags_of(e, "b"))
    assert.equal(1, e.core:stats().dropped.tags_memory)
  end)
end)

describe("our own tags", function()
  it("go on above a greater version of them that others know", function()
    local e = engine()
    e.core:set_tags(e.now, { zone = "b" })
    e:live(1)
    hear(e, "a", version(41), ZONE)
    assert.same({ 42 }, { versions(e:live(2))[1] })
    assert.same({ zone = "b" }, e.core:tags())
  end)

  it("that we have forgotten are none, above what others know", function()
    local e = engine()
    hear(e, "a", version(41), ZONE)
    assert.same({ 42 }, { versions(e:live(2))[1] })
    assert.same({}, e.core:tags())
  end)

  it("are said of a new identity in its first incarnation", function()
    local e = engine()
    e.core:set_tags(e.now, { zone = "b" })
    e:receive { kind = "gossip", from = "b", updates = { "a suspect 0" } }
    assert.equal(1, e.core:self().incarnation)
    assert(e.core:change_identity(e.now, e.scheme.id "a#2"))
    local said = 0
    for _, packet in ipairs(e:live(2):sent()) do
      local at = packet.header_size + 3
      for _ = 1, #packet.updates do
        local claim, used = core.codec.decode_member(packet.bytes:sub(at))
        if claim.tags then
          said = said + 1
          assert.same({ e.scheme.id "a#2", 0 }, { claim.id, claim.incarnation })
        end
        at = at + used
      end
    end
    assert.is_true(said > 0)
  end)

  it("are not renumbered for an older version, nor more often than they may change", function()
    local e = engine()
    e.core:set_tags(e.now, { zone = "b" })
    e:live(5)
    hear(e, "a", version(1), ZONE)
    assert.same({}, versions(e:live(3)))
    for counter = 10, 100, 10 do hear(e, "a", version(counter), ZONE) end
    local seen = {}
    for _, counter in ipairs(versions(e:live(3))) do seen[counter] = true end
    assert.same({ [11] = true }, seen)
  end)

  it("whose counter is used up, or will be soon, begin anew with another identity", function()
    for _, counter in ipairs { 0xffffffff, 0xfffffffe, 0xfffffffd, 2 ^ 31 } do
      local e = engine()
      e.core:set_tags(e.now, { zone = "b" })
      e:live(5)
      assert.same({ "rejoin a#2" }, hear(e, "a", version(counter), ZONE).events)
    end
    local e = engine()
    e.core:set_tags(e.now, { zone = "b" })
    e:live(5)
    local out = hear(e, "a", version(0xffffffff), ZONE)
    assert.same({ "rejoin a#2" }, out.events)
    assert.same({ zone = "b" }, e.core:tags())
  end)
end)
