/* SPDX-License-Identifier: MIT */
/* Users and groups of the system, and how the process becomes one of them. */
#ifndef SHOAL_BASE_ACCOUNT_H
#define SHOAL_BASE_ACCOUNT_H

#include "error.h"

#include <stdbool.h>
#include <sys/types.h>

struct account {
    bool is_given; /* else there is none */
    uid_t uid;
    gid_t gid;
    char name[64]; /* of the user, for its other groups; "": it has none */
};

/* A user, by name or number, and a group (NULL: the user's own). `user` NULL:
 * there must be no group, and none is given. 0, or -1 and `error`. */
int account_find(const char *user, const char *group, struct account *out,
                 struct error *error);
/* A group, by name or number. */
int account_find_group(const char *group, gid_t *out, struct error *error);

/* The whole process, all of its threads, is that user from now on, and can
 * never be another one again: that is tried. 0, or -1 and `error`: it may be
 * anybody then, and must end. Does nothing if none was given. */
int account_become(const struct account *account, struct error *error);

#endif
