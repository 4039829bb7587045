/* SPDX-License-Identifier: MIT */
#include "../base/list.h"
#include "node.h"

#include <stdlib.h>

struct host_timer {
    host_timer *next, **place; /* in the node's list */
    host *node;
    ev_timer watcher;
    host_timer_fn *fn;
    void *context;
    bool firing, over;
};

static void discard(host_timer *timer)
{
    ev_timer_stop(timer->node->loop, &timer->watcher);
    LIST_REMOVE(timer);
    free(timer);
}

/* `fn` may cancel this timer and close the node; both wait until it is back. */
static void on_time(struct ev_loop *loop, ev_timer *watcher, int events)
{
    host_timer *timer = watcher->data;
    host *node = timer->node;

    (void)loop, (void)events;
    host_enter(node);
    timer->firing = true;
    timer->over = !ev_is_active(watcher); /* it does not repeat */
    timer->fn(timer->context);
    timer->firing = false;
    if (timer->over)
        discard(timer);
    host_leave(node);
}

host_timer *host_timer_new(host *node, uint64_t after_us, uint64_t repeat_us,
                           host_timer_fn *fn, void *context)
{
    host_timer *timer = calloc(1, sizeof *timer);

    if (!timer)
        return NULL;
    timer->node = node;
    timer->fn = fn;
    timer->context = context;
    LIST_PUSH(node->timers, timer);
    ev_timer_init(&timer->watcher, on_time, (double)after_us / 1e6,
                  (double)repeat_us / 1e6);
    timer->watcher.data = timer;
    /* the loop's clock may have stood still for as long as a handler ran, and
     * a timer must not fire early */
    ev_now_update(node->loop);
    ev_timer_start(node->loop, &timer->watcher);
    return timer;
}

void host_timer_cancel(host_timer *timer)
{
    if (timer->firing)
        timer->over = true;
    else
        discard(timer);
}

void host_timers_clear(host *node)
{
    while (node->timers)
        discard(node->timers);
}

uint64_t host_timers_due_in(host *node,
                            uint64_t (*sooner)(const host *node,
                                               ev_timer *timer, uint64_t us),
                            uint64_t us)
{
    host_timer *timer;

    for (timer = node->timers; timer; timer = timer->next)
        us = sooner(node, &timer->watcher, us);
    return us;
}
