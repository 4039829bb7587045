--- The example nginx_balancer.conf, in front of real servers.

local backend = require "spec.support.backend"
local cluster = require "spec.resty.cluster"
local nginx = require "spec.support.nginx"
local process = require "spec.support.process"
local wait = require "spec.support.wait"

describe("the example nginx_balancer.conf", function()
  after_each(process.cleanup)

  local function start_nginx(socket)
    local example = process.read(process.source .. "/examples/nginx_balancer.conf")
    local http, inside = example:gsub("/run/shoal%-status/node.sock", socket):match "^(.*)\nserver {\n(.*)}\n$"
    return nginx.start { http = http, server = inside:gsub("listen 8080;", "") }
  end

  -- How often each letter has answered.
  local function answers(web, uri, count)
    local found = {}
    for _ = 1, count do
      local letter = web:get(uri)
      found[letter or "none"] = (found[letter or "none"] or 0) + 1
    end
    return found
  end

  it("sends requests to those that pass, by weight or by key, and to another one where one fails", function()
    local socket, a, b = cluster.socket(), backend.start "a", backend.start "b"
    local first = cluster.member(a.port, nil, { weight = 3, args = { "--status", socket } })
    local second = cluster.member(b.port, first)
    local web = start_nginx(socket)
    wait.for_that(function()
      local found = answers(web, "/", 8)
      return found.a and found.b and not found.none
    end, 20, "both servers")
    -- Each of eight workers gives a 3 of 4 requests.
    local found = answers(web, "/", 200)
    assert.is_true(found.a > 2 * found.b, found.a .. " and " .. found.b)
    local letters = { a = 0, b = 0 }
    for i = 1, 20 do
      local one = answers(web, "/cached/" .. i, 4)
      local letter = next(one)
      assert.same({ [letter] = 4 }, one)
      letters[letter] = letters[letter] + 1
    end
    assert.is_true(letters.a > 0 and letters.b > 0)
    -- The server ends, and its member does not know: no request fails.
    b:signal "KILL"
    b:wait(5)
    assert.same({ a = 40 }, answers(web, "/", 40))
    assert.same({ a = 1 }, answers(web, "/cached/1", 1))
    first:ask("service", "drain", "web")
    second:ask("service", "drain", "web")
    -- While b is there alone, which has ended, the answer is 502.
    wait.for_that(function()
      for _ = 1, 8 do
        if not (select(2, web:get "/") or ""):match "^HTTP/1.%d 503 " then
          return false
        end
      end
      return true
    end, 20, "refusals")
    assert.matches("no instance of 'web' passes", web:log())
    assert.matches("^HTTP/1.%d 503 ", (select(2, web:get "/cached/1")))
  end)

  it("answers 502 where all servers fail that pass", function()
    local socket, a = cluster.socket(), backend.start "a"
    local first = cluster.member(a.port, nil, { args = { "--status", socket } })
    local web = start_nginx(socket)
    wait.for_that(function() return answers(web, "/", 1).a end, 20, "the server")
    a:signal "KILL"
    a:wait(5)
    assert.matches("^HTTP/1.%d 502 ", (select(2, web:get "/")))
    assert(first)
  end)
end)
