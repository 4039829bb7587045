local core = require "shoal.core"
local dice = require "spec.support.dice"

local function bytes(hex)
  return (hex:gsub("%s", ""):gsub("%x%x", function(pair)
    return string.char(tonumber(pair, 16))
  end))
end

local function hex(string)
  return (string:gsub(".", function(c) return ("%02x "):format(c:byte()) end):sub(1, -2))
end

local function nested(depth)
  local value = {}
  for _ = 2, depth do
    value = { value }
  end
  return value
end

-- From 0 to below n.
local function generator(seed)
  local roll = dice(seed)
  return function(n) return roll(n) - 1 end
end

describe("packing", function()
  local function packs(value, expected)
    local packed = assert(core.pack(value))
    assert.equal(expected, hex(packed))
  end

  it("writes the smallest integer", function()
    packs(0, "00")
    packs(127, "7f")
    packs(128, "cc 80")
    packs(255, "cc ff")
    packs(256, "cd 01 00")
    packs(65535, "cd ff ff")
    packs(65536, "ce 00 01 00 00")
    packs(4294967295, "ce ff ff ff ff")
    packs(4294967296, "cf 00 00 00 01 00 00 00 00")
    packs(-1, "ff")
    packs(-32, "e0")
    packs(-33, "d0 df")
    packs(-128, "d0 80")
    packs(-129, "d1 ff 7f")
    packs(-32769, "d2 ff ff 7f ff")
    packs(-2147483649, "d3 ff ff ff ff 7f ff ff ff")
  end)

  it("writes integral floats as integers, up to 2^64", function()
    packs(3.0, "03")
    packs(-0.0, "00")
    packs(2 ^ 53, "cf 00 20 00 00 00 00 00 00")
    packs(2 ^ 63, "cf 80 00 00 00 00 00 00 00")
    packs(-2 ^ 63, "d3 80 00 00 00 00 00 00 00")
    packs(2 ^ 64, "cb 43 f0 00 00 00 00 00 00")
    packs(-2 ^ 64, "cb c3 f0 00 00 00 00 00 00")
  end)

  it("writes other numbers as float64, with one NaN", function()
    packs(0.5, "cb 3f e0 00 00 00 00 00 00")
    packs(1 / 0, "cb 7f f0 00 00 00 00 00 00")
    packs(-1 / 0, "cb ff f0 00 00 00 00 00 00")
    packs(0 / 0, "cb 7f f8 00 00 00 00 00 00")
    packs(-(0 / 0), "cb 7f f8 00 00 00 00 00 00")
  end)

  it("writes nil, booleans and strings of any bytes", function()
    packs(nil, "c0")
    packs(false, "c2")
    packs(true, "c3")
    packs("", "a0")
    packs("a\0\255", "a3 61 00 ff")
    assert.equal("bf", hex(core.pack(("x"):rep(31))):sub(1, 2))
    assert.equal("d9 20", hex(core.pack(("x"):rep(32))):sub(1, 5))
    assert.equal("da 01 00", hex(core.pack(("x"):rep(256))):sub(1, 8))
    assert.equal("db 00 01 00 00", hex(core.pack(("x"):rep(65536))):sub(1, 14))
  end)

  it("writes keys 1..n as an array, the empty table included", function()
    packs({}, "90")
    packs({ 1, 2, 3 }, "93 01 02 03")
    packs({ [1] = "a", [2] = "b" }, "92 a1 61 a1 62")
    packs({ [1.0] = true }, "91 c3")
  end)

  it("writes every other table as a map", function()
    packs({ [0] = 1 }, "81 00 01")
    packs({ [2] = 1 }, "81 02 01")
    packs({ 1, nil, 3 }, "82 01 01 03 03")
    packs({ [1.5] = 1 }, "81 cb 3f f8 00 00 00 00 00 00 01")
    packs({ [true] = false }, "81 c3 c2")
    packs({ 7, a = 8 }, "82 01 07 a1 61 08")
    packs({ [-1] = 1 }, "81 ff 01")
  end)

  it("sorts the keys of a map by their encoded bytes", function()
    packs({ b = 1, a = 2, aa = 3, [5] = 4, [true] = 5, [-1] = 6, B = 7 },
      "87 05 04 a1 42 07 a1 61 02 a1 62 01 a2 61 61 03 c3 05 ff 06")
  end)

  it("sorts maps within maps, of any size", function()
    local big, expected = {}, {}
    for i = 1, 300 do
      local key = ("key%03d"):format(i * 7 % 300)
      big[key] = { z = i, a = ("v"):rep(i % 9) }
    end
    for i = 0, 299 do
      local key = ("key%03d"):format(i)
      expected[#expected + 1] = assert(core.pack(key)) .. assert(core.pack(big[key]))
    end
    assert.equal(hex("\222\1\44" .. table.concat(expected)), hex(core.pack(big)))
  end)

  it("gives equal tables equal bytes, however they were made", function()
    local forwards, backwards = {}, {}
    for i = 1, 50 do
      forwards["k" .. i] = i
      backwards["k" .. 51 - i] = 51 - i
    end
    backwards.gone = 1
    backwards.gone = nil
    assert.equal(core.pack(forwards), core.pack(backwards))
  end)

  it("ignores metatables", function()
    local strange = setmetatable({ 1 }, {
      __index = function() return 2 end,
      __len = function() return 5 end,
      __pairs = function() error("not asked") end,
    })
    packs(strange, "91 01")
  end)

  it("names what it cannot carry, and where", function()
    local function refuses(expected, value)
      local packed, message = core.pack(value)
      assert.is_nil(packed)
      assert.equal(expected, message)
    end
    refuses("value: cannot carry a function", print)
    refuses("value.a.b: cannot carry a function", { a = { b = print } })
    refuses("value[2].x: cannot carry a thread", { 1, { x = coroutine.create(function() end) } })
    refuses("value[true]: cannot carry a userdata", { [true] = io.stdout })
    refuses("value.a: cannot carry a table as a key", { a = { [{}] = 1 } })
    refuses("value: cannot carry a function as a key", { [print] = 1 })
  end)

  it("refuses more than 16 tables inside each other, so cycles end", function()
    assert.truthy(core.pack(nested(16)))
    local packed, message = core.pack(nested(17))
    assert.is_nil(packed)
    assert.matches("tables are nested more than 16 deep", message)
    local cycle = {}
    cycle.cycle = cycle
    assert.is_nil((core.pack(cycle)))
  end)

  it("wants an argument", function()
    assert.has_error(function() core.pack() end)
  end)

  if type(jit) == "table" then -- luacheck: ignore 113
    it("cannot carry LuaJIT's boxed integers", function()
      local made = loadstring("return 5ULL")() -- luacheck: ignore 113
      local packed, message = core.pack { n = made }
      assert.is_nil(packed)
      assert.equal("value.n: cannot carry a cdata", message)
    end)
  end
end)

describe("unpacking", function()
  local function unpacks(from, expected)
    local value, message = core.unpack(bytes(from))
    assert.is_nil(message)
    assert.same(expected, value)
  end

  local function refuses(from, expected)
    local value, message = core.unpack(bytes(from))
    assert.is_nil(value)
    assert.matches(expected, message)
  end

  it("reads every form of integer", function()
    unpacks("cc 05", 5)
    unpacks("cd 00 05", 5)
    unpacks("ce 00 00 00 05", 5)
    unpacks("cf 00 00 00 00 00 00 00 05", 5)
    unpacks("d0 05", 5)
    unpacks("d0 fb", -5)
    unpacks("d1 ff fb", -5)
    unpacks("d2 ff ff ff fb", -5)
    unpacks("d3 ff ff ff ff ff ff ff fb", -5)
    unpacks("d3 80 00 00 00 00 00 00 00", -2 ^ 63)
    unpacks("cf ff ff ff ff ff ff ff ff", 2 ^ 64)
  end)

  it("reads floats of both sizes", function()
    unpacks("ca 3f 80 00 00", 1)
    unpacks("cb 3f f8 00 00 00 00 00 00", 1.5)
    local nan = core.unpack(bytes "cb ff f8 00 00 00 00 00 01")
    assert.is_true(nan ~= nan)
  end)

  it("reads strings and bin of every length form", function()
    unpacks("a1 61", "a")
    unpacks("d9 01 61", "a")
    unpacks("da 00 01 61", "a")
    unpacks("db 00 00 00 01 61", "a")
    unpacks("c4 01 61", "a")
    unpacks("c5 00 01 61", "a")
    unpacks("c6 00 00 00 01 61", "a")
  end)

  it("reads arrays and maps of every length form", function()
    unpacks("92 01 02", { 1, 2 })
    unpacks("dc 00 02 01 02", { 1, 2 })
    unpacks("dd 00 00 00 02 01 02", { 1, 2 })
    unpacks("81 a1 61 01", { a = 1 })
    unpacks("de 00 01 a1 61 01", { a = 1 })
    unpacks("df 00 00 00 01 a1 61 01", { a = 1 })
    unpacks("93 01 c0 03", { 1, nil, 3 })
    unpacks("82 a1 61 01 a1 61 02", { a = 2 })
    unpacks("81 a1 61 c0", {})
  end)

  it("refuses what is no whole value, or more than one", function()
    refuses("", "not a well%-formed")
    refuses("c1", "not a well%-formed")
    refuses("a2 61", "not a well%-formed")
    refuses("92 01", "not a well%-formed")
    refuses("01 02", "bytes after the value")
  end)

  it("refuses a count above the bytes left before it allocates for it", function()
    local before = collectgarbage "count"
    refuses("dd 10 00 00 00", "not a well%-formed")
    refuses("df 7f ff ff ff 01 01", "not a well%-formed")
    refuses("93 dd 10 00 00 00 01 01", "not a well%-formed")
    assert.is_true(collectgarbage "count" - before < 1024)
  end)

  it("refuses keys that Lua has not, and extension types", function()
    refuses("81 c0 01", "nil or NaN as a key")
    refuses("81 cb 7f f8 00 00 00 00 00 00 01", "nil or NaN as a key")
    refuses("d4 01 00", "extension types")
    refuses("c7 01 05 00", "extension types")
  end)

  it("refuses more than 16 containers inside each other", function()
    assert.truthy(core.unpack(("\145"):rep(15) .. "\144"))
    refuses(("91"):rep(16) .. "90", "not a well%-formed")
  end)
end)

describe("a value that is packed and unpacked", function()
  local function random_value(random, depth)
    local kind = random(depth > 0 and 9 or 6)
    if kind == 0 then return random(2) == 0 end
    if kind == 1 then return random(300) - 150 end
    if kind == 2 then return (random(2000000) - 1000000) * 2 ^ random(44) end
    if kind == 3 then return random(1000) / 64 end
    if kind <= 5 then return ("x\0\200"):rep(random(40)):sub(1, random(100)) end
    local t = {}
    for i = 1, random(6) do
      if kind == 6 then
        t[i] = random_value(random, depth - 1)
      else
        t[kind == 7 and "k" .. random(1000) or random(1000) / 8] = random_value(random, depth - 1)
      end
    end
    return t
  end

  it("is the same, and packs into the same bytes again", function()
    local random = generator(42)
    for _ = 1, 3000 do
      local value = random_value(random, 4)
      local packed = assert(core.pack(value))
      local again = core.unpack(packed)
      assert.same(value, again)
      assert.equal(packed, core.pack(again))
    end
  end)

  it("survives damage: every bit flipped and every cut gives a value or an error", function()
    local random = generator(7)
    local packed = core.pack { addr = "10.0.0.1:7946", bump = 1234567, meta = { 1, 2.5, { role = "web", x = -7 } } }
    for _ = 1, 20000 do
      local at = random(#packed) + 1
      local damaged = packed:sub(1, at - 1) .. string.char(random(256)) .. packed:sub(at + 1)
      damaged = damaged:sub(1, random(#damaged) + 1)
      local value, message = core.unpack(damaged)
      if value == nil and message ~= nil then
        assert.is_string(message)
      elseif value ~= nil then
        core.pack(value)
      end
    end
  end)
end)

-- An identity from the network must be the bytes that Lua would pack it into:
-- otherwise two identities would look the same to a script, or one would change
-- on its way through it.
describe("an identity from the network", function()
  --- As an announce names its receiver.
  local function to(addr)
    local hash = core.hash_address(addr)
    local bytes_of_it = {}
    for i = 4, 1, -1 do
      bytes_of_it[i] = string.char(hash % 256)
      hash = math.floor(hash / 256)
    end
    return "\206" .. table.concat(bytes_of_it)
  end

  local function known(id)
    local engine = assert(core.new {
      identity = "me", seed = 1, config = "simple",
      handlers = { identity = { addr = function(value) return "at " .. core.pack(value) end } },
    })
    local packet = "\149\1\6" .. id .. "\0" .. to("at " .. core.pack "me") -- an announce
    local ok, message, code = engine:receive(0, packet)
    if not ok then
      assert.equal("identity", code)
      assert.equal(1, engine:stats().dropped.identity)
      return false, message
    end
    assert.equal(id, core.pack(engine:members()[1].id))
    return true
  end

  for _, case in ipairs {
    { "05", "a small integer" }, { "e1", "a negative one" }, { "cd 01 00", "256" },
    { "cf 00 1f ff ff ff ff ff ff", "2^53 - 1" }, { "d3 ff e0 00 00 00 00 00 01", "1 - 2^53" },
    { "cb 3f e0 00 00 00 00 00 00", "0.5" },
    { "a1 61", "a string" }, { "d9 20" .. ("61"):rep(32), "a longer string" }, { "c3", "true" },
    { "90", "the empty table" }, { "92 01 a1 61", "an array" }, { "81 a1 61 01", "a map" },
    { "82 01 01 a1 61 01", "a map with a 1" }, { "82 02 01 03 01", "a map from 2 on" },
    { "cb 7f f8 00 00 00 00 00 00", "NaN" },
    { ("91"):rep(7) .. "90", "8 arrays inside each other" },
  } do
    it("may be " .. case[2], function()
      assert.is_true(known(bytes(case[1])))
    end)
  end

  for _, case in ipairs {
    { "cc 05", "an integer that is longer than it need be", "smallest form" },
    { "d0 05", "a positive integer in a signed form", "smallest form" },
    { "cb 3f f0 00 00 00 00 00 00", "1 as a float", "is a float" },
    { "cb 80 00 00 00 00 00 00 00", "minus zero", "is a float" },
    { "ca 3f 80 00 00", "a float of 32 bits", "32 bits" },
    { "cb ff f8 00 00 00 00 00 01", "another NaN", "unusual NaN" },
    { "d9 01 61", "a string with a long head", "shortest" },
    { "dc 00 01 01", "an array with a long head", "shortest" },
    { "de 00 01 a1 61 01", "a map with a long head", "shortest" },
    { "80", "an empty map", "an array is a map" },
    { "82 01 01 02 02", "an array in a map's clothes", "an array is a map" },
    { "82 a1 62 01 a1 61 01", "a map with its keys out of order", "in order" },
    { "82 a1 61 01 a1 61 02", "a map with a key twice", "in order" },
    { "81 90 01", "a map with an array as a key", "as a key" },
    { "81 cb 7f f8 00 00 00 00 00 00 01", "a map with NaN as a key", "as a key" },
    { "c0", "nil", "nil" }, { "91 c0", "an array of nil", "nil" }, { "81 a1 61 c0", "a map of nil", "nil" },
    { "c4 01 61", "bin", "bin" }, { "d4 01 00", "an extension type", "extension" },
  } do
    it("may not be " .. case[2], function()
      local ok, message = known(bytes(case[1]))
      assert.is_false(ok)
      assert.matches(case[3], message)
    end)
  end

  -- Is there an integer in it with which no neighbour of it could be told from it?
  local function has_rounded(value)
    if type(value) == "table" then
      for key, entry in pairs(value) do
        if has_rounded(key) or has_rounded(entry) then return true end
      end
    end
    return type(value) == "number" and math.abs(value) >= 2 ^ 53 and math.abs(value) <= 2 ^ 64
      and not (math.type and math.type(value) == "integer") -- luacheck: ignore 143
  end

  it("is accepted exactly when it packs into the same bytes again, and no bit was lost", function()
    local random = generator(11)
    local seeds = {
      core.pack { addr = "a:1", bump = 77, meta = { x = { 1, 2, 3 }, y = -40000, z = 0.25 } },
      core.pack { 1, 2, { [3] = "c", [0.5] = true } },
      core.pack(2 ^ 52),
    }
    local accepted = 0
    for _ = 1, 3000 do
      local id = seeds[random(#seeds) + 1]
      local at = random(#id) + 1
      id = id:sub(1, at - 1) .. string.char(random(256)) .. id:sub(at + 1)
      local value = core.unpack(id)
      if value ~= nil and id ~= core.pack "me" then
        local same = core.pack(value) == id and not has_rounded(value)
        assert.equal(same, known(id), hex(id))
        accepted = accepted + (same and 1 or 0)
      end
    end
    assert.is_true(accepted > 100)
  end)

  if math.type == nil then -- luacheck: ignore 143
    it("may not be an integer that a double cannot hold", function()
      assert.is_false((known(bytes "cf 00 20 00 00 00 00 00 01")))
      assert.is_false((known(bytes "cf 00 20 00 00 00 00 00 00"))) -- 2^53, but 2^53 + 1 looks alike
      assert.is_false((known(bytes "d3 ff e0 00 00 00 00 00 00")))
      assert.is_false((known(bytes "d3 ff df ff ff ff ff ff ff")))
      assert.is_false((known(bytes "cf ff ff ff ff ff ff ff ff")))
    end)
  end

  it("may not have an integer that lost bits before we see it", function()
    local handlers = { identity = { addr = function() return "me" end } }
    for _, number in ipairs { 2 ^ 53, -2 ^ 53, 2 ^ 60 } do
      local engine, message, code = core.new { identity = { n = { 1, number } }, handlers = handlers }
      assert.is_nil(engine)
      assert.matches("identity%.n%[2%]: must be within 2%^53 %- 1", message)
      assert.equal("identity", code)
      assert(core.pack { number }) -- what is no identity may be what it likes
    end
    for _, number in ipairs { 2 ^ 53 - 1, 1 - 2 ^ 53, 0.5, 1e300 } do
      assert(core.new { identity = { number }, handlers = handlers })
    end
  end)

  it("is held to the same in the stock identity", function()
    local engine = assert(core.new { identity = core.stock_identity("me:1", 0), seed = 1 })
    local me = to "me:1"
    local fine = bytes "82 a4" .. "addr" .. bytes "a3" .. "b:1" .. bytes "a4" .. "bump" .. bytes "07"
    local long = bytes "82 a4" .. "addr" .. bytes "a3" .. "c:1" .. bytes "a4" .. "bump" .. bytes "cc 07"
    assert.is_true(engine:receive(0, "\149\1\6" .. fine .. "\0" .. me))
    local ok, message, code = engine:receive(0, "\149\1\6" .. long .. "\0" .. me)
    assert.is_nil(ok)
    assert.matches("smallest form", message)
    assert.equal("identity", code)
  end)
end)
