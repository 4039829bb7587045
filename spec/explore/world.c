/* SPDX-License-Identifier: MIT */
#include "world.h"
#include "base/bytes.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

void world_fail(struct world *world, const char *format, ...)
{
    va_list arguments;
    if (world_has_failed(world))
        return;
    world->failed_us = sim_now(world->net);
    va_start(arguments, format);
    vsnprintf(world->failure, sizeof world->failure, format, arguments);
    va_end(arguments);
}

/* ---- Places ---- */

void world_address(const struct world *world, uint32_t place,
                   char out[WORLD_MAX_ADDRESS])
{
    uint32_t n = world->plan->num_members;
    bool is_ghost = place >= n;
    unsigned number = (is_ghost ? place - n : place) % 100;
    if (number % 2)
        snprintf(out, WORLD_MAX_ADDRESS, "10.0.%u.%u:1", is_ghost, number);
    else
        snprintf(out, WORLD_MAX_ADDRESS, "%c%02u:1", is_ghost ? 'g' : 'm',
                 number);
}

/* Members first, then nobody's. */
static void number_addresses(struct world *world)
{
    char address[WORLD_MAX_ADDRESS];
    uint32_t count = world->plan->num_members + world->plan->num_ghosts;
    for (uint32_t i = 0; i < count; i++) {
        world_address(world, i, address);
        (void)idents_place(&world->idents, bytes_of_text(address));
    }
}

/* Where packets for it arrive: a twin's address is another one's. */
static void locate(const struct watched *member, char out[WORLD_MAX_ADDRESS])
{
    if (member->number < PLAN_MAX_MEMBERS)
        world_address(member->world, member->place, out);
    else
        snprintf(out, WORLD_MAX_ADDRESS, "t%02u:1",
                 (unsigned)(member->number - PLAN_MAX_MEMBERS) % 100);
}

/* Opened in order and ended again, so that a place has its member's number,
 * whoever starts first. */
static bool make_places(struct world *world)
{
    for (uint32_t i = 0; i < MAX_WATCHED; i++) {
        char address[WORLD_MAX_ADDRESS];
        const char *problem;
        locate(&world->members[i], address);
        sim_node *node =
            sim_open(world->net, &(sim_options){.address = address}, &problem);
        if (!node || sim_place(node) != i)
            return false;
        sim_crash(node);
    }
    return true;
}

/* ---- Members ---- */

static void on_notify(void *context, const shoal_effect *effect)
{
    watch_notify(context, effect);
}

static void on_send(void *context, const shoal_effect *effect)
{
    watch_send(context, effect);
}

/* Of anybody there: an announce needs no more than the address. */
static int identity_at(void *context, const char *endpoint, uint8_t *out,
                       size_t *size)
{
    (void)context;
    return shoal_stock_identity_new(bytes_of_text(endpoint), 0, out, size);
}

static void on_closed(void *context)
{
    struct watched *member = context;
    member->node = NULL;
    member->ended_us = sim_now(member->world->net);
}

/* Of a clock in microseconds, so that no two are the same; below 2^48, as they
 * are when they are milliseconds, and no clock is off by as much. */
static uint64_t draw_bump(const struct world *world, int64_t clock_us)
{
    const uint64_t three_years_us = UINT64_C(100000000) * 1000 * 1000;
    return three_years_us + sim_now(world->net) + (uint64_t)clock_us;
}

static int start_engine(struct watched *member)
{
    struct world *world = member->world;
    char address[WORLD_MAX_ADDRESS];
    uint8_t id[SHOAL_MAX_IDENTITY];
    size_t size;
    const char *detail;
    world_address(world, member->place, address);
    int error = shoal_stock_identity_new(bytes_of_text(address), member->bump,
                                         id, &size);
    if (error)
        return error;
    shoal_options options = {
        .identity = {id, size},
        .seed = sim_random(world->net),
        .config = world->plan->config,
        .handlers = {.identity = shoal_stock_identity(),
                     .broadcast = {.context = member, .receive = items_receive},
                     .tags = {.context = member, .check = tags_check},
                     .codec = shoal_default_codec()}};
    options.config.max_tags_size = TAGS_MOST;
    return sim_start(member->node, &options, &detail);
}

static void join(struct watched *member)
{
    char seed[WORLD_MAX_ADDRESS];
    struct world *world = member->world;
    for (uint32_t i = 0;
         i < world->plan->num_seeds && i < world->plan->num_members; i++) {
        world_address(world, i, seed);
        if (i != member->place && !sim_join(member->node, seed))
            world_fail(world, "start: no memory");
    }
}

static void start(struct watched *member, int64_t clock_us)
{
    struct world *world = member->world;
    char address[WORLD_MAX_ADDRESS];
    const char *problem;
    sim_options options = {.address = address,
                           .callbacks = {.context = member,
                                         .on_notify = on_notify,
                                         .identity_at = identity_at,
                                         .on_closed = on_closed,
                                         .on_send = on_send}};
    locate(member, address);
    watch_begin(member);
    member->bump = draw_bump(world, clock_us);
    member->node = sim_open(world->net, &options, &problem);
    if (!member->node || start_engine(member) != 0) {
        if (member->node)
            sim_crash(member->node);
        world_fail(world, "start: member %u did not", (unsigned)member->number);
        return;
    }
    watch_self(member);
    shoal_set_diagnostics(sim_engine(member->node), UINT32_MAX);
    join(member);
    world_settle(world);
}

void world_start(struct world *world, uint32_t number, int64_t clock_us)
{
    struct watched *member = &world->members[number];
    if (!member->node)
        start(member, clock_us);
}

struct watched *world_start_twin(struct world *world, uint32_t place,
                                 int64_t clock_us)
{
    for (uint32_t i = PLAN_MAX_MEMBERS; i < MAX_WATCHED; i++) {
        struct watched *twin = &world->members[i];
        if (twin->node)
            continue;
        twin->place = place;
        start(twin, clock_us);
        return twin;
    }
    return NULL;
}

void world_leave(struct watched *member)
{
    member->self->is_over = true;
    (void)sim_depart(member->node);
    sim_close(member->node);
}

void world_crash(struct watched *member)
{
    sim_crash(member->node);
}

/* ---- Time ---- */

/* There is no event when a stranger is heard to be down. */
static bool is_touched(const struct watched *member)
{
    return member->node &&
           (member->touched ||
            shoal_num_known(sim_engine(member->node)) != member->num_known);
}

/* A member that knows of hundreds, most of them made up, is looked at now and
 * then only. */
static bool is_turn(struct world *world, const struct watched *member)
{
    return is_touched(member) &&
           (member->num_known < 100 || rng_below(&world->rng, 64) == 0);
}

/* Nobody may be heard of before it was looked at itself. */
static void look_at_touched(struct world *world)
{
    for (uint32_t i = 0; i < MAX_WATCHED; i++)
        if (is_touched(&world->members[i]))
            watch_self(&world->members[i]);
    for (uint32_t i = 0; i < MAX_WATCHED; i++)
        if (is_turn(world, &world->members[i]))
            watch_look(&world->members[i]);
}

static void wake_anybody(struct world *world)
{
    uint32_t n = world->plan->num_members;
    uint32_t number = rng_below(&world->rng, n + MAX_TWINS);
    if (number >= n)
        number += PLAN_MAX_MEMBERS - n;
    watch_wake(&world->members[number]);
}

bool world_step(struct world *world, uint64_t until_us)
{
    if (world_has_failed(world) || !sim_step(world->net, until_us))
        return false;
    look_at_touched(world);
    wake_anybody(world);
    return true;
}

void world_live_until(struct world *world, uint64_t until_us)
{
    while (world_step(world, until_us))
        ;
}

void world_settle(struct world *world)
{
    while (sim_step(world->net, sim_now(world->net)))
        ;
    look_at_touched(world);
}

bool world_init(struct world *world, const struct plan *plan)
{
    *world = (struct world){.plan = plan,
                            .rng = {plan->seed ^ 0xea71},
                            .tags_rng = {plan->seed ^ 0x7a95},
                            .is_honest = plan_is_honest(plan)};
    world->says = world->is_honest && plan->kind != PLAN_MARATHON;
    world->publishes = world->says && plan->config.compare_members;
    world->topics_rng = (struct rng){plan->seed ^ 0x70b1};
    world->net = sim_new(plan->seed, &plan->network);
    for (uint32_t i = 0; i < MAX_WATCHED; i++)
        world->members[i] =
            (struct watched){.world = world, .number = i, .place = i};
    number_addresses(world);
    return world->net && make_places(world);
}

void world_clear(struct world *world)
{
    sim_free(world->net);
    idents_clear(&world->idents);
}
