--- Nodes that come and go, thousands of times, in one program.

local files = require "spec.support.files"
local shoal = require "shoal"
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
