--- Work for many clients: one piece in a turn, and one that fails is cut off alone.

local socket = require "socket"

describe("work for many clients", function()
  local timers, work, done, is_full

  before_each(function()
    timers, done, is_full = {}, {}, false
    work = require "shoal.serve.turns".new { after = function(_, _, fn)
      if is_full then error "no timer" end
      timers[#timers + 1] = fn
      return {}
    end }
  end)

  local function client(name)
    local self = { is_there = true }
    function self.is_open() return self.is_there end
    function self.drop() done[#done + 1] = "dropped " .. name end
    return self, function() done[#done + 1] = name end
  end

  it("is done in order, one piece in a turn, for those who are still there", function()
    local a, for_a = client "a"
    local b, for_b = client "b"
    local c, for_c = client "c"
    work:add(a, for_a)
    work:add(b, for_b)
    work:add(c, for_c)
    assert.same({}, done)
    b.is_there = false
    assert.equal(1, #timers)
    table.remove(timers, 1)()
    assert.same({ "a" }, done)
    table.remove(timers, 1)()
    assert.same({ "a", "c" }, done)
    assert.equal(0, #timers)
  end)

  it("goes on behind what fails, and drops all if there is no next turn", function()
    local a = client "a"
    local b, for_b = client "b"
    work:add(a, function() error("no", 0) end)
    work:add(b, for_b)
    assert.has_error(table.remove(timers, 1), "no")
    table.remove(timers, 1)()
    assert.same({ "dropped a", "b" }, done)
    work:add(a, for_b)
    work:add(b, for_b)
    is_full = true
    assert.has_error(table.remove(timers, 1))
    assert.same({ "dropped a", "b", "dropped b" }, done)
  end)

  -- The most walks over the members in one turn of the loop, when all these ask at once.
  local function walks_of(uri)
    local shoal, http = require "shoal", require "shoal.serve.http"
    local node = assert(shoal.start { bind = "127.0.0.1:0", log = false, handlers = {} })
    local server = assert(http.listen "127.0.0.1:0")
    server:attach(node)
    local turn, walks, most, all = 0, {}, 0, 0
    local function next_turn()
      turn = turn + 1
      node:after(0, next_turn)
    end
    node:after(0, next_turn)
    local fake = setmetatable({}, { __index = function(_, name)
      local value = node[name]
      return type(value) == "function" and function(_, ...) return value(node, ...) end or value
    end })
    function fake.members()
      walks[turn], all = (walks[turn] or 0) + 1, all + 1
      most = math.max(most, walks[turn])
      return {}
    end
    server.node = fake
    local clients = {}
    for i = 1, 20 do
      clients[i] = assert(socket.connect("127.0.0.1", server:stats().place:match ":(%d+)$"))
      clients[i]:send(("GET %s HTTP/1.1\r\nHost: localhost\r\n\r\n"):format(uri))
    end
    local deadline = socket.gettime() + 20
    repeat shoal.step(0.01) until all >= 20 or socket.gettime() > deadline
    for _, one in ipairs(clients) do one:close() end
    server:close()
    node:close()
    return most, all
  end

  it("is what lists of members are", function()
    for _, uri in ipairs { "/members", "/services", "/view", "/sd/prometheus", "/metrics?members=1" } do
      local most, all = walks_of(uri)
      assert.equal(20, all, uri)
      assert.is_true(most <= 2, ("%s: %d in one turn"):format(uri, most))
    end
  end)
end)
