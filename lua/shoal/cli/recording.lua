--- What happens in a run of `shoal sim`, for the page of `--page`: as some of the members see
--- it, who probes whom, and the counters.
--
-- All of it has a bound. Each member sees each other one come, so what all members see grows
-- with the square of their number: the views of so many are recorded as are expected to fit
-- (all of 100, ten of 1,000, one of 10,000), and no more events than EVENTS. Of the probes
-- each k-th of the first RING members is recorded, PROBES at the most.

local core = require("shoal.core")
local json = require("shoal.format.json")
local replay = require("shoal.serve.http.replay")

local unpack = table.unpack or unpack -- luacheck: compat

local recording = {}

local EVENTS, PROBES, TAG_SETS = 100000, 50000, 5000
local EXPECTED = 10 -- events that one member brings to the view of another
local RING = 200 -- members, as the page draws

-- Some have an extra: a number of tags, the reason, what was done.
local SEEN = { "member_up", "member_down", "suspect", "refuted", "tags", "member_forgotten" }
local KINDS = { "self", "crashed", "mark", unpack(SEEN) }
local CODES = {}
for i, name in ipairs(KINDS) do
  CODES[name] = i - 1
end

---@class shoal.cli.Recording
---@field private net shoal.sim.Net
---@field private watched shoal.sim.Member[]  whose views are recorded
---@field private events string[]
---@field private probes string[]
---@field private cut_at? number  when the events did not fit any more
local Recording = {}
Recording.__index = Recording

-- ---- What is said once ----

-- Addresses that appear in views: those of members, first.
local function place_of(self, member)
  local key = core.pack(member.addr)
  local place = self.places[key]
  if not place then
    place = #self.members
    local name = type(member.id) == "table" and member.id.name
    self.members[place + 1] = json.encode(member.addr) .. "," .. (name and json.encode(tostring(name)) or "null")
    self.places[key] = place
  end
  return place
end

-- -1: too many different ones.
local function tags_of(self, tags)
  local key = core.pack(tags or {})
  local number = self.tags_known[key]
  if not number then
    number = #self.tags < TAG_SETS and #self.tags or -1
    self.tags_known[key] = number
    if number >= 0 then
      self.tags[number + 1] = json.encode_object(tags or {})
    end
  end
  return number
end

-- ---- Events ----

local function add(self, name, viewer, subject, extra, at)
  local list = self.events
  if #list >= EVENTS then
    self.cut_at = self.cut_at or self.net:now()
    return
  end
  list[#list + 1] = ("[%.3f,%d,%d,%d%s]"):format(at or self.net:now(), CODES[name], viewer, subject,
    extra and "," .. json.encode(extra) or "")
end

local EXTRA = {
  member_up = function(self, member)
    return tags_of(self, member.tags)
  end,
  tags = function(self, member)
    return tags_of(self, member.tags)
  end,
  member_down = function(_, member)
    return member.reason
  end,
}

local function watch(self, member, viewer)
  local own = member.known_as
  for _, name in ipairs(SEEN) do
    member:on(name, function(_, other)
      if other.addr ~= own then
        add(self, name, viewer, place_of(self, other), EXTRA[name] and EXTRA[name](self, other))
      end
    end)
  end
  member:on("rename", function(_, before, after)
    if core.pack(before.addr) ~= core.pack(after.addr) then
      add(self, "member_forgotten", viewer, place_of(self, before))
    end
    add(self, "member_up", viewer, place_of(self, after), tags_of(self, after.tags))
  end)
end

local function watch_probes(self, member)
  local from = place_of(self, { addr = member.known_as })
  member:on("probe_started", function(_, other)
    self.num_probes = self.num_probes + 1
    if self.num_probes % self.every == 0 and #self.probes < PROBES then
      self.probes[#self.probes + 1] = ("[%.3f,%d,%d]"):format(self.net:now(), from, place_of(self, other))
    end
  end)
end

-- Nobody tells of own tags, or of an end.
local function look_at(self, member, viewer)
  if not member:is_up() then
    if not self.ended[viewer] then
      self.ended[viewer] = true
      add(self, "crashed", viewer, 0, nil, self.net:record(member).ended)
    end
    return
  end
  local tags = tags_of(self, member:tags())
  if tags ~= self.own[viewer] then
    self.own[viewer] = tags
    add(self, "self", viewer, 0, tags)
  end
end

-- ---- What a run calls ----

--- Records from now on: all members have just been started.
---@param net shoal.sim.Net
---@param members shoal.sim.Member[]
---@param seconds number
---@return shoal.cli.Recording
function recording.new(net, members, seconds)
  local self = setmetatable({ net = net, watched = {}, members = {}, places = {}, tags = {}, tags_known = {},
    events = {}, probes = {}, num_probes = 0, samples = {}, ended = {}, own = {}, first = {} }, Recording)
  for _, member in ipairs(members) do
    place_of(self, { addr = member.known_as, id = member:identity() })
  end
  local views = math.max(1, math.min(#members, math.floor(EVENTS / EXPECTED / #members)))
  self.every = math.max(1, math.ceil(math.min(#members, RING) * seconds / PROBES))
  for i = 1, views do
    self.watched[i] = members[i]
    self.own[i - 1] = tags_of(self, members[i]:tags())
    self.first[i] = self.own[i - 1]
    watch(self, members[i], i - 1)
  end
  for i = 1, math.min(#members, RING) do
    watch_probes(self, members[i])
  end
  return self
end

--- Something was done to the members.
---@param what string
function Recording:mark(what)
  add(self, "mark", -1, 0, what)
end

--- So many take part now, and know so many.
---@param members integer
---@param fewest? integer
---@param median? integer
---@param most? integer
function Recording:sample(members, fewest, median, most)
  local stats = self.net:stats()
  self.samples[#self.samples + 1] = ("[%.3f,%d,%d,%d,%d,%d,%.0f]"):format(self.net:now(), members, fewest or 0,
    median or 0, most or 0, stats.packets, stats.bytes)
  for i, member in ipairs(self.watched) do
    look_at(self, member, i - 1)
  end
end

-- What the page says of itself, also what it does not have.
local function about(self, request)
  local parts = { ("%d members of %s, %g s, seed %d."):format(#self.members, request.script, request.seconds,
    request.seed) }
  if #self.watched < request.total then
    parts[#parts + 1] = ("The views of %d members are recorded."):format(#self.watched)
  end
  if self.every > 1 then
    parts[#parts + 1] = ("One of %d probes is recorded."):format(self.every)
  end
  if request.total > RING then
    parts[#parts + 1] = ("Probes of the first %d members are recorded."):format(RING)
  end
  if self.cut_at then
    parts[#parts + 1] = ("The views end at %.1f s, after %d events."):format(self.cut_at, EVENTS)
  end
  return table.concat(parts, " ")
end

local function list(parts, open, close)
  for i, part in ipairs(parts) do
    parts[i] = open .. part .. close
  end
  return "[" .. table.concat(parts, ",\n") .. "]"
end

--- The page, with all that was recorded. Call it once.
---@param request table
---@return string html
function Recording:page(request)
  local watched = {}
  for i, member in ipairs(self.watched) do
    watched[i] = ("%d"):format(self.places[core.pack(member.known_as)])
  end
  local parts = {
    '{"about":' .. json.encode(about(self, request)), '"seconds":' .. json.encode(request.seconds),
    '"kinds":' .. json.encode(KINDS), '"watched":' .. list(watched, "", ""), '"first":' .. json.encode(self.first),
    '"members":' .. list(self.members, "[", "]"), '"tags":' .. list(self.tags, "", ""),
    '"samples":' .. list(self.samples, "", ""), '"probes":' .. list(self.probes, "", ""),
    '"events":' .. list(self.events, "", "") .. "}",
  }
  return replay.page(table.concat(parts, ",\n"))
end

return recording
