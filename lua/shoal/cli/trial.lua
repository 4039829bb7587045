--- What `shoal sim` does with a script: a cluster of it, what befalls that, and
--- what came of it.
--
-- The schedule depends on nothing but the request. With S seconds in all,
--   at 0        all members start, and join through the first
--   at S / 4    something is published, or broadcast, unless all agreed before:
--               then at once
--   at S / 3    `kill` members crash, at the same moment
--   at S / 2    the members are cut in two halves, for `partition` seconds
-- Who is hit is drawn from the seed.

local core = require("shoal.core")
local recording = require("shoal.cli.recording")
local shoal = require("shoal")
local sim = require("shoal.sim")
local spread = require("shoal.cli.spread")
local typed = require("shoal.cli.typed")

local trial = {}

local SAMPLES = 240
local MAX_MESSAGES = 5

---@class shoal.cli.Trial
---@field net shoal.sim.Net
---@field members shoal.sim.Member[]
---@field request table
---@field samples number[][]  { time, members, fewest, median, most }, see Net:census
---@field marks { at: number, what: string }[]  what was done when
---@field chosen? { topic?: string, data: string, selective?: boolean }  what a member is to say
---@field spread? shoal.cli.Spread
---@field recording? shoal.cli.Recording  with --page

local round = spread.round

local function mark(self, what)
  self.marks[#self.marks + 1] = { at = round(self.net:now()), what = what }
  if self.recording then
    self.recording:mark(what)
  end
end

-- ---- What befalls it -------------------------------------------------------

local function shuffled(self)
  local list = self.net:members()
  for i = #list, 2, -1 do
    local j = self.net:random(i)
    list[i], list[j] = list[j], list[i]
  end
  return list
end

local function say(self)
  if self.spread or not self.chosen then
    return
  end
  self.spread = spread.begin(self.chosen, self.net, self.members[1])
  if not self.spread.refused then
    mark(self, self.spread.topic and "published" or "broadcast")
  end
end

local function kill(self)
  self.killed = {}
  local list = shuffled(self)
  for i = 1, self.request.kill do
    self.killed[i] = list[i]
    self.net:crash(list[i])
  end
  mark(self, ("%d killed"):format(#self.killed))
end

local function cut(self)
  local sides, list = { {}, {} }, shuffled(self)
  for i, member in ipairs(list) do
    table.insert(sides[i % 2 + 1], member)
  end
  self.partition = { from = round(self.net:now()), sides = { #sides[1], #sides[2] } }
  local partition = self.net:partition(sides[1], sides[2])
  mark(self, "cut in two")
  self.net:after(self.request.partition, function()
    partition:heal()
    self.partition.to = round(self.net:now())
    mark(self, "healed")
  end)
end

local function plan(self)
  local seconds = self.request.seconds
  local function at(moment, act)
    self.net:after(moment, function()
      act(self)
    end)
  end
  at(seconds / 4, say)
  if self.request.kill then
    at(seconds / 3, kill)
  end
  if self.request.partition then
    at(seconds / 2, cut)
  end
end

-- ---- Running it ------------------------------------------------------------

local function sample(self)
  local now = { self.net:now(), self.net:census() }
  self.samples[#self.samples + 1] = now
  if self.recording then
    self.recording:sample(now[2], now[3], now[4], now[5])
  end
end

local function look(self)
  if not self.converged_after and self.net:converged() then
    self.converged_after = round(self.net:now())
    self.packets_before = self.net:stats()
    say(self)
  end
  local partition = self.partition
  if partition and partition.to and not partition.healed_after and self.net:converged() then
    partition.healed_after = round(self.net:now() - partition.to)
  end
end

-- So often that the moments looked for are found to a hundredth of a second.
local function advance(self, until_time)
  local net = self.net
  net:run_until(function()
    look(self)
    return net:now() >= until_time
  end, until_time - net:now())
end

local function network_options(request)
  return {
    seed = request.seed,
    loss = request.loss,
    duplicate = request.duplicate,
    reorder = request.reorder,
    latency = request.latency,
  }
end

-- All of one role at a time: the members that run one script.
local function spawn(net, request, roles, fields)
  local members = {}
  for _, role in ipairs(roles) do
    local list, message = net:spawn(role.count, { handlers = role.path, config = fields,
      tags = typed.map(request.tags), cluster_size = request.total, args = typed.arguments(request.words) })
    if not list then
      return nil, message, role
    end
    for _, member in ipairs(list) do
      members[#members + 1] = member
    end
  end
  return members
end

--- Runs the whole of it, telling `progress(trial)` now and then.
---@param request table
---@param roles { path: string, script: string, count: integer }[] the first is that of SCRIPT
---@param fields shoal.Config
---@param progress fun(trial: shoal.cli.Trial)
---@return shoal.cli.Trial? trial, string? message, table? role the one whose script does not load
function trial.run(request, roles, fields, progress)
  local net = sim.new(network_options(request))
  local members, message, role = spawn(net, request, roles, fields)
  if not members then
    return nil, message, role
  end
  local script = shoal.check(roles[1].path)
  local self = { net = net, members = members, request = request, roles = roles, samples = {}, marks = {},
    chosen = spread.choose(request, script and script.handlers or {}) }
  self.recording = request.page and recording.new(net, members, request.seconds)
  plan(self)
  sample(self)
  for i = 1, SAMPLES do
    advance(self, round(request.seconds * i / SAMPLES))
    sample(self)
    progress(self)
  end
  return self
end

-- ---- What came of it -------------------------------------------------------

local function detection(self)
  local delays, expected = {}, 0
  for _, victim in ipairs(self.killed) do
    local record = self.net:record(victim)
    for _, at in ipairs(record.noticed) do
      delays[#delays + 1] = round(at - record.ended)
    end
    expected = expected + self.request.total - #self.killed
  end
  table.sort(delays)
  return {
    killed = #self.killed,
    at = round(self.net:record(self.killed[1]).ended),
    noticed = #delays,
    expected = expected,
    first = delays[1],
    median = spread.quantile(delays, 0.5, #delays),
    last = delays[#delays],
  }
end

local function false_positives(self)
  local sum = { downs = 0, while_unreachable = 0, renewals = 0, returns = 0 }
  for _, member in ipairs(self.members) do
    local record = self.net:record(member)
    sum.downs = sum.downs + record.wrong_downs
    sum.while_unreachable = sum.while_unreachable + record.excused_downs
    sum.renewals = sum.renewals + record.renewals
    sum.returns = sum.returns + record.returns
  end
  return sum
end

-- Seconds that all members together ran, from a moment on.
local function member_seconds(self, from)
  local seconds, now = 0, self.net:now()
  for _, member in ipairs(self.members) do
    seconds = seconds + (self.net:record(member).ended or now) - from
  end
  return seconds
end

local function per_member(self, packets, bytes, from)
  local seconds = member_seconds(self, from)
  return { packets = round(packets / seconds), bytes = round(bytes / seconds) }
end

local function traffic(self)
  local all, before = self.net:stats(), self.packets_before
  local report = per_member(self, all.packets, all.bytes, 0)
  report.lost = all.packets > 0 and round(all.lost / all.packets) or 0
  if before and self.converged_after < self.net:now() then
    report.after_convergence =
      per_member(self, all.packets - before.packets, all.bytes - before.bytes, self.converged_after)
  end
  return report
end

-- The first line of each message, and how often it came among those kept.
local function handlers(self)
  local list, count = self.net:errors()
  local report, known = { errors = count, messages = {} }, {}
  for _, failure in ipairs(list) do
    local message = ("%s: %s"):format(failure.what, failure.message:match("[^\n]*"))
    if not known[message] and #report.messages < MAX_MESSAGES then
      known[message] = true
      table.insert(report.messages, message)
    end
  end
  return report
end

-- What keeps a cluster from being one in a simulation though it would be one
-- elsewhere: scripts that take it for granted on which hosts they run.
local function notes(self)
  local list, known, addresses = {}, {}, 0
  for _, member in ipairs(self.members) do
    if not known[member.known_as] then
      known[member.known_as] = true
      addresses = addresses + 1
    end
  end
  if addresses < #self.members then
    list[#list + 1] = ("the %d members have %d address%s: the identity of this script does not tell apart members "
      .. "whose hosts differ and whose ports do not"):format(#self.members, addresses, addresses == 1 and "" or "es")
  end
  local astray = 0
  for _, member in ipairs(self.net:members()) do
    astray = astray + self.net:stats(member).nowhere
  end
  if astray > 0 and not self.converged_after then
    list[#list + 1] = ("%d packets went where no member is: the endpoints of this script are not those of the "
      .. "simulated network"):format(astray)
  end
  return list
end

local function ending(self)
  local members, fewest, median, most = self.net:census()
  return { agree = (self.net:converged()), members = members, fewest = fewest, median = median, most = most }
end

-- Of the members that run: how many have tags, and how many of the others know the
-- last ones of each. nil: nobody has some.
local function tags(self)
  local running, own, owners = self.net:members(), {}, 0
  for _, member in ipairs(running) do
    local set = member:tags()
    if next(set) ~= nil then
      own[member.addr] = core.pack(set)
      owners = owners + 1
    end
  end
  if owners == 0 then
    return nil
  end
  local known = 0
  for _, member in ipairs(running) do
    for _, other in ipairs(member:members()) do
      if other.tags and own[other.addr] == core.pack(other.tags) then
        known = known + 1
      end
    end
  end
  return { owners = owners, known = known, pairs = owners * (#running - 1) }
end

local function roles(self)
  local list = {}
  for i, role in ipairs(self.roles) do
    list[i] = { script = role.script, members = role.count }
  end
  return list[2] and list
end

--- What came of it, as plain tables.
---@param self shoal.cli.Trial
---@return table
function trial.report(self)
  local said = self.spread and spread.report(self.spread, self.net, self.members) or {}
  return {
    members = self.request.total,
    roles = roles(self),
    seconds = self.request.seconds,
    seed = self.request.seed,
    loss = self.request.loss,
    converged_after = self.converged_after,
    at_the_end = ending(self),
    tags = tags(self),
    detection = self.killed and detection(self),
    partition = self.partition,
    false_positives = false_positives(self),
    traffic = traffic(self),
    handlers = handlers(self),
    published = said.topic and said or nil,
    broadcast = said.data and not said.topic and said or nil,
    notes = notes(self),
    trace = self.net:trace(),
  }
end

return trial
