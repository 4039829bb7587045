/* SPDX-License-Identifier: MIT */
#include "../engine.h"

#include "../ask.h"
#include "../config.h"
#include "../send.h"
#include "../update.h"
#include "lookahead.h"

/* ---- Time ---- */

static uint64_t earlier(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

uint64_t shoal_next_deadline(const shoal *engine)
{
    uint64_t next = timers_next(&engine->timers);
    next = earlier(next, engine->probe.indirect_at_us);
    next = earlier(next, engine->probe.period_at_us);
    next = earlier(next, indirect_next(&engine->indirect));
    next = earlier(next, view_next(engine));
    next = earlier(next, engine->round.at_us);
    next = earlier(next, engine->own_tags.at_us);
    next = earlier(next, engine->fetches.at_us);
    next = earlier(next, delivery_calls.next(engine));
    return earlier(next, tasks_next(engine));
}

/* By how long the oldest of what is due was missed. The periodic tasks are no
 * measure: nobody is woken for one that has nothing to do. */
static uint64_t lateness(const shoal *engine)
{
    uint64_t due = earlier(
        timers_next(&engine->timers),
        earlier(engine->probe.indirect_at_us, engine->probe.period_at_us));
    return engine->now_us > due ? engine->now_us - due : 0;
}

int shoal_tick(shoal *engine, uint64_t now_us)
{
    int error = engine_enter(engine, now_us);
    if (error)
        return error;
    /* After a stall as long as this, silence proves nothing. */
    if (lateness(engine) > engine->config.suspect_to_down_after_us)
        suspicion_restart_all(engine);
    indirect_tick(engine);
    probe_tick(engine);
    error = suspicion_tick(engine);
    tags_tick(engine);
    fetch_tick(engine);
    delivery_calls.tick_topics(engine);
    tasks_tick(engine);
    if (!error)
        error = view_tick(engine);
    round_tick(engine);
    delivery_calls.tick_messages(engine);
    return engine_leave(engine, error);
}

/* ---- Small entry points ---- */

int shoal_announce(shoal *engine, uint64_t now_us, shoal_bytes id)
{
    int error = engine_enter(engine, now_us);
    if (error)
        return error;
    struct who to;
    error = ask_who(engine, id, &to);
    if (!error && bytes_equal(to.addr, identity_addr(engine->self))) {
        engine_set_detail(engine, "that is our own address");
        error = SHOAL_ERR_IDENTITY;
    }
    if (!error)
        send_message(engine, &to, SHOAL_MSG_ANNOUNCE, 0, (shoal_bytes){0});
    return engine_leave(engine, error);
}

int shoal_gossip(shoal *engine, uint64_t now_us)
{
    int error = engine_enter(engine, now_us);
    if (error)
        return error;
    if (engine->connection != SHOAL_CONNECTION_DEFUNCT)
        send_gossip(engine, engine->config.num_indirect_probes);
    return engine_leave(engine, 0);
}

int shoal_apply(shoal *engine, uint64_t now_us, const shoal_update *updates,
                size_t count, bool broadcast, size_t *applied)
{
    int error = engine_enter(engine, now_us);
    size_t ignored, *done = applied ? applied : &ignored;
    *done = 0;
    if (error)
        return error;
    struct ahead ahead;
    ahead_begin(&ahead, engine, updates, count);
    while (*done < count) {
        const shoal_update *update = &updates[*done];
        struct member *found = ahead_next(&ahead);
        error = update->state > SHOAL_DOWN
                    ? SHOAL_ERR_MALFORMED
                    : update_apply(engine, update, found, broadcast);
        if (error)
            break;
        ++*done;
    }
    return engine_leave(engine, error);
}

int shoal_forget(shoal *engine, uint64_t now_us, shoal_bytes addr)
{
    int error = engine_enter(engine, now_us);
    if (error)
        return error;
    uint32_t hash = bytes_hash(addr, engine->hash_key);
    struct member *member = members_find_addr(&engine->members, addr, hash);
    if (!member)
        return engine_leave(engine, SHOAL_ERR_NOT_FOUND);
    if (member_is_active(member))
        return engine_leave(engine, SHOAL_ERR_NOT_DOWN);
    bool done = update_forget(engine, member);
    return engine_leave(engine, done ? 0 : SHOAL_ERR_NOMEM);
}

void shoal_set_diagnostics(shoal *engine, uint32_t mask)
{
    view_ask(engine, mask);
    engine->diagnostics = mask;
}

bool shoal_next_effect(shoal *engine, shoal_effect *out)
{
    return !engine->asking && effects_next(&engine->effects, &engine->mem, out);
}

int shoal_set_handlers(shoal *engine, const shoal_handlers *handlers)
{
    if (engine->asking)
        return SHOAL_ERR_REENTRANT;
    engine->handlers = *handlers;
    admission_forget(&engine->admission);
    return 0;
}

/* ---- A new config for a running engine ---- */

static void rearm_probe(shoal *engine, const shoal_config *before)
{
    const shoal_config *config = &engine->config;
    struct probe *probe = &engine->probe;
    if (before->probe_period_us != config->probe_period_us)
        probe_arm(engine);
    if (before->probe_rtt_us != config->probe_rtt_us &&
        probe->indirect_at_us != SHOAL_NEVER)
        probe->indirect_at_us = engine->now_us + config->probe_rtt_us;
}

/* Else we would send nothing that anybody could answer. */
static bool has_room_for_us(shoal *engine, const shoal_config *config)
{
    shoal_config before = engine->config;
    engine->config.max_packet_size = config->max_packet_size;
    int error = send_check_identity(engine, identity_id(engine->self), true);
    engine->config = before;
    return error != SHOAL_ERR_TOO_BIG;
}

int shoal_set_config(shoal *engine, uint64_t now_us, const shoal_config *config)
{
    int error = engine_enter(engine, now_us);
    if (error)
        return error;
    const char *problem, *field = shoal_config_check(config, &problem);
    shoal_config before = engine->config;
    if (!field && !has_room_for_us(engine, config)) {
        field = "max_packet_size";
        problem = "must have room for our identity three times";
    }
    if (field) {
        engine_set_detail(engine, field);
        engine_add_detail(engine, " ");
        engine_add_detail(engine, problem);
        return engine_leave(engine, SHOAL_ERR_INVALID_CONFIG);
    }
    engine->config = *config;
    engine->transmissions.members = 0;
    suspicion_rearm(engine, &before);
    health_change(engine, 0);
    if (engine->connection == SHOAL_CONNECTION_ACTIVE)
        rearm_probe(engine, &before);
    tasks_rearm(engine, &before);
    return engine_leave(engine, 0);
}

/* ---- Lifecycle ---- */

static int start(shoal *engine, const shoal_options *options)
{
    struct who who;
    int error = ask_who(engine, options->identity, &who);
    if (error)
        return error;
    engine->self = identity_new(&engine->mem, &who);
    if (!engine->self)
        return SHOAL_ERR_NOMEM;
    return send_check_identity(engine, options->identity, true);
}

static const char *why_not(int error)
{
    if (error == SHOAL_ERR_TOO_BIG)
        return "the identity does not fit into max_packet_size three times";
    return error == SHOAL_ERR_IDENTITY
               ? "no usable address, or not 1 to 512 bytes"
               : "";
}

static void init(shoal *engine, const shoal_options *options, struct mem mem)
{
    *engine = (shoal){.mem = mem,
                      .rng = {options->seed},
                      .config = options->config,
                      .handlers = options->handlers,
                      .conflict_us = SHOAL_NEVER,
                      .renewed_us = SHOAL_NEVER,
                      .ownership = {.at_us = SHOAL_NEVER}};
    engine->hash_key = rng_next(&engine->rng);
    cookie_init(engine, options->seed);
    members_init(&engine->members);
    view_init(&engine->view);
    probe_init(&engine->probe);
    backlog_init(&engine->updates, 0);
    backlog_init(&engine->items, 2);
    backlog_init(&engine->own_tagged, 0);
    backlog_init(&engine->tagged, 0);
    tags_init(&engine->own_tags);
    fetch_init(&engine->fetches);
    delivery_calls.init(engine);
    tasks_stop(&engine->tasks);
    round_init(&engine->round);
    tasks_begin_idle(engine);
}

int shoal_new(const shoal_options *options, shoal **out, const char **detail)
{
    const char *ignored;
    detail = detail ? detail : &ignored;
    *out = NULL;
    if ((*detail = shoal_config_check(&options->config, &ignored)))
        return SHOAL_ERR_INVALID_CONFIG;
    struct mem mem;
    mem_init(&mem, options->allocator);
    shoal *engine = mem_resize(&mem, NULL, 0, sizeof *engine);
    if (!engine)
        return SHOAL_ERR_NOMEM;
    init(engine, options, mem);
    int error = start(engine, options);
    if (error) {
        *detail = why_not(error);
        shoal_free(engine);
        return error;
    }
    *out = engine;
    return 0;
}

void shoal_free(shoal *engine)
{
    if (!engine)
        return;
    probe_disarm(engine);
    indirect_clear(engine);
    round_stop(engine);
    mem_free(&engine->mem, engine->spare_suspicion,
             sizeof *engine->spare_suspicion);
    backlog_clear(&engine->updates, &engine->mem);
    backlog_clear(&engine->items, &engine->mem);
    backlog_clear(&engine->own_tagged, &engine->mem);
    backlog_clear(&engine->tagged, &engine->mem);
    fetch_clear(engine);
    tags_clear(engine);
    delivery_calls.clear(engine);
    keys_clear(&engine->item_keys, &engine->mem);
    members_clear(&engine->members, &engine->mem);
    timers_clear(&engine->timers, &engine->mem);
    effects_clear(&engine->effects, &engine->mem);
    mem_resize(&engine->mem, engine->decoded.claims,
               engine->decoded.capacity * sizeof *engine->decoded.claims, 0);
    identity_release(&engine->mem, engine->self);
    struct mem mem = engine->mem;
    mem_clear(&mem);
    mem_resize(&mem, engine, sizeof *engine, 0);
}
