--- The page of `shoal sim --page`, in headless Chromium.

local browser = require "spec.support.browser"
local dkjson = require "dkjson"
local process = require "spec.support.process"
local wait = require "spec.support.wait"

local unpack = table.unpack or unpack -- luacheck: std max

describe("the page of a simulation", function()
  after_each(function()
    browser.close()
    process.cleanup()
  end)

  local function simulate(...)
    local path = process.tempdir() .. "/run.html"
    local done = process.cli("sim", "--config", "loopback", "--page", path, ...)
    assert.same({ 0, "" }, { done.code, done.err })
    local file = assert(io.open(path))
    local html = file:read "*a"
    file:close()
    local recorded = html:match '<script type="application/json" id="recording">(.-)</script>'
    return path, html, assert(dkjson.decode(recorded)), done.out
  end

  it("is one file that loads nothing, whatever members say of themselves", function()
    local _, html, run = simulate("examples/hello.lua", "--nodes", "3", "--for", "5", "--tag", "x=</script><b>")
    assert.matches("default%-src 'none'", html)
    for attribute, target in html:gmatch '([%w-]+)="(%w+:[^"]*)"' do
      assert.matches("^data:,", target, attribute)
    end
    assert.not_matches("EventSource", html)
    assert.not_matches("innerHTML", html)
    local count = 0
    for _ in html:gmatch "</script>" do count = count + 1 end
    assert.equal(2, count)
    assert.equal("</script><b>", run.tags[1].x)
    for id in html:gmatch 'aria%-labelledby="([^"]+)"' do
      assert.matches('id="' .. id .. '"', html)
    end
  end)

  it("does not change the run", function()
    local options = { "--nodes", "12", "--for", "20", "--kill", "2", "--json" }
    local plain = process.cli("sim", "examples/kv.lua", "--config", "loopback", unpack(options))
    local _, _, _, out = simulate("examples/kv.lua", unpack(options))
    assert.equal(plain.out, out)
  end)

  it("has views and probes up to a bound, and says what it lacks", function()
    local _, html, run = simulate("examples/hello.lua", "--nodes", "300", "--for", "2", "--allow-errors")
    assert.equal(33, #run.watched)
    assert.is_true(#run.events <= 100000)
    assert.is_true(#html < 8 * 2 ^ 20)
    assert.matches("The views of 33 members are recorded", run.about)
    assert.matches("Probes of the first 200 members are recorded", run.about)
    local recording = require "shoal.cli.recording"
    local events = {}
    local member = setmetatable({ known_as = "a" }, { __index = function(_, name)
      return function(_, event, fn)
        if name == "on" then events[event] = fn end
        return name == "tags" and {} or true
      end
    end })
    local net = { now = function() return 1.5 end }
    local self = recording.new(net, { member }, 1e6)
    for _ = 1, 100001 do events.suspect(nil, { addr = "b" }) end
    local page = self:page { script = "x", seconds = 1e6, seed = 1, total = 1 }
    assert.matches("The views end at 1.5 s, after 100000 events", page)
    assert.matches("One of 20 probes is recorded", page)
  end)

  it("shows any moment, as any member saw it", function()
    if not browser.is_there() then
      pending "chromium and chromium-driver are not installed"
      return
    end
    local path, _, run = simulate("examples/hello.lua", "--nodes", "8", "--for", "60", "--kill", "2")
    local page = browser.open("file://" .. path)
    local function text(id) return page:ask(("return document.getElementById(%q).textContent"):format(id)) end
    local function seek(time)
      page:ask(([[const slider = document.getElementById("time");
        slider.value = %g; slider.dispatchEvent(new Event("input", { bubbles: true }))]]):format(time))
    end
    local function shows(counts)
      wait.for_that(function() return text "counts" == counts end, 20, counts)
    end
    assert.equal("recorded run", text "status")
    shows "1 alive, 0 suspect, 0 down"
    seek(15)
    shows "8 alive, 0 suspect, 0 down"
    assert.matches("^[4-9]", text "probed")
    assert.is_true(page:ask "return document.querySelectorAll('#ring line').length" >= 4)
    assert.equal(8, page:ask "return document.querySelectorAll('#ring circle').length")
    assert.equal(5, page:ask "return document.querySelectorAll('#plots svg').length")
    assert.equal("15.0 seconds", page:ask "return document.getElementById('time').getAttribute('aria-valuetext')")
    seek(59)
    shows "6 alive, 0 suspect, 2 down"
    assert.matches("20.00 s the run: 2 killed", text "log")
    seek(15)
    shows "8 alive, 0 suspect, 0 down"
    assert.not_matches("killed", text "log")
    local killed -- the viewer
    for _, event in ipairs(run.events) do
      if run.kinds[event[2] + 1] == "crashed" then killed = event[3] end
    end
    page:ask(([[const who = document.getElementById("who");
      who.value = %d; who.dispatchEvent(new Event("change"))]]):format(killed))
    seek(59)
    shows "7 alive, 0 suspect, 1 down"
    assert.matches("whose view this is, crashed", text "log")
    seek(15)
    page:ask "document.getElementById('play').click()"
    wait.for_that(function() return tonumber((text "moment":match "[%d.]+")) > 15.5 end, 20, "time that goes on")
    page:ask "document.getElementById('play').click()"
    assert.equal("Play", text "play")
    assert.same({}, page:errors())
  end)
end)
