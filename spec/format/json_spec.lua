local dkjson = require "dkjson"
local json = require "shoal.format.json"

local function round_trip(value)
  return (dkjson.decode(json.encode(value)))
end

describe("JSON", function()
  it("sorts keys, and puts those it was told first", function()
    assert.equal('{"a":1,"b":2,"c":3}', json.encode({ c = 3, a = 1, b = 2 }))
    assert.equal('{"c":3,"a":1,"b":2}', json.encode_object({ c = 3, a = 1, b = 2 }, { "c", "d" }))
  end)

  it("keeps arrays arrays, empty ones too", function()
    assert.equal("[]", json.encode({}))
    assert.equal('{"list":[]}', json.encode({ list = {} }))
    assert.equal("[1,[2],[]]", json.encode({ 1, { 2 }, {} }))
    assert.equal("{}", json.encode_object({}))
  end)

  it("is not led astray by a field named n", function()
    assert.equal('{"n":1000000000}', json.encode({ n = 1e9 }))
  end)

  it("writes tables with holes as objects", function()
    assert.equal('{"1":1,"2":2,"4":4,"x":0}', json.encode({ 1, 2, nil, 4, x = 0 }))
  end)

  it("writes integers whole and other numbers exactly", function()
    assert.equal("1760000000123456", json.encode(1760000000123456))
    assert.equal("-3", json.encode(-3))
    assert.equal("0.1", json.encode(0.1))
    assert.equal(1 / 3, round_trip(1 / 3))
  end)

  it("has null for what is no number", function()
    assert.equal("[null,null,null]", json.encode({ 0 / 0, 1 / 0, -1 / 0 }))
    assert.equal("null", json.encode(nil))
  end)

  it("escapes what a string must not hold", function()
    for _, s in ipairs { 'say "hi"', "a\\b", "\0\1\31\127", "line\nline", "Zürich 日本 😀" } do
      assert.equal(s, round_trip(s))
      assert.is_nil(json.encode(s):find("[%z\1-\31]"))
    end
  end)

  it("writes bytes that are no UTF-8 as the code points of these numbers", function()
    assert.equal('"\\u00ff\\u0001a"', json.encode("\255\1a"))
    assert.equal('"\\u00c3\\u00a9\\u00ff"', json.encode("é\255"))
  end)
end)
