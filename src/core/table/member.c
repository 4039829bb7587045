/* SPDX-License-Identifier: MIT */
#include "member.h"

#include "rtt.h"
#include "tag_set.h"

enum rule { NEVER, NEWER, AS_NEW, ALWAYS };

static const uint8_t refutable[3][3] = {
    [SHOAL_ALIVE] = {NEWER, AS_NEW, AS_NEW},
    [SHOAL_SUSPECT] = {NEWER, NEWER, AS_NEW},
    [SHOAL_DOWN] = {NEWER, NEWER, NEWER},
};

static const uint8_t irrefutable[3][3] = {
    [SHOAL_ALIVE] = {NEWER, AS_NEW, ALWAYS},
    [SHOAL_SUSPECT] = {NEWER, NEWER, ALWAYS},
    [SHOAL_DOWN] = {NEVER, NEVER, NEVER},
};

static enum rule rule_for(const struct member *member,
                          const shoal_update *claim, bool final)
{
    if (final)
        return irrefutable[member->state][claim->state];
    if (member->doubted && claim->state == SHOAL_ALIVE)
        return AS_NEW;
    return refutable[member->state][claim->state];
}

bool member_overrides(const struct member *member, const shoal_update *claim,
                      bool final)
{
    switch (rule_for(member, claim, final)) {
    case NEVER:
        return false;
    case NEWER:
        return claim->incarnation > member->incarnation;
    case AS_NEW:
        return claim->incarnation >= member->incarnation;
    case ALWAYS:
        return true;
    }
    return false;
}

static shoal_reason reason(const struct member *member)
{
    if (member->state != SHOAL_DOWN)
        return SHOAL_REASON_NONE;
    if (member->replaced)
        return SHOAL_REASON_REPLACED;
    return member->place == PLACE_LEFT || member_has_left(member)
               ? SHOAL_REASON_LEFT
               : SHOAL_REASON_FAILED;
}

shoal_update member_claim(const struct member *member)
{
    return (shoal_update){.id = identity_id(member->identity),
                          .incarnation = member->incarnation,
                          .state = member->state,
                          .no_tags = member->tags == TAGS_NONE &&
                                     member_is_active(member)};
}

shoal_member member_view(const struct member *member)
{
    return (shoal_member){
        .id = identity_id(member->identity),
        .addr = identity_addr(member->identity),
        .endpoint = identity_endpoint(member->identity),
        .incarnation = member->incarnation,
        .state = member->state,
        .reason = (uint8_t)reason(member),
        .rtt_us = rtt_us(member->rtt),
        .since_us = member->since_us,
        .tags_version =
            member_is_active(member) ? tags_version(member->tags) : 0,
        .tags = tags_bytes(member_is_active(member) ? member->tags : NULL),
    };
}
