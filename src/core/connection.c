/* SPDX-License-Identifier: MIT */
/* Active or idle: have we anybody to talk to? */
#include "engine.h"
#include "notify.h"
#include "verdict.h"

static void become_active(shoal *engine)
{
    engine->connection = SHOAL_CONNECTION_ACTIVE;
    probe_arm(engine);
    tasks_begin(engine);
    round_begin(engine);
    delivery_calls.begin(engine);
    notify_self(engine, SHOAL_EVENT_ACTIVE);
}

static void become_idle(shoal *engine)
{
    engine->connection = SHOAL_CONNECTION_IDLE;
    probe_disarm(engine);
    tasks_stop(&engine->tasks);
    round_stop(engine);
    tasks_begin_idle(engine);
    delivery_calls.idle(engine);
    notify_self(engine, SHOAL_EVENT_IDLE);
}

void engine_update_connection(shoal *engine)
{
    bool any = engine->members.active.count > 0;
    if (engine->connection == SHOAL_CONNECTION_IDLE && any) {
        if (engine_heals(engine)) /* who has lost all was cut off, perhaps */
            verdict_doubt_all(engine);
        become_active(engine);
    } else if (engine->connection == SHOAL_CONNECTION_ACTIVE && !any)
        become_idle(engine);
}
