/* SPDX-License-Identifier: MIT */
/*
 * Lua values into canonical MessagePack.
 *
 * A map is written in the order in which lua_next() walks the table, with a
 * note of where each entry is, and its entries are then put in order: nothing
 * is encoded twice, and for small maps nothing is allocated.
 *
 * Each function returns 0, or an error with a message on top of the stack; what
 * is below it is cleared away by finish().
 */
#include "value.h"

#include "compat.h"
#include "options.h"

#include <msgpack/pack.h>
#include <stdlib.h>
#include <string.h>

enum {
    SMALL_MAP = 16,   /* entries noted without an allocation */
    SMALL_BODY = 512, /* bytes put in order without one */
    FIRST_ROOM = 256
};

struct packer {
    lua_State *L;
    const char *name; /* of the whole value, for messages */
    uint8_t *data;
    size_t size, room;
    int box; /* stack index of the userdata that data is in; 0: the caller's */
    int depth, max_depth;
    int keys[VALUE_MAX_DEPTH]; /* stack indices of the keys that lead here */
};

/* An entry of a map: its key, and key and value together. While the map is
 * being written `at` is kept as an offset, since the buffer may move. */
struct entry {
    size_t offset, key_size, size;
    const uint8_t *at;
};

/* ---- Messages ---- */

/* Pushes "name.a.b[3]". */
static void push_path(struct packer *p)
{
    lua_State *L = p->L;

    lua_pushstring(L, p->name);
    for (int i = 0; i < p->depth; i++) {
        if (lua_type(L, p->keys[i]) == LUA_TSTRING) {
            lua_pushfstring(L, ".%s", lua_tostring(L, p->keys[i]));
        } else {
            options_describe(L, p->keys[i]);
            lua_pushfstring(L, "[%s]", lua_tostring(L, -1));
            lua_remove(L, -2);
        }
        lua_concat(L, 2);
    }
}

static int refuse(struct packer *p, const char *problem, const char *what)
{
    push_path(p);
    lua_pushfstring(p->L, problem, lua_tostring(p->L, -1), what);
    return SHOAL_ERR_MALFORMED;
}

/* ---- Bytes ---- */

static int grow(struct packer *p, size_t size)
{
    size_t room = p->room * 2;
    uint8_t *data;

    if (!p->box) {
        lua_pushfstring(p->L, "%s: takes more than %d bytes", p->name,
                        (int)p->room);
        return SHOAL_ERR_TOO_BIG;
    }
    while (room < p->size + size)
        room *= 2;
    data = compat_newblock(p->L, room);
    memcpy(data, p->data, p->size);
    lua_replace(p->L, p->box);
    p->data = data;
    p->room = room;
    return 0;
}

static int put(struct packer *p, const void *data, size_t size)
{
    if (size > p->room - p->size) {
        int error = grow(p, size);

        if (error)
            return error;
    }
    if (size > 0)
        memcpy(p->data + p->size, data, size);
    p->size += size;
    return 0;
}

/* What msgpack-c writes at once: a number, or the head of something. */
struct head {
    char bytes[16];
    size_t size;
};

static int write_head(void *context, const char *data, size_t size)
{
    struct head *head = context;

    if (size > sizeof head->bytes - head->size)
        return -1;
    memcpy(head->bytes + head->size, data, size);
    head->size += size;
    return 0;
}

/* ---- Scalars ---- */

static void pack_float(msgpack_packer *packer, double number)
{
    static const char nan[] = "\xcb\x7f\xf8\0\0\0\0\0";

    if (number != number)
        write_head(packer->data, nan, sizeof nan);
    else
        msgpack_pack_double(packer, number);
}

/* 2^63 and 2^64 are doubles; the largest integers below them are not. */
static void pack_double(msgpack_packer *packer, double number)
{
    const double two63 = 9223372036854775808.0;

    if (number >= -two63 && number < 0 && (double)(int64_t)number == number)
        msgpack_pack_int64(packer, (int64_t)number);
    else if (number >= 0 && number < 2 * two63 &&
             (double)(uint64_t)number == number)
        msgpack_pack_uint64(packer, (uint64_t)number);
    else
        pack_float(packer, number);
}

static int pack_number(struct packer *p, int index)
{
    struct head head = {.size = 0};
    msgpack_packer packer;

    msgpack_packer_init(&packer, &head, write_head);
    if (compat_is_integer(p->L, index))
        msgpack_pack_int64(&packer, (int64_t)lua_tointeger(p->L, index));
    else
        pack_double(&packer, lua_tonumber(p->L, index));
    return put(p, head.bytes, head.size);
}

static int pack_string(struct packer *p, int index)
{
    struct head head = {.size = 0};
    msgpack_packer packer;
    size_t size;
    const char *string = lua_tolstring(p->L, index, &size);
    int error;

    if (size > UINT32_MAX)
        return refuse(p, "%s: cannot carry a %s of 4 GiB", "string");
    msgpack_packer_init(&packer, &head, write_head);
    msgpack_pack_str(&packer, size);
    error = put(p, head.bytes, head.size);
    return error ? error : put(p, string, size);
}

static int pack_constant(struct packer *p, uint8_t byte)
{
    return put(p, &byte, 1);
}

/* ---- Tables ---- */

static int pack_value(struct packer *p, int index);

/* How many entries a table has, and whether its keys are exactly 1..n. */
static size_t measure(lua_State *L, int index, bool *is_array)
{
    lua_Number greatest = 0;
    size_t count = 0;

    *is_array = true;
    lua_pushnil(L);
    while (lua_next(L, index)) {
        lua_Number key = 0;

        lua_pop(L, 1);
        count++;
        if (lua_type(L, -1) == LUA_TNUMBER)
            key = lua_tonumber(L, -1);
        if (key < 1 || key > 4294967295.0 || (lua_Number)(uint32_t)key != key)
            *is_array = false;
        if (key > greatest)
            greatest = key;
    }
    if (greatest != (lua_Number)count)
        *is_array = false;
    return count;
}

static int pack_table_head(struct packer *p, size_t count, bool is_array)
{
    struct head head = {.size = 0};
    msgpack_packer packer;

    if (count > UINT32_MAX)
        return refuse(p, "%s: cannot carry a %s of 2^32 entries", "table");
    msgpack_packer_init(&packer, &head, write_head);
    if (is_array)
        msgpack_pack_array(&packer, count);
    else
        msgpack_pack_map(&packer, count);
    return put(p, head.bytes, head.size);
}

/* The value on top of the stack, with its key below it. Pops the value. */
static int pack_entry_value(struct packer *p)
{
    int top = lua_gettop(p->L);
    int error;

    p->keys[p->depth++] = top - 1;
    error = pack_value(p, top);
    if (error)
        return error;
    p->depth--;
    lua_settop(p->L, top - 1);
    return 0;
}

static int pack_array(struct packer *p, int index, size_t count)
{
    int error = 0;

    for (size_t i = 1; i <= count && !error; i++) {
        lua_pushinteger(p->L, (lua_Integer)i);
        lua_pushvalue(p->L, -1);
        lua_rawget(p->L, index);
        error = pack_entry_value(p);
        if (!error)
            lua_pop(p->L, 1);
    }
    return error;
}

static int compare(const void *left, const void *right)
{
    const struct entry *a = left, *b = right;
    size_t shorter = a->key_size < b->key_size ? a->key_size : b->key_size;
    int order = memcmp(a->at, b->at, shorter);

    if (order != 0)
        return order;
    return a->key_size < b->key_size ? -1 : a->key_size > b->key_size;
}

/* Puts the entries, which are the last bytes written, in the order of their
 * keys. May leave a block on the stack. */
static void sort_entries(struct packer *p, struct entry *entries, size_t count)
{
    uint8_t small[SMALL_BODY], *copy = small;
    size_t start = entries[0].offset, size = p->size - start;
    uint8_t *out = p->data + start;

    if (size > sizeof small)
        copy = compat_newblock(p->L, size);
    memcpy(copy, out, size);
    for (size_t i = 0; i < count; i++)
        entries[i].at = copy + (entries[i].offset - start);
    qsort(entries, count, sizeof *entries, compare);
    for (size_t i = 0; i < count; i++) {
        memcpy(out, entries[i].at, entries[i].size);
        out += entries[i].size;
    }
}

/* The key on top of the stack, left there. */
static int pack_key(struct packer *p)
{
    int top = lua_gettop(p->L);
    int type = lua_type(p->L, top);

    if (type == LUA_TSTRING || type == LUA_TNUMBER || type == LUA_TBOOLEAN)
        return pack_value(p, top);
    return refuse(p, "%s: cannot carry a %s as a key",
                  lua_typename(p->L, type));
}

/* Key and value are on the stack; leaves the key for lua_next(). */
static int pack_entry(struct packer *p, struct entry *entry)
{
    int top = lua_gettop(p->L), error;

    entry->offset = p->size;
    lua_pushvalue(p->L, top - 1);
    error = pack_key(p);
    if (error)
        return error;
    lua_settop(p->L, top);
    entry->key_size = p->size - entry->offset;
    error = pack_entry_value(p);
    entry->size = p->size - entry->offset;
    return error;
}

static int pack_map(struct packer *p, int index, size_t count)
{
    struct entry small[SMALL_MAP], *entries = small;
    size_t done = 0;

    if (count > SMALL_MAP)
        entries = compat_newblock(p->L, count * sizeof *entries);
    lua_pushnil(p->L);
    while (lua_next(p->L, index)) {
        int error;

        if (done == count) /* a finalizer that ran meanwhile changed it */
            return refuse(p, "%s: the %s changed meanwhile", "table");
        error = pack_entry(p, &entries[done++]);
        if (error)
            return error;
    }
    if (done < count)
        return refuse(p, "%s: the %s changed meanwhile", "table");
    sort_entries(p, entries, count);
    return 0;
}

static int pack_table(struct packer *p, int index)
{
    bool is_array;
    size_t count;
    int error;

    if (p->depth >= p->max_depth) {
        p->depth = 0; /* a path of that length would help nobody */
        lua_pushfstring(p->L, "%s: has more than %d tables inside each other",
                        p->name, p->max_depth);
        return SHOAL_ERR_MALFORMED;
    }
    luaL_checkstack(p->L, 12, "cannot pack a table");
    count = measure(p->L, index, &is_array);
    error = pack_table_head(p, count, is_array);
    if (error || count == 0)
        return error;
    return is_array ? pack_array(p, index, count) : pack_map(p, index, count);
}

static int pack_value(struct packer *p, int index)
{
    int type = lua_type(p->L, index);

    switch (type) {
    case LUA_TNIL:
        return pack_constant(p, 0xc0);
    case LUA_TBOOLEAN:
        return pack_constant(p, lua_toboolean(p->L, index) ? 0xc3 : 0xc2);
    case LUA_TNUMBER:
        return pack_number(p, index);
    case LUA_TSTRING:
        return pack_string(p, index);
    case LUA_TTABLE:
        return pack_table(p, index);
    default:
        return refuse(p, "%s: cannot carry a %s", lua_typename(p->L, type));
    }
}

/* ---- The two ways in ---- */

/* Leaves only the message, when there is one, above `top`. */
static int finish(struct packer *p, int error, int top)
{
    if (error) {
        lua_insert(p->L, top + 1);
        top++;
    }
    lua_settop(p->L, top);
    return error;
}

int value_pack(lua_State *L, int index, const char *name)
{
    struct packer packer = {.L = L, .name = name, .room = FIRST_ROOM};
    int top = lua_gettop(L), error;

    index = lua_absindex(L, index);
    luaL_checkstack(L, 12, "cannot pack a value");
    packer.data = compat_newblock(L, packer.room);
    packer.box = top + 1;
    packer.max_depth = VALUE_MAX_DEPTH;
    error = pack_value(&packer, index);
    if (error)
        return finish(&packer, error, top);
    lua_pushlstring(L, (const char *)packer.data, packer.size);
    lua_replace(L, packer.box);
    lua_settop(L, packer.box);
    return 0;
}

int value_pack_into(lua_State *L, int index, const char *name, uint8_t *out,
                    size_t room, size_t *size)
{
    struct packer packer = {.L = L, .name = name, .data = out, .room = room};
    int top = lua_gettop(L), error;

    luaL_checkstack(L, 12, "cannot pack a value");
    packer.max_depth = VALUE_IDENTITY_DEPTH;
    error = pack_value(&packer, lua_absindex(L, index));
    *size = packer.size;
    return finish(&packer, error, top);
}
