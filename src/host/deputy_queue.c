/* SPDX-License-Identifier: MIT */
#include "deputy_queue.h"

#include <stdlib.h>
#include <string.h>

static bool has_room(const struct deputy_queue *kept, size_t size)
{
    return kept->count < DEPUTY_QUEUE_MAX_DATAGRAMS &&
           size <= DEPUTY_QUEUE_MAX_BYTES - kept->bytes;
}

bool deputy_queue_push(struct deputy_queue *kept, const struct arrived *arrival)
{
    size_t size = arrival->packet.size;
    struct deputy_datagram *entry;

    if (!has_room(kept, size))
        return false;
    entry = malloc(sizeof *entry + size);
    if (!entry)
        return false;
    entry->next = NULL;
    entry->arrival = *arrival;
    entry->arrival.packet.data = entry->data;
    if (size > 0)
        memcpy(entry->data, arrival->packet.data, size);
    if (kept->last)
        kept->last->next = entry;
    else
        kept->first = entry;
    kept->last = entry;
    kept->count++;
    kept->bytes += size;
    return true;
}

struct deputy_datagram *deputy_queue_pop(struct deputy_queue *kept)
{
    struct deputy_datagram *entry = kept->first;

    if (!entry)
        return NULL;
    kept->first = entry->next;
    if (!kept->first)
        kept->last = NULL;
    kept->count--;
    kept->bytes -= entry->arrival.packet.size;
    return entry;
}

void deputy_queue_clear(struct deputy_queue *kept)
{
    struct deputy_datagram *entry;

    while ((entry = deputy_queue_pop(kept)))
        free(entry);
}
