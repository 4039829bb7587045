/* SPDX-License-Identifier: MIT */
/*
 * What the C programs that test the host share: an assertion that names its
 * place, a list of cases, and a loop that runs until something holds.
 */
#ifndef SHOAL_SPEC_HOST_TEST_H
#define SHOAL_SPEC_HOST_TEST_H

#include "shoal.h"

#include <ev.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CHECK(condition)                                                       \
    do {                                                                       \
        if (!(condition)) {                                                    \
            fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__,         \
                    #condition);                                               \
            exit(1);                                                           \
        }                                                                      \
    } while (0)

/* `text` contains `part`. */
#define CHECK_SAYS(text, part)                                                 \
    do {                                                                       \
        if (!strstr(text, part)) {                                             \
            fprintf(stderr, "%s:%d: '%s' does not say '%s'\n", __FILE__,       \
                    __LINE__, text, part);                                     \
            exit(1);                                                           \
        }                                                                      \
    } while (0)

/* Runs a case, and names it. */
#define RUN(test)                                                              \
    do {                                                                       \
        test();                                                                \
        printf("ok %s\n", #test);                                              \
    } while (0)

static inline shoal_bytes text_bytes(const char *text)
{
    return (shoal_bytes){(const uint8_t *)text, strlen(text)};
}

static inline void on_patience_over(struct ev_loop *loop, ev_timer *timer,
                                    int events)
{
    (void)timer, (void)events;
    ev_break(loop, EVBREAK_ALL);
}

/* Runs the loop, one event after the other, until `holds(context)`; false when
 * that has not happened after `seconds`. */
static inline bool run_until(struct ev_loop *loop, bool (*holds)(void *),
                             void *context, double seconds)
{
    double end = ev_time() + seconds;
    ev_timer patience;
    bool held;

    ev_timer_init(&patience, on_patience_over, 0.01, 0.01);
    ev_timer_start(loop, &patience);
    while (!(held = holds(context)) && ev_time() < end)
        ev_run(loop, EVRUN_ONCE);
    ev_timer_stop(loop, &patience);
    return held;
}

static inline bool is_set(void *flag)
{
    return *(bool *)flag;
}

static inline bool never(void *context)
{
    (void)context;
    return false;
}

/* A folder of our own under TMPDIR or /tmp; in `out` (200 bytes). */
static inline void make_folder(char *out)
{
    const char *base = getenv("TMPDIR");

    snprintf(out, 200, "%.150s/shoal-spec-XXXXXX", base ? base : "/tmp");
    CHECK(mkdtemp(out));
}

#endif
