--- JSON that clients of the status socket send.

local decode = require("shoal.format.json_read").decode

describe("JSON", function()
  for text, value in pairs {
    ["1"] = 1, ["-2.5e3"] = -2500, [" true "] = true, ["false"] = false, ['""'] = "", ['"a\\n\\"b\\/"'] = 'a\n"b/',
    ['"\\u00e9\\u20ac\\ud83d\\ude00"'] = "\195\169\226\130\172\240\159\152\128", ['"\\ud83d"'] = "\239\191\189",
  } do
    it("reads " .. text, function() assert.equal(value, decode(text)) end)
  end

  it("reads objects and arrays", function()
    assert.same({ a = { 1, { b = "x" }, {} }, c = {} }, decode ' {"a" : [1, {"b":"x"},[]] ,"c":{}, "d":null}')
    assert.same({ 1, nil, 3 }, decode "[1,null,3]")
    assert.is_nil(decode "null")
  end)

  for text, message in pairs {
    [""] = "not a value at byte 1", ["{"] = "no name at byte 2", ['{"a"}'] = "no : at byte 5",
    ["[1 2]"] = "no , or ] at byte 4", ["01"] = "not a value at byte 1", ["nil"] = "not a value at byte 1",
    ['"a'] = "the string does not end at byte 3", ['"\1"'] = "a control character in a string at byte 2",
    ['"\\x"'] = "an unknown escape at byte 2", ['"\\u12"'] = "no four hexadecimal digits at byte 4",
    ["1 2"] = "more than one value at byte 3", ["'a'"] = "not a value at byte 1", ["[1,]"] = "not a value at byte 4",
    [("["):rep(1000)] = "nested too deep at byte 34",
  } do
    it("refuses " .. text:sub(1, 20), function() assert.same({ nil, message }, { decode(text) }) end)
  end
end)

describe("what has changed since", function()
  local history = require "shoal.serve.history"

  local function members(...)
    local list = {}
    for i, name in ipairs { ... } do list[i] = { addr = name } end
    return list
  end

  local function add(past, number, joined, left, changed)
    past:add(number, { joined = members(joined), left = members(left), changed = members(changed) })
  end

  it("is one list of each kind, of what is different in the end", function()
    local past = history.new()
    add(past, 1, "a", nil, nil)
    add(past, 2, "b", "x", "y")
    add(past, 3, "x", "b", "a")
    assert.same({ joined = members "a", left = {}, changed = members("x", "y") }, past:since(1))
    assert.same({ joined = {}, left = {}, changed = members("x", "y", "a") }, past:since(2))
    assert.same({ joined = members "x", left = members "b", changed = members "a" }, past:since(3))
    assert.is_nil(past:since(0))
    assert.is_nil(past:since(4))
  end)

  it("is forgotten when it is too much", function()
    local past = history.new()
    for i = 1, 10010 do add(past, i, "m" .. i) end
    assert.is_nil(past:since(10))
    assert.equal(10000, #past:since(11).joined)
  end)
end)
