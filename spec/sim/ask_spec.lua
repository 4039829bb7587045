--- node:ask and on_ask in a cluster: everyone who is expected answers, or is named.

local nets = require "spec.sim.support"
local process = require "spec.support.process"
local shoal = require "shoal"

--- Handlers whose questions are answered with who answers and what was asked.
local function echo()
  return { on_ask = {
    echo = function(node, data, from) return { data, node:bound(), from.addr } end,
    nothing = function() end,
    fails = function() error "I do not know" end,
    odd = function() return print end,
    large = function(_, size) return ("x"):rep(size) end,
  } }
end

local function addresses(list)
  local found = {}
  for i, entry in ipairs(list) do
    found[i] = (type(entry.member) == "table" and entry.member or entry).addr
  end
  table.sort(found)
  return found
end

local function all_addresses(members)
  return addresses(members)
end

--- Asks, and waits for the end: answers, missing, and how long it took.
local function ask(net, member, name, data, options, limit)
  local answers, missing, times = nil, nil, 0
  local begun = net:now()
  assert(member:ask(name, data, options, function(node, got, lacking)
    assert.is_function(node.ask)
    answers, missing, times = got, lacking, times + 1
  end))
  assert.is_nil(answers)
  assert(net:run_until(function() return answers end, limit or 30))
  local took = net:now() - begun
  assert.equal(1, times)
  return answers, missing, took
end

describe("node:ask", function()
  after_each(nets.close)

  it("collects the answers of all, ourselves included, and ends with the last", function()
    local net, members = nets.grown(8, { handlers = echo() })
    local answers, missing, took = ask(net, members[3], "echo", { text = "hi" })
    assert.same({}, missing)
    assert.same(all_addresses(members), addresses(answers))
    for _, answer in ipairs(answers) do
      assert.same({ { text = "hi" }, answer.member.addr, members[3].addr }, answer.data)
      assert.equal("alive", answer.member.state)
    end
    assert.is_true(took < 0.1, took)
  end)

  it("takes options or none, and nil is an answer", function()
    local net, members = nets.grown(3, { handlers = echo() })
    local got
    assert(members[1]:ask("nothing", nil, function(_, answers, missing) got = { answers, missing } end))
    assert(net:run_until(function() return got end, 1))
    assert.equal(3, #got[1])
    for _, answer in ipairs(got[1]) do
      assert.is_nil(answer.data)
      assert.is_nil(answer.error)
    end
    assert.same({}, got[2])
  end)

  it("asks members with tags, or that a function chooses, or that are listed", function()
    local net, members = nets.grown(6, { handlers = echo() })
    for i = 1, 3 do assert(members[i]:set_tags { zone = "b", number = i }) end
    net:run(3)
    assert.same(all_addresses { members[1], members[2], members[3] },
      addresses((ask(net, members[6], "echo", 1, { where = { zone = "b" } }))))
    assert.same(all_addresses { members[2], members[3] }, addresses((ask(net, members[2], "echo", 1,
      { where = { number = function(number) return number and number > 1 end } }))))
    assert.same({ members[5].addr }, addresses((ask(net, members[1], "echo", 1,
      { where = function(member) return member.addr == members[5].addr end }))))
    local listed = { members[4].addr, members[1]:member(members[2].addr), members[4].addr, members[1].addr }
    assert.same(all_addresses { members[1], members[2], members[4] },
      addresses((ask(net, members[1], "echo", 1, { members = listed }))))
    assert.same({ members[2].addr }, addresses((ask(net, members[1], "echo", 1,
      { members = { members[2].addr, members[4].addr }, where = { zone = "b" } }))))
    local answers, missing = ask(net, members[1], "echo", 1, { where = { zone = "nowhere" } })
    assert.same({ {}, {} }, { answers, missing })
  end)

  it("tells of answers that are errors, and why", function()
    local net, members = nets.grown(2, { handlers = echo(), on_error = function() end })
    local function errors(name, data)
      local answers, missing = ask(net, members[1], name, data)
      assert.same({ 2, 0 }, { #answers, #missing })
      for _, answer in ipairs(answers) do assert.is_nil(answer.data) end
      return answers[1].error, answers[1].code, answers[2].error, answers[2].code
    end
    local message, code, other = errors "fails"
    assert.matches("I do not know", message)
    assert.matches("I do not know", other)
    assert.equal("handler", code)
    message, code = errors "unheard"
    assert.same({ "there is no on_ask.unheard", "no_handler" }, { message, code })
    message, code = errors "odd"
    assert.equal("handler", code)
    assert.matches("cannot carry a function", message)
    message, code = errors("large", 5000)
    assert.equal("too_big", code)
    assert.matches("at most %d+ fit", message)
    local answers = ask(net, members[1], "large", 1200)
    assert.equal(1200, #answers[2].data)
  end)

  it("names those who do not answer in time", function()
    local net, members = nets.grown(5, { handlers = echo() })
    net:pause(members[2], 60)
    local answers, missing, took = ask(net, members[1], "echo", 1, { timeout = 0.5 })
    assert.equal(4, #answers)
    assert.same({ members[2].addr }, addresses(missing))
    assert.is_true(took >= 0.5 and took < 0.6, took)
  end)

  it("does not wait for who is down, however long it would", function()
    local net, members = nets.grown(5, { handlers = echo() })
    net:crash(members[2])
    net:crash(members[4])
    local answers, missing, took = ask(net, members[1], "echo", 1, { timeout = 3600 }, 120)
    assert.equal(3, #answers)
    assert.same(all_addresses { members[2], members[4] }, addresses(missing))
    assert.is_true(took < 60, took)
    assert.equal("down", members[1]:member(members[2].addr).state)
    local gone = missing[1]
    assert.same(gone.addr, addresses(select(2, ask(net, members[1], "echo", 1, { members = { gone } })))[1])
  end)

  it("asks the others while one of them has too many messages under way, and that one later", function()
    local net, members = nets.grown(4, { handlers = echo() })
    local asked = 0
    for _, who in ipairs { "awake again", "gone" } do
      for place = 1, 4 do -- wherever it stands in the list
        net:run(5)
        net:pause(members[2], 3600)
        for i = 1, 64 do assert(members[1]:send(members[2].addr, i)) end
        local listed, ended = { members[3].addr, members[4].addr, members[1].addr }, nil
        table.insert(listed, place, members[2].addr)
        local function note(_, answers, missing) ended = { #answers, #missing } end
        assert(members[1]:ask("echo", 1, { members = listed, timeout = 3600 }, note))
        net:run(0.3)
        assert.is_nil(ended)
        asked = asked + 1
        assert.equal(asked, members[3]:stats().questions.answered)
        if who == "gone" then
          net:crash(members[2])
        else
          net:resume(members[2])
        end
        assert(net:run_until(function() return ended end, 120))
        assert.same(who == "gone" and { 3, 1 } or { 4, 0 }, ended)
        if who == "gone" then
          net:restart(members[2])
          assert(net:run_until(function() return net:converged() end, 60))
        end
      end
    end
  end)

  it("of many members at 20 % loss is answered by all, or names who is missing", function()
    local net, members = nets.grown(100, { handlers = echo() }, { seed = 5 })
    net:set { loss = 0.2 }
    local answers, missing = ask(net, members[1], "echo", "x", { timeout = 20 })
    assert.equal(100, #answers + #missing)
    assert.is_true(#missing <= 1, #missing)
    local heard = addresses(answers)
    for i = 2, #heard do assert.is_true(heard[i] ~= heard[i - 1]) end
  end)

  it("of a thousand members takes four packets for each, and a moment", function()
    local net, members = nets.grown(1000, { handlers = echo(), config = "lan", cluster_size = 1000 })
    net:run(10) -- until what they told each other of their joining is over
    local function sent(of)
      local packets, bytes = 0, 0
      for _, member in ipairs(of) do
        packets = packets + member:stats().sent.exchange
        bytes = bytes + member:stats().bytes_sent
      end
      return packets, bytes
    end
    local packets, bytes = sent(members)
    local answers, missing, took = ask(net, members[1], "nothing", nil)
    assert.same({ 1000, 0 }, { #answers, #missing })
    assert.is_true(took < 0.3, took)
    local packets_after, bytes_after = sent(members)
    net:run(1) -- for the last receipts
    assert.is_true(packets_after - packets < 4100, packets_after - packets)
    assert.is_true(bytes_after - bytes < 400000, bytes_after - bytes)
    net:set { loss = 0.2 }
    answers, missing, took = ask(net, members[1], "nothing", nil, { timeout = 30 })
    assert.equal(1000, #answers + #missing)
    assert.is_true(#missing <= 1, #missing)
    assert.is_true(took < 10, took)
    assert.equal(0, members[1]:stats().messages_refused)
  end)

  it("is refused when it cannot be asked, and 64 may be under way", function()
    local net, members = nets.grown(2, { handlers = echo() })
    local nothing = function() end
    local function refused(...)
      local ok, message, code = members[1]:ask(...)
      assert.is_nil(ok)
      return code, message
    end
    local code, message = refused("echo", ("x"):rep(5000), nothing)
    assert.equal("too_big", code)
    assert.matches("at most %d+ fit", message)
    assert.equal("not_a_member", (refused("echo", 1, { members = { "nobody" } }, nothing)))
    net:pause(members[2], 60)
    for _ = 1, 64 do assert(members[1]:ask("echo", 1, { timeout = 1 }, nothing)) end
    assert.equal("full", (refused("echo", 1, nothing)))
    assert.equal(1, members[1]:stats().questions.refused)
    net:run(1.1)
    assert(members[1]:ask("echo", 1, nothing))
    assert.error_matches(function() members[1]:ask("echo", 1, {}) end,
      "node:ask: needs a function to call, or a coroutine to wait in")
    assert.error_matches(function() members[1]:ask("", 1, nothing) end, "node:ask: the name must have 1 to 64 bytes")
    assert.error_matches(function() members[1]:ask("echo", print, nothing) end,
      "node:ask: data: cannot carry a function")
    assert.error_matches(function() members[1]:ask("echo", 1, { were = {} }, nothing) end, "did you mean 'where'")
    assert.error_matches(function() members[1]:ask("echo", 1, { timeout = 0 }, nothing) end, "'timeout'")
    assert.error_matches(function() members[1]:ask("echo", 1, { where = 5 }, nothing) end, "'where'")
  end)

  it("may be asked by who answers, and by who has got the answers", function()
    local handlers = echo()
    handlers.on_ask.relay = function(node, data)
      node:ask("echo", data, function(n, answers) n.store.relayed = #answers end)
      return "asked"
    end
    local net, members = nets.grown(3, { handlers = handlers })
    local counts = {}
    assert(members[1]:ask("relay", 1, function(node, answers)
      counts[1] = #answers
      node:ask("echo", 2, function(_, more) counts[2] = #more end)
    end))
    assert(net:run_until(function() return counts[2] end, 5))
    assert.same({ 3, 3 }, counts)
  end)

  it("ends quietly when a new version takes over", function()
    local script = [[
      local M = { on_ask = { slow = function() return 1 end } }
      function M.on_message(node, to)
        node:ask("slow", 1, { members = { to } }, function(n) n:set_tags { called = true } end)
      end
      return M
    ]]
    local path = nets.script(script)
    local net = nets.new()
    local members = net:spawn(2, { handlers = path, config = "loopback" })
    assert(net:run_until(function() return net:converged() end, 30))
    net:set { loss = 1 }
    assert(members[1]:send(members[1].addr, members[2].addr))
    net:run(0.1)
    process.write(path, script .. "-- another")
    assert(members[1]:reload())
    net:set { loss = 0 }
    net:run(20)
    assert.same({}, members[1]:tags())
    assert.equal(1, members[1]:stats().questions.late)
  end)

  it("is answered by the version that is there when it comes", function()
    local net, members = nets.grown(2, { handlers = echo() })
    assert(members[2]:set_handlers { on_ask = { echo = function() return "new" end } })
    local answers = ask(net, members[1], "echo", 1, { members = { members[2].addr } })
    assert.equal("new", answers[1].data)
  end)

  it("waits in a coroutine, for the answers and for who is missing", function()
    local net, members = nets.grown(4, { handlers = echo() })
    local outcome
    members[2]:go(function(node)
      outcome = { node:ask("echo", "hi", { members = { members[1].addr, members[3].addr } }) }
      outcome.nobody = { node:ask("echo", "hi", { where = { zone = "none" } }) }
      outcome.refused = { node:ask("echo", ("x"):rep(5000)) }
      outcome.over = true
    end)
    assert.is_nil(outcome)
    assert.is_true(net:run_until(function() return outcome and outcome.over end, 10))
    assert.same(all_addresses { members[1], members[3] }, addresses(outcome[1]))
    assert.same({}, outcome[2])
    assert.same({ {}, {} }, outcome.nobody)
    assert.equal("too_big", outcome.refused[3])
    net:partition({ members[1] }, { members[2], members[3], members[4] })
    members[2]:go(function(node) outcome = { node:ask("echo", 1, { timeout = 0.5 }) } end)
    net:run(1)
    assert.equal(3, #outcome[1])
    assert.same({ members[1].addr }, addresses(outcome[2]))
  end)

  it("is refused by a member that has left, whether there are others or not", function()
    for count = 1, 2 do
      local _, members = nets.grown(count)
      members[1]:leave()
      local ok, _, code = members[1]:ask("echo", nil, function() end)
      assert.same({ nil, "defunct" }, { ok, code })
      nets.close()
    end
  end)

  it("needs a function where nothing can wait", function()
    local _, members = nets.grown(1, { handlers = echo() })
    assert.error_matches(function() members[1]:ask("echo") end,
      "node:ask: needs a function to call, or a coroutine to wait in")
    assert.error_matches(function() members[1]:ask("echo", 1, nil, 5) end, "a function")
  end)

  it("does not go on in a coroutine of a version that is over, or of a member that crashed", function()
    for _, ends in ipairs {
      function(_, member) assert(member:set_handlers(echo())) end,
      function(net, member) net:crash(member) end,
    } do
      local net, members = nets.grown(2, { handlers = echo() })
      local asked, went_on
      assert(members[1]:set_handlers { on_ask = {}, on_reload = function(node)
        node:go(function(n)
          asked = true
          n:ask("echo", 1, { members = { members[2].addr }, timeout = 2 })
          went_on = true
        end)
      end })
      net:partition({ members[1] }, { members[2] })
      net:run(0.1)
      assert.is_true(asked)
      ends(net, members[1])
      net:run(10)
      assert.is_nil(went_on)
    end
  end)

  it("does not take the answers that a former life was given", function()
    local net, members = nets.grown(3, { handlers = echo() })
    net:set { latency = 0.5 }
    assert(members[1]:ask("echo", "old", function() end))
    net:run(0.1)
    net:crash(members[1])
    net:set { latency = 0.001 }
    net:restart(members[1])
    assert(net:run_until(function() return net:converged() end, 30))
    local answers = ask(net, members[1], "echo", "new")
    for _, answer in ipairs(answers) do assert.equal("new", answer.data[1]) end
  end)
end)

describe("M.on_ask", function()
  after_each(nets.close)

  it("is a table of functions", function()
    local function start(on_ask)
      return function() shoal.start { handlers = { on_ask = on_ask } } end
    end
    assert.error_matches(start(5), "'on_ask' must be a table, got 5")
    assert.error_matches(start { version = 5 }, "'on_ask.version' must be a function, got 5")
    assert.error_matches(start { print }, "on_ask: questions must have names, got the key 1")
  end)
end)
