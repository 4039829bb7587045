/* SPDX-License-Identifier: MIT */
#include "probe.h"

#include "engine.h"
#include "notify.h"
#include "update.h"

enum {
    /* Answers that only came through others: a lossy network. That is worth a
     * slower pace, not the slowest. */
    MAX_FOR_DETOURS = 5,
    /* Whoever is less well than this does not look at many at a time. */
    WELL = 2
};

void probe_init(struct probe *probe)
{
    *probe = (struct probe){.indirect_at_us = SHOAL_NEVER,
                            .period_at_us = SHOAL_NEVER};
}

void probe_arm(shoal *engine)
{
    engine->probe.period_at_us =
        engine->now_us + health_stretch(engine, engine->config.probe_period_us);
}

void probe_abandon(shoal *engine)
{
    struct probe *probe = &engine->probe;
    while (probe->num_looks > 0)
        look_clear(engine, &probe->looks[--probe->num_looks]);
    probe->indirect_at_us = SHOAL_NEVER;
}

static void forget_intents(shoal *engine)
{
    struct probe *probe = &engine->probe;
    while (probe->num_intents > 0)
        identity_release(&engine->mem,
                         probe->intents[--probe->num_intents].target);
    probe->extra = 0;
}

void probe_disarm(shoal *engine)
{
    probe_abandon(engine);
    forget_intents(engine);
    engine->probe.period_at_us = SHOAL_NEVER;
}

uint64_t probe_since(const shoal *engine, const struct identity *target)
{
    const struct probe *probe = &engine->probe;
    for (uint32_t i = 0; i < probe->num_looks; i++)
        if (probe->looks[i].target == target)
            return probe->looks[i].since_us;
    return SHOAL_NEVER;
}

/* The active member with that identity; NULL when it is gone, down or somebody
 * else by now. */
/* ---- Whom to look at ---- */

/* num_intents: nowhere. */
static uint32_t find_intent(const struct probe *probe,
                            const struct identity *who)
{
    uint32_t at = 0;
    while (at < probe->num_intents && probe->intents[at].target != who)
        at++;
    return at;
}

/* The caller has the reference now. */
static struct intent take_intent_out(struct probe *probe, uint32_t at)
{
    struct intent intent = probe->intents[at];
    probe->num_intents--;
    for (; at < probe->num_intents; at++)
        probe->intents[at] = probe->intents[at + 1];
    return intent;
}

/* Second looks go first, and before any other, even of the same member. */
static void intend(shoal *engine, struct intent intent)
{
    struct probe *probe = &engine->probe;
    uint32_t at = find_intent(probe, intent.target);
    if (at == PROBE_LOOKS)
        at--; /* the last one may give way */
    if (at < probe->num_intents && (!intent.again || probe->intents[at].again))
        return;
    identity_retain(intent.target);
    if (at < probe->num_intents)
        identity_release(&engine->mem, take_intent_out(probe, at).target);
    at = probe->num_intents;
    while (intent.again && at > 0 && !probe->intents[at - 1].again) {
        probe->intents[at] = probe->intents[at - 1];
        at--;
    }
    probe->intents[at] = intent;
    probe->num_intents++;
}

void probe_hint(shoal *engine, const struct member *member)
{
    uint32_t alive =
        engine->members.active.count - engine->members.num_suspects;
    if (!engine_has_lifeguard(engine) ||
        engine->connection != SHOAL_CONNECTION_ACTIVE ||
        (alive > PROBE_LOOKS && rng_below(&engine->rng, alive) >= PROBE_LOOKS))
        return;
    intend(engine, (struct intent){.target = member->identity});
}

/* How many looks may go on at a time. */
static uint32_t num_slots(const shoal *engine)
{
    bool hears_nobody = engine->heard.last_us < engine->probe.started_us;
    if (!engine_has_lifeguard(engine) || hears_nobody)
        return 1;
    return engine->health > WELL ? 2 : PROBE_LOOKS;
}

static bool is_looked_at(const struct probe *probe, const struct member *member)
{
    for (uint32_t i = 0; i < probe->num_looks; i++)
        if (probe->looks[i].target == member->identity)
            return true;
    return false;
}

static void look_at(shoal *engine, struct member *member, uint64_t since_us,
                    bool again)
{
    struct probe *probe = &engine->probe;
    if (is_looked_at(probe, member))
        return;
    struct look *look = &probe->looks[probe->num_looks++];
    look->since_us = since_us;
    look->again = again;
    look_start(engine, look, member);
}

/* Takes the first of what is intended, if it is there still and of that sort.
 */
static void take_intent(shoal *engine, bool again)
{
    struct probe *probe = &engine->probe;
    if (probe->intents[0].again != again)
        return;
    struct intent intent = take_intent_out(probe, 0);
    struct member *member =
        members_find_active(&engine->members, intent.target);
    if (member)
        look_at(engine, member, again ? intent.since_us : engine->now_us,
                again);
    identity_release(&engine->mem, intent.target);
}

static bool is_next_again(const struct probe *probe, bool again)
{
    return probe->num_intents > 0 && probe->intents[0].again == again;
}

static void look_at_next(shoal *engine)
{
    struct member *member =
        members_next(&engine->members, &engine->members.active, &engine->rng);
    if (member)
        look_at(engine, member, engine->now_us, false);
}

/* Second looks, but for one place, then the round, then the rest. A single
 * place is the second look's. */
static void start(shoal *engine)
{
    struct probe *probe = &engine->probe;
    uint32_t slots = num_slots(engine), most_again = slots > 1 ? slots - 1 : 1;
    probe->started_us = engine->now_us;
    while (is_next_again(probe, true) && probe->num_looks < most_again)
        take_intent(engine, true);
    if (probe->num_looks < slots)
        look_at_next(engine);
    while (is_next_again(probe, false) && probe->num_looks < slots)
        take_intent(engine, false);
    for (; probe->extra > 0 && probe->num_looks < slots; probe->extra--)
        look_at_next(engine);
    probe->extra = 0;
    if (probe->num_looks > 0)
        probe->indirect_at_us =
            engine->now_us +
            health_stretch(engine, engine->config.probe_rtt_us);
}

/* ---- What came of it ---- */

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

/* What a look says about ourselves (Lifeguard 4.A): those we asked were to say
 * at least that the target does not answer them. */
static int health_after(const shoal *engine, const struct look *look)
{
    if (look->direct)
        return -1;
    if (look->succeeded) /* it is there, but our own way to it failed */
        return engine->health < MAX_FOR_DETOURS;
    if (look->num_helpers == 0 || !engine->handlers.codec.lifeguard)
        return 1;
    return (int)look_num_silent(engine, look);
}

/* Only that nobody reaches the target explains what a healthy prober and
 * everybody whom it asked have seen. */
static bool is_evidence(const shoal *engine, const struct look *look)
{
    return engine->health == 0 && look_is_unanimous(engine, look);
}

/* Not when we are as unwell as can be: that is no packet lost by chance. */
static bool may_look_again(const shoal *engine, const struct look *look)
{
    bool at_worst =
        engine->health > 0 && engine->health >= engine->config.max_local_health;
    return engine->config.second_look && !look->again && !at_worst;
}

/* Helpers that kept silent may be gone as well. */
static void doubt_silent(shoal *engine, const struct look *look)
{
    for (uint32_t i = 0; i < look->num_helpers; i++)
        if (!look->helpers[i].nacked && !look->helpers[i].is_heard)
            intend(engine, (struct intent){.target = look->helpers[i].who});
}

/* Where one is gone, others may be. A failed look at one that others suspect
 * already says nothing about us; what another one is charged for is given back
 * when somebody confirms it. */
static void take_for_gone(shoal *engine, struct look *look,
                          struct member *member)
{
    bool was_suspect = member->state == SHOAL_SUSPECT;
    int points = health_after(engine, look);
    suspect(engine, member);
    if (!engine_has_lifeguard(engine) || !was_suspect)
        health_change(engine, points);
    if (!engine_has_lifeguard(engine))
        return;
    if (!was_suspect)
        suspicion_charge(member, points);
    engine->probe.extra++;
    doubt_silent(engine, look);
}

static void fail(shoal *engine, struct look *look, struct member *member)
{
    engine->stats.probes_failed++;
    notify_member(engine, SHOAL_EVENT_PROBE_FAILED, member, (shoal_bytes){0});
    if (may_look_again(engine, look) && !is_evidence(engine, look))
        intend(engine, (struct intent){.target = look->target,
                                       .since_us = look->since_us,
                                       .again = true});
    else
        take_for_gone(engine, look, member);
}

/* A first look that failed says nothing yet, neither about the target nor about
 * ourselves. */
static void conclude(shoal *engine, struct look *look)
{
    struct member *member = members_find_active(&engine->members, look->target);
    if (member && !look->succeeded)
        fail(engine, look, member);
    else if (member)
        health_change(engine, health_after(engine, look));
}

static void conclude_all(shoal *engine)
{
    struct probe *probe = &engine->probe;
    for (uint32_t i = 0; i < probe->num_looks; i++)
        conclude(engine, &probe->looks[i]);
    probe_abandon(engine);
}

/* ---- Time ---- */

static void ask_others(shoal *engine)
{
    struct probe *probe = &engine->probe;
    probe->indirect_at_us = SHOAL_NEVER;
    for (uint32_t i = 0; i < probe->num_looks; i++)
        look_ask_others(engine, &probe->looks[i]);
}

/* A time in which we were not there is nobody's silence. */
static void forgive(struct probe *probe, uint64_t late_us)
{
    for (uint32_t i = 0; i < probe->num_looks; i++)
        probe->looks[i].since_us += late_us;
    for (uint32_t i = 0; i < probe->num_intents; i++)
        probe->intents[i].since_us += late_us;
}

void probe_tick(shoal *engine)
{
    struct probe *probe = &engine->probe;
    if (probe->indirect_at_us <= engine->now_us)
        ask_others(engine);
    if (probe->period_at_us > engine->now_us)
        return;
    forgive(probe, engine->now_us - probe->period_at_us);
    conclude_all(engine);
    /* Periods that were missed are gone: one probe makes up for them all. */
    probe->period_at_us +=
        health_stretch(engine, engine->config.probe_period_us);
    if (probe->period_at_us <= engine->now_us)
        probe_arm(engine);
    start(engine);
}
