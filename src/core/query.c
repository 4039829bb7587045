/* SPDX-License-Identifier: MIT */
/* Read-only answers; they may be asked at any time, inside a question too. */
#include "query.h"

#include "engine.h"

/* Why we are defunct. */
static shoal_reason own_reason(const shoal *engine)
{
    if (engine->connection != SHOAL_CONNECTION_DEFUNCT)
        return SHOAL_REASON_NONE;
    return engine->has_left ? SHOAL_REASON_LEFT : SHOAL_REASON_FAILED;
}

shoal_bytes query_own_tags(const shoal *engine)
{
    return tags_bytes(engine->own_tags.next ? engine->own_tags.next
                                            : engine_tags(engine));
}

shoal_member shoal_self(const shoal *engine)
{
    return (shoal_member){
        .id = identity_id(engine->self),
        .addr = identity_addr(engine->self),
        .endpoint = identity_endpoint(engine->self),
        .incarnation = engine->incarnation,
        .state = engine->connection == SHOAL_CONNECTION_DEFUNCT ? SHOAL_DOWN
                                                                : SHOAL_ALIVE,
        .reason = (uint8_t)own_reason(engine),
        .since_us = engine->since_us,
        .tags_version = tags_version(engine->own_tags.said),
        .tags = query_own_tags(engine),
    };
}

shoal_member query_view_of(const shoal *engine, const struct identity *identity,
                           shoal_reason if_unknown)
{
    const struct member *member = members_find_id(
        &engine->members, identity_id(identity), identity->hash);
    if (identity == engine->self)
        return shoal_self(engine);
    if (member)
        return member_view(member);
    return (shoal_member){.id = identity_id(identity),
                          .addr = identity_addr(identity),
                          .endpoint = identity_endpoint(identity),
                          .state = SHOAL_DOWN,
                          .reason = (uint8_t)if_unknown,
                          .since_us = engine->now_us};
}

shoal_connection shoal_get_connection(const shoal *engine)
{
    return engine->connection;
}

const shoal_codec *shoal_get_codec(const shoal *engine)
{
    return &engine->handlers.codec;
}

size_t shoal_num_members(const shoal *engine)
{
    return engine->members.active.count;
}

uint64_t shoal_view(const shoal *engine)
{
    return engine->view.number;
}

size_t shoal_num_known(const shoal *engine)
{
    return engine->members.count;
}

static bool found(const struct member *member, shoal_member *out)
{
    if (member)
        *out = member_view(member);
    return member != NULL;
}

bool shoal_find(const shoal *engine, shoal_bytes addr, shoal_member *out)
{
    uint32_t hash = bytes_hash(addr, engine->hash_key);
    return found(members_find_addr(&engine->members, addr, hash), out);
}

bool shoal_find_identity(const shoal *engine, shoal_bytes id, shoal_member *out)
{
    uint32_t hash = bytes_hash(id, engine->hash_key);
    return found(members_find_id(&engine->members, id, hash), out);
}

static bool is_at(const struct member *member, shoal_bytes endpoint)
{
    return member_is_active(member) &&
           bytes_equal(identity_endpoint(member->identity), endpoint);
}

bool shoal_find_endpoint(const shoal *engine, shoal_bytes endpoint,
                         shoal_member *out)
{
    const struct order *active = &engine->members.active;
    uint32_t hash = bytes_hash(endpoint, engine->hash_key);
    const struct member *member =
        members_find_addr(&engine->members, endpoint, hash);
    if (member && is_at(member, endpoint))
        return found(member, out);
    for (uint32_t i = 0; i < active->count; i++) {
        member = members_live(&engine->members, active->slots[i]);
        if (is_at(member, endpoint))
            return found(member, out);
    }
    return false;
}

bool shoal_next_member(const shoal *engine, uint32_t *cursor, shoal_member *out)
{
    while (*cursor < engine->members.used) {
        if (found(members_live(&engine->members, (*cursor)++), out))
            return true;
    }
    return false;
}

size_t shoal_num_updates(const shoal *engine)
{
    return engine->updates.count;
}

size_t shoal_num_broadcasts(const shoal *engine)
{
    return engine->items.count;
}

size_t shoal_num_messages(const shoal *engine)
{
    return engine->messages.count;
}

const shoal_config *shoal_get_config(const shoal *engine)
{
    return &engine->config;
}

bool shoal_is_asking(const shoal *engine)
{
    return engine->asking;
}

const char *shoal_error_detail(const shoal *engine)
{
    return engine->detail;
}

shoal_stats shoal_get_stats(const shoal *engine)
{
    shoal_stats stats = engine->stats;
    stats.memory_bytes = engine->mem.held;
    stats.local_health = engine->health;
    return stats;
}
