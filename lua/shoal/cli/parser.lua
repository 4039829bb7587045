--- What may be typed after `shoal`, on lua-argparse.
--
-- argparse itself prints help and leaves the process, reports errors over
-- several lines and with exit code 1. Here both become values, so that every
-- error is one line and the caller decides where text goes and how it ends.

local argparse = require("argparse")
local core = require("shoal.core")
local text = require("shoal.cli.text")

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

-- What was typed, unless that is a screenful.
local function quote(argument)
  return #argument <= 80 and ("'%s'"):format(argument) or ("%d bytes"):format(#argument)
end

-- A number that is written as we would write it, true or false is one; anything else
-- is text: 1.10 and 007 mean something.
local function tag_value(word)
  if word == "true" or word == "false" then
    return word == "true"
  end
  local number = word:match("^%-?%d+%.?%d*$") and tonumber(word)
  return number and text.number(number) == word and number or word
end

local function tag(argument)
  local name, value = argument:match("^([^=]+)=(.*)$")
  if not name or #name > 64 then
    return nil, ("a tag must be KEY=VALUE, with a KEY of 1 to 64 bytes, not %s"):format(quote(argument))
  end
  return { name = name, value = tag_value(value) }
end

-- KEY=VALUE, or KEY alone: whatever its value is.
local function tag_filter(argument)
  if argument == "" or argument:find("^=") then
    return nil, "argument for option '--tag' must be KEY or KEY=VALUE"
  end
  return argument:find("=", 1, true) and tag(argument) or { name = argument }
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
    return nil, ("cannot join %s: the port must not be 0"):format(argument)
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
    "How much to log to stderr: off, error, warn, info, debug or trace. A single area "
      .. "(engine, host, script, control, cli) can have its own level: info,engine=trace. "
      .. "Default: $SHOAL_LOG, or info."
  ):convert(filled("--log-level"))
  option(command, "--log-format", "FORMAT", "text, or json (one object per line). Default: text.")
    :choices({ "text", "json" })
end

local function add_config_options(command, about_size)
  option(command, "--config", "CONFIG", "A preset (lan, wan, simple or loopback), or a Lua file "
    .. "that returns a table of config fields. Default: lan.")
  option(command, "--cluster-size", "N", about_size)
    :convert(number("--cluster-size", 1, 2 ^ 32 - 1, true))
  option(command, "--set", "KEY=VALUE", "Set one config field, such as probe_period=0.5, "
    .. "announce.every=30 or gossip=false. shoal(1) lists the fields. Durations are in seconds. May be repeated.")
    :convert(split_setting):count("*")
end

local function fill_run(run)
  run:argument("SCRIPT", "The handler script: a Lua file that returns a table of functions. It is "
    .. "reloaded whenever it changes."):target("script")
  option(run, "--bind", "HOST:PORT", "The address to listen on (UDP). Port 0 picks a free port. "
    .. "Default: 127.0.0.1:0, which only members on this machine can reach.")
    :convert(endpoint("--bind: "))
  option(run, "--advertise", "HOST[:PORT]", "The IP address (not a name) at which other members "
    .. "reach this one. Default: the address that was bound. Without PORT: the port that was bound.")
  option(run, "--join", "HOST:PORT", "A member to join the cluster through. May be repeated. The "
    .. "first member of a cluster needs none."):convert(seed):count("*")
  option(run, "--tag", "KEY=VALUE", "A tag: what the node says of itself, and all members learn. A "
    .. "number, true or false is one; anything else is text. May be repeated.")
    :convert(tag):count("*"):target("tags")
  add_name(run, "The node's name. It names the control socket and is shown to other members. "
    .. "Default: the socket is named \"default\" and the member has no name.")
  option(run, "--cluster", "NAME", "The cluster's label. Members drop packets whose label differs "
    .. "from theirs. Default: no label."):convert(cluster_label)
  option(run, "--key-file", "PATH", "Seal all packets with the key in this file, which only its owner "
    .. "may read. Members without the key are neither heard nor answered. 'shoal keygen' makes one. "
    .. "Default: packets are neither encrypted nor authenticated.")
    :convert(filled("--key-file"))
  option(run, "--key-fd", "N", "The same, read from an open file descriptor.")
    :convert(number("--key-fd", 0, 2 ^ 31 - 1, true))
  option(run, "--clock-skew", "SECONDS", "How far the clocks of members with a key may be apart before "
    .. "a new member has to answer a challenge first. 0: always. Default: 30.")
    :convert(number("--clock-skew", 0, 1e9))
  add_config_options(run, "The expected number of members. lan, wan and loopback scale their "
    .. "timeouts with it. Default: 10.")
  option(run, "--busy-limit", "SECONDS", "How long to keep answering pings while a handler blocks. "
    .. "0: not at all. Default: 30.")
    :convert(number("--busy-limit", 0, 1e9))
  option(run, "--max-children", "N", "How many programs the script may run at a time (node:spawn). "
    .. "Default: 8.")
    :convert(number("--max-children", 1, 10000, true))
  option(
    run,
    "--control",
    "PATH",
    "The path of the control socket. Default: $XDG_RUNTIME_DIR/shoal/NAME.sock, or "
      .. "/run/shoal/NAME.sock if that variable is not set."
  ):convert(filled("--control"))
  add_log_options(run)
end

local function fill_check(check)
  check:argument("SCRIPT", "The handler script."):target("script")
end

local function fill_sim(sim)
  sim:argument("SCRIPT", "The handler script."):target("script")
  option(sim, "--nodes", "N", "The number of members. Default: 50.")
    :convert(number("--nodes", 1, 10000, true)):default("50"):show_default(false)
  option(sim, "--for", "SECONDS", "How long to simulate, in virtual time. Default: 60."):target("seconds")
    :convert(number("--for", 0.001, 1e6)):default("60"):show_default(false)
  option(sim, "--seed", "N", "Random seed. The same seed gives the same run. Default: 1.")
    :convert(number("--seed", 0, 2 ^ 53, true)):default("1"):show_default(false)
  option(sim, "--loss", "P", "Probability that a packet is lost, from 0 to 1. Default: 0.")
    :convert(number("--loss", 0, 1))
  option(sim, "--duplicate", "P", "Probability that a packet arrives twice. Default: 0.")
    :convert(number("--duplicate", 0, 1))
  option(sim, "--reorder", "P", "Probability that a packet is delayed past later ones. Default: 0.")
    :convert(number("--reorder", 0, 1))
  option(sim, "--latency", "SECONDS", "How long a packet takes: one number, or a range. Default: 0.0005-0.002.")
    :convert(latency)
  option(sim, "--kill", "N", "Crash N members after a third of the time. Default: none.")
    :convert(number("--kill", 1, 10000, true))
  option(sim, "--partition", "SECONDS", "Split the network in two halves, after half of the time, "
    .. "for this long. Default: no split.")
    :convert(number("--partition", 0.001, 1e6))
  option(sim, "--tag", "KEY=VALUE", "A tag that all members have from the start. May be repeated.")
    :convert(tag):count("*"):target("tags")
  option(sim, "--broadcast", "DATA", "What the first member broadcasts once all members know each other. "
    .. "Default: '1 shoal sim', which examples/kv.lua accepts.")
    :convert(broadcast_data)
  add_config_options(sim, "The number of members that lan, wan and loopback scale their timeouts with. "
    .. "Default: that of --nodes.")
  sim:flag("--json", "Print one JSON object.")
  option(sim, "--plot", "FILE.svg", "Draw the number of members over time and the spread of the broadcast.")
    :convert(filled("--plot"))
end

-- Of a command that talks to a running node.
local function fill_client(command)
  command:mutex(
    add_name(command, "The node to talk to, by the name it was started with. Default: default."),
    option(command, "--control", "PATH", "The node to talk to, by the path of its control socket.")
      :convert(filled("--control"))
  )
  option(command, "--timeout", "SECONDS", "How long to wait for the node's answer. Default: 5.")
    :convert(number("--timeout", 0.001, 86400)):default("5"):show_default(false)
end

local function fill_members(members)
  fill_client(members)
  members:flag("--json", "Print a JSON array.")
  members:flag("--rtt", "Also show each member's round-trip time, as this node's probes measured it.")
  option(members, "--tag", "KEY[=VALUE]", "Only members with this tag, and with this value if one is "
    .. "given. May be repeated."):convert(tag_filter):count("*"):target("tags")
  members:flag("--all", "Also list members that are down, with the reason.")
end

local function fill_tags(tags)
  fill_client(tags)
  tags:argument("KEY=VALUE", "A tag to set. A number, true or false is one; anything else is text.")
    :target("set"):args("*"):convert(tag)
  option(tags, "--delete", "KEY", "A tag to delete. May be repeated."):count("*")
  tags:flag("--json", "Print one JSON object.")
end

local function fill_info(info)
  fill_client(info)
  info:flag("--json", "Print one JSON object.")
end

local function fill_join(join)
  fill_client(join)
  join:argument("HOST:PORT", "A member to join the cluster through."):target("endpoints")
    :args("+"):convert(seed)
end

local function fill_forget(forget)
  fill_client(forget)
  forget:argument("ADDR", "The address of a member that is down, as 'shoal members --all' shows it.")
    :target("addr")
end

local function fill_log(log)
  fill_client(log)
  log:argument("LEVELS", "What to log from now on, as --log-level of 'shoal run' has it: info, or "
    .. "info,engine=trace."):target("levels"):args("?"):convert(filled("LEVELS"))
end

local function fill_ask(ask)
  fill_client(ask)
  ask:argument("NAME", "The question: the members' scripts answer it in on_ask.NAME."):target("question")
  ask:argument("DATA", "What goes with the question, as text."):args("?"):target("data")
  option(ask, "--tag", "KEY[=VALUE]", "Ask only members with this tag, and with this value if one is "
    .. "given. May be repeated."):convert(tag_filter):count("*"):target("tags")
  option(ask, "--member", "MEMBER", "Ask only this member: its address or its name. May be repeated.")
    :convert(filled("--member")):count("*"):target("members")
  ask:flag("--json", "Print one JSON object.")
end

local function fill_broadcast(broadcast)
  fill_client(broadcast)
  broadcast:argument("DATA", "What to broadcast. The scripts get it in broadcast.receive."):target("data")
    :convert(broadcast_data)
end

local function topic_name(argument)
  if #argument < 1 or #argument > 64 then
    return nil, "the name of a topic has 1 to 64 bytes"
  end
  return argument
end

local function fill_publish(publish)
  fill_client(publish)
  publish:argument("TOPIC", "The topic, 1 to 64 bytes."):target("topic"):convert(topic_name)
  publish:argument("DATA", "A string that the scripts get."):target("data")
end

local function fill_monitor(monitor)
  fill_client(monitor)
  monitor:flag("--json", "Print one JSON object per event.")
end

local function fill_keygen(keygen)
  keygen:argument("PATH", "The file to create, with mode 0600. Default: the key is printed."):target("path"):args("?")
    :convert(filled("PATH"))
end

local function fill_keys(keys)
  fill_client(keys)
  keys:argument("ACTION", "list, add, use or remove. Default: list."):target("action"):args("?")
    :choices({ "list", "add", "use", "remove" })
  keys:argument("KEY", "For add: the path of a file with one key. For use and remove: the id of a key, as "
    .. "list prints it."):target("what"):args("?"):convert(filled("KEY"))
end

local SHELLS = { bash = "get_bash_complete", zsh = "get_zsh_complete", fish = "get_fish_complete" }

local function fill_completion(completion)
  completion:argument("SHELL", "bash, zsh or fish."):target("shell"):convert(function(argument)
    if not SHELLS[argument] then
      return nil, ("the shell must be bash, zsh or fish, not %s"):format(quote(argument))
    end
    return argument
  end)
end

local function fill_version() end

-- Name, what it does, what else may be typed.
local COMMANDS = {
  { "run", "Run a cluster member with SCRIPT, until SIGINT, SIGTERM or 'shoal leave'.", fill_run },
  { "check", "Check that a script loads, without starting a member.", fill_check },
  { "sim", "Simulate a cluster of members that run SCRIPT, and print a report.", fill_sim },
  { "members", "List the other members that a node knows.", fill_members },
  { "tags", "Show a node's tags, or change them first.", fill_tags },
  { "info", "Show a node's identity, state, traffic and counters.", fill_info },
  { "join", "Join a cluster through other members.", fill_join },
  { "leave", "Leave the cluster and stop the node.", fill_client },
  { "forget", "Remove a member that is down from a node's member list.", fill_forget },
  { "reload", "Reload a node's script.", fill_client },
  { "log", "Show what a node logs, or change it first.", fill_log },
  { "ask", "Ask all members, or some, a question that their scripts answer.", fill_ask },
  { "broadcast", "Send DATA to a node's script and, if the script accepts it, to all members.",
    fill_broadcast },
  { "publish", "Publish DATA on a topic, to all members, each of which gets it once and in order.",
    fill_publish },
  { "keygen", "Make a key that members seal their packets with.", fill_keygen },
  { "keys", "List or change the keys of a running node.", fill_keys },
  { "monitor", "Print membership events as they happen, until interrupted.", fill_monitor },
  { "completion", "Print what SHELL needs to complete the words of a command line.", fill_completion },
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
  local root = with_help(argparse("shoal", "Cluster membership (SWIM gossip), scripted in Lua. 'run', "
    .. "'check' and 'sim' take a script. 'members' to 'monitor' talk to a node: a member that is running on this host.")
    :epilog("'shoal COMMAND --help' explains a command. Exit codes: 0 success, 1 run-time error, "
      .. "2 wrong usage."))
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

--- What a shell runs to complete command lines: "bash", "zsh" or "fish".
---@param shell string
---@return string
function parser.completion(shell)
  local all = {}
  for i, command in ipairs(COMMANDS) do
    all[i] = command[1]
  end
  local root = build(all)
  return root[SHELLS[shell]](root)
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
  if what and (argv[1] == "broadcast" or argv[1] == "publish") then
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
