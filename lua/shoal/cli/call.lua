--- `shoal call`: a command of a node's script, and what it answers.

local client = require("shoal.cli.client")
local json = require("shoal.cli.json")
local output = require("shoal.cli.output")
local text = require("shoal.cli.text")

local call = {}

local USAGE = 2

-- ---- What there is ----

-- As a command line has them: HOST [SECONDS=30].
local function synopsis(command)
  if not command.args then
    return command.name .. " [ARG...]"
  end
  local words = { command.name }
  for _, arg in ipairs(command.args) do
    local word = arg.name:upper()
    if arg.default ~= nil then
      word = ("[%s=%s]"):format(word, text.value(arg.default))
    elseif arg.optional then
      word = "[" .. word .. "]"
    end
    words[#words + 1] = word
  end
  return table.concat(words, " ")
end

local function list(commands)
  if #commands == 0 then
    return "   the script has none\n"
  end
  local rows = {}
  for i, command in ipairs(commands) do
    rows[i] = { "   " .. synopsis(command), text.escape(command.help or "") }
  end
  return text.table(rows)
end

local function explain(command)
  local paragraphs = { ("Usage: shoal call %s\n"):format(synopsis(command)) }
  if command.help then
    paragraphs[#paragraphs + 1] = text.escape(command.help) .. "\n"
  end
  local rows = {}
  for i, arg in ipairs(command.args or {}) do
    rows[i] = { "   " .. arg.name, arg.type or "any", text.escape(arg.help or "") }
  end
  if #rows > 0 then
    paragraphs[#paragraphs + 1] = "Arguments:\n" .. text.table(rows)
  end
  return table.concat(paragraphs, "\n")
end

-- A command, or an argument of one.
local function find(all, name)
  for _, one in ipairs(all) do
    if one.name == name then
      return one
    end
  end
  return nil
end

-- The parser's text, and what a node that answers has to add.
local function help(request)
  local commands, message = client.ask(request, "commands")
  local command = commands and request.command_name and find(commands, request.command_name)
  if command then
    return output.write(explain(command))
  end
  return output.write(request.usage, "\n\nCommands of the node's script:\n",
    commands and list(commands) or ("   unknown: %s\n"):format(text.one_line(message)))
end

-- ---- Calling one ----

-- What was typed, as the command wants to have it.
local function convert(request, arg, word)
  if not arg or not arg.type then
    return request.typed(word)
  elseif arg.type == "string" then
    return word
  end
  local value = request.typed(word)
  if type(value) ~= arg.type then
    return nil, ("the argument '%s' must be a %s, not '%s'"):format(arg.name, arg.type, word)
  end
  return value
end

-- Words are arguments in their order; NAME=VALUE is one by its name.
local function arguments(request, command)
  local given, place, args = {}, 0, command.args or {}
  for _, word in ipairs(request.words) do
    local name, rest = word:match("^([%w_.-]+)=(.*)$")
    local arg = name and find(args, name)
    local key = arg and name
    if not arg then
      place = place + 1
      key, rest, arg = place, word, args[place]
    end
    local value, wrong = convert(request, arg, rest)
    if wrong then
      return nil, wrong
    end
    given[key] = value
  end
  return given
end

local function print_answer(request, answer)
  if request.json then
    return output.write(json.encode(answer), "\n")
  elseif answer == true then -- it has nothing to say
    return true
  end
  return output.write(text.value(answer), "\n")
end

-- Errors of the command line exit with 2, as everywhere.
local function run(request, connection)
  local commands, message = client.call(request, connection, "commands")
  if not commands then
    return nil, message
  end
  local command = find(commands, request.command_name)
  if not command then
    return nil, ("the script has no command '%s'; 'shoal call --help' lists those that it has"):format(
      request.command_name), USAGE
  end
  local given, wrong = arguments(request, command)
  if not given then
    return nil, wrong, USAGE
  end
  local answer, failure = connection:call("call", { command.name, given }, request.timeout)
  if answer == nil then
    local code = type(failure) == "table" and failure.code == "arguments" and USAGE or nil
    return nil, client.explain(failure), code
  end
  return print_answer(request, answer)
end

--- `shoal call NAME [ARG…]`
---@return true? ok
---@return string? message, integer? code
function call.call(request)
  if request.usage then
    return help(request)
  elseif not request.command_name then
    return nil, "the name of a command is missing; 'shoal call --help' lists them", USAGE
  end
  local connection, message = client.connect(request)
  if not connection then
    return nil, message
  end
  local ok, code
  ok, message, code = run(request, connection)
  connection:close()
  return ok, message, code
end

return call
