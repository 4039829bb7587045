--- What the text of an error says of the state that is left is true, for every entry
--- point and every error that src/shoal.h says it can return.

local core = require "shoal.core"
local files = require "spec.support.files"
local support = require "spec.core.support"

-- Of every entry point, and with specs of their own: memory_spec, reentrancy_spec
-- and (codec) errors_spec, where things do change.
local ELSEWHERE = { NOMEM = true, REENTRANT = true, CODEC = true }

-- What a text may promise at its end: all of these say that the state is as before.
local AS_BEFORE = {
  "nothing changed", "nothing of it was applied", "it was not used", "the config is unchanged",
  "the item was dropped", "the new one was dropped", "nothing was sent", "nothing more is sent",
}

local throws = function() error "no" end
local all = { receive = function(_, data) return data end }

local function member(options)
  return support.engine("a", options):knowing("b", "c suspect", "d down")
end

local function comparing() return member { config = { compare_members = true } } end

local function sick_codec()
  local codec = {}
  for name, fn in pairs(core.codec) do codec[name] = fn end
  codec.decode_header = function() return nil, "of a newer release", "unsupported" end
  return codec
end

-- Each makes an engine and answers it with the arguments that are refused.
local CASES = {
  receive = {
    too_big = function() return member(), ("x"):rep(1401) end,
    malformed = function() return member(), "junk" end,
    unsupported = function()
      local e = member { codec = sick_codec() }
      return e, e:packet { kind = "ping", from = "b" }
    end,
    from_ourselves = function()
      local e = member()
      return e, e:packet { kind = "ping", from = "a" }
    end,
    indirect_for_ourselves = function()
      local e = member()
      return e, e:packet { kind = "ping_req", from = "b", peer = "a" }
    end,
    identity = function()
      local e = member()
      return e, assert(core.codec.encode_header {
        kind = "announce", src = "no stock identity", src_incarnation = 0, dst = e.core:identity(),
      })
    end,
  },
  announce = { identity = function() return member(), "no stock identity" end },
  leave_to = { identity = function() return member(), "no stock identity" end },
  add_broadcast = {
    malformed = function() return member { broadcast = all }, "" end,
    too_big = function() return member { broadcast = all }, ("x"):rep(1400) end,
    no_handler = function() return member(), "x" end,
    broadcast = function() return member { broadcast = { receive = throws } }, "x" end,
  },
  change_identity = {
    same_identity = function()
      local e = member()
      return e, e.core:identity()
    end,
    identity = function() return member(), "no stock identity" end,
    loses = function()
      local e = member()
      return e, core.stock_identity(e.core:self().addr, 0)
    end,
    address_in_use = function()
      local e = member()
      return e, e:id("b#9")
    end,
    too_big = function()
      return member { config = { max_packet_size = 256 } }, core.stock_identity("new:1", 9, { meta = ("x"):rep(200) })
    end,
  },
  reuse_down_identity = { not_defunct = function() return member() end },
  apply = {
    identity = function() return member(), { { id = "no stock identity" } }, { broadcast = true } end,
    full = function()
      local e = support.engine("a", { config = { max_members = 2 } }):knowing("b", "c")
      return e, e:claims { "e" }, { broadcast = true }
    end,
  },
  forget = {
    not_found = function() return member(), "nobody:1" end,
    not_down = function()
      local e = member()
      return e, e.core:members()[1].addr
    end,
  },
  set_tags = {
    too_big = function() return member(), { text = ("x"):rep(1001) } end,
    no_lifeguard = function() return support.foreign("a"):knowing "b", { zone = "b" } end,
  },
  send_to = {
    not_a_member = function() return member(), "d:7946", "x" end,
    defunct = function()
      local e = member()
      e:leave()
      return e, "b:7946", "x"
    end,
    no_lifeguard = function() return support.foreign("a"):knowing "b", "b:7946", "x" end,
    too_big = function() return member(), "b:7946", ("x"):rep(1400) end,
    full = function()
      local e = member()
      for i = 1, 64 do e:call("send_to", "b:7946", i) end
      return e, "b:7946", "x"
    end,
  },
  publish = {
    malformed = function() return comparing(), "", "x" end,
    too_big = function() return comparing(), "t", ("x"):rep(65536) end,
    full = function()
      local e = comparing()
      for i = 1, 512 do e:call("publish", "t", i) end
      return e, "t", "x"
    end,
    unsupported = function() return member(), "t", "x" end,
    no_lifeguard = function() return support.foreign("a"):knowing "b", "t", "x" end,
    defunct = function()
      local e = comparing()
      e:leave()
      return e, "t", "x"
    end,
  },
  set_config = { invalid_config = function() return member(), { max_members = 0 } end },
}

-- There is no way to say such a thing in Lua: spec/c/effects_test.c does.
local IN_C = { apply = { malformed = true }, set_tags = { malformed = true } }

-- The entry points of shoal.h, and which errors their comments name.
local function documented()
  local names, found = {}, {}
  for NAME, _, name in files.read("src/shoal_tables.h"):gmatch 'X%(([%u_]+), (%-%d+), "([%l_]+)"' do
    if not ELSEWHERE[NAME] then names[NAME] = name end
  end
  local header = files.read "src/shoal.h"
  local inputs = header:match "/%* %-%-%-%- Inputs %-%-%-%-.-\n(.-)/%* %-%-%-%- Effects"
  for comment, entry in inputs:gmatch "/%*(.-)%*/\nSHOAL_API int shoal_([%l_]+)%(shoal %*engine, uint64_t" do
    comment = comment:match ".*/%*(.*)" or comment
    found[entry] = {}
    for word in comment:gmatch "%f[%u_][%u_]+%f[^%u_]" do
      if names[word] then found[entry][names[word]] = true end
    end
  end
  return found
end

local function clause_of(message)
  for _, clause in ipairs(AS_BEFORE) do
    if message:find("; " .. clause, 1, true) then return clause end
  end
end

describe("unsupported", function()
  it("says of a topic why it is, and nothing of another release alone", function()
    local e = member()
    local _, message = e.core:publish(e.now, "t", "x")
    assert.equal("not possible with this config, or from a newer release; nothing changed "
      .. "(without compare_members nothing would be repaired)", message)
  end)
end)

describe("an entry point", function()
  it("has a case here for each error that shoal.h names", function()
    local missing = {}
    for entry, errors in pairs(documented()) do
      for code in pairs(errors) do
        local is_here = CASES[entry] and CASES[entry][code] or IN_C[entry] and IN_C[entry][code]
        if not is_here then missing[#missing + 1] = entry .. ": " .. code end
      end
    end
    assert.same({}, missing)
  end)

  for entry, errors in pairs(CASES) do
    for code, arrange in pairs(errors) do
      it(("leaves what the text says: %s, %s"):format(entry, code), function()
        assert.is_true(documented()[entry][code], "shoal.h does not say so")
        local e, argument, options = arrange()
        local message = e:refuses(code, entry, argument, options)
        assert.is_truthy(clause_of(message), message)
      end)
    end
  end
end)

describe("apply", function()
  local function refused(e, texts, bad, place)
    local claims = e:claims(texts)
    if bad then table.insert(claims, place, { id = bad }) end
    return e.core:apply(e.now, claims, { broadcast = true })
  end

  it("says how many it applied, which one was refused, and leaves the others as applied", function()
    for place = 1, 4 do
      local e, only = support.engine("a"), support.engine("a")
      local ok, message, code, applied = refused(e, { "b", "c suspect", "d" }, "no stock identity", place)
      assert.is_nil(ok)
      assert.equal("identity", code)
      assert.equal(place - 1, applied)
      assert.matches(("^update %d of 4: the identity is invalid"):format(place), message)
      assert.not_matches("nothing changed", message)
      local before = { "b", "c suspect", "d" }
      for _ = place, 3 do table.remove(before) end
      only:apply(before, { broadcast = true })
      assert.same(only:snapshot().members, e:snapshot().members)
      assert.same(only:snapshot().backlog, e:snapshot().backlog)
    end
  end)

  it("says so of a full table", function()
    local e = support.engine("a", { config = { max_members = 2 } })
    local ok, message, code, applied = refused(e, { "b", "c", "d", "e" })
    assert.is_nil(ok)
    assert.equal("full", code)
    assert.equal(2, applied)
    assert.matches("^update 3 of 4: ", message)
  end)

  it("says so of identities that a script answers for, with what the script said", function()
    local e = support.engine("a", { identity = {
      addr = function(id)
        if type(id) ~= "table" then error("no identity of ours", 0) end
        return id[1]
      end,
    } })
    local ok, message, code, applied = refused(e, { "b", "c" }, "junk", 2)
    assert.is_nil(ok)
    assert.equal("identity", code)
    assert.equal(1, applied)
    assert.matches("^update 2 of 3: ", message)
    assert.matches("no identity of ours", message, 1, true)
    assert.equal(1, e.core:num_known())
  end)

  it("says no place when nothing was looked at", function()
    local inside
    local e
    e = support.engine("a", { broadcast = { receive = function(engine)
      inside = { engine:apply(e.now, e:claims { "x", "y" }) }
      return nil
    end } }):knowing("b")
    e:call("add_broadcast", "x")
    assert.equal("reentrant", inside[3])
    assert.not_matches("update", inside[2])
    assert.is_nil(inside[4])
  end)
end)
