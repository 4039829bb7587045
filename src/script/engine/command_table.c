/* SPDX-License-Identifier: MIT */
#include "command_table.h"

#include "../../lua/compat.h"
#include "../../lua/protected_call.h"

static const char source[] =
    "local pairs, ipairs, type, tostring = pairs, ipairs, type, tostring\n"
    "local sort = table.sort\n"
    "local types = { string = true, number = true, boolean = true }\n"
    "local fields = { run = 'function', help = 'string', args = 'table' }\n"
    "local options = { [1] = 'string', type = 'string', help = 'string',\n"
    "  optional = 'boolean' }\n"
    "local function is_name(name)\n"
    "  return type(name) == 'string' and #name <= 64\n"
    "    and name:find('^[%w_][%w_.-]*$')\n"
    "end\n"
    /* What is wrong with an argument, behind its name; nil: nothing. */
    "local function wrong_arg(arg, known)\n"
    "  local one = type(arg) == 'table' and arg or { arg }\n"
    "  if not is_name(one[1]) then return ' must begin with a name: { \"host\" "
    "}' end\n"
    "  if known[one[1]] then return ' is there twice' end\n"
    "  known[one[1]] = true\n"
    "  for key, value in pairs(one) do\n"
    "    if key ~= 'default' and not options[key] then\n"
    "      return (\": unknown field '%s'\"):format(tostring(key))\n"
    "    elseif options[key] and type(value) ~= options[key] then\n"
    "      return (\": '%s' must be a %s\"):format(tostring(key),\n"
    "        options[key])\n"
    "    end\n"
    "  end\n"
    "  if one.type and not types[one.type] then\n"
    "    return \": 'type' must be string, number or boolean\"\n"
    "  elseif one.type and one.default ~= nil\n"
    "    and type(one.default) ~= one.type then\n"
    "    return (\": 'default' must be a %s\"):format(one.type)\n"
    "  end\n"
    "end\n"
    "local function wrong_command(command)\n"
    "  if type(command) ~= 'table' then\n"
    "    return ' must be a table, got a ' .. type(command)\n"
    "  elseif type(command.run) ~= 'function' then\n"
    "    return '.run must be a function'\n"
    "  end\n"
    "  for key, value in pairs(command) do\n"
    "    if not fields[key] then\n"
    "      return (\": unknown field '%s'\"):format(tostring(key))\n"
    "    elseif type(value) ~= fields[key] then\n"
    "      return ('.%s must be a %s'):format(key, fields[key])\n"
    "    end\n"
    "  end\n"
    "  local known, count = {}, 0\n"
    "  for i, arg in ipairs(command.args or {}) do\n"
    "    local wrong = wrong_arg(arg, known)\n"
    "    if wrong then return ('.args[%d]%s'):format(i, wrong) end\n"
    "    count = i\n"
    "  end\n"
    "  for key in pairs(command.args or {}) do\n"
    "    if type(key) ~= 'number' or key % 1 ~= 0 or key < 1\n"
    "      or key > count then\n"
    "      return '.args must be a list'\n"
    "    end\n"
    "  end\n"
    "end\n"
    "local function check(commands)\n"
    "  for name, command in pairs(commands) do\n"
    "    if not is_name(name) then\n"
    "      return 'commands: a name has 1 to 64 letters, digits, _, . or -'\n"
    "    end\n"
    "    local wrong = wrong_command(command)\n"
    "    if wrong then return 'commands.' .. name .. wrong end\n"
    "  end\n"
    "end\n"
    "local function args_of(command)\n"
    "  local list = {}\n"
    "  for i, arg in ipairs(command.args or {}) do\n"
    "    if type(arg) == 'string' then arg = { arg } end\n"
    "    list[i] = { name = arg[1], type = arg.type, help = arg.help,\n"
    "      default = arg.default, optional = arg.optional }\n"
    "  end\n"
    "  return list\n"
    "end\n"
    "local function list(commands)\n"
    "  local all = {}\n"
    "  for name, command in pairs(commands) do\n"
    "    all[#all + 1] = { name = name, help = command.help,\n"
    "      args = command.args and args_of(command) }\n"
    "  end\n"
    "  sort(all, function(x, y) return x.name < y.name end)\n"
    "  return all\n"
    "end\n"
    "local function value_of(arg, given)\n"
    "  if given == nil then given = arg.default\n"
    "  elseif arg.type and type(given) ~= arg.type then\n"
    "    return nil, (\"the argument '%s' must be a %s, not a %s\"):format(\n"
    "      arg.name, arg.type, type(given))\n"
    "  end\n"
    "  if given == nil and not arg.optional then\n"
    "    return nil, (\"the argument '%s' is missing\"):format(arg.name)\n"
    "  end\n"
    "  return given\n"
    "end\n"
    "local function take(given, command)\n"
    "  if not command.args then return given end\n"
    "  local args, used = {}, {}\n"
    "  for i, arg in ipairs(args_of(command)) do\n"
    "    local key = given[arg.name] == nil and i or arg.name\n"
    "    local value, wrong = value_of(arg, given[key])\n"
    "    if wrong then return nil, wrong end\n"
    "    args[arg.name], used[key] = value, true\n"
    "  end\n"
    "  for key in pairs(given) do\n"
    "    if not used[key] and type(key) == 'number' then\n"
    "      return nil, 'too many arguments'\n"
    "    elseif not used[key] then\n"
    "      return nil, (\"there is no argument '%s'\"):format(\n"
    "        tostring(key))\n"
    "    end\n"
    "  end\n"
    "  return args\n"
    "end\n"
    "local function body(node, args, run, begin, done)\n"
    "  begin()\n"
    "  done(run(node, args))\n"
    "end\n"
    "local function page_body(node, request, run, begin, done)\n"
    "  begin()\n"
    "  local status, body, headers = run(node, request)\n"
    "  done({ status = status, body = body, headers = headers })\n"
    "end\n"
    "local function check_pages(pages)\n"
    "  for path, run in pairs(pages) do\n"
    "    if type(path) ~= 'string' or #path > 64 or not path:find('^/') then\n"
    "      return 'http: a path begins with / and has at most 64 bytes'\n"
    "    elseif type(run) ~= 'function' then\n"
    "      return (\"http['%s'] must be a function, got a %s\"):format(path,\n"
    "        type(run))\n"
    "    end\n"
    "  end\n"
    "end\n"
    "return { check, list, take, body, page_body, check_pages }\n";

static const char registry_key[] = "shoal.command_table";

enum { CHECK = 1, LIST, TAKE, BODY, PAGE_BODY, CHECK_PAGES };

static void push_function(lua_State *L, int which)
{
    lua_getfield(L, LUA_REGISTRYINDEX, registry_key);
    if (lua_isnil(L, -1)) {
        lua_pop(L, 1);
        if (luaL_loadbuffer(L, source, sizeof source - 1, "=shoal") != LUA_OK)
            lua_error(L);
        protected_plain(L, 0, 1);
        lua_pushvalue(L, -1);
        lua_setfield(L, LUA_REGISTRYINDEX, registry_key);
    }
    lua_rawgeti(L, -1, which);
    lua_remove(L, -2);
}

static void check_with(lua_State *L, int which, int index, const char *who)
{
    index = lua_absindex(L, index);
    push_function(L, which);
    lua_pushvalue(L, index);
    protected_plain(L, 1, 1);
    if (!lua_isnil(L, -1))
        luaL_error(L, "%s: %s", who, lua_tostring(L, -1));
    lua_pop(L, 1);
}

void command_table_check(lua_State *L, int index, const char *who)
{
    check_with(L, CHECK, index, who);
}

void command_table_check_pages(lua_State *L, int index, const char *who)
{
    check_with(L, CHECK_PAGES, index, who);
}

void command_table_push_list(lua_State *L, int index)
{
    index = lua_absindex(L, index);
    push_function(L, LIST);
    lua_pushvalue(L, index);
    protected_plain(L, 1, 1);
}

int command_table_take(lua_State *L)
{
    push_function(L, TAKE);
    lua_insert(L, -3);
    protected_plain(L, 2, 2);
    if (!lua_isnil(L, -1))
        return 2;
    lua_pop(L, 1);
    return 1;
}

void command_table_push_body(lua_State *L)
{
    push_function(L, BODY);
}

void command_table_push_page_body(lua_State *L)
{
    push_function(L, PAGE_BODY);
}
