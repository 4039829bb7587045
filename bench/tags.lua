-- SPDX-License-Identifier: MIT
--- What tags cost and how soon they are known, in the simulator, in `lan`. Bytes are
-- payload; the headers of IP and UDP are 28 more for each packet.
--
--   require "bench.tags" (SEEDS) -> the rows of a table

local figures = require "bench.figures"
local sim = require "shoal.sim"

local LATENCY = { 0.0005, 0.002 }
local TEXT = ("x"):rep(186) -- with its name and a number: 200 bytes

--- The tags of 200 bytes that are a member's `version`th.
local function tags_of(version) return { text = TEXT, v = version } end

--- `count` members that see each other, at random phases of their probes.
local function grown(seed, count, options)
  local net = sim.new { seed = seed, latency = LATENCY }
  local members = {}
  for i = 1, count do
    members[i] = assert(net:spawn { config = "lan", join = i > 1 and { members[1].addr } or nil,
      tags = options and options.tags and tags_of(0) or nil })
    if options and options.spread then net:run(options.spread / count) end
  end
  assert(net:run_until(function() return net:converged() end, 600, 0.1))
  return net, members
end

local function payload(net) return net:stats().bytes end

--- Counts the members that know version `version` of each owner, and says when the
-- share `part` of `all` knew it: { [part] = seconds }.
local function watch(net, members, version, all, parts)
  local known, from, at = 0, net:now(), {}
  for _, member in ipairs(members) do
    member:on("tags", function(_, about)
      if about.tags.v ~= version then return end
      known = known + 1
      for _, part in ipairs(parts) do
        if not at[part] and known >= part * all then at[part] = net:now() - from end
      end
    end)
  end
  return function(limit)
    net:run_until(function() return at[1] ~= nil end, limit, 0.05)
    return at
  end
end

-- ---- Experiments -----------------------------------------------------------

local function idle(seed, count, with_tags)
  local net = grown(seed, count, { tags = with_tags })
  net:run(60)
  local before = payload(net)
  net:run(60)
  local bytes = (payload(net) - before) / count / 60
  net:close()
  return bytes
end

local function change(seed, count)
  local net, members = grown(seed, count, { tags = true, spread = 1 })
  net:run(30)
  local quiet, before = 10, payload(net)
  net:run(quiet)
  local usual, result = payload(net) - before, {}
  for version = 1, 10 do
    net:run(net:random(1000) / 1000)
    before = payload(net)
    local wait = watch(net, members, version, count - 1, { 0.98, 1 })
    assert(members[net:random(count)]:set_tags(tags_of(version)))
    local from = net:now()
    local at = wait(quiet)
    net:run(quiet - (net:now() - from))
    result[version] = { most = at[0.98] or math.huge, all = at[1] or math.huge,
      bytes = (payload(net) - before - usual) / count }
  end
  net:close()
  return result
end

local function join(seed, count)
  local net = sim.new { seed = seed, latency = LATENCY }
  local members = assert(net:spawn(count, { config = "lan", tags = tags_of(1) }))
  local function all_know()
    for _, member in ipairs(members) do
      if #member:members { tags = { v = 1 } } < count - 1 then return false end
    end
    return true
  end
  local known = net:run_until(all_know, 25, 0.05) and net:now() or math.huge
  net:run(25 - net:now())
  local result = { all = known, bytes = payload(net) / count }
  net:close()
  return result
end

local function storm(seed, count)
  local net, members = grown(seed, count, { tags = true })
  net:set { loss = 0.2 }
  local half, version, last = {}, 0, {}
  for i = 1, count / 2 do half[i] = members[i] end
  local split
  net:after(15, function() split = net:partition(half, "rest") end)
  net:after(45, function() split:heal() end)
  for _ = 1, 200 do
    version = version + 1
    local owner = members[net:random(count)]
    last[owner] = version
    assert(owner:set_tags { v = version })
    net:run(0.3)
  end
  net:set { loss = 0 }
  local from = net:now()
  local function all_right()
    for owner, value in pairs(last) do
      for _, member in ipairs(members) do
        local seen = member ~= owner and member:member(owner.addr)
        if seen == nil or seen and not (seen.tags and seen.tags.v == value) then return false end
      end
    end
    return true
  end
  local right = net:run_until(all_right, 120, 0.5)
  local after = right and net:now() - from or math.huge
  net:close()
  return { all = after }
end

local function all_change(seed, count)
  local net, members = grown(seed, count, { tags = true })
  net:run(10)
  local before = payload(net)
  local wait = watch(net, members, 1, count * (count - 1), { 1 })
  for _, member in ipairs(members) do assert(member:set_tags(tags_of(1))) end
  local at = wait(60)
  local result = { all = at[1] or math.huge, bytes = (payload(net) - before) / count }
  net:close()
  return result
end

local function newcomer(seed, count)
  local net, members = grown(seed, count, { tags = true })
  net:run(20)
  local before = net:now()
  local new = net:spawn { config = "lan", join = { members[net:random(count)].addr } }
  local known = net:run_until(function() return #new:members { tags = { v = 0 } } == count end, 60, 0.05)
  local stats = new:stats()
  local result = { all = known and net:now() - before or math.huge,
    bytes = stats.bytes_received + stats.bytes_sent }
  net:close()
  return result
end

-- ---- The table -------------------------------------------------------------

local function seconds(value) return value == math.huge and "never" or ("%.1f s"):format(value) end
local function kilobytes(value) return ("%.1f KB"):format(value / 1000) end

--- The results of `experiment` for each seed, in one list.
local function repeated(experiment, seeds, ...)
  local results = {}
  for seed = 1, seeds do
    local result = experiment(seed, ...)
    for _, one in ipairs(result[1] and result or { result }) do results[#results + 1] = one end
    io.stderr:write "."
  end
  return results
end

local function column(results, name)
  local list = {}
  for i, result in ipairs(results) do list[i] = result[name] end
  return list
end

local function median(results, name) return figures.median(column(results, name)) end

local function slowest(results)
  return math.max((table.unpack or unpack)(column(results, "all"))) -- luacheck: std max
end

local function mean(results)
  local sum = 0
  for _, result in ipairs(results) do sum = sum + result.bytes end
  return sum / #results
end

return function(seeds)
  local rows = { { "what happens", "members", "known to all (median)", "(slowest)", "payload per member" } }
  local function row(what, members, results, bytes)
    rows[#rows + 1] = { what, tostring(members), seconds(median(results, "all")), seconds(slowest(results)),
      bytes or results[1].bytes and kilobytes(mean(results)) or "" }
  end
  for _, count in ipairs { 16, 100 } do
    local more = 0
    for seed = 1, seeds do more = more + (idle(seed, count, true) - idle(seed, count, false)) / seeds end
    rows[#rows + 1] = { "nothing", tostring(count), "", "", ("%+.1f bytes per second"):format(more) }
    io.stderr:write "."
  end
  for _, count in ipairs { 16, 100 } do
    local results = repeated(change, seeds, count)
    row("one member changes its tags", count, results,
      kilobytes(mean(results)) .. "; 98 % know after " .. seconds(median(results, "most")))
  end
  row("all join at once", 100, repeated(join, seeds, 100))
  row("200 changes within 60 s, 20 % loss, a split of 30 s", 100, repeated(storm, seeds, 100))
  row("all change their tags", 1000, repeated(all_change, 1, 1000))
  row("one joins", 1000, repeated(newcomer, 1, 1000), nil)
  return rows
end
