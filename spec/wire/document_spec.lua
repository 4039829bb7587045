--- docs/wire.md shows what is really written.

local core = require "shoal.core"
local golden = require "spec.wire.golden"

local function read(path)
  local file = assert(io.open((os.getenv("SHOAL_SOURCE") or ".") .. "/" .. path, "rb"))
  local text = file:read("*a")
  file:close()
  return text
end

local text = read "docs/wire.md"

--- The bytes in tables: the last cell of rows like | ping A to B | `96 01` B |
local function in_tables()
  local found = {}
  -- tables of records are something else
  local headers = text:gsub("\n### Exchanges\n.-\n## ", "\n## ")
    :gsub("\n## Topics\n.-\n## ", "\n## ")
  for cell in headers:gmatch("\n| [^\n]-%f[ABCD][ABCD]%f[%W][^\n|]*| (`[`%x%s#@ABCD]*) |") do
    found[#found + 1] = golden.hex(golden.bytes((cell:gsub("`", ""))))
  end
  table.sort(found)
  return found
end

--- The bytes in blocks, with a remark behind two spaces in some lines.
local function in_blocks()
  local found = {}
  for block in text:gmatch("\n```\n(.-)```") do
    local hex = ""
    for line in block:gmatch("[^\n]+") do
      hex = hex .. ((line .. "  "):match("^%s*(%x%x[%x ]-)%s%s") or "?")
    end
    if not hex:find("?", 1, true) then found[hex:gsub(" ", "")] = true end
  end
  return found
end

describe("the picture of the wire format", function()
  it("shows the golden header of each kind, and the golden members", function()
    local expected = {}
    for _, list in ipairs { golden.headers, golden.members } do
      for _, entry in ipairs(list) do expected[#expected + 1] = golden.hex(golden.bytes(entry[1])) end
    end
    table.sort(expected)
    assert.same(expected, in_tables())
  end)

  it("shows records of an exchange", function()
    for _, record in ipairs(golden.records) do
      assert.is_truthy(text:find(("| `%s` |\n"):format(record), 1, true), record)
    end
  end)

  it("shows the stock identity, a header in full and a whole packet", function()
    local blocks = in_blocks()
    assert.is_true(blocks[golden.id_hex.A])
    assert.is_true(blocks[golden.id_hex.D])
    assert.is_true(blocks[golden.hex(golden.bytes(golden.headers[1][1]))])
    assert.is_true(blocks[golden.hex(golden.bytes(golden.gossip))])
  end)

  --- Those without cookies, which any of them may have.
  local function plain_headers()
    local plain = {}
    for _, entry in ipairs(golden.headers) do
      if not entry[2].cookie and not entry[2].echo then plain[#plain + 1] = entry end
    end
    return plain
  end

  it("tells how many elements a header has, in wire.h as well", function()
    local fewest, most = math.huge, 0
    for _, entry in ipairs(plain_headers()) do
      local elements = tonumber(entry[1]:match("^9(%x)"), 16)
      fewest, most = math.min(fewest, elements), math.max(most, elements)
    end
    local range = (" of %d to %d "):format(fewest, most)
    assert.is_truthy(text:find("An array" .. range .. "elements", 1, true), range)
    assert.is_truthy(read "src/wire/wire.h":find("header   array" .. range, 1, true), range)
  end)

  it("names every kind with its value", function()
    for _, entry in ipairs(plain_headers()) do
      local elements, kind = entry[1]:match("^9(%x) 01 (%x%x)")
      local row = ("\n| %s | %d | [^|]*%d"):format(entry[2].kind, tonumber(kind, 16) % 32, tonumber(elements, 16))
      assert.is_truthy(text:find(row), row)
    end
  end)
end)

-- What the default codec makes of the golden ones is what other codecs have to do with.
describe("the fields of a codec", function()
  local function keys_of(decode, list)
    local keys = {}
    for _, entry in ipairs(list) do
      for key in pairs(assert(decode(golden.bytes(entry[1]), 1))) do keys[key] = true end
    end
    return keys
  end

  local cases = {
    Header = keys_of(core.codec.decode_header, golden.headers),
    Claim = keys_of(core.codec.decode_member, golden.members),
  }
  for class, keys in pairs(cases) do
    it("are in the types and in the manual: shoal." .. class, function()
      local types = assert(read "lua/shoal/types/codec.lua":match("%-%-%-@class shoal%." .. class .. "\n(.-)\n\n"))
      local manual = assert(read "docs/handlers.md":match("\n## Codec(.-)\n## "))
      for key in pairs(keys) do
        assert.is_truthy((types .. "\n"):find("@field " .. key .. "%f[%W]"), key .. " in the types")
        assert.is_truthy(manual:find("%f[%w_]" .. key .. "="), key .. " in the manual")
      end
    end)
  end
end)
