/* SPDX-License-Identifier: MIT */
/*
 * Packets to others:
 *
 *   announce, turn_undead   header
 *   broadcast               header  items...
 *   feed                    header  u16 count  members...  items...
 *   every other kind        header  u16 count  updates...  items...
 *
 * With no more than two bytes of room left behind the header, the count is left
 * out. A packet is built in place, at the end of the effect queue.
 */
#ifndef SHOAL_CORE_PACKET_H
#define SHOAL_CORE_PACKET_H

#include "send.h"

struct message {
    const struct who *to;
    shoal_message kind;
    uint8_t number;
    shoal_bytes peer;
    size_t room; /* bytes of the packet; 0: as many as there may be */
    bool with_items, needs_items; /* needs: or it is not sent */
    bool with_topics;
    const shoal_update *claim; /* what it begins with; NULL: nothing */
    bool is_bare;              /* no other claim follows the header */
    bool lists;                /* active members */
    struct tell_list *telling; /* an exchange */
};

/* Builds it and queues it. How many items it carries; 0 when it was not sent.
 */
uint32_t packet_send(shoal *engine, const struct message *message);

/* What follows the header: the claims into engine->decoded, the items are left
 * in `*body`. 0, MALFORMED, NOMEM, or an error of the codec. */
int packet_decode_body(shoal *engine, const shoal_header *header,
                       shoal_bytes *body);

#endif
