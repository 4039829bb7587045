--- M.tags: what a script says of its node, from the start and after a reload.

local nets = require "spec.sim.support"
local process = require "spec.support.process"
local shoal = require "shoal"

describe("M.tags", function()
  after_each(nets.close)

  local path

  --- A network, and its one member that runs that script.
  local function alone(text, options)
    path = nets.script(text, "tags.lua")
    local all = { handlers = path }
    for name, value in pairs(options or {}) do all[name] = value end
    local net = nets.new()
    return assert(net:spawn(all)), net
  end

  it("are said before anybody hears of the member", function()
    path = nets.script 'return { tags = { zone = "b", http = { port = 80 } } }'
    local net, members = nets.grown(2)
    local up = {}
    members[1]:on("member_up", function(_, member) up[#up + 1] = member.addr end)
    local newcomer = net:spawn { handlers = path, config = "loopback" }
    assert.same({ zone = "b", http = { port = 80 } }, newcomer:tags())
    assert.is_true(net:run_until(function()
      local seen = members[1]:member(newcomer.addr)
      return seen and seen.tags and seen.tags.zone == "b"
    end, 5))
    assert.same({ newcomer.addr }, up)
  end)

  it("may be made by a function, of what the node was started with", function()
    local member = alone([[return { tags = function(opts)
      return { at = opts.advertise, bound = opts.bind, name = opts.name, rack = opts.meta.rack }
    end }]], { name = "web-1", meta = { rack = 7 } })
    assert.same({ at = member.addr, bound = member:bound(), name = "web-1", rack = 7 }, member:tags())
  end)

  it("are none of a function that returns nothing", function()
    assert.same({}, alone("return { tags = function() end }"):tags())
  end)

  it("yield to those of shoal.start", function()
    local member = alone('return { tags = { zone = "b", weight = 1 } }', { tags = { zone = "c", rack = 7 } })
    assert.same({ zone = "c", weight = 1, rack = 7 }, member:tags())
  end)

  it("come back in the place of those of shoal.start when they are edited", function()
    local member = alone('return { tags = { zone = "b", weight = 1 } }', { tags = { zone = "c", weight = 2 } })
    process.write(path, 'return { tags = { zone = "d", weight = 1 } }')
    assert.is_true(member:reload())
    assert.same({ zone = "d", weight = 2 }, member:tags())
  end)

  it("are an error where the codec does not carry them, as in set_tags", function()
    local codec = {}
    for name, fn in pairs(require "shoal.core".codec) do codec[name] = fn end
    codec.lifeguard = nil
    local member, net = alone("return {}", { handlers = { codec = codec } })
    local ok, message, code = member:set_tags { zone = "b" }
    assert.same({ nil, "no_lifeguard" }, { ok, code })
    assert.matches("the codec does not carry it", message)
    assert.same({}, member:tags())
    for _, options in ipairs {
      { handlers = { codec = codec, tags = { zone = "b" } } }, { handlers = { codec = codec }, tags = { zone = "b" } },
    } do
      ok, message, code = net:spawn(options)
      assert.same({ nil, "no_lifeguard" }, { ok, code })
      assert.matches("tags: the codec does not carry it", message)
    end
    assert(net:spawn { handlers = { codec = codec, tags = {} } })
  end)

  it("are changed by a reload where the script has changed, and nowhere else", function()
    local member = alone [[return {
      tags = { zone = "a", http = { port = 80 }, old = true, weight = 1, same = { 1 } },
    }]]
    assert(member:set_tags { weight = 5, same = shoal.none, draining = true, http = { port = 90 } })
    process.write(path, [[return { tags = { zone = "b", http = { port = 81 }, weight = 1, same = { 1 }, new = "x" } }]])
    assert.is_true(member:reload())
    assert.same({ zone = "b", http = { port = 81 }, weight = 5, draining = true, new = "x" }, member:tags())
    process.write(path, "return {}")
    assert.is_true(member:reload())
    assert.same({ draining = true }, member:tags())
  end)

  it("are asked for again by a reload, with what the node was started with", function()
    local member = alone("return {}", { name = "web-1", meta = { rack = 7 } })
    process.write(path, [[return { tags = function(opts)
      return { at = opts.advertise, name = opts.name, rack = opts.meta.rack }
    end }]])
    assert.is_true(member:reload())
    assert.same({ at = member.addr, name = "web-1", rack = 7 }, member:tags())
  end)

  it("that are wrong refuse the start and the reload, and name the tag", function()
    for text, pattern in pairs {
      ["return { tags = { http = { port = print } } }"] = "tags%.lua: tags%.http%.port: cannot carry a function",
      ["return { tags = { 'b' } }"] = "tags%.lua: tags must have names, got the key 1",
      ["return { tags = { [('x'):rep(65)] = 1 } }"] = "1 to 64 bytes",
      ["return { tags = 7 }"] = "tags%.lua: 'tags' must be a table or a function, got 7",
      ["return { tags = function() return 7 end }"] = "tags%.lua: tags must be a table, got 7",
      ["return { tags = function() return { a = print } end }"] = "tags%.lua: tags%.a: cannot carry a function",
      ["return { tags = function() error 'out of luck' end }"] = "out of luck",
      ["return { tags = { text = ('x'):rep(2000) } }"] = "max_tags_size",
    } do
      local member = alone 'return { tags = { zone = "b" } }'
      process.write(path, text)
      local done, message, code = member:reload()
      assert.is_nil(done)
      assert.equal("script", code)
      assert.matches(pattern, message)
      assert.same({ zone = "b" }, member:tags())
      local started
      started, message = nets.new():spawn { handlers = nets.script(text, "tags.lua") }
      assert.is_nil(started)
      assert.matches(pattern, message)
    end
  end)

  it("are checked by shoal check", function()
    local core = require "shoal.core"
    local report = assert(core.check(nets.script "return { tags = function() end }"))
    assert.same({ "tags" }, report.handlers)
    local _, message = core.check(nets.script "return { tags = { a = print } }")
    assert.matches("tags%.a: cannot carry a function", message)
  end)

  it("of a table of handlers are set when it is", function()
    local _, members = nets.grown(1, { handlers = { tags = { zone = "a", weight = 1 } } })
    assert(members[1]:set_handlers { tags = { zone = "b" } })
    assert.same({ zone = "b" }, members[1]:tags())
  end)
end)

describe("tags of shoal.start", function()
  after_each(nets.close)

  it("that are no tags raise, and those that are too large are refused", function()
    local net = nets.new()
    assert.error_matches(function() net:spawn { tags = { 1 } } end, "tags must have names, got the key 1")
    assert.error_matches(function() net:spawn { tags = { f = print } } end, "tags.f: cannot carry a function")
    local node, message, code = net:spawn { tags = { text = ("x"):rep(2000) } }
    assert.is_nil(node)
    assert.equal("tags: 2009 bytes, and max_tags_size is 1000", message)
    assert.equal("too_big", code)
  end)
end)
