-- SPDX-License-Identifier: MIT
--- `make bench-peers`: shoal beside what its users would otherwise take, on the same
-- machine, doing the same work. Prints a table, and writes it into
-- docs/comparison.md, where what is the same and what differs is explained.
--
--   luajit bench/peers/run.lua BUILD [SECONDS=60] [ONLY=serf] [FILE=docs/comparison.md]
--
-- Systems that are not installed are named, with the Debian packages to get. None
-- of them is needed for anything else here. `SECONDS` is for how long an idle
-- cluster is watched; one system takes five to ten times as long. Whoever was not
-- measured keeps his column.
--
-- Everything happens on the loopback of a network namespace of its own, so all
-- packets there are the members'. It needs root, or a kernel that lets users have
-- such namespaces.
--
--   systems.lua      how each system is started, spoken to and understood
--   experiments.lua  what is measured
--   tables.lua       what is shown
--   cluster.lua      members that are processes
--   programs.lua     processes, what they print and what they use
--   shoal.lua, shoal_many.lua, memberlist.go, tarantool.lua     the members
--   events_tarantool.lua, ../event_lua.lua     handlers
local stdlib = require "posix.stdlib"
local unistd = require "posix.unistd"
local programs = require "bench.peers.programs"
local tables = require "bench.peers.tables"
local unpack = unpack -- luacheck: std luajit

local INSIDE = "SHOAL_PEERS_INSIDE"

-- In a namespace of our own from here on.
local function go_inside()
  if os.getenv(INSIDE) then
    return
  end
  stdlib.setenv(INSIDE, "1")
  local _, message = unistd.execp("unshare", { [0] = "unshare", unistd.geteuid() == 0 and "-n" or "-rn", "sh", "-c",
    'ip link set lo up && exec "$@"', "sh", "luajit", arg[0], unpack(arg) })
  error(message, 0)
end

local function parse_arguments()
  local options = { build = arg[1], seconds = 60, file = "docs/comparison.md" }
  for i = 2, #arg do
    local key, value = arg[i]:match "^(%u+)=(.*)$"
    if not key then
      error("not NAME=value: " .. arg[i], 0)
    end
    options[key:lower()] = value ~= "" and value or options[key:lower()]
  end
  options.seconds = assert(tonumber(options.seconds), "SECONDS is no number")
  return options
end

-- One that fails leaves its cells empty.
local function measure(system, options)
  local experiments = require "bench.peers.experiments"
  local figures = {}
  if system.prepare then
    system.prepare()
  end
  for _, name in ipairs { "start", "join", "cluster", "many", "events" } do
    io.stderr:write(system.name, ": ", name, "\n")
    local ok, message = xpcall(experiments[name], debug.traceback, system, figures, options.seconds)
    if not ok then
      io.stderr:write(message, "\n")
      programs.kill_all()
    end
  end
  return tables.column(system.name, system.version(), figures)
end

local function main(options, folder)
  local columns = {}
  for _, system in ipairs(require("bench.peers.systems").all(options.build, folder)) do
    if not options.only or options.only == system.name then
      if system.is_there() then
        columns[system.name] = measure(system, options)
        tables.write(options.file, columns)
      else
        print(("%s is not installed: apt-get install --no-remove %s"):format(system.name, system.packages))
      end
    end
  end
  print(tables.markdown(columns))
end

go_inside()
math.randomseed(os.time())
local folder = assert(stdlib.mkdtemp((os.getenv "TMPDIR" or "/tmp") .. "/shoal-peers-XXXXXX"))
local ok, message = xpcall(function() main(parse_arguments(), folder) end, debug.traceback)
programs.kill_all()
os.execute("rm -rf " .. folder)
if not ok then
  io.stderr:write(message, "\n")
  os.exit(1)
end
