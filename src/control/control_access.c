/* SPDX-License-Identifier: MIT */
#include "control_access.h"

#include "../base/account.h"
#include "../lua/compat.h"
#include "../lua/options.h"

/* A user's socket is its group's as well, unless another one is named. */
static int find_owner(const char *user, const char *group,
                      struct socket_access *out, struct error *error)
{
    struct account account;

    if (user) {
        if (account_find(user, group, &account, error) != 0)
            return -1;
        out->uid = account.uid;
        out->gid = account.gid;
        return 0;
    }
    return group ? account_find_group(group, &out->gid, error) : 0;
}

int control_access_read(lua_State *L, int index, const char *who,
                        struct socket_access *out, struct error *error)
{
    static const char *const names[] = {"mode", "group", "user", NULL};
    const char *user, *group;

    *out = socket_access_private();
    if (lua_isnoneornil(L, index))
        return 0;
    options_check(L, index, who, names, false);
    user = options_string(L, index, who, "user", NULL);
    group = options_string(L, index, who, "group", NULL);
    out->mode = (mode_t)options_integer(L, index, who, "mode", 0600, 0666,
                                        group ? 0660 : 0600);
    if ((out->mode & 0600) != 0600 || (out->mode & ~(mode_t)0666) != 0)
        return luaL_error(L,
                          "%s: option 'mode' must be 0600, or more of reading "
                          "and writing",
                          who);
    return find_owner(user, group, out, error);
}
