--- Bodies that several ask for: made once, a piece in each turn, and nobody waits for ever.

local making = require "shoal.serve.http.making"

describe("a body that several ask for", function()
  local timers, bodies, got

  before_each(function()
    timers, got = {}, {}
    bodies = making.new { after = function(_, _, fn)
      if timers.are_full then error "no timer" end
      timers[#timers + 1] = fn
      return {}
    end }
  end)

  local function run()
    local turns = 0
    while timers[1] do
      turns = turns + 1
      table.remove(timers, 1)()
    end
    return turns
  end

  local function hear(who)
    return function(made) got[who] = made or "nothing" end
  end

  -- Adds so many texts of 1,000 bytes; `counts` says how often it was begun.
  local function long(count, counts)
    return function(add)
      counts.begun = (counts.begun or 0) + 1
      for _ = 1, count do add(("x"):rep(1000)) end
      return 7
    end
  end

  it("is made once, in turns, for all who asked before it was begun", function()
    local counts = {}
    for _, who in ipairs { "a", "b", "c" } do bodies:ask("key", who, long(200, counts), hear(who)) end
    assert.is_nil(got.a)
    local turns = run()
    assert.is_true(turns >= 200 / 33 and turns < 12, turns .. " turns")
    assert.equal(1, counts.begun)
    assert.is_true(got.a == got.b and got.b == got.c)
    assert.same({ 200000, 7, 200000 }, { got.a.size, got.a.version, #table.concat(got.a.pieces) })
    for _, piece in ipairs(got.a.pieces) do assert.is_true(#piece < 2 ^ 15 + 1000) end
    assert.equal(got.a, bodies:find "key")
    bodies:clear()
    assert.is_nil(bodies:find "key")
  end)

  it("stops for others where nothing is added, too", function()
    bodies:ask("none", "a", function(add)
      for _ = 1, 1000 do add() end
    end, hear "a")
    assert.equal(6, run())
    assert.same({}, got.a.pieces)
  end)

  it("is not kept if something changed while it was made, nor if it is very large", function()
    local counts = {}
    bodies:ask("key", "a", long(200, counts), hear "a")
    table.remove(timers, 1)()
    bodies:clear()
    bodies:ask("key", "b", long(200, counts), hear "b")
    run()
    assert.equal(2, counts.begun)
    assert.is_true(got.a ~= got.b and got.b == bodies:find "key")
    bodies:ask("large", "c", long(5000, counts), hear "c")
    run()
    assert.equal(5000000, got.c.size)
    assert.is_nil(bodies:find "large")
  end)

  it("is not kept for ever because it is short: what it is called counts, too", function()
    local kept, key = 0, nil
    for i = 1, 1000 do
      key = ("%05d"):format(i):rep(2000)
      bodies:ask(key, "a", function(add) add "[]" end, hear "a")
      run()
    end
    for i = 1, 1000 do
      kept = kept + (bodies:find(("%05d"):format(i):rep(2000)) and #key or 0)
    end
    assert.is_true(kept > 0 and kept <= 2 ^ 22, kept .. " bytes of names")
    assert.is_not_nil(bodies:find(key))
  end)

  it("is not made when nobody waits for it any more", function()
    local counts = {}
    bodies:ask("key", "a", long(200, counts), hear "a")
    bodies:ask("other", "b", long(1, counts), hear "b")
    bodies:forget "a"
    run()
    assert.same({ 1, nil }, { counts.begun, got.a })
    bodies:ask("key", "c", long(1, counts), hear "c") -- and may be asked for again
    run()
    assert.equal(1000, got.c.size)
  end)

  it("tells those who wait when it fails, and goes on with the next", function()
    bodies:ask("bad", "a", function() error "no" end, hear "a")
    bodies:ask("good", "b", long(1, {}), hear "b")
    assert.has_error(function() table.remove(timers, 1)() end)
    assert.equal("nothing", got.a)
    run()
    assert.equal(1000, got.b.size)
  end)

  it("tells them when there is no timer for the next turn", function()
    bodies:ask("key", "a", long(200, {}), hear "a")
    timers.are_full = true
    assert.has_error(function() table.remove(timers, 1)() end, "no timer")
    assert.equal("nothing", got.a)
    assert.has_error(function() bodies:ask("key", "b", long(1, {}), hear "b") end)
    assert.equal("nothing", got.b)
    timers.are_full = false
    bodies:ask("key", "c", long(1, {}), hear "c")
    run()
    assert.equal(1000, got.c.size)
  end)
end)
