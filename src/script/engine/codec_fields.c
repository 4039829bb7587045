/* SPDX-License-Identifier: MIT */
#include "codec_fields.h"

#include "../../wire/wire.h"

#include "../../lua/compat.h"
#include "../../lua/options.h"
#include "../../lua/value.h"
#include "view.h"

#include <string.h>

static const char *const kinds[] = {
#define KIND_NAME(NAME, value, name, ...) [value] = name,
    SHOAL_MESSAGES(KIND_NAME)
#undef KIND_NAME
        NULL,
};

/* ---- Tables out of structs ---- */

static void set_integer(lua_State *L, const char *name, unsigned value)
{
    lua_pushinteger(L, (lua_Integer)value);
    lua_setfield(L, -2, name);
}

static void set_true(lua_State *L, const char *name)
{
    lua_pushboolean(L, 1);
    lua_setfield(L, -2, name);
}

static void set_unless_zero(lua_State *L, const char *name, uint32_t value)
{
    if (value != 0)
        set_integer(L, name, value);
}

static void set_identity(lua_State *L, const char *name, shoal_bytes id)
{
    value_push_identity(L, id);
    lua_setfield(L, -2, name);
}

void fields_push_header(lua_State *L, const shoal_header *header)
{
    lua_createtable(L, 0, 6);
    lua_pushstring(L, shoal_message_name(header->kind));
    lua_setfield(L, -2, "kind");
    set_identity(L, "src", header->src);
    set_integer(L, "src_incarnation", header->src_incarnation);
    if (header->dst.size > 0)
        set_identity(L, "dst", header->dst);
    set_integer(L, "dst_hash", header->dst_hash);
    if (wire_has_number(header->kind))
        set_integer(L, "number", header->number);
    if (wire_has_peer(header->kind))
        set_identity(L, "peer", header->peer);
    if (header->has_digest) {
        lua_createtable(L, 0, 3);
        set_integer(L, "members", header->digest.members);
        set_integer(L, "sum", header->digest.sum);
        if (header->digest.without != 0)
            set_integer(L, "without", header->digest.without);
        if (header->digest.streams != 0)
            set_integer(L, "streams", header->digest.streams);
        lua_setfield(L, -2, "digest");
    }
    if (header->wants_nack)
        set_true(L, "wants_nack");
    if (header->no_tags)
        set_true(L, "no_tags");
    set_unless_zero(L, "cookie", header->cookie);
    set_unless_zero(L, "echo", header->echo);
    set_unless_zero(L, "padding", header->padding);
}

void fields_push_member(lua_State *L, const shoal_update *member)
{
    lua_createtable(L, 0, 3);
    set_identity(L, "id", member->id);
    set_integer(L, "incarnation", member->incarnation);
    lua_pushstring(L, shoal_state_name(member->state));
    lua_setfield(L, -2, "state");
    if (wire_has_from(member) && member->from.size > 0)
        set_identity(L, "from", member->from);
    if (member->no_tags)
        set_true(L, "no_tags");
    if (member->tags_version == 0)
        return;
    lua_pushnumber(L, (lua_Number)member->tags_version);
    lua_setfield(L, -2, "tags_version");
    if (member->tags_size > 0) {
        set_integer(L, "tags_size", member->tags_size);
        return;
    }
    lua_pushlstring(L, (const char *)member->tags.data, member->tags.size);
    lua_setfield(L, -2, "tags");
    if (member->tags_base == 0)
        return;
    lua_pushnumber(L, (lua_Number)member->tags_base);
    lua_setfield(L, -2, "tags_base");
    set_integer(L, "tags_prefix", member->tags_prefix);
    set_integer(L, "tags_suffix", member->tags_suffix);
}

/* ---- Structs out of tables ---- */

/* Reads the identity in a field and leaves its bytes as a string on the stack,
 * to which `*id` points. */
static void read_identity(lua_State *L, int index, const char *what,
                          const char *field, shoal_bytes *id)
{
    value_identity identity;
    int top = lua_gettop(L);

    options_get(L, index, field);
    lua_pushfstring(L, "%s.%s", what, field);
    if (value_to_identity(L, top + 1, lua_tostring(L, top + 2), &identity))
        lua_error(L);
    value_push_bytes(L, value_identity_bytes(&identity));
    lua_replace(L, top + 1);
    lua_settop(L, top + 1);
    id->data = (const uint8_t *)lua_tolstring(L, top + 1, &id->size);
}

static void read_digest(lua_State *L, int index, shoal_header *header)
{
    header->has_digest = options_get(L, index, "digest") == LUA_TTABLE;
    if (header->has_digest) {
        int at = lua_gettop(L);
        header->digest.members = (uint32_t)options_integer(
            L, at, "header.digest", "members", 0, UINT32_MAX, 0);
        header->digest.sum = (uint32_t)options_integer(L, at, "header.digest",
                                                       "sum", 0, UINT32_MAX, 0);
        header->digest.without = (uint8_t)options_integer(
            L, at, "header.digest", "without", 0, UINT8_MAX, 0);
        header->digest.streams = (uint32_t)options_integer(
            L, at, "header.digest", "streams", 0, UINT32_MAX, 0);
    } else if (!lua_isnil(L, -1))
        luaL_error(L, "header.digest must be a table, got %s",
                   options_describe(L, -1));
    lua_pop(L, 1);
}

/* Without a header.dst_hash it is that of header.dst. 0: not known, since only
 * the handlers know the address of such an identity. */
static uint32_t hash_of_receiver(const shoal_header *header)
{
    uint8_t room[SHOAL_MAX_IDENTITY];
    shoal_bytes addr, endpoint;

    if (header->kind != SHOAL_MSG_ANNOUNCE)
        return wire_hash(header->dst);
    return shoal_stock_identity().addr(NULL, header->dst, room, &addr,
                                       &endpoint) == 0
               ? wire_hash(addr)
               : 0;
}

/* One of the two is enough. Leaves a value on the stack, as read_identity(). */
static void read_dst(lua_State *L, int index, shoal_header *header)
{
    bool has_hash = options_get(L, index, "dst_hash") != LUA_TNIL;
    bool has_dst = options_get(L, index, "dst") != LUA_TNIL;

    lua_pop(L, 2);
    if (has_dst || !has_hash)
        read_identity(L, index, "header", "dst", &header->dst);
    else
        lua_pushnil(L);
    header->dst_hash =
        has_hash ? (uint32_t)options_integer(L, index, "header", "dst_hash", 0,
                                             UINT32_MAX, 0)
                 : hash_of_receiver(header);
}

void fields_read_header(lua_State *L, int index, shoal_header *header)
{
    memset(header, 0, sizeof *header);
    if (!lua_istable(L, index))
        luaL_error(L, "a header must be a table, got %s",
                   options_describe(L, index));
    header->kind =
        (uint8_t)options_choice(L, index, "header", "kind", kinds, -1);
    header->src_incarnation = (uint16_t)options_integer(
        L, index, "header", "src_incarnation", 0, SHOAL_MAX_INCARNATION, 0);
    header->number =
        (uint8_t)options_integer(L, index, "header", "number", 0, UINT8_MAX, 0);
    read_identity(L, index, "header", "src", &header->src);
    read_dst(L, index, header);
    if (wire_has_peer(header->kind))
        read_identity(L, index, "header", "peer", &header->peer);
    else
        lua_pushnil(L);
    header->wants_nack =
        options_boolean(L, index, "header", "wants_nack", false);
    header->no_tags = options_boolean(L, index, "header", "no_tags", false);
    read_digest(L, index, header);
    header->cookie = (uint32_t)options_integer(L, index, "header", "cookie", 0,
                                               UINT32_MAX, 0);
    header->echo =
        (uint32_t)options_integer(L, index, "header", "echo", 0, UINT32_MAX, 0);
    header->padding = (uint16_t)options_integer(L, index, "header", "padding",
                                                0, UINT16_MAX, 0);
}

/* Leaves their bytes on the stack, or nil. */
static void read_tags(lua_State *L, int index, shoal_update *member)
{
    member->no_tags = options_boolean(L, index, "member", "no_tags", false);
    member->tags_version = (uint64_t)options_integer(
        L, index, "member", "tags_version", 0, WIRE_MAX_VERSION, 0);
    member->tags_size = (uint16_t)options_integer(
        L, index, "member", "tags_size", 0, SHOAL_MAX_TAGS, 0);
    member->tags_base = (uint64_t)options_integer(
        L, index, "member", "tags_base", 0, WIRE_MAX_VERSION, 0);
    member->tags_prefix = (uint16_t)options_integer(
        L, index, "member", "tags_prefix", 0, SHOAL_MAX_TAGS, 0);
    member->tags_suffix = (uint16_t)options_integer(
        L, index, "member", "tags_suffix", 0, SHOAL_MAX_TAGS, 0);
    if (options_get(L, index, "tags") == LUA_TSTRING)
        member->tags.data =
            (const uint8_t *)lua_tolstring(L, -1, &member->tags.size);
    else if (!lua_isnil(L, -1))
        luaL_error(L, "member.tags must be a string, got %s",
                   options_describe(L, -1));
}

void fields_read_member(lua_State *L, int index, shoal_update *member)
{
    memset(member, 0, sizeof *member);
    if (!lua_istable(L, index))
        luaL_error(L, "a member must be a table, got %s",
                   options_describe(L, index));
    member->state =
        (uint8_t)options_choice(L, index, "member", "state", view_states, -1);
    member->incarnation = (uint16_t)options_integer(
        L, index, "member", "incarnation", 0, SHOAL_MAX_INCARNATION, 0);
    read_identity(L, index, "member", "id", &member->id);
    if (options_get(L, index, "from") == LUA_TNIL || !wire_has_from(member)) {
        lua_pop(L, 1);
        lua_pushnil(L);
    } else {
        lua_pop(L, 1);
        read_identity(L, index, "member", "from", &member->from);
    }
    read_tags(L, index, member);
}
