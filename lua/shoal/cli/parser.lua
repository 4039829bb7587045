--- What may be typed after `shoal`, on lua-argparse.
--
-- argparse itself prints help and leaves the process, reports errors over
-- several lines and with exit code 1. Here both become values, so that every
-- error is one line and the caller decides where text goes and how it ends.

local argparse = require("argparse")
local core = require("shoal.core")

local parser = {}

---@class shoal.cli.Request
---@field command string
---@field help? string the text that was asked for, instead of running `command`

local STOP = {}
local help_text, version_wanted

local function with_help(command)
  command:add_help(false)
  command:flag("-h --help", "Show this help and exit."):action(function()
    help_text = command:get_help()
    error(STOP, 0)
  end)
  return command
end

local function split_setting(argument)
  local key, value = argument:match("^([%w_%.]+)=(.+)$")
  if not key then
    return nil, ("argument for option '--set' must be KEY=VALUE, not '%s'"):format(argument)
  end
  return { key = key, value = value }
end

-- An empty variable in somebody's unit file must not lead into the cluster without
-- a label.
local function cluster_label(argument)
  if #argument < 1 or #argument > 64 then
    return nil, ("argument for option '--cluster' must have 1 to 64 bytes, not %d"):format(#argument)
  end
  return argument
end

local function number(option, low, high, whole)
  return function(argument)
    local n = argument:match("^[%d%.]+$") and tonumber(argument)
    if not n or n < low or n > high or (whole and n % 1 ~= 0) then
      local range = whole and "whole number from %.0f to %.0f" or "number from %.14g to %.14g"
      return nil, ("argument for option '%s' must be a " .. range .. ", not '%s'"):format(option, low, high, argument)
    end
    return n
  end
end

local function filled(option)
  return function(argument)
    if argument == "" then
      return nil, ("argument for option '%s' must not be empty"):format(option)
    end
    return argument
  end
end

local function latency(argument)
  local low, high = argument:match("^([%d%.]+)%-?([%d%.]*)$")
  low, high = tonumber(low), tonumber(high == "" and low or high)
  if not low or not high or low > high then
    return nil, ("argument for option '--latency' must be seconds, or from-to, not '%s'"):format(argument)
  end
  return { low, high }
end

-- What was typed, unless that is a screenful.
local function quote(argument)
  return #argument <= 80 and ("'%s'"):format(argument) or ("%d bytes"):format(#argument)
end

-- A file name for the control socket, so nothing that could leave its folder.
local function node_name(argument)
  if #argument > 64 or not argument:find("^[%w_%-][%w_%-%.]*$") then
    return nil,
      ("argument for option '--name' must be at most 64 letters, digits, '-', '_' or '.', and not begin with a '.'; "
        .. "not %s"):format(quote(argument))
  end
  return argument
end

-- An endpoint is checked as it is read: what its host is comes later.
local function endpoint(label)
  return function(argument)
    local ok, message = core.check_endpoint(argument)
    if not ok then
      return nil, label:format(argument) .. message
    end
    return argument
  end
end

local function seed(argument)
  local ok, message = endpoint("cannot join %s: ")(argument)
  if ok and argument:find(":0$") then
    return nil, ("cannot join %s: nobody answers at port 0"):format(argument)
  end
  return ok, message
end

local function broadcast_data(argument)
  if argument == "" then
    return nil, "a broadcast must not be empty"
  end
  return argument
end

local function option(command, name, argname, description)
  return command:option(name, description):argname(argname):overwrite(false)
end

local function add_name(command, description)
  return option(command, "--name", "NAME", description):convert(node_name)
end

local function add_log_options(command)
  option(
    command,
    "--log-level",
    "LEVELS",
    "What to log on stderr: off, error, warn, info, debug or trace, and single areas "
      .. "(engine, host, script, control, cli) otherwise: info,engine=trace. "
      .. "Default: $SHOAL_LOG, or info."
  ):convert(filled("--log-level"))
  option(command, "--log-format", "FORMAT", "text for people, json for machines. Default: text.")
    :choices({ "text", "json" })
end

local function add_config_options(command, about_size)
  option(command, "--config", "CONFIG", "lan, wan, simple, loopback, or a Lua file that returns a table. Default: lan.")
  option(command, "--cluster-size", "N", about_size)
    :convert(number("--cluster-size", 1, 2 ^ 32 - 1, true))
  option(command, "--set", "KEY=VALUE", "Change one config field: probe_period=0.5, announce.every=30, gossip=false. "
    .. "Durations are seconds. May be repeated."):convert(split_setting):count("*")
end

local function fill_run(run)
  run:argument("SCRIPT", "The handler script, reloaded whenever it changes."):target("script")
  option(run, "--bind", "HOST:PORT", "Where to listen. Port 0 picks a free one. Default: 127.0.0.1:0.")
    :convert(endpoint("--bind: "))
  option(run, "--advertise", "HOST[:PORT]", "The address (no name) others reach us at. Default: what was bound, "
    .. "and so is the port.")
  option(run, "--join", "HOST:PORT", "A member to join through. May be repeated."):convert(seed):count("*")
  add_name(run, "Names this node on its host and in its identity. Default: default, and none in the identity.")
  option(run, "--cluster", "NAME", "Label of the cluster: packets of others are dropped."):convert(cluster_label)
  add_config_options(run, "How many members are expected, which lan, wan and loopback scale with.")
  option(run, "--busy-limit", "SECONDS", "How long others get answers while one handler runs. Default: 30.")
    :convert(number("--busy-limit", 0, 1e9))
  option(
    run,
    "--control",
    "PATH",
    "The control socket. Default: $XDG_RUNTIME_DIR/shoal/NAME.sock, or /run/shoal/NAME.sock."
  ):convert(filled("--control"))
  add_log_options(run)
end

local function fill_check(check)
  check:argument("SCRIPT", "The handler script."):target("script")
end

local function fill_sim(sim)
  sim:argument("SCRIPT", "The handler script."):target("script")
  option(sim, "--nodes", "N", "How many members. Default: 50.")
    :convert(number("--nodes", 1, 10000, true)):default("50"):show_default(false)
  option(sim, "--for", "SECONDS", "How long, in virtual time. Default: 60."):target("seconds")
    :convert(number("--for", 0.001, 1e6)):default("60"):show_default(false)
  option(sim, "--seed", "N", "Of everything random: the same run for the same seed. Default: 1.")
    :convert(number("--seed", 0, 2 ^ 53, true)):default("1"):show_default(false)
  option(sim, "--loss", "P", "Chance that a packet is lost, 0 to 1. Default: 0."):convert(number("--loss", 0, 1))
  option(sim, "--duplicate", "P", "Chance that it arrives twice."):convert(number("--duplicate", 0, 1))
  option(sim, "--reorder", "P", "Chance that it is held back."):convert(number("--reorder", 0, 1))
  option(sim, "--latency", "SECONDS", "How long it takes: 0.001, or a range, 0.0005-0.002, which is the default.")
    :convert(latency)
  option(sim, "--kill", "N", "Crash so many members after a third of the time.")
    :convert(number("--kill", 1, 10000, true))
  option(sim, "--partition", "SECONDS", "Cut the members in two halves after half of the time, for so long.")
    :convert(number("--partition", 0.001, 1e6))
  option(sim, "--broadcast", "DATA", "What the first member broadcasts once all agree. Default: '1 shoal sim'.")
    :convert(broadcast_data)
  add_config_options(sim, "What lan, wan and loopback scale with. Default: as many as there are.")
  sim:flag("--json", "One object instead of lines.")
  option(sim, "--plot", "FILE.svg", "Draw membership over time, and how the broadcast spread.")
    :convert(filled("--plot"))
end

-- Of a command that talks to a running node.
local function fill_client(command)
  command:mutex(
    add_name(command, "The node to ask, by the name it was run with. Default: default."),
    option(command, "--control", "PATH", "The node to ask, by its control socket."):convert(filled("--control"))
  )
  option(command, "--timeout", "SECONDS", "How long to wait for an answer of the node. Default: 5.")
    :convert(number("--timeout", 0.001, 86400)):default("5"):show_default(false)
end

local function fill_members(members)
  fill_client(members)
  members:flag("--json", "One array of objects instead of a table.")
  members:flag("--all", "Also those that are down and not yet forgotten, and why they are down.")
end

local function fill_info(info)
  fill_client(info)
  info:flag("--json", "One object instead of lines.")
end

local function fill_join(join)
  fill_client(join)
  join:argument("HOST:PORT", "A member to join through."):target("endpoints"):args("+"):convert(seed)
end

local function fill_forget(forget)
  fill_client(forget)
  forget:argument("ADDR", "The address of a down member, as 'shoal members --all' shows it."):target("addr")
end

local function fill_broadcast(broadcast)
  fill_client(broadcast)
  broadcast:argument("DATA", "Bytes, as the script's broadcast.receive gets them."):target("data")
    :convert(broadcast_data)
end

local function fill_monitor(monitor)
  fill_client(monitor)
  monitor:flag("--json", "One object a line.")
end

local function fill_version() end

-- Name, what it does, what else may be typed.
local COMMANDS = {
  { "run", "Run a member with this script until INT, TERM or 'shoal leave'.", fill_run },
  { "check", "Would this script load? Says where it would not.", fill_check },
  { "sim", "Run many members with this script in a simulation, and report.", fill_sim },
  { "members", "List the members a node knows.", fill_members },
  { "info", "What a node is, knows, sent, received and dropped.", fill_info },
  { "join", "Make a node join through other members.", fill_join },
  { "leave", "Make a node tell the others that it goes, and stop.", fill_client },
  { "forget", "Make a node forget a member that is down.", fill_forget },
  { "reload", "Make a node load its script again.", fill_client },
  { "broadcast", "Hand DATA to a node's script and, if it is news, to all members.", fill_broadcast },
  { "monitor", "Print events as they happen, until interrupted.", fill_monitor },
  { "version", "Print the version.", fill_version },
}

-- A command that is not on the command line is only listed: to declare what belongs
-- to all of them takes longer than the rest of a start.
local function add_command(root, argv, name, description, fill)
  local command = root:command(name, description)
  for _, argument in ipairs(argv) do
    if argument == name then
      fill(with_help(command))
      return
    end
  end
end

local function build(argv)
  local root = with_help(argparse("shoal", "Cluster membership, scripted in Lua.")
    :epilog("'shoal COMMAND --help' explains a command. Exit codes: 0 fine, 1 failed, 2 wrong usage."))
  root:flag("--version", "Print the version and exit."):action(function()
    version_wanted = true
    error(STOP, 0)
  end)
  root:command_target("command"):help_max_width(80)
  for _, command in ipairs(COMMANDS) do
    add_command(root, argv, command[1], command[2], command[3])
  end
  return root
end

-- argparse tells the message alone: the command it is about is the first word.
local function command_of(root, argv)
  for _, argument in ipairs(argv) do
    if argument:sub(1, 1) ~= "-" then
      for _, command in ipairs(root._commands) do
        if command._name == argument then
          return " " .. argument
        end
      end
      return ""
    end
  end
  return ""
end

-- argparse takes "-5" for an option; behind one that needs a value it is the value.
local function with_negatives(argv)
  local result = {}
  for i, argument in ipairs(argv) do
    if argument:find("^%-[%d%.]+$") and (argv[i - 1] or ""):find("^%-%-[^=]+$") then
      result[#result] = argv[i - 1] .. "=" .. argument
    else
      result[#result + 1] = argument
    end
  end
  return result
end

local function one_line(message, argv)
  local what = message:match("^unknown option '%-[^%-][^\n]*")
  if what and argv[1] == "broadcast" then
    return what .. " (data that begins with '-' goes behind '--')"
  end
  return (message:gsub("\nDid you mean (.-)%?", " (did you mean %1?)"))
end

--- Reads a command line, without the program's name.
---@param argv string[]
---@return shoal.cli.Request? request
---@return string? message one line, when it is not one
function parser.parse(argv)
  local root = build(argv)
  help_text, version_wanted = nil, false
  local ran, ok, answer = pcall(root.pparse, root, with_negatives(argv))
  if help_text then
    return { command = "help", help = help_text }
  end
  if version_wanted then
    return { command = "version" }
  end
  if not ran then
    error(ok, 0)
  end
  if not ok then
    return nil, ("%s; see 'shoal%s --help'"):format(one_line(answer, argv), command_of(root, argv))
  end
  return answer
end

return parser
