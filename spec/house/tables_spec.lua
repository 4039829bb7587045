--- What documents and types say of errors, events, config fields and counters is what the headers say.

local core = require "shoal.core"
local files = require "spec.support.files"
local tables = require "spec.support.tables"

describe("the tables of the documents", function()
  for _, path in ipairs(tables.FILES) do
    it("are those of the headers in " .. path .. " (make tables)", function()
      assert.equal(tables.filled(path), files.read(path))
    end)
  end
end)

describe("the table of messages", function()
  it("has a line in docs/wire.md for each", function()
    local document = files.read "docs/wire.md"
    for _, row in ipairs(tables.rows("shoal_tables.h", "MESSAGES")) do
      assert.is_truthy(document:find(("\n| %s | %s |"):format(row[3], row[2]), 1, true), row[3])
    end
  end)
end)

describe("the table of events", function()
  it("has a line in docs/handlers.md for each that has a handler", function()
    local document = files.read "docs/handlers.md"
    for _, row in ipairs(tables.rows("shoal_tables.h", "EVENTS")) do
      local is_there = document:find("\n| `on_" .. row[3] .. "(", 1, true) ~= nil
      assert.equal(row[4] ~= "1", is_there, row[3])
    end
  end)
end)

describe("a code that Lua sees", function()
  local known = {}
  for _, row in ipairs(tables.rows("shoal_tables.h", "ERRORS")) do known[row[3]] = true end
  for _, name in ipairs { "NODE_CODES", "CONTROL_CODES", "TOOL_CODES" } do
    for _, row in ipairs(tables.rows("lua/result.h", name, "RESULT_")) do known[row[2]] = true end
  end

  it("is in a table when it is answered by Lua", function()
    local unknown = {}
    for _, path in ipairs(files.find("lua", "*.lua")) do
      local source = files.read(path):gsub("%-%-[^\n]*", "")
      for code in source:gmatch 'return nil,[^\n]*, "([%l_]+)"\n' do
        if not known[code] then unknown[#unknown + 1] = path .. ": " .. code end
      end
    end
    assert.same({}, unknown)
  end)

  it("is from a table when it is answered by C", function()
    local literal = {}
    for _, path in ipairs(files.find("src", "*.c")) do
      for call in files.read(path):gmatch "result_fail[_%l]*(%b())" do
        if call:find ', "[%l_]+"%)$' then literal[#literal + 1] = path .. ": " .. call end
      end
    end
    assert.same({}, literal)
  end)
end)

describe("the table of config fields", function()
  local rows = tables.rows("shoal_config.h", "CONFIG_FIELDS")

  it("has the fields that a config has, and no others", function()
    local names, there = {}, {}
    for _, row in ipairs(rows) do
      assert.equal(6, #row)
      names[row[2]] = true
    end
    for name in pairs(core.preset("lan", 10)) do
      there[name] = true
    end
    assert.same(there, names)
  end)

  for _, row in ipairs(rows) do
    local name, kind, least, most = row[2], row[3], tonumber(row[4]), tonumber(row[5])

    local function set(value)
      local config = core.preset("lan", 10)
      config.probe_period = 31622400
      config.probe_rtt = 0.000001
      config[name] = value
      local engine, message, code = core.new { identity = core.stock_identity("a:1", 1), config = config }
      return engine and "fine" or code, message or engine:config()
    end

    if kind == "COUNT" or kind == "BYTES" or kind == "SECONDS" then
      it("has the range of " .. name, function()
        local step = kind == "SECONDS" and 0.000001 or 1
        local outcome, config = set(least)
        assert.equal("fine", outcome)
        assert.equal(least, config[name])
        assert.equal("fine", (set(name == "probe_rtt" and most - 1 or most))) -- the rtt is less than the period
        if name ~= "cluster_size" then -- which is no number of anything below 1: misuse
          assert.equal("invalid_config", (set(least - step)))
          assert.equal("invalid_config", (set(most + step)))
        end
      end)
    elseif kind == "PERIODIC" then
      it("has the range of " .. name, function()
        for _, members in ipairs { least, most } do
          assert.equal("fine", (set { every = 1, members = members }))
        end
        for _, members in ipairs { least - 1, most + 1 } do
          assert.equal("invalid_config", (set { every = 1, members = members }))
        end
      end)
    end
  end
end)
