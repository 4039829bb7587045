/* SPDX-License-Identifier: MIT */
#include "probe.h"

#include "engine.h"

/* Answers that only came through others: a lossy network. That is worth a
 * slower pace, not the slowest. */
enum { MAX_FOR_DETOURS = 5 };

void probe_init(struct probe *probe)
{
    probe->target = probe->doubted = NULL;
    probe->number = 0;
    probe->num_asked = probe->num_nacks = 0;
    probe->indirect_at_us = probe->period_at_us = SHOAL_NEVER;
}

void probe_arm(shoal *engine)
{
    engine->probe.period_at_us =
        engine->now_us + health_stretch(engine, engine->config.probe_period_us);
}

void probe_disarm(shoal *engine)
{
    probe_abandon(engine);
    identity_release(&engine->mem, engine->probe.doubted);
    engine->probe.doubted = NULL;
    engine->probe.period_at_us = SHOAL_NEVER;
}

void probe_abandon(shoal *engine)
{
    struct probe *probe = &engine->probe;
    for (uint32_t i = 0; i < probe->num_asked; i++)
        identity_release(&engine->mem, probe->asked[i]);
    identity_release(&engine->mem, probe->target);
    probe->num_asked = probe->num_nacks = 0;
    probe->target = NULL;
    probe->indirect_at_us = SHOAL_NEVER;
}

/* The active member with that identity; NULL when it is gone, down or somebody
 * else by now. */
static struct member *find_active(shoal *engine, const struct identity *who)
{
    if (!who)
        return NULL;
    struct member *member =
        members_find_id(&engine->members, identity_id(who), who->hash);
    return member && member_is_active(member) ? member : NULL;
}

static struct member *find_target(shoal *engine)
{
    return find_active(engine, engine->probe.target);
}

/* Whoever gets a second look, else the next of the round. */
static struct member *take_next(shoal *engine)
{
    struct probe *probe = &engine->probe;
    struct member *doubted = find_active(engine, probe->doubted);
    identity_release(&engine->mem, probe->doubted);
    probe->doubted = NULL;
    probe->again = doubted != NULL;
    if (doubted)
        return doubted;
    probe->since_us = engine->now_us;
    return members_next(&engine->members, &engine->members.active,
                        &engine->rng);
}

static void start(shoal *engine)
{
    struct probe *probe = &engine->probe;
    struct member *member = take_next(engine);
    if (!member)
        return;
    probe->target = identity_retain(member->identity);
    probe->succeeded = probe->direct = false;
    probe->number++;
    probe->indirect_at_us =
        engine->now_us + health_stretch(engine, engine->config.probe_rtt_us);
    engine->stats.probes++;
    notify_member(engine, SHOAL_EVENT_PROBE_STARTED, member, (shoal_bytes){0});
    send_to_member(engine, member, SHOAL_MSG_PING, probe->number,
                   (shoal_bytes){0});
}

static bool is_not(void *context, const struct member *member)
{
    return member != context;
}

static void ask_others(shoal *engine)
{
    struct probe *probe = &engine->probe;
    probe->indirect_at_us = SHOAL_NEVER;
    struct member *target = find_target(engine), *others[MEMBERS_MAX_PICK];
    if (!target) {
        probe_abandon(engine);
        return;
    }
    uint32_t n = members_pick(&engine->members, &engine->members.active,
                              &engine->rng, engine->config.num_indirect_probes,
                              is_not, target, others);
    for (uint32_t i = 0; i < n; i++) {
        probe->nacked[probe->num_asked] = false;
        probe->asked[probe->num_asked++] = identity_retain(others[i]->identity);
        send_to_member(engine, others[i], SHOAL_MSG_PING_REQ, probe->number,
                       identity_id(probe->target));
    }
}

static void suspect(shoal *engine, struct member *member)
{
    shoal_update claim = {.id = identity_id(member->identity),
                          .incarnation = member->incarnation,
                          .state = SHOAL_SUSPECT,
                          .from = identity_id(engine->self)};
    int error = update_known(engine, member, &claim, true);
    if (error)
        engine_note(engine, error);
}

/* What a probe says about ourselves (Lifeguard 4.A): those we asked were to say
 * at least that the target does not answer them. */
static int health_after(const shoal *engine)
{
    const struct probe *probe = &engine->probe;
    if (probe->direct)
        return -1;
    if (probe->succeeded) /* it is there, but our own way to it failed */
        return engine->health < MAX_FOR_DETOURS;
    if (probe->num_asked == 0 || !engine->handlers.codec.lifeguard)
        return 1;
    return (int)(probe->num_asked - probe->num_nacks);
}

/* Only that nobody reaches the target explains what a healthy prober and
 * everybody whom it asked have seen. */
static bool is_evidence(const shoal *engine)
{
    const struct probe *probe = &engine->probe;
    return engine->health == 0 && probe->num_asked > 0 &&
           probe->num_nacks == probe->num_asked;
}

/* Not when we are as unwell as can be: that is no packet lost by chance. */
static bool may_look_again(const shoal *engine)
{
    bool at_worst =
        engine->health > 0 && engine->health >= engine->config.max_local_health;
    return engine->config.second_look && !engine->probe.again && !at_worst;
}

static void fail(shoal *engine, struct member *member)
{
    struct probe *probe = &engine->probe;
    engine->stats.probes_failed++;
    notify_member(engine, SHOAL_EVENT_PROBE_FAILED, member, (shoal_bytes){0});
    if (may_look_again(engine) && !is_evidence(engine))
        probe->doubted = identity_retain(probe->target);
    else
        suspect(engine, member);
}

/* A first look that failed says nothing yet, neither about the target nor about
 * ourselves. */
static void conclude(shoal *engine)
{
    struct member *member = find_target(engine);
    if (member && !engine->probe.succeeded)
        fail(engine, member);
    if (member && !engine->probe.doubted)
        health_change(engine, health_after(engine));
    probe_abandon(engine);
}

void probe_tick(shoal *engine)
{
    struct probe *probe = &engine->probe;
    if (probe->indirect_at_us <= engine->now_us)
        ask_others(engine);
    if (probe->period_at_us > engine->now_us)
        return;
    /* A time in which we were not there is nobody's silence. */
    probe->since_us += engine->now_us - probe->period_at_us;
    conclude(engine);
    /* Periods that were missed are gone: one probe makes up for them all. */
    probe->period_at_us +=
        health_stretch(engine, engine->config.probe_period_us);
    if (probe->period_at_us <= engine->now_us)
        probe_arm(engine);
    start(engine);
}

static void succeed(shoal *engine)
{
    engine->probe.succeeded = true;
    engine->probe.indirect_at_us = SHOAL_NEVER;
}

static bool is_about(const struct probe *probe, shoal_bytes id, uint8_t number)
{
    return probe->target && probe->number == number &&
           bytes_equal(identity_id(probe->target), id);
}

void probe_on_ack(shoal *engine, shoal_bytes id, uint8_t number)
{
    if (!is_about(&engine->probe, id, number))
        return;
    succeed(engine);
    engine->probe.direct = true;
}

/* Which of those we asked is that? num_asked: none. */
static uint32_t find_asked(const struct probe *probe, shoal_bytes id)
{
    uint32_t i = 0;
    while (i < probe->num_asked &&
           !bytes_equal(identity_id(probe->asked[i]), id))
        i++;
    return i;
}

void probe_on_forwarded_ack(shoal *engine, shoal_bytes from, shoal_bytes id,
                            uint8_t number)
{
    struct probe *probe = &engine->probe;
    if (is_about(probe, id, number) &&
        find_asked(probe, from) < probe->num_asked)
        succeed(engine);
}

void probe_on_nack(shoal *engine, shoal_bytes from, shoal_bytes id,
                   uint8_t number)
{
    struct probe *probe = &engine->probe;
    if (!is_about(probe, id, number))
        return;
    uint32_t i = find_asked(probe, from);
    if (i < probe->num_asked && !probe->nacked[i]) {
        probe->nacked[i] = true;
        probe->num_nacks++;
    }
}
