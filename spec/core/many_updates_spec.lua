--- Many updates in one packet. They are looked up together before the first is
-- applied, which must not show.

local support = require "spec.core.support"
local engine = support.engine

local function names(n, suffix)
  local list = {}
  for i = 1, n do
    list[i] = ("m%03d%s"):format(i, suffix or "")
  end
  return list
end

describe("many updates in one packet", function()
  it("are all applied, however many they are", function()
    for _, n in ipairs { 1, 2, 3, 4, 5, 6, 15, 16, 17, 31, 32, 33, 40 } do
      local e = engine("a"):knowing("b")
      local out = e:receive { kind = "gossip", from = "b", updates = names(n) }
      assert.equal(n, #out.events)
      e:receive { kind = "gossip", from = "b", updates = names(n, " alive 7") }
      for _, member in ipairs(e:members()) do
        assert.equal(member == "b alive 0" and "0" or "7", member:match("%d+$"))
      end
      assert.equal(n + 1, e.core:num_known())
    end
  end)

  it("find who an update before them has renamed", function()
    local e = engine("a"):knowing("b", "c alive 3")
    local out = e:receive { kind = "gossip", from = "b", updates = { "c#2", "c down 9", "c#2 alive 1", "c alive 4" } }
    assert.same({ "rename c c#2" }, out.events)
    assert.same({ "b alive 0", "c#2 alive 1" }, e:members())
  end)

  it("find who was new in an update before them", function()
    local e = engine("a"):knowing("b")
    local out = e:receive { kind = "gossip", from = "b", updates = { "c", "c suspect 0", "c alive 1", "c down 1" } }
    assert.same({ "member_up c", "member_down c" }, out.events)
    assert.same({ "b alive 0", "c down 1" }, e:state())
  end)

  it("may be about ourselves and about the sender", function()
    local e = engine("a"):knowing("b")
    e:receive { kind = "gossip", from = "b", updates = { "a suspect 0", "b alive 0", "c" } }
    assert.equal(1, e.core:self().incarnation)
    assert.same({ "b alive 0", "c alive 0" }, e:members())
  end)
end)
