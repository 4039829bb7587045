--- node:wait() where cqueues owns the coroutine.

local has_cqueues, cqueues = pcall(require, "cqueues")
local shoal = require "shoal"

describe("node:wait() in a coroutine of cqueues", function()
  if not has_cqueues then
    pending("needs cqueues, which this Lua does not have")
    return
  end

  local nodes

  before_each(function()
    nodes = {}
  end)

  after_each(function()
    for _, node in ipairs(nodes) do
      if not node:is_closed() then node:close() end
    end
  end)

  local function start(options)
    options = options or {}
    options.config, options.log = "loopback", false
    nodes[#nodes + 1] = assert(shoal.start(options))
    return nodes[#nodes]
  end

  local function run(fn)
    local loop = cqueues.new()
    loop:wrap(fn)
    assert(loop:loop(20))
    assert.is_true(loop:empty())
  end

  it("waits until the condition holds, while others go on", function()
    local a = start()
    local b = start { join = { a:bound() } }
    local turns, count = 0
    local loop = cqueues.new()
    loop:wrap(function()
      assert(b:wait(function(node) return node:num_members() == 1 end, 10))
      count = assert(a:wait(function(node) return node:num_members() == 1 and node:num_members() end, 10))
    end)
    loop:wrap(function()
      for _ = 1, 3 do
        cqueues.sleep(0.001)
        turns = turns + 1
      end
    end)
    assert(loop:loop(20))
    assert.equal(1, count)
    assert.equal(3, turns)
  end)

  it("ends after the timeout", function()
    local a = start()
    run(function()
      local answer, message, code = a:wait(function() return false end, 0.05)
      assert.is_nil(answer)
      assert.is_string(message)
      assert.equal("timeout", code)
    end)
  end)

  it("ends when the condition raises, and when the node is closed", function()
    local a = start()
    run(function()
      local answer, message, code = a:wait(function() error("no") end, 5)
      assert.is_nil(answer)
      assert.matches("no", message)
      assert.equal("handler", code)
      answer, message, code = a:wait(function() error({}) end, 5)
      assert.same({ nil, "(error object is a table value)", "handler" }, { answer, message, code })
      answer, message, code = a:wait(function(node) node:close() end, 5)
      assert.is_nil(answer)
      assert.equal("node is closed", message)
      assert.equal("closed", code)
      assert.error_matches(function() a:wait(print) end, "node is closed")
    end)
  end)

  it("checks its arguments as ever", function()
    local a = start()
    run(function()
      assert.has_error(function() a:wait("soon", 1) end)
    end)
  end)
end)
