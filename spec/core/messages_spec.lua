-- Messages at a single engine: what is sent, repeated, delivered once and given up.

local support = require "spec.core.support"
local core = require "shoal.core"

local unpack = support.unpack

local DIAGNOSTICS = { "message_acknowledged", "message_failed" }

local function u32(n)
  return string.char(math.floor(n / 2 ^ 24) % 256, math.floor(n / 2 ^ 16) % 256, math.floor(n / 256) % 256, n % 256)
end

local function read_u32(bytes, at)
  local a, b, c, d = bytes:byte(at, at + 3)
  return ((a * 256 + b) * 256 + c) * 256 + d
end

local function engine(options)
  options = options or {}
  options.diagnostics = DIAGNOSTICS
  return support.healing("a", options):knowing("b", "c")
end

--- { to=, epoch=, number=, flags=, data=, at= } of each message in what was sent.
local function messages(out)
  local list = {}
  for _, packet in ipairs(out:sent "exchange") do
    for _, item in ipairs(packet.items) do
      if item:byte(1) == 10 then
        list[#list + 1] = { to = packet.to, at = packet.at, epoch = read_u32(item, 2), number = read_u32(item, 6),
          flags = item:byte(10), data = core.unpack(item:sub(11)) }
      end
    end
  end
  return list
end

--- { to=, epoch=, numbers= } of each receipt.
local function receipts(out)
  local list = {}
  for _, packet in ipairs(out:sent "exchange") do
    for _, item in ipairs(packet.items) do
      if item:byte(1) == 11 then
        local numbers = {}
        for at = 6, #item, 4 do numbers[#numbers + 1] = read_u32(item, at) end
        list[#list + 1] = { to = packet.to, epoch = read_u32(item, 2), numbers = numbers }
      end
    end
  end
  return list
end

local function message_record(epoch, number, data, flags)
  return "\10" .. u32(epoch) .. u32(number) .. string.char(flags or 0) .. core.pack(data)
end

local function hear(e, from, ...)
  return e:receive { kind = "exchange", from = from, items = { ... } }
end

local function hear_receipt(e, from, message)
  return hear(e, from, "\11" .. u32(message.epoch) .. u32(message.number))
end

local function send(e, to, data, ticket)
  local out = e:call("send_to", e:member(to), data, ticket or 1)
  assert(out.ok, out.message)
  return out
end

describe("a message", function()
  it("goes to its member at once, with a number of its own", function()
    local e = engine()
    local first = messages(send(e, "b", "one"))[1]
    local second = messages(send(e, "b", "two"))[1]
    assert.same({ to = "b", at = e.now, epoch = first.epoch, number = first.number, flags = 0, data = "one" }, first)
    assert.same({ "two", first.epoch, first.number + 1 }, { second.data, second.epoch, second.number })
  end)

  it("is sent again, after longer and longer waits, until its receipt comes", function()
    local e = engine()
    local message = messages(send(e, "b", "one", 7))[1]
    local again = messages(e:live(6))
    assert.is_true(#again >= 5)
    local before, wait = e.now - 6, 0
    for i, copy in ipairs(again) do
      assert.same({ message.epoch, message.number, "one" }, { copy.epoch, copy.number, copy.data })
      local waited = copy.at - before
      if i <= 4 then assert.is_true(waited > wait) end
      assert.is_true(waited <= 1.25 * e.core:config().probe_period + 0.001)
      before, wait = copy.at, waited
    end
    local out = hear_receipt(e, "b", message)
    assert.same({ "message_acknowledged b 7" }, out.events)
    assert.same({}, messages(e:live(6)))
    assert.same({}, hear_receipt(e, "b", message).events) -- once
    local stats = e.core:stats()
    assert.same({ 1, #again, 0 }, { stats.messages_sent, stats.messages_repeated, stats.messages_failed })
  end)

  it("is acknowledged by its member alone, for this life of ours", function()
    local e = engine()
    local message = messages(send(e, "b", "one"))[1]
    assert.same({}, hear_receipt(e, "c", message).events)
    assert.same({}, hear_receipt(e, "b", { epoch = message.epoch + 1, number = message.number }).events)
    assert.same({}, hear_receipt(e, "b", { epoch = message.epoch, number = message.number + 1 }).events)
    assert.same({ "message_acknowledged b 1" }, hear_receipt(e, "b", message).events)
  end)

  it("fails when its member goes down, with the reason", function()
    local e = engine()
    send(e, "b", "one", 1)
    send(e, "c", "two", 2)
    local out = e:live(14, { "b" })
    assert.same(1, out:count "message_failed b 1 member_down")
    assert.equal("failed", e:reason_of "b")
    e:receive { kind = "gossip", from = "c", updates = { "c left" } }
    assert.same({ "message_failed c 2 member_down" }, e:live(0.01).events)
    assert.equal(2, e.core:stats().messages_failed)
    assert.same({}, messages(e:live(5)))
  end)

  it("fails when its member is somebody else now", function()
    local e = engine()
    send(e, "b", "one", 1)
    local out = e:receive { kind = "ping", from = "b#2", number = 1 }
    assert.same({ "rename b b#2" }, out.events)
    local failed = e:live(0.01)
    assert.same({ "message_failed b 1 member_down" }, failed.events)
    local late = messages(send(e, "b#2", "two"))[1]
    assert.same({ "message_acknowledged b#2 1" }, hear_receipt(e, "b#2", late).events)
  end)

  it("to who is somebody else now fails before the next one is sent", function()
    local e = engine()
    send(e, "b", "one", 1)
    e:receive { kind = "ping", from = "b#2", number = 1 }
    assert.same({ "message_failed b 1 member_down" }, send(e, "b#2", "two", 2).events)
  end)

  it("fails when we leave", function()
    local e = engine()
    send(e, "b", "one", 1)
    e:leave()
    assert.equal(1, e:live(2):count "message_failed b 1 defunct")
    e:refuses("defunct", "send_to", e:member "c", "two")
  end)

  it("is refused with the bytes that fit, and one of that size is not", function()
    local e = engine()
    local text = e:refuses("too_big", "send_to", e:member "b", ("x"):rep(5000))
    local most = tonumber(text:match "at most (%d+) fit")
    local out = send(e, "b", ("x"):rep(most - 3)) -- str 16
    assert.equal(1, #messages(out))
    assert.is_true(out.packets[1].size > 1400 - 32) -- what headers may take
    e:refuses("too_big", "send_to", e:member "b", ("x"):rep(most - 2))
  end)

  it("that became too large, as our identity has changed, fails", function()
    local e = engine()
    local most = tonumber(e:refuses("too_big", "send_to", e:member "b", ("x"):rep(5000)):match "at most (%d+) fit")
    send(e, "b", ("x"):rep(most - 3), 9)
    e.core:change_identity(e.now, core.stock_identity("a:7946", 2, { name = ("n"):rep(100) }))
    for _ in e.core:effects() do end
    local failed
    for _ = 1, 100 do
      e.now = e.now + 0.1
      assert(e.core:tick(e.now))
      for kind, name, _, ticket, code in e.core:effects() do
        if kind == "notify" and name == "message_failed" then failed = { ticket, code } end
      end
    end
    assert.same({ 9, "too_big" }, failed)
  end)

  it("to ourselves is told at once, and sends nothing", function()
    local e = engine()
    local out = e:call("send_to", { id = e:id "a" }, "one", 3)
    assert.is_true(out.ok)
    assert.same({ "message a one", "message_acknowledged a 3" }, out.events)
    assert.same({}, out.sends)
  end)

  it("finds its member by address or name", function()
    local e = engine()
    assert.equal(1, #messages(e:call("send_to", "b:7946", "one")))
    e:refuses("not_a_member", "send_to", "nobody", "one")
    e:refuses("not_a_member", "send_to", "x:7946", "one")
    e:refuses("not_a_member", "send_to", { id = e:id "b#2" }, "one")
  end)

  it("finds its member by a name that only one has", function()
    local named = assert(core.new { identity = core.stock_identity("a:1", 1, { name = "anna" }), seed = 1 })
    for i, name in ipairs { "dora", "dora", "emil" } do
      assert(named:apply(1, { { id = core.stock_identity(("m%d:1"):format(i), 1, { name = name }) } }))
    end
    assert.is_true(named:send_to(1, "emil", "x"))
    assert.is_true(named:send_to(1, "anna", "x"))
    local ok, message, code = named:send_to(1, "dora", "x")
    assert.is_nil(ok)
    assert.equal("not_a_member", code)
    assert.matches("2 active members have that name", message)
  end)

  it("is carried by codecs with lifeguard only", function()
    local e = support.foreign("a"):knowing "b"
    e:refuses("no_lifeguard", "send_to", "b:7946", "one")
  end)

  it("is one of 64 to a member at the most", function()
    local e = engine()
    local sent = {}
    for i = 1, 64 do
      for _, message in ipairs(messages(send(e, "b", i, i))) do sent[message.number] = message end
    end
    assert.matches("64 messages", e:refuses("full", "send_to", e:member "b", 65))
    assert.is_true(e:call("send_to", e:member "c", 65).ok)
    assert.equal(1, e.core:stats().messages_refused)
    for _, message in ipairs(messages(e:live(0.1))) do sent[message.number] = message end
    local first = math.huge
    for number in pairs(sent) do first = math.min(first, number) end
    hear_receipt(e, "b", sent[first])
    assert.is_true(e:call("send_to", e:member "b", 66).ok)
  end)

  it("does not follow many others at once, but at a pace, several in a packet", function()
    local e = support.healing("a", { diagnostics = DIAGNOSTICS }):knowing(unpack(support.names(200)))
    local at_once = 0
    for i, name in ipairs(support.names(200)) do at_once = at_once + #messages(send(e, name, i)) end
    assert.equal(16, at_once)
    local start = e.now
    local seen, latest, moments = {}, 0, {}
    for _, message in ipairs(messages(e:live(0.05))) do
      if not seen[message.to] then latest = math.max(latest, message.at) end
      seen[message.to] = true
      moments[message.at] = (moments[message.at] or 0) + 1
    end
    for _, count in pairs(moments) do assert.is_true(count <= 16) end
    assert.is_true(latest - start > 0.03 and latest - start < 0.05, latest - start)
  end)
end)

describe("a message of another member", function()
  it("is told once, and acknowledged each time it comes", function()
    local e = engine()
    local out = hear(e, "b", message_record(5, 1, "hello"))
    assert.same({ "message b hello" }, out.events)
    assert.same({ { to = "b", epoch = 5, numbers = { 1 } } }, receipts(out))
    out = hear(e, "b", message_record(5, 1, "hello"))
    assert.same({}, out.events)
    assert.same({ { to = "b", epoch = 5, numbers = { 1 } } }, receipts(out))
    assert.equal(1, e:dropped "repeated")
    assert.equal(1, e.core:stats().messages_received)
  end)

  it("is told whatever order they come in", function()
    local e = engine()
    for _, number in ipairs { 10, 7, 9, 60, 8, 1 } do
      assert.same({ "message b " .. number }, hear(e, "b", message_record(5, number, number)).events)
      assert.same({}, hear(e, "b", message_record(5, number, number)).events)
    end
  end)

  it("that can be no new one is neither told nor acknowledged", function()
    local e = engine()
    hear(e, "b", message_record(5, 100, "new"))
    local out = hear(e, "b", message_record(5, 36, "old"))
    assert.same({}, out.log)
    assert.same({ "message b last" }, hear(e, "b", message_record(5, 37, "last")).events)
  end)

  it("is not told again after another life of its sender, of which the numbers begin anew", function()
    local e = engine()
    hear(e, "b", message_record(5, 1, "before"))
    assert.same({ "message b after" }, hear(e, "b", message_record(6, 1, "after")).events)
    assert.same({}, hear(e, "b", message_record(5, 1, "before")).events)
    assert.same({}, hear(e, "b", message_record(6, 1, "after")).events)
  end)

  it("is not told again after it was declared down, or took another identity", function()
    local e = engine()
    hear(e, "b", message_record(5, 1, "one"))
    e:receive { kind = "gossip", from = "c", updates = { "b down 0" } }
    assert.same({}, support.set(hear(e, "b", message_record(5, 1, "one")).events)[1] == "message b one" and { "told" }
      or {})
    local out = e:receive { kind = "exchange", from = "b#2", items = { message_record(5, 1, "one") } }
    assert.same(0, out:count "message b#2 one")
    assert.same({ { to = "b#2", epoch = 5, numbers = { 1 } } }, receipts(out))
  end)

  it("numbers wrap around", function()
    local e = engine()
    for _, number in ipairs { 2 ^ 32 - 2, 2 ^ 32 - 1, 0, 1 } do
      assert.same({ "message b x" }, hear(e, "b", message_record(5, number, "x")).events)
    end
    assert.same({}, hear(e, "b", message_record(5, 2 ^ 32 - 1, "x")).events)
  end)

  it("several of which come together, are acknowledged together", function()
    local e = engine()
    local out = hear(e, "b", message_record(5, 1, "x"), message_record(5, 2, "y"), message_record(5, 1, "x"))
    assert.same({ "message b x", "message b y" }, out.events)
    assert.same({ { to = "b", epoch = 5, numbers = { 1, 2, 1 } } }, receipts(out))
  end)

  it("brings a packet that is no larger than its own", function()
    local e = engine()
    local records = {}
    for i = 1, 100 do records[i] = "\10" .. u32(i) .. u32(1) .. "\0" end -- each of another life
    local packet = e:packet { kind = "exchange", from = "b", items = records }
    local out = e:receive(packet)
    assert.equal(1, #out.packets)
    assert.is_true(out.packets[1].size <= #packet)
  end)

  it("is not told when it is down, or its packet is malformed", function()
    local e = engine()
    e:receive { kind = "gossip", from = "c", updates = { "b left" } }
    assert.equal(0, hear(e, "b", message_record(5, 1, "x")):count "message b x")
    e:refuses("malformed", "receive", e:packet { kind = "exchange", from = "c", items = { "\10abcdefgh" } })
    e:refuses("malformed", "receive", e:packet { kind = "exchange", from = "c", items = { "\11abcd" } })
    e:refuses("malformed", "receive", e:packet { kind = "exchange", from = "c", items = { "\11abcdefghi" } })
    assert.same({ "message c false" }, hear(e, "c", "\10" .. u32(1) .. u32(1) .. "\0\194").events)
  end)

  it("that is no MessagePack is a string", function()
    local e = engine()
    assert.same({ "message c \193" }, hear(e, "c", "\10" .. u32(1) .. u32(1) .. "\0\193").events)
    assert.same({ "message c " }, hear(e, "c", "\10" .. u32(1) .. u32(2) .. "\0").events)
    assert.same({ "message c \1\2" }, hear(e, "c", "\10" .. u32(1) .. u32(3) .. "\0\1\2").events)
  end)
end)
