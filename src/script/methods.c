/* SPDX-License-Identifier: MIT */
#include "methods.h"

#include "compat.h"
#include "config.h"
#include "info.h"
#include "listeners.h"
#include "logging.h"
#include "loop.h"
#include "options.h"
#include "shape.h"
#include "store.h"
#include "timers.h"
#include "value.h"
#include "view.h"
#include "waits.h"

#include <string.h>

static const char type_name[] = "shoal.node";

/* What the userdata is. The tenant is that of the state which has it: a state
 * is closed before its tenant is freed. */
struct object {
    struct node *node;
    struct tenant *tenant;
};

/* ---- Checks
 * ------------------------------------------------------------------ */

static struct object *check(lua_State *L)
{
    struct object *object = luaL_checkudata(L, 1, type_name);
    if (!object->node) /* collected, and revived by another finalizer */
        luaL_error(L, "node is closed");
    return object;
}

/* The node at 1; raises unless it can be used. */
static struct node *check_open(lua_State *L)
{
    struct object *object = check(L);
    if (object->node->phase == NODE_CLOSED)
        luaL_error(L, "node is closed");
    if (object->tenant->ended)
        luaL_error(L, "this version of the handlers has been replaced");
    return object->node;
}

/* Whose code calls: a table of handlers shares the program's object. */
static struct tenant *caller(const struct object *object)
{
    const struct node *node = object->node;
    if (object->tenant != &node->program)
        return object->tenant;
    if (node->running && !node->running->L && !node->running->ended)
        return node->running;
    return object->tenant;
}

/* The same for methods that a version must not call while it loads. */
static struct node *check_sending(lua_State *L, const char *method)
{
    struct node *node = check_open(L);
    if (caller(check(L))->silent)
        luaL_error(L, "node:%s: not while this version of the handlers loads",
                   method);
    return node;
}

/* ---- Entry points: check, begin, act, end
 * ------------------------------------- */

/* The engine may ask questions: on this thread, if it is of their state. */
static lua_State *begin(lua_State *L, struct node *node)
{
    questions *q = node->current->questions;
    bool is_theirs = check(L)->tenant->L == node->current->tenant.L;
    q->error[0] = '\0';
    return is_theirs ? questions_use(q, L) : q->L;
}

static int end(lua_State *L, struct node *node, lua_State *before, int error)
{
    questions *q = node->current->questions;
    q->L = before;
    node->backend->ops->wake(node->backend);
    return view_push_result(L, error, node_engine(node), q);
}

static uint64_t now_us(const struct node *node)
{
    return node->backend->ops->now_us(node->backend);
}

typedef int entry_fn(shoal *engine, uint64_t now_us);

static int enter(lua_State *L, const char *name, entry_fn *entry)
{
    struct node *node = check_sending(L, name);
    lua_State *before = begin(L, node);
    return end(L, node, before, entry(node_engine(node), now_us(node)));
}

static int gossip(lua_State *L)
{
    return enter(L, "gossip", shoal_gossip);
}

static int broadcast(lua_State *L)
{
    return enter(L, "broadcast", shoal_broadcast);
}

static int leave(lua_State *L)
{
    return enter(L, "leave", shoal_leave);
}

static int reuse_down_identity(lua_State *L)
{
    return enter(L, "reuse_down_identity", shoal_reuse_down_identity);
}

static int change_identity(lua_State *L)
{
    struct node *node = check_sending(L, "change_identity");
    value_identity id;
    if (value_to_identity(L, 2, "identity", &id) != 0)
        return view_push_error(L, SHOAL_ERR_IDENTITY, lua_tostring(L, -1));
    lua_State *before = begin(L, node);
    return end(L, node, before,
               shoal_change_identity(node_engine(node), now_us(node),
                                     value_identity_bytes(&id)));
}

static int add_broadcast(lua_State *L)
{
    struct node *node = check_sending(L, "add_broadcast");
    shoal_bytes data;
    data.data = (const uint8_t *)luaL_checklstring(L, 2, &data.size);
    lua_State *before = begin(L, node);
    int queued = shoal_add_broadcast(node_engine(node), now_us(node), data);
    int results = end(L, node, before, queued);
    if (queued < 0)
        return results;
    lua_pushboolean(L, queued);
    return 1;
}

static int apply(lua_State *L)
{
    static const char *const names[] = {"broadcast", NULL};
    struct node *node = check_sending(L, "apply");
    size_t count;
    options_check(L, 3, "node:apply", names, true);
    bool spread = options_boolean(L, 3, "node:apply", "broadcast", false);
    const shoal_update *updates =
        view_check_updates(L, 2, "node:apply", &count);
    lua_State *before = begin(L, node);
    return end(
        L, node, before,
        shoal_apply(node_engine(node), now_us(node), updates, count, spread));
}

static int set_config(lua_State *L)
{
    struct node *node = check_sending(L, "set_config");
    shoal_config config = *shoal_get_config(node_engine(node));
    luaL_checkany(L, 2);
    if (config_read(L, 2, "node:set_config", node->cluster_size, &config) != 0)
        return view_push_error(L, SHOAL_ERR_INVALID_CONFIG,
                               lua_tostring(L, -1));
    lua_State *before = begin(L, node);
    return end(L, node, before,
               shoal_set_config(node_engine(node), now_us(node), &config));
}

/* ---- Joining
 * ------------------------------------------------------------------ */

static int fail(lua_State *L, const char *message, const char *code)
{
    lua_pushnil(L);
    lua_pushstring(L, message);
    lua_pushstring(L, code);
    return 3;
}

static int refuse_inside(lua_State *L)
{
    return view_push_error(L, SHOAL_ERR_REENTRANT, NULL);
}

/* Joining may announce at once, which is an entry point. */
static int join_one(lua_State *L, struct node *node, const char *endpoint)
{
    char error[HOST_MAX_ERROR];
    if (node_is_asking(node))
        return refuse_inside(L);
    if (node->backend->ops->join(node->backend, endpoint, error) != 0)
        return fail(L, error, "join");
    lua_pushboolean(L, true);
    return 1;
}

static int announce(lua_State *L)
{
    struct node *node = check_sending(L, "announce");
    return join_one(L, node, luaL_checkstring(L, 2));
}

static int join(lua_State *L)
{
    struct node *node = check_sending(L, "join");
    luaL_checktype(L, 2, LUA_TTABLE);
    int count = (int)lua_rawlen(L, 2);
    for (int i = 1; i <= count; i++) {
        lua_settop(L, 2);
        lua_rawgeti(L, 2, i);
        if (lua_type(L, -1) != LUA_TSTRING)
            return luaL_error(L, "node:join: needs endpoints, got %s",
                              options_describe(L, -1));
        int results = join_one(L, node, lua_tostring(L, -1));
        if (results != 1)
            return results;
    }
    lua_pushboolean(L, true);
    return 1;
}

/* ---- Queries
 * ------------------------------------------------------------------- */

static int identity(lua_State *L)
{
    value_push_identity(L, shoal_self(node_engine(check_open(L))).id);
    return 1;
}

static int bound(lua_State *L)
{
    struct node *node = check_open(L);
    lua_pushstring(L, node->backend->ops->bound(node->backend));
    return 1;
}

static int connection(lua_State *L)
{
    shoal *engine = node_engine(check_open(L));
    lua_pushstring(L, shoal_connection_name(shoal_get_connection(engine)));
    return 1;
}

static int members(lua_State *L)
{
    struct node *node = check_open(L);
    view_push_members(L, node_engine(node), 2, "node:members",
                      node_clock_offset_us(node));
    return 1;
}

static int member(lua_State *L)
{
    struct node *node = check_open(L);
    luaL_checkany(L, 2);
    view_push_member_at(L, node_engine(node), 2, node_clock_offset_us(node));
    return 1;
}

static int state(lua_State *L)
{
    struct node *node = check_open(L);
    view_push_state(L, node_engine(node), node_clock_offset_us(node));
    return 1;
}

static int num_members(lua_State *L)
{
    shoal *engine = node_engine(check_open(L));
    lua_pushinteger(L, (lua_Integer)shoal_num_members(engine));
    return 1;
}

static int config(lua_State *L)
{
    config_push(L, shoal_get_config(node_engine(check_open(L))));
    return 1;
}

static int backlog(lua_State *L)
{
    info_push_backlog(L, check_open(L));
    return 1;
}

static int stats(lua_State *L)
{
    info_push_stats(L, check_open(L));
    return 1;
}

static int info(lua_State *L)
{
    info_push(L, check_open(L));
    return 1;
}

static int is_closed(lua_State *L)
{
    lua_pushboolean(L, check(L)->node->phase == NODE_CLOSED);
    return 1;
}

/* ---- What a tenant sets up
 * ------------------------------------------------------ */

static struct tenant *check_tenant(lua_State *L)
{
    check_open(L);
    return caller(check(L));
}

static int after(lua_State *L)
{
    return timers_push(L, check_tenant(L), false);
}

static int every(lua_State *L)
{
    return timers_push(L, check_tenant(L), true);
}

static int wait(lua_State *L)
{
    return waits_begin(L, check_tenant(L));
}

static int on(lua_State *L)
{
    return listeners_on(L, check_tenant(L));
}

static int off(lua_State *L)
{
    return listeners_off(L, check_tenant(L));
}

static int write_log(lua_State *L)
{
    return logging_write(L, check_open(L));
}

/* ---- Other handlers, and the end
 * ------------------------------------------------- */

static int put_off(lua_State *L, struct node *node)
{
    if (!node_put_off(node))
        return view_push_error(L, SHOAL_ERR_NOMEM, NULL);
    lua_pushboolean(L, true);
    lua_pushliteral(L, "deferred");
    return 2;
}

static int reload_later(lua_State *L, struct node *node, const char *reason)
{
    node->wants_reload = true;
    strcpy(node->wanted_reason, reason);
    return put_off(L, node);
}

static int reload_now(lua_State *L, struct node *node, const char *reason)
{
    char error[HOST_MAX_ERROR];
    bool swapped;
    lua_State *before = owner_enter(node->owner, L);
    int failure = reload_script(node, reason, &swapped, error);
    owner_leave(node->owner, before);
    if (failure != 0)
        return fail(L, error, "script");
    lua_pushboolean(L, true);
    if (swapped)
        return 1;
    lua_pushliteral(L, "unchanged");
    return 2;
}

static int reload(lua_State *L)
{
    struct node *node = check_open(L);
    const char *reason = luaL_optstring(L, 2, "asked");
    luaL_argcheck(L, strlen(reason) < RELOAD_MAX_REASON, 2,
                  "a reason has at most 63 bytes");
    if (!node->script)
        return fail(L, "the handlers of this node are no script", "no_script");
    if (node->phase != NODE_LIVE)
        return fail(L, "the node is closing", "closed");
    if (node_is_asking(node))
        return refuse_inside(L);
    if (node->reloads.loading)
        return fail(L, "a version of the script is loading", "loading");
    if (node_is_busy(node, check(L)->tenant))
        return reload_later(L, node, reason);
    return reload_now(L, node, reason);
}

static int set_handlers(lua_State *L)
{
    char error[HOST_MAX_ERROR];
    struct node *node = check_sending(L, "set_handlers");
    if (node->script)
        return luaL_error(L,
                          "node:set_handlers: the handlers are the script %s",
                          node->script);
    shape_check(L, 2, "node:set_handlers");
    if (node->phase != NODE_LIVE)
        return fail(L, "the node is closing", "closed");
    if (node_is_asking(node))
        return refuse_inside(L);
    lua_settop(L, 2);
    struct version *version = version_of_table(node, L);
    lua_State *before = owner_enter(node->owner, L);
    int failure = reload_table(node, version, error);
    owner_leave(node->owner, before);
    if (failure == RELOAD_MISUSE)
        return luaL_error(L, "node:set_handlers: %s", error);
    if (failure != 0)
        return fail(L, error, "script");
    lua_pushboolean(L, true);
    return 1;
}

static int close_node(lua_State *L)
{
    struct node *node = check(L)->node;
    if (node->phase == NODE_CLOSED || node->phase == NODE_CLOSING) {
        lua_pushboolean(L, true);
        return 1;
    }
    check_sending(L, "close");
    if (node_is_asking(node))
        return refuse_inside(L);
    if (node_is_busy(node, check(L)->tenant)) {
        node->wants_close = true;
        return put_off(L, node);
    }
    struct owner *owner = node->owner;
    lua_State *before = owner_enter(owner, L);
    node_close(node);
    owner_leave(owner, before);
    lua_pushboolean(L, true);
    return 1;
}

static int step(lua_State *L)
{
    check_open(L);
    lua_remove(L, 1);
    return loop_step(L);
}

/* ---- The object
 * ------------------------------------------------------------------ */

static const luaL_Reg methods[] = {
    {"identity", identity},
    {"bound", bound},
    {"connection", connection},
    {"members", members},
    {"member", member},
    {"state", state},
    {"num_members", num_members},
    {"announce", announce},
    {"join", join},
    {"gossip", gossip},
    {"broadcast", broadcast},
    {"add_broadcast", add_broadcast},
    {"leave", leave},
    {"apply", apply},
    {"change_identity", change_identity},
    {"reuse_down_identity", reuse_down_identity},
    {"wait", wait},
    {"set_config", set_config},
    {"config", config},
    {"stats", stats},
    {"backlog", backlog},
    {"info", info},
    {"after", after},
    {"every", every},
    {"on", on},
    {"off", off},
    {"log", write_log},
    {"reload", reload},
    {"set_handlers", set_handlers},
    {"step", step},
    {"close", close_node},
    {"is_closed", is_closed},
    {NULL, NULL},
};

/* Is the version in charge of the state that this object lives in? */
static bool has_store_here(const struct object *object,
                           const struct version *version)
{
    return object->tenant->L == version->tenant.L;
}

/* The store a version sees while it loads is its own. */
static struct version *store_of(const struct object *object)
{
    struct tenant *tenant = caller(object);
    return tenant->silent ? (struct version *)tenant : object->node->current;
}

/* node.store, or a method. Upvalue: the methods. */
static int get_field(lua_State *L)
{
    struct object *object = check(L);
    lua_settop(L, 2);
    lua_pushvalue(L, 2);
    lua_rawget(L, lua_upvalueindex(1));
    if (!lua_isnil(L, -1))
        return 1;
    if (lua_type(L, 2) == LUA_TSTRING &&
        strcmp(lua_tostring(L, 2), "store") == 0) {
        check_open(L);
        struct version *version = store_of(object);
        store_push(L, version, has_store_here(object, version));
    }
    return 1;
}

static int set_field(lua_State *L)
{
    struct object *object = check(L);
    if (lua_type(L, 2) != LUA_TSTRING ||
        strcmp(lua_tostring(L, 2), "store") != 0)
        return luaL_error(L,
                          "node: has no field %s to set (keep what is "
                          "yours in node.store)",
                          options_describe(L, 2));
    check_open(L);
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

static int collect(lua_State *L)
{
    struct object *object = lua_touserdata(L, 1);
    struct node *node = object->node;
    object->node = NULL;
    if (node)
        node_release(node);
    return 0;
}

static void push_metatable(lua_State *L)
{
    if (!luaL_newmetatable(L, type_name))
        return;
    lua_newtable(L);
    luaL_setfuncs(L, methods, 0);
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
}

void methods_push_object(lua_State *L, struct node *node, struct tenant *tenant)
{
    struct object *object = compat_newblock(L, sizeof *object);
    *object = (struct object){.tenant = tenant};
    push_metatable(L);
    lua_setmetatable(L, -2);
    object->node = node;
    node_hold(node);
}
