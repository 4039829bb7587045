--- `shoal service`, and the services on both sockets.

local node = require "spec.support.node"
local process = require "spec.support.process"
local raw = require "spec.support.raw"
local wait = require "spec.support.wait"
local web = require "spec.support.web"

local SCRIPT = [[
return require("shoal.services").script { services = {
  web = { port = 8080, tags = { "v2", "x" }, weight = 10 },
  job = { check = { ttl = 3600 } },
} }
]]

describe("shoal service", function()
  after_each(process.cleanup)

  local function pair()
    local a = node.start { source = SCRIPT }
    local status = process.tempdir() .. "/status.sock"
    local b = node.start { join = { a }, args = { "--status", status } }
    wait.for_that(function()
      local list = b:try("service")
      return list and #list == 2
    end, 10, "services of the other")
    return a, b, status
  end

  it("lists what all members offer, and in what state it is", function()
    local a, b, status = pair()
    local host = a.addr:match "^(.*):"
    assert.equal(("SERVICE  ADDRESS         STATE     WEIGHT  MEMBER%s  TAGS\n"
      .. "job      127.0.0.1       critical  1       %s\n"
      .. "web      127.0.0.1:8080  passing   10      %s  v2,x\n"):format((" "):rep(#a.addr - 6), a.addr, a.addr),
      b:ask("service").out)
    assert.same({ { name = "web", addr = host .. ":8080", host = host, port = 8080, state = "passing", weight = 10,
      tags = { "v2", "x" }, member = a.addr } }, b:try("service", "list", "web"))
    assert.equal(2, #a:try("service")) -- its own, too
    local peer = raw.connect(status)
    peer:write(raw.request(1, "services", { "web" }))
    assert.equal(host .. ":8080", peer:read()[4][1].addr)
    peer:close()
  end)

  it("reports on a service of the node, and takes one out", function()
    local a, b = pair()
    assert.equal("job is passing\n", a:ask("service", "pass", "job").out)
    assert.equal("web is maintenance\n", a:ask("service", "drain", "web").out)
    wait.for_that(function()
      local list = b:try("service")
      return list[1].state == "passing" and list[2].state == "maintenance"
    end, 10, "news of both")
    assert.equal("web is passing\n", a:ask("service", "resume", "web").out)
    local function fails(code, message, ...)
      local done = a:ask("service", ...)
      assert.same({ code, "shoal: " .. message .. "\n" }, { done.code, done.err })
    end
    fails(1, "this node has no service 'wbe'", "drain", "wbe")
    fails(1, "service 'web' has no check of the kind ttl", "pass", "web")
    fails(2, "the name of a service is missing", "drain")
    assert.equal("the script of this node has no services",
      b:ask("service", "drain", "web").err:match "shoal: (.*)\n")
  end)

  it("logs why a service does not pass, once for each reason, and shows it", function()
    local folder = process.tempdir()
    local a = node.start { args = { "--http", "127.0.0.1:0" }, source = ([[
      local rounds = 0
      local function fail()
        rounds = rounds + 1
        return false, ("no disk after %%d ms"):format(rounds)
      end
      return require("shoal.services").script { commands = { rounds = { run = function()
        return rounds
      end } }, services = {
        web = { port = 80, check = { lua = fail, every = 0.02 } },
        gone = { check = { exec = { "%s/none" }, every = 0.02 } },
      } }
    ]]):format(folder) }
    wait.for_that(function()
      return a:log():find 'the check of a service fails check=exec reason="[^"]*none[^"]*" service=gone'
        and a:log():find 'the check of a service fails check=lua reason="no disk after %d+ ms" service=web'
    end, 10, "both reasons")
    wait.for_that(function() return tonumber(a:ask("call", "rounds").out) > 20 end, 10, "more rounds")
    assert.equal(1, select(2, a:log():gsub("service=web", "")))
    assert.matches("REASON\n", a:ask("service").out)
    assert.matches("no disk after %d+ ms\n", a:ask("service").out)
    assert.matches("^no disk", a:try("service", "list", "web")[1].reason)
    assert.matches('"Output":"critical: no disk[^"]*"', web.get(a, "/v1/health/service/web").body)
  end)

  it("logs no empty reason", function()
    local a = node.start { source = [[
      return require("shoal.services").script { services = { web = { port = 80,
        check = { lua = function() return true end, every = 0.1 } } } }
    ]] }
    wait.for_that(function() return a:log():find "service is passing [^\n]*\n" end, 10, "the line")
    assert.is_nil(a:log():find("reason=", 1, true))
  end)

  it("logs what was taken out and put back, with the note", function()
    local a = node.start { source = SCRIPT }
    a:ask("service", "drain", "web", "new disk")
    a:ask("service", "resume", "web")
    wait.for_that(function()
      return a:log():find 'info  script%s+service is taken out note="new disk" service=web\n'
        and a:log():find "info  script%s+service is back service=web\n"
    end, 10, "both lines")
    assert.matches("REASON\n", (a:ask("service", "drain", "web", "once more") and a:ask("service").out))
  end)

  it("says which service is too large, and shoal check how much room all need", function()
    local script = process.write(process.tempdir() .. "/s.lua", [[
      return require("shoal.services").script { services = {
        web = { port = 80 }, big = { tags = { ("x"):rep(1000) } },
      } }
    ]])
    local a = node.start { script = script }
    wait.for_that(function()
      return a:log():find 'error script%s+a service cannot be published bytes=10%d%d reason=[^\n]* service=big'
    end, 10, "error")
    assert.same({ "web" }, { a:try("service")[1].name, a:try("service")[2] })
    local size = tonumber(process.run { process.shoal, "check", script }.out:match "max_tags_size=(%d+) ")
    assert.equal(0, node.start { script = script, args = { "--set", "max_tags_size=" .. size } }:ask("service", "drain",
      "big").code)
  end)

  it("has libcurl opened when the script is loaded, if a check needs it", function()
    local program = process.write(process.tempdir() .. "/program.lua", [[
      local services = require "shoal.services"
      local function maps(check)
        local M = services.script { services = { web = { check = check } } }
        getmetatable(M).__handlers(M)
        return io.open("/proc/self/maps"):read("*a"):find("libcurl", 1, true) ~= nil
      end
      print(maps { tcp = "127.0.0.1:1" }, maps { http = "http://127.0.0.1:1/" })
    ]])
    local done = process.run { process.lua, program, env = { LD_PRELOAD = process.preload } }
    assert.equal("false\ttrue\n", done.out, done.err)
  end)
end)
