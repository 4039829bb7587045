/* SPDX-License-Identifier: MIT */
#include "signals.h"

#include "../base/clock.h"
#include "../host/default_loop.h"
#include "../host/host.h"
#include "../lua/class.h"
#include "../lua/compat.h"
#include "../lua/options.h"
#include "../lua/program.h"
#include "../lua/refs.h"
#include "../lua/result.h"
#include "node/loop.h"

#include <errno.h>
#include <ev.h>
#include <signal.h>
#include <string.h>
#include <time.h>

static const char type_name[] = "shoal.signal";

/* Those that a program may want to handle; the others mean a fault, or cannot
 * be handled. */
static const char *const names[] = {"HUP",  "INT",  "QUIT", "TERM",
                                    "USR1", "USR2", NULL};
static const int numbers[] = {SIGHUP,  SIGINT,  SIGQUIT,
                              SIGTERM, SIGUSR1, SIGUSR2};

/* Lives in the userdata; the registry keeps that while it watches. */
struct watcher {
    ev_signal signal;
    struct program *program;
    int which;        /* of `names` and `numbers` */
    int fn, userdata; /* references */
    bool watching;
};

/* What the process does with such a signal; for all watchers of it. */
struct disposition {
    unsigned watchers;
    struct sigaction before; /* the first of them */
    struct sigaction libevs;
    bool was_libevs; /* the program has watchers of its own in the loop */
};

static struct disposition dispositions[sizeof numbers / sizeof *numbers];

/* ---- A program that does not listen ----
 *
 * A signal waits until the loop has its turn, and a function that hangs never
 * gives it back. Whoever sends INT or TERM a second time before the first was
 * answered, and not just twice at once, wants the end: then the process has it
 * as if nobody watched.
 */

enum { IMPATIENCE_MS = 200, CLOCK_MASK = 0x3fffffff };

/* For the handler: no other type may be used there. */
static volatile sig_atomic_t is_asked; /* INT or TERM came, unanswered */
static volatile sig_atomic_t asked_ms; /* since when, on now_ms() */

/* Goes round: in a sig_atomic_t there is room for 12 days. */
static sig_atomic_t now_ms(void)
{
    return (sig_atomic_t)(clock_monotonic_us() / 1000 & CLOCK_MASK);
}

static void note_asked(void)
{
    if (is_asked)
        return;
    asked_ms = now_ms();
    is_asked = 1;
}

static bool is_impatient(void)
{
    return ((now_ms() - asked_ms) & CLOCK_MASK) >= IMPATIENCE_MS;
}

/* Where signals arrive: nothing here may be but what POSIX allows there. */
static void on_end_wanted(int number)
{
    int before = errno;
    note_asked();
    if (is_impatient()) {
        struct sigaction action = {.sa_handler = SIG_DFL};
        sigaction(number, &action, NULL);
        raise(number); /* delivered when we return */
    }
    ev_feed_signal(number);
    errno = before;
}

/* Takes the place of libev's handler, which it calls. */
static void heed_impatience(int number)
{
    struct sigaction action = {.sa_handler = on_end_wanted,
                               .sa_flags = SA_RESTART};
    if (number != SIGINT && number != SIGTERM)
        return;
    sigfillset(&action.sa_mask);
    sigaction(number, &action, NULL);
}

/* A function begins to answer; it may be one of several, of which others have
 * answered already. */
static void begin_answer(int number)
{
    if (number == SIGINT || number == SIGTERM)
        note_asked();
}

static void end_answer(int number)
{
    if (number == SIGINT || number == SIGTERM)
        is_asked = 0;
}

/* ---- Taking a signal, and giving it back ---- */

static void begin_watching(struct ev_loop *loop, struct watcher *watcher)
{
    struct disposition *signal = &dispositions[watcher->which];
    int number = numbers[watcher->which];
    bool first = signal->watchers++ == 0;
    if (first)
        sigaction(number, NULL, &signal->before);
    ev_signal_start(loop, &watcher->signal);
    if (!first)
        return;
    sigaction(number, NULL, &signal->libevs);
    signal->was_libevs = signal->before.sa_handler == signal->libevs.sa_handler;
    heed_impatience(number);
}

/* libev resets a signal that nobody in its loops watches any more: what the
 * program did with it before we came is put back. */
static void give_back(int which)
{
    const struct disposition *signal = &dispositions[which];
    struct sigaction now;
    sigaction(numbers[which], NULL, &now);
    if (now.sa_handler == SIG_DFL && !signal->was_libevs)
        sigaction(numbers[which], &signal->before, NULL);
    else if (now.sa_handler == on_end_wanted)
        sigaction(numbers[which], &signal->libevs, NULL);
    end_answer(numbers[which]); /* nobody will */
}

static void end_watching(struct ev_loop *loop, struct watcher *watcher)
{
    ev_signal_stop(loop, &watcher->signal);
    if (--dispositions[watcher->which].watchers == 0)
        give_back(watcher->which);
}

/* ---- Watchers ---- */

static void stop(lua_State *L, struct watcher *watcher)
{
    struct ev_loop *loop = default_loop_if_made();
    if (watcher->watching) {
        ev_ref(loop);
        end_watching(loop, watcher);
    }
    watcher->watching = false;
    refs_free(L, &watcher->fn);
    refs_free(L, &watcher->userdata);
}

static void call(lua_State *L, void *context)
{
    const struct watcher *watcher = context;
    refs_push(L, watcher->fn);
    lua_pushstring(L, names[watcher->which]);
    protected_invoke(&watcher->program->caller, L, 1, 0);
}

static void on_signal(struct ev_loop *loop, ev_signal *signal, int events)
{
    struct watcher *watcher = signal->data;
    struct program *program = watcher->program;
    int number = signal->signum;
    (void)loop, (void)events;
    begin_answer(number);
    protected_run(&program->caller, program->L, call, watcher, "signal");
    end_answer(number); /* the watcher may be gone */
}

static int cancel(lua_State *L)
{
    stop(L, luaL_checkudata(L, 1, type_name));
    return 0;
}

static int collect(lua_State *L)
{
    stop(L, lua_touserdata(L, 1)); /* the state is being closed */
    return 0;
}

static void push_metatable(lua_State *L)
{
    static const luaL_Reg methods[] = {
        {"cancel", cancel},
        {NULL, NULL},
    };
    class_push(L, type_name, methods, collect);
}

static int check_signal(lua_State *L)
{
    const char *name = luaL_checkstring(L, 1);
    for (int i = 0; names[i]; i++) {
        if (strcmp(names[i], name) == 0)
            return i;
    }
    return options_unknown(L, "core.signal", "signal", name, names);
}

static int watch(lua_State *L)
{
    int which = check_signal(L);
    luaL_checktype(L, 2, LUA_TFUNCTION);
    struct error error;
    struct ev_loop *loop = loop_try_default(L, &error);
    if (!loop)
        return result_fail(L, error.text, CODE_LOOP);
    struct program *program = program_of(L);
    struct watcher *watcher = compat_newblock(L, sizeof *watcher);
    memset(watcher, 0, sizeof *watcher);
    push_metatable(L);
    lua_setmetatable(L, -2);
    watcher->program = program;
    watcher->which = which;
    lua_pushvalue(L, 2);
    watcher->fn = refs_new(L); /* given back when it is collected */
    lua_pushvalue(L, -1);
    watcher->userdata = refs_new(L);
    ev_signal_init(&watcher->signal, on_signal, numbers[which]);
    watcher->signal.data = watcher;
    begin_watching(loop, watcher);
    ev_unref(loop);
    watcher->watching = true;
    return 1;
}

void signals_register(lua_State *L)
{
    lua_pushcfunction(L, watch);
    lua_setfield(L, -2, "signal");
}
