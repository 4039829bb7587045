--- `shoal service`, and the services on both sockets.

local node = require "spec.support.node"
local process = require "spec.support.process"
local raw = require "spec.cli.raw"
local wait = require "spec.support.wait"

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
end)
