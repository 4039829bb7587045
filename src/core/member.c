/* SPDX-License-Identifier: MIT */
#include "member.h"

enum rule { NEVER, NEWER, AS_NEW, ALWAYS };

static const uint8_t precedence[3][3] = {
    [SHOAL_ALIVE] = {NEWER, AS_NEW, ALWAYS},
    [SHOAL_SUSPECT] = {NEWER, NEWER, ALWAYS},
    [SHOAL_DOWN] = {NEVER, NEVER, NEVER},
};

bool member_overrides(shoal_state believed, uint16_t believed_incarnation,
                      shoal_state claimed, uint16_t claimed_incarnation)
{
    switch ((enum rule)precedence[believed][claimed]) {
    case NEVER:
        return false;
    case NEWER:
        return claimed_incarnation > believed_incarnation;
    case AS_NEW:
        return claimed_incarnation >= believed_incarnation;
    case ALWAYS:
        return true;
    }
    return false;
}

shoal_member member_view(const struct member *member)
{
    return (shoal_member){
        .id = identity_id(member->identity),
        .addr = identity_addr(member->identity),
        .endpoint = identity_endpoint(member->identity),
        .incarnation = member->incarnation,
        .state = member->state,
        .since_us = member->since_us,
    };
}
