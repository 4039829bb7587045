/* SPDX-License-Identifier: MIT */
/*
 * What must hold of what a member believes of the others.
 *
 * Where a verdict can be refuted, (incarnation, state) of an identity only
 * grows, with alive < suspect < down; a member that has left, or that another
 * identity has replaced, does not come back. The one exception: who was
 * declared down itself may take its verdicts back. Where verdicts are final
 * the rules are those of SWIM 4.2.
 */
#include "world.h"

#include <stdio.h>
#include <string.h>

static bool heals(const struct watched *member)
{
    return shoal_get_config(sim_engine(member->node))->notify_down_members;
}

static const char *word(uint8_t state)
{
    static const char *const words[] = {"alive", "suspect", "down"};
    return words[state];
}

static void fail(struct watched *member, const char *what,
                 const struct belief *before, const shoal_member *now)
{
    world_fail(member->world, "%s: for %u, %u went from %s %u to %s %u", what,
               (unsigned)member->number, (unsigned)before->ident->place,
               word(before->state), (unsigned)before->incarnation,
               word(now->state), (unsigned)now->incarnation);
}

static bool has_left(const struct belief *belief)
{
    return belief->state == SHOAL_DOWN &&
           belief->incarnation == SHOAL_INCARNATION_LEFT;
}

/* To alive, and then perhaps to suspect in the same packet. Forged accusations
 * make a member doubt without an event. A suspect may have been declared down
 * since the last look. */
static bool may_take_back(const struct watched *member,
                          const struct belief *before, const shoal_member *now)
{
    bool was_down = before->state == SHOAL_DOWN;
    return now->state < before->state &&
           now->incarnation == before->incarnation &&
           (member->doubts ||
            (was_down && (before->doubted || !member->world->is_honest)));
}

static void check_order(struct watched *member, const struct belief *before,
                        const shoal_member *now)
{
    if (now->incarnation == SHOAL_INCARNATION_LEFT &&
        now->state != SHOAL_DOWN && before->incarnation != now->incarnation)
        fail(member, "greatest", before, now);
    bool falls =
        now->incarnation < before->incarnation ||
        (now->incarnation == before->incarnation && now->state < before->state);
    if (has_left(before) && (now->state != SHOAL_DOWN || falls))
        fail(member, "left", before, now);
    else if (falls && !may_take_back(member, before, now))
        fail(member, "order", before, now);
}

/* Incarnations only grow, down is final, a suspicion is not refuted by what was
 * said before it (SWIM 4.2). */
static void check_plainly(struct watched *member, const struct belief *before,
                          const shoal_member *now)
{
    bool older = now->incarnation < before->incarnation;
    bool same = now->incarnation == before->incarnation;
    if (before->state == SHOAL_DOWN && now->state != SHOAL_DOWN)
        fail(member, "down", before, now);
    else if (now->state != SHOAL_DOWN && older)
        fail(member, "incarnation", before, now);
    else if (before->state == SHOAL_SUSPECT && now->state == SHOAL_ALIVE &&
             same)
        fail(member, "refuted", before, now);
}

/* As long as the address is not forgotten. */
static void check_history(struct watched *member, const struct belief *before,
                          const struct ident *ident, const shoal_member *now)
{
    if (!before->ident)
        return;
    if (before->ident == ident) {
        if (heals(member))
            check_order(member, before, now);
        else
            check_plainly(member, before, now);
    } else if (!ident_wins(ident, before->ident)) {
        world_fail(member->world,
                   "identity: %u takes an older %u for a newer one",
                   (unsigned)member->number, (unsigned)ident->place);
    }
}

/* Only the member itself makes an identity, an incarnation, and a farewell. */
static void check_source(struct watched *member, const struct ident *ident,
                         const shoal_member *now)
{
    struct world *world = member->world;
    if (!world->is_honest)
        return;
    if (ident->life == 0)
        world_fail(world, "source: %u knows a %u that nobody ever was",
                   (unsigned)member->number, (unsigned)ident->place);
    else if (now->incarnation == SHOAL_INCARNATION_LEFT && !ident->is_over)
        world_fail(world, "source: %u believes that %u has left",
                   (unsigned)member->number, (unsigned)ident->place);
    else if (now->incarnation != SHOAL_INCARNATION_LEFT &&
             now->incarnation > ident->incarnation)
        world_fail(world,
                   "source: %u believes %u of %u, which never had that "
                   "incarnation",
                   (unsigned)member->number, (unsigned)now->incarnation,
                   (unsigned)ident->place);
}

/* Mostly the one that stood there when it was looked at last. */
static struct ident *ident_at(struct watched *member, uint32_t at,
                              shoal_bytes id)
{
    struct ident **met = &member->met[at % MAX_MET];
    if (!*met || (*met)->size != id.size ||
        memcmp((*met)->bytes, id.data, id.size) != 0)
        *met = idents_get(&member->world->idents, id);
    return *met;
}

static void look_at(struct watched *member, uint32_t at,
                    const shoal_member *now)
{
    struct ident *ident = ident_at(member, at, now->id);
    if (ident->place == NOWHERE)
        return;
    struct belief *belief = &member->known[ident->place];
    if (ident->place == member->place || belief->look == member->looks)
        world_fail(member->world, "members: %u knows %u twice",
                   (unsigned)member->number, (unsigned)ident->place);
    check_history(member, belief, ident, now);
    check_source(member, ident, now);
    tags_look(member, ident, now);
    bool is_same = belief->ident == ident && belief->state == now->state &&
                   belief->incarnation == now->incarnation;
    bool doubts = (is_same && belief->doubted) || member->doubts;
    *belief = (struct belief){.ident = ident,
                              .incarnation = now->incarnation,
                              .state = now->state,
                              .doubted = doubts && now->state == SHOAL_DOWN,
                              .look = member->looks};
}

/* The members that it told of are those it has. */
static void check_told(struct watched *member, uint32_t about)
{
    const struct belief *belief = &member->known[about];
    bool is_active = belief->ident && belief->state != SHOAL_DOWN;
    if (member->told[about] != (is_active ? belief->ident : NULL))
        world_fail(member->world,
                   "told: %u did not tell what it believes of %u",
                   (unsigned)member->number, (unsigned)about);
}

void beliefs_look(struct watched *member)
{
    uint32_t cursor = 0;
    shoal_member other;
    member->looks++;
    while (shoal_next_member(sim_engine(member->node), &cursor, &other))
        look_at(member, cursor, &other);
    member->doubts = false;
    for (uint32_t i = 0; i < member->world->idents.num_places; i++) {
        if (member->known[i].look != member->looks) /* forgotten */
            member->known[i] = (struct belief){.ident = NULL};
        check_told(member, i);
    }
}
