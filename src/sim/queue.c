/* SPDX-License-Identifier: MIT */
#include "queue.h"

#include <stdlib.h>

void queue_clear(struct sim_queue *queue)
{
    free(queue->heap);
    *queue = (struct sim_queue){0};
}

static bool before(const struct event *a, const struct event *b)
{
    return a->at_us != b->at_us ? a->at_us < b->at_us : a->order < b->order;
}

static bool grow(struct sim_queue *queue)
{
    size_t capacity = queue->capacity ? queue->capacity * 2 : 256;
    struct event *heap = realloc(queue->heap, capacity * sizeof *heap);
    if (!heap)
        return false;
    queue->heap = heap;
    queue->capacity = capacity;
    return true;
}

bool queue_push(struct sim_queue *queue, struct event event)
{
    if (queue->count == queue->capacity && !grow(queue))
        return false;
    event.order = queue->order++;
    size_t at = queue->count++;
    while (at > 0 && before(&event, &queue->heap[(at - 1) / 2])) {
        queue->heap[at] = queue->heap[(at - 1) / 2];
        at = (at - 1) / 2;
    }
    queue->heap[at] = event;
    return true;
}

struct event queue_pop(struct sim_queue *queue)
{
    struct event first = queue->heap[0], last = queue->heap[--queue->count];
    size_t at = 0, child;
    while ((child = 2 * at + 1) < queue->count) {
        if (child + 1 < queue->count &&
            before(&queue->heap[child + 1], &queue->heap[child]))
            child++;
        if (!before(&queue->heap[child], &last))
            break;
        queue->heap[at] = queue->heap[child];
        at = child;
    }
    queue->heap[at] = last;
    return first;
}
