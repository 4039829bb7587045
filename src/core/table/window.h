/* SPDX-License-Identifier: MIT */
/*
 * Which numbers of a sender have come: none counts twice, whatever the network
 * or somebody else repeats.
 *
 * A sender numbers what it sends to us one after the other, and has no more
 * than WINDOW_SIZE of them under way. So a number that far below the greatest
 * one has come before. The numbers begin anew when the sender does, with
 * another epoch, which it draws at random; a few epochs of each sender are
 * remembered, the latest first, since an old packet may come after a new one.
 */
#ifndef SHOAL_CORE_TABLE_WINDOW_H
#define SHOAL_CORE_TABLE_WINDOW_H

#include <stdint.h>

enum { WINDOW_SIZE = 64, WINDOW_EPOCHS = 4 };

/* All zero: nothing has come. */
struct windows {
    struct window {
        uint64_t seen; /* bit n: top - n has come; 0: an unused window */
        uint32_t epoch, top;
    } of[WINDOW_EPOCHS];
};

enum arrival {
    ARRIVAL_NEW,      /* it has not come yet */
    ARRIVAL_REPEATED, /* it has, and the sender may not know */
    ARRIVAL_OLD       /* it has, and the sender knows */
};

/* Changes nothing but the order of the epochs. */
enum arrival window_look(struct windows *windows, uint32_t epoch,
                         uint32_t number);
/* It has come now. After window_look() has said that it is new. */
void window_note(struct windows *windows, uint32_t epoch, uint32_t number);

#endif
