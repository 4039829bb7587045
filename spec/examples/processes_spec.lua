--- The programs of programs_spec.lua as processes, reloaded in the middle.

local node = require "spec.support.node"
local process = require "spec.support.process"
local wait = require "spec.support.wait"

local root = os.getenv("SHOAL_SOURCE") or "."

-- A webhook on loopback: prints its port, then the body of each request.
local HOOK = [[
local socket = require "socket"
local server = assert(socket.bind("127.0.0.1", 0))
io.stdout:setvbuf "no"
print((select(2, server:getsockname())))
while true do
  local client, size = server:accept(), 0
  client:settimeout(5)
  repeat
    local line = client:receive "*l" or ""
    size = tonumber(line:lower():match "^content%-length: (%d+)") or size
  until line == ""
  print((client:receive(size)))
  client:send("HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n")
  client:close()
end
]]

describe("a program of few lines, as a process and reloaded in the middle,", function()
  after_each(node.cleanup)

  local function copy(name)
    return process.write(process.tempdir() .. "/service.lua", process.read(("%s/examples/%s.lua"):format(root, name)))
  end

  --- `count` members that run the example, and see each other.
  local function cluster(name, count, options)
    local all = { script = copy(name) }
    for key, value in pairs(options or {}) do all[key] = value end
    local members = node.start_cluster(count, all)
    wait.for_that(function() return node.converged(members) end, 20, "agreement")
    return members, function(these) node.reload(all.script, these or members) end
  end

  --- How often that is in the member's log.
  local function count(member, text)
    local _, times = member:log():gsub(text, "")
    return times
  end

  it("tells a webhook of each failed member", function()
    local hook = process.start { process.lua, process.write(process.tempdir() .. "/hook.lua", HOOK) }
    local port = hook:wait_for("^(%d+)\n", 10, "stdout")
    local members, reload = cluster("webhook", 4,
      { config = "loopback", env = { WEBHOOK = ("http://127.0.0.1:%d/"):format(port) } })
    for _ = 1, 2 do
      local gone = table.remove(members)
      gone:signal "KILL"
      hook:wait_for(gone.addr:gsub("%p", "%%%0") .. " failed\n", 30, "stdout")
      reload()
    end
  end)

  it("runs a job on one member, and on another one when that leaves", function()
    local members, reload = cluster("once", 3, { env = { PERIOD = "1" }, args = { "--set", "stable_after=0.3" } })
    local function runs(member) return count(member, "running the job") end
    local function is_other(one)
      return function(member) return member ~= one end
    end
    -- Who runs it now that all know each other: the others do not.
    local function runner()
      local before = {}
      for i, member in ipairs(members) do before[i] = runs(member) end
      local who = wait.for_that(function()
        for i, member in ipairs(members) do
          if runs(member) >= before[i] + 2 then return member end
        end
      end, 30, "two runs")
      for i, member in ipairs(members) do
        assert.is_true(member == who or runs(member) == before[i], member:log())
      end
      return who
    end
    local first = runner()
    reload()
    assert.equal(first, runner())
    first:signal "TERM"
    assert.equal(0, first:wait(20))
    local left = {}
    for _, member in ipairs(members) do
      if is_other(first)(member) then left[#left + 1] = member end
    end
    members = left
    wait.for_that(function() return node.converged(members) end, 20, "agreement")
    assert.not_equal(first, runner())
  end)

  it("drops an entry of a cache on all gateways", function()
    local members, reload = cluster("cache_invalidation", 3)
    for round = 1, 2 do
      assert.equal(0, members[round]:ask("publish", "purge", "users/42").code)
      for _, member in ipairs(members) do
        wait.for_that(function()
          return count(member, "dropped users/42 had=true") == round, member:log()
        end, 20, "purge")
      end
      reload() -- which fills it again, as the file does
    end
  end)

  it("drains a member, and answers whoever waits for that when it is replaced", function()
    local members, reload = cluster("drain", 2)
    local a, b = members[1], members[2]
    assert.equal("drained\n", a:ask("call", "drain").out)
    wait.for_that(function()
      return #assert(b:try("members", "--tag", "draining=true")) == 1
    end, 10, "tag")
    a:ask("call", "busy", "1")
    local waiting = process.start { process.shoal, "call", "drain", "600", "--control", a.control, "--timeout", "600" }
    wait.for_that(function() return a:info().handlers.calls >= 3 end, 10, "command")
    reload()
    assert.equal(1, waiting:wait(20))
    assert.equal("shoal: the handlers were replaced before the command had answered\n", waiting:stderr())
    a:ask("call", "busy", "0")
    assert.equal("drained\n", a:ask("call", "drain").out)
  end)

  it("is nginx.lua, which writes nothing where an argument is misspelled", function()
    local path = process.tempdir() .. "/web.conf"
    local member = node.start { script = copy "nginx", args = { "--", "fiel=" .. path, "reload=true" } }
    wait.for_that(function() return member:log():find("unknown argument", 1, true) end, 10, "complaint")
    assert.matches("unknown argument, so no file is written; file= and reload= are known argument=fiel\n", member:log())
    member:ask "leave"
  end)
end)
