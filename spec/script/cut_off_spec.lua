--- What a reload cuts off leaves nothing behind: children, connections, coroutines. The
-- figures are small here; SHOAL_CUT_OFF=1000 is what `make cut-off` runs.

local socket = require "socket"
local stages = require "spec.script.stage"

local MANY = tonumber(os.getenv("SHOAL_CUT_OFF") or "40")

local SCRIPT = [[
  local M = {}
  local function begin(node)
    for _ = 1, node.args.many do
      node:go(function(n) n:sleep(1e6) end)
      node:go(function(n) n:wait(function() return false end) end)
      node:go(function(n)
        local c = assert(n:connect(node.args.endpoint))
        n.store.connected = (n.store.connected or 0) + 1
        c:read "*l"
      end)
      node:spawn({ "sleep", "1000" }, function() error "told" end)
    end
  end
  M.commands = { begin = { run = begin } }
  return M
]]

local function num_children()
  local file = assert(io.popen "pgrep -c -P $PPID sleep")
  local count = tonumber((file:read "*a")) or 0
  file:close()
  return count
end

-- Bytes that are in memory.
local function resident()
  local file = assert(io.open "/proc/self/statm")
  local pages = file:read("*a"):match "^%d+ (%d+)"
  file:close()
  return tonumber(pages) * 4096
end

describe("a reload that cuts off " .. MANY .. " of each", function()
  local stage

  before_each(function() stage = stages.new() end)
  after_each(function() stage:close() end)

  it("leaves no child, no descriptor and no memory", function()
    local server = assert(socket.bind("127.0.0.1", 0, 1024))
    server:settimeout(0)
    local endpoint = ("%s:%d"):format(server:getsockname())
    local path = stage:write("service.lua", SCRIPT)
    local node = stage:start { handlers = path, args = { many = MANY, endpoint = endpoint },
      max_children = math.min(MANY, 100) }
    local descriptors, sizes = stage.descriptors(), {}
    for cycle = 1, 5 do
      local told, accepted = false, {}
      node:call("begin", {}, function() told = true end)
      stage:wait(function()
        for _ = 1, 50 do accepted[#accepted + 1] = server:accept() end
        return told and #accepted == MANY and node.store.connected == MANY * cycle
      end)
      assert.is_true(num_children() > 0)
      assert.is_true(stage.descriptors() >= descriptors + 2 * MANY)
      stage:write("service.lua", SCRIPT .. "-- version " .. cycle)
      assert(node:reload())
      for _, client in ipairs(accepted) do client:close() end
      accepted = nil -- each has a buffer of 8 KiB here
      stage:wait(function() return num_children() == 0 end)
      collectgarbage()
      collectgarbage() -- what had finalizers
      assert.equal(descriptors, stage.descriptors())
      sizes[cycle] = resident()
    end
    assert.is_true(sizes[5] - sizes[3] < 4 * 2 ^ 20, table.concat(sizes, " "))
    server:close()
  end)

  it("runs ten times as many programs, one after the other, and nothing is left", function()
    local node = stage:start { max_children = 32 }
    local descriptors, ended, begun = stage.descriptors(), 0, 0
    local function run()
      begun = begun + 1
      assert(node:spawn({ "true" }, function(_, result)
        assert.equal(0, result.code)
        ended = ended + 1
        if begun < 10 * MANY then run() end
      end))
    end
    for _ = 1, math.min(32, 10 * MANY) do run() end
    repeat
      local before = ended
      stage:wait(function() return ended > before end)
    until ended == 10 * MANY
    assert.equal(descriptors, stage.descriptors())
  end)
end)
