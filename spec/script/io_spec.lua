--- node:io: descriptors in the node's loop.

local fcntl = require "posix.fcntl"
local socket = require "posix.sys.socket"
local stages = require "spec.script.stage"
local unistd = require "posix.unistd"
local wait = require "spec.support.wait"

describe("a descriptor that a node watches", function()
  local stage, node, open

  before_each(function()
    stage = stages.new()
    node = stage:start()
    open = {}
  end)
  after_each(function()
    stage:close()
    for fd in pairs(open) do unistd.close(fd) end
  end)

  local function pipe()
    local reader, writer = assert(unistd.pipe())
    open[reader], open[writer] = true, true
    return reader, writer
  end

  local function close(fd)
    open[fd] = nil
    unistd.close(fd)
  end

  it("is told of while it can be read", function()
    local reader, writer = pipe()
    local got, given = "", nil
    assert(node:io(reader, "r", function(n, fd)
      given = { n, fd }
      got = got .. unistd.read(fd, 1)
    end))
    stage:idle(0.02)
    assert.equal("", got)
    unistd.write(writer, "abc")
    stage:wait(function() return got == "abc" end)
    assert.same({ node, reader }, given)
  end)

  it("is told of when it can be written", function()
    local _, writer = pipe()
    local times = 0
    local watch = assert(node:io(writer, "w", function() times = times + 1 end))
    stage:wait(function() return times > 2 end)
    assert.is_true(watch:cancel())
    assert.is_false(watch:cancel())
    local before = times
    stage:idle(0.02)
    assert.equal(before, times)
  end)

  it("may be given up by its own function, which may also fail", function()
    local reader, writer = pipe()
    local times, watch = 0, nil
    unistd.write(writer, "x") -- never read
    watch = assert(node:io(reader, "r", function()
      times = times + 1
      if times == 3 then watch:cancel() end
      error("oh")
    end))
    stage:wait(function() return times == 3 end)
    stage:idle(0.02)
    assert.equal(3, times)
    assert.equal(3, node:info().handlers.errors)
  end)

  it("may be two at once, and close the node", function()
    local reader, writer = pipe()
    unistd.write(writer, "x")
    assert(node:io(reader, "r", function(n) n:close() end))
    assert(node:io(writer, "w", function() end))
    stage:wait(function() return node:is_closed() end)
  end)

  it("belongs to the version of the handlers that watches it", function()
    local _, writer = pipe()
    local times = 0
    node:set_handlers { on_reload = function(n) n:io(writer, "w", function() times = times + 1 end) end }
    stage:wait(function() return times > 0 end)
    node:set_handlers {}
    local before = times
    stage:idle(0.02)
    assert.equal(before, times)
  end)

  it("is refused when it cannot be watched", function()
    local reader, writer = pipe()
    close(reader)
    close(writer)
    local watch, message, code = node:io(reader, "r", function() end)
    assert.same({ nil, ("cannot watch descriptor %d: bad file descriptor"):format(reader), "io" },
      { watch, message, code })
    local file = assert(fcntl.open("/etc/passwd", fcntl.O_RDONLY))
    open[file] = true
    assert.equal(("cannot watch descriptor %d: operation not permitted"):format(file),
      (select(2, node:io(file, "r", function() end))))
  end)

  -- libev ends the process when the system does not know a descriptor whose watchers have changed.
  describe("and that is closed without being given up first", function()
    local told, alive

    before_each(function()
      told, alive = {}, 0
      local _, writer = pipe()
      assert(node:io(writer, "w", function() alive = alive + 1 end))
    end)

    local function watch(fd, mode)
      return assert(node:io(fd, mode, function(_, ...) told[#told + 1] = { ... } end))
    end

    local function lost(fd)
      return { nil, ("descriptor %d was closed while it was watched"):format(fd), "io" }
    end

    -- What it is told is the end of it, and the others go on.
    local function check(expected)
      stage:wait(function() return #told >= #expected end)
      local before = alive
      stage:wait(function() return alive > before + 2 end)
      local function by_text(a, b) return a[2] < b[2] end
      table.sort(told, by_text)
      table.sort(expected, by_text)
      assert.same(expected, told)
    end

    it("is an error of its own, before the loop has seen it", function()
      local reader, writer = pipe()
      local first, second = watch(reader, "r"), watch(writer, "w")
      close(reader)
      close(writer)
      check { lost(reader), lost(writer) }
      assert.is_false(first:cancel())
      assert.is_false(second:cancel())
    end)

    it("is an error of its own, after the loop has seen it", function()
      local reader = pipe()
      watch(reader, "r")
      stage:idle(0.02)
      close(reader)
      check { lost(reader) }
    end)

    it("may be watched in both directions, and one of them be given up first", function()
      local fd, peer = assert(socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM, 0))
      open[fd], open[peer] = true, true
      local reading, writing = watch(fd, "r"), nil
      writing = assert(node:io(fd, "w", function()
        writing:cancel()
        close(fd)
      end))
      check { lost(fd) }
      assert.is_false(reading:cancel())
    end)

    it("may just be watched in the other direction, too", function()
      local fd, peer = assert(socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM, 0))
      open[fd], open[peer] = true, true
      watch(fd, "r")
      stage:idle(0.02)
      watch(fd, "w")
      close(fd)
      check { lost(fd), lost(fd) }
    end)

    it("does not watch what has its number by then", function()
      local reader = pipe()
      watch(reader, "r")
      stage:idle(0.02)
      close(reader)
      local another, writer = pipe()
      assert.equal(reader, another)
      unistd.write(writer, "x")
      check { lost(reader) }
      local times = 0
      assert(node:io(another, "r", function() times = times + 1 end))
      stage:wait(function() return times > 2 end)
      assert.equal(1, #told)
    end)

    it("may be open elsewhere, whose events are nobody's", function()
      local reader, writer = pipe()
      watch(reader, "r")
      stage:idle(0.02)
      local copy = assert(unistd.dup(reader))
      open[copy] = true
      close(reader)
      unistd.write(writer, "x")
      check { lost(reader) }
    end)

    it("says so once, and nothing when it was given up in the same turn", function()
      local reader = pipe()
      local given_up = watch(reader, "r")
      close(reader)
      assert.is_true(given_up:cancel())
      check {}
      stage:idle(0.02)
      assert.same({}, told)
    end)

    it("may have a function that watches and closes again", function()
      local times = 0
      local function again()
        times = times + 1
        if times > 5 then return end
        local reader = pipe()
        assert(node:io(reader, "r", again))
        close(reader)
      end
      again()
      stage:wait(function() return times > 5 end)
      check {}
    end)
  end)

  it("is misuse with strange arguments", function()
    assert.error_matches(function() node:io("x", "r", print) end,
      "node:io: needs a descriptor, a whole number, got 'x'")
    assert.error_matches(function() node:io(-1, "r", print) end, "node:io: needs a descriptor")
    assert.error_matches(function() node:io(0.5, "r", print) end, "node:io: needs a descriptor")
    assert.error_matches(function() node:io(0, "rw", print) end, "node:io: the mode must be 'r' or 'w', got 'rw'")
    assert.error_matches(function() node:io(0, "r") end, "node:io: needs a function to call, got nil")
  end)

  -- Counted, not timed: nobody who waits for an answer to a ping suspects the node,
  -- and the watched descriptors all have their turn.
  it("does not keep a node from answering pings, with a thousand of them and a hundred programs", function()
    local COUNT = wait.slow and 200 or 1000
    local busy = stage:start { max_children = 100, config = "lan" }
    local other = stage:start { join = busy:bound(), config = "lan" }
    local suspected = 0
    other:on("suspect", function() suspected = suspected + 1 end)
    stage:wait(function() return other:num_members() == 1 and busy:num_members() == 1 end)
    local turns, ended = {}, 0
    local reader, writer = pipe()
    unistd.write(writer, "x") -- is never read: it can be read in every turn
    for i = 1, COUNT do
      local fd = assert(unistd.dup(reader))
      open[fd], turns[i] = true, 0
      assert(busy:io(fd, "r", function() turns[i] = turns[i] + 1 end))
    end
    for _ = 1, 100 do
      assert(busy:spawn({ "sh", "-c", "read line" }, { stdin = "x\n" }, function() ended = ended + 1 end))
    end
    local before = other:stats().probes
    stage:wait(function() return ended == 100 and other:stats().probes >= before + 3 end)
    assert.equal(0, suspected)
    assert.equal(0, other:stats().probes_failed)
    local least = math.huge
    for i = 1, COUNT do least = math.min(least, turns[i]) end
    assert.is_true(least > 0)
  end)
end)
