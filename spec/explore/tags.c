/* SPDX-License-Identifier: MIT */
/*
 * What members say of themselves: who has written it, a number, and something
 * behind that, mostly a little, seldom more than a packet holds. In three of
 * four versions that is as before, so that what is new in them travels alone.
 *
 * Whenever something happens, somebody says something new. Each member refuses
 * a few of what the others say. In the end everybody believes the last that
 * each has said, unless it has refused that. And nobody ever believes of a
 * process what another one has said that had its address.
 */
#include "world.h"

#include <string.h>

enum { HEAD = 7, MOST = TAGS_MOST };

struct said {
    uint32_t owner, life, number;
};

static struct said read_said(shoal_bytes tags)
{
    return (struct said){
        tags.data[0], (uint32_t)tags.data[1] << 8 | tags.data[2],
        (uint32_t)tags.data[3] << 24 | (uint32_t)tags.data[4] << 16 |
            (uint32_t)tags.data[5] << 8 | tags.data[6]};
}

static void write_said(struct said said, uint8_t *out)
{
    const uint8_t bytes[HEAD] = {
        (uint8_t)said.owner,          (uint8_t)(said.life >> 8),
        (uint8_t)said.life,           (uint8_t)(said.number >> 24),
        (uint8_t)(said.number >> 16), (uint8_t)(said.number >> 8),
        (uint8_t)said.number};
    memcpy(out, bytes, HEAD);
}

static size_t draw_size(struct rng *rng)
{
    if (plan_maybe(rng, 70))
        return plan_between(rng, HEAD, 200);
    return plan_maybe(rng, 70) ? plan_between(rng, HEAD, 1000)
                               : plan_between(rng, HEAD, MOST);
}

static void say(struct watched *member, struct rng *rng)
{
    struct world *world = member->world;
    uint8_t bytes[MOST];
    size_t most = shoal_get_config(sim_engine(member->node))->max_tags_size;
    size_t size = draw_size(rng);
    size = size < most ? size : most;
    bool is_other = world->num_said % 4 == 0;
    memset(bytes, (int)((is_other ? world->num_said : member->number) & 0xff),
           size);
    write_said((struct said){member->number, member->life, ++world->num_said},
               bytes);
    if (shoal_set_tags(sim_engine(member->node), sim_node_now(member->node),
                       (shoal_bytes){bytes, size}) != 0)
        world_fail(world, "tags: %u could not say them",
                   (unsigned)member->number);
    sim_wake(member->node);
    world_settle(world);
}

void tags_stir(struct world *world)
{
    struct watched *member =
        &world->members[rng_below(&world->tags_rng, world->plan->num_members)];
    if (world->says && member->node && !sim_is_paused(member->node) &&
        plan_maybe(&world->tags_rng, 70))
        say(member, &world->tags_rng);
}

static bool refuses(const struct watched *member, struct said said)
{
    return (said.number + 3 * member->number) % 11 == 0;
}

int tags_check(void *context, const shoal_member *about, shoal_bytes tags)
{
    (void)about;
    return tags.size < HEAD || !refuses(context, read_said(tags));
}

/* ---- What must hold ---- */

void tags_look(struct watched *member, const struct ident *ident,
               const shoal_member *seen)
{
    if (!member->world->says || seen->tags.size < HEAD || ident->life == 0 ||
        ident->is_shared)
        return;
    struct said said = read_said(seen->tags);
    if (said.owner != ident->owner || said.life != ident->life)
        world_fail(member->world,
                   "tags: %u believes of %u what its life %u has said, not %u",
                   (unsigned)member->number, (unsigned)ident->place,
                   (unsigned)said.life, (unsigned)ident->life);
}

/* The last that it has said, as `member` must know it. */
static bool is_up_to_date(const struct watched *member,
                          const struct watched *other)
{
    shoal_member own = shoal_self(sim_engine(other->node)), seen;
    if (!shoal_find_identity(sim_engine(member->node), own.id, &seen) ||
        seen.tags_version != own.tags_version)
        return false;
    if (own.tags_version > 0 && own.tags.size >= HEAD &&
        refuses(member, read_said(own.tags)))
        return true;
    return seen.tags.size == own.tags.size &&
           memcmp(seen.tags.data, own.tags.data, own.tags.size) == 0;
}

bool tags_agree(struct world *world, uint32_t *who, uint32_t *about)
{
    for (*who = 0; *who < world->plan->num_members; ++*who)
        for (*about = 0; *about < world->plan->num_members; ++*about) {
            const struct watched *member = &world->members[*who];
            const struct watched *other = &world->members[*about];
            if (member != other && member->node && other->node &&
                !is_up_to_date(member, other))
                return false;
        }
    return true;
}
