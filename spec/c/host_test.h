/* SPDX-License-Identifier: MIT */
/*
 * What the C programs that test the host share: an assertion that names its
 * place, a list of cases, and a loop that runs until something holds.
 */
#ifndef SHOAL_SPEC_HOST_TEST_H
#define SHOAL_SPEC_HOST_TEST_H

#include "base/bytes.h"
#include "shoal.h"

#include <ev.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
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

static inline void on_patience_over(struct ev_loop *loop, ev_timer *timer,
                                    int events)
{
    (void)timer, (void)events;
    ev_break(loop, EVBREAK_ALL);
}

/* Seconds of the monotonic clock. */
static inline double seconds_now(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* Ends a test that fails. The machine may be busy: no test is about it. */
static const double PATIENCE = 60; /* seconds */

static inline void turn(struct ev_loop *loop)
{
    ev_timer patience;

    ev_timer_init(&patience, on_patience_over, 0.01, 0.);
    ev_timer_start(loop, &patience);
    ev_run(loop, EVRUN_ONCE);
    ev_timer_stop(loop, &patience);
}

/* Runs the loop, one event after the other, until `holds(context)`; false when
 * that does not happen. */
static inline bool run_until(struct ev_loop *loop, bool (*holds)(void *),
                             void *context)
{
    double end = seconds_now() + PATIENCE;
    bool held, late;

    for (;;) {
        late = seconds_now() > end; /* before it has its last chance */
        held = holds(context);
        if (held || late)
            return held;
        turn(loop);
    }
}

/* Runs the loop for a while, for what must not happen meanwhile. */
static inline void run_for(struct ev_loop *loop, double seconds)
{
    double end = seconds_now() + seconds;

    do
        turn(loop);
    while (seconds_now() < end);
}

static inline bool is_set(void *flag)
{
    return *(bool *)flag;
}

/* An address to bind (40 bytes) at which nobody but this process looks for a
 * port: one that was closed stays free, or nobody's. */
static inline void own_address(char *out)
{
#ifdef __linux__
    unsigned pid = (unsigned)getpid();

    snprintf(out, 40, "127.%u.%u.2:0", 64 + pid % 128, pid / 128 % 256);
#else
    snprintf(out, 40, "127.0.0.1:0"); /* all there is of 127.0.0.0/8 */
#endif
}

/* A folder of our own under TMPDIR or /tmp; in `out` (200 bytes). */
static inline void make_folder(char *out)
{
    const char *base = getenv("TMPDIR");

    snprintf(out, 200, "%.150s/shoal-spec-XXXXXX", base ? base : "/tmp");
    CHECK(mkdtemp(out));
}

#endif
