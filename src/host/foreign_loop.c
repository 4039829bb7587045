/* SPDX-License-Identifier: MIT */
/*
 * What a loop that is not libev's has to know of a node: which descriptor to
 * look at, and when to look again without it.
 *
 * libev tells nobody when its next timer is due, so the node's own timers are
 * asked. What else may be going on wakes no descriptor of the node's and has an
 * upper bound here: answers of the resolver's threads, children, signals,
 * control sockets.
 */
#include "node.h"

enum { PATIENCE_US = 1000 * 1000, LOOKING_US = 20 * 1000 };

static uint64_t sooner(const host *node, ev_timer *timer, uint64_t us)
{
    if (!ev_is_active(timer))
        return us;
    double seconds = ev_timer_remaining(node->loop, timer);
    if (seconds <= 0.)
        return 0;
    /* A microsecond late rather than early, which would be for nothing. */
    return seconds * 1e6 < (double)us ? (uint64_t)(seconds * 1e6) + 1 : us;
}

int host_fd(const host *node)
{
    return node->udp.fd;
}

uint64_t host_due_in(host *node)
{
    bool others = resolver_is_busy(node->resolver) || node->children ||
                  node->ios || node->connections || node->http;
    uint64_t us = others ? LOOKING_US : PATIENCE_US;

    if (ev_pending_count(node->loop) > 0)
        return 0;
    ev_now_update(node->loop);
    us = sooner(node, &node->deadline, us);
    us = sooner(node, &node->recovery.again, us);
    us = sooner(node, &node->seeding, us);
    us = sooner(node, &node->recall.again, us);
    us = sooner(node, &node->rival.again, us);
    us = sooner(node, &node->path.again, us);
    return host_timers_due_in(node, sooner, us);
}
