--- Draws a simulated run as SVG: how many members each member knew over time, and
--- how something that one of them said spread.

local spread = require("shoal.cli.spread")

local plot = {}

local WIDTH, PANEL, GAP = 760, 220, 70
local LEFT, TOP = 60, 40

local STYLE = [[
<style>
text { font: 12px sans-serif; fill: #333 }
.title { font-weight: bold }
.axis { stroke: #999; fill: none }
.grid { stroke: #e5e5e5 }
.range { fill: #9ec5e8; fill-opacity: 0.6 }
.median { stroke: #1f5f99; stroke-width: 1.5; fill: none }
.truth { stroke: #c0392b; stroke-dasharray: 5 3; fill: none }
.mark { stroke: #777; stroke-dasharray: 2 3 }
</style>
]]

-- ---- A panel ---------------------------------------------------------------

local Panel = {}
Panel.__index = Panel

-- 1, 2 or 5 times a power of ten: about five of them in `span`.
local function nice_step(span)
  local rough = span / 5
  local power = 10 ^ math.floor(math.log(rough) / math.log(10))
  for _, factor in ipairs({ 1, 2, 5 }) do
    if factor * power >= rough then
      return factor * power
    end
  end
  return 10 * power
end

local function new_panel(out, top, max_x, max_y)
  return setmetatable({ out = out, top = top, max_x = max_x, max_y = max_y }, Panel)
end

function Panel:x(value)
  return LEFT + value / self.max_x * (WIDTH - LEFT - 20)
end

function Panel:y(value)
  return self.top + PANEL - value / self.max_y * PANEL
end

function Panel:put(format, ...)
  self.out[#self.out + 1] = format:format(...)
end

function Panel:text(x, y, anchor, words, class)
  local safe = words:gsub("[&<>]", { ["&"] = "&amp;", ["<"] = "&lt;", [">"] = "&gt;" })
  self:put('<text x="%.1f" y="%.1f" text-anchor="%s"%s>%s</text>', x, y, anchor,
    class and (' class="%s"'):format(class) or "", safe)
end

function Panel:axes(title, unit_x)
  local step_x, step_y = nice_step(self.max_x), nice_step(self.max_y)
  for value = 0, self.max_y * 1.001, step_y do
    self:put('<line class="grid" x1="%d" x2="%d" y1="%.1f" y2="%.1f"/>', LEFT, WIDTH - 20, self:y(value), self:y(value))
    self:text(LEFT - 6, self:y(value) + 4, "end", ("%g"):format(value))
  end
  for value = 0, self.max_x * 1.001, step_x do
    self:text(self:x(value), self.top + PANEL + 16, "middle", ("%g%s"):format(value, unit_x))
  end
  self:put('<polyline class="axis" points="%d,%d %d,%d %d,%d"/>', LEFT, self.top, LEFT, self.top + PANEL,
    WIDTH - 20, self.top + PANEL)
  self:text(LEFT, self.top - 10, "start", title, "title")
end

-- Points are { x, y } in what the panel measures.
function Panel:points(list)
  local out = {}
  for i, point in ipairs(list) do
    out[i] = ("%.1f,%.1f"):format(self:x(point[1]), self:y(point[2]))
  end
  return table.concat(out, " ")
end

function Panel:line(class, list)
  self:put('<polyline class="%s" points="%s"/>', class, self:points(list))
end

function Panel:area(class, upper, lower)
  local around = {}
  for _, point in ipairs(upper) do
    around[#around + 1] = point
  end
  for i = #lower, 1, -1 do
    around[#around + 1] = lower[i]
  end
  self:put('<polygon class="%s" points="%s"/>', class, self:points(around))
end

function Panel:mark(at, words, row)
  self:put('<line class="mark" x1="%.1f" x2="%.1f" y1="%d" y2="%d"/>', self:x(at), self:x(at), self.top,
    self.top + PANEL)
  self:text(self:x(at) + 3, self.top + 12 + 14 * row, "start", words)
end

-- ---- The two pictures ------------------------------------------------------

local function column(samples, index)
  local list = {}
  for _, sample in ipairs(samples) do
    if sample[index] then
      list[#list + 1] = { sample[1], sample[index] }
    end
  end
  return list
end

local function draw_membership(out, run)
  local panel = new_panel(out, TOP, run.request.seconds, run.request.total * 1.05)
  panel:axes("Active members, as each member counts them: range (band), median (line), running (dashed)", " s")
  panel:area("range", column(run.samples, 5), column(run.samples, 3))
  panel:line("truth", column(run.samples, 2))
  panel:line("median", column(run.samples, 4))
  for i, mark in ipairs(run.marks) do
    panel:mark(mark.at, mark.what, i % 3 + 9)
  end
end

-- Steps: a member has it or has it not.
local function steps(said)
  local list, total = {}, said.members
  for i, delay in ipairs(said.delays) do
    list[#list + 1] = { delay, (i - 1) / total * 100 }
    list[#list + 1] = { delay, i / total * 100 }
  end
  return list
end

local function draw_spread(out, report)
  local top = TOP + PANEL + GAP
  local said = report.published or report.broadcast or spread.NOTHING
  local delays = said.delays
  local last = math.max(delays and delays[#delays] or 0, 0.01)
  local panel = new_panel(out, top, last * 1.05, 100)
  panel:axes(("Members that received the %s, in %%, by time since it was sent"):format(
    report.published and "message" or "broadcast"), " s")
  if delays then
    panel:line("median", steps(said))
  else
    panel:text(LEFT + 20, top + 30, "start", "none: " .. said.refused)
  end
end

--- The whole picture.
---@param run shoal.cli.Trial
---@param report table
---@return string svg
function plot.draw(run, report)
  local height = TOP + 2 * PANEL + GAP + 40
  local out = {
    ('<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" viewBox="0 0 %d %d">'):format(
      WIDTH, height, WIDTH, height),
    STYLE .. ('<rect width="%d" height="%d" fill="white"/>'):format(WIDTH, height),
  }
  draw_membership(out, run)
  draw_spread(out, report)
  out[#out + 1] = "</svg>\n"
  return table.concat(out, "\n")
end

return plot
