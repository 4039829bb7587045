/* SPDX-License-Identifier: MIT */
/*
 * Connections that a program makes: TCP to "host:port", or a Unix socket at a
 * path with a "/" in it.
 */
#ifndef SHOAL_HOST_ACT_CONNECTION_H
#define SHOAL_HOST_ACT_CONNECTION_H

#include "../host.h"

typedef struct host_connection host_connection;

/* All are called in the loop and may close it. */
typedef struct host_connection_events {
    void *context;
    /* Once: it is there (NULL), or cannot be made; then it is over. */
    void (*opened)(void *context, const char *error);
    /* While it is wanted: bytes, borrowed for the call. */
    void (*received)(void *context, shoal_bytes bytes);
    /* Once, while more is wanted: nothing more comes. The peer has ended its
     * side (NULL), or the connection is broken. */
    void (*ended)(void *context, const char *error);
    /* All that was written has been handed to the system. */
    void (*sent)(void *context);
} host_connection_events;

/* NULL and `error`: not an endpoint, or no memory, and nobody is called. */
host_connection *host_connection_new(host *node, const char *endpoint,
                                     const host_connection_events *events,
                                     struct error *error);
/* Is anything to be received? At first nothing is. */
void host_connection_want(host_connection *connection, bool wanted);
/* Copies the bytes behind those that wait. false: no memory. */
bool host_connection_write(host_connection *connection, shoal_bytes bytes);
/* Closes it at once: what waits is not sent, nobody is called any more. */
void host_connection_close(host_connection *connection);

#endif
