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
    sim_network network = sim_get_network(world->net);
    network.loss = fault->chance;
    network.duplicate = fault->amount & 1 ? fault->chance / 2 : 0;
    network.reorder = fault->amount & 2 ? fault->chance / 2 : 0;
    network.reorder_by_us = world->plan->config.probe_period_us;
    sim_set_network(world->net, &network);
}

static void calm_down(struct world *world)
{
    sim_network network = world->plan->network;
    network.corrupt = sim_get_network(world->net).corrupt;
    sim_set_network(world->net, &network);
}

static void corrupt(struct world *world, double chance)
{
    sim_network network = sim_get_network(world->net);
    network.corrupt = chance;
    sim_set_network(world->net, &network);
}

static uint32_t list(uint64_t mask, uint32_t *out)
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
        world_crash(member);
    member->gone = fault->kind != FAULT_RESTART && fault->stays;
    if (fault->kind == FAULT_RESTART)
        world_start(member->world, member->number, fault->clock_us);
}

static void retire(struct watched *member)
{
    if (!can_act(member) || member->retired)
        return;
    member->retired = true;
    member->self->is_over = true;
    (void)sim_depart(member->node);
    act(member);
}

/* It becomes somebody newer than it is now; nothing is drained. */
static void rename_to_newer(struct watched *member)
{
    uint8_t id[SHOAL_MAX_IDENTITY];
    size_t size;
    shoal *engine = sim_engine(member->node);
    shoal_identity_questions stock = shoal_stock_identity();
    if (stock.renew(stock.context, shoal_self(engine).id, (shoal_bytes){0}, id,
                    &size) != 1) {
        world_fail(member->world, "rename: no newer identity");
        return;
    }
    member->retired = false;
    int error = shoal_change_identity(engine, sim_node_now(member->node),
                                      (shoal_bytes){id, size});
    if (error)
        world_fail(member->world, "rename: %u may not: %s",
                   (unsigned)member->number, shoal_error_name(error));
    watch_self(member);
    sim_wake(member->node);
}

/* At the same moment, so that their packets cross. */
static void rename_all(struct world *world, uint64_t members)
{
    for (uint32_t i = 0; i < world->plan->num_members; i++)
        if (members >> i & 1 && can_act(&world->members[i]) &&
            !world->members[i].retired)
            rename_to_newer(&world->members[i]);
    world_settle(world);
}

static void start_twin(struct world *world, uint32_t number)
{
    const struct fault *fault = &world->plan->faults[number];
    struct watched *twin =
        world_start_twin(world, fault->member, fault->clock_us);
    world->twins[number] = twin;
    if (twin)
        sim_share(world->net, fault->member, twin->number, fault->chance);
}

static void end_twin(struct world *world, uint32_t number)
{
    struct watched *twin = world->twins[number];
    world->twins[number] = NULL;
    if (!twin)
        return;
    sim_share(world->net, twin->place, twin->number, 0);
    world_crash(twin);
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
        (void)items_broadcast(member->world, member);
}

static void set_slow(struct watched *member, uint64_t by_us)
{
    member->world->slowest_us += by_us;
    if (member->node)
        sim_set_slowness(member->node, by_us);
}

static void reconfigure(struct watched *member, uint64_t seed)
{
    shoal_config config = plan_draw_config(member->world->plan, seed);
    configure(member, &config);
}

static void lie_to(struct watched *member, const struct fault *fault)
{
    if (!can_act(member))
        return;
    if (fault->kind == FAULT_TABLE)
        forge_table(member, (uint64_t)fault->amount);
    else if (fault->kind == FAULT_FORGE)
        forge_packets(member, (uint64_t)fault->amount);
    else
        forge_mistake(member, fault->others);
    member->world->mistaken = member;
    act(member);
    member->world->mistaken = NULL;
}

/* ---- Begin and end ---- */

static void begin(struct world *world, uint32_t number)
{
    const struct fault *fault = &world->plan->faults[number];
    struct watched *member = member_of(world, fault);
    switch (fault->kind) {
    case FAULT_NETWORK:
        disturb(world, fault);
        break;
    case FAULT_CORRUPT:
        corrupt(world, fault->chance);
        break;
    case FAULT_CUT:
        cut(world, fault, world->cuts[number]);
        break;
    case FAULT_PAUSE:
        if (member->node)
            sim_pause(member->node);
        break;
    case FAULT_SLOW:
        set_slow(member, (uint64_t)fault->amount);
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
        reconfigure(member, (uint64_t)fault->amount);
        break;
    case FAULT_RENAME:
        rename_all(world, fault->members);
        break;
    case FAULT_BROADCAST:
        broadcast(member, fault->amount);
        break;
    case FAULT_TWIN:
        start_twin(world, number);
        break;
    case FAULT_MISTAKE:
    case FAULT_FORGE:
    case FAULT_TABLE:
        lie_to(member, fault);
        break;
    case NUM_FAULT_KINDS:
        break;
    }
}

void fault_begin(struct world *world, uint32_t number)
{
    begin(world, number);
    reach_update(world);
    world_settle(world);
}

/* A member that was to come back does. */
static void come_back(struct watched *member, const struct fault *fault)
{
    if (!member->gone)
        world_start(member->world, member->number, fault->clock_us);
}

static void return_from_retirement(struct watched *member)
{
    if (!member->retired || !can_act(member))
        return;
    rename_to_newer(member);
    act(member);
}

void fault_end(struct world *world, uint32_t number)
{
    const struct fault *fault = &world->plan->faults[number];
    struct watched *member = member_of(world, fault);
    if (fault->kind == FAULT_NETWORK)
        calm_down(world);
    else if (fault->kind == FAULT_CORRUPT)
        corrupt(world, 0);
    else if (fault->kind == FAULT_CUT)
        heal(world, world->cuts[number]);
    else if (fault->kind == FAULT_PAUSE && member->node)
        sim_resume(member->node);
    else if (fault->kind == FAULT_SLOW && member->node)
        sim_set_slowness(member->node, 0);
    else if (fault->kind == FAULT_RETIRE)
        return_from_retirement(member);
    else if (fault->kind == FAULT_TWIN)
        end_twin(world, number);
    else if (fault->kind == FAULT_CRASH || fault->kind == FAULT_LEAVE)
        come_back(member, fault);
    reach_update(world);
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

static void end_for(struct watched *member, const shoal_config *config)
{
    if (!member->node && !member->gone)
        world_start(member->world, member->number, 0);
    if (!member->node)
        return;
    sim_resume(member->node);
    sim_set_slowness(member->node, 0);
    world_settle(member->world);
    configure(member, config);
    return_from_retirement(member);
}

void fault_end_all(struct world *world)
{
    shoal_config config = calm_config(world);
    sim_set_network(world->net, &world->plan->network);
    for (uint32_t i = 0; i < world->plan->num_faults; i++) {
        heal(world, world->cuts[i]);
        end_twin(world, i);
    }
    for (uint32_t i = 0; i < world->plan->num_members; i++)
        end_for(&world->members[i], &config);
    reach_update(world);
}
