/* SPDX-License-Identifier: MIT */
#include "suspicion.h"

#include "config.h"
#include "engine.h"
#include "send.h"
#include "update.h"
#include "verdict.h"

#include <math.h>
#include <stddef.h>

enum {
    MAX_ASKS = 5,
    MAX_DOUBTS = 3,
    MIN_LEFT = 2 /* periods of a suspicion that begins before it was noticed */
};

_Static_assert(offsetof(struct suspicion, queued) == 0, "member_queued()");

/* ---- How long ---- */

uint64_t suspicion_shortest(const shoal *engine)
{
    return config_suspicion_us(&engine->config,
                               engine->members.active.count + 1);
}

uint64_t suspicion_longest(const shoal *engine)
{
    return suspicion_shortest(engine) * engine->config.suspicion_max_factor;
}

/* Others who are not suspect themselves: they are there to confirm one. */
static uint32_t num_witnesses(const shoal *engine)
{
    return engine->members.active.count - engine->members.num_suspects;
}

/* Of those who were to confirm it, some may be suspect by now. A sole survivor
 * waits for them all the same, for it may be the one that is cut off. */
static uint8_t still_wanted(const shoal *engine,
                            const struct suspicion *suspicion)
{
    uint32_t witnesses = num_witnesses(engine);
    return witnesses > 0 && witnesses < suspicion->wanted ? (uint8_t)witnesses
                                                          : suspicion->wanted;
}

static uint64_t timeout_of(const shoal *engine,
                           const struct suspicion *suspicion)
{
    uint64_t min = suspicion_shortest(engine);
    uint8_t wanted = still_wanted(engine, suspicion);
    if (suspicion->confirmed >= wanted)
        return min;
    double max = (double)min * engine->config.suspicion_max_factor;
    double share = log(suspicion->confirmed + 1) / log(wanted + 1);
    return (uint64_t)(max - (max - (double)min) * share);
}

/* With nobody to ask, nobody could confirm: then it lasts the minimum. */
static uint8_t confirmations_wanted(const shoal *engine)
{
    const shoal_config *config = &engine->config;
    uint32_t wanted = config->suspicion_confirmations;
    uint32_t others = engine->members.active.count - 1; /* than the suspect */
    if (!engine->handlers.codec.lifeguard || config->suspicion_max_factor <= 1)
        return 0;
    return (uint8_t)(others < wanted ? others : wanted);
}

/* What waits for others, or asks; NULL: nothing does. */
static struct suspicion *waiting(const struct member *member)
{
    struct suspicion *suspicion = member_suspicion(member);
    return suspicion && !suspicion->is_plain ? suspicion : NULL;
}

/* Of a suspect, or of one that is down; no others have one. */
static uint32_t *timer_of(struct member *member)
{
    struct suspicion *suspicion = member_suspicion(member);
    return suspicion ? &suspicion->timer : &member->timer;
}

static void set_deadline(shoal *engine, struct member *member, uint64_t at_us)
{
    if (at_us < engine->now_us)
        at_us = engine->now_us;
    timers_set(&engine->timers, timer_of(member), member->slot, at_us);
}

/* It is asked in each of the last periods before `end_us`; those that are over
 * are skipped. */
static uint64_t next_ask(const shoal *engine, struct suspicion *suspicion,
                         uint64_t end_us)
{
    uint64_t period = engine->config.probe_period_us;
    while (suspicion->asks > 0 &&
           end_us < engine->now_us + suspicion->asks * period)
        suspicion->asks--;
    return end_us - suspicion->asks * period;
}

/* For how long the last ask of all waits for its answer. */
static uint64_t last_wait(const shoal *engine)
{
    return engine->config.probe_rtt_us / 8;
}

static uint8_t asks(const shoal *engine)
{
    return engine->config.tell_suspects ? MAX_ASKS : 0;
}

/* Whoever was cut off may be reached again since the ask before, and others who
 * confirm a suspicion may end it at any time: nobody is declared down who was
 * not asked a moment ago. */
static uint64_t last_ask_or_end(const shoal *engine,
                                const struct suspicion *suspicion,
                                uint64_t end_us)
{
    uint64_t wait = last_wait(engine);
    if (asks(engine) == 0)
        return end_us;
    if (suspicion->last_us == SHOAL_NEVER)
        return end_us > wait ? end_us - wait : 0;
    return suspicion->last_us + wait > end_us ? suspicion->last_us + wait
                                              : end_us;
}

static void set_suspicion_deadline(shoal *engine, struct member *member)
{
    struct suspicion *suspicion = waiting(member);
    uint64_t at = engine->now_us + suspicion_shortest(engine);
    if (suspicion) {
        uint64_t end = suspicion->start_us + timeout_of(engine, suspicion);
        at = next_ask(engine, suspicion, end);
        if (suspicion->asks == 0)
            at = last_ask_or_end(engine, suspicion, end);
        if (suspicion->ask_us < at)
            at = suspicion->ask_us;
    }
    set_deadline(engine, member, at);
}

/* ---- Begin, confirm, end ---- */

bool suspicion_reserve(shoal *engine)
{
    if (!engine->spare_suspicion)
        engine->spare_suspicion =
            mem_alloc(&engine->mem, sizeof *engine->spare_suspicion);
    return engine->spare_suspicion != NULL;
}

/* Whoever has the claim in the backlog is told where it is noted now. */
static void note_queued(struct entry **place, struct entry *entry)
{
    *place = entry;
    if (entry)
        entry->owner = place;
}

/* The spare one is its suspicion. */
static struct suspicion *attach(shoal *engine, struct member *member)
{
    struct suspicion *suspicion = engine->spare_suspicion;
    engine->spare_suspicion = NULL;
    *suspicion = (struct suspicion){.start_us = engine->now_us,
                                    .ask_us = SHOAL_NEVER,
                                    .last_us = SHOAL_NEVER};
    note_queued(&suspicion->queued, member->queued);
    member->suspicion = (uintptr_t)suspicion | 1;
    return suspicion;
}

static void detach(shoal *engine, struct member *member)
{
    struct suspicion *suspicion = member_suspicion(member);
    note_queued(&member->queued, suspicion->queued);
    mem_free(&engine->mem, suspicion, sizeof *suspicion);
}

static void count_from(shoal *engine, struct suspicion *suspicion,
                       shoal_bytes from)
{
    suspicion->from[suspicion->num_from++] = bytes_hash(from, engine->hash_key);
}

/* What we found out ourselves began with the ping that got no answer. But a
 * look takes long where our local health is bad, and whoever is reached again
 * by now is to be asked before it is down. */
static uint64_t start_of_ours(const shoal *engine, uint64_t since_us)
{
    uint64_t least = MIN_LEFT * engine->config.probe_period_us;
    uint64_t min = suspicion_shortest(engine);
    uint64_t most = least < min ? min - least : 0; /* that may be over */
    uint64_t earliest = engine->now_us > most ? engine->now_us - most : 0;
    return since_us > earliest ? since_us : earliest;
}

static void begin(shoal *engine, struct member *member, shoal_bytes from)
{
    struct suspicion *suspicion = attach(engine, member);
    suspicion->wanted = confirmations_wanted(engine);
    suspicion->asks = asks(engine);
    suspicion->is_plain = suspicion->wanted == 0 && suspicion->asks == 0;
    if (suspicion->is_plain || from.size == 0)
        return;
    count_from(engine, suspicion, from);
    uint64_t since_us = probe_since(engine, member->identity);
    if (bytes_equal(from, identity_id(engine->self)) && since_us != SHOAL_NEVER)
        suspicion->start_us = start_of_ours(engine, since_us);
}

/* It was the suspect, not we. */
static void give_back(shoal *engine, struct suspicion *suspicion)
{
    health_change(engine, -suspicion->charged);
    suspicion->charged = 0;
}

/* There is one witness less. */
static void set_all_deadlines(shoal *engine)
{
    const struct order *active = &engine->members.active;
    for (uint32_t i = 0; i < active->count; i++) {
        struct member *member = members_at(&engine->members, active->slots[i]);
        if (waiting(member))
            set_suspicion_deadline(engine, member);
    }
}

void suspicion_leave(shoal *engine, struct member *member, shoal_state to)
{
    struct suspicion *suspicion = member_suspicion(member);
    if (suspicion || member->state == SHOAL_DOWN)
        timers_cancel(&engine->timers, timer_of(member));
    if (!suspicion)
        return;
    if (to == SHOAL_DOWN)
        give_back(engine, suspicion);
    detach(engine, member);
}

void suspicion_enter(shoal *engine, struct member *member, shoal_bytes from)
{
    switch ((shoal_state)member->state) {
    case SHOAL_ALIVE:
        break;
    case SHOAL_SUSPECT:
        begin(engine, member, from);
        set_suspicion_deadline(engine, member);
        if (num_witnesses(engine) < engine->config.suspicion_confirmations)
            set_all_deadlines(engine);
        break;
    case SHOAL_DOWN:
        set_deadline(engine, member,
                     engine->now_us + engine->config.remove_down_after_us);
        break;
    }
}

void suspicion_charge(struct member *member, int points)
{
    struct suspicion *suspicion = waiting(member);
    if (suspicion && points > 0)
        suspicion->charged = (uint8_t)points;
}

bool suspicion_is_ours(const shoal *engine, const struct member *member)
{
    const struct suspicion *suspicion = waiting(member);
    uint32_t hash = bytes_hash(identity_id(engine->self), engine->hash_key);
    for (uint8_t i = 0; suspicion && i < suspicion->num_from; i++)
        if (suspicion->from[i] == hash)
            return true;
    return false;
}

bool suspicion_confirm(shoal *engine, struct member *member, shoal_bytes from)
{
    struct suspicion *suspicion = waiting(member);
    if (!suspicion || from.size == 0 ||
        suspicion->confirmed >= suspicion->wanted)
        return false;
    uint32_t hash = bytes_hash(from, engine->hash_key);
    for (uint8_t i = 0; i < suspicion->num_from; i++)
        if (suspicion->from[i] == hash)
            return false;
    suspicion->confirmed++;
    count_from(engine, suspicion, from);
    give_back(engine, suspicion);
    set_suspicion_deadline(engine, member);
    return true;
}

static bool is_to_be_asked(const shoal *engine,
                           const struct suspicion *suspicion)
{
    bool was_last = asks(engine) == 0 || suspicion->last_us != SHOAL_NEVER;
    return !was_last || suspicion->asks > 0 ||
           suspicion->ask_us <= engine->now_us;
}

/* It has refuted long ago, perhaps, and only we have not heard: ask it itself,
 * with the suspicion in the ping, before it is too late. */
static void ask_again(shoal *engine, struct member *member)
{
    struct suspicion *suspicion = waiting(member);
    if (suspicion->ask_us <= engine->now_us)
        suspicion->ask_us = SHOAL_NEVER;
    else if (suspicion->asks > 0)
        suspicion->asks--;
    else
        suspicion->last_us = engine->now_us;
    set_suspicion_deadline(engine, member);
    if (engine->connection == SHOAL_CONNECTION_ACTIVE)
        send_to_member(engine, member, SHOAL_MSG_PING, engine->probe.number,
                       (shoal_bytes){0});
}

static void begin_anew(const shoal *engine, struct suspicion *suspicion)
{
    suspicion->start_us = engine->now_us;
    suspicion->asks = asks(engine);
    suspicion->last_us = SHOAL_NEVER;
}

/* Nobody shares it, and since it began we were accused ourselves: then it may
 * be our packets that are lost, the one with the suspicion among them. */
static bool is_doubtful(const shoal *engine, const struct member *member)
{
    const struct suspicion *suspicion = waiting(member);
    return suspicion && engine_heals(engine) && suspicion->wanted > 0 &&
           suspicion->confirmed == 0 && suspicion->doubts < MAX_DOUBTS &&
           engine->accused_us >= suspicion->start_us &&
           suspicion_is_ours(engine, member);
}

/* It is said again, too. */
static void doubt(shoal *engine, struct member *member)
{
    shoal_update claim = member_claim(member);
    claim.from = identity_id(engine->self);
    waiting(member)->doubts++;
    begin_anew(engine, waiting(member));
    set_suspicion_deadline(engine, member);
    if (update_say_again(engine, member, &claim) != 0)
        engine_note(engine, SHOAL_ERR_NOMEM);
}

/* Nobody refuted in time. */
static int expire(shoal *engine, struct member *member)
{
    shoal_update claim = {.id = identity_id(member->identity),
                          .incarnation = member->incarnation,
                          .state = SHOAL_DOWN};
    bool is_ours = suspicion_is_ours(engine, member);
    int error = update_member(engine, member, &claim, true);
    if (error)
        return error;
    if (is_ours)
        tasks_ask_down_soon(engine);
    if (engine_heals(engine))
        verdict_tell(engine, member);
    else if (engine->config.notify_down_members &&
             engine->connection != SHOAL_CONNECTION_DEFUNCT)
        send_to_member(engine, member, SHOAL_MSG_TURN_UNDEAD, 0,
                       (shoal_bytes){0});
    return 0;
}

int suspicion_tick(shoal *engine)
{
    while (timers_next(&engine->timers) <= engine->now_us) {
        struct member *member =
            members_at(&engine->members, engine->timers.heap[0].slot);
        if (member->state == SHOAL_DOWN) {
            if (!update_forget(engine, member))
                return SHOAL_ERR_NOMEM;
            continue;
        }
        if (waiting(member) && is_to_be_asked(engine, waiting(member))) {
            ask_again(engine, member);
            continue;
        }
        if (is_doubtful(engine, member)) {
            doubt(engine, member);
            continue;
        }
        int error = expire(engine, member);
        if (error)
            return error;
    }
    return 0;
}

/* ---- All of them ---- */

/* One after the other: there may be many of them. */
void suspicion_restart_all(shoal *engine)
{
    const struct order *active = &engine->members.active;
    uint64_t ask_us = engine->now_us;
    for (uint32_t i = 0; i < active->count; i++) {
        struct member *member = members_at(&engine->members, active->slots[i]);
        if (member->state != SHOAL_SUSPECT)
            continue;
        struct suspicion *suspicion = waiting(member);
        if (suspicion)
            begin_anew(engine, suspicion);
        if (suspicion && suspicion->asks > 0) {
            suspicion->ask_us = ask_us;
            ask_us += engine->config.probe_period_us / 20;
        }
        set_suspicion_deadline(engine, member);
    }
}

/* Moves a deadline by as much as the duration it was made from has changed. */
static void shift(shoal *engine, struct member *member, uint64_t before_us,
                  uint64_t after_us)
{
    uint64_t at_us = engine->timers.heap[*timer_of(member) - 1].at_us;
    set_deadline(engine, member, at_us - before_us + after_us);
}

void suspicion_rearm(shoal *engine, const shoal_config *before)
{
    const shoal_config *config = &engine->config;
    const struct order *active = &engine->members.active;
    for (uint32_t i = 0; i < active->count; i++) {
        struct member *member = members_at(&engine->members, active->slots[i]);
        if (waiting(member))
            set_suspicion_deadline(engine, member);
        else if (member->state == SHOAL_SUSPECT)
            shift(engine, member, before->suspect_to_down_after_us,
                  config->suspect_to_down_after_us);
    }
    for (uint32_t slot = 0; slot < engine->members.used; slot++) {
        struct member *member = members_live(&engine->members, slot);
        if (member && !member_is_active(member))
            shift(engine, member, before->remove_down_after_us,
                  config->remove_down_after_us);
    }
}

/* ---- Local health ---- */

void health_change(shoal *engine, int by)
{
    int64_t score = (int64_t)engine->health + by;
    int64_t max = engine->config.max_local_health;
    score = score > max ? max : score;
    engine->health = score < 0 ? 0 : (uint32_t)score;
}

uint64_t health_stretch(const shoal *engine, uint64_t us)
{
    return us * (1 + engine->health);
}
