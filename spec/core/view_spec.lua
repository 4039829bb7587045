--- The number of the view, and the events that say that it changed, and that it came to rest.

local support = require "spec.core.support"
local core = require "shoal.core"
local engine, mortal = support.engine, support.mortal

--- What the number grows by while the claims are applied.
local function steps(e, ...)
  local before = e.core:view()
  e:apply({ ... })
  return e.core:view() - before
end

describe("the view", function()
  it("grows when a member joins, becomes suspect, refutes, leaves or has another identity", function()
    local e = engine("a")
    assert.equal(0, e.core:view())
    assert.equal(1, steps(e, "b"))
    assert.equal(1, steps(e, "b suspect"))
    assert.equal(1, steps(e, "b alive 1"))
    assert.equal(1, steps(e, "b down 1"))
    assert.equal(1, steps(e, "b#2"))
    assert.equal(1, steps(e, "b#3"))
    assert.equal(2, steps(e, "c", "d"))
  end)

  it("stays with what nobody sees who asks for the active members", function()
    local e = engine("a"):knowing("b", "c suspect", "d", "d down")
    for _, claim in ipairs { "b alive 7", "c suspect 3", "d down 1", "d#2 down", "e down" } do
      assert.equal(0, steps(e, claim), claim)
    end
    assert.equal(0, steps(e, "b alive 7"))
  end)

  it("grows when we are somebody else, leave or come back", function()
    local e = engine("a"):knowing("b")
    local before = e.core:view()
    e:become "a#2"
    assert.is_true(e.core:view() > before)
    before = e.core:view()
    e:leave()
    assert.is_true(e.core:view() > before)
    before = e.core:view()
    e:reuse()
    assert.is_true(e.core:view() > before)
  end)

  it("grows when our own tags change, as soon as we see them", function()
    local e = support.healing("a"):knowing("b")
    local function grows(tags)
      local before = e.core:view()
      assert.is_true(e.core:set_tags(e.now, tags))
      return e.core:view() - before
    end
    assert.equal(0, grows {}) -- as before
    assert.equal(1, grows { zone = "b" })
    assert.equal(1, grows { zone = "c" }) -- which is said in a moment
    assert.equal(0, grows { zone = "c" })
    local before = e.core:view()
    e:live(5)
    assert.equal(before, e.core:view())
    assert.equal(1, grows { zone = core.none })
  end)

  it("grows when we are declared down and cannot come back", function()
    local e = mortal("a"):knowing("b")
    local before = e.core:view()
    e:apply { "a down" }
    assert.equal("defunct", e.core:connection())
    assert.is_true(e.core:view() > before)
  end)
end)

--- When the events came, in milliseconds after `start`.
local function times(outcomes, start, name)
  local list = {}
  for _, outcome in ipairs(outcomes) do
    for i, event in ipairs(outcome.log) do
      if event:match("^%w+") == name then list[#list + 1] = { outcome, i } end
    end
  end
  for i, found in ipairs(list) do
    local text = found[1].log[found[2]]
    list[i] = math.floor((found[1].times[text] - start) * 1000 + 0.5)
  end
  return list
end

describe("the event view", function()
  local WITH = { diagnostics = { "view" }, config = { view_quiet = 0.25, probe_period = 1000, probe_rtt = 500 } }

  it("comes once when nothing has changed for view_quiet", function()
    local e = engine("a", WITH)
    local start, outs = e.now, {}
    for i = 1, 4 do
      e:apply { "m" .. i }
      outs[#outs + 1] = e:advance(0.125)
    end
    outs[#outs + 1] = e:advance(60)
    assert.same({ 625 }, times(outs, start, "view"))
  end)

  it("comes every five times view_quiet while changes never pause", function()
    local e = engine("a", WITH)
    local start, outs = e.now, {}
    for i = 1, 32 do
      e:apply { "m" .. i }
      outs[#outs + 1] = e:advance(0.125)
    end
    outs[#outs + 1] = e:advance(60)
    -- The next five times begin with the change after the event: 1,250 comes
    -- before the change at 1,250, the second begins there.
    assert.same({ 1250, 2500, 3750, 4125 }, times(outs, start, "view"))
  end)

  it("is for those who ask, from then on, and costs no deadline before", function()
    local e = engine("a", { config = WITH.config })
    e:apply { "b" }
    assert.equal(e.now + 1000, e.core:deadline())
    e.core:set_diagnostics { "view" }
    assert.equal(e.now + 1000, e.core:deadline())
    assert.same({}, e:advance(60).events)
    e:apply { "c" }
    assert.equal(e.now + 0.25, e.core:deadline())
    assert.same({ "view" }, e:advance(60).events)
  end)

  it("follows the events that it sums up", function()
    local e = engine("a", WITH)
    e:apply { "b" }
    e.now = e.now + 10
    e.core:apply(e.now, e:claims { "c" }, {})
    e.core:tick(e.now)
    local names = {}
    for event in e.core:events() do names[#names + 1] = event end
    assert.same({ "member_up", "view" }, names)
  end)
end)

describe("the event stable", function()
  local WITH = { diagnostics = { "view", "stable" },
    config = { view_quiet = 0.25, stable_after = 4, probe_period = 1000, probe_rtt = 500 } }

  it("comes when nothing has changed for stable_after, once", function()
    local e = engine("a", WITH)
    local start = e.now
    local out = e:advance(600)
    assert.same({ "stable" }, out.events)
    assert.same({ 4000 }, times({ out }, start, "stable"))
    start = e.now
    local outs = {}
    for i = 1, 6 do
      e:apply { "m" .. i }
      outs[#outs + 1] = e:advance(2)
    end
    outs[#outs + 1] = e:advance(600)
    assert.same({ 14000 }, times(outs, start, "stable"))
  end)

  it("never comes before the view that it counts from", function()
    local e = engine("a", { diagnostics = { "view", "stable" },
      config = { view_quiet = 4, stable_after = 1, probe_period = 1000, probe_rtt = 500 } })
    e:apply { "b" }
    local start = e.now
    local out = e:advance(600)
    assert.same({ "view", "stable" }, out.events)
    assert.same({ 4000 }, times({ out }, start, "stable"))
  end)

  it("comes at once to those who ask after a long calm, unless it was notified", function()
    local e = engine("a", { config = WITH.config })
    e:apply { "b" }
    e:advance(60)
    e.core:set_diagnostics { "stable" }
    local start = e.now
    assert.same({ 0 }, times({ e:advance(60) }, start, "stable"))
    e.core:set_diagnostics {}
    e.core:set_diagnostics { "stable" }
    assert.same({}, e:advance(60).events)
  end)

  it("counts from what set_config says", function()
    local e = engine("a", WITH)
    e:apply { "b" }
    e:advance(1)
    e:configure { stable_after = 8 }
    local start = e.now
    assert.same({ 7000 }, times({ e:advance(600) }, start, "stable"))
  end)
end)
