/* SPDX-License-Identifier: MIT */
/*
 * Regions. A region is a lua_pcall() of one C function, the trampoline, which
 * then runs the caller's function. Making a C closure allocates in some Luas,
 * and light userdata does not hold every address in others; so trampoline and
 * message handler are made once per Lua state, and what the trampoline is to
 * run is left for it in `struct protected_region`.
 */
#include "protected_call.h"

#include "../base/clock.h"

#include "compat.h"
#include "refs.h"
#include "templates.h"
#include "traceback.h"

#include <stdio.h>
#include <string.h>

enum { MAX_MESSAGE = 500, PLACE_SIZE = LUA_IDSIZE + 16 };

/* The innermost region that is running: what for, since when its handler runs
 * (0: none does), and when the one before that in the same region ended. */
struct protected_frame {
    const char *what;
    uint64_t started_us, ended_us;
    bool told; /* the watch, which wants to know when it has ended */
    char where[PLACE_SIZE]; /* of a coroutine's function; "" */
};

struct protected_region {
    protected_fn *fn; /* for the trampoline to take */
    void *context;
    int trampoline, handler; /* references */
    const protected_watch *watch;
    struct protected_frame frame;
    char message[MAX_MESSAGE + 1]; /* of the last failure */
};

static const char registry_key[] = "shoal.protected_call";

/* ---- What a state has once ---- */

static struct protected_region *region_of(lua_State *L)
{
    struct protected_region *region;

    lua_getfield(L, LUA_REGISTRYINDEX, registry_key);
    region = lua_touserdata(L, -1);
    lua_pop(L, 1);
    return region;
}

static int trampoline(lua_State *L)
{
    struct protected_region *region = lua_touserdata(L, lua_upvalueindex(1));

    region->fn(L, region->context);
    return 0;
}

static struct protected_region *make_region(lua_State *L)
{
    struct protected_region *region = compat_newblock(L, sizeof *region);

    memset(region, 0, sizeof *region);
    lua_setfield(L, LUA_REGISTRYINDEX, registry_key);
    return region;
}

/* If memory runs out on the way, the next attempt goes on from there. */
static void complete_region(lua_State *L, struct protected_region *region)
{
    if (region->trampoline == REFS_NONE) {
        lua_getfield(L, LUA_REGISTRYINDEX, registry_key);
        lua_pushcclosure(L, trampoline, 1);
        region->trampoline = refs_new(L);
    }
    if (region->handler == REFS_NONE) {
        lua_pushcfunction(L, traceback_add);
        region->handler = refs_new(L);
    }
}

static struct protected_region *region_made(lua_State *L)
{
    struct protected_region *region = region_of(L);

    return region ? region : make_region(L);
}

void protected_init(protected_caller *caller, lua_State *L,
                    protected_counts *counts)
{
    memset(caller, 0, sizeof *caller);
    caller->counts = counts;
    caller->slow_us = PROTECTED_SLOW_US;
    caller->region = region_made(L);
    complete_region(L, caller->region);
    caller->templates = templates_of(L);
}

void protected_set_watch(lua_State *L, const protected_watch *watch)
{
    region_made(L)->watch = watch;
}

const protected_watch *protected_watched_by(const protected_caller *caller)
{
    return caller->region->watch;
}

/* ---- Counting and reporting ---- */

static void report(protected_caller *caller, const protected_report *report)
{
    if (caller->report)
        caller->report(caller->context, report);
}

static void write_place(char where[PLACE_SIZE], const lua_Debug *function)
{
    snprintf(where, PLACE_SIZE, "%s:%d", function->short_src,
             function->linedefined);
}

void protected_place(lua_State *L, const lua_Debug *function)
{
    struct protected_region *region = region_of(L);

    if (region)
        write_place(region->frame.where, function);
}

/* "script.lua:12" for the function at `index`; 0: unknown. */
static void describe(lua_State *L, int index, char where[PLACE_SIZE])
{
    lua_Debug function;

    if (index == 0 || !lua_isfunction(L, index) || lua_iscfunction(L, index))
        return;
    lua_pushvalue(L, index);
    lua_getinfo(L, ">S", &function);
    write_place(where, &function);
}

/* The region's handlers have ended, or the next of them begins anew. */
static inline void tell_watch(struct protected_region *region)
{
    if (region->frame.told)
        (void)region->watch->ended();
    region->frame.told = false;
}

/* What reporting takes is nobody's time. */
static void count_slow(protected_caller *caller, lua_State *L, int function,
                       uint64_t duration_us)
{
    char *where = caller->region->frame.where;

    tell_watch(caller->region);
    describe(L, function, where);
    caller->counts->slow++;
    report(caller, &(protected_report){.what = caller->region->frame.what,
                                       .where = where,
                                       .duration_us = duration_us});
}

static unsigned class_of(uint64_t duration_us)
{
    unsigned class = 0;
    uint64_t most_us = 1000;

    while (class < PROTECTED_CLASSES - 1 && duration_us > most_us) {
        most_us *= 10;
        class ++;
    }
    return class;
}

/* A handler has ended. `function` is the index of a copy of it, or 0. */
static void count_call(protected_caller *caller, lua_State *L, int function)
{
    protected_counts *counts = caller->counts;
    struct protected_frame *frame = &caller->region->frame;
    uint64_t duration_us;

    frame->ended_us = clock_monotonic_us();
    duration_us = frame->ended_us - frame->started_us;
    frame->started_us = 0;
    counts->calls++;
    counts->total_us += duration_us;
    counts->took[class_of(duration_us)]++;
    if (caller->slow_us > 0 && duration_us > caller->slow_us)
        count_slow(caller, L, function, duration_us);
    if (duration_us <= counts->slowest_us && counts->slowest[0] != '\0')
        return;
    counts->slowest_us = duration_us;
    snprintf(counts->slowest, sizeof counts->slowest, "%s", frame->what);
}

/* The text of the error on top of the stack. After a stack overflow there may
 * be no room for the traceback, which is then what failed: in LuaJIT now and
 * then. */
static const char *failure_text(lua_State *L, int status, size_t *size)
{
    const char *text = NULL;

    if (status != LUA_ERRERR && lua_type(L, -1) == LUA_TSTRING)
        text = lua_tolstring(L, -1, size);
    if (!text) {
        text = "stack overflow, or an error in error handling";
        *size = strlen(text);
    }
    return text;
}

/* The error is on top of the stack, and stays there. Where it was raised is
 * worth telling only of a handler's own: outside of handlers it was one of our
 * checks, and its message says it all. */
static int count_failure(protected_caller *caller, lua_State *L, int status,
                         const char *what, bool in_handler)
{
    size_t size = 0, message_size, kept;
    const char *text = failure_text(L, status, &size);

    message_size = traceback_start(text, size);
    kept = message_size < MAX_MESSAGE ? message_size : MAX_MESSAGE;
    memcpy(caller->region->message, text, kept);
    caller->region->message[kept] = '\0';
    caller->counts->errors++;
    report(caller, &(protected_report){
                       .what = what,
                       .text = in_handler ? text : caller->region->message,
                       .message_size = in_handler ? message_size : kept,
                       .where = ""});
    return status == LUA_ERRMEM ? SHOAL_ERR_NOMEM : 1;
}

/* ---- Calling ---- */

/* One reading of the clock is enough for the end of a handler and the beginning
 * of the next. */
static void begin(protected_caller *caller)
{
    struct protected_frame *frame = &caller->region->frame;
    const protected_watch *watch = caller->region->watch;

    caller->depth++;
    frame->where[0] = '\0';
    if (frame->told && watch->follows(frame->ended_us)) {
        frame->started_us = frame->ended_us;
        return;
    }
    frame->started_us = clock_monotonic_us();
    frame->told = watch && watch->begins(frame->started_us);
}

/* STACK: function, args -> copy of function, function, args */
static int keep_copy(lua_State *L, int nargs)
{
    int function = lua_gettop(L) - nargs;

    lua_pushvalue(L, function);
    lua_insert(L, function);
    return function;
}

void protected_invoke_template(protected_caller *caller, lua_State *L,
                               int handler, int nargs, int nresults)
{
    begin(caller);
    lua_call(L, nargs, nresults);
    caller->depth--;
    count_call(caller, L, handler);
}

void protected_invoke(protected_caller *caller, lua_State *L, int nargs,
                      int nresults)
{
    int copy;

    luaL_checkstack(L, 4, "cannot call a handler");
    copy = keep_copy(L, nargs);
    protected_invoke_template(caller, L, copy, nargs, nresults);
    lua_remove(L, copy);
}

/* What a region has set is put back, whether it ended well or not. */
struct saved {
    struct protected_frame frame;
    unsigned depth;
};

static struct saved enter(protected_caller *caller, const char *what)
{
    struct saved saved;

    if (caller->region->frame.started_us == 0) /* between two of its handlers */
        tell_watch(caller->region);
    saved = (struct saved){caller->region->frame, caller->depth};
    caller->region->frame = (struct protected_frame){.what = what};
    return saved;
}

static inline int leave(protected_caller *caller, lua_State *L, int status,
                        bool in_handler, const struct saved *saved)
{
    int error = 0;

    tell_watch(caller->region);
    if (status != LUA_OK)
        error = count_failure(caller, L, status, caller->region->frame.what,
                              in_handler);
    caller->region->frame = saved->frame;
    caller->depth = saved->depth;
    return error;
}

int protected_run(protected_caller *caller, lua_State *L, protected_fn *fn,
                  void *context, const char *what)
{
    struct saved saved = enter(caller, what);
    int top = lua_gettop(L), status, error;
    bool in_handler;

    caller->region->fn = fn;
    caller->region->context = context;
    refs_push(L, caller->region->handler);
    refs_push(L, caller->region->trampoline);
    status = lua_pcall(L, 0, 0, top + 1);
    in_handler = caller->region->frame.started_us != 0; /* it raised */
    if (in_handler)
        count_call(caller, L, 0);
    error = leave(caller, L, status, in_handler, &saved);
    lua_settop(L, top);
    return error;
}

void protected_turn(protected_caller *caller, const char *what)
{
    caller->region->frame.what = what;
}

int protected_call(protected_caller *caller, lua_State *L, int nargs,
                   int nresults, const char *what)
{
    struct saved saved;
    int copy, status, error;

    luaL_checkstack(L, PROTECTED_CALL_STACK, "cannot call a handler");
    copy = keep_copy(L, nargs);
    refs_push(L, caller->region->handler);
    lua_insert(L, copy + 1);
    saved = enter(caller, what);
    begin(caller);
    status = lua_pcall(L, nargs, nresults, copy + 1);
    count_call(caller, L, copy);
    error = leave(caller, L, status, true, &saved);
    lua_remove(L, copy + 1);
    lua_remove(L, copy);
    return error;
}

void protected_plain(lua_State *L, int nargs, int nresults)
{
    lua_call(L, nargs, nresults);
}

/* ---- For people ---- */

const char *protected_last_message(const protected_caller *caller)
{
    return caller->region->message;
}

void protected_push_counts(lua_State *L, const protected_counts *counts)
{
    int i;

    lua_createtable(L, 0, 7);
    lua_createtable(L, PROTECTED_CLASSES, 0);
    for (i = 0; i < PROTECTED_CLASSES; i++) {
        lua_pushnumber(L, (lua_Number)counts->took[i]);
        lua_rawseti(L, -2, i + 1);
    }
    lua_setfield(L, -2, "took");
    lua_pushnumber(L, (lua_Number)counts->total_us / 1e6);
    lua_setfield(L, -2, "seconds");
    lua_pushnumber(L, (lua_Number)counts->calls);
    lua_setfield(L, -2, "calls");
    lua_pushnumber(L, (lua_Number)counts->errors);
    lua_setfield(L, -2, "errors");
    lua_pushnumber(L, (lua_Number)counts->slow);
    lua_setfield(L, -2, "slow");
    lua_pushnumber(L, (lua_Number)counts->slowest_us / 1e6);
    lua_setfield(L, -2, "slowest");
    if (counts->slowest[0] != '\0') {
        lua_pushstring(L, counts->slowest);
        lua_setfield(L, -2, "slowest_handler");
    }
}
