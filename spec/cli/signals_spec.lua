local node = require "spec.support.node"
local process = require "spec.support.process"
local stat = require "posix.sys.stat"
local wait = require "spec.support.wait"

-- Sends a signal until it has an effect, as somebody at a keyboard does.
local function insist(member, signal)
  return wait.for_that(function()
    member:signal(signal)
    return member.process:ended()
  end, 2, "end")
end

-- A member in the middle of its on_start, which lasts until `go` is called. `more`
-- stands behind it in the table of handlers.
local function launch_starting(more)
  local folder = process.tempdir()
  local starting, go = folder .. "/starting", folder .. "/go"
  local member = node.launch({
    source = ([[return {
      on_start = function()
        io.open(%q, "w"):close()
        repeat until io.open(%q)
      end,
      %s
    }]]):format(starting, go, more or ""),
  })
  wait.for_that(function() return process.read(starting) end, 5, "on_start")
  return member, function() process.write(go, "") end
end

describe("shoal run", function()
  after_each(process.cleanup)

  for _, signal in ipairs { "INT", "TERM" } do
    it(("tells the others and ends with 0 on %s"):format(signal), function()
      local a = node.start({})
      local b = node.start({ join = { a } })
      wait.for_that(function()
        return node.converged({ a, b })
      end, 5, "cluster of two")
      a:watch()

      b:signal(signal)

      assert.equal(0, b:wait(2))
      wait.for_that(function()
        return a:heard("member_down", b)
      end, 1, "member_down")
      assert.is_nil(stat.lstat(b.control), "the control socket was left behind")
    end)
  end

  it("calls on_stop on its way out", function()
    local file = process.tempdir() .. "/stopped"
    local a = node.start({
      source = ("return { on_stop = function() io.open(%q, 'w'):close() end }"):format(file),
    })
    a:signal("INT")
    assert.equal(0, a:wait(2))
    assert.truthy(process.read(file))
  end)

  for _, way in ipairs { "TERM", "leave" } do
    it(("tells its script and its monitors that it is defunct, then stops, on %s"):format(way), function()
      local file = process.tempdir() .. "/heard"
      local a = node.start({
        source = ([[
          local function write(text)
            local out = io.open(%q, "a")
            out:write(text, "\n")
            out:close()
          end
          return {
            on_defunct = function() write("defunct") end,
            on_stop = function(n)
              n:log("info", "stopping")
              write("stop")
            end,
          }
        ]]):format(file),
      })
      a:watch()

      if way == "TERM" then
        a:signal("TERM")
      else
        assert.equal(0, a:ask("leave").code)
      end

      assert.equal(0, a:wait(2))
      assert.equal("defunct\nstop\n", process.read(file))
      assert.truthy(a:log():find("engine +left the cluster.*script +stopping"), a:log())
      assert.is_nil(a:log():find("defunct", 1, true))
      a.monitor:wait(5)
      assert.truthy(a.monitor:stdout():find('"event":"defunct"', 1, true), a.monitor:stdout())
    end)
  end

  it("ends at once on a second signal, though a handler hangs", function()
    local file = process.tempdir() .. "/stopping"
    local a = node.start({
      source = ("return { on_stop = function() io.open(%q, 'w'):close() while true do end end }"):format(file),
    })
    a:signal("INT")
    wait.for_that(function()
      return process.read(file)
    end, 5, "on_stop")
    assert.is_nil(a.process:ended())
    assert.equal("INT", insist(a, "INT"))
  end)

  it("ends at once on a second signal, though a handler hung before the first", function()
    local folder = process.tempdir()
    local go, file = folder .. "/go", folder .. "/hanging"
    local a = node.start({ -- and until it has answered, it must not hang
      source = ([[return { on_start = function(node)
        node:every(0.01, function()
          if io.open(%q) then
            io.open(%q, "w"):close()
            while true do end
          end
        end)
      end }]]):format(go, file),
    })
    process.write(go, "")
    wait.for_that(function()
      return process.read(file)
    end, 5, "hanging handler")
    assert.equal("TERM", insist(a, "TERM"))
  end)

  for _, name in ipairs { "INT", "TERM" } do
    it(("leaves on %s that comes while its script is still starting"):format(name), function()
      local stopped = process.tempdir() .. "/stopped"
      local a, go = launch_starting(("on_stop = function() io.open(%q, 'w'):close() end"):format(stopped))
      a:signal(name)
      go()
      assert.equal(0, a:wait(5))
      assert.truthy(process.read(stopped))
      assert.is_nil(stat.lstat(a.control))
    end)
  end

  it("leaves on a signal that its script, still starting, lets come through", function()
    local file = process.tempdir() .. "/starting"
    local a = node.launch({
      source = ([[return {
        on_start = function(node)
          io.open(%q, "w"):close()
          local t = os.time()
          repeat node:step() until os.time() > t + 1
        end,
      }]]):format(file),
    })
    wait.for_that(function() return process.read(file) end, 5, "on_start")
    a:signal("TERM")
    assert.equal(0, a:wait(5))
    assert.is_nil(a:log():find("failed", 1, true), a:log())
  end)

  it("loads its script again on HUP that comes while it is still starting", function()
    local a, go = launch_starting()
    process.write(a.script, "return {}")
    a:signal("HUP")
    go()
    wait.for_that(function()
      local info = a:try "info"
      return info and info.script.generation == 2
    end, 5, "second generation")
  end)

  it("leaves as ever when two signals come at once", function()
    local a = node.start({})
    a:stop()
    a:signal("INT")
    a:signal("TERM")
    a:continue()
    assert.equal(0, a:wait(2))
  end)

  it("loads its script again on HUP", function()
    local a = node.start({ args = { "--log-level", "debug" } })
    process.write(a.script, "return { on_idle = function() end }\n")
    a:signal("HUP")
    wait.for_that(function()
      return a:info().script.generation == 2
    end, 5, "second generation")
  end)

  it("lives on when the script it reloads on HUP is broken", function()
    local a = node.start({})
    process.write(a.script, "return {")
    a:signal("HUP")
    wait.for_that(function()
      return a:info().script.last_error
    end, 5, "error")
    assert.equal(1, a:info().script.generation)
  end)

  it("ends with 0 when its script closes the node", function()
    local a = node.launch({
      source = "return { on_start = function(node) node:after(0.05, function() node:close() end) end }",
    })
    assert.equal(0, a:wait(5))
    assert.is_nil(stat.lstat(a.control))
  end)

  it("prints nothing on stdout, and on stderr only its log", function()
    local a = node.start({})
    a:signal("TERM")
    assert.equal(0, a:wait(2))
    assert.equal("", a.process:stdout())
    for line in a:log():gmatch("[^\n]+") do
      assert.truthy(line:find("^%d+%-%d%d%-%d%dT%d%d:%d%d:%d%d%.%d%d%dZ %l+ +%l+ "), line)
    end
  end)

  it("writes what its script prints line by line, into a file too", function()
    local a = node.start({ source = "return { on_start = function() print('it is on') end }" })
    wait.for_that(function() return a.process:stdout() == "it is on\n" end, 5, "line")
  end)

  it("logs JSON when asked to", function()
    local dkjson = require "dkjson"
    local a = node.start({ args = { "--log-format", "json" } })
    for line in a:log():gmatch("[^\n]+") do
      local entry = assert(dkjson.decode(line), line)
      assert.truthy(entry.time and entry.level and entry.area and entry.text)
    end
  end)

  it("takes its log levels from the option, else from SHOAL_LOG", function()
    local quiet = node.start({ env = { SHOAL_LOG = "error" } })
    assert.equal("", quiet:log())
    local loud = node.start({ env = { SHOAL_LOG = "error" }, args = { "--log-level", "info" } })
    assert.truthy(loud:log():find("started"))
  end)
end)
