--- The MessagePack and the owners of lua-resty-shoal, beside those of the engine.

if not package.loaded.jit then
  return -- it is for LuaJIT
end

local core = require "shoal.core"
local dice = require "spec.support.dice"

package.path = (os.getenv "SHOAL_SOURCE" or ".") .. "/lua/?.lua;" .. package.path
local msgpack = require "resty.shoal.msgpack"

local VALUES = {
  0, 1, 127, 128, 255, 256, 65535, 65536, 2 ^ 32 - 1, 2 ^ 32, 2 ^ 53 - 1, -1, -32, -33, -128, -129, -32768, -32769,
  -2 ^ 31, -2 ^ 31 - 1, -2 ^ 53 + 1, 0.5, -1.25, 1e300, true, false, "", "a", ("b"):rep(31), ("c"):rep(32),
  ("d"):rep(255), ("e"):rep(256), ("f"):rep(70000), {}, { 1, 2, 3 }, { a = 1, bb = 2, c = { d = {} } },
  { "x", { "y", { z = "\0\255" } } }, { [1] = 1, [3] = 3 },
}

describe("MessagePack in nginx", function()
  it("is that of the engine, both ways", function()
    for i, value in ipairs(VALUES) do
      local packed = msgpack.pack(value)
      assert.equal(core.pack(value), packed, "value " .. i)
      local ok, back = msgpack.unpack(packed)
      assert.is_true(ok, "value " .. i)
      assert.same(value, back)
    end
    local many = {}
    for i = 1, 70000 do many[i] = i end
    assert.equal(core.pack(many), msgpack.pack(many))
    assert.same(many, select(2, msgpack.unpack(msgpack.pack(many))))
  end)

  it("says what is wrong with bytes that are cut off, changed or random", function()
    local whole = msgpack.pack { 1, "two", { three = { 4.5, -600, ("x"):rep(40) } }, 2 ^ 40 }
    for i = 0, #whole - 1 do
      assert.is_nil((msgpack.unpack(whole:sub(1, i))))
    end
    assert.is_nil((msgpack.unpack(whole .. "\0")))
    assert.is_nil((msgpack.unpack(("\145"):rep(1000))))
    local roll = dice(7)
    for _ = 1, 5000 do
      local at = roll(#whole)
      msgpack.unpack(whole:sub(1, at - 1) .. string.char(roll(256) - 1) .. whole:sub(at + 1))
      local bytes = {}
      for i = 1, roll(40) do bytes[i] = string.char(roll(256) - 1) end
      msgpack.unpack(table.concat(bytes))
    end
  end)

  it("takes values out of a stream that comes in any pieces", function()
    local text, at = msgpack.pack { 1, "two", { 3 } } .. msgpack.pack "next", 0
    local reader = msgpack.reader(function()
      at = at + 1
      if at <= #text then return text:sub(at, at) end
      return nil, "closed"
    end)
    assert.same({ true, { 1, "two", { 3 } } }, { reader:next() })
    assert.same({ true, "next" }, { reader:next() })
    assert.same({ n = 2, nil, "closed" }, { n = select("#", reader:next()), nil, "closed" })
  end)
end)
