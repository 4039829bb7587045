-- SPDX-License-Identifier: MIT
-- Runs the benchmarks and tells what they found.
--
--   luajit bench/run.lua BUILD [JSON=file] [ONLY=name] [COUNT=1]
--
-- Each benchmark is a program of its own that warms up, repeats, and prints a
-- line for each repetition: bench/engine.c and bench/driver.lua say what is in
-- it. Here they are put together: a table on stdout and a JSON file.
--
-- With COUNT=1 callgrind counts instructions, which no neighbour on the machine
-- disturbs; those of code that LuaJIT's compiler made as well.
local cases = require "bench.cases"
local figures = require "bench.figures"
local json = require "dkjson"

local REPETITIONS = 7

local function parse_arguments()
  local options = { build = arg[1] or "build" }
  for i = 2, #arg do
    local key, value = arg[i]:match("^(%u+)=(.*)$")
    if not key then
      error("not NAME=value: " .. arg[i], 0)
    end
    options[key:lower()] = value ~= "" and value or nil
  end
  return options
end

-- ---- One benchmark -----------------------------------------------------------

local function run(command)
  local pipe = assert(io.popen(command, "r"))
  local lines = {}
  for line in pipe:lines() do
    local row = {}
    for number in line:gmatch("%S+") do
      row[#row + 1] = assert(tonumber(number), "not a measurement: " .. line)
    end
    lines[#lines + 1] = row
  end
  pipe:close()
  if #lines == 0 then
    error("it measured nothing: " .. command, 0)
  end
  return lines
end

-- One unit's column of what the repetitions printed.
local function summary(name, members, unit, rows, column)
  local values = {}
  for i, row in ipairs(rows) do
    values[i] = row[column]
  end
  local median = figures.median(values) -- sorts them
  return { name = name, members = members, unit = unit, median = median, min = values[1], max = values[#values] }
end

-- ---- Instructions -------------------------------------------------------------

-- How many are executed inside of the function `under` when the command runs,
-- and what the command prints.
local function collect(under, command)
  local log = os.tmpname()
  local rows = run(("%s valgrind --tool=callgrind --callgrind-out-file=/dev/null --log-file=%s --toggle-collect=%s %s")
    :format(command.environment or "", log, under, command.line))
  local file = assert(io.open(log))
  local collected = file:read("*a"):match("Collected : (%d+)")
  file:close()
  os.remove(log)
  return tonumber(collected), rows
end

-- Under the stopwatch, by the operations done there.
local function count_engine(command)
  local collected, rows = collect("bench_measure", { line = command })
  return collected / rows[#rows][3]
end

-- A script measures its units one after the other: what the last of them takes is
-- what it takes more than without it.
local function count_script(case, column, options)
  local function up_to(phases)
    return (collect(case.count.under, case.parts { build = options.build, repetitions = 1, phases = phases }))
  end
  local before = column > 1 and up_to(column - 1) or 0
  return (up_to(column) - before) / case.count.operations
end

-- ---- All of them ----------------------------------------------------------------

local HEAD = ("%-20s %9s %-12s %10s %10s %8s %8s %10s %9s"):format(
  "benchmark", "members", "unit", "median", "minimum", "spread", "allocs", "instr.", "reach")

local function number(value)
  if not value then
    return "-"
  end
  return value >= 1000 and ("%.0f"):format(value) or ("%.4g"):format(value)
end

local function show(row)
  local spread = row.median > 0 and (row.max - row.min) / row.median * 100 or 0
  print(("%-20s %9s %-12s %10s %10s %7.0f%% %8s %10s %9s"):format(
    row.name, row.members or "-", row.unit, number(row.median), number(row.min), spread,
    number(row.allocations), number(row.instructions), number(row.reach)))
  io.stdout:flush()
end

-- The programs in C: one unit, allocations, perhaps instructions.
local function measure_engine(case, members, options)
  local function command(repetitions)
    return case.command { build = options.build, members = members, repetitions = repetitions }
  end
  local rows = run(command(case.repetitions or REPETITIONS))
  local result = summary(case.name, members, case.unit, rows, 1)
  result.allocations, result.reach = rows[#rows][2], case.reach and case.reach[members]
  if options.count and case.count then
    result.instructions = count_engine(command(1))
  end
  return { result }
end

local function measure_script(case, members, options)
  local rows = {}
  for _ = 1, case.processes or 1 do
    local repetitions = case.processes and 1 or REPETITIONS
    for _, row in ipairs(run(case.command { build = options.build, repetitions = repetitions })) do
      rows[#rows + 1] = row
    end
  end
  local results = {}
  for column, unit in ipairs(case.units) do
    results[column] = summary(case.name, members, unit[1], rows, column)
    results[column].reach = unit[2]
    if options.count and case.count then
      results[column].instructions = count_script(case, column, options)
    end
  end
  return results
end

local FIELDS = { "name", "members", "unit", "median", "min", "max", "allocations", "instructions" }

local function write(path, rows)
  local list = {}
  for i, row in ipairs(rows) do
    local entry = setmetatable({}, { __jsonorder = FIELDS })
    for _, key in ipairs(FIELDS) do
      entry[key] = row[key] == nil and json.null or row[key]
    end
    list[i] = entry
  end
  local file = assert(io.open(path, "w"))
  assert(file:write(json.encode({ benchmarks = list }, { indent = true }), "\n"))
  assert(file:close())
end

local function main()
  local options = parse_arguments()
  local rows = {}
  print(HEAD)
  for _, case in ipairs(cases) do
    if not options.only or options.only == case.name then
      for _, members in ipairs(case.members or { false }) do
        local measure = case.units and measure_script or measure_engine
        for _, row in ipairs(measure(case, members or nil, options)) do
          rows[#rows + 1] = row
          show(row)
        end
      end
    end
  end
  if #rows == 0 then
    error("there is no benchmark " .. options.only, 0)
  end
  write(options.json or options.build .. "/bench.json", rows)
end

main()
