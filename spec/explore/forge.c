/* SPDX-License-Identifier: MIT */
/*
 * False beliefs and forged packets.
 *
 * A claim is drawn in three parts: an identity of some address (the one in use
 * there, an older or a newer one, one that is as new as can be), an incarnation
 * (the one in use, 0, any, the greatest), and a state.
 */
#include "base/bytes.h"
#include "wire/wire.h"
#include "world.h"

#include <string.h>

enum { NUM_IDS = 12, PACKET_ROOM = 1400, RECORD_ROOM = 64 };

struct forger {
    struct watched *victim;
    struct rng rng;
    uint8_t ids[NUM_IDS][SHOAL_MAX_IDENTITY]; /* that were drawn last */
    uint32_t next;
};

/* ---- Identities ---- */

static uint64_t draw_bump(struct forger *forger, uint64_t bump)
{
    const uint64_t most = (UINT64_C(1) << 53) - 1;
    switch (rng_below(&forger->rng, 10)) {
    case 0:
        return 0;
    case 1:
        return most;
    case 2:
        return most - 1;
    case 3:
        return rng_next(&forger->rng) >> 11;
    case 4:
    case 5:
        return bump - plan_between(&forger->rng, 1, 1000 * 1000);
    default:
        return bump + plan_between(&forger->rng, 1, 1000 * 1000);
    }
}

static shoal_bytes identity_with(struct forger *forger, uint32_t place,
                                 uint64_t bump)
{
    uint8_t *out = forger->ids[forger->next++ % NUM_IDS];
    char address[WORLD_MAX_ADDRESS];
    size_t size = 0;
    world_address(forger->victim->world, place, address);
    (void)shoal_stock_identity_new(bytes_of_text(address), bump, out, &size);
    return (shoal_bytes){out, size};
}

static shoal_bytes draw_identity_at(struct forger *forger, uint32_t place)
{
    const struct world *world = forger->victim->world;
    const struct watched *owner =
        place < world->plan->num_members ? &world->members[place] : NULL;
    if (owner && owner->self && plan_maybe(&forger->rng, 40))
        return ident_bytes(owner->self);
    uint64_t bump = owner ? owner->bump : forger->victim->bump;
    return identity_with(forger, place, draw_bump(forger, bump));
}

/* A member's address, or nobody's. */
static uint32_t draw_place(struct forger *forger)
{
    const struct plan *plan = forger->victim->world->plan;
    return rng_below(&forger->rng, plan->num_members + plan->num_ghosts);
}

static uint32_t draw_other(struct forger *forger)
{
    uint32_t place;
    do
        place = draw_place(forger);
    while (place == forger->victim->place);
    return place;
}

/* ---- Claims ---- */

static uint16_t draw_incarnation(struct forger *forger, uint32_t place)
{
    const struct world *world = forger->victim->world;
    uint16_t now = place < world->plan->num_members
                       ? world->members[place].incarnation
                       : 0;
    switch (rng_below(&forger->rng, 8)) {
    case 0:
    case 1:
        return 0;
    case 2:
        return now;
    case 3:
        return now + 1;
    case 4:
        return SHOAL_INCARNATION_LEFT;
    case 5:
        return SHOAL_INCARNATION_LEFT - 1;
    case 6:
        return SHOAL_INCARNATION_LEFT - 2;
    default:
        return (uint16_t)rng_next(&forger->rng);
    }
}

static shoal_update draw_claim(struct forger *forger, uint32_t place)
{
    shoal_update claim = {.id = draw_identity_at(forger, place),
                          .incarnation = draw_incarnation(forger, place),
                          .state = (uint8_t)rng_below(&forger->rng, 3)};
    if (claim.state == SHOAL_SUSPECT && plan_maybe(&forger->rng, 50))
        claim.from = draw_identity_at(forger, draw_place(forger));
    return claim;
}

/* ---- Packets ---- */

static shoal_header draw_header(struct forger *forger)
{
    struct watched *victim = forger->victim;
    shoal_header header = {
        .kind = (uint8_t)rng_below(&forger->rng, SHOAL_NUM_MESSAGES),
        .number = (uint8_t)rng_next(&forger->rng),
        .src = draw_identity_at(forger, draw_other(forger)),
        .src_incarnation = draw_incarnation(forger, draw_place(forger)),
        .dst_hash = wire_hash(plan_maybe(&forger->rng, 80)
                                  ? ident_bytes(victim->self)
                                  : draw_identity_at(forger, victim->place)),
        .peer = draw_identity_at(forger, draw_place(forger)),
        .wants_nack = plan_maybe(&forger->rng, 50),
        .has_digest = plan_maybe(&forger->rng, 50),
        .digest = {rng_below(&forger->rng, 8), (uint32_t)rng_next(&forger->rng),
                   (uint8_t)rng_below(&forger->rng, 4)}};
    if (header.kind == SHOAL_MSG_ANNOUNCE && plan_maybe(&forger->rng, 80))
        header.dst_hash = wire_hash(shoal_self(sim_engine(victim->node)).addr);
    return header;
}

/* Appends a count and the claims; nothing when they do not fit. */
static void put_claims(const shoal_update *claims, uint16_t count,
                       uint8_t *packet, size_t *size)
{
    shoal_codec codec = shoal_default_codec();
    size_t at = *size + 2, used;
    packet[*size] = (uint8_t)(count >> 8);
    packet[*size + 1] = (uint8_t)count;
    for (uint16_t i = 0; i < count; i++) {
        if (codec.encode_member(codec.context, &claims[i], packet + at,
                                PACKET_ROOM - at, &used) != 0)
            return;
        at += used;
    }
    *size = at;
}

static void put(uint8_t *packet, size_t *size, uint32_t value, unsigned bytes)
{
    while (bytes > 0)
        packet[(*size)++] = (uint8_t)(value >> 8 * --bytes);
}

/* A record of an exchange about everybody (docs/wire.md): what there is, and
 * what there is not. */
static void put_record(struct forger *forger, uint8_t *packet, size_t *size)
{
    enum { SUMS = 1, LIST, DIFFER, DONE, WANT, KINDS = WANT };
    uint8_t kind = 1 + (uint8_t)rng_below(&forger->rng, KINDS);
    uint32_t words = kind == SUMS ? 8 : rng_below(&forger->rng, 4);
    size_t length_at = *size;
    *size += 2;
    put(packet, size, kind, 1);
    if (kind != WANT)
        put(packet, size, 0, 1); /* the cell of no bits */
    if (kind == SUMS || kind == DIFFER)
        put(packet, size, 3, 1);
    if (kind == DIFFER || kind == DONE)
        put(packet, size, kind == DONE ? rng_below(&forger->rng, 2) : 0xa5, 1);
    else
        for (uint32_t i = 0, hash = 0; i < words; i++) {
            hash += (uint32_t)rng_next(&forger->rng) >> 3; /* in order */
            put(packet, size, hash, 4);
            if (kind == LIST)
                put(packet, size, 0, 1);
        }
    uint8_t length = (uint8_t)(*size - length_at - 2);
    put(packet, &length_at, length, 2);
}

static void deliver(struct forger *forger, const shoal_header *header,
                    const shoal_update *claims, uint16_t count)
{
    shoal_codec codec = shoal_default_codec();
    struct watched *victim = forger->victim;
    uint8_t packet[PACKET_ROOM];
    size_t size;
    if (codec.encode_header(codec.context, header, packet, sizeof packet / 2,
                            &size) != 0)
        return;
    if (count > 0 || header->kind == SHOAL_MSG_EXCHANGE)
        put_claims(claims, count, packet, &size);
    if (header->kind == SHOAL_MSG_EXCHANGE && size + RECORD_ROOM < PACKET_ROOM)
        put_record(forger, packet, &size);
    (void)shoal_receive(sim_engine(victim->node), sim_node_now(victim->node),
                        (shoal_bytes){packet, size});
}

static bool carries_claims(uint8_t kind)
{
    return kind != SHOAL_MSG_ANNOUNCE && kind != SHOAL_MSG_TURN_UNDEAD &&
           kind != SHOAL_MSG_REFUSED && kind != SHOAL_MSG_BROADCAST;
}

static void forge_packet(struct forger *forger)
{
    shoal_header header = draw_header(forger);
    shoal_update claims[3];
    uint16_t count =
        carries_claims(header.kind) ? (uint16_t)rng_below(&forger->rng, 4) : 0;
    for (uint16_t i = 0; i < count; i++)
        claims[i] = draw_claim(forger, draw_place(forger));
    deliver(forger, &header, claims, count);
}

/* One in three is a flood of turn_undead. */
void forge_packets(struct watched *member, uint64_t seed)
{
    struct forger forger = {.victim = member, .rng = {seed}};
    uint32_t count = 1 + rng_below(&forger.rng, 40);
    bool is_flood = plan_maybe(&forger.rng, 33);
    shoal_header header = draw_header(&forger);
    header.kind = SHOAL_MSG_TURN_UNDEAD;
    while (count-- > 0 && member->world->plan->num_members > 1)
        if (is_flood) {
            header.dst_hash = wire_hash(ident_bytes(member->self));
            deliver(&forger, &header, NULL, 0);
        } else
            forge_packet(&forger);
}

/* ---- Tables ---- */

/* From an exchange of states, or gossiped by somebody. */
static void believe(struct forger *forger, const shoal_update *claim)
{
    struct watched *member = forger->victim;
    if (plan_maybe(&forger->rng, 30)) {
        shoal_header header = draw_header(forger);
        header.kind = SHOAL_MSG_GOSSIP;
        deliver(forger, &header, claim, 1);
        return;
    }
    (void)shoal_apply(sim_engine(member->node), sim_node_now(member->node),
                      claim, 1, plan_maybe(&forger->rng, 50), NULL);
}

static void believe_anything(struct forger *forger, uint32_t place)
{
    for (uint32_t times = rng_below(&forger->rng, 3); times > 0; times--) {
        shoal_update claim = draw_claim(forger, place);
        believe(forger, &claim);
    }
}

/* A newer one was there, and has left. */
static void believe_gone(struct forger *forger, uint32_t place)
{
    const struct plan *plan = forger->victim->world->plan;
    if (place >= plan->num_members || place == forger->victim->place)
        return;
    uint64_t bump = forger->victim->world->members[place].bump;
    shoal_update claim = {
        .id = identity_with(forger, place,
                            bump + plan_between(&forger->rng, 1, 1000)),
        .incarnation = SHOAL_INCARNATION_LEFT,
        .state = SHOAL_DOWN};
    believe(forger, &claim);
}

/* In one plan of eight, all hold all others for newer ones that have left: then
 * nobody asks anybody but seeds, and nobody listens to anybody. */
void forge_table(struct watched *member, uint64_t seed)
{
    struct forger forger = {.victim = member, .rng = {seed}};
    const struct plan *plan = member->world->plan;
    bool is_gone = plan->seed % 8 == 0;
    for (uint32_t i = 0; i < plan->num_members + plan->num_ghosts; i++)
        if (is_gone)
            believe_gone(&forger, i);
        else
            believe_anything(&forger, i);
}

void forge_mistake(struct watched *member, uint64_t others)
{
    for (uint32_t i = 0; i < member->world->plan->num_members; i++) {
        const struct belief *belief = &member->known[i];
        if (!(others >> i & 1) || !belief->ident || i == member->place)
            continue;
        shoal_update claim = {.id = ident_bytes(belief->ident),
                              .incarnation = belief->incarnation,
                              .state = SHOAL_DOWN};
        (void)shoal_apply(sim_engine(member->node), sim_node_now(member->node),
                          &claim, 1, false, NULL);
    }
}
