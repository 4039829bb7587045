/* SPDX-License-Identifier: MIT */
#include "connection.h"

#include "../../base/bytes.h"
#include "../../base/list.h"
#include "../node.h"
#include "name_question.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#ifndef MSG_NOSIGNAL
#define MSG_NOSIGNAL 0
#endif

enum { CHUNK = 16 * 1024 };

struct host_connection {
    host_connection *next, **place; /* in the node's list */
    host *node;
    host_connection_events events;
    struct name_question *lookup; /* while its name is looked up */
    struct addresses addresses; /* those that have not been tried: the first */
    size_t tried;               /* ... is this */
    int fd;                     /* -1: none */
    ev_io readable, writable;
    ev_timer soon; /* for what must not happen inside of a call of ours */
    uint8_t *out;  /* what waits to be sent */
    size_t out_size, out_sent;
    bool is_open, wanted, over;
    unsigned depth; /* calls of its events on the stack */
    bool closed;    /* to be freed when they have returned */
};

/* ---- Its end ---- */

static void close_socket(host_connection *connection)
{
    ev_io_stop(connection->node->loop, &connection->readable);
    ev_io_stop(connection->node->loop, &connection->writable);
    if (connection->fd >= 0)
        close(connection->fd);
    connection->fd = -1;
}

static void free_connection(host_connection *connection)
{
    close_socket(connection);
    ev_timer_stop(connection->node->loop, &connection->soon);
    name_question_forget(connection->lookup);
    addresses_clear(&connection->addresses);
    LIST_REMOVE(connection);
    free(connection->out);
    free(connection);
}

void host_connection_close(host_connection *connection)
{
    connection->closed = true;
    close_socket(connection);
    if (connection->depth == 0)
        free_connection(connection);
}

static void end_connections(host *node)
{
    while (node->connections)
        free_connection(node->connections);
}

/* Every call of its events is between these two. */
static host *enter(host_connection *connection)
{
    host *node = connection->node;
    host_enter(node);
    connection->depth++;
    return node;
}

static void leave(host_connection *connection, host *node)
{
    if (--connection->depth == 0 && connection->closed)
        free_connection(connection);
    host_leave(node);
}

/* ---- Sending and receiving ---- */

static void tell_ended(host_connection *connection, const char *error)
{
    if (connection->over || connection->closed)
        return;
    connection->over = true;
    close_socket(connection);
    connection->events.ended(connection->events.context, error);
}

static void receive(host_connection *connection)
{
    uint8_t chunk[CHUNK];
    ssize_t size = recv(connection->fd, chunk, sizeof chunk, 0);
    if (size > 0)
        connection->events.received(connection->events.context,
                                    bytes_of(chunk, (size_t)size));
    else if (size == 0)
        tell_ended(connection, NULL);
    else if (errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR)
        tell_ended(connection, error_text(errno));
}

static void send_waiting(host_connection *connection)
{
    ssize_t size =
        send(connection->fd, connection->out + connection->out_sent,
             connection->out_size - connection->out_sent, MSG_NOSIGNAL);
    if (size < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR))
        return;
    if (size < 0) {
        tell_ended(connection, error_text(errno));
        return;
    }
    connection->out_sent += (size_t)size;
    if (connection->out_sent < connection->out_size)
        return;
    connection->out_size = connection->out_sent = 0;
    ev_io_stop(connection->node->loop, &connection->writable);
    connection->events.sent(connection->events.context);
}

static void watch(host_connection *connection)
{
    struct ev_loop *loop = connection->node->loop;
    if (connection->fd < 0 || !connection->is_open)
        return;
    if (connection->wanted)
        ev_io_start(loop, &connection->readable);
    else
        ev_io_stop(loop, &connection->readable);
    if (connection->out_size > 0)
        ev_io_start(loop, &connection->writable);
}

void host_connection_want(host_connection *connection, bool wanted)
{
    connection->wanted = wanted;
    watch(connection);
}

bool host_connection_write(host_connection *connection, shoal_bytes bytes)
{
    size_t waiting = connection->out_size - connection->out_sent;
    uint8_t *out = malloc(waiting + bytes.size + 1);
    if (!out)
        return false;
    if (waiting > 0)
        memcpy(out, connection->out + connection->out_sent, waiting);
    (void)bytes_copy(out + waiting, bytes);
    free(connection->out);
    connection->out = out;
    connection->out_size = waiting + bytes.size;
    connection->out_sent = 0;
    watch(connection);
    return true;
}

/* ---- Connecting ---- */

static void tell_opened(host_connection *connection, const char *error)
{
    if (connection->over || connection->closed)
        return;
    connection->over = error != NULL;
    connection->is_open = error == NULL;
    if (error)
        close_socket(connection);
    watch(connection);
    connection->events.opened(connection->events.context, error);
}

static int open_socket(host_connection *connection, int family)
{
    int fd = socket(family, SOCK_STREAM, 0), on = 1;
    if (fd < 0)
        return errno;
    if (fcntl(fd, F_SETFD, FD_CLOEXEC) != 0 ||
        fcntl(fd, F_SETFL, O_NONBLOCK) != 0) {
        int number = errno;
        close(fd);
        return number;
    }
    if (family != AF_UNIX)
        (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    connection->fd = fd;
    ev_io_set(&connection->readable, fd, EV_READ);
    ev_io_set(&connection->writable, fd, EV_WRITE);
    return 0;
}

/* 0: it is being made, and becomes writable. */
static int begin(host_connection *connection, const struct sockaddr *address,
                 socklen_t size)
{
    int number = open_socket(connection, address->sa_family);
    if (number != 0)
        return number;
    if (connect(connection->fd, address, size) != 0 && errno != EINPROGRESS)
        number = errno;
    if (number == 0)
        ev_io_start(connection->node->loop, &connection->writable);
    else
        close_socket(connection);
    return number;
}

/* The next address; when there is none, the connection cannot be made. */
static void try_next(host_connection *connection, int number)
{
    while (connection->tried < connection->addresses.count) {
        struct address address =
            address_plain(&connection->addresses.list[connection->tried++]);
        number = begin(connection, &address.as.any, address.size);
        if (number == 0)
            return;
    }
    tell_opened(connection, error_text(number));
}

static void finish_connecting(host_connection *connection)
{
    int number = 0;
    socklen_t size = sizeof number;
    if (getsockopt(connection->fd, SOL_SOCKET, SO_ERROR, &number, &size) != 0)
        number = errno;
    ev_io_stop(connection->node->loop, &connection->writable);
    if (number == 0) {
        tell_opened(connection, NULL);
        return;
    }
    close_socket(connection);
    try_next(connection, number);
}

static void on_readable(struct ev_loop *loop, ev_io *watcher, int events)
{
    host_connection *connection = watcher->data;
    host *node = enter(connection);
    (void)loop, (void)events;
    receive(connection);
    leave(connection, node);
}

static void on_writable(struct ev_loop *loop, ev_io *watcher, int events)
{
    host_connection *connection = watcher->data;
    host *node = enter(connection);
    (void)loop, (void)events;
    if (connection->is_open)
        send_waiting(connection);
    else
        finish_connecting(connection);
    leave(connection, node);
}

static void on_soon(struct ev_loop *loop, ev_timer *watcher, int events)
{
    host_connection *connection = watcher->data;
    host *node = enter(connection);
    (void)loop, (void)events;
    try_next(connection, connection->addresses.count ? 0 : ENOENT);
    leave(connection, node);
}

/* ---- Finding out where to ---- */

static void on_found(void *context, const struct addresses *found,
                     const char *error)
{
    host_connection *connection = context;
    connection->lookup = NULL;
    host *node = enter(connection);
    for (size_t i = 0; found && i < found->count; i++)
        (void)addresses_add(&connection->addresses, &found->list[i]);
    if (connection->addresses.count > 0)
        try_next(connection, 0);
    else
        tell_opened(connection, error ? error : error_text(ENOMEM));
    leave(connection, node);
}

static int begin_unix(host_connection *connection, const char *path,
                      struct error *error)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof address.sun_path)
        return error_fail(error, "the path of the socket is too long");
    memcpy(address.sun_path, path, strlen(path) + 1);
    int number = begin(connection, (struct sockaddr *)&address, sizeof address);
    if (number == 0)
        return 0;
    return error_fail(error, "%s", error_text(number));
}

static int begin_inet(host_connection *connection, const char *text,
                      struct error *error)
{
    struct endpoint endpoint;
    if (address_parse_endpoint(bytes_of_text(text), &endpoint, error) != 0)
        return -1;
    if (endpoint.is_name)
        connection->lookup =
            name_question_ask(connection->node, endpoint.name, endpoint.port,
                              on_found, connection);
    if (connection->lookup)
        return 0;
    if (endpoint.is_name ||
        !addresses_add(&connection->addresses, &endpoint.address))
        return error_fail(error, "out of memory");
    ev_timer_set(&connection->soon, 0., 0.);
    ev_timer_start(connection->node->loop, &connection->soon);
    return 0;
}

static host_connection *make(host *node, const host_connection_events *events)
{
    host_connection *connection = calloc(1, sizeof *connection);
    if (!connection)
        return NULL;
    connection->node = node;
    connection->events = *events;
    connection->fd = -1;
    ev_init(&connection->readable, on_readable);
    ev_init(&connection->writable, on_writable);
    ev_init(&connection->soon, on_soon);
    connection->readable.data = connection->writable.data = connection;
    connection->soon.data = connection;
    node->end_acts[HOST_CONNECTIONS] = end_connections;
    LIST_PUSH(node->connections, connection);
    return connection;
}

host_connection *host_connection_new(host *node, const char *endpoint,
                                     const host_connection_events *events,
                                     struct error *error)
{
    struct error reason = {"out of memory"};
    host_connection *connection = make(node, events);
    if (connection && (strchr(endpoint, '/')
                           ? begin_unix(connection, endpoint, &reason)
                           : begin_inet(connection, endpoint, &reason)) == 0)
        return connection;
    error_fail(error, "cannot connect to %.128s: %.300s", endpoint,
               reason.text);
    if (connection)
        free_connection(connection);
    return NULL;
}
