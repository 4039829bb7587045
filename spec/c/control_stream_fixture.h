/* SPDX-License-Identifier: MIT */
/*
 * What the programs that test the control socket share: a server that counts
 * what it hears, and the other end of a connection, by hand.
 */
#ifndef SHOAL_SPEC_CONTROL_STREAM_FIXTURE_H
#define SHOAL_SPEC_CONTROL_STREAM_FIXTURE_H

#include "host_test.h"

#include "control/stream.h"
#include "host/host.h"

#include <errno.h>
#include <sys/socket.h>
#include <sys/un.h>

struct fixture {
    struct ev_loop *loop;
    stream_server *server;
    char folder[200], path[220];
    unsigned messages, closes;
    shoal_bytes last;
    stream *peer; /* of the last message */
    /* what is done with a message; NULL: nothing */
    void (*reply)(struct fixture *f, stream *peer, shoal_bytes message);
    unsigned expected;
};

static inline void on_message(void *context, stream *peer, shoal_bytes message)
{
    struct fixture *f = context;

    f->messages++;
    f->last = message;
    f->peer = peer;
    if (f->reply)
        f->reply(f, peer, message);
}

static inline void on_close(void *context, stream *peer)
{
    struct fixture *f = context;

    (void)peer;
    f->closes++;
}

static inline stream_server *listen_at(struct fixture *f, const char *path,
                                       struct error *error)
{
    stream_callbacks callbacks = {f, on_message, on_close, NULL};

    return stream_listen(f->loop, path, &callbacks, error);
}

static inline void set_up(struct fixture *f)
{
    memset(f, 0, sizeof *f);
    f->loop = ev_loop_new(0);
    make_folder(f->folder);
    snprintf(f->path, sizeof f->path, "%s/x.sock", f->folder);
    f->server = listen_at(f, f->path, NULL);
    CHECK(f->loop && f->server);
}

static inline void tear_down(struct fixture *f)
{
    stream_server_close(f->server);
    CHECK(access(f->path, F_OK) == -1); /* the file is gone */
    CHECK(rmdir(f->folder) == 0);
    ev_loop_destroy(f->loop);
}

/* ---- The other end, by hand ---- */

static inline int connect_to(const char *path)
{
    struct sockaddr_un address = {0};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    address.sun_family = AF_UNIX;
    CHECK(strlen(path) < sizeof address.sun_path);
    memcpy(address.sun_path, path, strlen(path) + 1);
    CHECK(connect(fd, (struct sockaddr *)&address, sizeof address) == 0);
    return fd;
}

static inline void say(int fd, const void *bytes, size_t size)
{
    CHECK(send(fd, bytes, size, MSG_NOSIGNAL) == (ssize_t)size);
}

/* A peer that has said something, which is answered so: its end. */
static inline int ask(struct fixture *f,
                      void (*reply)(struct fixture *f, stream *peer,
                                    shoal_bytes message),
                      const void *bytes, size_t size)
{
    int fd = connect_to(f->path);

    f->reply = reply;
    say(fd, bytes, size);
    return fd;
}

static inline bool has_messages(void *context)
{
    struct fixture *f = context;

    return f->messages >= f->expected;
}

static inline bool wait_for_messages(struct fixture *f, unsigned count)
{
    f->expected = count;
    return run_until(f->loop, has_messages, f);
}

static inline bool has_closes(void *context)
{
    struct fixture *f = context;

    return f->closes >= f->expected;
}

static inline bool wait_for_closes(struct fixture *f, unsigned count)
{
    f->expected = count;
    return run_until(f->loop, has_closes, f);
}

static inline bool is_cut_off(int fd)
{
    char byte;
    ssize_t size = recv(fd, &byte, 1, MSG_DONTWAIT);

    return size == 0 || (size < 0 && errno == ECONNRESET);
}

/* ---- Answers ---- */

static inline void echo(struct fixture *f, stream *peer, shoal_bytes message)
{
    (void)f;
    CHECK(stream_send(peer, message));
}

/* A str 32 of `body` bytes. */
static inline uint8_t *large_value(size_t body)
{
    uint8_t *bytes = malloc(5 + body);

    bytes[0] = 0xdb;
    bytes[1] = (uint8_t)(body >> 24);
    bytes[2] = (uint8_t)(body >> 16);
    bytes[3] = (uint8_t)(body >> 8);
    bytes[4] = (uint8_t)body;
    memset(bytes + 5, 'x', body);
    return bytes;
}

#endif
