/* SPDX-License-Identifier: MIT */
#include "file_kind.h"

#include "../lua/compat.h"

#include <sys/stat.h>

/* file_kind(path) -> "file" | "folder" | "other" | nil: nothing is there. Links
 * are not followed: whoever writes beside a file and renames would replace the
 * link, or /dev/null. */
static int file_kind(lua_State *L)
{
    struct stat found;
    if (lstat(luaL_checkstring(L, 1), &found) != 0)
        lua_pushnil(L);
    else if (S_ISREG(found.st_mode))
        lua_pushliteral(L, "file");
    else if (S_ISDIR(found.st_mode))
        lua_pushliteral(L, "folder");
    else
        lua_pushliteral(L, "other");
    return 1;
}

void file_kind_register(lua_State *L)
{
    lua_pushcfunction(L, file_kind);
    lua_setfield(L, -2, "file_kind");
}
