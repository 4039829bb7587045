--- The addon of the Lua language server: `make addon`.

local addon = require "spec.support.addon"
local json = require "dkjson"

describe("the addon", function()
  local all = addon.files()

  it("has a config that the language server can read", function()
    local config = assert(json.decode(all["config.json"]))
    assert.equal("shoal", config.name)
    for _, line in ipairs { 'require "shoal"', "require 'shoal.core'", "require('shoal.sim')" } do
      assert.is_truthy(line:find(config.words[1]), line)
    end
  end)

  it("has each module that the types are about where it is required from", function()
    local names = {}
    for _, text in pairs(all) do
      for name in text:match("^[^\n]*\n[^\n]*"):gmatch 'require "(shoal[%w.]*)"' do names[name] = true end
    end
    names["shoal.sim"] = true
    assert.is_true(names.shoal and names["shoal.core"] and names["shoal.services"])
    for name in pairs(names) do
      local text = all["library/" .. name:gsub("%.", "/") .. ".lua"]
      assert.is_string(text, name)
      assert.is_truthy(text:find "\nreturn %a+\n$", name)
    end
  end)

  it("is Lua, all of it", function()
    for name, text in pairs(all) do
      if name:find "%.lua$" then assert((loadstring or load)(text, "@" .. name)) end -- luacheck: std max
    end
  end)
end)
