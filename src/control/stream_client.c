/* SPDX-License-Identifier: MIT */
#include "../base/clock.h"
#include "../base/error.h"
#include "frame.h"
#include "stream.h"
#include "stream_path.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#ifndef SOCK_CLOEXEC
#define SOCK_CLOEXEC 0 /* a command is about to end anyway */
#endif

struct stream_client {
    int fd;
    struct frame frame;
};

static const char busy[] = "the node does not answer (its script may be busy)";

/* A node that is stopped neither accepts nor reads. */
static int limit_sending(int fd, int timeout_ms)
{
    struct timeval patience = {0, 0}; /* no limit */

    if (timeout_ms >= 0) {
        int ms = timeout_ms > 0 ? timeout_ms : 1;

        patience.tv_sec = ms / 1000;
        patience.tv_usec = ms % 1000 * 1000;
    }
    return setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
}

static void explain(int number, const char *path, struct error *error)
{
    struct stat found;

    if (number == ECONNREFUSED && stat(path, &found) == 0 &&
        !S_ISSOCK(found.st_mode))
        error_fail(error, "%s is not a socket", path);
    else if (number == ENOENT || number == ECONNREFUSED)
        error_fail(error, "no node is listening on %s", path);
    else if (number == EAGAIN || number == EWOULDBLOCK)
        error_fail(error, "%s", busy);
    else
        error_errno(error, number, "cannot connect to %s", path);
}

stream_client *stream_connect(const char *path, int timeout_ms,
                              struct error *error)
{
    stream_client *client = calloc(1, sizeof *client);
    struct sockaddr_un address;

    if (!client) {
        error_fail(error, "cannot connect to %s: out of memory", path);
        return NULL;
    }
    client->fd = -1;
    /* an answer is as long as the node can send: it lists all members */
    frame_init(&client->frame, STREAM_MAX_BACKLOG);
    if (stream_path_address(path, &address, error) != 0) {
        stream_client_close(client);
        return NULL;
    }
    client->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (client->fd < 0 || limit_sending(client->fd, timeout_ms) != 0 ||
        connect(client->fd, (const struct sockaddr *)&address,
                sizeof address) != 0) {
        explain(errno, path, error);
        stream_client_close(client);
        return NULL;
    }
    return client;
}

int stream_client_send(stream_client *client, shoal_bytes bytes,
                       struct error *error)
{
    size_t done = 0;

    while (done < bytes.size) {
        ssize_t size = send(client->fd, bytes.data + done, bytes.size - done,
                            MSG_NOSIGNAL);

        if (size >= 0)
            done += (size_t)size;
        else if (errno == EAGAIN || errno == EWOULDBLOCK)
            return error_fail(error, "%s", busy);
        else if (errno == EPIPE || errno == ECONNRESET)
            return error_fail(error, "the node closed the connection");
        else if (errno != EINTR)
            return error_errno(error, errno, "cannot send to the node");
    }
    return 0;
}

static int64_t now_ms(void)
{
    return (int64_t)(clock_monotonic_us() / 1000);
}

/* 1: there is something to read; 0: not before `end_ms` (-1: for ever). */
static int wait_readable(int fd, int64_t end_ms)
{
    for (;;) {
        struct pollfd wait = {fd, POLLIN, 0};
        int64_t left = end_ms < 0 ? -1 : end_ms - now_ms();
        int result;

        if (end_ms >= 0 && left < 0)
            left = 0;
        result = poll(&wait, 1, (int)left);
        if (result >= 0 || errno != EINTR)
            return result;
    }
}

/* Reads once: 1, 0 at the end of the stream, -1 and `error`. */
static int read_more(stream_client *client, struct error *error)
{
    size_t room;
    uint8_t *to = frame_room(&client->frame, &room);
    ssize_t size;

    if (!to)
        return error_fail(error, "out of memory");
    do
        size = read(client->fd, to, room);
    while (size < 0 && errno == EINTR);
    if (size < 0 && errno == ECONNRESET)
        return 0;
    if (size < 0)
        return error_errno(error, errno, "cannot read from the node");
    frame_filled(&client->frame, (size_t)size);
    return size > 0;
}

int stream_client_receive(stream_client *client, int timeout_ms,
                          shoal_bytes *message, struct error *error)
{
    int64_t end_ms = timeout_ms < 0 ? -1 : now_ms() + timeout_ms;

    for (;;) {
        int result = frame_next(&client->frame, message);

        if (result == 1)
            return 1;
        if (result < 0)
            return error_fail(error,
                              "the node sent something that is not a message");
        result = wait_readable(client->fd, end_ms);
        if (result == 0) {
            error_fail(error, "%s", busy);
            return STREAM_TIMEOUT;
        }
        if (result < 0)
            return error_errno(error, errno, "cannot wait for the node");
        result = read_more(client, error);
        if (result <= 0)
            return result;
    }
}

void stream_client_close(stream_client *client)
{
    if (!client)
        return;
    if (client->fd >= 0)
        close(client->fd);
    frame_clear(&client->frame);
    free(client);
}
