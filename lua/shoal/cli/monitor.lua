--- `shoal monitor`: events as they happen.

local client = require("shoal.cli.client")
local core = require("shoal.core")
local json = require("shoal.cli.json")
local output = require("shoal.cli.output")
local shoal = require("shoal")
local text = require("shoal.cli.text")

local monitor = {}

-- Seconds until a signal is noticed, at worst.
local WAIT = 0.2

local ORDER = { "time", "event", "member", "before", "id" }

local function describe_member(member)
  local id = type(member.id) == "table" and text.fields(member.id) or text.value(member.id)
  return ("%s %s"):format(text.escape(member.addr), id)
end

-- 2026-01-31T12:00:00Z member_up 127.0.0.1:7946 addr=127.0.0.1:7946 bump=3
local function line_of(report)
  local parts = { os.date("!%Y-%m-%dT%H:%M:%SZ", report.time), text.escape(report.event) }
  if report.member then
    parts[#parts + 1] = describe_member(report.member)
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
  local line = request.json and json.encode_object(report, ORDER) or line_of(report)
  local ok, message = output.write(line, "\n")
  if not ok then
    return nil, message
  end
  return output.flush()
end

-- Signals are told by the loop, which a waiting client does not run: it looks in
-- between two waits. A signal cuts a wait short.
local function wait_for_event(connection, state)
  while not state.interrupted do
    local method, params, code = connection:receive(WAIT)
    if method or code ~= "timeout" then
      return method, params, code
    end
    shoal.step(0)
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
  local state = { interrupted = false }
  for _, signal in ipairs({ "INT", "TERM" }) do
    core.signal(signal, function()
      state.interrupted = true
    end)
  end
  local ok
  ok, message = client.call(connection, "monitor")
  while ok and not state.interrupted do
    local method, params = wait_for_event(connection, state)
    if method then
      ok, message = print_report(request, params[1])
    elseif not state.interrupted then
      ok, message = nil, "the node went away"
    end
  end
  connection:close()
  return ok, message
end

return monitor
