/* SPDX-License-Identifier: MIT */
#include "account.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- Looking up ---- */

/* A number in full, or -1. */
static long number_of(const char *text)
{
    size_t size = strspn(text, "0123456789");

    return size == 0 || size > 9 || text[size] != '\0' ? -1
                                                       : strtol(text, NULL, 10);
}

int account_find_group(const char *group, gid_t *out, struct error *error)
{
    const struct group *found = getgrnam(group);
    long number = number_of(group);

    if (!found && number < 0)
        return error_fail(error, "there is no group '%.80s'", group);
    *out = found ? found->gr_gid : (gid_t)number;
    return 0;
}

/* One that has a number alone has no group of its own. */
static int find_user(const char *user, bool has_group, struct account *out,
                     struct error *error)
{
    const struct passwd *found = getpwnam(user);
    long number = number_of(user);

    if (!found && number >= 0)
        found = getpwuid((uid_t)number);
    if (!found && (number < 0 || !has_group))
        return error_fail(error,
                          number < 0 ? "there is no user '%.80s'"
                                     : "there is no user %.80s: give a group",
                          user);
    out->uid = found ? found->pw_uid : (uid_t)number;
    if (found) {
        out->gid = found->pw_gid;
        snprintf(out->name, sizeof out->name, "%s", found->pw_name);
    }
    return 0;
}

int account_find(const char *user, const char *group, struct account *out,
                 struct error *error)
{
    memset(out, 0, sizeof *out);
    if (!user)
        return group ? error_fail(error, "a group needs a user") : 0;
    if (find_user(user, group != NULL, out, error) != 0 ||
        (group && account_find_group(group, &out->gid, error) != 0))
        return -1;
    if (out->uid == 0)
        return error_fail(error, "the user '%.80s' is root", user);
    out->is_given = true;
    return 0;
}

/* ---- Becoming ---- */

static bool is_that(const struct account *account)
{
    return getuid() == account->uid && geteuid() == account->uid &&
           getgid() == account->gid && getegid() == account->gid;
}

static int set_groups(const struct account *account)
{
    if (account->name[0] != '\0')
        return initgroups(account->name, account->gid);
    return setgroups(1, &account->gid);
}

/* A system that lets one come back has kept something. */
static bool can_come_back(void)
{
    return setuid(0) == 0 || seteuid(0) == 0;
}

/* The user last: nobody else may change groups. */
int account_become(const struct account *account, struct error *error)
{
    if (!account->is_given || (geteuid() != 0 && is_that(account)))
        return 0;
    if (geteuid() != 0)
        return error_fail(error, "only root can become another user");
    if (set_groups(account) != 0 || setgid(account->gid) != 0 ||
        setuid(account->uid) != 0)
        return error_errno(error, errno, "cannot become user %lu",
                           (unsigned long)account->uid);
    if (!is_that(account) || can_come_back())
        return error_fail(error, "user %lu can become root again",
                          (unsigned long)account->uid);
    return 0;
}
