/* SPDX-License-Identifier: MIT */
#include "methods.h"

#include "../../../lua/active_methods.h"
#include "../../../lua/class.h"
#include "../../../lua/compat.h"
#include "../../../lua/options.h"
#include "../../../lua/result.h"
#include "../../engine/view.h"
#include "../../reload/store.h"
#include "../act/http_open.h"
#include "../listeners.h"
#include "../logging.h"
#include "../timers.h"
#include "../waits.h"

#include <string.h>

static const char type_name[] = "shoal.node";
static const char methods_key[] = "shoal.node.methods"; /* in the registry */

/* What the userdata is. The scope is that of the state which has it: a state
 * is closed before its scope is freed. */
struct node_object {
    struct node *node;
    struct scope *scope;
};

/* ---- Checks ---- */

static struct node_object *check(lua_State *L)
{
    struct node_object *object;
    if (lua_type(L, 1) != LUA_TUSERDATA) /* node.log("info", "x") */
        luaL_error(L,
                   "a method of a node is called with a colon, as in "
                   "node:log(…): got %s where the node should be",
                   options_describe(L, 1));
    object = luaL_checkudata(L, 1, type_name);
    if (!object->node) /* collected, and revived by another finalizer */
        luaL_error(L, "node is closed");
    return object;
}

struct node *methods_check(lua_State *L)
{
    return check(L)->node;
}

struct scope *methods_scope(lua_State *L)
{
    return check(L)->scope;
}

struct node *methods_check_open(lua_State *L)
{
    struct node_object *object = check(L);
    if (object->node->phase == NODE_CLOSED)
        luaL_error(L, "node is closed");
    if (object->scope->ended)
        luaL_error(L, "this version of the handlers has been replaced");
    return object->node;
}

/* Whose code calls: a table of handlers shares the program's object. */
static struct scope *caller(const struct node_object *object)
{
    const struct node *node = object->node;
    if (object->scope != &node->scopes.program)
        return object->scope;
    if (node->scopes.running && !node->scopes.running->L &&
        !node->scopes.running->ended)
        return node->scopes.running;
    return object->scope;
}

struct scope *methods_caller(lua_State *L)
{
    return caller(check(L));
}

struct node *methods_check_sending(lua_State *L, const char *method)
{
    struct node *node = methods_check_open(L);
    if (caller(check(L))->silent)
        luaL_error(L,
                   "%s: not allowed while this version of the handlers loads",
                   method);
    return node;
}

int methods_refuse_inside(lua_State *L)
{
    return result_error(L, SHOAL_ERR_REENTRANT, NULL);
}

/* ---- What a scope sets up ---- */

struct scope *methods_check_scope(lua_State *L)
{
    methods_check_open(L);
    return methods_caller(L);
}

static int after(lua_State *L)
{
    return timers_push(L, methods_check_scope(L), false);
}

static int every(lua_State *L)
{
    return timers_push(L, methods_check_scope(L), true);
}

static int wait(lua_State *L)
{
    return waits_begin(L, methods_check_scope(L));
}

static int on(lua_State *L)
{
    return listeners_on(L, methods_check_scope(L));
}

static int off(lua_State *L)
{
    return listeners_off(L, methods_check_scope(L));
}

static int subscribe(lua_State *L)
{
    return listeners_subscribe(L, methods_check_scope(L));
}

static int unsubscribe(lua_State *L)
{
    return listeners_unsubscribe(L, methods_check_scope(L));
}

static int write_log(lua_State *L)
{
    return logging_write(L, methods_check_open(L));
}

static int log_levels(lua_State *L)
{
    return logging_levels(L, methods_check_open(L));
}

/* ---- The object ---- */

static const luaL_Reg scope_methods[] = {
    {"after", after},
    {"every", every},
    {"wait", wait},
    {"on", on},
    {"off", off},
    {"subscribe", subscribe},
    {"unsubscribe", unsubscribe},
    {"log", write_log},
    {"log_levels", log_levels},
    {NULL, NULL},
};

/* Is the version in charge of the state that this object lives in? */
static bool has_store_here(const struct node_object *object,
                           const struct version *version)
{
    return object->scope->L == version->scope.L;
}

/* The store a version sees while it loads is its own. */
static struct version *store_of(const struct node_object *object)
{
    struct scope *scope = caller(object);
    return scope->silent ? (struct version *)scope : object->node->current;
}

static bool is_field(lua_State *L, const char *name)
{
    return lua_type(L, 2) == LUA_TSTRING &&
           strcmp(lua_tostring(L, 2), name) == 0;
}

/* node.store, node.args, or a method. Upvalue: the methods. */
static int get_field(lua_State *L)
{
    struct node_object *object = check(L);
    lua_settop(L, 2);
    lua_pushvalue(L, 2);
    lua_rawget(L, lua_upvalueindex(1));
    if (!lua_isnil(L, -1))
        return 1;
    if (is_field(L, "args")) {
        identity_push_args(L, methods_check_open(L));
    } else if (is_field(L, "store")) {
        methods_check_open(L);
        store_push(L, store_of(object), object->scope);
    }
    return 1;
}

static int set_field(lua_State *L)
{
    struct node_object *object = check(L);
    if (!is_field(L, "store"))
        return luaL_error(L,
                          "node: has no field %s to set (keep what is "
                          "yours in node.store)",
                          options_describe(L, 2));
    methods_check_open(L);
    if (!lua_istable(L, 3))
        return luaL_error(L, "node.store: must be a table, got %s",
                          options_describe(L, 3));
    struct version *version = store_of(object);
    if (!has_store_here(object, version))
        return luaL_error(L, "node.store: belongs to the script");
    store_set(L, version, 3);
    return 0;
}

static int describe(lua_State *L)
{
    struct node *node = check(L)->node;
    if (node->backend)
        lua_pushfstring(L, "shoal.node (%s)",
                        node->backend->ops->bound(node->backend));
    else
        lua_pushliteral(L, "shoal.node (closed)");
    return 1;
}

bool methods_are_running(lua_State *L, const void *object)
{
    static const luaL_Reg fields[] = {{"__index", get_field},
                                      {"__newindex", set_field},
                                      {"__tostring", describe},
                                      {NULL, NULL}};
    static const luaL_Reg *const lists[] = {
        scope_methods, common_methods, methods_enter, methods_query,
        methods_act,   fields,         NULL};
    return active_methods_any(L, object, lists);
}

static int collect(lua_State *L)
{
    struct node_object *object = lua_touserdata(L, 1);
    struct node *node = object->node;
    object->node = NULL;
    if (node)
        node_release(node);
    return 0;
}

static void push_metatable(lua_State *L)
{
    if (!class_begin(L, type_name))
        return;
    lua_newtable(L);
    luaL_setfuncs(L, scope_methods, 0);
    common_register(L, &methods_kind);
    luaL_setfuncs(L, methods_enter, 0);
    luaL_setfuncs(L, methods_query, 0);
    luaL_setfuncs(L, methods_life, 0);
    luaL_setfuncs(L, methods_loop, 0);
    luaL_setfuncs(L, methods_act, 0);
    luaL_setfuncs(L, methods_keys, 0);
    lua_pushvalue(L, -1);
    lua_setfield(L, LUA_REGISTRYINDEX, methods_key);
    lua_pushcclosure(L, get_field, 1);
    lua_setfield(L, -2, "__index");
    lua_pushcfunction(L, set_field);
    lua_setfield(L, -2, "__newindex");
    lua_pushcfunction(L, describe);
    lua_setfield(L, -2, "__tostring");
    lua_pushcfunction(L, collect);
    lua_setfield(L, -2, "__gc");
    lua_pushliteral(L, "shoal.node");
    lua_setfield(L, -2, "__metatable");
    class_end(L, type_name);
}

void methods_register(lua_State *L)
{
    push_metatable(L);
    lua_pop(L, 1);
    lua_getfield(L, LUA_REGISTRYINDEX, methods_key);
    lua_setfield(L, -2, "methods");
    http_open_register(L);
}

void methods_push_object(lua_State *L)
{
    struct node_object *object = compat_newblock(L, sizeof *object);
    *object = (struct node_object){NULL, NULL};
    push_metatable(L);
    lua_setmetatable(L, -2);
}

void methods_give_node(lua_State *L, struct node *node, struct scope *scope)
{
    struct node_object *object = lua_touserdata(L, -1);
    *object = (struct node_object){node, scope};
    node_hold(node);
}

void methods_push_for(lua_State *L, struct scope *scope)
{
    methods_push_object(L);
    methods_give_node(L, scope->node, scope);
}
