local core = require "shoal.core"

local unpack = table.unpack or unpack -- luacheck: ignore 113 143

local is_luajit = pcall(require, "jit")
local me, peer = core.stock_identity("a:1", 0), core.stock_identity("b:1", 0)

describe("the default codec for Lua", function()
  local headers = {
    { kind = "ping", number = 7, src = "x", src_incarnation = 3, dst = "y" },
    { kind = "ack", number = 255, src = { 1, 2 }, src_incarnation = 65535, dst = { a = { b = 0.5 } } },
    { kind = "ping_req", number = 0, src = "x", src_incarnation = 0, dst = "y", peer = "z" },
    { kind = "indirect_ping", number = 1, src = "x", src_incarnation = 0, dst = "y", peer = "z" },
    { kind = "indirect_ack", number = 2, src = "x", src_incarnation = 0, dst = "y", peer = "z" },
    { kind = "forwarded_ack", number = 3, src = "x", src_incarnation = 0, dst = "y", peer = { "z" } },
    { kind = "announce", src = true, src_incarnation = 1, dst = 5, dst_hash = core.hash_address "5:5" },
    { kind = "feed", src = me, src_incarnation = 0, dst = peer },
    { kind = "gossip", src = me, src_incarnation = 0, dst = peer },
    { kind = "broadcast", src = me, src_incarnation = 0, dst = peer },
    { kind = "turn_undead", src = me, src_incarnation = 0, dst = peer },
    { kind = "nack", number = 4, src = "x", src_incarnation = 0, dst = "y", peer = "z" },
    { kind = "refused", src = me, src_incarnation = 0, dst = peer },
  }

  for _, header in ipairs(headers) do
    it("carries the header of " .. header.kind, function()
      local bytes = assert(core.codec.encode_header(header))
      local decoded, used = core.codec.decode_header(bytes .. "more")
      local expected = {} -- without whom it is for, but for the hash of that
      for key, value in pairs(header) do expected[key] = key ~= "dst" and value or nil end
      expected.dst_hash = header.dst_hash or core.hash_identity(header.dst)
      assert.same(expected, decoded)
      assert.equal(#bytes, used)
    end)
  end

  it("carries members of every state, and finds them in the middle of a packet", function()
    for _, state in ipairs { "alive", "suspect", "down" } do
      local member = { id = me, incarnation = 9, state = state }
      local bytes = assert(core.codec.encode_member(member))
      assert.same({ member, #bytes }, { core.codec.decode_member(bytes .. "more") })
      assert.same({ member, #bytes }, { core.codec.decode_member("before" .. bytes, 7) })
    end
  end)

  it("carries who suspects a member, and who one that left is now", function()
    for _, member in ipairs {
      { id = me, incarnation = 9, state = "suspect", from = peer },
      { id = me, incarnation = 65535, state = "down", from = peer },
    } do
      local bytes = assert(core.codec.encode_member(member))
      assert.same({ member, #bytes }, { core.codec.decode_member(bytes) })
    end
  end)

  it("refuses bytes that are none", function()
    for _, decode in ipairs { core.codec.decode_header, core.codec.decode_member } do
      local value, message, code = decode "\255"
      assert.is_nil(value)
      assert.is_string(message)
      assert.equal("malformed", code)
      assert.is_nil((decode ""))
    end
    local header = assert(core.codec.encode_header(headers[1]))
    for size = 0, #header - 1 do
      assert.is_nil((core.codec.decode_header(header:sub(1, size))))
    end
    local _, _, code = core.codec.decode_header("\149\2" .. header:sub(3))
    assert.equal("unsupported", code)
  end)

  it("reads short floats, and raises when they make an identity too large to be written", function()
    local id = "\220\0\60" .. ("\202\63\192\0\0"):rep(60)
    local member, used = assert(core.codec.decode_member("\147" .. id .. "\0\0"))
    assert.equal(#id + 3, used)
    assert.equal(60, #member.id)
    assert.equal(1.5, member.id[60])
    local ok, message = pcall(core.codec.encode_member, member)
    assert.is_false(ok)
    assert.matches("takes more than 512 bytes", message, 1, true)
  end)

  it("raises for tables that are none", function()
    local function raises(expected, fn, ...)
      local ok, message = pcall(fn, ...)
      assert.is_false(ok)
      assert.matches(expected, message, 1, true)
    end
    local encode_header, encode_member = core.codec.encode_header, core.codec.encode_member
    raises("a header must be a table, got 5", encode_header, 5)
    raises("header: option 'kind' is missing", encode_header, {})
    raises("unknown kind 'pong' (did you mean 'ping'?)", encode_header, { kind = "pong" })
    raises("header.src: must be a value, got nil", encode_header, { kind = "ping" })
    raises("header.src: cannot carry a function", encode_header, { kind = "ping", src = print })
    raises("header.dst: takes more than 512 bytes", encode_header,
      { kind = "ping", src = 1, dst = ("x"):rep(600) })
    raises("option 'number' must be a whole number from 0 to 255, got 256", encode_header,
      { kind = "ping", number = 256, src = 1, dst = 2 })
    raises("option 'src_incarnation' must be a whole number from 0 to 65535, got -1", encode_header,
      { kind = "ping", src_incarnation = -1, src = 1, dst = 2 })
    raises("header.peer: must be a value, got nil", encode_header, { kind = "ping_req", src = 1, dst = 2 })
    raises("a member must be a table, got 'x'", encode_member, "x")
    raises("member: option 'state' is missing", encode_member, { id = 1 })
    raises("unknown state 'dead'", encode_member, { id = 1, state = "dead" })
    assert.has_error(function() core.codec.decode_member("x", 3) end)
    assert.has_error(function() core.codec.decode_member("x", 0) end)
  end)
end)

--- A codec that writes Lua values as text: as far from MessagePack as can be.
local text = {}

local function quoted(fields)
  for i, field in ipairs(fields) do
    fields[i] = core.pack(field):gsub("[%%|;]", function(c) return ("%%%02x"):format(c:byte()) end)
  end
  return table.concat(fields, "|") .. ";"
end

local function unquoted(packet, from)
  local stop = packet:find(";", from, true)
  if not stop then return nil, "there is no end" end
  local fields = {}
  for field in (packet:sub(from, stop - 1) .. "|"):gmatch "(.-)|" do
    field = field:gsub("%%(%x%x)", function(c) return string.char(tonumber(c, 16)) end)
    local value, message = core.unpack(field)
    if value == nil then return nil, message end
    fields[#fields + 1] = value
  end
  return fields, stop - from + 1
end

function text.encode_header(h)
  return quoted { h.kind, h.src_incarnation, h.src, h.dst, h.number or 0, h.peer or 0 }
end

function text.decode_header(packet)
  local f, used = unquoted(packet, 1)
  if not f then return nil, used end
  return { kind = f[1], src_incarnation = f[2], src = f[3], dst = f[4], number = f[5], peer = f[6] }, used
end

function text.encode_member(m)
  return quoted { m.id, m.incarnation, m.state }
end

function text.decode_member(packet, from)
  local f, used = unquoted(packet, from)
  if not f then return nil, used end
  return { id = f[1], incarnation = f[2], state = f[3] }, used
end

local function with(changes)
  local codec = {}
  for name, fn in pairs(text) do
    codec[name] = changes and changes[name] or fn
  end
  return codec
end

local function new(id, codec)
  return assert(core.new { identity = id, seed = 1, config = "simple", handlers = { codec = codec or text } })
end

describe("a codec in Lua", function()
  it("is what a cluster speaks", function()
    local engines, queue, now = {}, {}, 0
    for i = 1, 5 do
      local addr = ("m%d:1"):format(i)
      engines[addr] = new(core.stock_identity(addr, 0))
    end
    local function drain(engine)
      for to, bytes in engine:sends() do
        queue[#queue + 1] = { to.addr, bytes }
      end
    end
    for addr, engine in pairs(engines) do
      if addr ~= "m1:1" then
        assert(engine:announce(now, core.stock_identity("m1:1", 0)))
        drain(engine)
      end
    end
    for _ = 1, 400 do
      local packet = table.remove(queue, 1)
      if packet then
        assert(engines[packet[1]]:receive(now, packet[2]))
        drain(engines[packet[1]])
      else
        now = now + 0.25
        for _, engine in pairs(engines) do
          assert(engine:tick(now))
          drain(engine)
        end
      end
    end
    for _, engine in pairs(engines) do
      assert.equal(4, engine:num_members())
      assert.equal(0, engine:stats().handlers.errors)
    end
  end)

  it("is given the whole packet and the place of the member in it", function()
    local seen = {}
    local engine = new(me, with { decode_member = function(packet, from)
      seen[#seen + 1] = { packet, from }
      return text.decode_member(packet, from)
    end })
    local head = text.encode_header { kind = "gossip", src = peer, src_incarnation = 0, dst = me }
    local first = text.encode_member { id = core.stock_identity("c:1", 0), incarnation = 0, state = "alive" }
    local second = text.encode_member { id = core.stock_identity("d:1", 0), incarnation = 4, state = "suspect" }
    local packet = head .. "\0\2" .. first .. second
    assert.is_true(engine:receive(0, packet))
    assert.equal(3, engine:num_members())
    for _, at in ipairs(seen) do
      assert.equal(packet, at[1])
      assert.is_true(at[2] == #head + 3 or at[2] == #head + 3 + #first)
    end
    assert.equal(4, engine:member("d:1").incarnation)
  end)

  it("says what is malformed by nil and a message", function()
    local engine = new(me)
    local ok, message, code = engine:receive(0, "rubbish")
    assert.is_nil(ok)
    assert.equal("malformed", code)
    assert.matches("there is no end", message, 1, true) -- as the codec said
    assert.equal(1, engine:stats().dropped.malformed)
    assert.equal(0, engine:stats().handlers.errors)
    engine = new(me, with { decode_member = function() return nil, "half a member" end })
    local head = text.encode_header { kind = "gossip", src = peer, src_incarnation = 0, dst = me }
    ok, message, code = engine:receive(0, head .. "\0\1x")
    assert.is_nil(ok)
    assert.equal("malformed", code)
    assert.matches("(half a member)", message, 1, true)
  end)

  it("says what it does not know yet by the code unsupported", function()
    local engine = new(me, with { decode_header = function() return nil, "version 9", "unsupported" end })
    local _, message, code = engine:receive(0, "x")
    assert.equal("unsupported", code)
    assert.matches("(version 9)", message, 1, true)
    assert.equal(1, engine:stats().dropped.unsupported)
  end)

  it("may need more room than there is: then the update is left for later", function()
    local engine = assert(core.new {
      identity = me, seed = 1, handlers = { codec = with { encode_member = function(m)
        return text.encode_member(m) .. ("x"):rep(2000)
      end } },
    })
    assert(engine:apply(0, { { id = peer } }, { broadcast = false }))
    assert.is_true(engine:gossip(0))
    local sent = 0
    for _, bytes in engine:sends() do
      sent = sent + 1
      assert.is_true(#bytes <= 1400)
    end
    assert.equal(1, sent)
  end)

  local header = { kind = "ping", number = 1, src_incarnation = 0, src = peer, dst = me }
  local nonsense = {
    { "throws", "the ink is dry", function() error "the ink is dry" end },
    { "throws a table", "error object is a table value", function() error {} end },
    { "throws nothing", "error object is a nil value", function() error() end },
    { "answers nothing", "a header must be a table, got nil", function() return nil, nil end, 3 },
    { "answers a number", "a header must be a table, got 7", function() return 7, 1 end },
    { "answers without a size", "must return how many bytes it took, 1 to 5, got nil",
      function() return header end },
    { "answers a size of 0", "1 to 5, got 0", function() return header, 0 end },
    { "answers a size beyond the packet", "1 to 5, got 6", function() return header, 6 end },
    { "answers half a byte", "1 to 5, got 2.5", function() return header, 2.5 end },
    { "answers an infinite size", "1 to 5, got inf", function() return header, 1 / 0 end },
    { "answers a kind that is none", "unknown kind 'pong'", function() return { kind = "pong" }, 5 end },
    { "answers a kind that is no string", "must be a string, got 1", function() return { kind = 1 }, 5 end },
    { "answers no sender", "header.src: must be a value, got nil",
      function() return { kind = "ping", dst = me }, 5 end },
    { "answers an identity that is too large", "header.src: takes more than 512 bytes",
      function() return { kind = "ping", src = ("x"):rep(600), dst = me }, 5 end },
    { "answers an identity that is a function", "header.src: cannot carry a function",
      function() return { kind = "ping", src = print, dst = me }, 5 end },
    { "answers an incarnation out of range", "whole number from 0 to 65535, got 65536",
      function() return { kind = "ping", src = peer, dst = me, src_incarnation = 65536 }, 5 end },
    { "answers a number out of range", "whole number from 0 to 255, got 0.5",
      function() return { kind = "ping", src = peer, dst = me, number = 0.5 }, 5 end },
    { "never stops", "stack overflow", function()
      local function f() return 1 + f() end
      return f()
    end },
    { "raises what has no text", is_luajit and "stack overflow, or an error in error handling" or "no text", function()
      error(setmetatable({}, { __tostring = function() error "no text" end }))
    end },
    { "yields", "yield", function() coroutine.yield() end },
  }

  for _, case in ipairs(nonsense) do
    local name, expected, fn = unpack(case)
    it("that " .. name .. " is an error of that packet", function()
      local engine = new(me, with { decode_header = fn })
      local ok, message, code = engine:receive(0, "xxxxx")
      assert.is_nil(ok)
      assert.equal("codec", code)
      if case[4] == nil then assert.matches(expected, message, 1, true) end
      assert.equal(1, engine:stats().dropped.codec)
      assert.equal(1, engine:stats().handlers.errors)
      assert.matches("codec.decode_header", engine:stats().handlers.last_error, 1, true)
      assert.equal(0, engine:num_members())
    end)
  end

  it("that encodes into something else than a string is an error of that packet", function()
    for _, answer in ipairs { 5, true, {} } do
      local engine = new(me, with { encode_header = function() return answer end })
      local ok, message, code = engine:announce(0, peer)
      assert.is_nil(ok)
      assert.equal("codec", code)
      assert.matches("must return a string", message, 1, true)
    end
    local engine = new(me, with { encode_header = function() return nil, "not today" end })
    local ok, message, code = engine:announce(0, peer)
    assert.is_nil(ok)
    assert.equal("codec", code)
    assert.matches("codec.encode_header: not today", message, 1, true)
    assert.equal(1, engine:stats().handlers.errors)
    assert.equal("codec.encode_header: not today", engine:stats().handlers.last_error)
  end)

  it("keeps the identities of a packet until the next one", function()
    local engine = new(me)
    for round = 1, 20 do
      local packet = { text.encode_header { kind = "gossip", src = peer, src_incarnation = 0, dst = me }, "\0\200" }
      for i = 1, 200 do
        packet[#packet + 1] = text.encode_member {
          id = core.stock_identity(("n%d-%d:1"):format(round, i), i), incarnation = i, state = "alive",
        }
      end
      assert(engine:set_config(0, { max_packet_size = 65507 }))
      assert(engine:receive(0, table.concat(packet)))
      collectgarbage()
      assert.equal(1 + round * 200, engine:num_members())
      assert.equal(200, engine:member(("n%d-200:1"):format(round)).id.bump)
    end
  end)
end)
