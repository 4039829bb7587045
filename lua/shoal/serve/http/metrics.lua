--- /metrics: what a node counts, in the text format of Prometheus.
--
-- At most 50 series, whatever happens. Reasons for drops come in as they happen: those
-- that there is no more room for are counted together. `?detail=1` has every reason and
-- every kind of message, `?members=1` some series for each member. The cost without that
-- is one walk over the members in C, and one of the tags of this node.

local instances = require("shoal.services.instances")
local request = require("shoal.serve.http.request")
local text = require("shoal.format.text")

local metrics = {}

local MOST = 50

-- ---- The format ----

local ESCAPES = { ["\\"] = "\\\\", ['"'] = '\\"', ["\n"] = "\\n" }

-- Labels are UTF-8, or a scrape fails as a whole.
local function clean(value)
  if not value:find('[\\"\n\128-\255]') then
    return value
  end
  if value:find("[\128-\255]") then
    local parts, at = {}, 1
    while at <= #value do
      local last = text.utf8_end(value, at)
      parts[#parts + 1] = last and value:sub(at, last) or "?"
      at = (last or at) + 1
    end
    value = table.concat(parts)
  end
  return (value:gsub('[\\"\n]', ESCAPES))
end

local function number(value)
  if value == math.floor(value) and value < 2 ^ 63 then
    return ("%.0f"):format(value)
  end
  return ("%.12g"):format(value)
end

local Page = {}
Page.__index = Page

function Page:begin(name, kind, help)
  self.name = "shoal_" .. name
  local lines = self.lines
  lines[#lines + 1] = ("# HELP %s %s\n# TYPE %s %s"):format(self.name, help, self.name, kind)
end

function Page:add(value, labels, suffix)
  self.series = self.series + 1
  self.lines[#self.lines + 1] = self.name .. (suffix or "") .. (labels or "") .. " " .. number(value)
end

function Page:counter(name, help, value)
  self:begin(name, "counter", help)
  self:add(value)
end

function Page:gauge(name, help, value)
  self:begin(name, "gauge", help)
  self:add(value)
end

-- One of several that differ in a label.
function Page:labeled(label, of, value)
  self:add(value, ('{%s="%s"}'):format(label, clean(of)))
end

-- `buckets` are { { most, how many of these }, ... }, not added up; the last has no `most`.
function Page:histogram(name, help, histogram)
  self:begin(name, "histogram", help)
  local count = 0
  for _, bucket in ipairs(histogram.buckets) do
    count = count + bucket[2]
    self:add(count, ('{le="%s"}'):format(bucket[1] and ("%g"):format(bucket[1]) or "+Inf"), "_bucket")
  end
  self:add(histogram.sum, nil, "_sum")
  self:add(count, nil, "_count")
end

-- ---- How long it took to find out ----

local DETECTION = { 3, 10 } -- seconds

---@class shoal.http.Detection
---@field buckets { [1]: number?, [2]: integer }[]
---@field sum number
---@field since table<any, number>  when a member was suspected, by its address

--- From a suspicion to the verdict, as this node sees it.
---@param node shoal.Node
function metrics.watch_detection(node)
  local core = require("shoal.core")
  local histogram = { buckets = {}, sum = 0, since = {} }
  for i, most in ipairs(DETECTION) do
    histogram.buckets[i] = { most, 0 }
  end
  histogram.buckets[#DETECTION + 1] = { nil, 0 }
  local since = histogram.since
  node:on("suspect", function(_, member)
    local key = core.pack(member.addr)
    since[key] = since[key] or node:now()
  end)
  local function forget(_, member)
    since[core.pack(member.addr)] = nil
  end
  node:on("refuted", forget)
  node:on("rename", forget) -- who was suspected there is not there any more
  node:on("member_down", function(_, member)
    local key = core.pack(member.addr)
    local took = since[key] and member.reason == "failed" and node:now() - since[key]
    since[key] = nil
    for i = 1, took and #histogram.buckets or 0 do
      local bucket = histogram.buckets[i]
      if not bucket[1] or took <= bucket[1] then
        bucket[2] = bucket[2] + 1
        break
      end
    end
    histogram.sum = histogram.sum + (took or 0)
  end)
  return histogram
end

-- ---- The parts ----

local RTT = { 0.001, 0.01, 0.1 } -- seconds, as the engine counts them

-- { most, how many } of what was counted up to these limits, and above. The first `short`
-- are added to the next.
local function buckets_of(limits, counts, short)
  local buckets, before = {}, 0
  for i, count in ipairs(counts) do
    before = before + count
    if i > short then
      buckets[#buckets + 1], before = { limits[i], before }, 0
    end
  end
  return buckets
end

local function add_cluster(page, self, info, stats)
  page:begin("build_info", "gauge", "Always 1; the labels say which node this is.")
  page:add(1, ('{version="%s",name="%s",cluster="%s"}'):format(clean(info.version), clean(info.name or ""),
    clean(info.cluster or "")))
  page:gauge("start_time_seconds", "When the node was started, as Unix time.", info.started_at)
  page:begin("members", "gauge", "Other members that this node knows, by state.")
  for _, state in ipairs({ "alive", "suspect", "down" }) do
    page:labeled("state", state, info.counts[state])
  end
  page:gauge("local_health", "From 0 (good) up: the node doubts its own health.", stats.local_health)
  page:gauge("engine_memory_bytes", "Memory that the engine uses.", stats.memory_bytes)
  page:counter("probes_total", "Members probed.", stats.probes)
  page:counter("probe_failures_total", "Probes that were not answered.", stats.probes_failed)
  page:counter("suspicions_total", "Suspicions that this node raised.", stats.suspicions)
  page:counter("refutations_total", "Suspicions and verdicts against this node that it refuted.", stats.refutations)
  page:histogram("probe_rtt_seconds", "How long members took to answer a ping.",
    { buckets = buckets_of(RTT, stats.rtt.took, 0), sum = stats.rtt.seconds })
  page:histogram("detection_seconds", "From a suspicion to the verdict that the member is down.", self.detection)
end

local SEALED = { "foreign_key", "unauthentic", "replayed", "unproven" }

-- The rest of what is sealed is in the traffic.
local function add_seal(page, drops)
  local refused = 0
  for _, reason in ipairs(SEALED) do
    refused = refused + (drops[reason] or 0)
  end
  page:counter("seal_refused_total", "Packets that were not sealed with a key of ours, or were sent again.", refused)
end

local REPAIRS = { members = "member", tags = "tag", topics = "topic" }

local function add_repair(page, stats)
  local packets, bytes = 0, 0
  for _, of in pairs(REPAIRS) do
    packets, bytes = packets + stats[of .. "_repairs"], bytes + stats[of .. "_repair_bytes"]
  end
  page:counter("repair_packets_total", "Packets sent to compare with others, and to repair what differs.", packets)
  page:counter("repair_bytes_total", "Bytes of these packets.", bytes)
  page:counter("topic_items_missed_total", "Items of topics that nobody had any more.", stats.items_missed)
end

local QUEUES = { "updates", "broadcasts", "messages" }

local function add_traffic(page, info, stats)
  local host = info.host
  page:counter("datagrams_received_total", "Datagrams that arrived.", host.datagrams_received or 0)
  page:counter("datagrams_sent_total", "Datagrams that were sent.", host.datagrams_sent or 0)
  page:counter("received_bytes_total", "Bytes of the datagrams that arrived.", host.bytes_received or 0)
  page:counter("sent_bytes_total", "Bytes of the datagrams that were sent.", host.bytes_sent or 0)
  page:begin("queue_length", "gauge", "Updates and broadcasts that wait to be gossiped, messages under way.")
  for _, queue in ipairs(QUEUES) do
    page:labeled("queue", queue, info.backlog[queue])
  end
  page:counter("message_failures_total", "Messages whose receiver went down first.", stats.messages_failed)
end

local HANDLER = { 0.001, 0.01, 0.1, 1 } -- seconds, as the binding counts them ...
local SHORT = 2 -- ... and how many of them nobody needs to know apart

local function add_handlers(page, info)
  page:histogram("handler_duration_seconds", "How long calls of the script's functions took.",
    { buckets = buckets_of(HANDLER, info.handlers.took, SHORT), sum = info.handlers.seconds })
  page:counter("handler_errors_total", "Calls of the script's functions that failed.", info.handlers.errors)
  page:gauge("children", "Programs that the script runs now.", info.children.running)
end

local STATES = { "passing", "warning", "critical", "maintenance" }

local function add_services(page, node)
  local counts = {}
  for tag, value in pairs(node:tags()) do
    if instances.name_of(tag) and type(value) == "table" and type(value.state) == "string" then
      counts[value.state] = (counts[value.state] or 0) + 1
    end
  end
  page:begin("services", "gauge", "Services of this node, by the state of their checks.")
  for _, state in ipairs(STATES) do
    page:labeled("state", state, counts[state] or 0)
  end
end

-- `room` series: one is for the rest. A reason that has come in stays, or its counter
-- would go back.
local function add_drops(page, self, drops, room)
  page:begin("drops_total", "counter", "Packets, updates and items dropped, by reason.")
  local rest = 0
  for _, reason in ipairs(text.sorted_keys(drops)) do
    local known = self.drops[reason]
    if not known and drops[reason] > 0 and #self.drops < room - 1 then
      self.drops[#self.drops + 1], self.drops[reason], known = reason, true, true
    end
    if not known then
      rest = rest + drops[reason]
    end
  end
  for _, reason in ipairs(self.drops) do
    page:labeled("reason", reason, drops[reason] or 0)
  end
  page:labeled("reason", "other", rest)
end

local function add_listener(page, self)
  local stats = self.listener:stats()
  page:gauge("http_connections", "Open connections of this listener.", stats.connections)
  page:counter("http_requests_total", "Requests that it answered.", stats.requests)
end

local function add_detail(page, self, info, stats)
  page:begin("drops_total", "counter", "Packets, updates and items dropped, by reason.")
  for _, reason in ipairs(text.sorted_keys(info.drops)) do
    page:labeled("reason", reason, info.drops[reason])
  end
  page:begin("packets_received_total", "counter", "Packets accepted, by kind of message.")
  for _, kind in ipairs(text.sorted_keys(info.packets.received_by_message)) do
    page:labeled("message", kind, info.packets.received_by_message[kind])
  end
  page:begin("packets_sent_total", "counter", "Packets sent, by kind of message.")
  for _, kind in ipairs(text.sorted_keys(info.packets.sent_by_message)) do
    page:labeled("message", kind, info.packets.sent_by_message[kind])
  end
  page:begin("repair_of_bytes_total", "counter", "Bytes of repair_bytes_total, by what was compared.")
  for _, of in ipairs(text.sorted_keys(REPAIRS)) do
    page:labeled("of", of, stats[REPAIRS[of] .. "_repair_bytes"])
  end
  page:counter("topic_items_repaired_total", "Items of topics that came only when asked for.", stats.items_repaired)
  page:counter("messages_sent_total", "Messages sent to one member, answers included.", stats.messages_sent)
  page:counter("send_errors_total", "Datagrams that the system could not send.", info.host.send_errors or 0)
  page:gauge("script_generation", "How many versions of the script there have been.", info.script.generation)
  if self.listener then
    add_listener(page, self)
  end
end

local function labels_of(member)
  local addr = member.addr
  return '{member="' .. clean(type(addr) == "string" and addr or text.value(addr)) .. '",name="'
    .. clean(text.name(member)) .. '"}'
end

local VALUES = { alive = 0, suspect = 1, down = 2 }

local function add_members(page, node)
  local members, labels = node:members({ state = "all" }), {}
  page:begin("member_state", "gauge", "0: alive, 1: suspect, 2: down.")
  for i, member in ipairs(members) do
    labels[i] = labels_of(member)
    page:add(VALUES[member.state], labels[i])
  end
  page:begin("member_since_seconds", "gauge", "Since when the member is in its state, as Unix time.")
  for i, member in ipairs(members) do
    page:add(member.since, labels[i])
  end
  page:begin("member_rtt_seconds", "gauge", "Round-trip time, smoothed, of members that have answered a probe.")
  for i, member in ipairs(members) do
    if member.rtt then
      page:add(member.rtt, labels[i])
    end
  end
end

-- ---- The page ----

---@param self shoal.Http
---@param asked shoal.http.Request
---@return string
function metrics.render(self, asked)
  local node, page = self.node, setmetatable({ lines = {}, series = 0 }, Page)
  local info, stats = node:info(), node:stats()
  add_cluster(page, self, info, stats)
  add_traffic(page, info, stats)
  add_repair(page, stats)
  add_seal(page, info.drops)
  add_handlers(page, info)
  add_services(page, node)
  if request.flag(asked.query, "detail") then
    add_detail(page, self, info, stats)
  else
    add_drops(page, self, info.drops, MOST - page.series)
  end
  if request.flag(asked.query, "members") then
    add_members(page, node)
  end
  page.lines[#page.lines + 1] = ""
  return table.concat(page.lines, "\n")
end

return metrics
