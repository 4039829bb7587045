/* SPDX-License-Identifier: MIT */
/* What the files of repair.h need of each other. */
#ifndef SHOAL_CORE_DELIVERY_REPAIR_PARTS_H
#define SHOAL_CORE_DELIVERY_REPAIR_PARTS_H

#include "repair.h"

/* For another entry of heads or a get. */
static inline bool repair_has_room(const struct records *records)
{
    return records->room - records->size >= 4 + RECORD_MAX_VERSION;
}

/* `sender` tells how far it knows streams. */
void repair_on_heads(shoal *engine, const struct topic_record *theirs,
                     struct member *sender);
/* Tells somebody more of our heads, if it is time; when that is so again. */
uint64_t repair_sweep(shoal *engine);
/* Asks somebody how far streams are, if it is time. */
void repair_ask_baseline(shoal *engine);

#endif
