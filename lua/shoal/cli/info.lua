--- `shoal info`: what a node is and how it is doing.

local client = require("shoal.cli.client")
local json = require("shoal.format.json")
local output = require("shoal.cli.output")
local text = require("shoal.format.text")

local info = {}

local ORDER = {
  "name", "cluster", "addr", "bind", "identity", "state", "incarnation", "connection", "started_at",
  "seeds", "counts", "backlog", "children", "packets", "drops", "host", "handlers", "script", "control", "version",
}

-- "ping 12, ack 3", by name, without the zeros.
local function counters(map)
  local parts = {}
  for _, name in ipairs(text.sorted_keys(map or {})) do
    if map[name] ~= 0 then
      parts[#parts + 1] = ("%s %s"):format(text.escape(tostring(name)), text.value(map[name]))
    end
  end
  return #parts > 0 and table.concat(parts, ", ") or "none"
end

local function ago(time, now)
  return text.duration(now - time) .. " ago"
end

local function identity_lines(add, node)
  add("name", node.name and text.escape(node.name))
  add("cluster", node.cluster and text.escape(node.cluster))
  add("address", text.value(node.addr))
  add("bound to", node.bind ~= node.addr and text.escape(node.bind))
  add("identity", text.value(node.identity))
  add("seeds", #node.seeds > 0 and text.escape(table.concat(node.seeds, ", ")))
  add("state", ("%s, %s, incarnation %d"):format(node.connection, node.state, node.incarnation))
end

local function traffic_lines(add, node)
  local counts, packets = node.counts, node.packets
  add("members", ("%d active (%d alive, %d suspect), %d down"):format(
    counts.active, counts.alive, counts.suspect, counts.down))
  add("backlog", ("%d updates, %d broadcasts, %d messages"):format(node.backlog.updates, node.backlog.broadcasts,
    node.backlog.messages))
  add("received", ("%d packets, %s bytes: %s"):format(
    packets.received, text.number(packets.bytes_received), counters(packets.received_by_message)))
  add("sent", ("%d packets, %s bytes: %s"):format(
    packets.sent, text.number(packets.bytes_sent), counters(packets.sent_by_message)))
  add("dropped", counters(node.drops))
  add("socket", counters(node.host))
end

local function script_lines(add, node, now)
  local script, handlers = node.script, node.handlers
  add("script", ("%s, generation %d, loaded %s"):format(
    text.escape(script.path or "(a table)"), script.generation, ago(script.loaded_at, now)))
  add("hash", script.hash)
  local failure = script.last_error
  add("last reload", failure and ("failed %s: %s"):format(ago(failure.at, now), text.escape(failure.message)))
  add("handlers", ("%d calls, %d errors, %d slow, slowest %.1f ms%s"):format(
    handlers.calls, handlers.errors, handlers.slow, handlers.slowest * 1000,
    handlers.slowest_handler and (" (%s)"):format(text.escape(handlers.slowest_handler)) or ""))
end

local function memory_line(memory, now)
  local line = ("%s, written %s"):format(text.escape(memory.path), memory.written_at
    and ago(memory.written_at, now) or "not yet")
  if memory.error then
    line = ("%s; CANNOT BE WRITTEN, %d times: %s"):format(line, memory.failed, text.escape(memory.error))
  end
  return line
end

local LABEL = 13 -- columns, with what separates it

local function lines_of(node, now)
  local rows, columns = {}, text.columns()
  local function add(label, value)
    local lines = value and (columns and text.wrap(value, columns - LABEL) or { value })
    for i, line in ipairs(lines or {}) do
      rows[#rows + 1] = { i == 1 and label or "", line }
    end
  end
  identity_lines(add, node)
  traffic_lines(add, node)
  script_lines(add, node, now)
  add("memory", node.memory and memory_line(node.memory, now))
  add("control", text.escape(node.control.path))
  add("started", ago(node.started_at, now))
  add("version", node.version)
  return text.table(rows)
end

---@param request table
---@return true? ok
---@return string? message
function info.info(request)
  local node, message = client.ask(request, "info")
  if not node then
    return nil, message
  end
  if request.json then
    return output.write(json.encode_object(node, ORDER), "\n")
  end
  return output.write(lines_of(node, os.time()))
end

return info
