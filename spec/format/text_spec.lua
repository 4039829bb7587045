local text = require "shoal.format.text"

describe("text for people", function()
  it("leaves plain text alone", function()
    for _, plain in ipairs { "", "10.0.0.2:7946", "Zürich", "日本", "a b" } do
      assert.equal(plain, text.escape(plain))
    end
  end)

  it("shows what could act on a terminal as an escape", function()
    assert.equal("\\x1b[31mred\\x1b[0m", text.escape("\27[31mred\27[0m"))
    assert.equal("a\\nb\\tc\\rd", text.escape("a\nb\tc\rd"))
    assert.equal("\\x00\\x07\\x7f", text.escape("\0\7\127"))
    assert.equal("\\xc2\\x9b31m", text.escape("\194\15531m")) -- C1: a CSI of one character
    assert.equal("\\xe2\\x80\\xaeevil", text.escape("\226\128\174evil")) -- right to left
    assert.equal("\\xe2\\x81\\xa6x", text.escape("\226\129\166x"))
  end)

  it("shows bytes that are no UTF-8 as escapes", function()
    for _, broken in ipairs { "\255", "\192\128", "\237\160\128", "\244\144\128\128", "\226\130", "\128" } do
      assert.equal(#broken * 4, #text.escape(broken), broken)
    end
    assert.equal("é\\xffé", text.escape("é\255é"))
  end)

  it("keeps an escape apart from text that looks like one", function()
    assert.equal("\\\\x1b", text.escape("\\x1b"))
  end)

  it("puts any value on one line", function()
    assert.equal("{meta={role=db},ports=[80,443]}", text.value({ ports = { 80, 443 }, meta = { role = "db" } }))
    assert.equal("1760000000000000", text.value(1760000000000000))
    assert.equal("true", text.value(true))
    assert.equal("[]", text.value({}))
    assert.equal("{a\\nb=c\\nd}", text.value({ ["a\nb"] = "c\nd" }))
  end)

  it("shows none of the bytes of a value as a letter if they are not UTF-8", function()
    assert.equal("[N\\xc9\\x9e\\xff\\n\\\\,é]", text.value({ "N\201\158\255\n\\", "é" }))
    assert.equal("\\xc3\\xa9\\xff", text.value("é\255"))
  end)

  it("tells durations by their two largest units", function()
    local expected = {
      [0] = "0s", [-1] = "0s", [59.9] = "59s", [60] = "1m00s", [125] = "2m05s", [3600] = "1h00m",
      [86399] = "23h59m", [12 * 86400 + 7 * 3600] = "12d07h",
    }
    for seconds, told in pairs(expected) do
      assert.equal(told, text.duration(seconds))
    end
  end)

  it("tells short times with three digits", function()
    local expected = {
      [0.000008] = "0.008ms", [0.000512] = "0.512ms", [0.0203] = "20.3ms", [0.5123] = "512ms", [1.5] = "1.5s",
      [0.9999] = "1s", [18.8] = "18.8s",
    }
    for seconds, told in pairs(expected) do
      assert.equal(told, text.short_time(seconds))
    end
  end)

  it("aligns columns by characters, not bytes", function()
    assert.equal("AA    B\né     x\nlong\n", text.table({ { "AA", "B" }, { "é", "x" }, { "long", "" } }))
  end)
end)
