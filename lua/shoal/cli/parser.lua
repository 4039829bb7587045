--- What may be typed after `shoal`, on lua-argparse.
--
-- argparse itself prints help and leaves the process, reports errors over
-- several lines and with exit code 1. Here both become values, so that every
-- error is one line and the caller decides where text goes and how it ends.

local argparse = require("argparse")
local typed = require("shoal.cli.typed")

local parser = {}

---@class shoal.cli.Request
---@field command string
---@field help? string the text that was asked for, instead of running `command`
---@field usage? string of a command that has more to say to that than the parser
---@field typed fun(word: string): any a word as a value: true, false and numbers are such

local STOP = {}
local help_text, version_wanted

-- Those whose help has more to say than the parser knows: there it is a part of the
-- request.
local TELLS_MORE = { call = true }

local function with_help(command, name)
  command:add_help(false)
  local flag = command:flag("-h --help", "Show this help and exit.")
  if TELLS_MORE[name] then
    flag:target("usage"):action(function(request)
      request.usage = command:get_help()
    end)
    return command
  end
  flag:action(function()
    help_text = command:get_help()
    error(STOP, 0)
  end)
  return command
end

local function option(command, name, argname, description)
  return command:option(name, description):argname(argname):overwrite(false)
end

local function add_name(command, description)
  return option(command, "--name", "NAME", description):convert(typed.node_name)
end

local function add_log_options(command)
  option(
    command,
    "--log-level",
    "LEVELS",
    "How much to log to stderr: off, error, warn, info, debug or trace. A single area "
      .. "(engine, host, script, control, cli) can have its own level: info,engine=trace. "
      .. "Default: $SHOAL_LOG, or info."
  ):convert(typed.filled("--log-level"))
  option(command, "--log-format", "FORMAT", "text, or json (one object per line). Default: text.")
    :choices({ "text", "json" })
end

local function add_config_options(command, about_size)
  option(command, "--config", "CONFIG", "A preset (lan, wan, simple or loopback), or a Lua file "
    .. "that returns a table of config fields. Default: lan.")
  option(command, "--cluster-size", "N", about_size)
    :convert(typed.number("--cluster-size", 1, 2 ^ 32 - 1, true))
  option(command, "--set", "KEY=VALUE", "Set one config field, such as probe_period=0.5, "
    .. "announce.every=30 or gossip=false. shoal(1) lists the fields. Durations are in seconds. May be repeated.")
    :convert(typed.split_setting):count("*")
end

local function add_script(command, description)
  command:argument("SCRIPT", description):target("script")
  command:argument("ARG", "Behind '--': an argument of the script, which finds it in node.args. NAME=VALUE "
    .. "is args.NAME, others are args[1], args[2], ..."):target("words"):args("*")
end

local function fill_run(run)
  add_script(run, "The handler script: a Lua file that returns a table of functions. It is "
    .. "reloaded whenever it changes.")
  option(run, "--bind", "HOST:PORT", "The address to listen on (UDP). Port 0 picks a free port. "
    .. "Default: 127.0.0.1:0, which only members on this machine can reach.")
    :convert(typed.endpoint("--bind: "))
  option(run, "--advertise", "HOST[:PORT]", "The IP address (not a name) at which other members "
    .. "reach this one. Default: the address that was bound. Without PORT: the port that was bound.")
  option(run, "--join", "HOST:PORT", "A member to join the cluster through. May be repeated. The "
    .. "first member of a cluster needs none."):convert(typed.seed):count("*")
  option(run, "--tag", "KEY=VALUE", "A tag: what the node says of itself, and all members learn. A "
    .. "number, true or false is one; anything else is text. May be repeated.")
    :convert(typed.tag):count("*"):target("tags")
  add_name(run, "The node's name. It names the control socket and is shown to other members. "
    .. "Default: the socket is named \"default\" and the member has no name.")
  option(run, "--cluster", "NAME", "The cluster's label. Members drop packets whose label differs "
    .. "from theirs. Default: no label."):convert(typed.cluster_label)
  run:mutex(option(run, "--key-file", "PATH", "Seal all packets with the key in this file, which only its owner "
    .. "may read. Members without the key are neither heard nor answered. 'shoal keygen' makes one. "
    .. "Default: packets are neither encrypted nor authenticated.")
    :convert(typed.filled("--key-file")),
    option(run, "--key-fd", "N", "The same, read from an open file descriptor.")
    :convert(typed.number("--key-fd", 0, 2 ^ 31 - 1, true)))
  option(run, "--clock-skew", "SECONDS", "How far the clocks of members with a key may be apart before "
    .. "a new member has to answer a challenge first. 0: always. Default: 30.")
    :convert(typed.number("--clock-skew", 0, 1e9))
  option(run, "--allow", "NETWORK", "A network that members may be in, such as 10.0.0.0/8 or fd00::/8. Packets "
    .. "from elsewhere are dropped, and nothing is sent there. May be repeated. Default: any."):count("*")
  option(run, "--key-grace", "SECONDS", "How long the old key is kept after 'shoal keys rotate', for members that "
    .. "were away. Default: 86400, a day.")
    :convert(typed.number("--key-grace", 0, 1e9))
  option(run, "--data-dir", "DIR", "Remember identity, members, seeds and keys in this folder, which must be the "
    .. "member's own, and find the cluster again after a restart without --join. Default: $STATE_DIRECTORY, or "
    .. "nothing is remembered."):convert(typed.filled("--data-dir"))
  option(run, "--snapshot-every", "SECONDS", "How often, at most, changes are written there. Default: 5.")
    :convert(typed.number("--snapshot-every", 0.01, 1e9))
  add_config_options(run, "The expected number of members. lan, wan and loopback scale their "
    .. "timeouts with it. Default: 10.")
  option(run, "--busy-limit", "SECONDS", "How long to keep answering pings while a handler blocks. "
    .. "0: not at all. Default: 30.")
    :convert(typed.number("--busy-limit", 0, 1e9))
  option(run, "--max-children", "N", "How many programs the script may run at a time (node:spawn). "
    .. "Default: 8.")
    :convert(typed.number("--max-children", 1, 10000, true))
  option(run, "--control", "PATH", "The path of the control socket. Default: $XDG_RUNTIME_DIR/shoal/NAME.sock, or "
    .. "/run/shoal/NAME.sock if that variable is not set."):convert(typed.filled("--control"))
  option(run, "--control-mode", "MODE", "The mode of the control socket. Default: 0600, or 0660 with --control-group.")
    :convert(typed.mode("--control-mode"))
  option(run, "--control-group", "GROUP", "The group of the control socket, by name or number.")
    :convert(typed.filled("--control-group"))
  option(run, "--user", "USER", "Become this user, by name or number, once the port is bound and the key is read, "
    .. "before the script is loaded. Only root can.")
    :convert(typed.filled("--user"))
  option(run, "--group", "GROUP", "The group that goes with --user. Default: the user's.")
    :convert(typed.filled("--group"))
  option(run, "--status", "PATH", "The path of a second, read-only socket that shows what the node knows. "
    .. "Default: none."):convert(typed.filled("--status"))
  option(run, "--status-mode", "MODE", "Who may connect to it, as for chmod. Default: 0666, or 0660 with "
    .. "--status-group."):convert(typed.mode("--status-mode"))
  option(run, "--status-group", "GROUP", "The group of that socket."):convert(typed.filled("--status-group"))
  option(run, "--http", "WHERE", "Where to answer HTTP: a loopback address such as 127.0.0.1:7947, or unix:PATH. "
    .. "Port 0 picks a free port. It has a live page, metrics, members, services and events, and changes nothing. "
    .. "Needs libmicrohttpd. Default: nowhere."):convert(typed.filled("--http"))
  run:flag("--http-public", "The address of --http may be one that other hosts reach. Needs --http-token-file.")
  option(run, "--http-token-file", "PATH", "A file, which only its owner may read, with the token that HTTP clients "
    .. "must show ('Authorization: Bearer TOKEN'), of 16 bytes or more.")
    :convert(typed.filled("--http-token-file"))
  option(run, "--dns", "WHERE", "Where to answer DNS, by UDP and TCP: a loopback address such as 127.0.0.1:8600. "
    .. "Port 0 picks a free port. It has the services that pass as NAME.service.shoal, and members as "
    .. "NAME.node.shoal. Default: nowhere."):convert(typed.filled("--dns"))
  run:flag("--dns-public", "The address of --dns may be one that other hosts reach.")
  option(run, "--domain", "NAME", "What the names of --dns end in. Default: shoal."):convert(typed.filled("--domain"))
  option(run, "--dns-ttl", "SECONDS", "How long the answers of --dns may be kept, from 0 to 5. Default: 0.")
    :convert(typed.number("--dns-ttl", 0, 5, true))
  add_log_options(run)
end

local function fill_check(check)
  check:argument("SCRIPT", "The handler script."):target("script")
end

local function fill_sim(sim)
  add_script(sim, "The handler script.")
  option(sim, "--nodes", "N", "The number of members. Default: 50.")
    :convert(typed.number("--nodes", 1, 10000, true)):default("50"):show_default(false)
  option(sim, "--role", "FILE:COUNT", "COUNT more members, which run the script FILE. May be repeated.")
    :convert(typed.role):count("*"):target("roles")
  option(sim, "--for", "SECONDS", "How long to simulate, in virtual time. Default: 60."):target("seconds")
    :convert(typed.number("--for", 0.001, 1e6)):default("60"):show_default(false)
  option(sim, "--seed", "N", "Random seed. The same seed gives the same run. Default: 1.")
    :convert(typed.number("--seed", 0, 2 ^ 53, true)):default("1"):show_default(false)
  option(sim, "--loss", "P", "Probability that a packet is lost, from 0 to 1. Default: 0.")
    :convert(typed.number("--loss", 0, 1))
  option(sim, "--duplicate", "P", "Probability that a packet arrives twice. Default: 0.")
    :convert(typed.number("--duplicate", 0, 1))
  option(sim, "--reorder", "P", "Probability that a packet is delayed past later ones. Default: 0.")
    :convert(typed.number("--reorder", 0, 1))
  option(sim, "--latency", "SECONDS", "How long a packet takes: one number, or a range. Default: 0.0005-0.002.")
    :convert(typed.latency)
  option(sim, "--kill", "N", "Crash N members after a third of the time. Default: none.")
    :convert(typed.number("--kill", 1, 10000, true))
  option(sim, "--partition", "SECONDS", "Split the network in two halves, after half of the time, "
    .. "for this long. Default: no split.")
    :convert(typed.number("--partition", 0.001, 1e6))
  option(sim, "--tag", "KEY=VALUE", "A tag that all members have from the start. May be repeated.")
    :convert(typed.tag):count("*"):target("tags")
  sim:mutex(
    option(sim, "--publish", "TOPIC=DATA", "What the first member publishes once all members know each "
      .. "other. Default: a message on the topic 'sim', if the script has topics.")
      :convert(typed.publication),
    option(sim, "--broadcast", "DATA", "What it broadcasts instead. Default: '1 shoal sim', if the "
      .. "script handles broadcasts and has no topics.")
      :convert(typed.broadcast_data)
  )
  add_config_options(sim, "The number of members that lan, wan and loopback scale their timeouts with. "
    .. "Default: how many there are.")
  sim:flag("--allow-errors", "Exit with 0 even if handlers failed, or if the members do not agree at the end.")
  sim:flag("--json", "Print one JSON object.")
  option(sim, "--plot", "FILE.svg", "Draw the number of members over time, and how what was published or "
    .. "broadcast spread.")
    :convert(typed.filled("--plot"))
  option(sim, "--page", "FILE.html", "Write a page to look at the run in a browser, at any moment of it.")
    :convert(typed.filled("--page"))
end

-- Of a command that talks to a running node.
local function fill_node(command)
  command:mutex(
    add_name(command, "The node to talk to, by the name it was started with. Default: default."),
    option(command, "--control", "PATH", "The node to talk to, by the path of its control socket.")
      :convert(typed.filled("--control"))
  )
end

local function add_timeout(command, description)
  return option(command, "--timeout", "SECONDS", description):convert(typed.number("--timeout", 0.001, 86400))
end

local function fill_client(command)
  fill_node(command)
  add_timeout(command, "How long to wait for the node's answer. Default: 5."):default("5"):show_default(false)
end

local function fill_members(members)
  fill_client(members)
  option(members, "--member", "MEMBER", "Only this member: its address or its name."):convert(typed.filled("--member"))
  option(members, "--state", "STATE", "Only members in this state: alive, suspect or down.")
    :choices({ "alive", "suspect", "down" })
  option(members, "--sort", "COLUMN", "Sort by name, address, state or since (the latest first). Default: address.")
    :choices({ "name", "address", "state", "since" })
  members:flag("--watch", "Show them again every 2 s, until interrupted.")
  members:flag("--json", "Print a JSON array.")
  members:flag("--rtt", "Also show each member's round-trip time, as this node's probes measured it.")
  option(members, "--tag", "KEY[=VALUE]", "Only members with this tag, and with this value if one is "
    .. "given. May be repeated."):convert(typed.tag_filter):count("*"):target("tags")
  members:mutex(
    members:flag("--all", "Also list members that are down, with the reason."),
    members:flag("--gone", "List the members that are gone instead: those that are down, and those that this node "
      .. "remembers from before its last start and has not heard from, with when each was last seen.")
  )
end

local function fill_tags(tags)
  fill_client(tags)
  tags:argument("KEY=VALUE", "A tag to set. A number, true or false is one; anything else is text.")
    :target("set"):args("*"):convert(typed.tag)
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
    :args("+"):convert(typed.seed)
end

local function fill_forget(forget)
  fill_client(forget)
  forget:argument("ADDR", "The address of a member that is down, as 'shoal members --all' shows it.")
    :target("addr"):convert(typed.filled("ADDR"))
end

local function fill_log(log)
  fill_client(log)
  log:argument("LEVELS", "What to log from now on, as --log-level of 'shoal run' has it: info, or "
    .. "info,engine=trace."):target("levels"):args("?"):convert(typed.filled("LEVELS"))
end

local function fill_ask(ask)
  fill_client(ask)
  ask:argument("NAME", "The question: the members' scripts answer it in on_ask.NAME."):target("question")
    :convert(typed.name_of("question"))
  ask:argument("DATA", "What goes with the question, as text."):args("?"):target("data")
  option(ask, "--tag", "KEY[=VALUE]", "Ask only members with this tag, and with this value if one is "
    .. "given. May be repeated."):convert(typed.tag_filter):count("*"):target("tags")
  option(ask, "--member", "MEMBER", "Ask only this member: its address or its name. May be repeated.")
    :convert(typed.filled("--member")):count("*"):target("members")
  ask:flag("--json", "Print one JSON object.")
end

-- Its help has what only a node can tell, so it is a command line like any other.
local function fill_call(call)
  fill_node(call)
  add_timeout(call, "How long to wait for the command to end. Default: until it ends.")
  call:argument("NAME", "The command, as the script names it in its table 'commands'."):target("command_name")
    :args("?")
  call:argument("ARG", "An argument, or NAME=VALUE. What begins with '-' goes behind '--'."):target("words"):args("*")
  call:flag("--json", "Print the answer as JSON.")
end

local function fill_service(service)
  fill_client(service)
  service:argument("ACTION", "list: the services of all members (default). Of a service of this node: pass, warn "
    .. "and fail report a ttl check, drain takes it out of the lists, resume puts it back.")
    :choices({ "list", "pass", "warn", "fail", "drain", "resume" }):args("?"):target("action")
  service:argument("NAME", "The service."):args("?"):target("service"):convert(typed.filled("NAME"))
  service:argument("NOTE", "For the log."):args("?"):target("note")
  service:flag("--json", "Print the list as a JSON array.")
end

local function fill_broadcast(broadcast)
  fill_client(broadcast)
  broadcast:argument("DATA", "What to broadcast. The scripts get it in broadcast.receive."):target("data")
    :convert(typed.broadcast_data)
end

local function fill_publish(publish)
  fill_client(publish)
  publish:argument("TOPIC", "The topic, 1 to 64 bytes."):target("topic"):convert(typed.name_of("topic"))
  publish:argument("DATA", "A string that the scripts get."):target("data")
end

local function fill_monitor(monitor)
  fill_client(monitor)
  monitor:flag("--suspicions", "Also tell which members are suspected, and which suspicions were refuted.")
  monitor:flag("--tags", "Show the tags of members, too.")
  monitor:flag("--json", "Print one JSON object per event.")
end

local function fill_keygen(keygen)
  keygen:argument("PATH", "The file to create, with mode 0600. Default: the key is printed."):target("path"):args("?")
    :convert(typed.filled("PATH"))
end

local function fill_keys(keys)
  fill_client(keys)
  keys:argument("ACTION", "list, add, use, remove or rotate. rotate gives a key to all members, which use it once "
    .. "all have it. Default: list."):target("action"):args("?")
    :choices({ "list", "add", "use", "remove", "rotate" })
  keys:argument("KEY", "For add and rotate: the path of a file with one key; without one, rotate makes a key that "
    .. "is in no file. For use and remove: the id of a key, as list prints it.")
    :target("what"):args("?"):convert(typed.filled("KEY"))
  option(keys, "--wait", "SECONDS", "rotate: how long to wait until all members use the new key. Default: 30.")
    :convert(typed.number("--wait", 0, 86400)):default("30"):show_default(false)
end

local SHELLS = { bash = "get_bash_complete", zsh = "get_zsh_complete", fish = "get_fish_complete" }

local function fill_completion(completion)
  completion:argument("SHELL", "bash, zsh or fish."):target("shell"):convert(function(argument)
    if not SHELLS[argument] then
      return nil, ("the shell must be bash, zsh or fish, not %s"):format(typed.quote(argument))
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
  { "members", "List the members that a node knows, and the node itself.", fill_members },
  { "tags", "Show a node's tags, or change them first.", fill_tags },
  { "info", "Show a node's identity, state, traffic and counters.", fill_info },
  { "join", "Join a cluster through other members.", fill_join },
  { "leave", "Leave the cluster and stop the node.", fill_client },
  { "forget", "Remove a member that is down from a node's member list.", fill_forget },
  { "reload", "Reload a node's script.", fill_client },
  { "log", "Show what a node logs, or change it first.", fill_log },
  { "ask", "Ask all members, or some, a question that their scripts answer.", fill_ask },
  { "call", "Run a command of a node's script, and print what it answers.", fill_call },
  { "service", "List services, report on one, or take it out for maintenance.", fill_service },
  { "broadcast", "Send DATA to a node's script and, if the script accepts it, to all members.",
    fill_broadcast },
  { "publish", "Publish DATA on a topic, to all members, each of which gets it once and in order.",
    fill_publish },
  { "keys", "List or change the keys of a running node.", fill_keys },
  { "monitor", "Print membership events as they happen, until interrupted.", fill_monitor },
  { "keygen", "Make a key that members seal their packets with.", fill_keygen },
  { "completion", "Print what SHELL needs to complete the words of a command line.", fill_completion },
  { "version", "Print the version.", fill_version },
}

-- A command that is not on the command line is only listed: to declare what belongs
-- to all of them takes longer than the rest of a start.
local function add_command(root, argv, name, description, fill)
  local command = root:command(name, description)
  for _, argument in ipairs(argv) do
    if argument == name then
      fill(with_help(command, name))
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
  local what, word = message:match("^(unknown option '(%-[^%-][^\n]-)')")
  local is_data = what and (argv[1] == "broadcast" or argv[1] == "publish")
  if is_data or what and (argv[1] == "call" or word:find("^%-[%d.]")) then
    return ("%s (%s that begins with '-' goes behind '--')"):format(what, is_data and "data" or "an argument")
  end
  return (message:gsub("\nDid you mean (.-)%?", " (did you mean %1?)"))
end

-- A second script, say, is a mistake; arguments of the script are behind "--".
local function check_words(request, argv)
  local is_script = request.command == "run" or request.command == "sim"
  for _, argument in ipairs(is_script and request.words[1] and argv or {}) do
    if argument == "--" then
      return nil
    end
  end
  return is_script and request.words[1]
    and ("too many arguments: what is for the script goes behind '--': %s"):format(typed.quote(request.words[1]))
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
  local wrong = ok and check_words(answer, argv)
  if wrong then
    ok, answer = false, wrong
  end
  if not ok then
    return nil, ("%s; see 'shoal%s --help'"):format(one_line(answer, argv), command_of(root, argv))
  end
  answer.typed = typed.tag_value
  return answer
end

return parser
