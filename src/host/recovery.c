/* SPDX-License-Identifier: MIT */
#include "recovery.h"

#include "../base/error.h"
#include "node.h"

#include <errno.h>

enum {
    ERRORS_IN_A_ROW = 16, /* may each be of an earlier packet */
    PAUSES_OF_A_WRECK = 8
};

static const double FIRST_PAUSE = 0.01, LONGEST_PAUSE = 1.,
                    LONGEST_UNWATCHED = 0.1; /* seconds */

/* After these the same call will fail for ever. */
static bool is_for_good(int number)
{
    switch (number) {
    case EBADF:
    case ENOTSOCK:
    case EINVAL:
    case EFAULT:
    case ENOSYS:
    case EOPNOTSUPP:
    case EPERM:
    case EACCES:
        return true;
    default:
        return false;
    }
}

static void pause_for(host *node, double longest)
{
    struct recovery *recovery = &node->recovery;
    double seconds = FIRST_PAUSE;
    unsigned i;

    for (i = 0; i < recovery->pauses && seconds < longest; i++)
        seconds *= 2;
    recovery->pauses++;
    ev_timer_stop(node->loop, &recovery->again);
    ev_timer_set(&recovery->again, seconds < longest ? seconds : longest, 0.);
    ev_now_update(node->loop);
    ev_timer_start(node->loop, &recovery->again);
}

static void on_again(struct ev_loop *loop, ev_timer *watcher, int events)
{
    host *node = watcher->data;

    (void)loop, (void)events;
    host_enter(node);
    if (node->recovery.unwatched) {
        loop_watch_again(node->loop, &node->readable);
        pause_for(node, LONGEST_UNWATCHED); /* until it is seen to work */
    } else {
        ev_io_start(node->loop, &node->readable);
    }
    inbound_waiting(node);
    host_leave(node);
}

/* A tick reads, too, in the middle of a pause. */
bool recovery_read_failed(host *node, int number)
{
    struct recovery *recovery = &node->recovery;

    if (++recovery->errors < ERRORS_IN_A_ROW)
        return true;
    ev_io_stop(node->loop, &node->readable);
    if (ev_is_active(&recovery->again))
        return false;
    if (recovery->pauses >= PAUSES_OF_A_WRECK && is_for_good(number))
        host_fail(node, "cannot receive", number);
    else
        pause_for(node, LONGEST_PAUSE);
    return false;
}

void recovery_read(host *node)
{
    struct recovery *recovery = &node->recovery;

    if (recovery->errors >= ERRORS_IN_A_ROW) {
        ev_timer_stop(node->loop, &recovery->again);
        ev_io_start(node->loop, &node->readable);
        log_node_recovered(node);
    }
    if (recovery->errors > 0)
        recovery->pauses = 0;
    recovery->errors = 0;
}

void recovery_unwatched(host *node)
{
    int number = loop_check_watching(node->loop, node->udp.fd);

    log_node_unwatched(node, number);
    node->recovery.unwatched = true;
    pause_for(node, LONGEST_UNWATCHED);
}

void recovery_watched(host *node)
{
    struct recovery *recovery = &node->recovery;

    if (!recovery->unwatched)
        return;
    recovery->unwatched = false;
    recovery->pauses = 0;
    ev_timer_stop(node->loop, &recovery->again);
    log_node_recovered(node);
}

void recovery_init(host *node)
{
    ev_init(&node->recovery.again, on_again);
    node->recovery.again.data = node;
}

void recovery_start(host *node)
{
    pause_for(node, FIRST_PAUSE);
    node->recovery.pauses = 0;
}

void recovery_stop(host *node)
{
    ev_timer_stop(node->loop, &node->recovery.again);
}
