--- `make reliability`: what the protocol bears, in the simulator, with and without
-- its extensions. Prints the tables, and writes them into docs/reliability.md.
--
--   luajit bench/reliability.lua [BUILD [FILE [MEMBERS [SECONDS [SEEDS [ONLY]]]]]]
--
-- ONLY: names of tables, separated by commas; the others stay as they are.
--
-- Same figures for the same engine: nothing depends on the machine.

local BUILD = arg[1] or "build"
package.path = ("%s/share/lua/5.1/?.lua;"):format(BUILD) .. package.path
package.cpath = ("%s/lib/lua/5.1/?.so;"):format(BUILD) .. package.cpath

local figures = require "bench.figures"
local sim = require "shoal.sim"

local median = figures.median

local FILE = arg[2] or "docs/reliability.md"
local MEMBERS = tonumber(arg[3] or 128)
local SECONDS = tonumber(arg[4] or 600)
local SEEDS = tonumber(arg[5] or 3)
local ONLY = arg[6] and "," .. arg[6] .. ","
local PRESETS = { "simple", "lan" }

local LATENCY = { 0.0005, 0.002 }
local CRASH_MEMBERS, CRASHES = 64, 9
local FLOCKS = { MEMBERS, math.floor(MEMBERS * 1000 / 128) } -- members that join at once

-- ---- Clusters --------------------------------------------------------------

-- A cluster that has come together on a perfect network.
local function grown(preset, seed, count)
  local net = sim.new { seed = seed, latency = LATENCY }
  local members = assert(net:spawn(count or MEMBERS, { config = preset }))
  assert(net:run_until(function() return net:converged() end, 600, 0.1))
  return net, members
end

-- Reports of members down, and renewals, since the cluster was as it should be.
local function false_positives(net, members)
  local sum = { downs = 0, renewals = 0 }
  for _, member in ipairs(members) do
    local record = net:record(member)
    sum.downs = sum.downs + record.wrong_downs
    sum.renewals = sum.renewals + record.renewals
  end
  return sum
end

local function without(members, some)
  local is_some, rest = {}, {}
  for _, member in ipairs(some) do
    is_some[member] = true
  end
  for _, member in ipairs(members) do
    rest[#rest + 1] = not is_some[member] and member or nil
  end
  return rest
end

-- ---- Experiments: each answers figures for one preset and seed -----------------

local function lose(loss)
  return function(preset, seed)
    local net, members = grown(preset, seed)
    net:set { loss = loss }
    local before = net:stats()
    net:run(SECONDS)
    local now = net:stats()
    local wrong = false_positives(net, members)
    local result = {
      downs = wrong.downs,
      renewals = wrong.renewals,
      packets = (now.packets - before.packets) / MEMBERS / SECONDS,
      bytes = (now.bytes - before.bytes) / MEMBERS / SECONDS,
    }
    net:close()
    return result
  end
end

local function crash(preset, seed)
  local net, members = grown(preset, seed, CRASH_MEMBERS)
  local victim = members[net:random(CRASH_MEMBERS)]
  net:run(net:random(2000) / 1000)
  net:crash(victim)
  net:run_until(function() return #net:record(victim).noticed == CRASH_MEMBERS - 1 end, 120)
  local record = net:record(victim)
  local result = {
    first = record.noticed[1] - record.ended,
    all = #record.noticed == CRASH_MEMBERS - 1 and record.noticed[#record.noticed] - record.ended or math.huge,
  }
  net:close()
  return result
end

-- Paused for 5 to 20 s, awake for 1 to 10 s, and so on.
local function doze(net, member, until_time)
  if net:now() >= until_time then
    return
  end
  local asleep, awake = 5 + net:random(15000) / 1000, 1 + net:random(9000) / 1000
  net:pause(member, asleep)
  net:after(asleep + awake, function() doze(net, member, until_time) end)
end

local function pause(preset, seed)
  local net, members = grown(preset, seed)
  local sleepers = {}
  for i = 1, 8 do
    sleepers[i] = members[(i - 1) * math.floor(MEMBERS / 8) + 4]
    net:after(i / 2, function() doze(net, sleepers[i], net:now() + SECONDS) end)
  end
  net:run(SECONDS)
  local healthy = false_positives(net, without(members, sleepers))
  local paused = false_positives(net, sleepers)
  net:close()
  return { downs = healthy.downs, renewals = healthy.renewals, paused_renewals = paused.renewals }
end

local function part(preset, seed)
  local net, members = grown(preset, seed)
  local half = {}
  for i = 1, MEMBERS / 2 do
    half[i] = members[i]
  end
  local partition = net:partition(half, "rest")
  net:run(SECONDS)
  local _, fewest, _, most = net:census()
  partition:heal()
  local from = net:now()
  local healed = net:run_until(function() return net:converged() end, 600, 0.1)
  local wrong = false_positives(net, members)
  local lost = 0
  for _, member in ipairs(members) do
    lost = lost + (member:connection() == "defunct" and 1 or 0)
  end
  local result = { fewest = fewest, most = most, healed = healed and net:now() - from or math.huge, lost = lost,
    downs = wrong.downs, renewals = wrong.renewals }
  net:close()
  return result
end

-- ---- What heals --------------------------------------------------------------

-- Runs until there is one view, and answers how long that took and what was said
-- of healthy members since the cluster was as it should be.
local function heal(net, members, limit)
  local from = net:now()
  local healed = net:run_until(function() return net:converged() end, limit or 300, 0.1)
  local result = false_positives(net, members)
  result.healed = healed and net:now() - from or math.huge
  net:close()
  return result
end

-- All of them take a new identity within a tenth of a second.
local function change(preset, seed)
  local net, members = grown(preset, seed)
  for _, member in ipairs(members) do
    net:after(net:random(100) / 1000, function()
      local identity = member:identity()
      identity.bump = identity.bump + 1
      assert(member:change_identity(identity))
    end)
  end
  net:run(0.2)
  return heal(net, members)
end

-- The last `count` of `size` hear nobody for a while, and nobody hears them.
local function cut(size, count, duration)
  return function(preset, seed)
    local net, members = grown(preset, seed, size)
    local some = {}
    for i = 1, count do
      some[i] = members[size - i + 1]
    end
    local partition = net:partition(some, "rest")
    net:run(duration)
    partition:heal()
    return heal(net, members)
  end
end

-- Ten members, whose seed leaves; then nobody reaches anybody for two minutes.
local function outage(preset, seed)
  local net, members = grown(preset, seed, 10)
  assert(members[1]:leave())
  members[1]:close()
  table.remove(members, 1)
  net:run(10)
  local partitions = {}
  for i, member in ipairs(members) do
    partitions[i] = net:partition(member, "rest")
  end
  net:run(120)
  for _, partition in ipairs(partitions) do
    partition:heal()
  end
  return heal(net, members)
end

-- Two halves of twenty that also remember two thousand who are gone.
local function remember(preset, seed)
  local net, members = grown(preset, seed, 40)
  for _, state in ipairs { "alive", "down" } do
    local claims = {}
    for i = 1, 2000 do
      local addr = ("10.9.%d.%d:7946"):format(math.floor(i / 250), i % 250 + 1)
      claims[i] = { id = { addr = addr, bump = 1 }, state = state }
    end
    for _, member in ipairs(members) do
      assert(member:apply(claims))
    end
  end
  net:run(60)
  local half = {}
  for i = 1, 20 do
    half[i] = members[i]
  end
  local partition = net:partition(half, "rest")
  net:run(120)
  partition:heal()
  return heal(net, members)
end

-- `count` of `size` crash at the same moment.
local function crash_many(size, count)
  return function(preset, seed)
    local net, members = grown(preset, seed, size)
    local dead, from = {}, net:now()
    for i = 1, count do
      dead[i] = members[size - i + 1]
      net:crash(dead[i])
    end
    local wanted = count * (size - count)
    local function times()
      local list = {}
      for _, member in ipairs(dead) do
        for _, at in ipairs(net:record(member).noticed) do
          list[#list + 1] = at - from
        end
      end
      table.sort(list)
      return list
    end
    net:run_until(function() return #times() >= wanted end, 400, 0.5)
    local list = times()
    net:close()
    return { half = list[math.ceil(wanted / 2)] or math.huge, all = list[wanted] or math.huge }
  end
end

-- It hears, and nobody hears it.
local function mute(preset, seed)
  local net, members = grown(preset, seed)
  local victim, others = members[MEMBERS], without(members, { members[MEMBERS] })
  local ups, downs, last_seen = 0, 0, nil
  for _, member in ipairs(others) do
    member:on("member_up", function(_, about) ups = ups + (about.addr == victim.addr and 1 or 0) end)
    member:on("member_down", function(_, about)
      if about.addr == victim.addr then
        downs, last_seen = downs + 1, net:now()
      end
    end)
  end
  local from = net:now()
  local partition = net:partition(victim, "rest", { oneway = true })
  net:run(SECONDS)
  local result = { found = downs >= #others and last_seen - from or math.huge, ups = ups }
  partition:heal()
  local healed = heal(net, others)
  result.downs, result.renewals, result.healed = healed.downs, healed.renewals, healed.healed
  return result
end

-- Through one seed, within ten seconds of each other.
local function flock(preset, seed, count)
  local net = sim.new { seed = seed, latency = LATENCY }
  local first = assert(net:spawn(1, { config = preset }))[1]
  for _ = 2, count do
    net:after(net:random(10000) / 1000, function()
      assert(net:spawn(1, { config = preset, join = { first.addr } }))
    end)
  end
  local function know(share)
    return function()
      local pairs_known = 0
      for _, member in ipairs(net:members()) do
        pairs_known = pairs_known + member:num_members()
      end
      return pairs_known >= share * count * (count - 1)
    end
  end
  net:run(10)
  local result = {}
  for _, share in ipairs { 0.99, 0.9999, 1 } do
    result[share] = net:run_until(know(share), 300, 0.1) and net:now() - 10 or math.huge
  end
  local stats = net:stats()
  result.packets, result.bytes = stats.packets / count, stats.bytes / count
  net:close()
  return result
end

-- Two halves that never met, each with one of the seeds; everybody has both.
local function meet(preset, seed, count)
  local net = sim.new { seed = seed, latency = LATENCY }
  local seeds, halves = { "10.9.0.1:7946", "10.9.0.2:7946" }, {}
  for i, addr in ipairs(seeds) do
    halves[i] = { assert(net:spawn { bind = addr, join = seeds, config = preset, cluster_size = count }) }
    for k = 2, count / 2 do
      halves[i][k] = assert(net:spawn { join = seeds, config = preset, cluster_size = count })
    end
  end
  local partition = net:partition(halves[1], "rest")
  net:run(120)
  partition:heal()
  local met = net:run_until(function() return net:converged() end, 600, 0.1)
  local result = { met = met and net:now() - 120 or math.huge }
  net:close()
  return result
end

-- All at once, through the first, on a bad network.
local function join_lossy(preset, seed, loss)
  local net = sim.new { seed = seed, latency = LATENCY, loss = loss }
  assert(net:spawn(100, { config = preset }))
  local agreed = net:run_until(function() return net:converged() end, 600, 0.1)
  local result = { all = agreed and net:now() or math.huge }
  net:close()
  return result
end

-- ---- Running them ----------------------------------------------------------

local function repeated(experiment, preset, times)
  local results = {}
  for seed = 1, times or SEEDS do
    results[seed] = experiment(preset, seed)
    io.stderr:write(".")
  end
  return results
end

local function mean(results, field)
  local sum = 0
  for _, result in ipairs(results) do
    sum = sum + result[field]
  end
  return sum / #results
end

local function column(results, field)
  local list = {}
  for i, result in ipairs(results) do
    list[i] = result[field]
  end
  return list
end

local function largest(results, field)
  return math.max((table.unpack or unpack)(column(results, field))) -- luacheck: std max
end

local function seconds(value)
  return value == math.huge and "never" or ("%.1f s"):format(value)
end

local function each_preset(experiment, row, times)
  local rows = {}
  for i, preset in ipairs(PRESETS) do
    rows[i] = { "`" .. preset .. "`", row(repeated(experiment, preset, times)) }
  end
  return rows
end

-- A mean of whole numbers.
local function count(value)
  return (value >= 10 or value == math.floor(value)) and ("%.0f"):format(value) or ("%.1f"):format(value)
end

local tables = {}

local function loss_table(loss)
  local rows = each_preset(lose(loss), function(results)
    return count(mean(results, "downs")), count(mean(results, "renewals")),
      ("%.2f"):format(mean(results, "packets")), ("%.0f"):format(mean(results, "bytes"))
  end)
  table.insert(rows, 1, { "config", "members wrongly reported down", "needless renewals",
    "packets per member and second", "bytes" })
  return rows
end

tables["no loss"] = function() return loss_table(0) end
tables["20 % loss"] = function() return loss_table(0.2) end

function tables.crash()
  local rows = each_preset(crash, function(results)
    return seconds(median(column(results, "first"))), seconds(median(column(results, "all"))),
      seconds(largest(results, "all"))
  end, CRASHES)
  table.insert(rows, 1, { "config", "first member knows (median)", "all members know (median)", "(slowest)" })
  return rows
end

function tables.pauses()
  local rows = each_preset(pause, function(results)
    return count(mean(results, "downs")), count(mean(results, "renewals")), count(mean(results, "paused_renewals"))
  end)
  table.insert(rows, 1, { "config", "healthy members reported down", "their renewals", "renewals of the paused ones" })
  return rows
end

function tables.partition()
  local rows = each_preset(part, function(results)
    return ("%d to %d"):format(results[1].fewest, results[1].most), seconds(median(column(results, "healed"))),
      seconds(largest(results, "healed")), count(mean(results, "lost")), count(mean(results, "downs")),
      count(mean(results, "renewals"))
  end)
  table.insert(rows, 1, { "config", "members that each side counts", "one cluster after (median)", "(slowest)",
    "members lost", "healthy members reported down", "needless renewals" })
  return rows
end

tables["one way"] = function()
  local rows = each_preset(mute, function(results)
    return seconds(largest(results, "found")), count(mean(results, "ups")), count(mean(results, "downs")),
      count(mean(results, "renewals")), seconds(largest(results, "healed"))
  end)
  table.insert(rows, 1, { "config", "down for all after (slowest)", "times it came back", "others reported down",
    "their renewals", "back after (slowest)" })
  return rows
end

-- A row for each config and case: { name, experiment }.
local function healing_table(cases)
  local rows = { { "config", "what happens", "healthy members reported down", "needless renewals",
    "one cluster after (median)", "(slowest)" } }
  for _, case in ipairs(cases) do
    for _, preset in ipairs(PRESETS) do
      local results = repeated(case[2], preset)
      rows[#rows + 1] = { "`" .. preset .. "`", case[1], count(mean(results, "downs")),
        count(mean(results, "renewals")), seconds(median(column(results, "healed"))),
        seconds(largest(results, "healed")) }
    end
  end
  return rows
end

function tables.healing()
  return healing_table {
    { ("all %d change identity within 0.1 s"):format(MEMBERS), change },
    { "one of 8 is cut off for 60 s", cut(8, 1, 60) },
    { "one of 32 is cut off for 60 s", cut(32, 1, 60) },
    { "one of 100 is cut off for 600 s", cut(100, 1, 600) },
    { "two of 100 are cut off for 120 s", cut(100, 2, 120) },
    { "ten of 100 are cut off for 600 s", cut(100, 10, 600) },
    { "nine members, whose seed has left, do not reach each other for 120 s", outage },
    { "two halves of 20 are cut for 120 s, and remember 2,000 members that are gone", remember },
  }
end

tables["many crash"] = function()
  local rows = { { "config", "members", "half of all pairs know", "all members know (median)", "(slowest)" } }
  for _, case in ipairs { { 6, 3 }, { 16, 8 }, { 64, 32 }, { 50, 40 } } do
    for _, preset in ipairs(PRESETS) do
      local results = repeated(crash_many(case[1], case[2]), preset, 3 * SEEDS)
      rows[#rows + 1] = { "`" .. preset .. "`", ("%d of %d"):format(case[2], case[1]),
        seconds(median(column(results, "half"))), seconds(median(column(results, "all"))),
        seconds(largest(results, "all")) }
    end
  end
  return rows
end

tables["mass join"] = function()
  local rows = { { "config", "members", "99 % of the pairs", "99.99 %", "all", "packets per member until then",
    "kilobytes" } }
  for _, size in ipairs(FLOCKS) do
    for _, preset in ipairs(PRESETS) do
      local results = repeated(function(_, seed) return flock(preset, seed, size) end, preset)
      rows[#rows + 1] = { "`" .. preset .. "`", tostring(size), seconds(median(column(results, 0.99))),
        seconds(median(column(results, 0.9999))), seconds(largest(results, 1)),
        count(mean(results, "packets")), count(mean(results, "bytes") / 1000) }
    end
  end
  return rows
end

tables["never met"] = function()
  local rows = { { "config", "members", "one cluster after (median)", "(slowest)" } }
  for _, size in ipairs { 4, MEMBERS } do
    for _, preset in ipairs(PRESETS) do
      local results = repeated(function(_, seed) return meet(preset, seed, size) end, preset, 3 * SEEDS)
      rows[#rows + 1] = { "`" .. preset .. "`", tostring(size), seconds(median(column(results, "met"))),
        seconds(largest(results, "met")) }
    end
  end
  return rows
end

tables["lossy join"] = function()
  local rows = { { "config", "packets lost", "all know each other (median)", "(slowest)" } }
  for _, loss in ipairs { 0, 0.1, 0.2 } do
    for _, preset in ipairs(PRESETS) do
      local results = repeated(function(_, seed) return join_lossy(preset, seed, loss) end, preset, 3 * SEEDS)
      rows[#rows + 1] = { "`" .. preset .. "`", ("%d %%"):format(loss * 100), seconds(median(column(results, "all"))),
        seconds(largest(results, "all")) }
    end
  end
  return rows
end

function tables.ask() return require "bench.ask" (SEEDS) end
function tables.topics() return require "bench.topics" (SEEDS) end
function tables.tags() return require "bench.tags" (SEEDS) end

-- ---- Writing them down -----------------------------------------------------

-- The table named in "<!-- table: NAME -->".
local function body(name)
  name = name:match "^table: (.*)$"
  if not name or ONLY and not ONLY:find("," .. name .. ",", 1, true) then
    return nil
  end
  io.stderr:write(name, " ")
  local text = figures.markdown(assert(tables[name], "no table of that name")())
  io.stderr:write("\n")
  print(("\n%s\n%s"):format(name, text))
  return text
end

figures.write(FILE, body)
