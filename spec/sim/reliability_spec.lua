--- `make reliability`, on a small scale: it fills the tables of its document, and
-- the promises made there hold.

local files = require "spec.support.files"
local nets = require "spec.sim.support"
local process = require "spec.support.process"

local MEMBERS, SECONDS = 40, 120
-- Those with a row for each of two configs. The others are of a fixed size, and take long.
local NAMES = { "no loss", "20 % loss", "crash", "many crash", "pauses", "partition", "mass join", "one way",
  "lossy join", "never met", "healing" }

-- Table name -> config -> the other cells of its row.
local function tables_of(text)
  local tables = {}
  for name, body in text:gmatch("<!%-%- table: (.-) %-%->\n(.-)<!%-%- end %-%->") do
    tables[name] = {}
    for config, cells in body:gmatch("| `(%w+)` | ([^\n]*) |\n") do
      local row = {}
      for cell in (cells .. " | "):gmatch("(.-) | ") do
        row[#row + 1] = cell
      end
      tables[name][config] = row
    end
  end
  return tables
end

describe("make reliability", function()
  local tables

  setup(function()
    local path = process.write(process.tempdir() .. "/reliability.md", files.read("docs/reliability.md"))
    local done = process.run { nets.interpreter(), "bench/reliability.lua", process.build, path, MEMBERS, SECONDS, 1,
      table.concat(NAMES, ","), cwd = files.root, env = { LD_PRELOAD = process.preload } }
    assert.equal(0, done.code, done.err)
    tables = tables_of(assert(process.read(path)))
  end)
  teardown(process.cleanup)

  it("has written down what becomes of tags and topics", function()
    local text = files.read "docs/reliability.md"
    for _, name in ipairs { "tags", "topics" } do
      local body = assert(text:match("<!%-%- table: " .. name .. " %-%->\n(.-)<!%-%- end"), name)
      assert.is_true(select(2, body:gsub("\n", "")) > 5, name .. " is empty: run make reliability")
    end
  end)

  local function figure(name, config, column)
    return tonumber((tables[name][config][column]:match("^[%d.]+")))
  end

  it("fills every table, for both configs", function()
    local documented = tables_of(files.read("docs/reliability.md"))
    for _, name in ipairs(NAMES) do
      local configs = assert(documented[name], name)
      for _, config in ipairs { "simple", "lan" } do
        assert.is_true(#configs[config] >= 3, name .. " is empty in the document: run make reliability")
        assert.equal(#configs[config], #tables[name][config])
      end
    end
  end)

  it("reports nobody down in a calm network", function()
    for _, config in ipairs { "simple", "lan" } do
      assert.equal(0, figure("no loss", config, 1))
      assert.equal(0, figure("no loss", config, 2))
    end
  end)

  it("loses a tenth at most of the members that plain SWIM loses in a lossy network", function()
    assert.is_true(figure("20 % loss", "simple", 1) > 100)
    assert.is_true(figure("20 % loss", "lan", 1) <= figure("20 % loss", "simple", 1) / 10)
  end)

  it("tells all of a crash in time", function()
    assert.is_true(figure("crash", "lan", 2) < 10)
  end)

  it("does not let overloaded members take healthy ones down", function()
    assert.is_true(figure("pauses", "simple", 1) > 50)
    assert.is_true(figure("pauses", "lan", 1) <= figure("pauses", "simple", 1) / 50)
  end)

  it("heals a partition within two minutes, and loses nobody", function()
    assert.is_true(figure("partition", "lan", 2) < 120)
    assert.equal(0, figure("partition", "lan", 4))
  end)

  it("brings a mass join together within a minute", function()
    assert.is_true(figure("mass join", "lan", 4) < 60) -- of 312
  end)

  it("brings halves together that never met", function()
    assert.is_true(figure("never met", "lan", 2) < 45)
  end)

  it("finds a member down that is not heard, for good, and nobody else", function()
    assert.is_true(figure("one way", "lan", 1) < 60)
    assert.equal(0, figure("one way", "lan", 2))
    assert.equal(0, figure("one way", "lan", 3))
  end)
end)
