--- node:http in a simulation: net:on_http answers.

local nets = require "spec.sim.support"

describe("a request in a simulation", function()
  after_each(nets.close)

  it("is a function's response, at some virtual time", function()
    local net = nets.new()
    local member = net:spawn()
    local asked, outcome
    net:on_http(function(who, request)
      asked = { who = who, request = request }
      return { status = 201, headers = { ["X-A"] = "b" }, body = "made", after = 0.25 }
    end)
    member:http({ url = "https://hooks.example/x", body = "{}", headers = { ["Content-Type"] = "application/json" } },
      function(_, response) outcome = { response, net:now() } end)
    net:run(1)
    assert.same({ who = member, request = { url = "https://hooks.example/x", method = "POST", body = "{}",
      headers = { ["Content-Type"] = "application/json" } } }, asked)
    assert.same({ { status = 201, headers = { ["x-a"] = "b" }, body = "made", truncated = false }, 0.25 }, outcome)
  end)

  it("is refused, late, or too long", function()
    local net = nets.new()
    local member = net:spawn()
    local outcomes = {}
    local function go(options)
      member:go(function(n) outcomes[#outcomes + 1] = { n:http(options) } end)
      net:run(40)
    end
    go { url = "http://a/" }
    net:on_http(function(_, request)
      if request.url == "http://refused/" then return nil, "connection refused" end
      return { body = "0123456789", after = request.url == "http://late/" and 100 or 0 }
    end)
    go { url = "http://refused/" }
    go { url = "http://late/" }
    go { url = "http://long/", max_body = 3 }
    assert.same({
      { nil, "nobody answers in this simulation (net:on_http)", "http" },
      { nil, "connection refused", "http" },
      { nil, "it took too long", "timeout" },
      { { status = 200, headers = {}, body = "012", truncated = true } },
    }, outcomes)
  end)

  it("ends with its member and with the version of its handlers", function()
    local net = nets.new()
    local member, went_on = net:spawn(), false
    net:on_http(function() return { after = 10 } end)
    member:set_handlers { on_reload = function(n)
      n:go(function()
        n:http { url = "http://a/" }
        went_on = true
      end)
    end }
    net:run(1)
    member:set_handlers {}
    member:http({ url = "http://a/" }, function() went_on = true end)
    net:run(1)
    net:crash(member)
    net:run(100)
    assert.is_false(went_on)
  end)
end)
