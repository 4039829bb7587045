/* SPDX-License-Identifier: MIT */
/*
 * Tables of named options, read strictly: misuse raises, and the message names
 * the function, the option and the value:
 *
 *     shoal.start: option 'bind' must be a string, got 42
 *     shoal.start: unknown option 'jion' (did you mean 'join'?)
 *
 * `who` below is the function's name as the user knows it. `index` is that of
 * the options table; it may be none or nil for a table without options.
 */
#ifndef SHOAL_LUA_OPTIONS_H
#define SHOAL_LUA_OPTIONS_H

#include "../shoal.h"

#include <lua.h>

/* Raises unless there is a table, or nothing when `optional`, at `index`, and
 * all of its keys are in `names` (ends with NULL). */
void options_check(lua_State *L, int index, const char *who,
                   const char *const *names, bool optional);

/* Pushes the field (nil when there is no table) and returns its type. */
int options_get(lua_State *L, int index, const char *name);

/* Reads a field that must have the type when it is there; absent (or nil) ones
 * give `fallback`. Strings are borrowed while the table keeps them. */
const char *options_string(lua_State *L, int index, const char *who,
                           const char *name, const char *fallback);
bool options_boolean(lua_State *L, int index, const char *who, const char *name,
                     bool fallback);
double options_number(lua_State *L, int index, const char *who,
                      const char *name, double fallback);
/* A whole number from `low` to `high`. */
double options_integer(lua_State *L, int index, const char *who,
                       const char *name, double low, double high,
                       double fallback);
/* A string that must be one of `names` (ends with NULL): its index there. A
 * `fallback` below 0: it must be there. */
int options_choice(lua_State *L, int index, const char *who, const char *name,
                   const char *const *names, int fallback);
/* Pushes the table and true, or pushes nothing and false. Raises when it is
 * something else. */
bool options_table(lua_State *L, int index, const char *who, const char *name);
/* The same for a function. */
bool options_function(lua_State *L, int index, const char *who,
                      const char *name);

/* Raises "<who>: option '<name>' <problem>, got <the value at `value`>". */
int options_error(lua_State *L, const char *who, const char *name,
                  const char *problem, int value);
/* Raises "<who>: unknown <sort> '<name>' (did you mean '<nearest>'?)". */
int options_unknown(lua_State *L, const char *who, const char *sort,
                    const char *name, const char *const *names);

/* Pushes a short text of the value at `index` for messages: quoted strings (cut
 * at 40 bytes), numbers, "a table", "nil". */
const char *options_describe(lua_State *L, int index);

/* Is `name` one of `names` (ends with NULL)? */
bool options_is_among(const char *name, const char *const *names);

/* Seconds as Lua has them <-> microseconds. options_to_us() is false for NaN,
 * infinities, negative numbers and those past 10^12 seconds. Rounds to the
 * nearest, so that a deadline read as seconds comes back the same. */
bool options_to_us(double seconds, uint64_t *us);
static inline double options_to_seconds(uint64_t us)
{
    return (double)us / 1e6;
}
/* The argument at `arg` as time; raises "<name> must be a number of seconds, 0
 * or more, got nan". */
uint64_t options_check_time(lua_State *L, int arg, const char *name);

/* Adds nearest(name, list) to the table on top of the stack. */
void options_register(lua_State *L);

#endif
