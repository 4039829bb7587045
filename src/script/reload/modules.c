/* SPDX-License-Identifier: MIT */
#include "modules.h"

#include "../../base/error.h"
#include "../../lua/compat.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#if LUA_VERSION_NUM == 501
#define SEARCHERS "loaders"
#else
#define SEARCHERS "searchers"
#endif

static const char core_key[] = "shoal.open"; /* in the program's registry */

/* ---- What the program has ---- */

void modules_provide_core(lua_State *L, lua_CFunction open)
{
    lua_pushcfunction(L, open);
    lua_setfield(L, LUA_REGISTRYINDEX, core_key);
}

static char *copy_string_field(lua_State *L, int table, const char *name)
{
    lua_getfield(L, table, name);
    const char *value =
        lua_type(L, -1) == LUA_TSTRING ? lua_tostring(L, -1) : "";
    char *copy = strdup(value);
    lua_pop(L, 1);
    if (!copy)
        luaL_error(L, "out of memory");
    return copy;
}

/* Only plain C functions can be used in another state; what closes over values
 * of the program's state, and Lua functions, stay behind. */
static bool can_travel(lua_State *L, int index)
{
    if (!lua_iscfunction(L, index))
        return false;
    if (!lua_getupvalue(L, index, 1))
        return true;
    lua_pop(L, 1);
    return false;
}

static void add_preload(lua_State *L, struct module_paths *paths,
                        const char *name, lua_CFunction open)
{
    size_t count = paths->num_preloads + 1;
    struct module_preload *list =
        realloc(paths->preloads, count * sizeof *list);
    if (list)
        paths->preloads = list;
    char *copy = list ? strdup(name) : NULL;
    if (!copy)
        luaL_error(L, "out of memory");
    list[paths->num_preloads++] =
        (struct module_preload){.name = copy, .open = open};
}

static void read_preloads(lua_State *L, int preloads,
                          struct module_paths *paths)
{
    for (lua_pushnil(L); lua_next(L, preloads); lua_pop(L, 1)) {
        if (lua_type(L, -2) == LUA_TSTRING && can_travel(L, -1))
            add_preload(L, paths, lua_tostring(L, -2), lua_tocfunction(L, -1));
    }
}

void modules_read_paths(lua_State *L, struct module_paths *paths)
{
    lua_getfield(L, LUA_REGISTRYINDEX, "_LOADED");
    lua_getfield(L, -1, "package");
    if (lua_istable(L, -1)) {
        int package = lua_gettop(L);
        paths->path = copy_string_field(L, package, "path");
        paths->cpath = copy_string_field(L, package, "cpath");
        lua_getfield(L, package, "preload");
        if (lua_istable(L, -1))
            read_preloads(L, lua_gettop(L), paths);
        lua_pop(L, 1);
    }
    lua_pop(L, 2);
    lua_getfield(L, LUA_REGISTRYINDEX, core_key);
    paths->core = lua_tocfunction(L, -1);
    lua_pop(L, 1);
}

void modules_clear_paths(struct module_paths *paths)
{
    for (size_t i = 0; i < paths->num_preloads; i++)
        free(paths->preloads[i].name);
    free(paths->preloads);
    free(paths->path);
    free(paths->cpath);
    *paths = (struct module_paths){0};
}

/* ---- Compiling ---- */

/* Past a byte order mark, and past the text of a "#!" line: its end stays, so
 * that line numbers are right. */
static const char *skip_prologue(const char *content, size_t *size)
{
    const char *end = content + *size;
    if (*size >= 3 && memcmp(content, "\xef\xbb\xbf", 3) == 0)
        content += 3;
    if (content < end && *content == '#') {
        while (content < end && *content != '\n')
            content++;
    }
    *size = (size_t)(end - content);
    return content;
}

void modules_compile(lua_State *L, struct files *files, const char *path)
{
    struct error error;
    char *content;
    size_t size;
    const char *name = lua_pushfstring(L, "@%s", path);
    if (files_read(files, path, &content, &size, &error) != 0)
        luaL_error(L, "%s", error.text);
    const char *text = skip_prologue(content, &size);
    int status = luaL_loadbuffer(L, text, size, name); /* never raises */
    free(content);
    if (status != LUA_OK)
        lua_error(L);
    lua_remove(L, -2);
}

/* ---- The searcher ---- */

/* The next template of `*path` with the module's name in it: pushes it, or
 * pushes nothing at the end. */
static const char *next_candidate(lua_State *L, const char **path,
                                  const char *name)
{
    while (**path == ';')
        ++*path;
    if (**path == '\0')
        return NULL;
    size_t length = strcspn(*path, ";");
    lua_pushlstring(L, *path, length);
    *path += length;
    const char *candidate = luaL_gsub(L, lua_tostring(L, -1), "?", name);
    lua_remove(L, -2);
    return candidate;
}

static void push_path(lua_State *L)
{
    lua_getfield(L, LUA_REGISTRYINDEX, "_LOADED");
    lua_getfield(L, -1, "package");
    lua_getfield(L, -1, "path");
    if (lua_type(L, -1) != LUA_TSTRING)
        luaL_error(L, "'package.path' must be a string");
    lua_replace(L, -3);
    lua_pop(L, 1);
}

/* In place of Lua's own searcher for Lua files. Upvalue: a pointer to files.
 * What is missing in the script's own folder (the first two templates) is noted
 * even when the module is found further on: coming, it would be found first. */
static int search(lua_State *L)
{
    struct files *files =
        *(struct files **)lua_touserdata(L, lua_upvalueindex(1));
    const char *candidate, *name = luaL_checkstring(L, 1);
    lua_settop(L, 1);
    name = luaL_gsub(L, name, ".", "/");
    push_path(L);
    const char *path = lua_tostring(L, -1);
    lua_pushliteral(L, "");
    for (int tried = 0; (candidate = next_candidate(L, &path, name)); tried++) {
        if (access(candidate, R_OK) == 0) {
            modules_compile(L, files, candidate);
            lua_insert(L, -2);
            return 2; /* 5.3 and later hand the file's name to the module */
        }
        if (tried < 2 && files_add_missing(files, candidate) != 0)
            return luaL_error(L, "out of memory");
        lua_pushfstring(L, "%s\n\tno file '%s'", lua_tostring(L, -2),
                        candidate);
        lua_replace(L, -3);
        lua_pop(L, 1);
    }
    return 1;
}

/* ---- A fresh state ---- */

static void set_paths(lua_State *L, int package,
                      const struct module_paths *paths, const char *folder)
{
    lua_pushfstring(L, "%s/?.lua;%s/?/init.lua;%s", folder, folder,
                    paths->path ? paths->path : "");
    lua_setfield(L, package, "path");
    if (paths->cpath) {
        lua_pushstring(L, paths->cpath);
        lua_setfield(L, package, "cpath");
    }
}

static void set_preloads(lua_State *L, int package,
                         const struct module_paths *paths)
{
    lua_getfield(L, package, "preload");
    for (size_t i = 0; i < paths->num_preloads; i++) {
        lua_pushcfunction(L, paths->preloads[i].open);
        lua_setfield(L, -2, paths->preloads[i].name);
    }
    if (paths->core) {
        lua_pushcfunction(L, paths->core);
        lua_setfield(L, -2, "shoal.core");
    }
    lua_pop(L, 1);
}

static void set_searcher(lua_State *L, int package, struct files *files)
{
    lua_getfield(L, package, SEARCHERS);
    *(struct files **)compat_newblock(L, sizeof files) = files;
    lua_pushcclosure(L, search, 1);
    lua_rawseti(L, -2, 2); /* 1 is preload, 3 and 4 are C modules */
    lua_pop(L, 1);
}

void modules_install(lua_State *L, const struct module_paths *paths,
                     const char *folder, struct files *files)
{
    luaL_openlibs(L);
    lua_getglobal(L, "package");
    int package = lua_gettop(L);
    set_paths(L, package, paths, folder);
    set_preloads(L, package, paths);
    set_searcher(L, package, files);
    lua_settop(L, package - 1);
}
