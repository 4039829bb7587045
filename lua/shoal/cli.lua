--- The command line: `shoal COMMAND …`.
--
-- Every command is a function `(request) -> true | nil, message, code`: code is
-- the exit code of a failure, 1 unless said otherwise. What a command prints it
-- prints through shoal.cli.output, so that a full disk is a failure too, and a
-- reader who has gone a silent one. A raised error is a fault of ours, and main.c shows it whole.

local output = require("shoal.cli.output")
local parser = require("shoal.cli.parser")
local text = require("shoal.format.text")

local cli = {}

local FINE, FAILED, USAGE = 0, 1, 2

-- Which module has which command; loaded when asked for, so that each command
-- starts with what it needs.
local COMMANDS = {
  run = "shoal.cli.run",
  check = "shoal.cli.check",
  sim = "shoal.cli.sim",
  members = "shoal.cli.members",
  info = "shoal.cli.info",
  join = "shoal.cli.requests",
  leave = "shoal.cli.requests",
  forget = "shoal.cli.requests",
  reload = "shoal.cli.requests",
  tags = "shoal.cli.tags",
  ask = "shoal.cli.ask",
  log = "shoal.cli.requests",
  call = "shoal.cli.call",
  service = "shoal.cli.service",
  keygen = "shoal.cli.keys",
  keys = "shoal.cli.keys",
  broadcast = "shoal.cli.requests",
  publish = "shoal.cli.requests",
  monitor = "shoal.cli.monitor",
  completion = "shoal.cli.completion",
  version = "shoal.cli.version",
}

local function execute(request)
  if request.help then
    return output.write(request.help, "\n")
  end
  local module = require(COMMANDS[request.command])
  return module[request.command](request)
end

local function fail(message, code)
  io.stderr:write("shoal: ", text.one_line(message), "\n")
  return code
end

--- Runs one command line and answers the exit code.
---@param argv string[] without the program's name
---@return integer
function cli.main(argv)
  local request, problem = parser.parse(argv)
  if not request then
    return fail(problem, USAGE)
  end
  local ok, message, code = execute(request)
  if ok then
    ok, message = output.flush()
  end
  if not ok and output.has_no_reader() then -- `shoal members | head -1`
    return FAILED
  elseif not ok then
    return fail(message, code or FAILED)
  end
  return FINE
end

return cli
