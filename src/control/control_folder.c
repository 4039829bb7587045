/* SPDX-License-Identifier: MIT */
#include "control_folder.h"

#include <dirent.h>
#include <string.h>

#include "../base/error.h"
#include "../lua/compat.h"
#include "../lua/result.h"
#include "control_access.h"
#include "socket_folder.h"
#include "stream_path.h"

enum { MAX_NAMES = 64 };

static int make_folder(const char *path, const struct socket_access *access,
                       struct error *error)
{
    struct sockaddr_un address;
    char folder[SOCKET_FOLDER_MAX];
    if (stream_path_address(path, &address, error) != 0)
        return -1;
    socket_folder_of(path, folder);
    return socket_folder_make(folder, access, error);
}

/* control_folder(path[, make[, access]]) -> true | nil, message, code */
static int control_folder(lua_State *L)
{
    struct error error;
    const char *path = luaL_checkstring(L, 1);
    const char *code = NULL;
    struct socket_access access;
    if (control_access_read(L, 3, "core.control_folder", &access, &error) != 0)
        code = CODE_LISTEN;
    else if (lua_toboolean(L, 2) && make_folder(path, &access, &error) != 0)
        code = CODE_LISTEN;
    else if (socket_folder_check(path, access.uid, &error) != 0)
        code = CODE_FOLDER;
    if (code)
        return result_fail(L, error.text, code);
    lua_pushboolean(L, true);
    return 1;
}

/* Pushes its name without `.sock`, or nothing. */
static int push_name(lua_State *L, const char *file)
{
    static const char ending[] = ".sock";
    size_t length = strlen(file), behind = sizeof ending - 1;

    if (length <= behind || strcmp(file + length - behind, ending) != 0)
        return 0;
    lua_pushlstring(L, file, length - behind);
    return 1;
}

/* control_names(path) -> the names of the sockets in the folder of `path`, in
 * no order; an empty list if it cannot be read. */
static int control_names(lua_State *L)
{
    char folder[SOCKET_FOLDER_MAX];
    struct sockaddr_un address;
    struct error error;
    struct dirent *entry;
    const char *path = luaL_checkstring(L, 1);
    DIR *list = NULL;
    int count = 0;

    lua_newtable(L);
    if (stream_path_address(path, &address, &error) == 0) {
        socket_folder_of(path, folder);
        list = opendir(folder);
    }
    while (list && count < MAX_NAMES && (entry = readdir(list)))
        if (push_name(L, entry->d_name))
            lua_rawseti(L, -2, ++count);
    if (list)
        closedir(list);
    return 1;
}

void control_folder_register(lua_State *L)
{
    lua_pushcfunction(L, control_folder);
    lua_setfield(L, -2, "control_folder");
    lua_pushcfunction(L, control_names);
    lua_setfield(L, -2, "control_names");
}
