/* SPDX-License-Identifier: MIT */
/*
 * A rival: another process that has our advertised address, by mistake.
 *
 * The one that gets the packets for the address hears of the other, through the
 * engine. The other hears nothing: whatever is for it goes to the first. So a
 * node that knows nobody, and is bound elsewhere than it advertises, asks at
 * its own address who is there, after a second, then after 2, 4 and each 8 s:
 *
 *     the node                                      whoever is there
 *         -- ping from itself to itself, padded -->
 *         <-- ack from that one to the node -------  to where the ping came
 * from
 *
 *   it gets its own ping     packets for the address reach it: if they did not
 *                            before, the seeds are asked at once
 *   it gets an ack           the log says who has the address, then again after
 *                            a minute, 2, 4, ... an hour
 *   nothing                  it may be behind address translation: nothing is
 *                            said. If somebody had been there, that is gone
 *
 * No engine accepts a packet from its own address, so nobody changes identity
 * for it, and what is forged costs a line in the log. An answer is no larger
 * than the question; a host is given one in a second, all of them 16.
 *
 * Only the default codec is spoken: others may be a script's.
 */
#ifndef SHOAL_HOST_RIVAL_H
#define SHOAL_HOST_RIVAL_H

#include "../base/address.h"

#include <ev.h>

enum {
    RIVAL_FIRST_US = 1000 * 1000,
    RIVAL_LAST_US = 8 * 1000 * 1000,
    RIVAL_TOLD_S = 60,        /* the log is told again, at first ... */
    RIVAL_TOLD_MOST_S = 3600, /* ... and at last */
    RIVAL_HOSTS = 16          /* that are answered in a second, at most */
};

struct host;

struct rival {
    ev_timer again;
    bool armed;
    uint64_t wait_us;
    uint8_t number;      /* of the last question */
    bool asked;          /* it has no answer yet */
    unsigned unanswered; /* questions in a row */
    bool is_there;
    uint64_t told_us;
    unsigned tell_after_s;
    /* Who was answered lately. */
    struct {
        uint64_t at_us;
        struct address to;
    } answered[RIVAL_HOSTS];
    unsigned next_answered;
};

void rival_init(struct host *node);
void rival_stop(struct host *node);
/* After the connection state may have changed. */
void rival_watch(struct host *node);
/* Is that packet our own question? Then it was seen to: the engine would take
 * it for another's. */
bool rival_came_back(struct host *node, shoal_bytes packet);
/* The engine has refused that packet: its sender has our address. */
void rival_heard(struct host *node, shoal_bytes packet,
                 const struct address *from);

#endif
