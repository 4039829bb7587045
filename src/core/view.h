/* SPDX-License-Identifier: MIT */
/*
 * The view: which members are active, in which state, under which identity and
 * with which tags, whether we are one, and with which tags. Its number grows
 * with every change.
 * Two events tell whoever asks for them that it has changed, and that it has
 * not for long:
 *
 *     changes   | |||    |                        |
 *     VIEW              v     v                        v
 *     STABLE                            v                       v
 *
 * Both are off, and cost nothing, until shoal_set_diagnostics() asks for them.
 */
#ifndef SHOAL_CORE_VIEW_H
#define SHOAL_CORE_VIEW_H

#include "../shoal.h"

struct view {
    uint64_t number;
    uint64_t first_us; /* of the changes since VIEW; SHOAL_NEVER: none */
    uint64_t last_us;  /* of the last change, or of the first tick that STABLE
                          waited for; SHOAL_NEVER: neither was */
    bool is_stable;    /* STABLE was notified, and nothing changed since */
};

void view_init(struct view *view);
/* Something of it has changed. */
void view_changed(shoal *engine);
/* Before other events are asked for: who asks for VIEW learns of changes from
 * now on. */
void view_ask(shoal *engine, uint32_t diagnostics);
/* When one of the two is due, or SHOAL_NEVER. */
uint64_t view_next(const shoal *engine);
/* Notifies what is due. 0, or NOMEM: then it is still due. */
int view_tick(shoal *engine);

#endif
