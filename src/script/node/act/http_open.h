/* SPDX-License-Identifier: MIT */
/*
 * core.open_http(): opens libcurl, if it is there, while a pause does no harm.
 * Else the first request of a node does, and its loop stands still meanwhile.
 */
#ifndef SHOAL_SCRIPT_NODE_ACT_HTTP_OPEN_H
#define SHOAL_SCRIPT_NODE_ACT_HTTP_OPEN_H

#include <lua.h>

/* Adds open_http() to the table on top of the stack. */
void http_open_register(lua_State *L);

#endif
