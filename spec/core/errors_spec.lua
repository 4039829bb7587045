local core = require "shoal.core"
local support = require "spec.core.support"
local engine, collector = support.engine, support.collector
local names = support.names

-- The default codec, with a part of it replaced.
local function codec(fields)
  local all = {
    encode_header = core.codec.encode_header,
    decode_header = core.codec.decode_header,
    encode_member = core.codec.encode_member,
    decode_member = core.codec.decode_member,
  }
  for key, value in pairs(fields or {}) do all[key] = value end
  return all
end

describe("the size of a packet", function()
  local function sized(e, size)
    local bytes = e:packet { kind = "gossip", from = "b", updates = { "c" } }
    return e:packet { kind = "gossip", from = "b", updates = { "c" }, items = { ("x"):rep(size - #bytes - 2) } }
  end

  it("may be max_packet_size to the byte", function()
    local received = collector()
    local e = engine("a", { broadcast = received.handler, config = { max_packet_size = 300 } })
    local bytes = sized(e, 300)
    assert.equal(300, #bytes)
    e:receive(bytes)
    assert.same({ "b alive 0", "c alive 0" }, e:members())
    assert.equal(1, #received.received)
  end)

  it("may not be a byte more", function()
    local received = collector()
    local e = engine("a", { broadcast = received.handler, config = { max_packet_size = 300 } })
    e:refuses("too_big", "receive", sized(e, 301))
    assert.same({}, received.received)
    assert.equal(1, e:dropped("too_big"))
  end)

  it("is kept to by everything we send", function()
    local e = engine("a", { broadcast = collector().handler, config = {
      max_packet_size = 256, notify_down_members = true, max_transmissions = 200,
    } })
    e:apply(names(60, "a-long-name-"), { broadcast = true })
    for i = 1, 26 do e:add(string.char(64 + i):rep(i * 5)) end
    local sent = 0
    local function sizes(out)
      for _, packet in ipairs(out.packets) do
        assert.is_true(packet.size <= 256)
        sent = sent + 1
      end
    end
    for i = 1, 60 do
      local from = "a-long-name-" .. i
      sizes(e:gossip())
      sizes(e:broadcast())
      for _, kind in ipairs { "ping", "ping_req", "indirect_ping", "indirect_ack", "announce" } do
        sizes(e:receive { kind = kind, from = from, peer = "a-long-name-61" })
      end
    end
    sizes(e:advance(20))
    sizes(e:leave())
    assert.is_true(sent > 400)
  end)
end)

describe("a codec that fails", function()
  local trouble

  local function sick(part, how)
    trouble = false
    local whole = codec()
    return engine("a", { broadcast = collector().handler, codec = codec {
      [part] = function(...)
        if trouble then return how(...) end
        return whole[part](...)
      end,
    } }):knowing("b", "c")
  end

  local function throws() error("the ink is dry") end

  it("to decode a header drops the packet", function()
    local e = sick("decode_header", throws)
    trouble = true
    local message = e:refuses("codec", "receive", e:packet { kind = "ping", from = "n", updates = { "d" } })
    assert.matches("the ink is dry", message, 1, true)
    assert.equal(1, e:dropped("codec"))
  end)

  it("to decode a member drops the whole packet, what came before it included", function()
    local e = sick("decode_member", function(bytes, ...)
      local member, used = core.codec.decode_member(bytes, ...)
      if member and member.id.addr == "bad:7946" then throws() end
      return member, used
    end)
    trouble = true
    local message = e:refuses("codec", "receive", e:packet {
      kind = "gossip", from = "n", updates = { "d", "bad", "e" }, items = { "x" },
    })
    assert.matches("the ink is dry", message, 1, true)
    assert.equal(1, e:dropped("codec"))
  end)

  it("to encode a header does not send the packet, and takes nothing from the backlog", function()
    local e = sick("encode_header", throws)
    e:apply({ "d" }, { broadcast = true })
    trouble = true
    local out = e:call("gossip")
    assert.is_nil(out.ok)
    assert.equal("codec", out.code)
    assert.matches("the ink is dry", out.message, 1, true)
    assert.same({}, out.log)
    trouble = false
    assert.same({ ["d alive 0"] = 3 }, e:exhaust())
  end)

  -- The membership must not hang on a codec: the claim is believed, but it
  -- cannot be told.
  it("to encode a member is told; the claim is believed and not spread", function()
    local e = sick("encode_member", throws)
    trouble = true
    local out = e:call("receive", e:packet { kind = "gossip", from = "b", updates = { "d", "c suspect" } })
    assert.is_nil(out.ok)
    assert.equal("codec", out.code)
    assert.matches("the ink is dry", out.message, 1, true)
    assert.same({ "member_up d" }, out.events)
    assert.same({ "b alive 0", "c suspect 0", "d alive 0" }, e:members())
    assert.equal(0, e:backlog())
    trouble = false
    e:apply({ "c alive 1" }, { broadcast = true })
    assert.same({ ["c alive 1"] = 3 }, e:exhaust())
  end)

  it("to encode a member does not leave an older claim about it to be told", function()
    local e = sick("encode_member", throws)
    e:apply({ "c suspect 0", "d" }, { broadcast = true })
    trouble = true
    e:call("apply", e:claims { "c alive 1" }, { broadcast = true })
    trouble = false
    assert.same({ ["d alive 0"] = 3 }, e:exhaust())
  end)

  it("when a ping is to be sent does not stop the clock", function()
    local e = sick("encode_header", throws)
    e:configure { suspect_to_down_after = 100 }
    trouble = true
    for _ = 1, 8 do
      e.now = e.now + 1
      e:call("tick")
      assert.is_true(e.core:deadline() > e.now)
    end
    trouble = false
    assert.is_true(#e:live(4):sent("ping") > 0)
  end)

  local nonsense = {
    ["nothing"] = function() return nil end,
    ["a number"] = function() return 42 end,
    ["a table without fields"] = function() return {}, 1 end,
    ["more than there was"] = function(bytes, ...)
      local value = core.codec.decode_header(bytes, ...)
      return value, #bytes + 1
    end,
    ["a negative size"] = function(bytes, ...)
      local value = core.codec.decode_header(bytes, ...)
      return value, -1
    end,
    ["an unknown kind"] = function(bytes, ...)
      local value, used = core.codec.decode_header(bytes, ...)
      value.kind = "shout"
      return value, used
    end,
    ["a header without a sender"] = function(bytes, ...)
      local value, used = core.codec.decode_header(bytes, ...)
      value.src = nil
      return value, used
    end,
    ["an incarnation out of range"] = function(bytes, ...)
      local value, used = core.codec.decode_header(bytes, ...)
      value.src_incarnation = 65536
      return value, used
    end,
  }

  for what, how in pairs(nonsense) do
    it("by decoding to " .. what, function()
      local e = sick("decode_header", how)
      trouble = true
      e:refuses("codec", "receive", e:packet { kind = "gossip", from = "n", updates = { "d" } })
    end)
  end

  for what, how in pairs {
    ["nothing"] = function() return nil end,
    ["a table"] = function() return {} end,
    ["more than fits"] = function() return ("x"):rep(70000) end,
  } do
    it("by encoding to " .. what, function()
      local e = sick("encode_header", how)
      trouble = true
      local out = e:call("gossip")
      assert.is_nil(out.ok)
      assert.same({}, out.log)
      trouble = false
      assert.equal(2, #e:gossip().packets)
    end)
  end
end)

describe("a codec of our own", function()
  it("is what packets look like", function()
    local function flipped(bytes)
      return (bytes:gsub(".", function(char) return string.char(255 - char:byte()) end))
    end
    local calls = 0
    local upside_down = codec {
      encode_header = function(header)
        calls = calls + 1
        return flipped(core.codec.encode_header(header))
      end,
      decode_header = function(bytes)
        return core.codec.decode_header(flipped(bytes))
      end,
    }
    local function make(name)
      return core.new {
        identity = core.stock_identity(name, 1), seed = 1, config = "simple", handlers = { codec = upside_down },
      }
    end
    local a, b = make("a:1"), make("b:1")
    a:announce(0, b:identity())
    for _, bytes in a:sends() do
      assert.is_nil(core.codec.decode_header(bytes))
      assert(b:receive(0, bytes))
    end
    for _, bytes in b:sends() do assert(a:receive(0, bytes)) end
    assert.equal(1, a:num_members())
    assert.equal(1, b:num_members())
    assert.is_true(calls >= 2)
  end)
end)

describe("every refusal", function()
  it("has a sentence and a name", function()
    local e = engine("a"):knowing("b")
    for code, out in pairs {
      malformed = e:call("receive", "junk"),
      too_big = e:call("receive", ("x"):rep(1401)),
      from_ourselves = e:call("receive", e:packet { kind = "ping", from = "a" }),
      same_identity = e:call("change_identity", e:id("a")),
      not_defunct = e:call("reuse_down_identity"),
      no_handler = e:call("add_broadcast", "x"),
      invalid_config = e:call("set_config", { max_members = 0 }),
    } do
      assert.is_nil(out.ok)
      assert.equal(code, out.code)
      assert.is_true(#out.message > 10, code)
    end
  end)

  it("is followed by work as usual", function()
    local e = engine("a"):knowing("b")
    for _ = 1, 50 do
      e:call("receive", "junk")
      e:call("reuse_down_identity")
    end
    assert.same({ "ack b" }, e:receive({ kind = "ping", from = "b" }).sends)
  end)
end)

describe("claims that are applied until one of them is refused", function()
  local stock = core.stock_identity

  local function member(config)
    return assert(core.new { identity = stock("me:1", 1), seed = 1, config = config })
  end

  --- Claims about newcomers, the one at `place` about that identity.
  local function claims(place, id)
    local list = {}
    for i = 1, 120 do list[i] = { id = stock(("m%d:1"):format(i), 1), state = "alive", incarnation = 0 } end
    list[place].id = id
    return list
  end

  -- Its place, as the message tells it: of one digit and of more, first and last.
  for _, place in ipairs { 1, 2, 9, 10, 11, 101, 120 } do
    it(("say which one it was: %d"):format(place), function()
      local e = member()
      local ok, message, code = e:apply(0, claims(place, "not a stock identity"))
      assert.is_nil(ok)
      assert.equal("identity", code)
      assert.equal(tostring(place), message:match("update (%d+)"))
      assert.equal(place - 1, e:num_known())
      if place > 1 then
        e = member { preset = "lan", max_members = place - 1 }
        ok, message, code = e:apply(0, claims(place, stock("one too many:1", 1)))
        assert.is_nil(ok)
        assert.equal("full", code)
        assert.equal(tostring(place), message:match("update (%d+)"))
        assert.equal(place - 1, e:num_known())
      end
    end)
  end
end)
