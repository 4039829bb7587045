--- How one thing that a member says reaches the others, in what `shoal sim` runs: something
-- published on a topic, or a raw broadcast. Published, a member has it when the script hears of
-- it; a broadcast, when the first packet with it arrives.

local spread = {}

-- No topic of the script's: its handler might take something else than text.
local TOPIC, MESSAGE = "sim", "hello from shoal sim"
-- What most scripts take: "version value", or a name and a key.
local BROADCAST = "1 shoal sim"

--- The report of a script that takes neither.
spread.NOTHING = { refused = "the script has no topics, and does not handle broadcasts" }

---@class shoal.cli.Spread
---@field topic? string        nil: a broadcast
---@field data string
---@field selective? boolean   the script may refuse it to members
---@field origin shoal.sim.Member
---@field at number            when it was sent
---@field members integer      how many ran then
---@field refused? string      why it was not sent
---@field heard table<shoal.sim.Member, number>  after how many seconds

-- A moment or a duration, as finely as the clock goes.
local function round(seconds)
  return seconds and math.floor(seconds * 1e6 + 0.5) / 1e6
end
spread.round = round

local function has_topics(defined)
  for name in pairs(defined) do
    if name == "on_published" or name:find("^topics%.") then
      return true
    end
  end
  return false
end

--- What is to be said: what was asked for, else a message if the script has topics, else a
--- broadcast if it handles those. nil: it takes neither.
---@param request table
---@param handlers string[]  the functions of the script
---@return { topic?: string, data: string, selective?: boolean }?
function spread.choose(request, handlers)
  local defined = {}
  for _, name in ipairs(handlers) do
    defined[name] = true
  end
  if request.publish then
    return request.publish
  end
  if request.broadcast or (defined["broadcast.receive"] and not has_topics(defined)) then
    return { data = request.broadcast or BROADCAST, selective = defined["broadcast.wanted_by"] }
  end
  return has_topics(defined) and { topic = TOPIC, data = MESSAGE } or nil
end

local function broadcast(self)
  local taken, message, code = self.origin:add_broadcast(self.data)
  if not taken then
    self.refused = code == "no_handler" and "the script does not handle broadcasts"
      or message or "the script did not accept it"
  end
end

local function listen(self, net, member)
  member:on("published", function(_, topic, _, from, number)
    if topic == self.topic and number == self.number and from.addr == self.origin.known_as then
      self.heard[member] = self.heard[member] or round(net:now() - self.at)
    end
  end)
end

local function publish(self, net)
  for _, member in ipairs(net:members()) do
    listen(self, net, member)
  end
  local message
  self.number, message = self.origin:publish(self.topic, self.data)
  self.refused = message
end

-- What tells a packet that carries it from all others: a short DATA may be in any. On the wire
-- (docs/wire.md) an item is kind, flags, number, topic, origin, data; in groups of 7 bits the number,
-- with its size the topic. A broadcast has its size in front of it.
local ITEM, WHOLE, SHORT = 8, 3, 128

local function version(number)
  local bytes = ""
  while number > 127 do
    bytes, number = bytes .. string.char(128 + number % 128), math.floor(number / 128)
  end
  return bytes .. string.char(number)
end

-- Of a long one, that is in several packets: its end.
local function mark_of(self)
  if #self.data > SHORT then
    return self.data:sub(-SHORT)
  elseif self.topic then
    return string.char(ITEM, WHOLE) .. version(self.number) .. string.char(#self.topic) .. self.topic
  end
  return string.char(0, #self.data) .. self.data
end

--- Says it, now.
---@param chosen { topic?: string, data: string, selective?: boolean }
---@param net shoal.sim.Net
---@param origin shoal.sim.Member
---@return shoal.cli.Spread
function spread.begin(chosen, net, origin)
  local self = { topic = chosen.topic, data = chosen.data, selective = chosen.selective, origin = origin,
    at = round(net:now()), members = #net:members(), heard = {} }
  if self.topic then
    publish(self, net)
  else
    broadcast(self)
  end
  if not self.refused then -- nothing has arrived yet: time stands still
    net:watch(mark_of(self), origin)
  end
  return self
end

-- The smallest that `share` of `total` do not exceed; nil when there are not so
-- many. The list is sorted.
function spread.quantile(list, share, total)
  return list[math.max(1, math.ceil(share * total))]
end

local function delay(self, net, member)
  if self.topic then
    return self.heard[member]
  end
  local seen = net:seen(member)
  return seen and round(seen - self.at)
end

--- What came of it, as a plain table.
---@param self shoal.cli.Spread
---@param net shoal.sim.Net
---@param members shoal.sim.Member[]  all that there ever were
---@return table
function spread.report(self, net, members)
  local report = { topic = self.topic, data = self.data, at = self.at, refused = self.refused }
  if self.refused then
    return report
  end
  local delays, copies = {}, 0
  for _, member in ipairs(members) do
    delays[#delays + 1] = delay(self, net, member)
    copies = copies + select(2, net:seen(member))
  end
  table.sort(delays)
  report.reached, report.members, report.delays = #delays, self.members, delays
  report.selective = self.selective or false
  report.copies = self.members > 1 and math.floor(copies / (self.members - 1) * 100 + 0.5) / 100 or 0
  for name, share in pairs({ p50 = 0.5, p99 = 0.99, p100 = 1 }) do
    report[name] = spread.quantile(delays, share, self.members)
  end
  return report
end

return spread
