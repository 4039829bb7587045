/* SPDX-License-Identifier: MIT */
/*
 * core.control_folder(path, make): may a control socket be at that path, where
 * nobody chose it? See src/control/socket_folder.h.
 */
#ifndef SHOAL_CONTROL_CONTROL_FOLDER_H
#define SHOAL_CONTROL_CONTROL_FOLDER_H

#include <lua.h>

/* Adds control_folder() to the table on top of the stack. */
void control_folder_register(lua_State *L);

#endif
