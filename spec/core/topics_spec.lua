--- One engine and what is published: what it takes, keeps, repairs and refuses.

local core = require "shoal.core"
local support = require "spec.core.support"

local FIRST, LAST, MARK = 1, 2, 4

local function u16(n) return string.char(math.floor(n / 256) % 256, n % 256) end

local function varint(n)
  local bytes = ""
  while n > 127 do
    bytes = bytes .. string.char(n % 128 + 128)
    n = math.floor(n / 128)
  end
  return bytes .. string.char(n)
end

--- An item of a topic, as it stands among broadcasts: `from` is a text like "b".
local function item(e, from, number, data, flags, topic)
  topic = topic or "t"
  local id = core.pack(e:id(from))
  local body = "\8" .. string.char(flags or FIRST + LAST) .. varint(number) .. string.char(#topic) .. topic ..
    u16(#id) .. id .. core.pack(data)
  return u16(#body + 0x8000) .. body
end

local function record(e, kind, first, last, from, topic)
  topic = topic or "t"
  local id = core.pack(e:id(from))
  local body = string.char(kind) .. varint(first) .. varint(last) .. string.char(#topic) .. topic .. u16(#id) .. id
  return u16(#body) .. body
end

local function engine(options)
  options = options or {}
  options.config = options.config or {}
  options.config.compare_members = true
  return support.engine("a", options)
end

--- What `e` hears in a gossip of "b": the texts of its events.
local function hears(e, ...)
  local packet = e:packet { kind = "gossip", from = "b" }
  local outcome = e:call("receive", packet .. table.concat({ ... }))
  local texts = {}
  for _, text in ipairs(outcome.log) do
    if text:find "^published" or text:find "^missed" then texts[#texts + 1] = text end
  end
  return texts, outcome
end

local function kinds(outcome)
  local list = {}
  for _, packet in ipairs(outcome.packets) do list[#list + 1] = packet.kind end
  return list
end

describe("an engine that hears of a topic", function()
  it("tells each message once, in order", function()
    local e = engine():knowing("b", "c")
    e:live(1)
    assert.same({ "published t b 1 x" }, (hears(e, item(e, "b", 1, "x"))))
    assert.same({}, (hears(e, item(e, "b", 1, "x"))))
    assert.same({}, (hears(e, item(e, "b", 3, "z"))))
    assert.same({ "published t b 2 y", "published t b 3 z" }, (hears(e, item(e, "b", 2, "y"))))
    assert.same({ "published t c 1 of c" }, (hears(e, item(e, "c", 1, "of c"))))
  end)

  it("puts the parts of a message together", function()
    local e = engine():knowing "b"
    e:live(1)
    local whole = core.pack(("x"):rep(100))
    local function part(number, data, flags)
      local bytes = item(e, "b", number, nil, flags)
      local body = bytes:sub(3, -2) .. data -- without the nil
      return u16(#body + 0x8000) .. body
    end
    assert.same({}, (hears(e, part(3, whole:sub(71), LAST), part(1, whole:sub(1, 30), FIRST))))
    assert.same({ "published t b 3 " .. ("x"):rep(100) }, (hears(e, part(2, whole:sub(31, 70), 0))))
  end)

  it("asks for what is missing, and again", function()
    local e = engine():knowing("b", "c")
    e:live(20) -- rounds are over
    hears(e, item(e, "b", 1, "x"), item(e, "b", 4, "z"))
    local asked = 0
    for _ = 1, 10 do
      for _, kind in ipairs(kinds(e:live(0.06))) do asked = asked + (kind == "exchange" and 1 or 0) end
    end
    assert.is_true(asked >= 5)
    assert.same({ "published t b 2 y", "published t b 3 y", "published t b 4 z" },
      (hears(e, item(e, "b", 2, "y"), item(e, "b", 3, "y"))))
    for _ = 1, 10 do
      for _, kind in ipairs(kinds(e:live(0.06))) do assert.not_equal("exchange", kind) end
    end
  end)

  it("takes what three others have no more as missed, the origin among them or not", function()
    local function missed(...)
      local e = engine():knowing("b", "c", "d", "e")
      e:live(1)
      hears(e, item(e, "b", 1, "x"), item(e, "b", 9, "z"))
      local texts = {}
      for _, from in ipairs { ... } do
        local packet = e:packet { kind = "exchange", from = from }
        local outcome = e:call("receive", packet .. record(e, 9, 8, 9, "b"))
        for _, text in ipairs(outcome.log) do
          if text:find "^missed" then texts[#texts + 1] = text end
        end
      end
      return texts
    end
    assert.same({}, missed("b", "b", "b")) -- others may have kept it for longer
    assert.same({}, missed("c", "d"))
    assert.same({ "missed t b 2-7" }, missed("c", "d", "b"))
    assert.same({ "missed t b 2-7" }, missed("c", "d", "e"))
  end)

  it("believes nobody that there is an end of all numbers", function()
    local e = engine():knowing("b", "c")
    e:live(1)
    hears(e, item(e, "b", 1, "x"))
    hears(e, item(e, "b", 2 ^ 53 - 1, "far"))
    local before = e.core:stats().memory_bytes
    for i = 1, 2000 do hears(e, item(e, "b", 2 ^ 40 + i * 1000, "far")) end
    assert.is_true(e.core:stats().memory_bytes < before + 65536)
    assert.same({ "published t b 2 y" }, (hears(e, item(e, "b", 2, "y"))))
    e:call("receive", e:packet { kind = "exchange", from = "c" } .. record(e, 9, 3, 2 ^ 53 - 1, "b"))
    e:live(60)
    assert.same({ "published t b 3 z" }, (hears(e, item(e, "b", 3, "z"))))
  end)

  it("passes on no more of what others publish than there may wait", function()
    local e = engine():knowing "b"
    e:live(1)
    local before = e.core:stats().memory_bytes
    for i = 1, 8000 do hears(e, item(e, "b", i, ("x"):rep(1000))) end
    assert.is_true(e.core:stats().memory_bytes < before + 12 * 1024 * 1024)
    assert.equal(1, e.core:publish(e.now, "t", "what others publish does not keep it back"))
  end)

  it("hears nothing of those that it does not know, or knows as somebody else", function()
    local e = engine():knowing("b", "c2")
    e:live(1)
    assert.same({}, (hears(e, item(e, "x", 1, "stranger"))))
    assert.same({}, (hears(e, item(e, "c1", 1, "former"))))
    assert.same({}, (hears(e, item(e, "a", 1, "ourselves"))))
    assert.equal(2, e.core:stats().dropped.topics)
  end)

  it("keeps no more streams of which nobody says whose they are than there may be", function()
    local e = engine():knowing("b", "c")
    e:live(4)
    local hash = 1
    for _ = 1, 20 do
      local body = "\6\2" .. ("\0"):rep(4) .. ("\255"):rep(4)
      for _ = 1, 240 do
        body, hash = body .. "\0\0" .. u16(hash) .. "\5", hash + 1
      end
      e:call("receive", e:packet { kind = "exchange", from = "b" } .. u16(#body) .. body)
      e.now = e.now + 0.2 -- for the limit of b
    end
    assert.is_true(e.core:stats().dropped.topics > 0)
    assert.equal(1, e.core:publish(e.now, "new", "x"))
  end)

  it("keeps no more streams of one member than there may be", function()
    local e = engine():knowing("b", "c")
    e:live(1)
    for i = 1, 300 do hears(e, item(e, "b", 1, "x", nil, "topic " .. i)) end
    assert.equal(300 - 256, e.core:stats().dropped.topics)
    assert.same({ "published t c 1 x" }, (hears(e, item(e, "c", 1, "x"))))
  end)

  it("keeps no more bytes than there may be", function()
    local e = engine { config = { max_topics_memory = 65536 } }
    e:knowing "b"
    e:live(1)
    local before = e.core:stats().memory_bytes
    for i = 1, 400 do hears(e, item(e, "b", i, ("x"):rep(1000))) end
    assert.is_true(e.core:stats().memory_bytes < before + 1024 * 1024)
  end)

  --- What `e` answers to a record of the member "c": the first of its records.
  local function answer_to_c(e, text)
    local answer = e:call("receive", e:packet { kind = "exchange", from = "c" } .. text).packets[1]
    return answer.items[1]
  end

  --- Heads of "c", which has been active for so many seconds and asks where to begin.
  local function question(seconds)
    return "\0\12\6\0" .. u16(seconds * 1000) .. "\0\0\0\0\255\255\255\255"
  end

  it("lets a newcomer begin with what came since and was dropped, which it is told then", function()
    local e = engine { config = { max_topics_memory = 65536 } }:knowing("b", "c")
    e:live(6)
    for number = 1, 10 do hears(e, item(e, "b", number, ("x"):rep(1000))) end
    e:live(6)
    for number = 11, 120 do hears(e, item(e, "b", number, ("x"):rep(1000))) end
    local heads = answer_to_c(e, question(3))
    local hash = heads:sub(11, 14)
    assert.same({ 6, 10 }, { heads:byte(1), heads:byte(15) })
    assert.equal(9, answer_to_c(e, "\0\7\7" .. hash .. varint(11) .. "\1"):byte(1)) -- it is not here,
    assert.equal(8, answer_to_c(e, "\0\7\7" .. hash .. varint(120) .. "\1"):byte(1)) -- and the last is
  end)

  it("names who told it where to begin to those that came before it, and nothing else", function()
    local e = engine():knowing("b", "c", "d")
    local told = e:packet { kind = "exchange", from = "d" } .. "\0\10\6\3\0\0\0\0\255\255\255\255"
    e:call("receive", told) -- d knows all, which is none
    hears(e, item(e, "b", 1, "x"))
    e.now = e.now + 5
    local before, after = answer_to_c(e, question(60)), answer_to_c(e, question(0))
    local hash = core.hash_identity(e.scheme.id "d")
    assert.same({ 6, 7 }, { before:byte(1, 2) })
    assert.equal(u16(math.floor(hash / 65536)) .. u16(hash % 65536), before:sub(3, 6))
    assert.equal(2 + 4 + 8, #before)
    assert.same({ 6, 3 }, { after:byte(1, 2) })
    assert.equal(2 + 8 + 5, #after) -- b's
  end)

  it("tells a mark as a loss of unknown size", function()
    local e = engine():knowing "b"
    e:live(1)
    hears(e, item(e, "b", 1, "x"))
    assert.same({ "missed t b 2-?" }, (hears(e, item(e, "b", 2, nil, MARK))))
    assert.same({ "published t b 3 y" }, (hears(e, item(e, "b", 3, "y"))))
  end)

  it("drops a packet with a record that is none, and skips those of a later version", function()
    local e = engine():knowing "b"
    e:live(1)
    local packet = e:packet { kind = "exchange", from = "b" }
    assert.equal("malformed", e:call("receive", packet .. "\0\3\8\3\0").code)
    assert.is_nil(e:call("receive", packet .. "\0\2\99\0").code)
    assert.same({}, (hears(e, "\128\2\99\0")))
  end)
end)

describe("an engine that publishes", function()
  it("numbers each topic for itself", function()
    local e = engine():knowing "b"
    assert.same({ 1, 2, 1 }, { e.core:publish(e.now, "t", "x"), e.core:publish(e.now, "t", "y"),
      e.core:publish(e.now, "u", "z") })
  end)

  it("has room again in time, however often it is asked", function()
    local e = engine { config = { max_topics_memory = 65536 } }:knowing "b"
    local data, published = ("x"):rep(1000), 0
    while e.core:publish(e.now, "t", data) do published = published + 1 end
    local before, ends = published, e.now + 2
    while e.now < ends do
      e.now = e.now + 0.00005
      if e.core:publish(e.now, "t", data) then published = published + 1 end
    end
    assert.is_true(published - before >= 15, published - before .. " of 16 KB")
  end)

  it("has nothing left to send of what it was before, and room for what it is now", function()
    local e = engine():knowing "b"
    while e.core:publish(e.now, "t", "x") do end -- luacheck: ignore 542
    assert.equal("full", (select(3, e.core:publish(e.now, "t", "x"))))
    assert(e.core:change_identity(e.now, e:id "a#2"))
    assert.equal(2, e.core:publish(e.now, "t", "y")) -- behind the mark
  end)

  it("publishes nothing when memory is out, and says so", function()
    local failing = 0
    for n = 1, 12 do
      local e = engine():knowing "b"
      e.core:fail_allocation(n)
      local number, _, code = e.core:publish(e.now, "t", ("x"):rep(3000))
      e.core:fail_allocation(nil)
      if not number then
        assert.equal("no_memory", code)
        failing = failing + 1
        assert.equal(0, e.core:stats().items_published)
        assert.equal(3, e.core:publish(e.now, "t", ("x"):rep(3000)))
      end
    end
    assert.is_true(failing > 0)
  end)
end)
