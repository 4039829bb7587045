--- What clients that were away are told of: all changes since a view, as one.

local history = require "shoal.serve.history"

describe("what has changed since", function()
  local function members(...)
    local list = {}
    for i, name in ipairs { ... } do list[i] = { addr = name } end
    return list
  end

  local function add(past, number, joined, left, changed)
    past:add(number, { joined = members(joined), left = members(left), changed = members(changed) })
  end

  it("is one list of each kind, of what is different in the end", function()
    local past = history.new()
    add(past, 1, "a", nil, nil)
    add(past, 2, "b", "x", "y")
    add(past, 3, "x", "b", "a")
    -- b was there in between, and perhaps in a list of all
    assert.same({ joined = members "a", left = members "b", changed = members("x", "y") }, past:since(1))
    assert.same({ joined = {}, left = members "b", changed = members("x", "y", "a") }, past:since(2))
    assert.same({ joined = members "x", left = members "b", changed = members "a" }, past:since(3))
    assert.is_nil(past:since(0))
    assert.is_nil(past:since(4))
  end)

  -- A node of which the spec tells: { on = { event = fn }, timers =, told =, number = }.
  local function follow()
    local fake = { heard = {}, timers = {}, told = 0, number = 0 }
    function fake.tell(event, what)
      fake.number = fake.number + (event == "view" and 0 or 1)
      fake.heard[event](nil, what)
    end
    local past = history.follow({
      time = function() return 1 end, view = function() return fake.number end,
      on = function(_, event, fn) fake.heard[event] = fn end,
      after = function(_, _, fn) fake.timers[#fake.timers + 1] = fn return {} end,
    }, function() fake.told = fake.told + 1 end)
    return past, fake
  end

  local NOTHING = { joined = {}, left = {}, changed = {} }

  it("has those who came and went between two views, which a list of all may have had", function()
    local past, node = follow()
    local before = past.view
    node.tell("member_up", { addr = "guest" })
    node.tell("member_down", { addr = "guest" }) -- there is no view of it
    assert.same({ 0, before }, { node.told, past.view })
    table.remove(node.timers)()
    assert.equal(1, node.told)
    assert.same({ view = past.view, joined = {}, left = members "guest", changed = {} }, past:changes(before))
    assert.is_true(past.view > before)
  end)

  it("has them with a view that comes meanwhile, once", function()
    local past, node = follow()
    local before = past.view
    node.tell("member_up", { addr = "guest" })
    node.tell("member_down", { addr = "guest" })
    node.tell("member_up", { addr = "b" })
    node.tell("view", { joined = members "b", left = {}, changed = {} })
    local after = past.view
    assert.same({ view = after, joined = members "b", left = members "guest", changed = {} }, past:changes(before))
    table.remove(node.timers)()
    assert.same({ 1, after }, { node.told, past.view })
  end)

  it("does not take for one of them who was there, or came back", function()
    local past, node = follow()
    local before = past.view
    node.tell("member_down", { addr = "a" })
    node.tell("member_up", { addr = "b" })
    node.tell("member_down", { addr = "b" })
    node.tell("member_up", { addr = "b" })
    table.remove(node.timers)()
    assert.same({ 0, {} }, { node.told, node.timers })
    node.tell("view", { joined = members "b", left = members "a", changed = {} })
    assert.same({ view = past.view, joined = members "b", left = members "a", changed = {} }, past:changes(before))
  end)

  it("has a number for each view, also behind one that was told of guests", function()
    local past, node = follow()
    node.tell("member_up", { addr = "b" })
    node.tell("member_up", { addr = "guest" })
    node.tell("member_down", { addr = "guest" })
    table.remove(node.timers)()
    local between = past.view
    node.tell("view", { joined = members "b", left = {}, changed = {} })
    assert.is_true(past.view > between)
    assert.same({ view = past.view, joined = members "b", left = {}, changed = {} }, past:changes(between))
    between = past.view
    node.tell("view", NOTHING) -- of our own tags
    assert.is_true(past.view > between)
  end)

  it("is forgotten when it is too much", function()
    local past = history.new()
    for i = 1, 10010 do add(past, i, "m" .. i) end
    assert.is_nil(past:since(10))
    assert.equal(10000, #past:since(11).joined)
  end)
end)
