/* SPDX-License-Identifier: MIT */
#include "connection_in.h"

#include <string.h>

/* Above the limit: what comes with the last bytes that somebody waits for. */
enum { SURPLUS = 64 * 1024 };

bool connection_in_add(struct buffer *in, shoal_bytes bytes)
{
    return buffer_size(in) < CONNECTION_IN_MAX &&
           buffer_add(in, bytes, CONNECTION_IN_MAX + SURPLUS);
}

static const uint8_t *find_line_end(shoal_bytes in)
{
    return in.size > 0 ? memchr(in.data, '\n', in.size) : NULL;
}

bool connection_in_has(const struct buffer *in, enum connection_read kind,
                       size_t size, bool ended)
{
    if (ended)
        return true;
    if (kind == READ_LINE)
        return find_line_end(buffer_bytes(in)) != NULL;
    return kind == READ_BYTES && buffer_size(in) >= size;
}

/* Takes `size` bytes, and pushes the first `shown` of them. */
static void push(lua_State *L, struct buffer *in, size_t size, size_t shown)
{
    shoal_bytes all = buffer_bytes(in);
    lua_pushlstring(L, all.data ? (const char *)all.data : "", shown);
    buffer_take(in, size);
}

/* Without its end, which is LF or CR LF. */
static void push_line(lua_State *L, struct buffer *in)
{
    shoal_bytes all = buffer_bytes(in);
    const uint8_t *end = find_line_end(all);
    size_t size = end ? (size_t)(end - all.data) : all.size;
    size_t text = end && size > 0 && end[-1] == '\r' ? size - 1 : size;
    push(L, in, end ? size + 1 : size, text);
}

bool connection_in_push(lua_State *L, struct buffer *in,
                        enum connection_read kind, size_t size)
{
    size_t there = buffer_size(in);
    if (there == 0 && (kind == READ_LINE || (kind == READ_BYTES && size)))
        return false;
    if (kind == READ_LINE) {
        push_line(L, in);
        return true;
    }
    if (kind == READ_ALL || size > there)
        size = there;
    push(L, in, size, size);
    return true;
}
