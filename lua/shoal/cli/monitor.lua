--- `shoal monitor`: events as they happen.

local client = require("shoal.cli.client")
local interrupts = require("shoal.cli.interrupts")
local json = require("shoal.format.json")
local output = require("shoal.cli.output")
local text = require("shoal.format.text")

local monitor = {}

-- Seconds until a signal is noticed, at worst.
local WAIT = 0.2

local ORDER = { "time", "event", "topic", "data", "number", "first", "last", "member", "changed", "before",
  "id" }

local function describe_tags(member)
  return member.tags and next(member.tags) ~= nil and " [" .. text.fields(member.tags) .. "]" or ""
end

-- zone=a -> b
local function describe_changes(changed)
  local parts = {}
  for _, name in ipairs(text.sorted_keys(changed)) do
    local one = changed[name]
    parts[#parts + 1] = ("%s=%s -> %s"):format(text.value(name), one.before == nil and "none" or text.value(one.before),
      one.after == nil and "none" or text.value(one.after))
  end
  return table.concat(parts, " ")
end

local function describe_member(member)
  local id = type(member.id) == "table" and text.fields(member.id) or text.value(member.id)
  local reason = member.reason and "(" .. text.escape(member.reason) .. ") " or ""
  return ("%s %s%s"):format(text.value(member.addr), reason, id)
end

-- 2026-01-31T12:00:00Z member_down 127.0.0.1:7946 (left) addr=127.0.0.1:7946 bump=3
local function line_of(report, with_tags)
  local parts = { os.date("!%Y-%m-%dT%H:%M:%SZ", report.time), text.escape(report.event) }
  if report.topic then
    parts[#parts + 1] = text.escape(report.topic)
  end
  if report.event == "published" then
    parts[#parts + 1] = ("%s %s"):format(text.number(report.number), text.value(report.data))
  elseif report.event == "missed" then
    parts[#parts + 1] = ("from %s to %s"):format(text.number(report.first),
      report.last and text.number(report.last) or "unknown")
  end
  if report.member then
    parts[#parts + 1] = describe_member(report.member) .. (with_tags and describe_tags(report.member) or "")
  end
  if report.changed then
    parts[#parts + 1] = describe_changes(report.changed)
  end
  if report.before then
    parts[#parts + 1] = "was " .. text.value(report.before.id)
  end
  if report.id ~= nil then
    parts[#parts + 1] = text.value(report.id)
  end
  return table.concat(parts, " ")
end

local function print_report(request, report)
  local line = request.json and json.encode_object(report, ORDER) or line_of(report, request.tags)
  local ok, message = output.write(line, "\n")
  if not ok then
    return nil, message
  end
  return output.flush()
end

local function follow(connection, request, is_interrupted)
  while true do
    local method, params, code = connection:receive(WAIT)
    if is_interrupted() then
      return true
    elseif method then
      local ok, message = print_report(request, params[1])
      if not ok then
        return nil, message
      end
    elseif code ~= "timeout" then
      return nil, client.explain(params)
    end
  end
end

---@param request table
---@return true? ok
---@return string? message
function monitor.monitor(request)
  local connection, message = client.connect(request)
  if not connection then
    return nil, message
  end
  local is_interrupted, ok
  is_interrupted, message = interrupts.watch()
  if is_interrupted then
    ok, message = client.call(request, connection, "monitor", request.suspicions and { { suspicions = true } } or {})
  end
  if ok then
    ok, message = follow(connection, request, is_interrupted)
  end
  connection:close()
  return ok, message
end

return monitor
