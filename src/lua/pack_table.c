/* SPDX-License-Identifier: MIT */
/*
 * Tables into canonical MessagePack. A map is written in the order in which
 * lua_next() walks the table, with a note of where each entry is, and its
 * entries are then put in order: nothing is encoded twice, and for small maps
 * nothing is allocated.
 */
#include "../base/bytes.h"
#include "packer.h"

#include "compat.h"

#include <msgpack/pack.h>
#include <stdlib.h>
#include <string.h>

enum {
    SMALL_MAP = 16,  /* entries noted without an allocation */
    SMALL_BODY = 512 /* bytes put in order without one */
};

/* An entry of a map: its key, and key and value together. While the map is
 * being written `at` is kept as an offset, since the buffer may move. */
struct pack_entry {
    size_t offset, key_size, size;
    const uint8_t *at;
};

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
    struct packer_head head = {.size = 0};
    msgpack_packer packer;

    if (count > UINT32_MAX)
        return packer_refuse(p, "%s: cannot carry a %s of 2^32 entries",
                             "table");
    msgpack_packer_init(&packer, &head, packer_write_head);
    if (is_array)
        msgpack_pack_array(&packer, count);
    else
        msgpack_pack_map(&packer, count);
    return packer_put(p, head.bytes, head.size);
}

/* The value on top of the stack, with its key below it. Pops the value. */
static int pack_entry_value(struct packer *p)
{
    int top = lua_gettop(p->L);
    int error;

    p->keys[p->depth++] = top - 1;
    error = packer_value(p, top);
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
    const struct pack_entry *a = left, *b = right;

    return bytes_compare(bytes_of(a->at, a->key_size),
                         bytes_of(b->at, b->key_size));
}

/* Puts the entries, which are the last bytes written, in the order of their
 * keys. May leave a block on the stack. */
static void sort_entries(struct packer *p, struct pack_entry *entries,
                         size_t count)
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
        return packer_value(p, top);
    return packer_refuse(p, "%s: cannot carry a %s as a key",
                         lua_typename(p->L, type));
}

/* Key and value are on the stack; leaves the key for lua_next(). */
static int pack_entry(struct packer *p, struct pack_entry *entry)
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
    struct pack_entry small[SMALL_MAP], *entries = small;
    size_t done = 0;

    if (count > SMALL_MAP)
        entries = compat_newblock(p->L, count * sizeof *entries);
    lua_pushnil(p->L);
    while (lua_next(p->L, index)) {
        int error;

        if (done == count) /* a finalizer that ran meanwhile changed it */
            return packer_refuse(p, "%s: the %s changed meanwhile", "table");
        error = pack_entry(p, &entries[done++]);
        if (error)
            return error;
    }
    if (done < count)
        return packer_refuse(p, "%s: the %s changed meanwhile", "table");
    sort_entries(p, entries, count);
    return 0;
}

int packer_table(struct packer *p, int index)
{
    bool is_array;
    size_t count;
    int error;

    if (p->depth >= p->max_depth) {
        p->depth = 0; /* a path of that length would help nobody */
        lua_pushfstring(p->L, "%s: tables are nested more than %d deep",
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
