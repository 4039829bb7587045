--- docs/wire.md shows what is really written.

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
  for cell in text:gmatch("\n| [^\n]-%f[ABC][ABC]%f[%W][^\n|]*| (`[`%x%sABC]*) |") do
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

  it("shows the stock identity, a header in full and a whole packet", function()
    local blocks = in_blocks()
    assert.is_true(blocks[golden.id_hex.A])
    assert.is_true(blocks[golden.hex(golden.bytes(golden.headers[1][1]))])
    assert.is_true(blocks[golden.hex(golden.bytes(golden.gossip))])
  end)

  it("names every kind with its value", function()
    for _, entry in ipairs(golden.headers) do
      local elements, kind = entry[1]:match("^9(%x) 01 (%x%x)")
      local row = ("\n| %s | %d | [^|]*%d"):format(entry[2].kind, tonumber(kind, 16), tonumber(elements, 16))
      assert.is_truthy(text:find(row), row)
    end
  end)
end)
