local core = require "shoal.core"
local support = require "spec.core.support"
local engine = support.engine

-- Every way into the engine, with arguments that would be fine elsewhere.
local ENTRIES = {
  receive = function(e) return e.core:receive(e.now, e.ping) end,
  tick = function(e) return e.core:tick(e.now + 100) end,
  announce = function(e) return e.core:announce(e.now, e:id("b")) end,
  gossip = function(e) return e.core:gossip(e.now) end,
  broadcast = function(e) return e.core:broadcast(e.now) end,
  add_broadcast = function(e) return e.core:add_broadcast(e.now, "more") end,
  leave = function(e) return e.core:leave(e.now) end,
  change_identity = function(e) return e.core:change_identity(e.now, e:id("a#77")) end,
  reuse_down_identity = function(e) return e.core:reuse_down_identity(e.now) end,
  apply = function(e) return e.core:apply(e.now, e:claims { "intruder" }, { broadcast = true }) end,
  set_config = function(e) return e.core:set_config(e.now, { max_transmissions = 250 }) end,
  set_handlers = function(e) return e.core:set_handlers {} end,
}

-- Every question, and something that makes the engine ask it.
local QUESTIONS = {
  ["identity.addr"] = function(e) e:receive { kind = "gossip", from = "b", updates = { "fresh" } } end,
  ["identity.endpoint"] = function(e) e:receive { kind = "gossip", from = "b", updates = { "fresh" } } end,
  ["identity.wins"] = function(e) e:receive { kind = "gossip", from = "b", updates = { "c#2" } } end,
  ["identity.renew"] = function(e) e:receive { kind = "turn_undead", from = "b" } end,
  ["broadcast.receive"] = function(e) e:receive { kind = "gossip", from = "b", items = { "k two" } } end,
  ["broadcast.invalidates"] = function(e) e:receive { kind = "gossip", from = "b", items = { "k two" } } end,
  ["broadcast.wanted_by"] = function(e) e:receive { kind = "ping", from = "b" } end,
  ["codec.encode_header"] = function(e) e:gossip() end,
  ["codec.decode_header"] = function(e) e:receive { kind = "ping", from = "b" } end,
  ["codec.encode_member"] = function(e) e:receive { kind = "gossip", from = "b", updates = { "fresh" } } end,
  ["codec.decode_member"] = function(e) e:receive { kind = "gossip", from = "b", updates = { "fresh" } } end,
}

--- An engine with members, an update and an item waiting, that runs `hook()`
-- inside the question named `question`.
local function asking(question, hook)
  local armed = { now = false }
  local function hooked(name, answer)
    return function(...)
      if armed.now and name == question then
        armed.now = false
        armed.fired = true
        hook()
      end
      return answer(...)
    end
  end
  local function identity_part(name, answer) return hooked("identity." .. name, answer) end
  local handlers = {
    identity = {
      addr = identity_part("addr", function(id) return id[1] end),
      endpoint = identity_part("endpoint", function(id) return id[1] end),
      renew = identity_part("renew", function(id) return { id[1], id[2] + 1 } end),
      wins = identity_part("wins", function(id, other) return id[2] > other[2] end),
    },
    broadcast = {
      receive = hooked("broadcast.receive", function(_, data) return data:sub(1, 1) end),
      invalidates = hooked("broadcast.invalidates", function(key, other) return key == other end),
      wanted_by = hooked("broadcast.wanted_by", function() return true end),
    },
    codec = {
      encode_header = hooked("codec.encode_header", core.codec.encode_header),
      decode_header = hooked("codec.decode_header", core.codec.decode_header),
      encode_member = hooked("codec.encode_member", core.codec.encode_member),
      decode_member = hooked("codec.decode_member", core.codec.decode_member),
    },
  }
  local e = engine("a", handlers):knowing("b", "c")
  e:apply({ "d" }, { broadcast = true })
  e:add("k one")
  e.ping = e:packet { kind = "ping", from = "b" }
  return e, armed
end

describe("from inside the question", function()
  for question, provoke in pairs(QUESTIONS) do
    describe(question, function()
      for entry, enter in pairs(ENTRIES) do
        it(("%s is refused as reentrant"):format(entry), function()
          local e, armed, ok, message, code
          e, armed = asking(question, function() ok, message, code = enter(e) end)
          armed.now = true
          provoke(e)
          assert.is_true(armed.fired, "the question was not asked")
          assert.is_nil(ok)
          assert.equal("reentrant", code)
          assert.is_string(message)
        end)
      end

      it("refused calls leave no trace: what follows is as without them", function()
        local function trace(hook)
          local e, armed
          e, armed = asking(question, function() hook(e) end)
          armed.now = true
          provoke(e)
          armed.now = false
          local out = e:live(20)
          return out.log, e:state(), e.core:config()
        end
        local plain = { trace(function() end) }
        local troubled = { trace(function(e) for _, enter in pairs(ENTRIES) do enter(e) end end) }
        assert.same(plain, troubled)
      end)

      it("every query is allowed", function()
        local e, armed, answers
        e, armed = asking(question, function()
          answers = {
            e.core:identity(), e.core:self(), e.core:connection(), e.core:num_members(), e.core:num_known(),
            e.core:members(), e.core:state(), e.core:member("b"), e.core:backlog(), e.core:config(), e.core:stats(),
            e.core:deadline(),
          }
        end)
        armed.now = true
        provoke(e)
        assert.equal(12, #answers)
      end)
    end)
  end
end)

describe("one engine's question", function()
  it("may use another engine", function()
    local other = engine("o"):knowing("p")
    local out
    local e, armed = asking("broadcast.receive", function() out = other:gossip() end)
    armed.now = true
    e:receive { kind = "gossip", from = "b", items = { "x" } }
    assert.same({ "gossip p" }, out.sends)
  end)
end)
