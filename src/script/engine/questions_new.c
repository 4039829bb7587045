/* SPDX-License-Identifier: MIT */
/* Makes a set of questions of a handlers table, strictly. */
#include "questions.h"

#include "../../lua/compat.h"
#include "../../lua/options.h"
#include "../../lua/refs.h"
#include "answers.h"

#include <limits.h>
#include <string.h>

static const char registry_key[] = "shoal.questions";

/* What a table of handlers may have. Lists end with NULL. */
struct part {
    const char *name;
    const char *fields[7]; /* functions ... */
    const char *flag;      /* ... but for this one, true or false; or NULL */
};

static const struct part parts[] = {
    {"identity",
     {"new", "addr", "endpoint", "at", "renew", "wins", NULL},
     NULL},
    {"broadcast", {"receive", "invalidates", "wanted_by", NULL}, NULL},
    {"codec",
     {"encode_header", "decode_header", "encode_member", "decode_member",
      "lifeguard", NULL},
     "lifeguard"},
};

enum { NUM_PARTS = sizeof parts / sizeof *parts };

struct question_place {
    const char *part, *function;
};

static const struct question_place places[NUM_QUESTIONS] = {
#define QUESTION_PLACE(NAME, part, function) {part, function},
    QUESTIONS(QUESTION_PLACE)
#undef QUESTION_PLACE
};

/* ---- The weak table of sets ---- */

/* Pushes it; returns its reference. Sets have numbers below zero, see refs.h;
 * its field "last" is the one given out last. */
static int push_sets(lua_State *L)
{
    int ref;

    refs_reserve(L, registry_key);
    lua_getfield(L, LUA_REGISTRYINDEX, registry_key);
    ref = (int)lua_tointeger(L, -1);
    lua_pop(L, 1);
    if (ref != REFS_NONE) {
        refs_push(L, ref);
        return ref;
    }
    lua_newtable(L);
    lua_newtable(L);
    lua_pushliteral(L, "v");
    lua_setfield(L, -2, "__mode");
    lua_setmetatable(L, -2);
    lua_pushvalue(L, -1);
    ref = refs_new(L);
    lua_pushinteger(L, ref);
    lua_setfield(L, LUA_REGISTRYINDEX, registry_key);
    return ref;
}

/* A number that no living set has: they go round after 2^31. */
static int take_number(lua_State *L, int sets)
{
    int number;

    lua_getfield(L, sets, "last");
    number = (int)lua_tointeger(L, -1);
    do {
        lua_pop(L, 1);
        number = number == INT_MIN ? -1 : number - 1;
        lua_rawgeti(L, sets, number);
    } while (!lua_isnil(L, -1));
    lua_pop(L, 1);
    lua_pushinteger(L, number);
    lua_setfield(L, sets, "last");
    return number;
}

/* The userdata is on top of the stack, and stays there. */
static void enrol(lua_State *L, questions *q)
{
    int set = lua_gettop(L);

    q->sets = push_sets(L);
    q->id = take_number(L, set + 1);
    lua_pushvalue(L, set);
    lua_rawseti(L, set + 1, q->id);
    lua_settop(L, set);
}

/* ---- The handlers table ---- */

static void check_value(lua_State *L, const char *where, const char *field,
                        const struct part *part, int value)
{
    bool is_flag = part->flag && strcmp(field, part->flag) == 0;
    int wanted = is_flag ? LUA_TBOOLEAN : LUA_TFUNCTION;
    if (lua_type(L, value) != wanted)
        luaL_error(L, "%s.%s must be a %s, got %s", where, field,
                   lua_typename(L, wanted), options_describe(L, value));
}

/* Every key of the part at the top of the stack is one of its fields. */
static void check_part(lua_State *L, const char *who, const struct part *part)
{
    int table = lua_gettop(L), key = table + 2, value = table + 3;
    const char *where = lua_pushfstring(L, "%s: %s", who, part->name);

    lua_pushnil(L);
    while (lua_next(L, table)) {
        if (lua_type(L, key) != LUA_TSTRING)
            luaL_error(L, "%s: fields must have names, got the key %s", where,
                       options_describe(L, key));
        if (!options_is_among(lua_tostring(L, key), part->fields))
            options_unknown(L, where, "field", lua_tostring(L, key),
                            part->fields);
        check_value(L, where, lua_tostring(L, key), part, value);
        lua_settop(L, key);
    }
    lua_settop(L, table);
}

static void check_parts(lua_State *L, int handlers, const char *who)
{
    for (size_t i = 0; i < NUM_PARTS; i++) {
        int type = options_get(L, handlers, parts[i].name);

        if (type == LUA_TTABLE)
            check_part(L, who, &parts[i]);
        else if (type != LUA_TNIL)
            luaL_error(L, "%s: %s must be a table, got %s", who, parts[i].name,
                       options_describe(L, -1));
        lua_pop(L, 1);
    }
}

static void push_part(lua_State *L, int handlers, const char *part)
{
    if (*part != '\0')
        options_get(L, handlers, part);
    else if (lua_isnoneornil(L, handlers))
        lua_pushnil(L);
    else
        lua_pushvalue(L, handlers);
}

static void check_alone(lua_State *L, int handlers, const char *name,
                        const char *who)
{
    int type = options_get(L, handlers, name);
    if (type != LUA_TNIL && type != LUA_TFUNCTION)
        luaL_error(L, "%s: %s must be a function, got %s", who, name,
                   options_describe(L, -1));
    lua_pop(L, 1);
}

/* Notes which functions there are and puts them into the answers table, which
 * is on top of the stack. */
static void take_functions(lua_State *L, int handlers, questions *q)
{
    int answers = lua_gettop(L);

    for (int i = 0; i < NUM_QUESTIONS; i++) {
        push_part(L, handlers, places[i].part);
        options_get(L, -1, places[i].function);
        q->has[i] = !lua_isnil(L, -1);
        lua_rawseti(L, answers, i + 1);
        lua_settop(L, answers);
    }
}

/* Does the codec say that it carries what Lifeguard needs? */
static bool read_lifeguard(lua_State *L, int handlers)
{
    options_get(L, handlers, "codec");
    options_get(L, -1, "lifeguard");
    bool lifeguard = lua_toboolean(L, -1);
    lua_pop(L, 2);
    return lifeguard;
}

static bool has_part(lua_State *L, int handlers, const char *part)
{
    bool has = options_get(L, handlers, part) != LUA_TNIL;
    lua_pop(L, 1);
    return has;
}

/* A table without what makes it one is a mistake that nobody would see: no item
 * is ever taken without a receive. */
static void check_complete(lua_State *L, int handlers, const char *who,
                           const questions *q)
{
    bool speaks = has_part(L, handlers, "codec");
    for (int i = QUESTION_ENDPOINT; i <= QUESTION_WINS; i++)
        if (q->has[i] && !q->has[QUESTION_ADDR])
            luaL_error(L, "%s: identity.%s needs identity.addr", who,
                       places[i].function);
    for (int i = QUESTION_INVALIDATES; i <= QUESTION_WANTED_BY; i++)
        if (q->has[i] && !q->has[QUESTION_RECEIVE])
            luaL_error(L, "%s: broadcast.%s needs broadcast.receive", who,
                       places[i].function);
    if (!q->has[QUESTION_RECEIVE] && has_part(L, handlers, "broadcast"))
        luaL_error(L, "%s: broadcast needs broadcast.receive", who);
    for (int i = QUESTION_ENCODE_HEADER; i <= QUESTION_DECODE_MEMBER; i++)
        if (q->has[i] != speaks)
            luaL_error(L,
                       "%s: codec needs all of encode_header, decode_header, "
                       "encode_member and decode_member",
                       who);
}

questions *questions_new(lua_State *L, int handlers, int self,
                         protected_caller *caller, const char *who)
{
    questions *q;

    luaL_checkstack(L, 12, "cannot read the handlers");
    if (!lua_isnoneornil(L, handlers)) {
        if (!lua_istable(L, handlers))
            luaL_error(L, "%s: handlers must be a table, got %s", who,
                       options_describe(L, handlers));
        handlers = lua_absindex(L, handlers);
    }
    self = lua_absindex(L, self);
    check_parts(L, handlers, who);
    check_alone(L, handlers, "check_tags", who);
    check_alone(L, handlers, "admit", who);
    q = lua_newuserdata(L, sizeof *q);
    memset(q, 0, sizeof *q);
    q->L = L;
    q->caller = caller;
    lua_createtable(L, ANSWERS_IDS, 0);
    take_functions(L, handlers, q);
    q->lifeguard = read_lifeguard(L, handlers);
    lua_pushvalue(L, self);
    lua_rawseti(L, -2, ANSWERS_SELF);
    lua_setuservalue(L, -2);
    check_complete(L, handlers, who, q);
    enrol(L, q);
    return q;
}

const char *questions_missing(const questions *q)
{
    if (q->has[QUESTION_NEW] || !q->has[QUESTION_ADDR])
        return NULL;
    return "identity.new is missing: handlers that define identity.addr must "
           "define it, too";
}
