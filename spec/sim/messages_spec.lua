--- node:send and on_message in a cluster: each message once, or its sender knows.

local nets = require "spec.sim.support"
local process = require "spec.support.process"

local unpack = table.unpack or unpack -- luacheck: compat

--- What each member got: heard[addr] = { data, ... }
local function listening(members)
  local heard = {}
  for _, member in ipairs(members) do
    heard[member.addr] = {}
    member:on("message", function(_, data, from)
      assert.is_string(from.addr)
      table.insert(heard[member.addr], data)
    end)
  end
  return heard
end

--- Sends, and notes what became of it in outcomes[data].
local function send(member, to, data, outcomes)
  assert(member:send(to, data, function(_, ok, message, code)
    assert.is_nil(outcomes[data])
    outcomes[data] = ok or { message, code }
  end))
end

local function num(map)
  local n = 0
  for _ in pairs(map) do n = n + 1 end
  return n
end

local function times(list)
  local counts = {}
  for _, value in ipairs(list) do counts[value] = (counts[value] or 0) + 1 end
  return counts
end

describe("node:send", function()
  after_each(nets.close)

  it("reaches on_message of one member, with any value and the sender", function()
    local heard = {}
    local net, members = nets.grown(4, { handlers = {
      on_message = function(node, data, from) heard[#heard + 1] = { node:bound(), data, from.addr } end,
    } })
    local outcomes = {}
    local value = { a = 1, list = { "x", { true } }, text = "t" }
    assert(members[1]:send(members[2].addr, value))
    send(members[1], members[1]:member(members[3].addr), "to three", outcomes)
    assert.same({}, outcomes)
    net:run(0.05)
    table.sort(heard, function(a, b) return a[1] < b[1] end)
    assert.same({
      { members[2]:bound(), value, members[1].addr },
      { members[3]:bound(), "to three", members[1].addr },
    }, heard)
    assert.same({ ["to three"] = true }, outcomes)
  end)

  it("tells ourselves without a packet", function()
    local _, members = nets.grown(2)
    local heard, outcomes = listening(members), {}
    local before = members[1]:stats().packets_sent
    send(members[1], members[1].addr, "me", outcomes)
    members[1].net:run(0)
    assert.same({ "me" }, heard[members[1].addr])
    assert.same({ me = true }, outcomes)
    assert.equal(before, members[1]:stats().packets_sent)
  end)

  it("loses nothing and repeats nothing in a network that does both", function()
    local net, members = nets.grown(6, {}, { seed = 3 })
    local heard, outcomes, sent = listening(members), {}, 0
    net:set { loss = 0.2, duplicate = 0.2, reorder = 0.3 }
    for round = 1, 20 do
      for i, member in ipairs(members) do
        for j, to in ipairs(members) do
          if i ~= j then
            sent = sent + 1
            send(member, to.addr, ("%d to %d: %d"):format(i, j, round), outcomes)
          end
        end
      end
      net:run(0.05)
    end
    assert.is_true(net:run_until(function() return num(outcomes) == sent end, 30))
    for i, member in ipairs(members) do
      local counts = times(heard[member.addr])
      assert.equal(100, num(counts))
      for text, count in pairs(counts) do
        assert.equal(1, count)
        assert.equal(i, tonumber(text:match "to (%d+)"))
        assert.is_true(outcomes[text])
      end
    end
  end)

  it("fails when the member is gone, and is not repeated for ever", function()
    local net, members = nets.grown(5)
    local outcomes = {}
    net:crash(members[2])
    send(members[1], members[2].addr, "crashed", outcomes)
    assert(net:run_until(function() return outcomes.crashed end, 60))
    assert.equal("member_down", outcomes.crashed[2])
    assert.matches("%(failed%)", outcomes.crashed[1])
    local repeated = members[1]:stats().messages_repeated
    assert.is_true(repeated > 0 and repeated < 60)
    net:run(20)
    assert.equal(repeated, members[1]:stats().messages_repeated)
    local ok, message, code = members[1]:send(members[2].addr, "x")
    assert.same({ nil, "not_a_member" }, { ok, code })
    assert.matches("no active member", message)
  end)

  it("that a split holds back arrives after it, or has failed", function()
    local net, members = nets.grown(6)
    local heard, outcomes = listening(members), {}
    local split = net:partition({ unpack(members, 1, 3) }, "rest")
    send(members[1], members[4].addr, "brief", outcomes)
    net:run(0.2)
    split:heal()
    assert(net:run_until(function() return outcomes.brief end, 10))
    assert.is_true(outcomes.brief)
    assert.same({ "brief" }, heard[members[4].addr])
    split = net:partition({ unpack(members, 1, 3) }, "rest")
    send(members[1], members[4].addr, "long", outcomes)
    assert(net:run_until(function() return outcomes.long end, 60))
    assert.equal("member_down", outcomes.long[2])
    split:heal()
  end)

  it("to a member that restarts fails, and the next one reaches the new one once", function()
    local net, members = nets.grown(4)
    local outcomes = {}
    net:crash(members[2])
    send(members[1], members[2].addr, "before", outcomes)
    net:run(0.1)
    local again = net:restart(members[2]) or members[2]
    local heard = listening { again }
    assert(net:run_until(function() return outcomes.before end, 30))
    assert.equal("member_down", outcomes.before[2])
    assert.matches("%(replaced%)", outcomes.before[1])
    send(members[1], again.addr, "after", outcomes)
    send(again, members[1].addr, "answer", outcomes)
    assert(net:run_until(function() return outcomes.after and outcomes.answer end, 10))
    assert.same({ "after" }, heard[again.addr])
  end)

  it("reaches two hundred without a burst, each of which answers", function()
    local net, members = nets.grown(200)
    for _, member in ipairs(members) do
      member:on("message", function(node, data, from)
        if data == "ping" then assert(node:send(from, "pong")) end
      end)
    end
    local pongs, begun = 0, net:now()
    members[1]:on("message", function(_, data) if data == "pong" then pongs = pongs + 1 end end)
    for i = 2, 200 do assert(members[1]:send(members[i].addr, "ping")) end
    assert.is_true(net:run_until(function() return pongs == 199 end, 5))
    assert.is_true(net:now() - begun < 0.2, net:now() - begun)
  end)

  it("reaches a member that was forgotten meanwhile, each message once", function()
    local net, members = nets.grown(3)
    local a, b, heard = members[1], members[2], 0
    b:on("message", function() heard = heard + 1 end)
    for i = 1, 5 do assert(a:send(b.addr, i)) end
    net:run(2)
    net:pause(b)
    assert.is_true(net:run_until(function() return a:member(b.addr).state == "down" end, 60))
    assert(a:forget(b.addr))
    net:resume(b)
    assert.is_true(net:run_until(function()
      local seen = a:member(b.addr)
      return seen and seen.state == "alive" or false
    end, 60))
    for i = 6, 12 do assert(a:send(b.addr, i)) end
    net:run(5)
    assert.equal(12, heard)
  end)

  it("is refused beyond what may be under way", function()
    local net, members = nets.grown(3)
    net:pause(members[2], 1)
    local accepted, code = 0
    for i = 1, 100 do
      local ok, _, why = members[1]:send(members[2].addr, i)
      accepted, code = accepted + (ok and 1 or 0), code or why
    end
    assert.same({ 64, "full" }, { accepted, code })
    assert.equal(36, members[1]:stats().messages_refused)
    local heard = listening { members[2] }
    assert(net:run_until(function() return #heard[members[2].addr] == 64 end, 10))
  end)

  it("names what is wrong", function()
    local _, members = nets.grown(2)
    assert.error_matches(function() members[1]:send(nil, 1) end, "node:send: argument 1 must be a member")
    assert.error_matches(function() members[1]:send(members[2].addr, print) end,
      "node:send: data: cannot carry a function")
    assert.error_matches(function() members[1]:send("x", 1, 2) end, "node:send: argument 3 must be a function, got 2")
    local ok, message, code = members[1]:send(members[2].addr, ("x"):rep(5000))
    assert.same({ nil, "too_big" }, { ok, code })
    assert.matches("at most %d+ fit", message)
  end)

  it("is as large as an item can be, whatever a packet holds", function()
    local net, members = nets.grown(2, { config = { preset = "lan", max_packet_size = 65507 } })
    local heard, to = listening { members[2] }, members[2].addr
    local _, message, code = members[1]:send(to, ("x"):rep(60000))
    assert.equal("too_big", code)
    local most = tonumber(message:match "at most (%d+) fit")
    assert.is_true(most > 32000 and most < 32768, message)
    local text = ("x"):rep(most - 3) -- str 16
    assert(members[1]:send(to, text))
    assert.equal("too_big", (select(3, members[1]:send(to, text .. "x"))))
    assert(net:run_until(function() return #heard[to] == 1 end, 10))
    assert.equal(text, heard[to][1])
  end)

  it("calls back the version that sent it only", function()
    local script = [[
      local M = {}
      function M.on_message(node, data)
        node:send(data, "x", function(n)
          n.store.called = (n.store.called or 0) + 1
          n:set_tags { called = n.store.called }
        end)
      end
      return M
    ]]
    local path = nets.script(script)
    local net = nets.new()
    local members = net:spawn(2, { handlers = path, config = "loopback" })
    assert(net:run_until(function() return net:converged() end, 30))
    local function go()
      assert(members[1]:send(members[1].addr, members[2].addr))
      net:run(1)
    end
    go()
    assert.same({ called = 1 }, members[1]:tags())
    net:set { loss = 1 }
    go()
    process.write(path, script .. "-- another")
    assert(members[1]:reload())
    net:set { loss = 0 }
    net:run(5)
    assert.same({ called = 1 }, members[1]:tags())
  end)
end)
