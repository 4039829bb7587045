/* SPDX-License-Identifier: MIT */
#include "codec.h"

#include "../../base/error.h"
#include "../../lua/compat.h"
#include "../../lua/options.h"
#include "../../lua/result.h"
#include "../../lua/value.h"
#include "../../wire/wire.h"
#include "answers.h"
#include "codec_fields.h"
#include "view.h"

#include <stdio.h>
#include <string.h>

enum { MAX_HEADER = 4 * SHOAL_MAX_IDENTITY }; /* of the default codec */

/* ---- A codec in Lua ---- */

struct transcoding {
    questions *q;
    const shoal_header *header; /* to encode */
    const shoal_update *member;
    shoal_bytes bytes; /* to decode */
    shoal_header *header_out;
    shoal_update *member_out;
    uint8_t *out; /* for what was encoded */
    size_t room;
    size_t *size;
    int error; /* what the function itself said was wrong */
};

/* STACK: answers, function, table -> answers, ... */
static void encode(lua_State *L, struct transcoding *t)
{
    const char *bytes;
    size_t size;

    answers_invoke(t->q, L, 1);
    if (lua_type(L, -1) != LUA_TSTRING)
        luaL_error(L, "must return a string, got %s", options_describe(L, -1));
    bytes = lua_tolstring(L, -1, &size);
    if (size > t->room) {
        t->error = SHOAL_ERR_TOO_BIG;
        return;
    }
    memcpy(t->out, bytes, size);
    *t->size = size;
}

static void run_encode_header(lua_State *L, void *context)
{
    struct transcoding *t = context;

    answers_begin(t->q, L, QUESTION_ENCODE_HEADER);
    fields_push_header(L, t->header);
    encode(L, t);
}

static void run_encode_member(lua_State *L, void *context)
{
    struct transcoding *t = context;

    answers_begin(t->q, L, QUESTION_ENCODE_MEMBER);
    fields_push_member(L, t->member);
    encode(L, t);
}

/* The second result, at `index`. */
static size_t read_used(lua_State *L, int index, size_t available)
{
    double used = lua_tonumber(L, index);

    if (lua_type(L, index) != LUA_TNUMBER ||
        !(used >= 1 && used <= (double)available) ||
        (double)(size_t)used != used)
        luaL_error(L, "must return how many bytes it took, 1 to %d, got %s",
                   (int)available, options_describe(L, index));
    return (size_t)used;
}

/* Keeps the packet's identities until the next packet. The first is number 1;
 * a long list is not kept for the packets that follow. */
static void keep_identity(lua_State *L, questions *q, int index)
{
    enum { REUSED = 64 };

    lua_rawgeti(L, 1, ANSWERS_IDS);
    if (lua_isnil(L, -1) || (q->decoded == 0 && lua_rawlen(L, -1) > REUSED)) {
        lua_pop(L, 1);
        lua_newtable(L);
        lua_pushvalue(L, -1);
        lua_rawseti(L, 1, ANSWERS_IDS);
    }
    lua_pushvalue(L, index);
    lua_rawseti(L, -2, ++q->decoded);
    lua_pop(L, 1);
}

/* It said nil, message: that is no fault of it, but of what it was given.
 * STACK: ..., nil, message, code */
static bool is_refused(lua_State *L, struct transcoding *t)
{
    const char *code;

    if (!lua_isnil(L, -3) || lua_type(L, -2) != LUA_TSTRING)
        return false;
    code = lua_tostring(L, -1);
    t->error = code && strcmp(code, "unsupported") == 0 ? SHOAL_ERR_UNSUPPORTED
                                                        : SHOAL_ERR_MALFORMED;
    error_fail(&t->q->error, "%s", lua_tostring(L, -2));
    return true;
}

/* STACK: answers, decode_header -> ..., header, used, code; false: refused */
static bool decode(lua_State *L, struct transcoding *t, int nargs)
{
    protected_invoke(t->q->caller, L, nargs, 3);
    return !is_refused(L, t);
}

static void keep_packet(lua_State *L, questions *q, shoal_bytes packet)
{
    value_push_bytes(L, packet);
    lua_pushvalue(L, -1);
    lua_rawseti(L, 1, ANSWERS_PACKET);
    q->decoded = 0;
}

static void run_decode_header(lua_State *L, void *context)
{
    struct transcoding *t = context;
    shoal_header header;

    answers_begin(t->q, L, QUESTION_DECODE_HEADER);
    keep_packet(L, t->q, t->bytes);
    if (!decode(L, t, 1))
        return;
    *t->size = read_used(L, 3, t->bytes.size);
    fields_read_header(L, 2, &header);
    for (int i = 0; i < 3; i++)
        keep_identity(L, t->q, 5 + i);
    *t->header_out = header;
}

/* Pushes the packet and where in it `bytes` begin. They are the end of the
 * packet whose header was decoded last; should they not be, they are a packet
 * of their own. */
static void push_place(lua_State *L, shoal_bytes bytes)
{
    const char *packet;
    size_t size;

    lua_rawgeti(L, 1, ANSWERS_PACKET);
    packet = lua_tolstring(L, -1, &size);
    if (packet && bytes.size <= size &&
        memcmp(packet + size - bytes.size, bytes.data, bytes.size) == 0) {
        lua_pushinteger(L, (lua_Integer)(size - bytes.size + 1));
        return;
    }
    lua_pop(L, 1);
    value_push_bytes(L, bytes);
    lua_pushvalue(L, -1);
    lua_rawseti(L, 1, ANSWERS_PACKET);
    lua_pushinteger(L, 1);
}

static void run_decode_member(lua_State *L, void *context)
{
    struct transcoding *t = context;
    shoal_update member;

    answers_begin(t->q, L, QUESTION_DECODE_MEMBER);
    push_place(L, t->bytes);
    if (!decode(L, t, 2))
        return;
    *t->size = read_used(L, 3, t->bytes.size);
    fields_read_member(L, 2, &member);
    keep_identity(L, t->q, 5);
    keep_identity(L, t->q, 6);
    keep_identity(L, t->q, 7);
    *t->member_out = member;
}

static int ask(struct transcoding *t, question_id which, protected_fn *fn)
{
    int error = answers_ask(t->q, which, fn, t);

    if (error)
        return error == SHOAL_ERR_NOMEM ? error : SHOAL_ERR_CODEC;
    return t->error;
}

static int ask_encode_header(void *context, const shoal_header *header,
                             uint8_t *out, size_t room, size_t *size)
{
    struct transcoding t = {
        .q = context, .header = header, .out = out, .room = room, .size = size};

    return ask(&t, QUESTION_ENCODE_HEADER, run_encode_header);
}

static int ask_encode_member(void *context, const shoal_update *member,
                             uint8_t *out, size_t room, size_t *size)
{
    struct transcoding t = {
        .q = context, .member = member, .out = out, .room = room, .size = size};

    return ask(&t, QUESTION_ENCODE_MEMBER, run_encode_member);
}

static int ask_decode_header(void *context, shoal_bytes packet,
                             shoal_header *out, size_t *used)
{
    struct transcoding t = {
        .q = context, .bytes = packet, .header_out = out, .size = used};

    return ask(&t, QUESTION_DECODE_HEADER, run_decode_header);
}

static int ask_decode_member(void *context, shoal_bytes bytes,
                             shoal_update *out, size_t *used)
{
    struct transcoding t = {
        .q = context, .bytes = bytes, .member_out = out, .size = used};

    return ask(&t, QUESTION_DECODE_MEMBER, run_decode_member);
}

static const char *last_error(void *context)
{
    return ((questions *)context)->error.text;
}

shoal_codec codec_questions(questions *q)
{
    return (shoal_codec){
        .context = q,
        .encode_header = ask_encode_header,
        .decode_header = ask_decode_header,
        .encode_member = ask_encode_member,
        .decode_member = ask_decode_member,
        .error_detail = last_error,
        .lifeguard = q->lifeguard,
    };
}

/* ---- The default codec for Lua ---- */

static int push_encoded(lua_State *L, int error, const uint8_t *out,
                        size_t size)
{
    if (error)
        return result_error(L, error, NULL);
    lua_pushlstring(L, (const char *)out, size);
    return 1;
}

/* encode_header(header) -> bytes | nil, message, code */
static int encode_header(lua_State *L)
{
    shoal_codec codec = shoal_default_codec();
    uint8_t out[MAX_HEADER];
    shoal_header header;
    size_t size = 0;
    int error;

    fields_read_header(L, 1, &header);
    if (header.kind == SHOAL_MSG_ANNOUNCE && header.dst_hash == 0 &&
        options_get(L, 1, "dst_hash") == LUA_TNIL)
        return luaL_error(L, "header.dst_hash: must be given in an announce "
                             "to an identity that is not the stock one");
    error = codec.encode_header(codec.context, &header, out, sizeof out, &size);
    return push_encoded(L, error, out, size);
}

/* encode_member(member) -> bytes | nil, message, code */
static int encode_member(lua_State *L)
{
    shoal_codec codec = shoal_default_codec();
    uint8_t out[MAX_HEADER + SHOAL_MAX_TAGS];
    shoal_update member;
    size_t size = 0;
    int error;

    fields_read_member(L, 1, &member);
    error = codec.encode_member(codec.context, &member, out, sizeof out, &size);
    return push_encoded(L, error, out, size);
}

/* decode_header(packet) -> header, used | nil, message, code */
static int decode_header(lua_State *L)
{
    shoal_codec codec = shoal_default_codec();
    shoal_header header;
    shoal_bytes packet;
    size_t used;
    int error;

    packet.data = (const uint8_t *)luaL_checklstring(L, 1, &packet.size);
    error = codec.decode_header(codec.context, packet, &header, &used);
    if (error)
        return result_error(L, error, NULL);
    fields_push_header(L, &header);
    lua_pushinteger(L, (lua_Integer)used);
    return 2;
}

/* decode_member(packet[, from]) -> member, used | nil, message, code */
static int decode_member(lua_State *L)
{
    shoal_codec codec = shoal_default_codec();
    shoal_update member;
    shoal_bytes packet;
    size_t used;
    double from;
    int error;

    packet.data = (const uint8_t *)luaL_checklstring(L, 1, &packet.size);
    from = luaL_optnumber(L, 2, 1);
    if (!(from >= 1 && from <= (double)packet.size + 1))
        return luaL_argerror(L, 2, "is not a place in the packet");
    packet.data += (size_t)from - 1;
    packet.size -= (size_t)from - 1;
    error = codec.decode_member(codec.context, packet, &member, &used);
    if (error)
        return result_error(L, error, NULL);
    fields_push_member(L, &member);
    lua_pushinteger(L, (lua_Integer)used);
    return 2;
}

/* hash_identity(id) -> header.dst_hash of a packet to it */
static int hash_identity(lua_State *L)
{
    value_identity id;

    if (value_to_identity(L, 1, "identity", &id))
        return lua_error(L);
    lua_pushinteger(L, (lua_Integer)wire_hash(value_identity_bytes(&id)));
    return 1;
}

/* hash_address(addr) -> header.dst_hash of an announce to it */
static int hash_address(lua_State *L)
{
    shoal_bytes addr;

    if (value_to_addr(L, 1, "address"))
        return lua_error(L);
    addr.data = (const uint8_t *)lua_tolstring(L, -1, &addr.size);
    lua_pushinteger(L, (lua_Integer)wire_hash(addr));
    return 1;
}

void codec_register(lua_State *L)
{
    static const luaL_Reg functions[] = {
        {"encode_header", encode_header},
        {"decode_header", decode_header},
        {"encode_member", encode_member},
        {"decode_member", decode_member},
        {NULL, NULL},
    };
    static const luaL_Reg hashes[] = {
        {"hash_identity", hash_identity},
        {"hash_address", hash_address},
        {NULL, NULL},
    };

    lua_newtable(L);
    luaL_setfuncs(L, functions, 0);
    lua_setfield(L, -2, "codec");
    luaL_setfuncs(L, hashes, 0);
}
