/* SPDX-License-Identifier: MIT */
/*
 * Events come in crowds: a node that joins hears of a thousand members at once.
 * As long as handlers alone are told, one region (protected_call.h) does for as
 * many of them as there are, and what every call needs is looked up once:
 *
 *   region: look up, event, event, event that raises
 *   region: look up, event, ...
 *
 * An event is taken out of the engine's queue before its handler is called, so
 * one that raises costs that event and no other.
 */
#include "events.h"

#include "../../base/bytes.h"
#include "../../lua/compat.h"
#include "../../lua/refs.h"
#include "../../lua/templates.h"
#include "../engine/view.h"
#include "listeners.h"
#include "node.h"
#include "renames.h"
#include "sends.h"
#include "waits.h"

#include <stdio.h>
#include <stdlib.h>

/* What happened so shortly before or after the clocks were compared does
 * without comparing them again. */
enum { COMPARED_US = 10 * 1000 };

enum { MAX_WHAT = 80 /* "topics.", and a name of 64 bytes */ };

struct telling {
    struct node *node;
    struct scope *scope;
    struct version *version;    /* NULL: the scope is the program */
    const shoal_effect *effect; /* of which the scope is told now */
    shoal_effect next;          /* what it points to after the first */
    struct changes changes;     /* that on_view tells of */
    uint64_t compared_us;       /* clocks have been, for an event of then */
    int named;                  /* the event whose NAME is there; or -1 */
    bool is_told;               /* the handlers know already: renames.h */
};

/* The region's stack: what stays there between two events. */
enum { SELF = 1, HANDLERS, TELL, NAME, KEPT = NAME };

/* NULL: there is no handler. */
static const char *const handler_names[SHOAL_NUM_EVENTS] = {
#define HANDLER_0(name) "on_" name
#define HANDLER_1(name) NULL
#define HANDLER_2(name) "on_" name
#define HANDLER_NAME(NAME, VALUE, name, KIND, ...)                             \
    [VALUE] = HANDLER_##KIND(name),
    SHOAL_EVENTS(HANDLER_NAME)
#undef HANDLER_NAME
};

/* Pushes handlers.on_<event>; false and nothing when there is none. */
static bool push_handler(lua_State *L, struct telling *telling)
{
    shoal_event event = telling->effect->event;
    if (!telling->version || !handler_names[event] || telling->is_told)
        return false;
    if (telling->named != (int)event) {
        refs_push(L, telling->scope->caller->templates->handler_names[event]);
        lua_replace(L, NAME);
        telling->named = (int)event;
    }
    lua_pushvalue(L, NAME);
    lua_gettable(L, HANDLERS);
    if (!lua_isnil(L, -1))
        return true;
    lua_pop(L, 1);
    return false;
}

/* ---- To everybody ---- */

/* Calls the handler with the node and the values after the name, which are on
 * top of the stack from `first`. */
static void call_handler(lua_State *L, struct telling *telling, int first)
{
    int last = lua_gettop(L);
    if (!push_handler(L, telling))
        return;
    lua_pushvalue(L, SELF);
    for (int value = first + 1; value <= last; value++)
        lua_pushvalue(L, value);
    (void)protected_call(telling->scope->caller, L, last - first + 1, 0,
                         handler_names[telling->effect->event]);
    lua_settop(L, last);
}

/* handlers.topics[topic](node, data, from, number), and who has subscribed. The
 * values are on top of the stack from `first`, the topic before them. */
static void tell_subscribers(lua_State *L, struct telling *telling, int first)
{
    int last = lua_gettop(L);
    listeners_tell_topic(L, telling->scope, first - 1);
    if (!telling->version || telling->scope->ended)
        return;
    lua_getfield(L, HANDLERS, "topics");
    if (lua_istable(L, -1)) {
        char what[MAX_WHAT];
        snprintf(what, sizeof what, "topics.%s", lua_tostring(L, first - 1));
        lua_pushvalue(L, first - 1);
        lua_rawget(L, -2);
        lua_pushvalue(L, SELF);
        for (int value = first; value <= last; value++)
            lua_pushvalue(L, value);
        if (!lua_isnil(L, last + 2))
            (void)protected_call(telling->scope->caller, L, last - first + 2, 0,
                                 what);
    }
    lua_settop(L, last);
}

/* To the handler, and to listeners, who see the same tables. */
static void tell_all(lua_State *L, struct telling *telling)
{
    struct node *node = telling->node;
    bool splits = telling->version && renames_are_told(node, telling->effect);
    bool is_up = telling->effect->member.state != SHOAL_DOWN;
    if (splits) /* before handlers run, who may run the loop */
        renames_push(L, telling->effect, node_clock_offset_us(node));
    int first = lua_gettop(L) + 1;
    view_push_event(L, telling->effect, node_clock_offset_us(telling->node));
    if (shoal_event_carries(telling->effect->event) ==
        SHOAL_CARRIES_OURSELVES) {
        lua_getfield(L, -1, "id"); /* on_rejoin(node, id) */
        lua_replace(L, -2);
    }
    if (telling->effect->event == SHOAL_EVENT_VIEW)
        changes_push(L, &telling->changes, node_clock_offset_us(telling->node));
    call_handler(L, telling, first);
    if (telling->effect->event == SHOAL_EVENT_PUBLISHED)
        tell_subscribers(L, telling, first + 2);
    listeners_tell(L, telling->scope, telling->effect->event, first);
    if (splits)
        renames_tell(L, node, first - 2, is_up);
}

/* ---- To the handler alone ---- */

/* That a member came or went is what there is most of, and then mostly a
 * handler alone is told. */
static bool is_for_handler_alone(const struct telling *telling)
{
    return telling->version && telling->scope->listeners == REFS_NONE &&
           (telling->effect->event == SHOAL_EVENT_MEMBER_UP ||
            telling->effect->event == SHOAL_EVENT_MEMBER_DOWN);
}

/* For something that was at `at_us` and is told now: there may be thousands of
 * it at the same moment. */
static int64_t clock_offset_at(struct telling *telling, uint64_t at_us)
{
    struct node *node = telling->node;
    if (at_us == telling->compared_us ||
        llabs((int64_t)(at_us - node->compared_us)) < COMPARED_US)
        return node->clock_offset_us;
    telling->compared_us = at_us;
    return node_clock_offset_us(node);
}

static void tell_handler(lua_State *L, struct telling *telling)
{
    const shoal_member *member = &telling->effect->member;
    if (!push_handler(L, telling))
        return;
    lua_pushvalue(L, TELL);
    lua_pushvalue(L, KEPT + 1);
    lua_pushvalue(L, SELF);
    templates_push_member(L, member,
                          clock_offset_at(telling, member->since_us));
    protected_invoke_template(telling->scope->caller, L, KEPT + 1,
                              2 + TEMPLATES_MEMBER_ARGS, 0);
}

/* ---- What on_view will tell ---- */

static void note_change(struct node *node, const shoal_effect *effect)
{
    if (!node->notes_changes || !changes_are_in(effect->event) ||
        bytes_equal(effect->member.addr, shoal_self(node_engine(node)).addr))
        return;
    if (!changes_note(&node->changes, effect))
        log_line(&node->log, LOG_ERROR, LOG_SCRIPT,
                 "out of memory: on_view will not tell of a change",
                 log_num("changes", (double)node->changes.count));
}

/* The next event to tell. What on_view tells is taken out of the node: who
 * hears of it may do with the node whatever it likes. */
static void begin(struct telling *telling, const shoal_effect *effect)
{
    struct node *node = telling->node;
    telling->effect = effect;
    telling->is_told = renames_forestall(node, effect);
    note_change(node, effect);
    if (effect->event != SHOAL_EVENT_VIEW)
        return;
    telling->changes = node->changes;
    node->changes = (struct changes){0};
}

/* All that came has gone again, and we say what we said. */
static bool is_void(const struct telling *telling)
{
    return telling->effect->event == SHOAL_EVENT_VIEW &&
           !changes_any(&telling->changes);
}

/* ---- One after the other ---- */

static void tell_one(lua_State *L, struct telling *telling)
{
    protected_caller *caller = telling->scope->caller;
    if (is_void(telling))
        return;
    if (is_for_handler_alone(telling)) {
        protected_turn(caller, handler_names[telling->effect->event]);
        tell_handler(L, telling);
    } else {
        protected_turn(caller, "event");
        tell_all(L, telling);
    }
    lua_settop(L, KEPT);
}

/* Unless others are to hear of this one, too, or somebody else is to be told
 * from now on. */
static bool may_take_next(const struct telling *telling)
{
    const struct node *node = telling->node;
    return node->phase == NODE_LIVE && node->current == telling->version &&
           node->scopes.program.listeners == REFS_NONE && !node->wait_timer;
}

static bool take_next(struct telling *telling)
{
    struct node *node = telling->node;
    while (may_take_next(telling)) {
        changes_clear(&telling->changes);
        if (!node->backend->ops->next_event(node->backend, &telling->next))
            return false;
        if (sends_tell(node, &telling->next))
            continue;
        begin(telling, &telling->next);
        return true;
    }
    return false;
}

static void tell(lua_State *L, void *context)
{
    struct telling *telling = context;
    luaL_checkstack(L, 20, "cannot deliver an event");
    scope_push_self(telling->scope, L);
    refs_push(L, telling->version ? telling->version->handlers : REFS_NONE);
    refs_push(L, telling->scope->caller->templates->tell);
    lua_pushnil(L);
    do
        tell_one(L, telling);
    while (take_next(telling));
}

/* If there was no next event, then nobody else is to hear of the last. */
void events_tell(struct node *node, const shoal_effect *effect)
{
    if (node->phase != NODE_LIVE)
        return;
    if (sends_tell(node, effect)) {
        waits_check(node);
        return;
    }
    struct version *version = node->current;
    struct telling telling = {.node = node,
                              .scope = &version->scope,
                              .version = version,
                              .named = -1};
    begin(&telling, effect);
    scope_run(telling.scope, tell, &telling, "event");
    if (node->scopes.program.listeners != REFS_NONE) {
        telling.scope = &node->scopes.program;
        telling.version = NULL;
        telling.named = -1;
        scope_run(telling.scope, tell, &telling, "event");
    }
    changes_clear(&telling.changes);
    waits_check(node);
}
