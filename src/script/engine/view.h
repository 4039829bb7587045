/* SPDX-License-Identifier: MIT */
/*
 * What Lua sees of an engine: tables for members, events and numbers, and the
 * results of entry points. Shared by shoal.core's engine and by nodes.
 *
 * `offset_us` is added to the engine's times before they become seconds: 0 for
 * shoal.core; (wall clock - monotonic clock) for a node, whose `since` is Unix
 * time.
 */
#ifndef SHOAL_SCRIPT_ENGINE_VIEW_H
#define SHOAL_SCRIPT_ENGINE_VIEW_H

#include "../../shoal.h"
#include "questions.h"

#include <lua.h>

/* "alive", "suspect", "down", NULL: shoal_state by name. */
extern const char *const view_states[];

/* { id=, addr=, state="down", incarnation=, since=, reason="left", rtt= }; the
 * reason of one that is down alone, the rtt while it is known */
void view_push_member(lua_State *L, const shoal_member *member,
                      int64_t offset_us);

/* Our own identity. */
void view_push_identity(lua_State *L, const shoal *engine);

/* members{state="active"|"alive"|"suspect"|"down"|"all", where=fn}: pushes the
 * list. `options` is the index of that table, or of nothing. `where` is called
 * after the walk, so it may do what it likes. `who` for misuse. */
void view_push_members(lua_State *L, const shoal *engine, int options,
                       const char *who, int64_t offset_us);
/* Pushes the list of the active members and, unless we are defunct, ourselves
 * at its end. */
void view_push_living(lua_State *L, const shoal *engine, int64_t offset_us);
/* The option `where` of the table at `options`, a function or tags. STACK: list
 * -> list of those for which it holds, or that have these (tagging_match()) */
void view_filter_where(lua_State *L, int options, const char *who);
/* Is it there? */
bool view_has_where(lua_State *L, int options);
/* The list of all, down ones included. */
void view_push_state(lua_State *L, const shoal *engine, int64_t offset_us);
/* The member with the address at `index`, or nil. */
void view_push_member_at(lua_State *L, const shoal *engine, int index,
                         int64_t offset_us);

/* Pushes a NOTIFY as Lua sees it and returns how many values:
 *   name, member             member_up, member_down, rejoin, suspect, ...
 *   name, before, after      rename; before is { id=, addr= }
 *   name                     active, idle, defunct, stable, view
 *   name, { id=, message=, updates=, size=, incarnation=, number=, peer= }
 *                            packet_received, packet_sent
 *   name, { size=, reason= }                   item_dropped
 *   name, data, member                         message
 *   name, member, ticket[, code]     message_acknowledged, message_failed */
int view_push_event(lua_State *L, const shoal_effect *effect,
                    int64_t offset_us);

/* { packets_received=, ..., sent={ping=, ...}, received={...}, dropped={...},
 *   memory_bytes= } */
void view_push_stats(lua_State *L, const shoal *engine);

/* { updates=, broadcasts= } that wait. */
void view_push_backlog(lua_State *L, const shoal *engine);

/* Pushes the result of an entry point: true, or nil, message, code. `q` (may
 * be NULL) adds what a failing question said. Returns the number of values. */
int view_push_result(lua_State *L, int error, const shoal *engine,
                     const questions *q);

#endif
