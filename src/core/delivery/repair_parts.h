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

/* Those of `from` to `to` that fit, of which `to` then is the last one. If
 * `theirs` is given, only what it does not have. Whoever has just come
 * (`is_for_new`) hears where to begin: behind what came until `until_us`. If it
 * was there before us (`flags` say so), it hears who knows more. */
struct heads {
    uint32_t from, to;
    uint8_t flags;
    const struct topic_record *theirs;
    bool is_for_new;
    uint64_t until_us;
};

/* Writes a record of heads; how many it lists. */
uint32_t repair_write_heads(shoal *engine, struct records *records,
                            struct heads *heads);
/* Sends it. Returns the last hash that it tells of. */
uint32_t repair_send_heads(shoal *engine, struct member *to, uint32_t from,
                           size_t room);
/* `sender` tells how far it knows streams. */
void repair_on_heads(shoal *engine, const struct topic_record *theirs,
                     struct member *sender);
/* Tells somebody more of our heads, if it is time; when that is so again. */
uint64_t repair_sweep(shoal *engine);
/* Asks somebody how far streams are, if it is time. */
void repair_ask_baseline(shoal *engine);
/* For so long we have been active, as far as two bytes can say it. */
uint16_t repair_age_ms(const shoal *engine);
/* An answer to that, by `sender`. */
void repair_on_baseline(shoal *engine, const struct topic_record *heads,
                        const struct member *sender);
/* Until when what came is old for `newcomer`, which says that it has been
 * active for `ms`. */
uint64_t repair_old_until(const shoal *engine, uint16_t ms,
                          const struct member *newcomer);
/* HEADS_LATER, if whoever asks that, not for long, was there before us: what
 * was published between we know by hearsay only. Or 0. */
uint8_t repair_is_later(const shoal *engine,
                        const struct topic_record *question);

#endif
