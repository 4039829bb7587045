/* SPDX-License-Identifier: MIT */
/*
 * shoal.start{...}: from options to a live node.
 *
 * First everything is read and checked, which may raise; what is made on the
 * way hangs on the node's object, which Lua collects. From then on nothing
 * raises, and a failure gives back at once what there is: the socket, the
 * script's state.
 */
#include "start.h"

#include "../../../base/error.h"
#include "../../../lua/compat.h"
#include "../../../lua/refs.h"
#include "../../../lua/result.h"
#include "../admission.h"
#include "../advertise.h"
#include "../failures.h"
#include "../loop.h"
#include "../script_tags.h"
#include "methods.h"

#include <stdio.h>
#include <string.h>

/* ---- Going live: nothing raises ---- */

static int fail(struct start *start, const char *code)
{
    start->code = code;
    return -1;
}

/* A broken table in the program is misuse, a broken file is not. */
static const char bad_table[] = "handlers";

static int load_handlers(struct start *start)
{
    struct node *node = start->node;
    if (node->script)
        return reload_first(node, &start->error) ? fail(start, CODE_SCRIPT) : 0;
    if (version_prepare(node->current, &start->error) == 0)
        return 0;
    return fail(start, start->from_module ? CODE_SCRIPT : bad_table);
}

static int open_memory(struct start *start)
{
    struct node *node = start->node;
    if (!start->data_dir)
        return 0;
    if (memory_open(node, start->data_dir, start->snapshot_us, &start->error) !=
        0)
        return fail(start, CODE_DATA_DIR);
    if (memory_take_keys(node, &start->error) != 0)
        return fail(start, CODE_KEY);
    node->birth.former = memory_former_id(node);
    return 0;
}

static int open_backend(struct start *start)
{
    struct node *node = start->node;
    host_options options = {.bind = start->bind,
                            .cluster = node->cluster,
                            .allowed = &node->allowed,
                            .keys = start->keys,
                            .skew_us = start->skew_us,
                            .log = &node->log,
                            .callbacks = node_callbacks(node),
                            .busy_limit_us = start->busy_limit_us};
    node->backend = node->world->open(node->world, &options, &start->error);
    return node->backend ? 0 : fail(start, CODE_BIND);
}

/* The socket is bound and the keys are read: nothing else needs root, and no
 * script is to have it. */
static int drop_privileges(struct start *start)
{
    return account_become(&start->account, &start->error)
               ? fail(start, CODE_USER)
               : 0;
}

/* Where the others find us. */
static int find_address(struct start *start)
{
    struct backend *backend = start->node->backend;
    struct birth *birth = &start->node->birth;
    birth->bind = backend->ops->bound(backend);
    if (advertise_complete(start->advertise, birth->bind, birth->advertise,
                           &start->error) != 0)
        return fail(start, CODE_ADVERTISE);
    return 0;
}

/* What the question itself said is worth more than that one failed. */
static void tell_of_question(struct start *start)
{
    const questions *q = start->node->current->questions;
    if (q->error.text[0] != '\0')
        error_fail(&start->error, "cannot start: %.480s", q->error.text);
    else if (q->has[QUESTION_NEW] && !q->has[QUESTION_ADDR])
        error_fail(
            &start->error,
            "cannot start: identity.new: without an identity.addr it must "
            "return { addr = \"host:port\", bump = number }");
}

/* An identity of the script's own that failed may have wanted the address that
 * there is none of. */
static void tell_of_wildcard(struct start *start)
{
    const questions *q = start->node->current->questions;
    size_t used = strlen(start->error.text);
    if (start->node->birth.advertise[0] == '\0' && q->has[QUESTION_NEW])
        snprintf(
            start->error.text + used, ERROR_MAX - used,
            " (%.100s is a wildcard address, so opts.advertise is nil: "
            "advertise the address at which other members reach this host)",
            start->node->birth.bind);
}

static int resume(struct start *start)
{
    int error = memory_resume(start->node);
    if (error)
        error_fail(&start->error, "cannot start: %s", shoal_error_text(error));
    return error;
}

static int start_engine(struct start *start)
{
    struct node *node = start->node;
    value_identity identity;
    int failure = identity_make(node, &identity, &start->error);
    if (failure != 0) {
        tell_of_wildcard(start);
        return fail(start, failure == IDENTITY_NO_ADDRESS
                               ? CODE_ADVERTISE
                               : shoal_error_name(SHOAL_ERR_IDENTITY));
    }
    identity_follow(node, &identity);
    if (identity_check_reach(node->current->questions,
                             value_identity_bytes(&identity), &start->error)) {
        tell_of_wildcard(start);
        return fail(start, shoal_error_name(SHOAL_ERR_IDENTITY));
    }
    shoal_options options = {
        .identity = value_identity_bytes(&identity),
        .seed = start->seed,
        .config = start->config,
        .handlers = admission_handlers(node, node->current),
    };
    node->current->questions->error.text[0] = '\0';
    failure = node->backend->ops->start(node->backend, &options, &start->error);
    if (failure == SHOAL_ERR_IDENTITY) {
        tell_of_question(start);
        tell_of_wildcard(start);
    }
    if (failure == 0)
        failure = resume(start);
    return failure ? fail(start, shoal_error_name(failure)) : 0;
}

static int take_store(struct start *start)
{
    return memory_take_store(start->node, &start->error)
               ? fail(start, CODE_DATA_DIR)
               : 0;
}

/* Before anybody has heard of us. */
static int say_tags(struct start *start)
{
    struct node *node = start->node;
    if (script_tags_read(node, node->current, &start->error) != 0)
        return fail(start, CODE_SCRIPT);
    int failure =
        script_tags_say(node, node->current, NULL, start->tags, &start->error);
    if (failure == 0)
        return 0;
    return fail(start, failure < 0 ? shoal_error_name(failure) : CODE_SCRIPT);
}

/* What has to happen from time to time. */
static int set_timers(struct start *start)
{
    struct node *node = start->node;
    int error = memory_watch(node);
    if (!error)
        error = rotation_begin(node);
    if (!error)
        return 0;
    error_fail(&start->error, "cannot start: %s", shoal_error_text(error));
    return fail(start, shoal_error_name(error));
}

static int join_seeds(lua_State *L, struct start *start)
{
    struct backend *backend = start->node->backend;
    int count = start->seeds ? (int)lua_rawlen(L, start->seeds) : 0;
    for (int i = 1; i <= count; i++) {
        lua_rawgeti(L, start->seeds, i);
        int failure =
            backend->ops->join(backend, lua_tostring(L, -1), &start->error);
        lua_pop(L, 1);
        if (failure != 0)
            return fail(start, CODE_JOIN);
    }
    return 0;
}

static void tell_of_script(struct node *node)
{
    char hash[17];
    if (version_hash(node->current, hash))
        log_line(&node->log, LOG_INFO, LOG_SCRIPT, "script loaded",
                 log_str("script", node->script), log_str("hash", hash));
}

static void tell_of_options(const struct start *start)
{
    for (size_t i = 0; i < start->num_unused; i++)
        log_line(&start->node->log, LOG_WARN, LOG_SCRIPT,
                 "an option has no effect without a key",
                 log_str("option", start->unused[i]));
}

/* A seed that is no endpoint is found before anybody has heard of us: the
 * first packet leaves in the next turn of the loop. */
static int go_live(lua_State *L, struct start *start)
{
    struct node *node = start->node;
    if (open_backend(start) != 0 || drop_privileges(start) != 0 ||
        open_memory(start) != 0 || load_handlers(start) != 0) {
        node_give_up(node);
        return -1;
    }
    if (take_store(start) != 0 || find_address(start) != 0 ||
        start_engine(start) != 0 || say_tags(start) != 0 ||
        set_timers(start) != 0 || join_seeds(L, start) != 0) {
        node_give_up(node);
        return -1;
    }
    admission_check_own(node, node->birth.advertise);
    tell_of_options(start);
    node_become_live(node);
    memory_begin(node);
    reload_watch(node);
    tell_of_script(node);
    (void)version_call(node->current, "on_start", NULL, NULL);
    return 0;
}

/* ---- In Lua ---- */

/* Pushes the node's object, which then owns it. */
static struct node *push_node(lua_State *L, struct program *owner)
{
    methods_push_object(L);
    struct node *node = node_new(owner, methods_push_for);
    if (!node)
        luaL_error(L, "not enough memory");
    methods_give_node(L, node, &node->scopes.program);
    node_release(node);
    return node;
}

/* Without memory: with the next line. */
static void tell_log_soon(struct node *node)
{
    (void)node_put_off(node);
}

/* keep(node, handlers, on_error, log_function): the registry keeps them from
 * now on. */
static int keep(lua_State *L)
{
    struct node *node = methods_check(L);
    if (!lua_isnil(L, 4))
        log_function_set(L, &node->log_function, &node->log,
                         &node->scopes.program, tell_log_soon);
    lua_settop(L, 3);
    if (!lua_isnil(L, 3))
        node->on_error = refs_new(L);
    lua_settop(L, 2);
    if (!node->script && !(node->current = version_of_table(&node->scopes, L)))
        return luaL_error(L, "not enough memory");
    lua_settop(L, 1);
    node->scopes.program.self = refs_new(L);
    return 0;
}

static void push_or_nil(lua_State *L, int index)
{
    if (index != 0)
        lua_pushvalue(L, index);
    else
        lua_pushnil(L);
}

/* The node is at 2. A registry would keep for ever what a failure leaves. */
static void prepare_program(lua_State *L, const struct start *start)
{
    struct node *node = start->node;
    protected_init(&node->scopes.caller, L, &node->counts);
    node->scopes.caller.context = node;
    node->scopes.caller.report = failures_report;
    lua_pushcfunction(L, keep);
    lua_pushvalue(L, 2);
    push_or_nil(L, start->handlers);
    push_or_nil(L, start->on_error);
    push_or_nil(L, start->log_function);
    if (lua_pcall(L, 4, 0, 0) == LUA_OK)
        return;
    node_give_up(node);
    lua_error(L);
}

int start_node(lua_State *L, struct program *owner, struct world *world)
{
    struct start start = {.code = NULL};
    lua_settop(L, 1);
    start.node = push_node(L, owner); /* at 2 */
    start.node->world = world;
    if (start_read_options(L, &start) != 0)
        return result_fail(L, start.error.text, start.code);
    prepare_program(L, &start);
    lua_State *before = program_enter(owner, L);
    int failure = go_live(L, &start);
    program_leave(owner, before);
    if (failure != 0 && start.code == bad_table)
        return luaL_error(L, "shoal.start: %s", start.error.text);
    if (failure != 0)
        return result_fail(L, start.error.text, start.code);
    lua_settop(L, 2);
    return 1;
}

static int start_here(lua_State *L)
{
    (void)loop_try_default(L, NULL); /* host_open() says what is wrong */
    return start_node(L, program_of(L), backend_machine());
}

void start_register(lua_State *L)
{
    lua_pushcfunction(L, start_here);
    lua_setfield(L, -2, "start");
}
