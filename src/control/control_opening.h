/* SPDX-License-Identifier: MIT */
/* Who may connect to a socket of core.control_listen(). */
#ifndef SHOAL_CONTROL_CONTROL_OPENING_H
#define SHOAL_CONTROL_CONTROL_OPENING_H

#include "stream.h"

#include <lua.h>

struct control_opening {
    unsigned mode; /* of the file */
    long group;    /* of it; -1: as it comes */
};

/* Reads { mode=, group= } at the index; a group is a name or a number. false
 * and `error`: there is no such group. Raises for misuse. */
bool control_opening_read(lua_State *L, int index,
                          struct control_opening *opening, struct error *error);
/* As stream_listen(). */
stream_server *control_opening_listen(struct ev_loop *loop, const char *path,
                                      const struct control_opening *opening,
                                      const stream_callbacks *callbacks,
                                      struct error *error);

#endif
