/* SPDX-License-Identifier: MIT */
/*
 * A round: we compare what we know with others, cell by cell, until each cell
 * was found equal or made so (cells.h; exchange.h answers).
 *
 *   a cell with few members     we list them; the other one tells us what we
 *                               lack, asks for what it lacks, says "done"
 *   a cell with many            we send the sums of its parts; the other one
 *                               says which differ, and these we compare next
 *
 * What is done but cut off, as there was too much to tell, is compared again in
 * eight parts, with somebody else each. Who knows next to nobody lists all it
 * knows at once, and so is told what it lacks in a few round trips, by as many
 * members.
 *
 * A round begins
 *
 *   when we have become active         with random members
 *   when a digest of an ack differs    with that member
 *   after one that brought news        with random members
 *
 * Rounds that change nothing are followed by longer and longer pauses, until
 * something changes: two that differ for good do not talk for ever.
 *
 * A question without an answer is asked again, with longer and longer waits; at
 * last it is dropped: a ping's digest will find what is left.
 */
#ifndef SHOAL_CORE_ROUND_H
#define SHOAL_CORE_ROUND_H

#include "records/record.h"
#include "table/cells.h"
#include "table/identity.h"

enum { ROUND_CELLS = 192 };

struct round_cell {
    uint32_t prefix;
    uint8_t bits, tries;
    bool is_asked;
    uint64_t due_us; /* when it is asked, or asked again */
};

struct round {
    struct identity *peer; /* whom we ask; NULL: random members */
    uint64_t at_us;        /* when something is due; SHOAL_NEVER */
    uint64_t begun_us, learned;
    uint32_t told;   /* members, to those who lacked them */
    uint32_t count;  /* of `cells`; 0: no round */
    uint8_t quiet;   /* rounds in a row that changed nothing */
    uint8_t hunger;  /* rounds that follow, if they bring nothing either */
    bool lists_all;  /* lists cells of any size, one in a packet */
    bool is_planned; /* one begins at `at_us` */
    struct round_cell cells[ROUND_CELLS];
};

void round_init(struct round *round);
/* There is nobody to ask any more. */
void round_stop(shoal *engine);
/* We have just become active. */
void round_begin(shoal *engine);
/* `peer` has sent us that header, with a digest. */
void round_compare(shoal *engine, struct identity *peer,
                   const shoal_header *header);
/* The records of a packet: those that answer us. */
void round_receive(shoal *engine, shoal_bytes items);
void round_tick(shoal *engine);

#endif
