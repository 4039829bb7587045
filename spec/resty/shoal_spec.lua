--- lua-resty-shoal in a real nginx with eight workers, beside real members.

local cluster = require "spec.resty.cluster"
local dkjson = require "dkjson"
local node = require "spec.support.node"
local process = require "spec.support.process"
local signal = require "posix.signal"
local unistd = require "posix.unistd"
local wait = require "spec.support.wait"

describe("lua-resty-shoal", function()
  after_each(process.cleanup)

  -- The node that nginx asks, and its socket.
  local function start_node(port, options)
    options = options or {}
    local socket = options.socket or cluster.socket()
    options.args = { "--status", socket }
    return cluster.member(port, nil, options), socket
  end

  it("shows all workers who offers a service, and who no longer does", function()
    local a, socket = start_node(8001)
    local web = cluster.nginx(socket)
    web.all_see "8001"
    local b = cluster.member(8002, a)
    cluster.member(8003, a)
    web.all_see("8001", "8002", "8003")
    b:ask("service", "drain", "web")
    web.all_see("8001", "8003")
    a:ask("service", "drain", "web") -- its own tags are no event
    web.all_see "8003"
    b:ask("service", "resume", "web")
    b:ask "leave"
    web.all_see "8003"
    assert.same({ a.addr, "2", "false", "nil" },
      { web.info().node, web.info().members, web.info().stale, web.info().trouble })
    assert.equal("2 1", web.eval [[
      return shoal:size() .. " " .. #shoal:members { where = function(m) return m.is_self end }
    ]])
  end)

  it("takes out of all workers a member that was killed", function()
    local a, socket = start_node(8001, { config = "loopback" })
    local b = cluster.member(8002, a, { config = "loopback" })
    local web = cluster.nginx(socket)
    web.all_see("8001", "8002")
    b:signal "KILL"
    web.all_see "8001"
  end)

  it("has another worker watch, when the one that does is killed", function()
    local a, socket = start_node(8001)
    local web = cluster.nginx(socket)
    web.all_see "8001"
    for port = 8002, 8003 do
      local before = tonumber(web.info().watcher)
      assert(signal.kill(before, signal.SIGKILL))
      wait.for_that(function()
        local now = tonumber(web.info().watcher)
        return now and now ~= before
      end, 20, "other watcher")
      cluster.member(port, a)
    end
    web.all_see("8001", "8002", "8003")
  end)

  it("has another worker watch, when the one that does stands still", function()
    local a, socket = start_node(8001)
    local web = cluster.nginx(socket)
    web.all_see "8001"
    -- A process that lives, and whose beat does not grow. No clock is asked.
    local us = unistd.getpid()
    web.eval(("ngx.shared.shoal:set(shoal.store.keys.lock, '%d:0')"):format(us))
    cluster.member(8002, a)
    web.all_see("8001", "8002")
    assert.not_equal(tostring(us), web.info().watcher)
  end)

  it("shows new workers what is so now, at each of many reloads", function()
    local a, socket = start_node(8001)
    local b = cluster.member(8002, a)
    local web = cluster.nginx(socket)
    web.all_see("8001", "8002")
    for i = 1, tonumber(os.getenv "SHOAL_RELOADS") or 6 do
      web:reload()
      local is_drained = i % 2 == 1
      local done = b:ask("service", is_drained and "drain" or "resume", "web")
      assert.equal(0, done.code, done.err)
      web.all_see("8001", not is_drained and "8002" or nil)
    end
    assert.is_nil(web:log():match "%[error%][^\n]*\n" or web:log():match "%[alert%][^\n]*\n")
  end)

  it("answers in a new worker's first request from the dict, though the node is gone", function()
    local a, socket = start_node(8001)
    cluster.member(8002, a)
    local web = cluster.nginx(socket)
    web.all_see("8001", "8002")
    a:signal "KILL"
    a:wait(5)
    web:reload()
    web.all_see("8001", "8002")
    wait.for_that(function()
      local info = web.info()
      return info.stale == "true" and info.trouble:match "cannot connect" or info.trouble:match "is lost"
    end, 20, "trouble")
  end)

  it("keeps what a restarted node does not know yet, for a while", function()
    local socket = cluster.socket()
    local a = start_node(8001, { socket = socket, bind = node.own_address() })
    local b = cluster.member(8002, a)
    local web = cluster.nginx(socket, { hold = 3600 })
    web.all_see("8001", "8002")
    local bound = a.addr
    a:signal "KILL"
    a:wait(5)
    local again = start_node(8001, { socket = socket, bind = bound })
    wait.for_that(function() return web.info().stale == "false" and web.info().trouble == "nil" end, 20, "answer")
    web.all_see("8001", "8002")
    again:ask("service", "drain", "web")
    web.all_see "8002"
    again:ask("join", b.addr)
    wait.for_that(function() return again:sees(b) end, 20, "member")
    b:ask("service", "drain", "web") -- what the node says of it counts again
    web.all_see()
  end)

  it("forgets what a restarted node does not find, after that while", function()
    local socket = cluster.socket()
    local a = start_node(8001, { socket = socket, bind = node.own_address() })
    local b = cluster.member(8002, a)
    local web = cluster.nginx(socket, { hold = 0.5 })
    web.all_see("8001", "8002")
    local bound = a.addr
    for _, member in ipairs { b, a } do -- so patient are they that nobody is found down
      member:signal "KILL"
      member:wait(5)
    end
    start_node(8001, { socket = socket, bind = bound })
    web.all_see "8001"
  end)

  it("begins before the node does", function()
    local socket = cluster.socket()
    local web = cluster.nginx(socket)
    wait.for_that(function() return web.info().trouble:match "there is no socket" end, 20, "trouble")
    assert.equal("the node has not answered yet", web.eval "return select(2, shoal:service 'web')")
    start_node(8001, { socket = socket })
    web.all_see "8001"
    wait.for_that(function() return web.info().trouble == "nil" end, 20, "no trouble")
  end)

  it("says that the dict is too small, and goes on when it is not", function()
    local a, socket = start_node(8001)
    local web = cluster.nginx(socket, { shm = "20k" })
    web.all_see "8001"
    web.eval "for i = 1, 30 do ngx.shared.shoal:safe_set('other' .. i, ('x'):rep(1900)) end" -- somebody else fills it
    for port = 8002, 8006 do -- more than a page of it
      cluster.member(port, a):ask("tags", "text=" .. ("x"):rep(900))
    end
    wait.for_that(function() return web.info().trouble:match "cannot hold the members: no memory" end, 20, "trouble")
    web.eval "for i = 1, 30 do ngx.shared.shoal:delete('other' .. i) end"
    web.all_see("8001", "8002", "8003", "8004", "8005", "8006")
    wait.for_that(function() return web.info().trouble == "nil" end, 20, "no trouble")
  end)

  it("is not misled by what else is in the dict, and fills it again when it is emptied", function()
    local a, socket = start_node(8001)
    local web = cluster.nginx(socket)
    web.all_see "8001"
    web.eval [[
      ngx.shared.shoal:set(shoal.store.keys.state, "nonsense")
      ngx.shared.shoal:incr(shoal.store.keys.version, 1)
    ]]
    cluster.member(8002, a)
    web.all_see("8001", "8002")
    web.eval "ngx.shared.shoal:flush_all()"
    cluster.member(8003, a)
    web.all_see("8001", "8002", "8003")
  end)

  it("names the owner of a key, and picks an instance for it, as the node does", function()
    local a, socket = start_node(8001, { weight = 3 })
    for port = 8002, 8004 do
      cluster.member(port, a, { weight = port - 8001 })
    end
    local web = cluster.nginx(socket)
    web.all_see("8001", "8002", "8003", "8004")
    local function asked(command)
      return table.concat(dkjson.decode(a:ask("call", command, "--json").out), " ")
    end
    assert.equal(asked "owners", web.eval [[
      local list = {}
      for i = 1, 100 do list[i] = shoal:owner("key " .. i).addr end
      return table.concat(list, " ")
    ]])
    assert.equal(asked "picks", web.eval [[
      local list = {}
      for i = 1, 100 do list[i] = shoal:pick("web", "key " .. i).addr end
      return table.concat(list, " ")
    ]])
    assert.equal("true true", web.eval [[
      local two = shoal:owner("key 1", { n = 2 })
      return tostring(two[1] == shoal:owner "key 1") .. " " .. tostring(two[2] == shoal:owner("key 1", {
        where = function(member) return member ~= two[1] end }))
    ]])
    assert.equal("48 16 32 48", web.eval [[
      local count = {}
      for _ = 1, 9 * 16 do
        local port = shoal:pick("web").port
        count[port] = (count[port] or 0) + 1
      end
      return ("%d %d %d %d"):format(count[8001], count[8002], count[8003], count[8004])
    ]])
  end)

  it("says why it picks none, and what is wrong with a call", function()
    local _, socket = start_node(8001, { weight = 0 })
    local web = cluster.nginx(socket)
    web.all_see "8001"
    assert.equal("all instances of 'web' that pass have the weight 0", web.eval [[return select(2, shoal:pick "web")]])
    assert.equal("no instance of 'other' passes", web.eval [[return select(2, shoal:pick "other")]])
    for call, problem in pairs {
      ["service()"] = "shoal:service: the name must be a string, got nil",
      ["owner()"] = "shoal:owner: the key must be a string, got nil",
      ["pick('web', 5)"] = "shoal:pick: the key must be a string, got 5",
      ["publish(nil, 1)"] = "shoal:publish: the topic must be a string, got nil",
    } do
      local said = web.eval(("return select(2, pcall(function() shoal:%s end))"):format(call))
      assert.is_truthy(said:find(problem, 1, true), said)
    end
  end)
end)
