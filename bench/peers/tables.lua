-- SPDX-License-Identifier: MIT
--- The table of docs/comparison.md: a row for each figure, a column for each system.
local write = require "bench.figures".write

local tables = {}

local ROWS = {
  { "start_ms", "from start to listening, ms", "%.0f" },
  { "join_s", "32 processes join through one seed, s", "%.2f" },
  { "join_worst", "slowest", "%.2f" },
  { "join_packets", "packets per member until then", "%.0f" },
  { "join_kib", "KiB per member until then", "%.1f" },
  { "idle_cpu", "idle member of 32: CPU s/min", "%.4f" },
  { "idle_wakeups", "wakeups/min", "%.0f" },
  { "idle_calls", "system calls/min", "%.0f" },
  { "idle_rss", "resident, MiB", "%.1f" },
  { "idle_pss", "proportional, MiB", "%.1f" },
  { "idle_packets", "packets/s", "%.2f" },
  { "idle_bytes", "bytes/s", "%.0f" },
  { "broadcast_reached", "broadcasts (of 40) that reached all 32 members within 10 s", "%d" },
  { "broadcast_s", "time until all 32 had it, s", "%.2f" },
  { "broadcast_worst", "slowest", "%.2f" },
  { "crash_first", "one of 32 is killed: until the first member detects it, s", "%.1f" },
  { "crash_all", "until all members know it, s", "%.1f" },
  { "crash_worst", "slowest", "%.1f" },
  { "wrong", "living members wrongly reported down", "%d" },
  { "many_s", "128 nodes in one process: until all know each other, s", "%.2f" },
  { "many_worst", "slowest", "%.2f" },
  { "many_packets", "packets per node until then", "%.0f" },
  { "many_kib", "KiB per node until then", "%.1f" },
  { "many_cpu", "CPU s/min per node, idle", "%.4f" },
  { "many_rss", "resident KiB per node", "%.0f" },
  { "events", "member events into an empty Lua handler, million/s", "%.2f" },
  { "events_read", "into one that reads identity, address, state and incarnation", "%.2f" },
  { "load", "load average during the measurement", "%.1f" },
}

local COLUMNS = { "shoal", "memberlist", "serf", "tarantool swim" }

local function cells_of(line)
  local cells = {}
  for cell in line:gmatch "| *([^|\n]-) *%f[|]" do
    cells[#cells + 1] = cell
  end
  return cells
end

-- Columns by name, each a list of cells with the heading first, of such a table.
local function parse(text)
  local columns, names, row = {}, {}, 0
  for line in text:gmatch "[^\n]+" do
    local cells = cells_of(line)
    if row == 0 then
      for i = 2, #cells do
        names[i] = cells[i]:match "^(.*) %S+$"
        columns[names[i]] = {}
      end
    end
    if row ~= 1 then
      for i = 2, #cells do
        table.insert(columns[names[i]], cells[i])
      end
    end
    row = row + 1
  end
  return columns
end

--- The cells of a system, the heading first.
function tables.column(name, version, figures)
  local column = { name .. " " .. version }
  for i, row in ipairs(ROWS) do
    local value = figures[row[1]]
    column[i + 1] = value and row[3]:format(value) or "-"
  end
  return column
end

--- The table of some columns, by name.
function tables.markdown(columns)
  local lines = { "|", "|---|" }
  for i, row in ipairs(ROWS) do
    lines[i + 2] = ("| %s |"):format(row[2])
  end
  for _, name in ipairs(COLUMNS) do
    local column = columns[name]
    if column then
      lines[1], lines[2] = ("%s | %s"):format(lines[1], column[1]), lines[2] .. "---:|"
      for i = 1, #ROWS do
        lines[i + 2] = ("%s %s |"):format(lines[i + 2], column[i + 1])
      end
    end
  end
  lines[1] = lines[1] .. " |"
  return table.concat(lines, "\n") .. "\n"
end

--- Between "<!-- table -->" and "<!-- end -->" these columns replace those of
-- the same name; the others stay.
function tables.write(path, columns)
  write(path, function(_, old)
    local all = parse(old)
    for name, column in pairs(columns) do
      all[name] = column
    end
    return tables.markdown(all)
  end)
end

return tables
