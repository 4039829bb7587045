--- Topics and messages between workers of lua-resty-shoal, in a real nginx.

local cluster = require "spec.resty.cluster"
local process = require "spec.support.process"
local signal = require "posix.signal"
local wait = require "spec.support.wait"

-- What each worker has got, in the dict `notes`.
local SUBSCRIBE = [[
  local function note(name)
    return function(...)
      local heard = {}
      for i = 1, select("#", ...) do heard[i] = tostring((select(i, ...))) end
      ngx.shared.notes:set(name .. ":" .. ngx.worker.id() .. ":" .. table.concat(heard, ","), true)
    end
  end
  shoal:subscribe("all", note "all", { on_missed = note "missed" })
  shoal:subscribe("one", note "one", { once = true, on_missed = note "missed-one" })
]]

-- As lua-resty-mlcache uses it: a cache of each worker, and what its set() and get() do.
local CACHE = [[
  local ipc = shoal:ipc()
  cache = { values = {}, purged = 0 }
  assert(ipc.register_listeners {
    invalidation = { channel = "cache:invalidations", handler = function(key) cache.values[key] = nil end },
    purge = { channel = "cache:purge", handler = function() cache.values = {} cache.purged = cache.purged + 1 end },
  })
  function cache.set(key, value)
    cache.values[key] = value
    assert(ipc.broadcast("cache:invalidations", key))
  end
  cache.poll = ipc.poll
]]

describe("lua-resty-shoal", function()
  after_each(process.cleanup)

  local function start(options)
    options = options or {}
    local socket = cluster.socket()
    options.args = { "--status", socket }
    options.socket, options.args[3], options.args[4] = socket, "--name", "gateway"
    return cluster.member(8001, nil, options), socket
  end

  local function notes(web, name)
    return tonumber(web.eval(([[
      local count = 0
      for _, key in ipairs(ngx.shared.notes:get_keys(0)) do
        if key:match "^%s" then count = count + 1 end
      end
      return count
    ]]):format(name)))
  end

  local function wait_for_notes(web, name, count, most)
    wait.for_that(function()
      local got = notes(web, name)
      return got >= count and got <= (most or count), got
    end, 20, name)
  end

  it("brings what is published to all workers, or to one", function()
    local a, socket = start()
    local b = cluster.member(8002, a)
    local web = cluster.nginx(socket, { init_worker = SUBSCRIBE })
    web.all_see("8001", "8002")
    b:ask("publish", "all", "hello")
    b:ask("publish", "one", "hello")
    wait_for_notes(web, "all:%d:hello," .. b.addr:gsub("%p", "%%%0") .. ",1$", 8)
    wait_for_notes(web, "one:", 1)
    a:ask("publish", "all", "mine")
    wait_for_notes(web, "all:%d:mine," .. a.addr:gsub("%p", "%%%0") .. ",1$", 8)
    assert.equal(0, notes(web, "missed"))
  end)

  it("publishes on the control socket, and says what is wrong with it", function()
    local a, socket = start()
    local b = cluster.member(8002, a)
    b:watch()
    local web = cluster.nginx(socket, { control = a.control, init_worker = SUBSCRIBE })
    web.all_see("8001", "8002")
    assert.equal("1", web.eval [[return assert(shoal:publish("all", { key = { 1, 2.5, false } }))]])
    assert.equal("2", web.eval [[return assert(shoal:publish("all", ("x"):rep(300)))]])
    wait.for_that(function() return b:heard "published" end, 20, "message")
    assert.same({ key = { 1, 2.5, false } }, b:heard("published").data)
    wait_for_notes(web, "all:", 16)
    assert.equal("nil invalid_params", web.eval [[
      local ok, _, code = shoal:publish("", 1)
      return tostring(ok) .. " " .. code
    ]])
    assert.matches("^nil there is no socket ", web.eval [[
      shoal.control = "/nowhere"
      return ("%s %s"):format(shoal:publish("all", 1))
    ]])
  end)

  it("says that messages may be missing when another worker watches", function()
    local _, socket = start()
    local web = cluster.nginx(socket, { init_worker = SUBSCRIBE })
    web.all_see "8001"
    assert.equal(0, notes(web, "missed"))
    assert(signal.kill(tonumber(web.info().watcher), signal.SIGKILL))
    wait_for_notes(web, "missed:%d:all$", 7, 8) -- the new one has missed nothing
    wait_for_notes(web, "missed%-one", 1)
  end)

  it("is an ipc for caches: each worker but the one that says so hears it, or purges", function()
    local _, socket = start()
    local web = cluster.nginx(socket, { init_worker = CACHE .. [[
      assert(ngx.timer.every(0.01, function(premature)
        if premature or ngx.worker.exiting() then return end
        assert(cache.poll(1))
        local is = ("cache:%d:%s:%d"):format(ngx.worker.id(), cache.values.a, cache.purged)
        ngx.shared.notes:set(is, true)
        if cache.values.a == nil and ngx.shared.notes:get "fill" then cache.values.a = "old" end
      end))
    ]] })
    web.all_see "8001"
    web.eval "ngx.shared.notes:set('fill', true)"
    wait_for_notes(web, "cache:%d:old:0", 8)
    web.eval "ngx.shared.notes:delete 'fill' ngx.shared.notes:flush_all() cache.set('a', 'new')"
    wait_for_notes(web, "cache:%d:nil:0", 7)
    wait_for_notes(web, "cache:%d:new:0", 1)
    -- An entry that never comes: the dict had no room for it.
    web.eval "ngx.shared.shoal:incr(shoal.store.keys.head, 1)"
    wait_for_notes(web, "cache:%d:nil:1", 8)
    -- More than the ring holds.
    web.eval "ngx.shared.shoal:incr(shoal.store.keys.head, 5000)"
    wait_for_notes(web, "cache:%d:nil:2", 8)
    web.eval "cache.set('a', 'newer')"
    wait_for_notes(web, "cache:%d:newer:2", 1)
  end)
end)
