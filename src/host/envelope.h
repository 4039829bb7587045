/* SPDX-License-Identifier: MIT */
/*
 * What the host puts around a packet of the engine: the cluster's label, so
 * that two clusters which come upon each other's addresses do not become one.
 *
 *   no label   the packet as it is
 *   a label    +------+------------------+-------+--------
 *              |  c1  | length (1 to 64) | label | packet
 *              +------+------------------+-------+--------
 */
#ifndef SHOAL_HOST_ENVELOPE_H
#define SHOAL_HOST_ENVELOPE_H

#include "../base/error.h"

#include "host.h"

enum {
    ENVELOPE_MAX = 2 + HOST_MAX_LABEL /* bytes in front of a packet */
};

struct envelope {
    uint8_t prefix[ENVELOPE_MAX]; /* what goes in front of each packet */
    size_t size;                  /* of it; 0 without a label */
};

/* `label` NULL or "": none. 0, or -1 and `error` when it is too long. */
int envelope_init(struct envelope *envelope, const char *label,
                  struct error *error);

/* Takes the packet out of a datagram: `*packet` points into it. false: it is
 * another cluster's. Something that looks like an envelope but is not well
 * formed is passed on by a node without a label, for the engine to refuse. */
bool envelope_open(const struct envelope *envelope, shoal_bytes datagram,
                   shoal_bytes *packet);

#endif
