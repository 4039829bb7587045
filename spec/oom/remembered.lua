--- Members with a memory on disk. Whatever fails, there is the old state or the new one, and what was
-- remembered is not lost: a member that has no memory for it does not start.

local core = require "shoal.core"
local walk = require "walk"

local PATIENCE = 60 -- seconds, for what takes none

local folder = os.tmpname()
os.remove(folder)
local template, used = folder .. "/template", folder .. "/used"
assert(os.execute(("mkdir -m 700 '%s' '%s'"):format(folder, used)))

local key = core.keygen()

-- One identity for ever, so that its tags and topics go on.
local handlers = {
  persist = true,
  identity = { new = function(options) return { addr = options.advertise, bump = 1 } end },
}

local function start(data_dir, bind)
  return assert(core.start { bind = bind or "127.0.0.1:0", config = "loopback", cluster_size = 2, seed = 1,
    log = false, handlers = handlers, key = key, data_dir = data_dir, snapshot_every = 0.001,
    join = { "127.0.0.1:9" }, tags = { zone = "x" } })
end

local function step_until(what, condition)
  local deadline = os.time() + PATIENCE
  while not condition() do
    assert(os.time() < deadline, "in vain: " .. what)
    core.step(0.001)
  end
end

local function turn()
  for _ = 1, 5 do core.step(0.001) end
end

-- A former life: a member that knew another one, has a store, and has published.
local addr, most
do
  local a, b = start(template), start(folder .. "/other")
  b:join { a:bound() }
  step_until("a pair", function() return a:num_members() == 1 end)
  a.store.answer = 42
  most = a:publish("jobs", 1)
  addr = a:bound()
  a:close()
  b:close()
  turn()
end

local function copied()
  assert(os.execute(("cp -p '%s/memory' '%s/memory'"):format(template, used)))
  return { node = false } -- with room for one
end

local scenarios = {}

function scenarios.start(world)
  world.node = start(used, addr)
  turn()
end

function scenarios.write(world)
  world.node = start(used, addr)
  world.node.store.more = true
  world.node:publish("jobs", 2)
  world.node:publish("others", 1)
  turn()
  world.node:gone()
  world.node:info()
  world.node:close()
end

function scenarios.forget(world)
  world.node = start(used, addr)
  world.node:forget(world.node:gone()[1].addr)
  turn()
end

local function in_order(world)
  if world.node then world.node:close() end
  collectgarbage()
  collectgarbage() -- one that did not start has the folder until then
  local node
  step_until("an end of the one before", function()
    local ok, result = pcall(start, used, addr)
    node = ok and result
    return ok
  end)
  assert(node.store.answer == 42, "the store is lost")
  assert(node:publish("jobs", 3) > most + 1, "a number is used twice")
  assert(node:info().memory, "there is no memory")
  node:close()
end

walk.all(scenarios, { before = copied, after = in_order })
os.execute(("rm -rf '%s'"):format(folder))
