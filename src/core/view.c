/* SPDX-License-Identifier: MIT */
#include "view.h"

#include "engine.h"
#include "notify.h"

/* A view that does not come to rest is notified nevertheless, every so many
 * times `view_quiet`. */
enum { MAX_WAIT = 5 };

void view_init(struct view *view)
{
    *view = (struct view){.first_us = SHOAL_NEVER, .last_us = SHOAL_NEVER};
}

void view_changed(shoal *engine)
{
    struct view *view = &engine->view;
    view->number++;
    if (view->first_us == SHOAL_NEVER)
        view->first_us = engine->now_us;
    view->last_us = engine->now_us;
    view->is_stable = false;
}

static bool asks_for(uint32_t diagnostics, shoal_event event)
{
    return diagnostics >> event & 1;
}

void view_ask(shoal *engine, uint32_t diagnostics)
{
    if (asks_for(diagnostics, SHOAL_EVENT_VIEW) &&
        !asks_for(engine->diagnostics, SHOAL_EVENT_VIEW))
        engine->view.first_us = SHOAL_NEVER;
}

/* ---- When ---- */

static uint64_t view_due(const shoal *engine)
{
    const struct view *view = &engine->view;
    if (view->first_us == SHOAL_NEVER ||
        !asks_for(engine->diagnostics, SHOAL_EVENT_VIEW))
        return SHOAL_NEVER;
    uint64_t quiet_us = engine->config.view_quiet_us;
    uint64_t quiet_at_us = view->last_us + quiet_us;
    uint64_t latest_us = view->first_us + MAX_WAIT * quiet_us;
    return quiet_at_us < latest_us ? quiet_at_us : latest_us;
}

/* Never before VIEW tells of the change that it counts from. */
static uint64_t stable_due(const shoal *engine)
{
    const struct view *view = &engine->view;
    if (view->is_stable || !asks_for(engine->diagnostics, SHOAL_EVENT_STABLE))
        return SHOAL_NEVER;
    if (view->last_us == SHOAL_NEVER)
        return engine->now_us;
    uint64_t due_us = view->last_us + engine->config.stable_after_us;
    uint64_t view_us = view_due(engine);
    return view_us != SHOAL_NEVER && view_us > due_us ? view_us : due_us;
}

uint64_t view_next(const shoal *engine)
{
    uint64_t view_us = view_due(engine), stable_us = stable_due(engine);
    return view_us < stable_us ? view_us : stable_us;
}

/* ---- What ---- */

int view_tick(shoal *engine)
{
    struct view *view = &engine->view;
    if (view_due(engine) <= engine->now_us) {
        if (!notify_self(engine, SHOAL_EVENT_VIEW))
            return SHOAL_ERR_NOMEM;
        view->first_us = SHOAL_NEVER;
    }
    if (stable_due(engine) > engine->now_us)
        return 0;
    if (view->last_us == SHOAL_NEVER) { /* an engine knows no time before */
        view->last_us = engine->now_us;
        return 0;
    }
    if (!notify_self(engine, SHOAL_EVENT_STABLE))
        return SHOAL_ERR_NOMEM;
    view->is_stable = true;
    return 0;
}
