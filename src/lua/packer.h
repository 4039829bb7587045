/* SPDX-License-Identifier: MIT */
/*
 * A value being packed: what pack.c (bytes, scalars) and pack_table.c (arrays,
 * maps) share. Each function returns 0, or an error with a message on top of
 * the stack; what is below it is cleared away in the end.
 */
#ifndef SHOAL_LUA_PACKER_H
#define SHOAL_LUA_PACKER_H

#include "value.h"

struct packer {
    lua_State *L;
    const char *name; /* of the whole value, for messages */
    uint8_t *data;
    size_t size, room;
    int box; /* stack index for a userdata that data is moved to when it grows;
                0: it is the caller's and does not */
    bool exact; /* integers that may have lost bits are refused */
    int depth, max_depth;
    int keys[VALUE_MAX_DEPTH]; /* stack indices of the keys that lead here */
};

/* What msgpack-c writes at once: a number, or the head of something. */
struct packer_head {
    char bytes[16];
    size_t size;
};

/* A msgpack_packer_write for it. */
int packer_write_head(void *context, const char *data, size_t size);

int packer_put(struct packer *p, const void *data, size_t size);

/* Pushes a message: `problem` has %s for the path, and may have one for
 * `what`. */
int packer_refuse(struct packer *p, const char *problem, const char *what);

int packer_value(struct packer *p, int index);
int packer_table(struct packer *p, int index);

#endif
