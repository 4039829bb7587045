--- on_view and on_stable, in virtual time.

local nets = require "spec.sim.support"

--- The addresses of the members in a list, as text.
local function names(members)
  local list = {}
  for i, member in ipairs(members) do list[i] = member.addr end
  table.sort(list)
  return table.concat(list, " ")
end

--- Writes what on_view tells into `list`.
local function recorder(net, list)
  return function(node, view)
    list[#list + 1] = {
      at = net:now(), joined = names(view.joined), left = names(view.left), changed = names(view.changed),
      view = node:view(), members = view,
    }
  end
end

local function spawn(net, options)
  local all = { config = "lan" }
  for name, value in pairs(options or {}) do all[name] = value end
  return assert(net:spawn(all))
end

--- A member and one that it knows, with what its on_view was told after that.
local function pair(options)
  local net, told = nets.new { seed = 5 }, {}
  local a = spawn(net, { handlers = { on_view = recorder(net, told) }, config = options })
  local b = spawn(net, { join = { a.addr } })
  net:run(2)
  assert.equal(b.addr, told[1].joined)
  table.remove(told)
  assert.same({}, told)
  return net, a, b, told
end

describe("on_view", function()
  after_each(nets.close)

  it("is called at most five times while 100 members join at once", function()
    local net, told = nets.new { seed = 3 }, {}
    local a = spawn(net, { handlers = { on_view = recorder(net, told) } })
    net:run(1)
    net:spawn(100, { join = { a.addr }, config = "lan" })
    net:run(60)
    assert.is_true(#told >= 1 and #told <= 5)
    local joined = 0
    for _, call in ipairs(told) do joined = joined + #call.members.joined end
    assert.equal(100, joined)
    assert.equal(a.node:view(), told[#told].view)
  end)

  it("tells who joined, who left, and both in plain members", function()
    local net, a, b, told = pair()
    local c = spawn(net, { join = { a.addr } })
    net:run(2)
    b:leave()
    net:run(2)
    assert.equal(2, #told)
    assert.same({ c.addr, "", "" }, { told[1].joined, told[1].left, told[1].changed })
    assert.same({ "", b.addr, "" }, { told[2].joined, told[2].left, told[2].changed })
    assert.equal("alive", told[1].members.joined[1].state)
    local gone = told[2].members.left[1]
    assert.same({ "down", "left" }, { gone.state, gone.reason })
    assert.same(a:member(b.addr), gone)
  end)

  it("says nothing of one that came and went in between", function()
    local net, a, _, told = pair()
    a:set_config { view_quiet = 10 }
    local c = spawn(net, { join = { a.addr } })
    net:run(2)
    assert.equal("alive", a:sees(c))
    c:leave()
    net:run(60)
    assert.equal("down", a:sees(c))
    assert.same({}, told)
  end)

  it("says that one changed which went and came in between, or has another identity", function()
    local net, a, b, told = pair()
    a:set_config { view_quiet = 10 }
    net:crash(b)
    assert(net:run_until(function() return a:sees(b) == "down" end, 60))
    local first = #told
    net:restart(b)
    net:run(60)
    assert.is_true(#told > first)
    -- It was suspect, which took long enough to be told; then it left and came.
    assert.same({ "", "", b.addr }, { told[1].joined, told[1].left, told[1].changed })
    local last = told[#told]
    assert.same({ "", "", b.addr }, { last.joined, last.left, last.changed })
    assert.same(b:identity(), last.members.changed[1].id)
  end)

  it("says that one is suspect, and alive again", function()
    local net, a, b, told = pair()
    net:pause(b)
    assert(net:run_until(function() return #told == 1 end, 60))
    assert.equal("suspect", told[1].members.changed[1].state)
    net:resume(b)
    assert(net:run_until(function() return #told == 2 end, 60))
    assert.equal("alive", told[2].members.changed[1].state)
    assert.equal("alive", a:sees(b))
  end)

  it("says that one changed which says something else of itself, with what it says", function()
    local net, _, b, told = pair()
    assert(b:set_tags { zone = "b", text = ("x"):rep(300) })
    net:run(2)
    assert.equal(1, #told)
    assert.same({ "", "", b.addr }, { told[1].joined, told[1].left, told[1].changed })
    assert.same({ zone = "b", text = ("x"):rep(300) }, told[1].members.changed[1].tags)
  end)

  it("is called when the node's own tags have changed, without a list of others", function()
    local net, a, _, told = pair()
    local before = a:view()
    assert(a:set_tags { zone = "b" })
    assert.is_true(a:view() > before)
    assert(a:set_tags { zone = "c" })
    net:run(2)
    assert.equal(1, #told)
    assert.same({ "", "", "" }, { told[1].joined, told[1].left, told[1].changed })
    assert.equal(a:view(), told[1].view)
    assert(a:set_tags { zone = "c" }) -- it is
    net:run(60)
    assert.equal(1, #told)
  end)

  it("is not called for the tags that a node starts with", function()
    local net, told = nets.new { seed = 5 }, {}
    spawn(net, { handlers = { on_view = recorder(net, told), tags = { zone = "b" } }, tags = { rack = 7 } })
    net:run(10)
    assert.same({}, told)
  end)

  it("is called once more when it changes the node's tags, and comes to rest", function()
    local net, calls, calms = nets.new { seed = 5 }, 0, 0
    local a = spawn(net, { handlers = {
      on_view = function(node)
        calls = calls + 1
        assert(node:set_tags { others = node:num_members() })
      end,
      on_stable = function(node)
        calms = calms + 1
        assert(node:set_tags { calm = true })
      end,
    } })
    net:run(20)
    assert.same({ 2, 2 }, { calls, calms }) -- the first calm changes the tags, and on_view does
    spawn(net, { join = { a.addr } })
    net:run(60)
    assert.same({ 4, 3 }, { calls, calms })
    assert.same({ others = 1, calm = true }, a:tags())
    assert.same({}, (net:errors()))
  end)

  it("is called by and by while changes never pause", function()
    local net, told = nets.new { seed = 3 }, {}
    local a = spawn(net, { handlers = { on_view = recorder(net, told) } })
    for _ = 1, 300 do
      spawn(net, { join = { a.addr } })
      net:run(0.1)
    end
    assert.is_true(#told >= 25 and #told <= 35)
    for i = 2, #told do
      local pause = told[i].at - told[i - 1].at
      assert.is_true(pause > 0.9 and pause < 1.3)
    end
  end)

  it("comes after on_member_up and on_member_down of all that it tells of", function()
    local net, known, calls = nets.new { seed = 9, loss = 0.1 }, {}, 0
    local a = spawn(net, { handlers = {
      on_member_up = function(_, member) known[member.addr] = true end,
      on_member_down = function(_, member) known[member.addr] = nil end,
      on_view = function(_, view)
        calls = calls + 1
        for _, member in ipairs(view.joined) do assert(known[member.addr], "told too early") end
        for _, member in ipairs(view.left) do assert(not known[member.addr], "told too early") end
      end,
    } })
    local others = net:spawn(20, { join = { a.addr }, config = "lan" })
    net:run(10)
    for i = 1, 5 do net:crash(others[i]) end
    net:run(60)
    assert.is_true(calls > 1)
    assert.same({}, (net:errors()))
  end)

  it("can be subscribed to, and unsubscribed, like an event", function()
    local net, told = nets.new { seed = 5 }, {}
    local a = spawn(net)
    local fn = recorder(net, told)
    local b = spawn(net, { join = { a.addr } })
    net:run(2)
    a:on("view", fn)
    local c = spawn(net, { join = { a.addr } })
    net:run(2)
    assert.equal(1, #told)
    assert.same({ c.addr, "", "" }, { told[1].joined, told[1].left, told[1].changed })
    assert.is_true(a:off("view", fn))
    b:leave()
    net:run(5)
    assert.equal(1, #told)
    assert.is_false(a:off("view", fn))
  end)

  it("is no part of what \"*\" subscribes to", function()
    local net, seen = nets.new { seed = 5 }, {}
    local a = spawn(net, { handlers = { on_view = function() end, on_stable = function() end } })
    a:on("*", function(_, event) seen[event] = true end)
    spawn(net, { join = { a.addr } })
    net:run(60)
    assert.same({ member_up = true, active = true }, seen)
  end)
end)

describe("a handler of on_view", function()
  after_each(nets.close)

  --- A member whose first on_view does that, and one that joins it 2 s later.
  local function doing(action)
    local net, calls = nets.new { seed = 5 }, 0
    local a = spawn(net, { handlers = { on_view = function(node, view)
      calls = calls + 1
      if calls == 1 then action(node, view) end
    end } })
    net:run(1)
    spawn(net, { join = { a.addr } })
    net:run(2)
    return net, a, function() return calls end
  end

  it("that fails is not told of the same again", function()
    local net, a, calls = doing(function() error "mine" end)
    assert.equal(1, calls())
    assert.equal(1, #net:errors())
    spawn(net, { join = { a.addr } })
    net:run(2)
    assert.equal(2, calls())
  end)

  it("may close the node, leave, and be replaced", function()
    local net, a = doing(function(node) node:close() end)
    assert.is_true(a:is_closed())
    assert.same({}, (net:errors()))
    net:close()

    net, a = doing(function(node) node:leave() end)
    assert.equal("defunct", a:connection())
    assert.same({}, (net:errors()))
    net:close()

    local joined = {}
    net, a = doing(function(node)
      node:set_handlers { on_view = function(_, view) joined[#joined + 1] = names(view.joined) end }
    end)
    local c = spawn(net, { join = { a.addr } })
    net:run(2)
    assert.same({ c.addr }, joined)
    assert.same({}, (net:errors()))
  end)

  it("may keep and change what it was given", function()
    local kept
    local net, a = doing(function(_, view)
      kept = view
      view.joined[1].addr = nil
      view.left = nil
    end)
    collectgarbage()
    assert.equal("alive", kept.joined[1].state)
    assert.equal("10.0.0.2:7946", a:members()[1].addr)
    assert.same({}, (net:errors()))
  end)

  it("and the program's subscription are told of the same", function()
    local net, told, heard = nets.new { seed = 5 }, {}, {}
    local a = spawn(net, { handlers = { on_view = recorder(net, told) } })
    a:on("view", recorder(net, heard))
    spawn(net, { join = { a.addr } })
    net:run(2)
    a:on("member_up", function(node) node:off("view", print) end) -- any change of subscriptions
    spawn(net, { join = { a.addr } })
    net:run(2)
    assert.equal(2, #told)
    for i = 1, 2 do
      assert.equal(told[i].joined, heard[i].joined)
      assert.equal(told[i].at, heard[i].at)
    end
  end)

  it("is not told of itself", function()
    local net, told = nets.new { seed = 5 }, {}
    local a = spawn(net, { handlers = { on_view = recorder(net, told) } })
    local b = spawn(net, { join = { a.addr } })
    net:run(2)
    local before = a:view()
    -- It is suspected, which it refutes; then it has another identity.
    b:apply({ { id = a:identity(), state = "suspect", incarnation = 0 } }, { broadcast = true })
    net:run(2)
    assert(a:change_identity { addr = a.addr, bump = a:identity().bump + 1 })
    net:run(2)
    assert.is_true(a:view() > before)
    for _, call in ipairs(told) do
      assert.is_nil((call.joined .. call.left .. call.changed):find(a.addr, 1, true))
    end
  end)
end)

-- A script that counts in its store, in versions that differ by a comment.
local function version(n, body)
  return ("-- version %d\n"):format(n) .. (body or [[
    local M = {}
    function M.on_view(node, view)
      local store = node.store
      store.joined = (store.joined or 0) + #view.joined
      store.left = (store.left or 0) + #view.left
      store.calls = (store.calls or 0) + 1
    end
    function M.on_stable(node)
      node.store.stable = (node.store.stable or 0) + 1
    end
    return M
  ]])
end

describe("a new version of the script", function()
  local process = require "spec.support.process"
  after_each(nets.close)

  it("neither misses nor repeats a change, whenever it takes over", function()
    local net, path = nets.new { seed = 7 }, nets.script(version(0))
    local a = spawn(net, { handlers = path })
    local generation, joined = 0, 0
    for i = 1, 40 do
      spawn(net, { join = { a.addr } })
      joined = joined + 1
      net:run(0.03 * (i % 9)) -- before, in and after the quiet time
      generation = generation + 1
      process.write(path, version(generation))
      assert.is_true(a:reload())
      net:run(0.05)
    end
    net:run(4)
    assert.equal(generation + 1, a:info().script.generation)
    assert.equal(joined, a.store.joined)
    assert.is_nil(a.store.left ~= 0 or nil)
    net:run(10)
    assert.equal(1, a.store.stable)
  end)

  it("is told of changes from then on if the one before did not want to know", function()
    local net, path = nets.new { seed = 7 }, nets.script(version(0, "return {}"))
    local a = spawn(net, { handlers = path })
    spawn(net, { join = { a.addr } })
    net:run(30)
    process.write(path, version(1))
    assert.is_true(a:reload())
    net:run(0.01)
    assert.equal(1, a.store.stable) -- nobody was told of this calm
    assert.is_nil(a.store.calls)
    spawn(net, { join = { a.addr } })
    net:run(2)
    assert.equal(1, a.store.joined)
  end)

  it("may stop to want to know", function()
    local net, path = nets.new { seed = 7 }, nets.script(version(0))
    local a = spawn(net, { handlers = path })
    spawn(net, { join = { a.addr } })
    net:run(0.1)
    process.write(path, version(1, "return {}"))
    assert.is_true(a:reload())
    net:run(10)
    assert.is_nil(a.store.calls)
    process.write(path, version(2))
    assert.is_true(a:reload())
    spawn(net, { join = { a.addr } })
    net:run(2)
    assert.equal(1, a.store.joined)
  end)
end)

describe("on_stable", function()
  after_each(nets.close)

  it("is called stable_after seconds after the start and after each change, once", function()
    local net, at = nets.new { seed = 5 }, {}
    local a = spawn(net, { handlers = { on_stable = function() at[#at + 1] = net:now() end } })
    net:run(20)
    assert.equal(1, #at)
    assert.is_true(math.abs(at[1] - 5) < 0.01)
    spawn(net, { join = { a.addr } })
    net:run(20)
    assert.equal(2, #at)
    assert.is_true(math.abs(at[2] - 25) < 0.1)
    a:set_config { stable_after = 1 }
    a:leave()
    net:run(20)
    assert.equal(3, #at)
    assert.is_true(math.abs(at[3] - 41) < 0.1)
  end)

  it("can be subscribed to", function()
    local net, count = nets.new { seed = 5 }, 0
    local a = spawn(net)
    net:run(60)
    a:on("stable", function() count = count + 1 end)
    net:run(60)
    assert.equal(1, count)
  end)
end)
