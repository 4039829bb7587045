/* SPDX-License-Identifier: MIT */
/* What the server of control_server.c and its peers, for control_peer.c, are.
 */
#ifndef SHOAL_CONTROL_CONTROL_SERVER_H
#define SHOAL_CONTROL_CONTROL_SERVER_H

#include "../lua/compat.h"
#include "../lua/program.h"
#include "stream.h"

struct server {
    stream_server *listener; /* NULL once it is closed */
    struct program *program;
    int userdata;       /* reference */
    unsigned busy;      /* callbacks of the listener on the stack */
    uint64_t last_id;   /* of a peer */
    uint64_t malformed; /* messages that are no MessagePack-RPC */
    stream_stats stats; /* at the end */
    log_gate troubles;
};

struct peer {
    struct server *server;
    stream *stream; /* NULL: it is gone */
    uint64_t id;
};

extern const char control_peer_type[];

/* false: it is gone. */
bool control_send(struct peer *peer, shoal_bytes bytes);
/* The message on top of the stack; borrowed while it is there. */
shoal_bytes control_message(lua_State *L);
/* Makes the metatable of peers. */
void control_register_peer(lua_State *L);

#endif
