/* SPDX-License-Identifier: MIT */
#include "../../../host/key_file.h"
#include "../../../lua/compat.h"
#include "../../../lua/options.h"
#include "../../../lua/result.h"
#include "../../../seal/seal.h"
#include "start.h"

#include <limits.h>
#include <string.h>

static int wipe(lua_State *L)
{
    crypto_wipe(lua_touserdata(L, 1), sizeof(struct seal_keys));
    return 0;
}

/* Pushes room for keys that is zeroed when Lua collects it. */
static struct seal_keys *push_keys(lua_State *L)
{
    struct seal_keys *keys = lua_newuserdata(L, sizeof *keys);
    memset(keys, 0, sizeof *keys);
    lua_createtable(L, 0, 1);
    lua_pushcfunction(L, wipe);
    lua_setfield(L, -2, "__gc");
    lua_setmetatable(L, -2);
    return keys;
}

static int fail(struct start *start)
{
    start->code = CODE_KEY;
    return -1;
}

/* The text of one key, or of several as in a file. */
static int read_text(lua_State *L, struct start *start)
{
    size_t size;
    const char *text;
    options_get(L, 1, "key");
    text = lua_tolstring(L, -1, &size);
    lua_pop(L, 1); /* the table keeps it */
    if (*seal_problem())
        return error_fail(&start->error, "%s", seal_problem());
    return seal_keys_read(start->keys, text, size, &start->error);
}

int start_read_keys(lua_State *L, const char *who, struct start *start)
{
    const char *text = options_string(L, 1, who, "key", NULL);
    const char *path = options_string(L, 1, who, "key_file", NULL);
    double fd = options_integer(L, 1, who, "key_fd", 0, INT_MAX, -1);
    int result;
    if (!text && !path && fd < 0)
        return 0;
    if (!!text + !!path + (fd >= 0) > 1)
        return luaL_error(
            L, "%s: give one of the options 'key', 'key_file' and 'key_fd'",
            who);
    start->keys = push_keys(L);
    if (text)
        result = read_text(L, start);
    else if (path)
        result = key_file_read(path, start->keys, &start->error);
    else
        result = key_file_read_fd((int)fd, start->keys, &start->error);
    return result == 0 ? 0 : fail(start);
}
