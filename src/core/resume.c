/* SPDX-License-Identifier: MIT */
/* What an embedder that remembers a former life tells us of it, and what it
 * needs to know in order to remember. */
#include "engine.h"

/* Others believe of us what we said last. The largest that can still be
 * refuted is left as it is: whoever gets there takes another identity. */
static uint16_t incarnation_after(uint16_t incarnation)
{
    return incarnation < SHOAL_INCARNATION_LEFT - 2
               ? (uint16_t)(incarnation + 1)
               : incarnation;
}

int shoal_resume(shoal *engine, uint64_t now_us, uint16_t incarnation,
                 uint64_t tags_version)
{
    int error = engine_enter(engine, now_us);
    if (error)
        return error;
    if (incarnation >= engine->incarnation &&
        incarnation < SHOAL_INCARNATION_LEFT) {
        engine->incarnation = incarnation_after(incarnation);
        digest_touch(engine, engine->self);
    }
    return engine_leave(engine, tags_resume(engine, tags_version));
}

shoal_bytes shoal_last_tags(const shoal *engine, shoal_bytes id)
{
    const struct member *member =
        members_find_id(&engine->members, id, bytes_hash(id, engine->hash_key));
    return member ? tags_bytes(member->tags) : (shoal_bytes){0};
}
