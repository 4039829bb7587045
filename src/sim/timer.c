/* SPDX-License-Identifier: MIT */
#include "../base/list.h"
#include "internal.h"

#include <stdlib.h>

static bool arm(sim_timer *timer, uint64_t at_us)
{
    struct event event = {.at_us = at_us,
                          .kind = EVENT_TIMER,
                          .place = timer->node->place,
                          .what = timer};
    return queue_push(&timer->node->net->queue, event);
}

sim_timer *sim_timer_new(sim_node *node, uint64_t after_us, uint64_t repeat_us,
                         sim_fn *fn, void *context)
{
    sim_timer *timer = malloc(sizeof *timer);
    if (!timer)
        return NULL;
    *timer = (sim_timer){
        .node = node, .repeat_us = repeat_us, .fn = fn, .context = context};
    if (!arm(timer, node->net->now_us + after_us)) {
        free(timer);
        return NULL;
    }
    LIST_PUSH(node->timers, timer);
    return timer;
}

/* Its event in the queue, or the call it is in, frees it; one that fell due
 * while its node was paused has neither. */
void sim_timer_cancel(sim_timer *timer)
{
    if (!timer->node)
        return;
    timer->node = NULL;
    LIST_REMOVE(timer);
    if (timer->due)
        free(timer);
}

void timer_resume_all(struct sim_node *node)
{
    for (sim_timer *timer = node->timers, *next; timer; timer = next) {
        next = timer->next;
        if (timer->due && !arm(timer, node->net->now_us))
            sim_timer_cancel(timer); /* no memory: it is lost */
        else
            timer->due = false;
    }
}

void timer_free_all(struct sim_node *node)
{
    while (node->timers)
        sim_timer_cancel(node->timers);
}

void timer_fire(sim_timer *timer)
{
    sim_node *node = timer->node;
    if (!node) {
        free(timer);
        return;
    }
    if (node->paused) {
        timer->due = true;
        return;
    }
    node->busy++;
    timer->fn(timer->context);
    node->busy--;
    bool again = timer->node && timer->repeat_us > 0 &&
                 arm(timer, node->net->now_us + timer->repeat_us);
    if (!again) {
        if (timer->node)
            sim_timer_cancel(timer);
        free(timer);
    }
    node_drain(node);
}
