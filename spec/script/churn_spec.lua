--- Nodes that come and go, thousands of times, in one program; and what comes and
-- goes with a node that stays.

local files = require "spec.support.files"
local shoal = require "shoal"
local sim = require "shoal.sim"
local stages = require "spec.script.stage"

local slow = files.sanitized or os.getenv "SHOAL_GC"
local ROUNDS = slow and 200 or 4000 -- of three nodes each
local KIB = 1024

local function resident()
  local file = assert(io.open "/proc/self/status")
  local text = file:read "*a"
  file:close()
  return tonumber(text:match "VmRSS:%s+(%d+)") * KIB
end

-- mallinfo2 of libc, for whoever can call it: LuaJIT, with glibc.
local found, mallinfo = pcall(function()
  local ffi = require "ffi"
  ffi.cdef [[
    struct mallinfo2 { size_t arena, ordblks, smblks, hblks, hblkhd, usmblks, fsmblks, uordblks, fordblks, keep; };
    struct mallinfo2 mallinfo2(void);
  ]]
  return ffi.C.mallinfo2
end)

--- Bytes that C code holds from malloc; nil where nobody can tell. How much of
-- what was freed stays resident depends on what happens to lie behind it.
local function held()
  if slow or not found then return nil end
  local info = mallinfo()
  return tonumber(info.uordblks) + tonumber(info.hblkhd)
end

local function collected()
  collectgarbage()
  collectgarbage()
  return collectgarbage "count" * KIB
end

local function round()
  local nodes = {}
  for i = 1, 3 do
    nodes[i] = assert(shoal.start { config = "loopback", log = false, join = nodes[1] and nodes[1]:bound() })
  end
  nodes[2]:after(60, print)
  nodes[3]:on("member_up", print)
  shoal.step()
  for i = 1, 3 do nodes[i]:close() end
end

describe("a program that opens and closes nodes", function()
  it("holds no descriptor and no memory of those that are gone", function()
    for _ = 1, ROUNDS / 10 do round() end
    local memory, pages, descriptors = collected(), resident(), stages.descriptors()
    local before = held()
    for _ = 1, ROUNDS do round() end
    assert.equal(descriptors, stages.descriptors())
    -- Leaking but 24 bytes a node would show; compiled traces and a heap that
    -- has settled elsewhere do not.
    assert.is_true(collected() - memory < 256 * KIB, "Lua's memory has grown")
    if before then
      assert.is_true(held() - before < 128 * KIB, "more is held from malloc")
    elseif not slow then
      assert.is_true(resident() - pages < 4096 * KIB, "the process has grown")
    end
  end)

  it("can have many at once", function()
    local stage = stages.new()
    local nodes = {}
    for i = 1, 20 do
      nodes[i] = stage:start { join = nodes[1] and nodes[1]:bound() }
    end
    stage:wait(function()
      for _, node in ipairs(nodes) do
        if node:num_members() < #nodes - 1 then return false end
      end
      return true
    end, "everybody to know everybody")
    stage:close()
  end)
end)

describe("a node that lives for long", function()
  local TURNS = slow and 100 or 1000
  local TIMERS = 10 -- each turn

  --- Timers that fire and one that does not, a wait, a listener.
  local function turn(node, step)
    local fired, waited = 0, false
    for _ = 1, TIMERS do node:after(0, function() fired = fired + 1 end) end
    node:after(0.001, print):cancel() -- soon: a simulation keeps it until then
    coroutine.wrap(function() waited = node:wait(function() return fired == TIMERS end) end)()
    node:on("active", print)
    node:off("active", print)
    repeat step() until waited
  end

  local worlds = {
    ["on this machine"] = function()
      local node = assert(shoal.start { config = "loopback", log = false })
      return node, shoal.step, function() node:close() end
    end,
    ["in a simulation"] = function()
      local net = sim.new {}
      local node = assert(net:spawn { config = "loopback" })
      return node, function() net:run(0.01) end, function() net:close() end
    end,
  }

  for where, open in pairs(worlds) do
    it("holds no memory of timers, waits and listeners that are over, " .. where, function()
      local node, step, close = open()
      for _ = 1, TURNS / 10 do turn(node, step) end
      local memory, before = collected(), held()
      for _ = 1, TURNS do turn(node, step) end
      -- One byte of each timer would show from malloc, and the smallest object of Lua.
      assert.is_true(collected() - memory < TURNS * TIMERS * 8, "Lua's memory has grown")
      if before then assert.is_true(held() - before < TURNS * TIMERS, "more is held from malloc") end
      close()
    end)
  end
end)
