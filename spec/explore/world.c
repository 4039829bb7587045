/* SPDX-License-Identifier: MIT */
#include "world.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

/* ---- Places: "m00:1", "m01:1", ... ---- */

static void write_address(char *out, uint32_t place)
{
    snprintf(out, SIM_MAX_ADDRESS, "m%02u:1", (unsigned)place % 100);
}

uint32_t world_place(shoal_bytes addr)
{
    return (uint32_t)(addr.data[1] - '0') * 10 + (uint32_t)(addr.data[2] - '0');
}

static shoal_bytes bytes_of_text(const char *text)
{
    return (shoal_bytes){(const uint8_t *)text, strlen(text)};
}

/* ---- Items: their number, what they are about, and something behind it ----
 *
 * While bad things happen they are about one of a few topics, and the newest
 * about each takes the place of the others; in the calm each is about itself.
 */

enum { NUMBER_SIZE = 2, TOPIC_AT = 2, ITSELF = NUM_TOPICS };

static uint32_t item_number(shoal_bytes data)
{
    return (uint32_t)data.data[0] << 8 | data.data[1];
}

static bool is_of_ours(const struct world *world, shoal_bytes data)
{
    return data.size > TOPIC_AT && item_number(data) < world->num_items &&
           data.data[TOPIC_AT] <= ITSELF;
}

static bool is_news(struct watched *member, uint32_t number, uint8_t topic)
{
    if (member->has_item[number])
        return false;
    if (topic == ITSELF)
        return true;
    bool is_newer = number + 1 > member->newest[topic];
    if (is_newer)
        member->newest[topic] = number + 1;
    return is_newer;
}

static int on_item(void *context, shoal_bytes data, shoal_bytes sender,
                   shoal_bytes *key)
{
    struct watched *member = context;
    (void)sender;
    if (!is_of_ours(member->world, data)) {
        world_fail(member->world, "broadcast: %u was given an item of nobody's",
                   (unsigned)member->place);
        return 0;
    }
    uint32_t number = item_number(data);
    uint8_t topic = data.data[TOPIC_AT];
    if (!is_news(member, number, topic))
        return 0;
    member->has_item[number] = true;
    *key = topic == ITSELF ? (shoal_bytes){data.data, NUMBER_SIZE}
                           : (shoal_bytes){data.data + TOPIC_AT, 1};
    return 1;
}

uint32_t world_broadcast(struct world *world, struct watched *member)
{
    uint32_t number = world->num_items;
    uint8_t topic = world->calm ? ITSELF : (uint8_t)(number % NUM_TOPICS);
    uint8_t data[67] = {(uint8_t)(number >> 8), (uint8_t)number, topic};
    /* The calm needs one for each. */
    if (number >= MAX_ITEMS - (world->calm ? 0 : PLAN_MAX_MEMBERS))
        return MAX_ITEMS;
    world->num_items++;
    world->num_calm_items += world->calm;
    shoal_bytes item = {data, TOPIC_AT + 1 + number * 7 % 65};
    int queued = shoal_add_broadcast(sim_engine(member->node),
                                     sim_node_now(member->node), item);
    sim_wake(member->node);
    world_settle(world);
    return queued == 1 ? number : MAX_ITEMS;
}

/* ---- Members ---- */

static void on_notify(void *context, const shoal_effect *effect)
{
    watch_notify(context, effect);
}

/* Whoever is there: an announce needs no more than the address. */
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
}

static int start_engine(struct watched *member, const char *address)
{
    struct world *world = member->world;
    shoal_options options = {
        .seed = sim_random(world->net),
        .config = world->plan->config,
        .handlers = {.identity = shoal_stock_identity(),
                     .broadcast = {.context = member, .receive = on_item},
                     .codec = shoal_default_codec()}};
    /* Newer than whatever the one before renewed itself to. */
    uint64_t bump = (uint64_t)(member->life + 1) << 20;
    size_t size;
    const char *detail;
    int error = shoal_stock_identity_new(bytes_of_text(address), bump,
                                         member->self.id, &size);
    if (error)
        return error;
    member->self.size = size;
    options.identity = (shoal_bytes){member->self.id, size};
    return sim_start(member->node, &options, &detail);
}

void world_start(struct world *world, uint32_t place)
{
    struct watched *member = &world->members[place];
    char address[SIM_MAX_ADDRESS], seed[SIM_MAX_ADDRESS];
    const char *problem;
    sim_options options = {
        .address = address,
        .callbacks = {member, on_notify, identity_at, on_closed}};
    if (member->node)
        return;
    write_address(address, place);
    watch_begin(member);
    member->node = sim_open(world->net, &options, &problem);
    if (!member->node || start_engine(member, address) != 0) {
        if (member->node)
            sim_crash(member->node);
        world_fail(world, "start: member %u did not", (unsigned)place);
        return;
    }
    shoal_set_diagnostics(sim_engine(member->node), UINT32_MAX);
    for (uint32_t i = 0; i < 3 && i < world->plan->num_members; i++) {
        write_address(seed, i);
        if (i != place && !sim_join(member->node, seed))
            world_fail(world, "start: no memory");
    }
    world_settle(world);
}

void world_leave(struct watched *member)
{
    (void)shoal_leave(sim_engine(member->node), sim_node_now(member->node));
    sim_close(member->node);
}

/* ---- Time ---- */

static void look_at_touched(struct world *world)
{
    for (uint32_t i = 0; i < world->plan->num_members; i++) {
        struct watched *member = &world->members[i];
        if (!member->node)
            continue;
        /* Nobody is told when a down member is forgotten. */
        if (shoal_num_known(sim_engine(member->node)) != member->num_known)
            member->touched = true;
        if (member->touched)
            watch_look(member);
    }
}

bool world_step(struct world *world, uint64_t until_us)
{
    if (world_has_failed(world) || !sim_step(world->net, until_us))
        return false;
    look_at_touched(world);
    watch_wake(
        &world->members[rng_below(&world->rng, world->plan->num_members)]);
    return true;
}

void world_settle(struct world *world)
{
    while (sim_step(world->net, sim_now(world->net)))
        ;
    look_at_touched(world);
}

/* Opened in order and ended again, so that a place has its member's number,
 * whoever starts first. */
static bool make_places(struct world *world)
{
    for (uint32_t i = 0; i < world->plan->num_members; i++) {
        char address[SIM_MAX_ADDRESS];
        const char *problem;
        write_address(address, i);
        sim_node *node =
            sim_open(world->net, &(sim_options){.address = address}, &problem);
        if (!node || sim_place(node) != i)
            return false;
        sim_crash(node);
    }
    return true;
}

bool world_init(struct world *world, const struct plan *plan)
{
    *world = (struct world){.plan = plan, .rng = {plan->seed ^ 0xea71}};
    world->net = sim_new(plan->seed, &plan->network);
    for (uint32_t i = 0; i < PLAN_MAX_MEMBERS; i++)
        world->members[i] = (struct watched){.world = world, .place = i};
    return world->net && make_places(world);
}

void world_clear(struct world *world)
{
    sim_free(world->net);
}
