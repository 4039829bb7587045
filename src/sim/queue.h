/* SPDX-License-Identifier: MIT */
/* The events to come: a binary heap by time, then by when they were made. */
#ifndef SHOAL_SIM_QUEUE_H
#define SHOAL_SIM_QUEUE_H

#include "../shoal.h"

enum event_kind {
    EVENT_CALL,
    EVENT_PACKET,
    EVENT_HANDLE,
    EVENT_TICK,
    EVENT_WAKE,
    EVENT_TIMER
};

struct event {
    uint64_t at_us;
    uint64_t order;
    uint32_t place; /* that it happens at */
    uint8_t kind;   /* enum event_kind */
    void *what;     /* packet, timer, call */
};

struct sim_queue {
    struct event *heap;
    size_t count, capacity;
    uint64_t order;
};

void queue_clear(struct sim_queue *queue);
/* false: no memory. The event's order is set here. */
bool queue_push(struct sim_queue *queue, struct event event);
/* The first; the queue must not be empty. */
struct event queue_pop(struct sim_queue *queue);

#endif
