--- Another key for the whole cluster, in a simulated network. Whatever fails, both members understand
-- each other afterwards, and both come to use a new key.

local core = require "shoal.core"
local walk = require "walk"

local SECONDS = 5 -- for a rotation

local key = core.keygen()
if not key then
  print "skipped: no libsodium"
  return
end

local function spawn(world)
  local node, _, addr = assert(world.net:spawn { config = "lan", cluster_size = 2, log = false, key = key,
    handlers = {}, join = world.addr, key_grace = 20 })
  world.addr = world.addr or addr
  return node
end

local function first_key(node) return node:keys()[1].id end

local function two()
  local world = { net = assert(core.simulation { seed = 1 }) }
  world.a, world.b = spawn(world), spawn(world)
  world.net:run(3)
  assert(world.net:converged())
  world.before = first_key(world.a)
  return world
end

local scenarios = {}

function scenarios.rotation(world)
  assert(world.a:rotate_key())
  world.net:run(world.net:now() + SECONDS)
  world.a:rotation()
  world.b:rotation()
end

function scenarios.two_rotations(world)
  assert(world.a:rotate_key())
  world.b:rotate_key()
  world.net:run(world.net:now() + SECONDS)
end

-- Until the old keys are gone, too: that needs the clock alone.
local function in_order(world)
  world.a:rotate_key() -- unless one is under way
  local ends = world.net:now() + 120
  local function is_over()
    local a, b = world.a:keys(), world.b:keys()
    return #a == 1 and #b == 1 and a[1].id == b[1].id and a[1].id ~= world.before
  end
  repeat
    world.net:run(world.net:now() + 1)
    assert(world.net:now() < ends, "the members do not have one new key")
  until is_over()
  assert(world.net:converged(), "the members do not agree")
  world.net:close()
end

walk.all(scenarios, { before = two, after = in_order })
