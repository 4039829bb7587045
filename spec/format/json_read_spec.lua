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
