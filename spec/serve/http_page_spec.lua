--- The page at / of `shoal run --http`, in headless Chromium, of a real cluster.

local browser = require "spec.support.browser"
local node = require "spec.support.node"
local process = require "spec.support.process"
local wait = require "spec.support.wait"
local web = require "spec.support.web"

local SERVICES = [[return require("shoal.services").script { services = { web = { port = 80, tags = { "v2" } } } }]]

describe("the page", function()
  after_each(function()
    browser.close()
    process.cleanup()
  end)

  local function start(options)
    options.args = options.args or {}
    table.insert(options.args, "--http")
    table.insert(options.args, "127.0.0.1:0")
    return node.start(options)
  end

  it("is one file, which loads nothing from elsewhere", function()
    local page = web.get(start { }, "/")
    assert.equal("text/html; charset=utf-8", page.headers["content-type"])
    assert.matches("default%-src 'none'", page.headers["content-security-policy"])
    for attribute, target in page.body:gmatch '([%w-]+)="(%w+:[^"]*)"' do
      assert.matches("^data:,", target, attribute)
    end
    assert.not_matches("innerHTML", page.body)
    assert.not_matches("url%(", page.body)
    assert.matches('<html lang="en">', page.body)
    for id in page.body:gmatch 'aria%-labelledby="([^"]+)"' do
      assert.matches('id="' .. id .. '"', page.body)
    end
  end)

  it("shows members, and a death, and when the connection is lost", function()
    if not browser.is_there() then
      pending "chromium and chromium-driver are not installed"
      return
    end
    local a = start { name = "a", config = "loopback", source = SERVICES, args = { "--tag", "mark=<b>bold</b>" } }
    local b = node.start { name = "b", join = { a }, config = "loopback", source = SERVICES }
    local c = node.start { name = "c", join = { a }, config = "loopback" }
    wait.for_that(function() return node.converged { a, b, c } end, 10, "cluster of three")
    local page = browser.open("http://" .. web.place(a) .. "/")
    local function text(id) return page:ask(("return document.getElementById(%q).textContent"):format(id)) end
    local function state(member)
      return page:ask(("const row = document.querySelector('tr[data-addr=%q]'); return row && row.dataset.state")
        :format(member.addr))
    end
    wait.for_that(function() return state(b) == "alive" and state(c) == "alive" end, 20, "two rows")
    assert.equal("alive", state(a))
    assert.equal("live", text "status")
    assert.equal("3 alive, 0 suspect, 0 down", text "counts")
    assert.matches("mark=<b>bold</b>", text "rows")
    assert.matches("web.*v2", text "services")
    wait.for_that(function() return text "plots":find "members alive%D*3" end, 20, "the counter to agree")
    wait.for_that(function()
      return page:ask "return document.querySelectorAll('#plots svg').length" == 8
        and text "probed":match "this node probes [bc]"
    end, 20, "plots and a probe")
    c:signal "KILL"
    wait.for_that(function() return state(c) == "down" end, 30, "red row")
    assert.matches("c " .. c.addr:gsub("%p", "%%%0") .. ": down %(failed%)", text "log")
    assert.equal("2 alive, 0 suspect, 1 down", text "counts")
    b:ask("service", "drain", "web")
    wait.for_that(function() return text "services":match "maintenance" end, 20, "service")
    local before = page:ask "return getComputedStyle(document.body).backgroundColor"
    page:ask "document.getElementById('theme').click()"
    assert.not_equal(before, page:ask "return getComputedStyle(document.body).backgroundColor")
    page:ask [[
      document.dispatchEvent(new KeyboardEvent("keydown", { key: "/", bubbles: true }));
      document.activeElement.value = "b 127";
      document.activeElement.dispatchEvent(new Event("input"))]]
    assert.equal(1, page:ask "return document.querySelectorAll('#rows tr').length")
    assert.same({}, page:errors())
    a:signal "KILL"
    wait.for_that(function() return text "status":match "^connection lost" end, 20, "loss")
  end)
end)
