--- nginx with lua-resty-shoal beside members, for its specs: every worker notes what it
-- sees, a hundred times a second, and one request lists that.

local nginx = require "spec.support.nginx"
local node = require "spec.support.node"
local process = require "spec.support.process"
local wait = require "spec.support.wait"

local cluster = { WORKERS = 8 }

cluster.HTTP = [[
  lua_shared_dict shoal %s;
  lua_shared_dict notes 1m;
  init_by_lua_block {
    shoal = assert(require("resty.shoal").new { socket = "%s", shm = "shoal", control = %q, hold = %g })
    %s
  }
  init_worker_by_lua_block {
    assert(shoal:init_worker())
    local notes, id = ngx.shared.notes, ngx.worker.id()
    assert(ngx.timer.every(0.01, function(premature)
      if premature or ngx.worker.exiting() then return end
      local seen = { ngx.worker.pid() }
      for _, one in ipairs(shoal:service "web" or {}) do seen[#seen + 1] = one.port end
      notes:set("worker" .. id, table.concat(seen, " "))
    end))
    %s
  }
]]

cluster.SERVER = [[
  location = /workers { content_by_lua_block {
    for id = 0, 7 do ngx.say(ngx.shared.notes:get("worker" .. id) or "none") end
  } }
  location = /info { content_by_lua_block {
    local info = shoal:info()
    ngx.say(tostring(info.node)) ngx.say(info.members) ngx.say(tostring(info.stale))
    ngx.say(tostring(info.watcher)) ngx.say(tostring(info.trouble)) ngx.say(tostring(info.version))
  } }
  location = /run { content_by_lua_block {
    ngx.say(assert(loadstring(ngx.unescape_uri(ngx.var.args)))())
  } }
]]

--- A member with the service `web` at this port, which passes.
function cluster.member(port, seed, options)
  options = options or {}
  options.join = { seed }
  options.source = ([[
    local services = require "shoal.services"
    local M = services.script { services = { web = { port = %d, weight = %d } } }
    M.commands = {
      owners = { help = "Who owns the keys 1 to 100.", run = function(node)
        local list = {}
        for i = 1, 100 do list[i] = node:owner("key " .. i).addr end
        return list
      end },
      picks = { help = "Who is taken for the keys 1 to 100.", run = function(node)
        local list = {}
        for i = 1, 100 do list[i] = services.pick(node, "web", "key " .. i).addr end
        return list
      end },
    }
    return M
  ]]):format(port, options.weight or 1)
  return node.start(options)
end

--- nginx whose workers watch the node at this status socket.
function cluster.nginx(socket, options)
  options = options or {}
  options.http = cluster.HTTP:format(options.shm or "1m", socket, options.control or "/nowhere", options.hold or 10,
    options.init or "", options.init_worker or "")
  options.server = cluster.SERVER
  local web = nginx.start(options)

  --- What each worker sees: its process, and the ports.
  function web.seen()
    return web:lines "/workers"
  end

  --- Waits until all workers see these ports alone.
  function web.all_see(...)
    local wanted = table.concat({ ... }, " ")
    wait.for_that(function()
      local lines = web.seen()
      for _, line in ipairs(lines) do
        local pid, ports = line:match "^(%d+) ?(.*)$"
        local list = {}
        for port in (ports or "none"):gmatch "%d+" do list[#list + 1] = port end
        table.sort(list)
        if not pid or table.concat(list, " ") ~= wanted then
          local info = web.info()
          return false, ("%s; watcher %s, stale %s, trouble %s"):format(table.concat(lines, ", "), info.watcher,
            info.stale, info.trouble)
        end
      end
      return true
    end, 20, "all workers that see " .. wanted)
  end

  --- { node, members, stale, watcher, trouble, version }, as text.
  function web.info()
    local lines = web:lines "/info"
    return { node = lines[1], members = lines[2], stale = lines[3], watcher = lines[4], trouble = lines[5],
      version = tonumber(lines[6]) }
  end

  --- What a piece of Lua returns in a request.
  function web.eval(code)
    local body, why = web:get("/run?" .. code:gsub("[^%w]", function(c) return ("%%%02x"):format(c:byte()) end))
    return (assert(body, why):gsub("\n$", ""))
  end
  return web
end

--- Where a status socket may be.
function cluster.socket()
  local folder = process.tempdir()
  process.run { "chmod", "755", folder }
  return folder .. "/status/node.sock"
end

return cluster
