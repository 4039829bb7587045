/* SPDX-License-Identifier: MIT */
#include "deputy_queue.h"

#include <stdlib.h>
#include <string.h>

static bool has_room(const struct kept *kept, size_t size)
{
    return kept->count < KEPT_MAX_DATAGRAMS &&
           size <= KEPT_MAX_BYTES - kept->bytes;
}

bool kept_push(struct kept *kept, shoal_bytes datagram, bool truncated)
{
    struct kept_datagram *entry;

    if (!has_room(kept, datagram.size))
        return false;
    entry = malloc(sizeof *entry + datagram.size);
    if (!entry)
        return false;
    entry->next = NULL;
    entry->size = datagram.size;
    entry->truncated = truncated;
    if (datagram.size > 0)
        memcpy(entry->data, datagram.data, datagram.size);
    if (kept->last)
        kept->last->next = entry;
    else
        kept->first = entry;
    kept->last = entry;
    kept->count++;
    kept->bytes += entry->size;
    return true;
}

struct kept_datagram *kept_pop(struct kept *kept)
{
    struct kept_datagram *entry = kept->first;

    if (!entry)
        return NULL;
    kept->first = entry->next;
    if (!kept->first)
        kept->last = NULL;
    kept->count--;
    kept->bytes -= entry->size;
    return entry;
}

void kept_clear(struct kept *kept)
{
    struct kept_datagram *entry;

    while ((entry = kept_pop(kept)))
        free(entry);
}
