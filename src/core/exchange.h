/* SPDX-License-Identifier: MIT */
/*
 * Two members tell each other what they lack. One asks (round.h), the other
 * answers (entry/exchange_answer.h) and keeps nothing:
 *
 *   sums   ->  which of them differ
 *   list   ->  claims about those that it lacks, at most EXCHANGE_PACKETS
 *              packets of them; the hashes of those that we lack; "done"
 *   want   ->  claims about these
 *
 * What is said in an exchange of a living member that was unknown here is old
 * news, and not gossiped on: the others have it, or find it themselves.
 *
 * A sender that has not shown that it gets what we send (stranger.h) is told as
 * much as its own packet is worth, and that there is more.
 *
 * Nobody is declared down by an exchange. Whoever hears that somebody is alive
 * whom it has found down answers with a suspicion, which the one concerned can
 * refute (verdict.h).
 */
#ifndef SHOAL_CORE_EXCHANGE_H
#define SHOAL_CORE_EXCHANGE_H

#include "records/record.h"
#include "table/members.h"

enum {
    EXCHANGE_PACKETS = 3, /* that one question brings, at the most */
    EXCHANGE_TELLS = 256, /* members in these */
    EXCHANGE_WANTS = 128,
    EXCHANGE_MAX_RECORDS = 1400 /* bytes of records in a packet */
};

/* Members to be told of. */
struct tell_list {
    uint32_t slots[EXCHANGE_TELLS]; /* NO_SLOT: ourselves */
    uint32_t count, told;
    bool is_cut;             /* there are more */
    bool is_last;            /* no other packet follows */
    bool compares;           /* asks, or answers that */
    struct records *records; /* behind the last of them */
};

/* Bytes of records in a packet to `to`. */
size_t exchange_room(const shoal *engine, const struct identity *to);
/* The same, to somebody with an identity of such a size. */
size_t exchange_room_for(const shoal *engine, size_t id);
/* ... in an answer to questions of the sender at hand, which may be worth less.
 */
size_t exchange_answer_room(const shoal *engine, shoal_bytes to);
/* One record. false: it does not fit, and nothing was written. */
bool exchange_write_list(shoal *engine, struct records *records,
                         struct cell cell);
bool exchange_write_sums(shoal *engine, struct records *records,
                         struct cell cell, uint8_t split);
void exchange_send(shoal *engine, struct member *to, struct records *records);
/* The same with questions, whose answer may be larger than they are. */
void exchange_ask(shoal *engine, struct member *to, struct records *records);
#endif
