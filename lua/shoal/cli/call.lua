--- `shoal call`: a command of a node's script, and what it answers.

local client = require("shoal.cli.client")
local core = require("shoal.core")
local json = require("shoal.format.json")
local output = require("shoal.cli.output")
local text = require("shoal.format.text")

local call = {}

local USAGE = 2

-- Seconds within which a node answers that is not busy. A command may take as long as it likes.
local ANSWER = 5

-- The request, for what the node itself answers.
local function answering(request)
  return setmetatable({ timeout = request.timeout or ANSWER }, { __index = request })
end

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
  local commands, message = client.ask(answering(request), "commands")
  local command = commands and request.command_name and find(commands, request.command_name)
  if command then
    return output.write(explain(command))
  end
  return output.write(request.usage, "\n\nCommands of the node's script:\n",
    commands and list(commands) or ("   unknown: %s\n"):format(text.one_line(message)))
end

-- ---- Calling one ----

-- Also 1e3 and 007, where a number is wanted: then a word cannot be text.
local function to_number(word)
  local number = word:find("^[+-]?%d*%.?%d*[eE]?[+-]?%d*$") and tonumber(word)
  return number and number > -math.huge and number < math.huge and number or word
end

-- What was typed, as the command wants to have it.
local function convert(request, arg, word)
  if not arg or not arg.type then
    return request.typed(word)
  elseif arg.type == "string" then
    return word
  end
  local value = arg.type == "number" and to_number(word) or request.typed(word)
  if type(value) ~= arg.type then
    return nil, ("the argument '%s' must be a %s, not '%s'"):format(arg.name, arg.type, word)
  end
  return value
end

-- A misspelled name must not become a text. Whether it is one nobody can know: zone=b may be just
-- what the command wants, and so may a base64 that ends with a "=".
local function check_spelling(command, arg, name, word, given)
  local names = {}
  for _, one in ipairs(command.args) do
    if given[one.name] == nil then
      names[#names + 1] = one.name
    end
  end
  local near = core.nearest(name, names)
  if near then
    return nil, ("the command '%s' has no argument '%s' (did you mean '%s'?); if that is a text, name its argument: "
      .. "'%s=%s'"):format(command.name, name, near, arg.name, word)
  end
  return true
end

-- Is there no argument for the word at this place? Those given by name have theirs, too.
local function check_word(command, place, word, given)
  if not command.args then
    return true
  end
  local arg, name = command.args[place], word:match("^([%w_.-]+)=")
  if arg and given[arg.name] == nil then
    if name then
      return check_spelling(command, arg, name, word, given)
    end
    return true
  elseif name then
    return nil, ("the command '%s' has no argument '%s'"):format(command.name, name)
  elseif arg then
    return nil, ("the argument '%s' is given by its name and by its place, '%s'"):format(arg.name, word)
  end
  return nil, ("too many arguments: '%s'"):format(word)
end

local function by_name(request, args, given)
  local rest = {}
  for _, word in ipairs(request.words) do
    local name, value = word:match("^([%w_.-]+)=(.*)$")
    local arg = name and find(args, name)
    if not arg then
      rest[#rest + 1] = word
    elseif given[name] ~= nil then
      return nil, ("the argument '%s' is given twice"):format(name)
    else
      local wrong
      given[name], wrong = convert(request, arg, value)
      if wrong then
        return nil, wrong
      end
    end
  end
  return rest
end

-- Words are arguments in their order; NAME=VALUE is one by its name.
local function arguments(request, command)
  local given, args = {}, command.args or {}
  local words, message = by_name(request, args, given)
  if not words then
    return nil, message
  end
  for place, word in ipairs(words) do
    local ok, wrong = check_word(command, place, word, given)
    if ok then
      given[place], wrong = convert(request, args[place], word)
    end
    if wrong then
      return nil, wrong
    end
  end
  return given
end

local function print_answer(request, answer)
  if request.json then
    return output.write(json.encode(answer), "\n")
  elseif answer == true then -- it has nothing to say
    return true
  end
  return output.write(text.answer(answer), "\n")
end

-- It has not come in time: is the node there at all?
local function explain_timeout(request, connection, busy)
  if not connection:call("version", {}, math.min(request.timeout, ANSWER)) then
    return client.explain(busy)
  end
  return ("the command '%s' has not ended after %.14g s and goes on; a larger --timeout waits longer, none at all "
    .. "until it ends"):format(request.command_name, request.timeout)
end

-- Errors of the command line exit with 2, as everywhere.
local function run(request, connection)
  local commands, message = client.call(answering(request), connection, "commands")
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
  local answer, failure, why = connection:call("call", { command.name, given }, request.timeout)
  if why == "timeout" then
    return nil, explain_timeout(request, connection, failure)
  elseif answer == nil then
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
  local connection, message = client.connect(answering(request))
  if not connection then
    return nil, message
  end
  local ok, code
  ok, message, code = run(request, connection)
  connection:close()
  return ok, message, code
end

return call
