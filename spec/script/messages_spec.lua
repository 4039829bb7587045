--- Messages and questions on a real loop; spec/sim/messages_spec.lua and ask_spec.lua have the rest.

local stages = require "spec.script.stage"

describe("a node on a real loop", function()
  local stage

  before_each(function() stage = stages.new() end)
  after_each(function() stage:close() end)

  local function pair(handlers)
    local a = stage:start { config = "loopback", handlers = handlers }
    local b = stage:start { config = "loopback", handlers = handlers, join = { a:bound() } }
    stage:wait(function() return a:num_members() == 1 and b:num_members() == 1 end, "two members")
    return a, b
  end

  it("sends a message, and gets an answer", function()
    local heard, arrived = {}, false
    local a, b = pair { on_message = function(node, data, from)
      heard[#heard + 1] = data
      if data.question then assert(node:send(from, { answer = data.question + 1 })) end
    end }
    assert(a:send(b:bound(), { question = 1 }, function(_, ok) arrived = ok end))
    stage:wait(function() return arrived and #heard == 2 end, "question and answer")
    assert.same({ { question = 1 }, { answer = 2 } }, heard)
  end)

  it("sends the last message of on_stop", function()
    local heard
    local a = stage:start { config = "loopback", handlers = { on_message = function(_, data) heard = data end } }
    local b = stage:start { config = "loopback", join = { a:bound() }, handlers = {
      on_stop = function(node) assert(node:send(a:bound(), "bye")) end,
    } }
    stage:wait(function() return a:num_members() == 1 and b:num_members() == 1 end, "two members")
    b:close()
    stage:wait(function() return heard end, "the last word")
    assert.equal("bye", heard)
  end)

  it("asks while it sends more than may be under way", function()
    local a, b = pair { on_ask = { double = function(_, data) return data * 2 end } }
    local refused, answers = 0, nil
    for i = 1, 200 do
      local ok, _, code = a:send(b:bound(), i)
      if not ok then
        assert.equal("full", code)
        refused = refused + 1
      end
    end
    assert(a:ask("double", 21, { members = { b:bound() } }, function(_, got) answers = got end))
    stage:wait(function() return answers end, "the answer")
    assert.same({ 1, 42 }, { #answers, answers[1].data })
    assert.is_true(refused >= 200 - 64 - 16, refused)
  end)

  it("may be closed by who gets an answer, or a message", function()
    local a, b = pair { on_ask = { closing = function(node) node:close() end } }
    local ended
    assert(a:ask("closing", nil, { members = { b:bound() }, timeout = 1 }, function(node, answers, missing)
      ended = #answers + #missing
      node:close()
    end))
    stage:wait(function() return a:is_closed() and b:is_closed() end, "the end of both")
    assert.equal(1, ended)
  end)
end)
