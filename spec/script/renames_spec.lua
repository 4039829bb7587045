--- rename_as_down_up: scripts that only know members that come and go.

local dice = require "spec.support.dice"
local stages = require "spec.script.stage"

local RECORDER = [[
local M = { rename_as_down_up = true }
local function record(node, text)
  node.store.heard = (node.store.heard or "") .. text .. " "
end
function M.on_member_up(node, member) record(node, "up" .. member.id.bump) end
function M.on_member_down(node, member) record(node, "down" .. member.id.bump) end
]]

local ADDR = "127.9.0.1:9"

--- An update about the process with that number at our address.
local function claim(bump, state, incarnation)
  return { id = { addr = ADDR, bump = bump }, state = state or "alive", incarnation = incarnation }
end

local function left(bump) return claim(bump, "down", 65535) end

describe("rename_as_down_up", function()
  local stage

  before_each(function() stage = stages.new() end)
  after_each(function() stage:close() end)

  --- The spec with the handlers as a table and as a script.
  local function both(name, body)
    it(name .. " (a table)", function()
      body(function(source) return assert((loadstring or load)(source))() end) -- luacheck: ignore 113
    end)
    it(name .. " (a script)", function()
      body(function(source) return stage:write("handlers.lua", source) end)
    end)
  end

  local function tell(node, ...)
    for _, update in ipairs { ... } do
      assert(node:apply { update })
      stage:step()
    end
  end

  both("tells of a restarted process as of one that went and one that came", function(make)
    local node = stage:start { handlers = make(RECORDER .. "return M") }
    tell(node, claim(1), claim(2))
    assert.equal("up1 down1 up2 ", node.store.heard)
  end)

  both("tells nothing of one that nobody knew to be up", function(make)
    local node = stage:start { handlers = make(RECORDER .. "return M") }
    tell(node, left(1), left(2), claim(3))
    assert.equal("up3 ", node.store.heard)
    tell(node, left(3), left(4), claim(5))
    assert.equal("up3 down3 up5 ", node.store.heard)
  end)

  both("tells once that one went which has another name by then", function(make)
    local node = stage:start { handlers = make(RECORDER .. "return M") }
    tell(node, claim(1), left(2))
    assert.equal("up1 down1 ", node.store.heard)
    assert.equal("down", node:members { state = "all" }[1].state)
    tell(node, claim(3))
    assert.equal("up1 down1 up3 ", node.store.heard)
  end)

  both("tells all of what went: who, why, and since when", function(make)
    local node = stage:start { handlers = make [[
      return { rename_as_down_up = true, on_member_down = function(node, member) node.store.gone = member end }
    ]] }
    tell(node, claim(1, "alive", 7), claim(2))
    local gone = node.store.gone
    assert.near(node:time(), gone.since, 60)
    assert.same({ id = { addr = ADDR, bump = 1 }, addr = ADDR, state = "down", reason = "replaced", incarnation = 7,
      since = gone.since }, gone)
  end)

  both("calls on_rename first, where there is one", function(make)
    local node = stage:start { handlers = make(RECORDER .. [[
      function M.on_rename(node, before, after) record(node, "rename" .. before.id.bump .. after.id.bump) end
      return M
    ]]) }
    tell(node, claim(1), claim(2), left(3))
    assert.equal("up1 rename12 down1 up2 rename23 down2 ", node.store.heard)
  end)

  both("is for both even if one of them raises", function(make)
    local node = stage:start { handlers = make(RECORDER .. [[
      local down = M.on_member_down
      function M.on_member_down(...) down(...) error("no") end
      return M
    ]]) }
    tell(node, claim(1), claim(2), left(3), claim(4))
    assert.equal("up1 down1 up2 down2 up4 ", node.store.heard)
    assert.equal(2, node:info().handlers.errors)
  end)

  both("alternates whatever happens", function(make)
    for seed = 1, 20 do
      local roll = dice(seed)
      local node = stage:start { handlers = make(RECORDER .. "return M") }
      for _ = 1, 40 do
        local bump = roll(6)
        node:apply { roll(2) == 1 and claim(bump, "alive", roll(3)) or left(bump) }
        if roll(2) == 1 then stage:step() end
      end
      stage:step()
      local up
      for what, bump in (node.store.heard or ""):gmatch "(%a+)(%d+) " do
        assert.equal(what == "down" and bump or nil, up, ("seed %d: %s"):format(seed, node.store.heard))
        up = what == "up" and bump or nil
      end
      local member = node:members()[1]
      assert.equal(member and ("%d"):format(member.id.bump), up, "seed " .. seed)
      node:close()
    end
  end)

  it("is nothing without the option, and must be true or false", function()
    local heard = {}
    local function note(_, member) heard[#heard + 1] = member.id.bump end
    local node = stage:start { handlers = { on_member_up = note, on_member_down = note, rename_as_down_up = false } }
    tell(node, claim(1), claim(2), left(3))
    assert.same({ 1, 3 }, heard)
    local path = stage:write("s.lua", "return { rename_as_down_up = 1 }")
    local _, message = stage:try_start { handlers = path }
    assert.matches("s.lua: 'rename_as_down_up' must be a boolean, got 1", message)
  end)

  it("knows what an earlier version was told", function()
    local path = stage:write("s.lua", RECORDER .. "return M")
    local node = stage:start { handlers = path, watch = false }
    tell(node, claim(1))
    stage:write("s.lua", RECORDER .. "return M -- 2")
    assert.is_true(node:reload())
    tell(node, claim(2))
    assert.equal("up1 down1 up2 ", node.store.heard)
    stage:write("s.lua", (RECORDER:gsub("true", "false")) .. "return M -- 3")
    assert.is_true(node:reload())
    tell(node, claim(3), left(4))
    assert.equal("up1 down1 up2 down4 ", node.store.heard)
  end)

  it("goes on with the handlers that one of them sets", function()
    local heard = {}
    local function handlers(name)
      return { rename_as_down_up = true,
        on_member_up = function(_, member) heard[#heard + 1] = name .. " up" .. member.id.bump end,
        on_member_down = function(node, member)
          heard[#heard + 1] = name .. " down" .. member.id.bump
          if name == "A" then node:set_handlers(handlers "B") end
        end }
    end
    local node = stage:start { handlers = handlers "A" }
    tell(node, claim(1), claim(2), left(3))
    assert.same({ "A up1", "A down1", "B up2", "B down2" }, heard)
  end)

  it("ends with a node that a handler closes", function()
    local heard = {}
    local node = stage:start { handlers = { rename_as_down_up = true,
      on_member_up = function(_, member) heard[#heard + 1] = member.id.bump end,
      on_member_down = function(n) n:close() end } }
    tell(node, claim(1))
    assert(node:apply { claim(2) })
    stage:wait(function() return node:is_closed() end)
    assert.same({ 1, 2 }, heard) -- a close is put off until it can be
  end)

  it("leaves what subscribers hear as it is", function()
    local heard = {}
    local node = stage:start { handlers = { rename_as_down_up = true } }
    node:on("*", function(_, event) heard[#heard + 1] = event end)
    tell(node, claim(1), claim(2), left(3))
    assert.same({ "member_up", "active", "rename", "rename", "member_down", "idle" }, heard)
  end)
end)
