/* SPDX-License-Identifier: MIT */
#include "heard.h"

#include "engine.h"

static uint32_t count_of(const struct heard *heard)
{
    return heard->next < HEARD_SIZE ? heard->next : HEARD_SIZE;
}

bool heard_since(const shoal *engine, uint64_t since_us,
                 const struct member *member)
{
    const struct heard *heard = &engine->heard;
    uint32_t size = count_of(heard);
    for (uint32_t back = 1; back <= size; back++) {
        uint32_t at = (heard->next - back) % HEARD_SIZE;
        if (heard->ring[at].at_us < since_us)
            return false;
        if (heard->ring[at].slot == member->slot)
            return true;
    }
    return false;
}

uint32_t heard_pick(const shoal *engine, uint64_t since_us,
                    const struct member *except, uint32_t k,
                    struct member *out[])
{
    const struct heard *heard = &engine->heard;
    uint32_t found = 0;
    uint32_t size = count_of(heard);
    for (uint32_t back = 1; back <= size && found < k; back++) {
        uint32_t at = (heard->next - back) % HEARD_SIZE;
        if (heard->ring[at].at_us < since_us)
            break;
        struct member *member =
            members_live(&engine->members, heard->ring[at].slot);
        if (member && member->state == SHOAL_ALIVE && member != except &&
            !member_is_among(member, out, found))
            out[found++] = member;
    }
    return found;
}
