/* SPDX-License-Identifier: MIT */
/*
 * shoal.core's engine: the C engine as a Lua object, sans I/O.
 *
 *     local engine = core.new { identity = core.stock_identity("a:1", 0) }
 *     engine:receive(now, bytes)
 *     for to, bytes, message, endpoint in engine:sends() do ... end
 *     for event, a, b in engine:events() do ... end
 *     wait until engine:deadline()
 *
 * Entry points return true, or nil, message, code; called from inside one of
 * the engine's own questions they return nil, message, "reentrant", and so does
 * close(). Queries work there. A closed engine raises.
 */
#ifndef SHOAL_SCRIPT_ENGINE_ENGINE_H
#define SHOAL_SCRIPT_ENGINE_ENGINE_H

#include <lua.h>

/* Adds new() and stock_identity() to the table on top of the stack. */
void engine_register(lua_State *L);

#endif
