--- A busy script is not a dead member.

local core = require "shoal.core"
local node = require "spec.support.node"
local process = require "spec.support.process"
local socket = require "socket"
local wait = require "spec.support.wait"

-- The suspicion timeout of loopback, in seconds, shortened so that ten of them pass soon.
local SUSPICION = 0.5
local QUICK = { "--set", "suspect_to_down_after=" .. SUSPICION, "--log-level", "info,engine=debug" }
-- Who does not answer within a second is suspected. So long a machine takes for nothing.
local PATIENT = { "--set", "probe_period=1", "--busy-limit", "600" }

-- Passes "busy" on, and starts to be busy in a timer when it hears it.
local function busy_script(how)
  return ([[
    local M = { broadcast = {} }
    local function be_busy() %s end
    function M.broadcast.receive(node, data)
      if node.store[data] then return nil end
      node.store[data] = true
      if data == "busy" then node:after(0, be_busy) end
      return data
    end
    return M
  ]]):format(how)
end

local function sleep(seconds)
  return ('os.execute "sleep %g"'):format(seconds)
end

-- Until the spec makes a file.
local function hang(path)
  return ('os.execute "while [ ! -e %s ]; do sleep 0.02; done"'):format(path)
end

-- A loop that the JIT compiles, and that no hook would interrupt. It counts the
-- world's seconds: of the processor's, one may last longer than the busy limit.
local function spin(seconds)
  return ("local ends, n = os.time() + %d, 0 while os.time() < ends do n = n + 1 end"):format(seconds + 1)
end

-- Tells with a file that it has begun.
local function telling(path, how)
  return ("io.open(%q, 'w'):close() "):format(path) .. how
end

local function with(args)
  local all = {}
  for _, list in ipairs { QUICK, args or {} } do
    for _, argument in ipairs(list) do
      all[#all + 1] = argument
    end
  end
  return all
end

-- A member that is busy like that; "" is not at all.
local function start(how, seed, args)
  return node.start { source = busy_script(how), config = "loopback", join = { seed }, args = with(args) }
end

local function converge(members)
  wait.for_that(function()
    return node.converged(members)
  end, 10, "converged cluster")
end

-- Lines of `observer`'s log that tell of a suspect or down member, whoever it is.
local function doubts(observer)
  local found = {}
  for line in observer:log():gmatch("[^\n]+") do
    if line:find("  suspect ", 1, true) or line:find("member down", 1, true) then
      found[#found + 1] = line
    end
  end
  return table.concat(found, "\n")
end

local function u16(n)
  return string.char(math.floor(n / 256), n % 256)
end

-- Packets to `target`, each with one broadcast item, from a member that the test plays.
local function speaker(target)
  local udp = assert(socket.udp())
  assert(udp:setsockname("127.0.0.1", 0))
  local _, port = udp:getsockname()
  local header = core.codec.encode_header {
    kind = "broadcast", src = core.stock_identity("127.0.0.1:" .. port, 1), src_incarnation = 0,
    dst = target:info().identity,
  }
  local host, target_port = target.addr:match("^(.*):(%d+)$")
  return function(item)
    assert(udp:sendto(header .. u16(#item) .. item, host, tonumber(target_port)))
  end
end

-- Bytes that wait in the socket at an address.
local function unread(addr)
  local port = ("%04X"):format(tonumber(addr:match(":(%d+)$")))
  return tonumber(process.read("/proc/net/udp"):match("0100007F:" .. port .. " %x+:%x+ %x+ %x+:(%x+)"), 16)
end

-- A script that writes down what it hears, and hangs after "busy".
local function recorder(path, released)
  return ([[
    local M = { broadcast = {} }
    function M.broadcast.receive(node, data)
      local file = assert(io.open(%q, "a"))
      file:write(data, "\n")
      file:close()
      if data == "busy" then %s end
      return nil
    end
    return M
  ]]):format(path, hang(released))
end

describe("a member whose handler blocks", function()
  after_each(process.cleanup)

  it("for ten suspicion timeouts, in a C call or in a compiled loop, is suspected by nobody", function()
    local busy = 10 * SUSPICION
    local members = { start("", nil, PATIENT) }
    members[2] = start("", members[1], PATIENT)
    local folder = process.tempdir()
    local third, fourth = folder .. "/third", folder .. "/fourth"
    members[3] = start(telling(third, sleep(busy)), members[1], PATIENT)
    members[4] = start(telling(fourth, spin(busy)), members[1], PATIENT)
    converge(members)
    local before = { doubts(members[1]), doubts(members[2]) }

    local since = wait.now()
    assert.equal(0, members[1]:ask("broadcast", "busy").code)
    wait.for_that(function()
      return process.read(third) and process.read(fourth)
    end, 10, "two members that are busy")
    local first, second = members[3]:info(), members[4]:info() -- they answer when they are back
    local passed = wait.now() - since

    assert.is_true(passed >= busy * 0.9, "was busy for no more than " .. passed)
    assert.same(before, { doubts(members[1]), doubts(members[2]) })
    for _, info in ipairs { first, second } do
      assert.is_true(info.host.deputy_takeovers >= 1)
      assert.is_true(info.host.deputy_answered >= 1)
      assert.is_true(info.host.deputy_kept >= info.host.deputy_answered)
      assert.equal(0, info.host.deputy_dropped)
    end
    converge(members)
  end)

  it("answers pings as well when it was called for a client of the control socket", function()
    local folder = process.tempdir()
    local record, released = folder .. "/record", folder .. "/released"
    local a = start("", nil, PATIENT)
    local b = node.start { source = recorder(record, released), config = "loopback", join = { a },
      args = with(PATIENT) }
    converge { a, b }
    local before = doubts(a)
    process.start { process.shoal, "broadcast", "--control", b.control, "busy", "--timeout", "60" }
    wait.for_that(function() return process.read(record) end, 10, "a request that takes long")
    local acks = a:info().packets.received_by_message.ack
    wait.for_that(function()
      return a:info().packets.received_by_message.ack >= acks + 3
    end, 10, "answers meanwhile")
    process.write(released, "")
    assert.is_true(b:info().host.deputy_answered >= 3)
    assert.equal(before, doubts(a))
  end)

  it("answers sealed pings, those of newcomers too, and opens each packet once", function()
    local folder = process.tempdir()
    local key, busy_file = folder .. "/key", folder .. "/busy"
    local made = process.cli("keygen", key)
    if made.code ~= 0 then
      return pending(made.err)
    end
    local sealed = { "--key-file", key }
    for _, argument in ipairs(PATIENT) do
      sealed[#sealed + 1] = argument
    end
    local members = { start("", nil, sealed) }
    members[2] = start(telling(busy_file, sleep(10 * SUSPICION)), members[1], sealed)
    converge(members)

    assert.equal(0, members[1]:ask("broadcast", "busy").code)
    wait.for_that(function()
      return process.read(busy_file)
    end, 10, "a busy member")
    members[3] = start("", members[1], sealed)
    local info = members[2]:info() -- it answers when it is back
    converge(members)

    assert.equal("", doubts(members[1]))
    assert.equal("", doubts(members[3]))
    assert.is_true(info.host.deputy_takeovers >= 1)
    assert.is_true(info.host.deputy_answered >= 1)
    assert.equal(0, info.host.unauthentic + info.host.foreign_key + info.host.deputy_dropped)
  end)

  it("handles all the packets that came meanwhile afterwards, in order", function()
    local count, folder = 1000, process.tempdir()
    local heard, released = folder .. "/heard", folder .. "/released"
    local member = node.start { source = recorder(heard, released), args = { "--set", "check_strangers=false" } }
    local say = speaker(member)
    say("busy")
    wait.for_that(function()
      return process.read(heard) == "busy\n"
    end, 5, "a busy handler")

    local expected = { "busy" }
    for i = 1, count do
      expected[i + 1] = tostring(i)
      say(expected[i + 1])
      if i % 50 == 0 then -- before it is more than the socket holds
        wait.for_that(function()
          return unread(member.addr) == 0
        end, 10, "deputy that reads")
      end
    end
    process.write(released, "")
    expected = table.concat(expected, "\n") .. "\n"

    wait.for_that(function()
      return #(process.read(heard) or "") >= #expected
    end, 20, "handled packets")
    assert.equal(expected, process.read(heard))
    local host = member:info().host
    assert.is_true(host.deputy_kept >= count)
    assert.equal(0, host.deputy_dropped)
  end)

  it("for longer than its busy limit is found down, and comes back when the handler returns", function()
    local members = { start("") }
    members[2] = start("", members[1])
    local released = process.tempdir() .. "/released"
    members[3] = start(hang(released), members[1], { "--busy-limit", "0.5" })
    converge(members)
    members[1]:watch()

    assert.equal(0, members[1]:ask("broadcast", "busy").code)

    wait.for_that(function()
      return members[1]:heard("member_down", members[3])
    end, 18 * SUSPICION, "word of a hung member")
    assert.truthy(members[3]:log():find("a handler does not return", 1, true), members[3]:log())
    process.write(released, "")
    wait.for_that(function()
      return members[1]:heard("member_up", members[3]) or members[1]:heard("rename", members[3])
    end, 20 * SUSPICION, "comeback")
    converge(members)
  end)

  it("is found down like any other when it is to have no deputy", function()
    local members = { start("") }
    members[2] = start("", members[1])
    members[3] = start(hang(process.tempdir() .. "/never"), members[1], { "--busy-limit", "0" })
    converge(members)
    members[1]:watch()

    assert.equal(0, members[1]:ask("broadcast", "busy").code)

    wait.for_that(function()
      return members[1]:heard("member_down", members[3])
    end, 18 * SUSPICION, "word of a hung member")
    assert.truthy(doubts(members[1]):find("  suspect ", 1, true)) -- so they are found when there are any
  end)
end)
