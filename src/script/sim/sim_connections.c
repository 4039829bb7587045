/* SPDX-License-Identifier: MIT */
/*
 * The peer is a function talk(data) -> answer, closes. All that happens does so
 * in a timer of the member's: `pump` opens the connection, hands over what was
 * written, and brings what the peer has said.
 */
#include "sim_connections.h"

#include "../../base/buffer.h"
#include "../../base/list.h"
#include "../../lua/options.h"
#include "../../lua/refs.h"

#include <stdlib.h>
#include <string.h>

struct sim_connection {
    struct sim_connection *next, **place; /* in the member's list */
    sim_node *node;
    host_connection_events events;
    struct mocks *mocks;
    const char *endpoint; /* while it is asked for */
    int talk;             /* reference of the peer's function */
    uint64_t after_us;    /* until it is open, and until each answer */
    sim_timer *timer;     /* NULL: nothing is to happen */
    struct buffer in, out;
    bool is_open, wanted, ends /* after what is in `in` */, ended, closed;
    unsigned depth; /* of pump() */
};

static bool add(struct buffer *buffer, shoal_bytes bytes)
{
    return buffer_add(buffer, bytes, SIZE_MAX);
}

/* ---- The peer ---- */

static void free_connection(struct sim_connection *connection)
{
    if (connection->timer)
        sim_timer_cancel(connection->timer);
    refs_free(connection->mocks->owner->L, &connection->talk);
    LIST_REMOVE(connection);
    buffer_clear(&connection->in);
    buffer_clear(&connection->out);
    free(connection);
}

/* An answer and whether the peer closes the connection then, at `index`. */
static int read_answer(lua_State *L, int index, void *context,
                       struct error *error)
{
    struct sim_connection *connection = context;
    shoal_bytes bytes = {NULL, 0};
    if (lua_isstring(L, index))
        bytes.data = (const uint8_t *)lua_tolstring(L, index, &bytes.size);
    connection->ends = lua_toboolean(L, index + 1);
    if (add(&connection->in, bytes))
        return 0;
    return error_fail(error, "out of memory");
}

static int push_endpoint(lua_State *L, void *context)
{
    const struct sim_connection *connection = context;
    lua_pushinteger(L, (lua_Integer)sim_place(connection->node));
    lua_pushstring(L, connection->endpoint);
    return 2;
}

/* talk, greeting, closes, after */
static int read_peer(lua_State *L, int index, void *context,
                     struct error *error)
{
    struct sim_connection *connection = context;
    uint64_t us = 0;
    (void)options_to_us(lua_tonumber(L, index + 3), &us);
    connection->after_us = us;
    lua_pushvalue(L, index);
    connection->talk = refs_new(L);
    return read_answer(L, index + 1, connection, error);
}

static int push_written(lua_State *L, void *context)
{
    struct sim_connection *connection = context;
    shoal_bytes written = buffer_bytes(&connection->out);
    lua_pushlstring(L, written.data ? (const char *)written.data : "",
                    written.size);
    buffer_take(&connection->out, written.size);
    return 1;
}

/* ---- What happens ---- */

static void pump(void *context);

static void set_timer(struct sim_connection *connection, uint64_t after_us)
{
    if (connection->timer || connection->closed)
        return;
    connection->timer =
        sim_timer_new(connection->node, after_us, 0, pump, connection);
}

static void hand_over(struct sim_connection *connection)
{
    const struct mock_question question = {.name = "net:on_connect: receive",
                                           .fn = connection->talk,
                                           .num_results = 2,
                                           .may_be_nil = true,
                                           .push = push_written,
                                           .read = read_answer,
                                           .context = connection};
    struct error error;
    if (mocks_ask(connection->mocks, &question, &error) != 0)
        connection->ends = true;
    connection->events.sent(connection->events.context);
}

static void bring(struct sim_connection *connection)
{
    struct buffer in = connection->in;
    connection->in = (struct buffer){0};
    connection->events.received(connection->events.context, buffer_bytes(&in));
    buffer_clear(&in);
}

static void step(struct sim_connection *connection)
{
    if (!connection->is_open) {
        connection->is_open = true;
        connection->events.opened(connection->events.context, NULL);
    } else if (buffer_size(&connection->out) > 0) {
        hand_over(connection);
    } else if (connection->wanted && buffer_size(&connection->in) > 0) {
        bring(connection);
    } else if (connection->wanted && connection->ends && !connection->ended) {
        connection->ended = true;
        connection->events.ended(connection->events.context, NULL);
    }
}

static bool is_due(const struct sim_connection *connection)
{
    return connection->wanted && !connection->ended &&
           (buffer_size(&connection->in) > 0 || connection->ends);
}

static void pump(void *context)
{
    struct sim_connection *connection = context;
    connection->timer = NULL; /* the simulator frees it when we return */
    connection->depth++;
    step(connection);
    if (--connection->depth > 0)
        return;
    if (connection->closed)
        free_connection(connection);
    else if (buffer_size(&connection->out) > 0)
        set_timer(connection, connection->after_us);
    else if (is_due(connection))
        set_timer(connection, 0);
}

/* ---- As the host has it ---- */

struct sim_connection *sim_connection_new(sim_node *node,
                                          struct sim_connection **list,
                                          struct mocks *mocks,
                                          const char *endpoint,
                                          const host_connection_events *events,
                                          struct error *error)
{
    struct error reason = {"out of memory"};
    struct sim_connection *connection = calloc(1, sizeof *connection);
    if (connection) {
        connection->node = node;
        connection->mocks = mocks;
        connection->events = *events;
        connection->endpoint = endpoint;
        LIST_PUSH(*list, connection);
        const struct mock_question question = {.name = "net:on_connect",
                                               .fn = mocks->on_connect,
                                               .num_results = 4,
                                               .push = push_endpoint,
                                               .read = read_peer,
                                               .context = connection};
        if (mocks_ask(mocks, &question, &reason) == 0)
            set_timer(connection, connection->after_us);
        if (connection->timer)
            return connection;
        free_connection(connection);
    }
    error_fail(error, "cannot connect to %.128s: %.300s", endpoint,
               reason.text);
    return NULL;
}

void sim_connection_want(struct sim_connection *connection, bool wanted)
{
    connection->wanted = wanted;
    if (is_due(connection) && connection->depth == 0)
        set_timer(connection, 0);
}

bool sim_connection_write(struct sim_connection *connection, shoal_bytes bytes)
{
    if (!add(&connection->out, bytes))
        return false;
    if (connection->depth == 0)
        set_timer(connection, connection->after_us);
    return true;
}

void sim_connection_close(struct sim_connection *connection)
{
    connection->closed = true;
    if (connection->depth == 0)
        free_connection(connection);
}

void sim_connection_forget_all(struct sim_connection **list)
{
    while (*list) {
        (*list)->timer = NULL; /* gone with the member */
        free_connection(*list);
    }
}
