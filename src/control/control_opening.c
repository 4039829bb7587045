/* SPDX-License-Identifier: MIT */
#include "control_opening.h"

#include "../base/error.h"
#include "../lua/options.h"
#include "socket_folder.h"

#include <errno.h>
#include <grp.h>
#include <stdlib.h>
#include <string.h>

/* A name or a number. false and `error`: there is no such group. */
static bool find_group(const char *name, long *id, struct error *error)
{
    char *end, room[4096];
    struct group entry, *found = NULL;
    errno = 0;
    *id = strtol(name, &end, 10);
    if (*name != '\0' && *end == '\0' && errno == 0 && *id >= 0)
        return true;
    if (getgrnam_r(name, &entry, room, sizeof room, &found) == 0 && found) {
        *id = (long)found->gr_gid;
        return true;
    }
    error_fail(error, "there is no group '%.64s'", name);
    return false;
}

bool control_opening_read(lua_State *L, int index,
                          struct control_opening *opening, struct error *error)
{
    static const char who[] = "core.control_listen";
    static const char *const names[] = {"mode", "group", NULL};
    options_check(L, index, who, names, true);
    opening->mode =
        (unsigned)options_integer(L, index, who, "mode", 0, 0777, 0600);
    opening->group = -1;
    const char *group = options_string(L, index, who, "group", NULL);
    return !group || find_group(group, &opening->group, error);
}

static bool is_private(const struct control_opening *opening)
{
    return opening->mode == 0600 && opening->group < 0;
}

/* Others who may connect must get to the socket: they may enter its folder, if
 * that is made here. */
static int make_open_folder(const char *path,
                            const struct control_opening *opening,
                            struct error *error)
{
    char folder[SOCKET_FOLDER_MAX];
    if (is_private(opening) || strlen(path) >= SOCKET_FOLDER_MAX)
        return 0;
    socket_folder_of(path, folder);
    return socket_folder_make_open(folder, 0755, error);
}

stream_server *control_opening_listen(struct ev_loop *loop, const char *path,
                                      const struct control_opening *opening,
                                      const stream_callbacks *callbacks,
                                      struct error *error)
{
    if (make_open_folder(path, opening, error) != 0)
        return NULL;
    stream_server *listener = stream_listen(loop, path, callbacks, error);
    if (listener && !is_private(opening) &&
        stream_server_open_to(listener, opening->mode, opening->group, error) !=
            0) {
        stream_server_close(listener);
        return NULL;
    }
    return listener;
}
