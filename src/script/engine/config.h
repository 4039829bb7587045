/* SPDX-License-Identifier: MIT */
/*
 * The engine's config as a Lua table: the fields of shoal_config with times in
 * seconds and without the _us, the periodic tasks as {every=, members=} or
 * false. Any subset may be given, over a base:
 *
 *     "wan"                                        a preset
 *     { preset = "wan", cluster_size = 100 }       a preset for 100 members
 *     { probe_period = 0.5, gossip = false }       over the base
 *
 * A field of the wrong type, or unknown, is misuse and raises; a number out of
 * range is SHOAL_ERR_INVALID_CONFIG.
 */
#ifndef SHOAL_SCRIPT_ENGINE_CONFIG_H
#define SHOAL_SCRIPT_ENGINE_CONFIG_H

#include "../../shoal.h"

#include <lua.h>

enum { CONFIG_DEFAULT_CLUSTER_SIZE = 10 };

/* Reads the config at `index` (nothing, a preset's name or a table) over
 * `*config`; a preset named in it replaces `*config` first, for
 * `cluster_size` members unless the table says how many. 0, or
 * SHOAL_ERR_INVALID_CONFIG with a message pushed, `*config` then as it was.
 * Raises for misuse, with `who` in front. */
int config_read(lua_State *L, int index, const char *who, uint32_t cluster_size,
                shoal_config *config);

/* Pushes it as a table that config_read() takes. */
void config_push(lua_State *L, const shoal_config *config);

/* Adds preset(name, n) and presets (a list of names) to the table on top of the
 * stack. */
void config_register(lua_State *L);

#endif
