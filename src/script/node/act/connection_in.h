/* SPDX-License-Identifier: MIT */
/* What a connection has received and nobody has read yet. */
#ifndef SHOAL_SCRIPT_NODE_ACT_CONNECTION_IN_H
#define SHOAL_SCRIPT_NODE_ACT_CONNECTION_IN_H

#include "../../../base/buffer.h"

#include <lua.h>

enum { CONNECTION_IN_MAX = 16 * 1024 * 1024 }; /* bytes that may wait */

enum connection_read { READ_BYTES, READ_LINE, READ_ALL };

/* Copies it to the end. false: no memory, or too much. */
bool connection_in_add(struct buffer *in, shoal_bytes bytes);
/* Is there what a read of that kind (and size) wants? `ended`: nothing more
 * comes. */
bool connection_in_has(const struct buffer *in, enum connection_read kind,
                       size_t size, bool ended);
/* Takes it out and pushes it; pushes nothing and is false: there was nothing.
 * May raise; then it is lost. */
bool connection_in_push(lua_State *L, struct buffer *in,
                        enum connection_read kind, size_t size);

#endif
