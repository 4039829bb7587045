/* SPDX-License-Identifier: MIT */
#include "world.h"

static struct watched *member_of(struct world *world, const struct fault *fault)
{
    return &world->members[fault->member];
}

/* Those who are paused are left alone: nothing of them could be drained. */
static bool can_act(const struct watched *member)
{
    return member->node && !sim_is_paused(member->node);
}

static void act(struct watched *member)
{
    sim_wake(member->node);
    world_settle(member->world);
}

/* ---- The network ---- */

static void disturb(struct world *world, const struct fault *fault)
{
    sim_network network = world->plan->network;
    network.loss = fault->chance;
    network.duplicate = fault->amount & 1 ? fault->chance / 2 : 0;
    network.reorder = fault->amount & 2 ? fault->chance / 2 : 0;
    network.reorder_by_us = world->plan->config.probe_period_us;
    sim_set_network(world->net, &network);
}

static uint32_t list(uint32_t mask, uint32_t *out)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < PLAN_MAX_MEMBERS; i++)
        if (mask >> i & 1)
            out[count++] = i;
    return count;
}

static void cut(struct world *world, const struct fault *fault, sim_cut **cuts)
{
    uint32_t from[PLAN_MAX_MEMBERS], to[PLAN_MAX_MEMBERS];
    uint32_t num_from = list(fault->members, from),
             num_to = list(fault->others, to);
    cuts[0] =
        sim_cut_new(world->net, from, num_from, to, num_to, fault->chance);
    if (fault->stays)
        cuts[1] =
            sim_cut_new(world->net, to, num_to, from, num_from, fault->chance);
}

static void heal(struct world *world, sim_cut **cuts)
{
    for (int i = 0; i < 2; i++) {
        sim_cut_free(world->net, cuts[i]);
        cuts[i] = NULL;
    }
}

/* ---- Processes ---- */

static void end(struct watched *member, const struct fault *fault)
{
    if (!member->node)
        return;
    if (fault->kind == FAULT_LEAVE && can_act(member))
        world_leave(member);
    else
        sim_crash(member->node);
    /* The first is everybody's seed. */
    member->gone =
        fault->kind != FAULT_RESTART && fault->stays && member->place > 0;
    if (fault->kind == FAULT_RESTART)
        world_start(member->world, member->place);
}

static void retire(struct watched *member)
{
    if (!can_act(member))
        return;
    member->retired = true;
    (void)shoal_leave(sim_engine(member->node), sim_node_now(member->node));
    act(member);
}

/* Somebody newer than it is now. */
static void rename_to(struct watched *member)
{
    uint8_t id[SHOAL_MAX_IDENTITY];
    size_t size;
    shoal *engine = sim_engine(member->node);
    shoal_identity_questions stock = shoal_stock_identity();
    if (stock.renew(stock.context, shoal_self(engine).id, (shoal_bytes){0},
                    id, &size) != 1) {
        world_fail(member->world, "rename: no newer identity");
        return;
    }
    member->retired = false;
    (void)shoal_change_identity(engine, sim_node_now(member->node),
                                (shoal_bytes){id, size});
    act(member);
}

static void configure(struct watched *member, const shoal_config *config)
{
    if (!can_act(member))
        return;
    int error = shoal_set_config(sim_engine(member->node),
                                 sim_node_now(member->node), config);
    if (error)
        world_fail(member->world, "config: refused: %s %s",
                   shoal_error_name(error),
                   shoal_error_detail(sim_engine(member->node)));
    act(member);
}

static void step_clock(struct watched *member, int64_t by_us)
{
    if (!member->node)
        return;
    if (by_us < 0) { /* until it has caught up, it stands still */
        member->world->clocks_back_us += (uint64_t)-by_us;
        member->set_back = true;
    }
    sim_step_clock(member->node, by_us);
}

static void broadcast(struct watched *member, int64_t count)
{
    while (count-- > 0 && can_act(member))
        (void)world_broadcast(member->world, member);
}

static void begin_for(struct watched *member, const struct fault *fault)
{
    struct world *world = member->world;
    shoal_config config;
    switch (fault->kind) {
    case FAULT_PAUSE:
        if (member->node)
            sim_pause(member->node);
        break;
    case FAULT_SLOW:
        world->slowest_us += (uint64_t)fault->amount;
        if (member->node)
            sim_set_slowness(member->node, (uint64_t)fault->amount);
        break;
    case FAULT_CRASH:
    case FAULT_RESTART:
    case FAULT_LEAVE:
        end(member, fault);
        break;
    case FAULT_RETIRE:
        retire(member);
        break;
    case FAULT_CLOCK:
        step_clock(member, fault->amount);
        break;
    case FAULT_CONFIG:
        config = plan_draw_config(world->plan, (uint64_t)fault->amount);
        configure(member, &config);
        break;
    case FAULT_RENAME:
        if (can_act(member))
            rename_to(member);
        break;
    case FAULT_BROADCAST:
        broadcast(member, fault->amount);
        break;
    case FAULT_NETWORK:
    case FAULT_CUT:
    case NUM_FAULT_KINDS:
        break;
    }
}

void fault_begin(struct world *world, uint32_t number)
{
    const struct fault *fault = &world->plan->faults[number];
    if (fault->kind == FAULT_NETWORK)
        disturb(world, fault);
    else if (fault->kind == FAULT_CUT)
        cut(world, fault, world->cuts[number]);
    else
        begin_for(member_of(world, fault), fault);
    world_settle(world);
}

void fault_end(struct world *world, uint32_t number)
{
    const struct fault *fault = &world->plan->faults[number];
    struct watched *member = member_of(world, fault);
    if (fault->kind == FAULT_NETWORK)
        sim_set_network(world->net, &world->plan->network);
    else if (fault->kind == FAULT_CUT)
        heal(world, world->cuts[number]);
    else if (fault->kind == FAULT_PAUSE && member->node)
        sim_resume(member->node);
    else if (fault->kind == FAULT_SLOW && member->node)
        sim_set_slowness(member->node, 0);
    else if (fault->kind == FAULT_RETIRE && member->retired && can_act(member))
        rename_to(member);
    else if ((fault->kind == FAULT_CRASH || fault->kind == FAULT_LEAVE) &&
             !member->gone)
        world_start(world, member->place);
    world_settle(world);
}

/* What the calm is about: news reach everybody. Gossip is a matter of chance,
 * and with the few transmissions of a preset one in a hundred items misses
 * somebody; with T of them it is one in e^T. */
static shoal_config calm_config(const struct world *world)
{
    shoal_config config = world->plan->config;
    config.max_transmissions = config.news_transmissions = 40;
    return config;
}

void fault_end_all(struct world *world)
{
    shoal_config config = calm_config(world);
    sim_set_network(world->net, &world->plan->network);
    for (uint32_t i = 0; i < world->plan->num_faults; i++)
        heal(world, world->cuts[i]);
    for (uint32_t i = 0; i < world->plan->num_members; i++) {
        struct watched *member = &world->members[i];
        if (!member->node && !member->gone)
            world_start(world, i);
        if (!member->node)
            continue;
        sim_resume(member->node);
        sim_set_slowness(member->node, 0);
        world_settle(world);
        configure(member, &config);
        if (member->retired)
            rename_to(member);
    }
}
