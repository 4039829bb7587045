--- `make hostile SEED=1`: what a hostile peer can do to three real members on loopback, with a
-- key and without. Prints a line for each attack; ends with 1 if any of them had an effect that it
-- must not have (docs/security.md). SCALE=0.01 sends a hundredth of the packets.

local attack = require "spec.hostile.attack"
local process = require "spec.support.process"
local wait = require "spec.support.wait"

local SEED = tonumber(arg[1] or 1)
local SCALE = tonumber(arg[2] or 1)
process.use(os.getenv("SHOAL_BUILD") or "build")

local failed = false

local function number(n) return math.max(1, math.floor(n * SCALE)) end

local function report(name, cluster, before, numbers, more)
  local problems = attack.problems(cluster, before.memory)
  local sent, answered = attack.pings(cluster)
  local growth = attack.memory(cluster[1], "most") - before.memory
  print(("%-44s %9d packets %6.0f/s  pings %4d acks %4d  +%5d KiB  %s"):format(name, numbers.sent,
    numbers.sent / numbers.seconds, sent - before.sent, answered - before.answered, growth,
    #problems == 0 and (more or "") or "FAILED: " .. table.concat(problems, "; ")))
  io.stdout:flush()
  failed = failed or #problems > 0
end

local function look(cluster)
  local sent, answered = attack.pings(cluster)
  return { memory = attack.memory(cluster[1]), sent = sent, answered = answered, views = attack.views(cluster) }
end

local function run(name, cluster, kind, count, rate)
  local before = look(cluster)
  local numbers = attack.flood(cluster, kind, number(count), rate, SEED)
  wait.pass(2) -- for what comes of it
  return before, numbers, name
end

local function expect_unchanged(name, cluster, before, numbers)
  local same = attack.views(cluster) == before.views
  failed = failed or not same
  report(name, cluster, before, numbers, same and "0 changes" or "FAILED: views changed")
end

local function with_a_key()
  local cluster = attack.cluster { key = true }
  wait.pass(math.max(5, 30 * SCALE)) -- something to record
  for name, kind in pairs { ["random bytes"] = "noise", ["sealed with another key"] = "foreign",
    ["recorded, one bit changed"] = "forged" } do
    local before, numbers = run(name, cluster, kind, 500000, 100000)
    expect_unchanged(name, cluster, before, numbers)
    assert(numbers.got == 0, "somebody answered")
  end
  local before, numbers = run("", cluster, "replay", 1000000, 100000)
  expect_unchanged("recorded, to a running member", cluster, before, numbers)
  attack.restart(cluster)
  attack.gathered(cluster)
  attack.forgive(cluster)
  before, numbers = run("", cluster, "replay", 1000000, 100000)
  expect_unchanged("recorded, to a restarted member", cluster, before, numbers)
  process.cleanup()
end

local function without()
  local cluster = attack.cluster {}
  local before, numbers = run("", cluster, "noise", 500000, 100000)
  expect_unchanged("no key: random bytes", cluster, before, numbers)
  before, numbers = run("", cluster, "stranger", 500000, 100000)
  local factor = numbers.got_bytes / numbers.bytes
  expect_unchanged(("no key: in another's name (gets %.2f bytes each)"):format(factor), cluster, before, numbers)
  failed = failed or factor > 3
  before, numbers = run("", cluster, "renew", 10000, 1000)
  report("no key: a member of 10,000 identities", cluster, before, numbers,
    ("%d held back"):format(cluster[1]:info().drops.renewals))
  before, numbers = run("", cluster, "crowd", 10000, 2000)
  report("no key: 10,000 identities", cluster, before, numbers,
    ("%d known"):format(cluster[1]:info().counts.known))
  process.cleanup()
end

local function clients()
  local cluster = attack.cluster {}
  local before = look(cluster)
  local close = attack.half_open(cluster[2], 500)
  wait.pass(10 * math.min(1, 10 * SCALE))
  close()
  wait.for_that(function() return cluster[2]:try "info" end, 10, "answer after the clients have gone")
  report("500 half-open clients of a control socket", cluster, before, { sent = 0, seconds = 1 })
  process.cleanup()
end

local ok, message = xpcall(function()
  with_a_key()
  without()
  clients()
end, debug.traceback)
process.cleanup()
if not ok then
  io.stderr:write(message, "\n")
end
os.exit(ok and not failed and 0 or 1)
