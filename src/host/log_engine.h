/* SPDX-License-Identifier: MIT */
/*
 * Tells the log what an engine goes through, whoever runs it: the libev host
 * (log_node.h says at which levels) or a simulation.
 */
#ifndef SHOAL_HOST_LOG_ENGINE_H
#define SHOAL_HOST_LOG_ENGINE_H

#include "../base/log.h"
#include "log_crowd.h"

/* The diagnostics that the log's levels ask for: a mask of 1u <<
 * SHOAL_EVENT_*. What no one listens to is not even asked of the engine. */
uint32_t log_engine_diagnostics(const struct log *log);
/* Does it ask for packets that are sent? */
bool log_engine_wants_sends(const struct log *log);
/* Does it ask for that effect? */
bool log_engine_wants(const struct log *log, const shoal_effect *effect);

struct log_engine {
    struct log *log; /* NULL: nothing is told */
    const shoal *engine;
    log_gate conflicts, full, refusals, items, tags; /* of the warnings */
    log_gate turned_away[4];                         /* one for each reason */
    struct log_crowd up, down, renamed;
};

/* An effect: a notification, or (at debug and trace) a packet sent. */
void log_engine_write(struct log_engine *log_engine, uint64_t now_us,
                      const shoal_effect *effect);

/* How many lines about members were held back, when it is time to tell. */
void log_engine_rest(struct log_engine *log_engine, uint64_t now_us);

/* What a person knows a member by. */
shoal_bytes log_engine_name(const shoal_member *member);

/* A warning that comes at most once a minute; up to 3 fields. */
void log_engine_warning(struct log *log, log_gate *gate, uint64_t now_us,
                        log_area area, const char *text, const log_field *about,
                        size_t count);

#endif
