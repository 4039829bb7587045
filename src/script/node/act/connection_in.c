/* SPDX-License-Identifier: MIT */
#include "connection_in.h"

#include <stdlib.h>
#include <string.h>

bool connection_in_add(struct connection_in *in, shoal_bytes bytes)
{
    size_t size = in->size + bytes.size;
    if (size > CONNECTION_IN_MAX)
        return false;
    if (size > in->capacity) {
        char *more = realloc(in->bytes, size * 2);
        if (!more)
            return false;
        in->bytes = more;
        in->capacity = size * 2;
    }
    memcpy(in->bytes + in->size, bytes.data, bytes.size);
    in->size = size;
    return true;
}

static const char *find_line_end(const struct connection_in *in)
{
    return in->size > 0 ? memchr(in->bytes, '\n', in->size) : NULL;
}

bool connection_in_has(const struct connection_in *in,
                       enum connection_read kind, size_t size, bool ended)
{
    if (ended)
        return true;
    if (kind == READ_LINE)
        return find_line_end(in) != NULL;
    return kind == READ_BYTES && in->size >= size;
}

static void drop(struct connection_in *in, size_t size)
{
    in->size -= size;
    memmove(in->bytes, in->bytes + size, in->size);
}

/* Without its end, which is LF or CR LF. */
static void push_line(lua_State *L, struct connection_in *in)
{
    const char *end = find_line_end(in);
    size_t size = end ? (size_t)(end - in->bytes) : in->size;
    size_t text = end && size > 0 && end[-1] == '\r' ? size - 1 : size;
    lua_pushlstring(L, in->bytes, text);
    drop(in, end ? size + 1 : size);
}

bool connection_in_push(lua_State *L, struct connection_in *in,
                        enum connection_read kind, size_t size)
{
    if (in->size == 0 && (kind == READ_LINE || (kind == READ_BYTES && size)))
        return false;
    if (kind == READ_LINE) {
        push_line(L, in);
        return true;
    }
    if (kind == READ_ALL || size > in->size)
        size = in->size;
    lua_pushlstring(L, in->bytes ? in->bytes : "", size);
    if (size > 0)
        drop(in, size);
    return true;
}

void connection_in_clear(struct connection_in *in)
{
    free(in->bytes);
    *in = (struct connection_in){0};
}
