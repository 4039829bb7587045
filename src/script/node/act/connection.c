/* SPDX-License-Identifier: MIT */
#include "connection.h"

#include "../../../base/list.h"
#include "../../../lua/arguments.h"
#include "../../../lua/class.h"
#include "../../../lua/options.h"
#include "../../../lua/refs.h"
#include "../../../lua/result.h"
#include "../coroutine.h"
#include "../node.h"
#include "../pending.h"
#include "connection_in.h"

#include <stdio.h>
#include <string.h>

static const char type_name[] = "shoal.connection";

enum { MAX_REASON = 256 };

struct connection {
    struct scope *scope;              /* NULL: closed */
    struct connection *next, **place; /* in the list of the scope */
    void *handle;                     /* the backend's; NULL: none (any more) */
    struct connection_wait *waiter;   /* NULL: nobody waits */
    int self;            /* reference, while the connection is being made */
    uint64_t timeout_us; /* unless a read or write says */
    struct buffer in;
    bool ended;
    char reason[MAX_REASON]; /* why it is broken; "": the peer has ended it */
    char endpoint[MAX_REASON];
};

/* A coroutine that waits for one. Its uservalue refers to that. */
struct connection_wait {
    struct pending base;
    struct node *node;
    struct connection *connection;
    void *timer; /* NULL: none, or it fires */
    enum { WAIT_OPEN, WAIT_READ, WAIT_SENT } what;
    enum connection_read kind;
    size_t size;
    bool closed; /* by another coroutine */
};

/* ---- The backend ---- */

static const struct backend_ops *ops_of(const struct node *node)
{
    return node->backend->ops;
}

static void want(struct connection *connection, bool wanted)
{
    if (connection->handle)
        ops_of(connection->scope->node)
            ->connection_want(connection->handle, wanted);
}

static void let_go(struct connection *connection)
{
    if (connection->handle)
        ops_of(connection->scope->node)->connection_close(connection->handle);
    connection->handle = NULL;
}

static void close_it(struct connection *connection)
{
    if (!connection->scope)
        return;
    let_go(connection);
    refs_free(scope_state(connection->scope), &connection->self);
    buffer_clear(&connection->in);
    LIST_REMOVE(connection);
    connection->scope = NULL;
}

/* Who waits for one is not told: see pending.h. */
static void end_connections(struct scope *scope)
{
    while (scope->connections)
        close_it(scope->connections);
}

/* ---- Waiting ---- */

static void end_wait(struct pending *pending)
{
    struct connection_wait *wait = (struct connection_wait *)pending;
    if (wait->timer)
        ops_of(wait->node)->timer_cancel(wait->node->backend, wait->timer);
    wait->timer = NULL;
    if (wait->connection->waiter != wait)
        return;
    wait->connection->waiter = NULL;
    want(wait->connection, false);
}

static const struct pending_kind kind = {.what = "connection", .end = end_wait};

static int push_failure(lua_State *L, const struct connection *connection)
{
    if (!connection->scope)
        return result_fail(L, "the connection was closed", CODE_CLOSED);
    if (connection->reason[0] == '\0')
        return result_fail(L, "the peer has closed the connection",
                           CODE_CLOSED);
    lua_pushfstring(L, "the connection to %s is broken: %s",
                    connection->endpoint, connection->reason);
    return result_fail_pushed(L, CODE_CONNECT);
}

/* What is there is not what the peer meant. It stays there, for who wants so
 * many bytes of it. */
static bool is_cut_off(const struct connection *connection,
                       enum connection_read read)
{
    if (!connection->ended || connection->reason[0] == '\0')
        return false;
    return read == READ_ALL ||
           (read == READ_LINE &&
            !connection_in_has(&connection->in, READ_LINE, 0, false));
}

static int push_read(lua_State *L, struct connection *connection,
                     enum connection_read read, size_t size)
{
    if (!connection->scope || is_cut_off(connection, read) ||
        !connection_in_push(L, &connection->in, read, size))
        return push_failure(L, connection);
    return 1;
}

/* What the wait was for is there, or the connection has ended. */
static int push_outcome(lua_State *L, void *context)
{
    struct connection_wait *wait = context;
    struct connection *connection = wait->connection;
    if (wait->what == WAIT_READ)
        return push_read(L, connection, wait->kind, wait->size);
    if (connection->ended || !connection->scope)
        return push_failure(L, connection);
    lua_pushboolean(L, true);
    return 1;
}

/* The block is another's by then. */
static void tell(struct connection_wait *wait)
{
    struct connection_wait copy = *wait;
    pending_tell(&wait->base, push_outcome, &copy);
}

static int push_timeout(lua_State *L, void *context)
{
    const struct connection_wait *wait = context;
    lua_pushfstring(L,
                    wait->what == WAIT_OPEN   ? "cannot connect to %s in time"
                    : wait->what == WAIT_READ ? "%s has not sent it in time"
                                              : "%s has not taken it in time",
                    wait->connection->endpoint);
    return result_fail_pushed(L, CODE_TIMEOUT);
}

static int push_closed(lua_State *L, void *context)
{
    (void)context;
    return result_fail(L, "the connection was closed", CODE_CLOSED);
}

static void on_time(void *context)
{
    struct connection_wait *wait = context, copy = *wait;
    wait->timer = NULL; /* the backend frees it when we return */
    pending_tell(&wait->base, wait->closed ? push_closed : push_timeout, &copy);
    if (copy.what == WAIT_OPEN)
        close_it(copy.connection);
}

static bool set_timer(struct connection_wait *wait, uint64_t us)
{
    struct backend *backend = wait->node->backend;
    if (us == SHOAL_NEVER)
        return true;
    wait->timer = backend->ops->timer_new(backend, us, 0, on_time, wait);
    return wait->timer != NULL;
}

/* The connection is at `index`; nobody but the wait may refer to it (the call
 * was the last thing that its function did). */
static struct connection_wait *begin_wait(lua_State *L, int index,
                                          struct connection *connection,
                                          int what, uint64_t timeout_us)
{
    struct connection_wait *wait = pending_new(L, sizeof *wait, &kind);
    lua_createtable(L, 1, 0);
    lua_pushvalue(L, index);
    lua_rawseti(L, -2, 1);
    lua_setuservalue(L, -2);
    wait->node = connection->scope->node;
    wait->connection = connection;
    wait->what = what;
    pending_begin(L, &wait->base, connection->scope, 0);
    connection->waiter = wait;
    if (set_timer(wait, timeout_us))
        return wait;
    pending_cancel(&wait->base);
    luaL_error(L, "not enough memory");
    return NULL;
}

/* ---- What the backend tells ---- */

struct opened {
    struct connection *connection;
    const char *error;
    int self;
};

static int push_opened(lua_State *L, void *context)
{
    const struct opened *opened = context;
    if (!opened->error) {
        refs_push(L, opened->self);
        return 1;
    }
    lua_pushfstring(L, "cannot connect to %s: %s", opened->connection->endpoint,
                    opened->error);
    return result_fail_pushed(L, CODE_CONNECT);
}

static void on_opened(void *context, const char *error)
{
    struct connection *connection = context;
    struct scope *scope = connection->scope;
    struct opened opened = {connection, error, connection->self};
    connection->self = REFS_NONE;
    if (error)
        close_it(connection);
    pending_tell(&connection->waiter->base, push_opened, &opened);
    refs_free(scope_state(scope), &opened.self);
}

static void on_ended(void *context, const char *error)
{
    struct connection *connection = context;
    connection->ended = true;
    snprintf(connection->reason, sizeof connection->reason, "%s",
             error ? error : "");
    if (connection->waiter)
        tell(connection->waiter);
}

static void on_received(void *context, shoal_bytes bytes)
{
    struct connection *connection = context;
    struct connection_wait *wait = connection->waiter;
    if (!connection_in_add(&connection->in, bytes)) {
        let_go(connection);
        on_ended(connection, "it has sent too much");
        return;
    }
    if (wait && wait->what == WAIT_READ &&
        connection_in_has(&connection->in, wait->kind, wait->size,
                          connection->ended))
        tell(wait);
}

static void on_sent(void *context)
{
    struct connection *connection = context;
    if (connection->waiter && connection->waiter->what == WAIT_SENT)
        tell(connection->waiter);
}

/* ---- In Lua ---- */

static struct connection *check(lua_State *L)
{
    return luaL_checkudata(L, 1, type_name);
}

static uint64_t check_timeout(lua_State *L, int arg, const char *name,
                              uint64_t fallback_us)
{
    return lua_isnoneornil(L, arg) ? fallback_us
                                   : options_check_time(L, arg, name);
}

static void check_waiting(lua_State *L, const struct connection *connection,
                          const char *who)
{
    if (!coroutine_can_yield(L))
        luaL_error(L, "%s: only a coroutine can wait", who);
    if (connection && connection->waiter)
        luaL_error(L, "%s: another coroutine waits for this connection", who);
}

/* "*l" or "l", "*a" or "a", or how many bytes. */
static enum connection_read check_what(lua_State *L, size_t *size)
{
    const char *what = "l";
    if (lua_type(L, 2) == LUA_TNUMBER) {
        lua_Number number = lua_tonumber(L, 2);
        if (!(number >= 0 && number <= CONNECTION_IN_MAX) ||
            number != (lua_Number)(size_t)number)
            luaL_error(L,
                       "connection:read: must be 0 to 16777216 bytes, got "
                       "%s",
                       options_describe(L, 2));
        *size = (size_t)number;
        return READ_BYTES;
    }
    if (lua_type(L, 2) == LUA_TSTRING)
        what = lua_tostring(L, 2);
    what += *what == '*';
    if ((!lua_isnoneornil(L, 2) && lua_type(L, 2) != LUA_TSTRING) ||
        (strcmp(what, "l") != 0 && strcmp(what, "a") != 0))
        luaL_error(L, "connection:read: must be '*l', '*a' or a number, got %s",
                   options_describe(L, 2));
    return *what == 'l' ? READ_LINE : READ_ALL;
}

static int read_from(lua_State *L)
{
    struct connection *connection = check(L);
    size_t size = 0;
    enum connection_read kind_of_read = check_what(L, &size);
    uint64_t us =
        check_timeout(L, 3, "connection:read: timeout", connection->timeout_us);
    check_waiting(L, connection, "connection:read");
    if (!connection->scope || connection_in_has(&connection->in, kind_of_read,
                                                size, connection->ended))
        return push_read(L, connection, kind_of_read, size);
    struct connection_wait *wait = begin_wait(L, 1, connection, WAIT_READ, us);
    wait->kind = kind_of_read;
    wait->size = size;
    want(connection, true);
    return coroutine_yield(L);
}

static int write_to(lua_State *L)
{
    struct connection *connection = check(L);
    shoal_bytes bytes;
    bytes.data = (const uint8_t *)arguments_string(L, 2, "connection:write",
                                                   &bytes.size);
    uint64_t us = check_timeout(L, 3, "connection:write: timeout",
                                connection->timeout_us);
    check_waiting(L, connection, "connection:write");
    if (!connection->handle || connection->ended)
        return push_failure(L, connection);
    struct connection_wait *wait = begin_wait(L, 1, connection, WAIT_SENT, us);
    if (!ops_of(connection->scope->node)
             ->connection_write(connection->handle, bytes)) {
        pending_cancel(&wait->base);
        return luaL_error(L, "not enough memory");
    }
    return coroutine_yield(L);
}

/* Who waits for it is told soon, when nobody's code is on the stack. */
static int close_connection(lua_State *L)
{
    struct connection *connection = check(L);
    struct connection_wait *wait = connection->waiter;
    bool was_open = connection->scope != NULL;
    if (wait) {
        if (wait->timer)
            ops_of(wait->node)->timer_cancel(wait->node->backend, wait->timer);
        wait->timer = NULL;
        wait->closed = true;
        if (!set_timer(wait, 0))
            pending_cancel(&wait->base);
    }
    close_it(connection);
    lua_pushboolean(L, was_open);
    return 1;
}

static int collect(lua_State *L)
{
    close_it(lua_touserdata(L, 1));
    return 0;
}

static struct connection *push_connection(lua_State *L, struct scope *scope)
{
    static const luaL_Reg methods[] = {
        {"read", read_from},
        {"write", write_to},
        {"close", close_connection},
        {NULL, NULL},
    };
    struct connection *connection = compat_newblock(L, sizeof *connection);
    memset(connection, 0, sizeof *connection);
    class_push(L, type_name, methods, collect);
    lua_setmetatable(L, -2);
    connection->scope = scope;
    scope->node->end_connections = end_connections;
    LIST_PUSH(scope->connections, connection);
    lua_pushvalue(L, -1);
    connection->self = refs_new(L);
    return connection;
}

/* The simulation asks a function of the program's, as children.c has it. */
static bool open_handle(lua_State *L, struct connection *connection,
                        struct error *error)
{
    struct scope *scope = connection->scope;
    struct program *owner = scope->scopes->owner;
    struct backend *backend = scope->node->backend;
    const host_connection_events events = {.context = connection,
                                           .opened = on_opened,
                                           .received = on_received,
                                           .ended = on_ended,
                                           .sent = on_sent};
    lua_State *before = scope->L ? NULL : program_enter(owner, L);
    connection->handle = backend->ops->connection_new(
        backend, connection->endpoint, &events, error);
    if (before)
        program_leave(owner, before);
    return connection->handle != NULL;
}

int connection_make(lua_State *L, struct scope *scope)
{
    static const char who[] = "node:connect";
    struct error error;
    size_t size;
    const char *endpoint = arguments_string(L, 2, who, &size);
    if (size >= MAX_REASON || strlen(endpoint) != size)
        arguments_fail(L, 2, who, "an endpoint or the path of a socket");
    uint64_t us = check_timeout(L, 3, "node:connect: timeout", SHOAL_NEVER);
    check_waiting(L, NULL, who);
    struct connection *connection = push_connection(L, scope);
    memcpy(connection->endpoint, endpoint, size + 1);
    connection->timeout_us = us;
    struct connection_wait *wait =
        begin_wait(L, lua_gettop(L), connection, WAIT_OPEN, us);
    if (open_handle(L, connection, &error))
        return coroutine_yield(L);
    pending_cancel(&wait->base);
    close_it(connection);
    return result_fail(L, error.text, CODE_CONNECT);
}
