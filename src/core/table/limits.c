/* SPDX-License-Identifier: MIT */
#include "limits.h"

#include <assert.h>

/* 0 is no key: that place is free. */
static uint32_t key_of(enum limit what, uint32_t peer)
{
    uint32_t key = (peer ^ ((uint32_t)what + 1) * 0x9e3779b9u) * 0x85ebca6bu;
    return key ? key : 1;
}

enum { WAYS = 4, SET_BITS = 6 };
static_assert(WAYS << SET_BITS == LIMITS_SIZE, "all places are used");

/* That of the key, or one that is free, or the one of four that was used
 * longest ago. */
static struct turn *place_of(struct limits *limits, uint32_t key)
{
    struct turn *set = &limits->turns[(key >> (32 - SET_BITS)) * WAYS];
    struct turn *found = set;
    for (struct turn *turn = set; turn < set + WAYS; turn++) {
        if (turn->key == key)
            return turn;
        if (found->key != 0 && (turn->key == 0 || turn->at_us < found->at_us))
            found = turn;
    }
    return found;
}

static bool pass(struct turn *turn, uint32_t key, uint64_t now_us,
                 uint64_t every_us)
{
    if (turn->key == key && now_us - turn->at_us < every_us)
        return false;
    *turn = (struct turn){key, now_us};
    return true;
}

bool limits_pass_burst(struct limits *limits, enum limit what, uint32_t peer,
                       uint64_t now_us, uint64_t every_us, uint32_t burst)
{
    uint32_t key = key_of(what, peer);
    struct turn *turn = place_of(limits, key);
    uint64_t from_us =
        turn->key == key && turn->at_us > now_us ? turn->at_us : now_us;
    if (from_us - now_us > (burst - 1) * every_us)
        return false;
    *turn = (struct turn){key, from_us + every_us};
    return true;
}

bool limits_pass(struct limits *limits, enum limit what, uint32_t peer,
                 uint64_t now_us, uint64_t every_us)
{
    uint32_t key = key_of(what, peer);
    return pass(place_of(limits, key), key, now_us, every_us);
}

bool limits_pass_common(struct limits *limits, enum common_limit what,
                        uint64_t now_us, uint64_t every_us)
{
    return pass(&limits->common[what], 1, now_us, every_us);
}
