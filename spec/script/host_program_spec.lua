--- What a program that embeds nodes keeps: its children and its signals.
--
-- Each case is a program in a process of its own, which prints what it saw.

local files = require "spec.support.files"
local process = require "spec.support.process"
local wait = require "spec.support.wait"

local NODE = [[
local shoal = require "shoal"
local function start() return assert(shoal.start { config = "loopback", log = false }) end
-- Runs the loop until the condition holds.
local function run_until(condition)
  local give_up = os.time() + 120
  while not condition() do
    assert(os.time() < give_up, "in vain")
    shoal.step(0.01)
  end
end
]]

local CHILDREN = NODE .. [[
-- Has that process ended? It has also when somebody else has waited for it.
local function has_ended(pid)
  local file = io.open(("/proc/%d/stat"):format(pid))
  local state = file and file:read("*a"):match(".*%) (%u)")
  if file then file:close() end
  return not state or state == "Z"
end
-- Several turns of the loop after its end: whoever reaps children has had its chance.
local function wait_for_end(pid)
  run_until(function() return has_ended(pid) end)
  for _ = 1, 20 do shoal.step(0.001) end
end
]]

-- Where leaks are looked for, the module stays to the end: see spec/support/helper.lua.
local KEEP = [[
local ffi = require "ffi"
ffi.cdef "void *dlopen(const char *, int);"
assert(ffi.C.dlopen(package.searchpath("shoal.core", package.cpath), 2 + 0x1000) ~= nil)
]]

--- What the program writes, with its lines in one.
local function run(text)
  if files.sanitized then text = KEEP .. text end
  local path = process.write(process.tempdir() .. "/program.lua", text)
  local done = process.run { process.lua, path, env = { LD_PRELOAD = process.preload }, seconds = 60 }
  assert.equal(0, done.code, done.err)
  return (done.out:gsub("%s+$", ""):gsub("%s+", " "))
end

describe("a program with a node", function()
  after_each(process.cleanup)

  it("waits for its own children", function()
    assert.equal("exited 7", run(CHILDREN .. [[
      local unistd, wait = require "posix.unistd", require "posix.sys.wait"
      local node = start()
      local pid = unistd.fork()
      if pid == 0 then unistd._exit(7) end
      wait_for_end(pid)
      local got, how, status = wait.wait(pid)
      assert(got == pid, how)
      print(how, status)
      node:close()
    ]]))
  end)

  it("gets the status of a pipe that has ended", function()
    assert.equal("true", run(CHILDREN .. [[
      local node = start()
      local pipe = io.popen("echo $$")
      wait_for_end(pipe:read("*n"))
      print((assert(pipe:close())))
      node:close()
    ]]))
  end)

  it("has children of its own beside the node's", function()
    assert.equal("exited 7 node 5", run(CHILDREN .. [[
      local unistd, wait = require "posix.unistd", require "posix.sys.wait"
      local node = start()
      local pid = unistd.fork()
      if pid == 0 then unistd._exit(7) end
      local code
      assert(node:spawn({ "sh", "-c", "exit 5" }, function(_, result) code = result.code end))
      run_until(function() return code end)
      wait_for_end(pid)
      local got, how, status = wait.wait(pid)
      assert(got == pid, how)
      print(how, status)
      print("node", code)
      node:close()
    ]]))
  end)

  it("may watch its children with libev, which takes the node's as well", function()
    assert.equal("5 9", run(NODE .. [[
      package.loaded.ev = {}
      local node, code, signal = start(), nil, nil
      assert(node:spawn({ "sh", "-c", "exit 5" }, function(_, result) code = result.code end))
      assert(node:spawn({ "sh", "-c", "kill -9 $$" }, function(_, result) signal = result.signal end))
      run_until(function() return code and signal end)
      print(code, signal)
      node:close()
    ]]))
  end)

  for _, order in ipairs { "before", "after" } do
    it(("hears of the end of a process that uv spawned %s the node started"):format(order), function()
      assert.equal("exit 3 closed", run(NODE .. ([[
        local uv = require "luv"
        local status, node
        local function spawn()
          -- it ends when it is told to, once all of this is set up
          local stdin = uv.new_pipe(false)
          assert(uv.spawn("sh", { args = { "-c", "read line; exit 3" }, stdio = { stdin } },
            function(code) status = code end))
          return stdin
        end
        local stdin
        if %q == "before" then stdin = spawn() end
        node = start()
        if %q == "after" then stdin = spawn() end
        stdin:write("\n")
        run_until(function()
          uv.run("nowait")
          return status
        end)
        io.write("exit ", status)
        node:close()
        print(node:is_closed() and " closed")
      ]]):format(order, order)))
    end)
  end

  -- lua-ev asks for the loop when it is used first, and expects SIGCHLD to come with it.
  it("has its children watched by libev if it has loaded lua-ev", function()
    local program = NODE .. [[
      %s
      local node, child = start(), 2 ^ 16
      for line in io.lines "/proc/self/status" do
        local caught = line:match "^SigCgt:%%s*(%%x+)"
        if caught then print(math.floor(tonumber(caught:sub(-8), 16) / child) %% 2) end
      end
      node:close()
    ]]
    assert.equal("1", run(program:format "package.loaded.ev = {}"))
    assert.equal("0", run(program:format ""))
  end)

  it("has every signal as it was, once it is over", function()
    local program = NODE .. [[
      local core = require "shoal.core"
      local has_ffi, ffi = pcall(require, "ffi")
      if not has_ffi then print "same" os.exit(0) end
      -- as glibc and musl have them, with 64 signals
      ffi.cdef [=[
        struct sigaction { uint64_t handler, mask[16]; int flags; void *restorer; };
        int sigaction(int, const struct sigaction *, struct sigaction *);
        int sigprocmask(int, const void *, uint64_t *);
      ]=]
      local RESTORER = 0x04000000 -- libc's own flag
      local function look()
        local seen, action, mask = {}, ffi.new "struct sigaction", ffi.new "uint64_t[16]"
        for number = 1, 64 do
          if ffi.C.sigaction(number, nil, action) == 0 then
            seen[number] = ("%s %s %d"):format(action.handler, action.mask[0],
              bit.band(action.flags, bit.bnot(RESTORER)))
          end
        end
        ffi.C.sigprocmask(0, nil, mask)
        seen.mask = tostring(mask[0])
        return seen
      end
      local uv = require "luv"
      local hup = uv.new_signal()
      hup:start("sighup", function() end)
      local before = look()
      local node, other = start(), start()
      local watchers = {}
      for _, name in ipairs { "INT", "TERM", "HUP", "USR1", "QUIT", "USR1" } do
        watchers[#watchers + 1] = core.signal(name, print)
      end
      for _ = 1, 5 do shoal.step(0.001) end
      node:close()
      other:close()
      for _, watcher in ipairs(watchers) do watcher:cancel() end
      shoal.step(0)
      local after = look()
      for key, value in pairs(before) do
        if after[key] ~= value then print("another", key, value, after[key]) end
      end
      print "same"
    ]]
    assert.equal("same", run(program))
  end)
end)

describe("a program that handles INT and TERM itself", function()
  after_each(process.cleanup)

  it("may be asked as often as it answers", function()
    assert.equal("3", run(NODE .. [[
      local core = require "shoal.core"
      local node, heard, is_late = start(), 0, nil
      core.signal("TERM", function() heard = heard + 1 end)
      for i = 1, 3 do
        assert(os.execute("kill -TERM $PPID"))
        run_until(function() return heard == i end)
        -- later than it takes for a second one to count as impatience
        is_late = false
        node:after(0.25, function() is_late = true end)
        run_until(function() return is_late end)
      end
      print(heard)
      node:close()
    ]]))
  end)

  it("is ended by a second one while one of its functions hangs, whatever others have answered", function()
    local folder = process.tempdir()
    local hanging = folder .. "/hanging"
    local p = process.start {
      process.lua, process.write(folder .. "/program.lua", NODE .. ([[
        local core = require "shoal.core"
        local node = start()
        local function answer() end
        core.signal("INT", answer)
        core.signal("INT", function()
          io.open(%q, "w"):close()
          repeat until false
        end)
        core.signal("INT", answer)
        io.stderr:write("ready\n")
        shoal.run()
        node:close()
      ]]):format(hanging)),
      env = { LD_PRELOAD = process.preload },
    }
    p:wait_for("ready", 60)
    p:signal "INT"
    wait.for_that(function() return process.read(hanging) end, 60, "the function")
    assert.is_nil(p:ended())
    assert.equal("INT", wait.for_that(function()
      p:signal "INT"
      return p:ended()
    end, 60, "its end"))
  end)
end)

describe("shoal run", function()
  after_each(process.cleanup)

  it("leaves the pipes of its script their statuses", function()
    local script = process.write(process.tempdir() .. "/script.lua", [[
      local function has_ended(pid)
        local file = io.open(("/proc/%d/stat"):format(pid))
        local state = file and file:read("*a"):match(".*%) (%u)")
        if file then file:close() end
        return not state or state == "Z"
      end
      return { on_start = function(node)
        local pipe, turns = io.popen("echo $$"), 0
        local pid = pipe:read("*n")
        node:every(0.005, function()
          if not has_ended(pid) then return end
          turns = turns + 1
          if turns < 5 then return end
          node:log("warn", "status " .. tostring(pipe:close()))
          node:close()
        end)
      end }
    ]])
    local folder = process.tempdir()
    local done = process.cli("run", script, "--control", folder .. "/control.sock")
    assert.equal(0, done.code, done.err)
    assert.matches("status true", done.err)
  end)
end)
