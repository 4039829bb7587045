/* SPDX-License-Identifier: MIT */
/* Somebody who records packets, and sends them once more. */
#include "internal.h"

#include <stdlib.h>
#include <string.h>

struct sim_packet *wiretap_copy(const struct sim_packet *packet)
{
    size_t size = sizeof *packet + packet->size;
    struct sim_packet *copy = malloc(size);
    if (copy)
        memcpy(copy, packet, size);
    return copy;
}

void sim_wiretap(sim *net, bool records)
{
    net->taps = records;
}

void wiretap_note(sim *net, uint32_t to, const struct sim_packet *packet)
{
    struct tapped *entry = malloc(sizeof *entry);
    struct sim_packet *copy = entry ? wiretap_copy(packet) : NULL;
    if (!copy) {
        free(entry);
        return;
    }
    *entry = (struct tapped){.next = net->tapped, .to = to, .packet = copy};
    net->tapped = entry;
}

void wiretap_free(sim *net)
{
    while (net->tapped) {
        struct tapped *entry = net->tapped;
        net->tapped = entry->next;
        free(entry->packet);
        free(entry);
    }
}
