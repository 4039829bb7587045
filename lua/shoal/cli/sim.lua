--- `shoal sim SCRIPT`: a cluster of this script in a simulation, and a report.

local config = require("shoal.cli.config")
local core = require("shoal.core")
local json = require("shoal.format.json")
local output = require("shoal.cli.output")
local picture = require("shoal.cli.picture")
local plot = require("shoal.cli.plot")
local script = require("shoal.cli.script")
local spread = require("shoal.cli.spread")
local text = require("shoal.format.text")
local trial = require("shoal.cli.trial")

local sim = {}

local ORDER = {
  "members", "roles", "seconds", "seed", "loss", "converged_after", "at_the_end", "tags", "detection", "partition",
  "false_positives", "traffic", "handlers", "published", "broadcast", "notes", "trace",
}

-- ---- Progress --------------------------------------------------------------

local STDERR = 2
local CLEAR_LINE = "\r\27[K"

-- Functions that show and clear the progress on a terminal, and do nothing elsewhere.
local function make_progress()
  if not core.is_terminal(STDERR) then
    return function() end, function() end
  end
  local function tell(run)
    local members, _, median = run.net:census()
    io.stderr:write(CLEAR_LINE, ("%.1f s of %g s, %d members, the median member knows %d"):format(
      run.net:now(), run.request.seconds, members, median or 0))
  end
  return tell, function()
    io.stderr:write(CLEAR_LINE)
  end
end

-- ---- The report for people -------------------------------------------------

local function seconds(value)
  if not value then
    return "never"
  end
  return value < 1 and ("%.0f ms"):format(value * 1000) or ("%.2f s"):format(value)
end

local function ending_line(ending)
  if ending.agree then
    return ("all %d agree"):format(ending.members)
  end
  if ending.members == 0 then
    return "no member is running"
  end
  return ("no: %d members run, and they count %d to %d of them (median %d)"):format(
    ending.members, ending.fewest, ending.most, ending.median)
end

local function tags_line(tags)
  local line = ("%d members have some"):format(tags.owners)
  if tags.known == tags.pairs then
    return line .. "; all others know their last ones"
  end
  return ("%s; %d of %d pairs of members know the last ones"):format(line, tags.known, tags.pairs)
end

local function detection_line(found)
  local line = ("%d at %s"):format(found.killed, seconds(found.at))
  if found.noticed > 0 then
    line = ("%s: first detected after %s, median %s, last %s"):format(
      line, seconds(found.first), seconds(found.median), seconds(found.last))
  end
  if found.noticed < found.expected then
    line = ("%s; %d of %d not detected"):format(line, found.expected - found.noticed, found.expected)
  end
  return line
end

local function partition_line(partition)
  return ("%d | %d from %s to %s, one cluster again %s"):format(
    partition.sides[1], partition.sides[2], seconds(partition.from),
    partition.to and seconds(partition.to) or "the end",
    partition.healed_after and seconds(partition.healed_after) .. " later" or "not by the end")
end

local function traffic_line(traffic)
  local line = ("%.2f packets and %.0f bytes per member and second"):format(traffic.packets, traffic.bytes)
  local later = traffic.after_convergence
  return later and ("%s; since they agreed, %.2f and %.0f"):format(line, later.packets, later.bytes) or line
end

local function spread_line(said)
  if said.refused then
    return "none: " .. said.refused
  end
  local function after(name, value)
    return value and ("%s after %s"):format(name, seconds(value)) or ("%s never"):format(name)
  end
  local line = ("'%s'%s reached %d of %d: %s, %s, %s; %.1f copies each"):format(said.data,
    said.topic and (" on '%s'"):format(said.topic) or "", said.reached, said.members,
    after("50 %", said.p50), after("99 %", said.p99), after("all", said.p100), said.copies)
  local is_refused = said.selective and said.reached < said.members
  return is_refused and line .. "; broadcast.wanted_by may have refused the others" or line
end

local function handlers_line(handlers)
  if handlers.errors == 0 then
    return "no errors"
  end
  return ("%d errors: %s"):format(handlers.errors, table.concat(handlers.messages, "; "))
end

-- "50 members of web.lua", and of other scripts.
local function cluster_line(request, report)
  local line = ("%d members of %s"):format(report.members, request.script)
  if report.roles then
    local parts = {}
    for i, role in ipairs(report.roles) do
      parts[i] = ("%d of %s"):format(role.members, role.script)
    end
    line = ("%d members, %s"):format(report.members, table.concat(parts, ", "))
  end
  return ("%s, %g s, seed %d"):format(line, report.seconds, report.seed)
end

local function rows(request, report)
  local wrong = report.false_positives
  local list = {
    { "cluster", cluster_line(request, report) },
    { "agreed", report.converged_after and "after " .. seconds(report.converged_after) or "never" },
    { "at the end", ending_line(report.at_the_end) },
  }
  local function add(name, line)
    list[#list + 1] = { name, line }
  end
  if report.tags then
    add("tags", tags_line(report.tags))
  end
  if report.detection then
    add("killed", detection_line(report.detection))
  end
  if report.partition then
    add("partition", partition_line(report.partition))
  end
  add("false alarms", ("%d reports of healthy members (%d more of unreachable ones), "
    .. "%d renewals, %d returns"):format(wrong.downs, wrong.while_unreachable, wrong.renewals, wrong.returns))
  add("traffic", traffic_line(report.traffic))
  add("handlers", handlers_line(report.handlers))
  if report.published then
    add("published", spread_line(report.published))
  else
    add("broadcast", spread_line(report.broadcast or spread.NOTHING))
  end
  for _, note in ipairs(report.notes) do
    add("note", note)
  end
  add("trace", report.trace)
  for _, row in ipairs(list) do
    row[2] = text.escape(row[2])
  end
  return list
end

-- ---- The command -----------------------------------------------------------

local function check(request)
  request.total = request.nodes
  for _, role in ipairs(request.roles) do
    request.total = request.total + role.count
  end
  if request.kill and request.kill >= request.total then
    return nil, ("--kill %d: at least one of the %d members must survive"):format(request.kill, request.total), 2
  end
  if request.partition and request.partition > request.seconds / 2 then
    return nil, ("--partition %g: begins at %g s, so it can last %g s at most"):format(
      request.partition, request.seconds / 2, request.seconds / 2), 2
  end
  for _, name in ipairs({ "plot", "page" }) do
    if request[name] then
      local ok, message = picture.check(request[name], name)
      if not ok then
        return nil, message
      end
    end
  end
  return true
end

-- The error message names the script.
local function simulate(request, fields)
  local progress, finish = make_progress()
  local roles = { { script = request.script, count = request.nodes, path = script.path(request.script) } }
  for _, role in ipairs(request.roles) do
    roles[#roles + 1] = { script = role.script, count = role.count, path = script.path(role.script) }
  end
  local run, message, role = trial.run(request, roles, fields, progress)
  finish()
  return run, message and script.name(role.path, message)
end

-- A picture or page that cannot be written must not prevent the report.
local function draw(request, run, report)
  local ok, message = true, nil
  if request.plot then
    ok, message = picture.write(request.plot, plot.draw(run, report), "plot")
  end
  if request.page then
    local written, complaint = picture.write(request.page, run.recording:page(request), "page")
    ok, message = ok and written, message or complaint
  end
  return ok, message
end

local function print_report(request, report)
  if request.json then
    return output.write(json.encode_object(report, ORDER), "\n")
  end
  return output.write(text.table(rows(request, report)))
end

-- What a build that runs this should stop at.
local function judge(request, report)
  if request.allow_errors then
    return true
  elseif report.handlers.errors > 0 then
    return nil, ("%d handler errors (--allow-errors to accept them)"):format(report.handlers.errors)
  elseif not report.at_the_end.agree then
    return nil, "the members do not agree at the end (--allow-errors to accept that)"
  end
  return true
end

---@param request table
---@return true? ok
---@return string? message, integer? code
function sim.sim(request)
  local ok, message, code = check(request)
  if not ok then
    return nil, message, code
  end
  local fields
  fields, message, code = config.from(request)
  if not fields then
    return nil, message, code
  end
  local run
  run, message = simulate(request, fields)
  if not run then
    return nil, message
  end
  local report = trial.report(run)
  local drawn, complaint = draw(request, run, report)
  run.net:close()
  ok, message = print_report(request, report)
  if not ok then
    return nil, message
  elseif not drawn then
    return nil, complaint
  end
  return judge(request, report)
end

return sim
