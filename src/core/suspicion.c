/* SPDX-License-Identifier: MIT */
/* Suspect members get suspect_to_down_after to refute (SWIM 4.2); down ones are
 * remembered for remove_down_after. */
#include "engine.h"

void suspicion_set_deadline(shoal *engine, struct member *member)
{
    uint64_t after = 0;
    switch ((shoal_state)member->state) {
    case SHOAL_ALIVE:
        timers_cancel(&engine->timers, &member->timer);
        return;
    case SHOAL_SUSPECT:
        after = engine->config.suspect_to_down_after_us;
        break;
    case SHOAL_DOWN:
        after = engine->config.remove_down_after_us;
        break;
    }
    timers_set(&engine->timers, &member->timer, member->slot,
               engine->now_us + after);
}

/* Nobody refuted in time. */
static int expire(shoal *engine, struct member *member)
{
    int error =
        update_member(engine, member, SHOAL_DOWN, member->incarnation, true);
    if (error)
        return error;
    if (engine->config.notify_down_members &&
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
            update_forget(engine, member);
            continue;
        }
        int error = expire(engine, member);
        if (error)
            return error;
    }
    return 0;
}

void suspicion_forgive(shoal *engine)
{
    const struct order *active = &engine->members.active;
    for (uint32_t i = 0; i < active->count; i++) {
        struct member *member = members_at(&engine->members, active->slots[i]);
        if (member->state == SHOAL_SUSPECT)
            suspicion_set_deadline(engine, member);
    }
}
