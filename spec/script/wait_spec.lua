--- node:wait, in coroutines.

local stages = require "spec.script.stage"

describe("waiting", function()
  local stage, node

  before_each(function()
    stage = stages.new()
    node = stage:start()
  end)
  after_each(function() stage:close() end)

  --- Runs the function in a coroutine; a table with its results once it is over.
  local function run(body)
    local outcome = {}
    coroutine.wrap(function() outcome.results = { body() } end)()
    return outcome
  end

  it("ends when the condition holds, with its value", function()
    local outcome = run(function() return node:wait(function(n) return n:num_members() > 0 and "found" end, 10) end)
    assert.is_nil(outcome.results)
    stage:start { join = node:bound() }
    stage:wait(function() return outcome.results end)
    assert.same({ "found" }, outcome.results)
  end)

  it("does not yield when the condition holds already", function()
    assert.same({ 42 }, run(function() return node:wait(function() return 42 end) end).results)
  end)

  it("ends after its time", function()
    local outcome = run(function() return node:wait(function() return false end, 0.05) end)
    stage:wait(function() return outcome.results end)
    assert.equal("timeout", outcome.results[3])
    assert.is_nil(outcome.results[1])
    assert.is_string(outcome.results[2])
  end)

  it("notices what no event tells of", function()
    local flag = false
    local outcome = run(function() return node:wait(function() return flag end) end)
    stage:idle(0.05)
    flag = "now"
    stage:wait(function() return outcome.results end)
    assert.same({ "now" }, outcome.results)
  end)

  it("ends when the node closes", function()
    local outcome = run(function() return node:wait(function() return false end) end)
    node:close()
    assert.equal("closed", outcome.results[3])
  end)

  --- A condition that raises the value when it is asked for the n-th time.
  local function raises(value, n)
    local calls = 0
    return function()
      calls = calls + 1
      if calls == n then error(value, 0) end
    end
  end

  it("answers, logs and counts alike whenever the condition raises", function()
    local unprintable = setmetatable({}, { __tostring = function() return "an object" end })
    for _, raised in ipairs {
      { "oops", "oops" }, { unprintable, "an object" }, { {}, "(error object is a table value)" },
    } do
      local told = {}
      local other = stage:start { on_error = function(what, text) told[#told + 1] = what .. ": " .. text end }
      for n = 1, 3 do
        local outcome = run(function() return other:wait(raises(raised[1], n)) end)
        stage:wait(function() return outcome.results end)
        assert.same({ nil, raised[2], "handler" }, outcome.results)
      end
      stage:wait(function() return #told == 3 end)
      for n = 1, 3 do
        assert.equal("wait: " .. raised[2], told[n]:match("^[^\n]*"))
        assert.matches("stack traceback", told[n])
      end
      assert.equal(3, other:info().handlers.errors)
    end
  end)

  it("answers a condition that closes the node and raises", function()
    local outcome = run(function()
      return node:wait(function(n)
        n:close()
        error("oops", 0)
      end)
    end)
    assert.same({ nil, "oops", "handler" }, outcome.results)
    stage:wait(function() return node:is_closed() end)
  end)

  it("may close the node from another coroutine while it is asked", function()
    local closed
    local outcome = run(function()
      return node:wait(function(n)
        coroutine.wrap(function() closed = { n:close() } end)()
        return false
      end)
    end)
    assert.same({ true, "deferred" }, closed)
    stage:wait(function() return node:is_closed() end)
    assert.equal("closed", outcome.results[3])
  end)

  it("reports a coroutine that fails afterwards", function()
    local told
    local other = stage:start { on_error = function(_, message) told = message end }
    run(function()
      local flag = 0
      other:wait(function()
        flag = flag + 1
        return flag > 1
      end)
      error("later")
    end)
    stage:wait(function() return told end)
    assert.matches("later", told)
  end)

  it("can be done again and again, by many at once", function()
    local count, results = 0, {}
    for i = 1, 20 do
      run(function()
        for round = 1, 5 do node:wait(function() return count >= round * i end) end
        results[#results + 1] = i
      end)
    end
    node:every(0.001, function() count = count + 1 end)
    stage:wait(function() return #results == 20 end)
    for i = 1, 20 do assert.equal(i, results[i]) end
  end)

  it("may close the node when it is over", function()
    local outcome = run(function()
      local answer = node:wait(function(n) return n:num_members() > 0 end)
      node:close()
      return answer
    end)
    stage:start { join = node:bound() }
    stage:wait(function() return node:is_closed() end)
    assert.same({ true }, outcome.results)
  end)

  it("is misuse outside of a coroutine, and without a function", function()
    local fired
    node:after(0, function()
      fired = { pcall(node.wait, node, function() return false end) }
    end)
    stage:wait(function() return fired end)
    assert.is_false(fired[1])
    assert.matches("only a coroutine can wait", fired[2])
    assert.error_matches(function() node:wait(42) end, "needs a condition function, got 42")
    assert.error_matches(function() node:wait(print, -1) end, "timeout must be")
  end)

  it("ends silently with the version of the script that waits", function()
    local path = stage:write("waiter.lua", [[
      return { on_start = function(node)
        coroutine.wrap(function()
          node:wait(function() return false end)
          node.store.woken = true
        end)()
        node.store.waiting = true
      end }
    ]])
    local other = stage:start { handlers = path, watch = false }
    assert.is_true(other.store.waiting)
    stage:write("waiter.lua", "return {}")
    assert.is_true(other:reload())
    stage:idle(0.05)
    assert.is_nil(other.store.woken)
    assert.equal(0, other:info().handlers.errors)
  end)
end)
