/* SPDX-License-Identifier: MIT */
#include "tasks.h"

#include "broadcast.h"
#include "engine.h"
#include "send.h"

/* The first turn of a task. Members that became active together, or lost each
 * other together, do not take theirs together. */
static uint64_t first_turn(shoal *engine, uint64_t every_us)
{
    if (every_us == 0)
        return SHOAL_NEVER;
    return engine->now_us + 1 + rng_next(&engine->rng) % every_us;
}

static uint64_t next_turn(const shoal *engine, const shoal_periodic *task)
{
    return task->every_us ? engine->now_us + task->every_us : SHOAL_NEVER;
}

static uint64_t earlier(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

/* A turn that there is comes earlier. */
static void bring_forward(uint64_t *at_us, uint64_t to_us)
{
    if (*at_us != SHOAL_NEVER && *at_us > to_us)
        *at_us = to_us;
}

void tasks_stop(struct tasks *tasks)
{
    *tasks = (struct tasks){SHOAL_NEVER, SHOAL_NEVER, SHOAL_NEVER, 0, 0};
}

/* Who has lost as many as are left is likely to be the one that was cut off. */
static uint64_t every_to_down(const shoal *engine)
{
    uint64_t every_us = engine->config.announce_to_down.every_us;
    const struct members *members = &engine->members;
    bool is_cut_off =
        members->down[PLACE_FAILED].count >= members->active.count;
    return is_cut_off && every_us > 0 ? every_us / 3 + 1 : every_us;
}

/* Is it the task's turn? Then its next one is set; missed ones are gone. */
static bool take_turn(shoal *engine, uint64_t *at_us, uint64_t every_us)
{
    if (*at_us > engine->now_us)
        return false;
    *at_us += every_us;
    if (*at_us <= engine->now_us)
        *at_us = engine->now_us + every_us;
    return true;
}

enum {
    ASKS = 6,        /* at a faster pace: */
    ASK_MEMBERS = 3, /* that many each time */
    ASK_PERIODS = 2, /* probe periods between two times */
    HUNGRY = 5       /* announces that wait for a feed */
};

static uint64_t soon(const shoal *engine)
{
    return ASK_PERIODS * engine->config.probe_period_us;
}

void tasks_ask_down_soon(shoal *engine)
{
    struct tasks *tasks = &engine->tasks;
    if (tasks->announce_to_down_at_us == SHOAL_NEVER)
        return;
    tasks->asks = ASKS;
    bring_forward(&tasks->announce_to_down_at_us,
                  engine->now_us + soon(engine));
}

static void ask_down(shoal *engine)
{
    struct tasks *tasks = &engine->tasks;
    uint32_t members = engine->config.announce_to_down.members;
    uint64_t every_us = every_to_down(engine);
    if (tasks->asks > 0 && soon(engine) < every_us)
        every_us = soon(engine);
    if (!take_turn(engine, &tasks->announce_to_down_at_us, every_us))
        return;
    if (tasks->asks > 0 && members < ASK_MEMBERS)
        members = ASK_MEMBERS;
    tasks->asks -= tasks->asks > 0;
    send_announces_to_down(engine, members);
}

/* ---- Begin ---- */

void tasks_begin(shoal *engine)
{
    const shoal_config *config = &engine->config;
    struct tasks *tasks = &engine->tasks;
    tasks->announce_at_us = digest_is_on(engine)
                                ? SHOAL_NEVER
                                : first_turn(engine, config->announce.every_us);
    if (tasks->announce_at_us != SHOAL_NEVER) {
        tasks->hungry = HUNGRY;
        bring_forward(&tasks->announce_at_us,
                      first_turn(engine, 2 * config->probe_period_us));
    }
    tasks->announce_to_down_at_us =
        first_turn(engine, config->announce_to_down.every_us);
    tasks->gossip_at_us = next_turn(engine, &config->gossip);
}

void tasks_begin_idle(shoal *engine)
{
    if (engine->connection == SHOAL_CONNECTION_IDLE)
        engine->tasks.announce_to_down_at_us =
            first_turn(engine, every_to_down(engine));
}

static bool same_turn(const shoal_periodic *a, const shoal_periodic *b)
{
    return a->every_us == b->every_us;
}

void tasks_rearm(shoal *engine, const shoal_config *before)
{
    const shoal_config *config = &engine->config;
    struct tasks *tasks = &engine->tasks;
    bool is_active = engine->connection == SHOAL_CONNECTION_ACTIVE;
    if (engine->connection == SHOAL_CONNECTION_DEFUNCT)
        return;
    if (!same_turn(&before->announce_to_down, &config->announce_to_down))
        tasks->announce_to_down_at_us =
            is_active ? next_turn(engine, &config->announce_to_down)
                      : first_turn(engine, every_to_down(engine));
    if (is_active && !digest_is_on(engine) &&
        !same_turn(&before->announce, &config->announce))
        tasks->announce_at_us = next_turn(engine, &config->announce);
    if (is_active && !same_turn(&before->gossip, &config->gossip))
        tasks->gossip_at_us = next_turn(engine, &config->gossip);
}

/* ---- Turns ---- */

/* Does a feed that listed so many show that we know all there is? */
static bool is_fed(shoal *engine, uint32_t listed)
{
    bool news = engine->learned > engine->learned_by_feed;
    engine->learned_by_feed = engine->learned;
    engine->quiet_feeds = news ? 0 : engine->quiet_feeds + 1;
    engine->quiet_listed = news ? 0 : engine->quiet_listed + listed;
    return engine->quiet_listed >= 2 * engine->members.active.count;
}

void tasks_ask_for_more(shoal *engine, uint32_t listed)
{
    if (digest_is_on(engine)) /* rounds do that */
        return;
    struct tasks *tasks = &engine->tasks;
    bool is_waiting = tasks->hungry > 0;
    uint64_t delay = engine->config.probe_period_us / 5;
    if (is_fed(engine, listed)) {
        tasks->hungry = 0;
        if (is_waiting && tasks->announce_at_us != SHOAL_NEVER)
            tasks->announce_at_us =
                first_turn(engine, engine->config.announce.every_us);
        return;
    }
    tasks->hungry = HUNGRY;
    bring_forward(&tasks->announce_at_us,
                  engine->now_us + delay * (1 + engine->quiet_feeds));
}

static void announce(shoal *engine)
{
    struct tasks *tasks = &engine->tasks;
    const shoal_periodic *task = &engine->config.announce;
    if (!take_turn(engine, &tasks->announce_at_us, task->every_us))
        return;
    send_announces(engine, task->members);
    if (tasks->hungry == 0)
        return;
    tasks->hungry--;
    bring_forward(&tasks->announce_at_us,
                  engine->now_us + engine->config.probe_period_us);
}

static bool has_gossip(const shoal *engine)
{
    return engine->updates.num_urgent + engine->items.count +
               engine->own_tagged.count + engine->tagged.count +
               engine->topics.waiting.count >
           0;
}

/* What was queued when packets were larger, or there was somebody with a
 * shorter identity, would wait for ever, and with it the gossip. */
static void drop_oversized(shoal *engine)
{
    size_t smallest = members_smallest_id(&engine->members);
    size_t taken = identity_id(engine->self).size + smallest + SEND_OVERHEAD;
    size_t most = engine->config.max_packet_size;
    if (smallest == 0)
        return;
    size_t room = most > taken ? most - taken : 0;
    tags_shorten(engine, room);
    for (uint32_t i = backlog_cut(&engine->updates, &engine->mem, room); i > 0;
         i--)
        engine_drop(engine, SHOAL_DROP_TOO_BIG, 0);
}

void tasks_tick(shoal *engine)
{
    const shoal_config *config = &engine->config;
    struct tasks *tasks = &engine->tasks;
    announce(engine);
    ask_down(engine);
    /* A turn with nothing to say is not over: then what comes is said at once.
     */
    if (!has_gossip(engine) ||
        !take_turn(engine, &tasks->gossip_at_us, config->gossip.every_us))
        return;
    drop_oversized(engine);
    if (engine->updates.num_news + engine->own_tagged.count +
            engine->tagged.count >
        0)
        send_gossip(engine, config->gossip.members);
    else if (engine->updates.num_urgent > 0)
        send_gossip(engine, 1);
    else if (engine->items.count > 0)
        broadcast_turn(engine);
    if (engine->topics.waiting.count > 0)
        delivery_calls.gossip(engine);
}

uint64_t tasks_next(const shoal *engine)
{
    const struct tasks *tasks = &engine->tasks;
    uint64_t next = tasks->announce_at_us;
    if (members_num_lost(&engine->members) > 0)
        next = earlier(next, tasks->announce_to_down_at_us);
    if (has_gossip(engine)) /* no wakeup to find that there is nothing to say */
        next = earlier(next, tasks->gossip_at_us);
    return next;
}
