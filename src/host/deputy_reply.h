/* SPDX-License-Identifier: MIT */
/*
 * What can be answered for an engine without asking it, from a few facts that
 * it gave before:
 *
 *   ping            ack
 *   indirect_ping   indirect_ack, to the one that asks for another
 *
 * addressed to our very identity and well-formed throughout. When a packet says
 * that we are suspected, or down where that can be refuted, the answers carry
 * the next incarnation, which refutes it (SWIM 4.2); the engine comes to the
 * same when it handles that packet. Where it cannot be refuted there is nothing
 * more to answer: only the engine can become somebody else.
 *
 * It speaks the default codec only. It keeps no pointer to the engine, so the
 * engine may be at work meanwhile.
 */
#ifndef SHOAL_HOST_DEPUTY_REPLY_H
#define SHOAL_HOST_DEPUTY_REPLY_H

#include "../shoal.h"

enum {
    /* Bytes that any answer fits into: three identities and small numbers. */
    DEPUTY_REPLY_MAX = 3 * SHOAL_MAX_IDENTITY + 64
};

struct deputy_reply {
    uint8_t id[SHOAL_MAX_IDENTITY];
    size_t id_size;
    uint16_t incarnation; /* that answers carry */
    uint32_t max_packet_size;
    bool refutes_down; /* as the engine does */
    bool answers;      /* false: there is nothing that it may say */
};

/* Takes the facts from the engine. An incarnation that was told already is not
 * taken back: the engine has yet to hear why it was raised. */
void deputy_reply_learn(struct deputy_reply *reply, const shoal *engine);

/* Hears what `packet` says of us, and writes the answer to it into `out`
 * (DEPUTY_REPLY_MAX bytes): its size, or 0 when it gets none. */
size_t deputy_reply_answer(struct deputy_reply *reply, shoal_bytes packet,
                           uint8_t *out);

#endif
