/* SPDX-License-Identifier: MIT */
#include "child_parts.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    CHUNK = 16 * 1024,     /* bytes read at a time */
    MAX_REST = 1024 * 1024 /* bytes read after the child's end: a pipe holds
                              less, but another process may go on writing */
};

static void close_output(struct child_output *output)
{
    if (output->fd < 0)
        return;
    ev_io_stop(output->loop, &output->watcher);
    close(output->fd);
    output->fd = -1;
}

static void keep(struct child_output *output, shoal_bytes bytes)
{
    size_t kept = buffer_add_some(&output->bytes, bytes, output->max_size);

    output->truncated = output->truncated || kept < bytes.size;
}

/* How many bytes there were; 0: nothing at the moment, or for ever. */
static size_t read_chunk(struct child_output *output)
{
    uint8_t chunk[CHUNK];
    ssize_t size;
    do
        size = read(output->fd, chunk, sizeof chunk);
    while (size < 0 && errno == EINTR);
    if (size > 0)
        keep(output, bytes_of(chunk, (size_t)size));
    else if (size == 0 || (errno != EAGAIN && errno != EWOULDBLOCK))
        close_output(output);
    return size > 0 ? (size_t)size : 0;
}

static void on_readable(struct ev_loop *loop, ev_io *watcher, int events)
{
    struct child_output *output = watcher->data;
    (void)loop, (void)events;
    (void)read_chunk(output);
}

void child_output_start(struct child_output *output, struct ev_loop *loop,
                        int fd, size_t max_size)
{
    *output =
        (struct child_output){.loop = loop, .fd = fd, .max_size = max_size};
    ev_io_init(&output->watcher, on_readable, fd, EV_READ);
    output->watcher.data = output;
    ev_io_start(loop, &output->watcher);
}

void child_output_finish(struct child_output *output)
{
    size_t total = 0, size;
    while (output->fd >= 0 && total < MAX_REST &&
           (size = read_chunk(output)) > 0)
        total += size;
    close_output(output);
}

void child_output_clear(struct child_output *output)
{
    close_output(output);
    buffer_clear(&output->bytes);
}
