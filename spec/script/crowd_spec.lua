--- Members that come and go in crowds: each event is told by itself, whatever the
-- handlers of those before it did.

local stages = require "spec.script.stage"

local COUNT = 20

--- Identities as most are, and odd ones between them.
local function identity(i)
  local id = { addr = ("127.9.0.%d:9"):format(i), bump = i }
  if i == 3 then id.meta = {} end
  if i == 4 then id.meta = { flag = true, number = 1.5, text = "t", list = { 1, 2 }, nested = { a = { b = 1 } } } end
  if i == 5 then id.name = "five" end
  if i == 6 then id.bump = 2 ^ 53 - 1 end
  if i == 7 then id.bump = 0 end
  if i == 8 then id.addr = "[2001:db8:0123:4567:89ab:cdef:0123:4567]:10008" end
  return id
end

local function claims(state)
  local list = {}
  for i = 1, COUNT do list[i] = { id = identity(i), state = state, incarnation = i } end
  return list
end

describe("events that come in a crowd", function()
  local stage

  before_each(function() stage = stages.new() end)
  after_each(function() stage:close() end)

  --- All members come, and go again: 2 * COUNT events wait, and the loop has not run.
  local function crowd(node)
    assert(node:apply(claims "alive", { broadcast = false }))
    assert(node:apply(claims "down", { broadcast = false }))
  end

  --- Two handlers that write down what they hear, and do more at some of it.
  local function recorder(heard, more)
    local function handler(what)
      return function(node, member)
        local entry = what .. " " .. member.addr
        heard[#heard + 1] = entry
        if more and more[entry] then more[entry](node, member) end
      end
    end
    return { on_member_up = handler "up", on_member_down = handler "down" }
  end

  local function expected()
    local list = {}
    for k, what in ipairs { "up", "down" } do
      for i = 1, COUNT do list[(k - 1) * COUNT + i] = what .. " " .. identity(i).addr end
    end
    return list
  end

  local function hears_all(heard)
    stage:wait(function() return #heard >= 2 * COUNT end, "all events")
    assert.same(expected(), heard)
  end

  local function spin(seconds)
    local ends = os.clock() + seconds
    repeat local now = os.clock() until now > ends
  end

  it("are told in order, with tables that have all there is", function()
    local heard, members = {}, {}
    local node = stage:start { handlers = {
      on_member_up = function(_, member)
        heard[#heard + 1], members[#members + 1] = "up " .. member.addr, member
      end,
      on_member_down = function(_, member)
        heard[#heard + 1], members[#members + 1] = "down " .. member.addr, member
      end,
    } }
    crowd(node)
    hears_all(heard)
    for i = 1, 2 * COUNT do
      local id = identity((i - 1) % COUNT + 1)
      assert.same({ id = id, addr = id.addr, state = i > COUNT and "down" or "alive",
        incarnation = (i - 1) % COUNT + 1, since = members[i].since,
        reason = i > COUNT and "failed" or nil }, members[i])
      assert.is_true(math.abs(members[i].since - os.time()) < 60)
    end
    for i = 1, COUNT do
      assert.are_not.equal(members[i], members[COUNT + i])
      assert.are_not.equal(members[i].id, members[COUNT + i].id)
    end
  end)

  it("cost only themselves when their handler raises, and are told with its name", function()
    local heard, told = {}, {}
    local thing = setmetatable({}, { __tostring = function() return "a table" end })
    local node = stage:start {
      log = false, -- entries into Lua are counted
      handlers = recorder(heard, {
        ["up 127.9.0.1:9"] = function() error "the first" end,
        ["up 127.9.0.2:9"] = function() error "the next" end,
        ["down 127.9.0.10:9"] = function() error(thing) end,
        ["down 127.9.0.20:9"] = function() error "the last" end,
      }),
      on_error = function(what, text) told[#told + 1] = what .. " " .. text end,
    }
    crowd(node)
    hears_all(heard)
    stage:wait(function() return #told == 4 end, "what on_error is told")
    assert.matches("^on_member_up .*crowd_spec.lua:%d+: the first\nstack traceback:", told[1])
    assert.matches("^on_member_up .*: the next\n", told[2])
    assert.matches("^on_member_down a table\n", told[3])
    assert.matches("^on_member_down .*: the last\n", told[4])
    for i = 1, 4 do
      assert.matches("crowd_spec.lua", told[i]:match("traceback:(.*)"), 1, true)
      assert.not_matches("shoal:", told[i], 1, true)
    end
    local handlers = node:info().handlers
    assert.equal(4, handlers.errors)
    assert.equal(2 * COUNT + #told, handlers.calls) -- on_error is one, too
  end)

  it("do without a handler as long as there is none", function()
    local heard = {}
    local handlers = recorder(heard)
    local up, down = handlers.on_member_up, handlers.on_member_down
    handlers.on_member_down = nil
    function handlers.on_member_up(node, member)
      up(node, member)
      if member.addr == "127.9.0.2:9" then handlers.on_member_up = nil end
      handlers.on_member_down = down
    end
    crowd(stage:start { handlers = handlers })
    stage:wait(function() return #heard == 2 + COUNT end)
    assert.equal("up 127.9.0.2:9", heard[2])
    assert.equal("down 127.9.0.1:9", heard[3])
  end)

  it("go to the new handlers once a handler has set others", function()
    local before, after = {}, {}
    local node = stage:start { handlers = recorder(before, {
      ["up 127.9.0.10:9"] = function(node)
        assert(node:set_handlers(recorder(after)))
      end,
    }) }
    crowd(node)
    stage:wait(function() return #before + #after >= 2 * COUNT end)
    assert.equal(10, #before)
    for _, entry in ipairs(after) do before[#before + 1] = entry end
    assert.same(expected(), before)
  end)

  it("are told once each when a handler asks for a reload", function()
    local path = stage:path "heard"
    local source = ([[
      -- version %%d
      local M = {}
      local function write(node, what, member)
        local file = assert(io.open(%q, "a"))
        file:write(what, " ", member.addr, "\n")
        file:close()
        if what == "up" and member.addr == "127.9.0.10:9" then assert(node:reload()) end
      end
      function M.on_member_up(node, member) write(node, "up", member) end
      function M.on_member_down(node, member) write(node, "down", member) end
      return M
    ]]):format(path)
    local node = stage:start { handlers = stage:write("s.lua", source:format(1)), watch = false }
    stage:write("s.lua", source:format(2))
    crowd(node)
    stage:wait(function() return node:info().script.generation == 2 end)
    local heard = {}
    for line in io.lines(path) do heard[#heard + 1] = line end
    assert.same(expected(), heard)
  end)

  it("are followed by the end when a handler closes the node", function()
    local heard = {}
    local handlers = recorder(heard, { ["up 127.9.0.10:9"] = function(node) assert(node:close()) end })
    local stopped
    function handlers.on_stop() stopped = #heard end
    local node = stage:start { handlers = handlers }
    crowd(node)
    stage:wait(function() return node:is_closed() end)
    assert.equal("up 127.9.0.10:9", heard[10])
    assert.equal(#heard, stopped)
    local all = expected()
    for i, entry in ipairs(heard) do assert.equal(all[i], entry) end
  end)

  it("reach listeners from when they came, and no event twice", function()
    local heard, listened = {}, {}
    local node
    local handlers = recorder(heard, {
      ["up 127.9.0.10:9"] = function(own)
        own:on("member_up", function(_, member) listened[#listened + 1] = "up " .. member.addr end)
      end,
    })
    node = stage:start { handlers = handlers }
    crowd(node)
    hears_all(heard)
    assert.equal("up 127.9.0.20:9", listened[#listened])
    assert.equal("up 127.9.0.11:9", listened[#listened - 9])
    assert.is_true(#listened <= 11)
  end)

  it("reach those of the program, one by one, when the handlers are a script", function()
    local heard = {}
    local node = stage:start { handlers = stage:write("s.lua", [[
      local M = {}
      function M.on_member_up(node) node.store.count = (node.store.count or 0) + 1 end
      function M.on_member_down(node) node.store.count = node.store.count + 1 end
      return M
    ]]) }
    for _, what in ipairs { "up", "down" } do
      node:on("member_" .. what, function(_, member)
        heard[#heard + 1] = what .. " " .. member.addr
        assert.equal(#heard, node.store.count)
      end)
    end
    crowd(node)
    hears_all(heard)
    assert.equal(0, node:info().handlers.errors)
  end)

  it("make a condition true that somebody waits for", function()
    local heard, seen = {}, nil
    local node
    local handlers = recorder(heard, {
      ["up 127.9.0.5:9"] = function()
        coroutine.wrap(function()
          node:wait(function() return #heard >= 10 end)
          seen = #heard
        end)()
      end,
    })
    node = stage:start { handlers = handlers }
    crowd(node)
    hears_all(heard)
    assert.equal(10, seen)
  end)

  it("cause others that are told after them", function()
    local heard = {}
    local node = stage:start { handlers = recorder(heard, {
      ["up 127.9.0.5:9"] = function(own)
        assert(own:apply({ { id = { addr = "127.9.1.1:9", bump = 1 }, state = "alive", incarnation = 0 } },
          { broadcast = false }))
      end,
    }) }
    crowd(node)
    stage:wait(function() return #heard == 2 * COUNT + 1 end)
    assert.equal("up 127.9.1.1:9", heard[#heard])
  end)

  it("survive a collection in the middle, and what a finalizer does then", function()
    local heard, collected = {}, 0
    local node
    local handlers = recorder(heard)
    local up = handlers.on_member_up
    function handlers.on_member_up(own, member)
      up(own, member)
      local proxy = newproxy and newproxy(true) or setmetatable({}, {}) -- luacheck: ignore 113
      getmetatable(proxy).__gc = function()
        collected = collected + 1
        node:gossip()
      end
      if not newproxy then setmetatable(proxy, getmetatable(proxy)) end -- luacheck: ignore 113
      proxy = nil -- luacheck: ignore 311
      collectgarbage()
    end
    node = stage:start { handlers = handlers }
    crowd(node)
    hears_all(heard)
    assert.is_true(collected > COUNT / 2)
  end)

  describe("with a slow handler among them", function()
    local function slow_at(entry)
      local heard = {}
      local node = stage:start { log = false, handlers = recorder(heard, { [entry] = function() spin(0.12) end }) }
      crowd(node)
      hears_all(heard)
      return node:info().handlers
    end

    for entry, name in pairs {
      ["up 127.9.0.20:9"] = "on_member_up", ["down 127.9.0.1:9"] = "on_member_down",
      ["up 127.9.0.1:9"] = "on_member_up", ["down 127.9.0.20:9"] = "on_member_down",
    } do
      it("name that one, not its neighbours: " .. entry, function()
        local handlers = slow_at(entry)
        assert.is_true(handlers.slow >= 1)
        assert.is_true(handlers.slowest >= 0.1)
        assert.equal(name, handlers.slowest_handler)
        assert.equal(2 * COUNT, handlers.calls)
      end)
    end
  end)
end)
