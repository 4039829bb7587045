/* SPDX-License-Identifier: MIT */
/*
 * Who is served when, and for how long.
 *
 * In each turn of the loop the server works for its peers for STREAM_TURN_US at
 * most, one step for each in turn; a step that takes longer is the last. It
 * does so behind everything else that is to be done in that turn, packets above
 * all: a member that answers a crowd of clients instead of its peers is taken
 * for dead. What is left is for the next turn, which the loop begins at once.
 */
#include "stream_parts.h"

/* The next stream with something to do, from the cursor on; the cursor moves
 * behind it. NULL: there is none. */
static stream *take_next(stream_server *server)
{
    stream *peer = server->cursor ? server->cursor : server->streams;
    unsigned i;

    for (i = 0; i < server->num_streams; i++) {
        stream *next = peer->next ? peer->next : server->streams;

        if (stream_has_work(peer)) {
            server->cursor = next;
            return peer;
        }
        peer = next;
    }
    return NULL;
}

static bool has_work(const stream_server *server)
{
    const stream *peer = server->streams;

    while (peer && !stream_has_work(peer))
        peer = peer->next;
    return peer != NULL;
}

static void work_for_a_while(stream_server *server)
{
    uint64_t end_us = server->now_us() + STREAM_TURN_US;
    stream *peer;

    do {
        peer = take_next(server);
        if (peer)
            stream_work(peer);
    } while (peer && !server->closed && server->now_us() < end_us);
}

static void on_turn(struct ev_loop *loop, ev_timer *watcher, int events)
{
    stream_server *server = watcher->data;

    (void)events;
    stream_server_enter(server);
    server->turning = true;
    work_for_a_while(server);
    server->turning = false;
    if (!server->closed && has_work(server)) {
        ev_timer_set(watcher, 0., 0.);
        ev_timer_start(loop, watcher);
    }
    stream_server_leave(server);
}

/* The lowest priority: what else is pending is done before. */
void stream_turn_init(stream_server *server)
{
    ev_init(&server->turn, on_turn);
    ev_set_priority(&server->turn, EV_MINPRI);
    server->turn.data = server;
}

void stream_turn_stop(stream_server *server)
{
    ev_timer_stop(server->loop, &server->turn);
}

/* In this turn of the loop, unless this turn's time is up. */
void stream_turn_wanted(stream_server *server)
{
    if (!server->closed && !server->turning && !ev_is_active(&server->turn))
        ev_feed_event(server->loop, &server->turn, EV_CUSTOM);
}
