/* SPDX-License-Identifier: MIT */
/*
 * `require` in a script's own Lua state: it finds what the program finds (its
 * package.path, cpath and preloaded C modules), the script's own folder first,
 * and notes every Lua file it reads, so that a change of any of them reloads
 * the script.
 */
#ifndef SHOAL_SCRIPT_RELOAD_MODULES_H
#define SHOAL_SCRIPT_RELOAD_MODULES_H

#include "files.h"

#include <lua.h>

/* In the program's state: its scripts get that function as the module
 * shoal.core, wherever the program had it from. */
void modules_provide_core(lua_State *L, lua_CFunction open);

/* What a program's `package` says, as plain memory. Zeroed, it is empty. */
struct module_paths {
    char *path, *cpath;
    lua_CFunction core; /* of modules_provide_core() */
    struct module_preload {
        char *name;
        lua_CFunction open;
    } * preloads;
    size_t num_preloads;
};

/* Copies it from the program's state. May raise; `paths` is to be cleared in
 * any case. */
void modules_read_paths(lua_State *L, struct module_paths *paths);
void modules_clear_paths(struct module_paths *paths);

/* Sets up `package` in a fresh state, for a script in `folder` (borrowed for
 * the call). Files are added to `files` (borrowed for the state's life). May
 * raise. */
void modules_install(lua_State *L, const struct module_paths *paths,
                     const char *folder, struct files *files);

/* Compiles the file and pushes the function. Raises what is wrong with it. */
void modules_compile(lua_State *L, struct files *files, const char *path);

#endif
