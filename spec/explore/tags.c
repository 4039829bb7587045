/* SPDX-License-Identifier: MIT */
/*
 * What members say of themselves: one tag, with who has written it, a number,
 * and something behind that, mostly a little, seldom more than a packet holds.
 *
 *   81 a1 74 | the head of a str | owner | life, u16 | number, u32 | ...
 *
 * In three of four versions that is as before, so that what is new in them
 * travels alone.
 *
 * Whenever something happens, somebody says something new. Each member refuses
 * a few of what the others say. In the end everybody believes the last that
 * each has said, unless it has refused that. And nobody ever believes of a
 * process what another one has said that had its address.
 */
#include "world.h"

#include <string.h>

enum { NAME = 3, HEAD = 7, OVERHEAD = NAME + 3, MOST = TAGS_MOST };

struct said {
    uint32_t owner, life, number;
};

/* false: there are none, or none yet. */
static bool read_said(shoal_bytes tags, struct said *said)
{
    if (tags.size < NAME + 1 + HEAD)
        return false;
    uint8_t lead = tags.data[NAME];
    const uint8_t *at = tags.data + NAME +
                        (lead == 0xda   ? 3
                         : lead == 0xd9 ? 2
                                        : 1);
    *said = (struct said){at[0], (uint32_t)at[1] << 8 | at[2],
                          (uint32_t)at[3] << 24 | (uint32_t)at[4] << 16 |
                              (uint32_t)at[5] << 8 | at[6]};
    return true;
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

/* The name, and the head of a value of `size` bytes. */
static size_t write_heads(size_t size, uint8_t *out)
{
    static const uint8_t name[NAME] = {0x81, 0xa1, 't'};
    memcpy(out, name, NAME);
    out += NAME;
    out[0] = (uint8_t)(size < 32 ? 0xa0 | size : size < 256 ? 0xd9 : 0xda);
    out[1] = (uint8_t)(size < 256 ? size : size >> 8);
    out[2] = (uint8_t)size;
    return NAME + (size < 32 ? 1 : size < 256 ? 2 : 3);
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
    size = size < most - OVERHEAD ? size : most - OVERHEAD;
    size_t heads = write_heads(size, bytes);
    bool is_other = world->num_said % 4 == 0;
    memset(bytes + heads,
           (int)((is_other ? world->num_said : member->number) & 0xff), size);
    write_said((struct said){member->number, member->life, ++world->num_said},
               bytes + heads);
    if (shoal_set_tags(sim_engine(member->node), sim_node_now(member->node),
                       (shoal_bytes){bytes, heads + size}) != 0)
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
    struct said said;
    (void)about;
    return !read_said(tags, &said) || !refuses(context, said);
}

/* ---- What must hold ---- */

void tags_look(struct watched *member, const struct ident *ident,
               const shoal_member *seen)
{
    struct said said;
    if (!member->world->says || !read_said(seen->tags, &said) ||
        ident->life == 0 || ident->is_shared)
        return;
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
    struct said said;
    if (own.tags_version > 0 && read_said(own.tags, &said) &&
        refuses(member, said))
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
