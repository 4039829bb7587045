/* SPDX-License-Identifier: MIT */
#include "rpc.h"

#include "../lua/compat.h"
#include "../lua/options.h"
#include "../lua/value.h"
#include "../wire/walk.h"

#include <string.h>

/* ---- Reading ---- */

/* What is left of a message that is being taken apart. */
struct cursor {
    const uint8_t *data;
    size_t size;
};

static bool peek_head(struct cursor *at, struct check_head *head)
{
    return check_head(at->data, at->size, head) == 0;
}

static void skip(struct cursor *at, size_t count)
{
    at->data += count;
    at->size -= count;
}

/* The whole next value. */
static bool take_value(struct cursor *at, shoal_bytes *out)
{
    size_t used;
    if (check_value(at->data, at->size, CHECK_DEEPEST, &used) != 0)
        return false;
    *out = (shoal_bytes){at->data, used};
    skip(at, used);
    return true;
}

/* A whole number that is not negative, in any of the forms it may have. */
static bool take_uint32(struct cursor *at, uint32_t *out)
{
    struct check_head head;
    shoal_bytes value;
    if (!peek_head(at, &head) || !take_value(at, &value))
        return false;
    if (head.type != CHECK_UINT && head.type != CHECK_INT)
        return false;
    struct integer number = read_integer(&head, value.data + head.size);
    *out = (uint32_t)number.bits;
    return !number.negative && number.bits <= UINT32_MAX;
}

static bool take_string(struct cursor *at, shoal_bytes *out)
{
    struct check_head head;
    shoal_bytes value;
    if (!peek_head(at, &head) || head.type != CHECK_STR ||
        !take_value(at, &value))
        return false;
    *out = (shoal_bytes){value.data + head.size, value.size - head.size};
    return true;
}

static bool take_array(struct cursor *at, shoal_bytes *out)
{
    struct check_head head;
    return peek_head(at, &head) && head.type == CHECK_ARRAY &&
           take_value(at, out);
}

static bool read_body(struct cursor *at, uint64_t count,
                      struct rpc_message *out)
{
    switch (out->kind) {
    case RPC_REQUEST:
        return count == 4 && take_uint32(at, &out->id) &&
               take_string(at, &out->method) && take_array(at, &out->values[0]);
    case RPC_RESPONSE:
        return count == 4 && take_uint32(at, &out->id) &&
               take_value(at, &out->values[0]) &&
               take_value(at, &out->values[1]);
    case RPC_NOTIFICATION:
        return count == 3 && take_string(at, &out->method) &&
               take_array(at, &out->values[0]);
    }
    return false;
}

bool rpc_read(shoal_bytes bytes, struct rpc_message *out)
{
    struct cursor at = {bytes.data, bytes.size};
    struct check_head head;
    uint32_t kind;
    *out = (struct rpc_message){.id = 0};
    if (!peek_head(&at, &head) || head.type != CHECK_ARRAY)
        return false;
    skip(&at, head.size);
    if (!take_uint32(&at, &kind) || kind > RPC_NOTIFICATION)
        return false;
    out->kind = (enum rpc_kind)kind;
    return read_body(&at, head.count, out);
}

/* ---- Writing ---- */

enum {
    ARRAY_OF_3 = 0x93,
    ARRAY_OF_4 = 0x94,
    UINT32 = 0xce,
    STR16 = 0xda,
    NIL = 0xc0,
    MAX_TEXT = 500
};

/* The array, the kind and the id. */
static size_t write_head(uint8_t *out, enum rpc_kind kind, uint32_t id)
{
    out[0] = kind == RPC_NOTIFICATION ? ARRAY_OF_3 : ARRAY_OF_4;
    out[1] = (uint8_t)kind;
    if (kind == RPC_NOTIFICATION)
        return 2;
    out[2] = UINT32;
    for (int i = 0; i < 4; i++)
        out[3 + i] = (uint8_t)(id >> (24 - 8 * i));
    return 7;
}

size_t rpc_write_failure(uint8_t *out, uint32_t id, const char *text)
{
    size_t size = write_head(out, RPC_RESPONSE, id), length = strlen(text);
    if (length > MAX_TEXT)
        length = MAX_TEXT;
    out[size++] = STR16;
    out[size++] = (uint8_t)(length >> 8);
    out[size++] = (uint8_t)length;
    memcpy(out + size, text, length);
    size += length;
    out[size++] = NIL;
    return size;
}

static void push_head(lua_State *L, enum rpc_kind kind, uint32_t id)
{
    uint8_t head[7];
    size_t size = write_head(head, kind, id);
    lua_pushlstring(L, (const char *)head, size);
}

static void push_packed(lua_State *L, int index, const char *who,
                        const char *what)
{
    if (value_pack(L, index, what) != 0)
        luaL_error(L, "%s: %s", who, lua_tostring(L, -1));
}

/* A list, which an empty table is, too. */
static void push_params(lua_State *L, int index, const char *who)
{
    struct check_head head;
    size_t size;
    push_packed(L, index, who, "params");
    const char *bytes = lua_tolstring(L, -1, &size);
    if (check_head((const uint8_t *)bytes, size, &head) != 0 ||
        head.type != CHECK_ARRAY)
        luaL_error(L, "%s: params must be a list, got %s", who,
                   options_describe(L, index));
}

static void push_method(lua_State *L, int index, const char *who)
{
    if (lua_type(L, index) != LUA_TSTRING)
        luaL_error(L, "%s: method must be a string, got %s", who,
                   options_describe(L, index));
    push_packed(L, index, who, "method");
}

void rpc_push_request(lua_State *L, uint32_t id, int method, int params,
                      const char *who)
{
    push_head(L, RPC_REQUEST, id);
    push_method(L, method, who);
    push_params(L, params, who);
    lua_concat(L, 3);
}

void rpc_push_response(lua_State *L, uint32_t id, int error, int result,
                       const char *who)
{
    push_head(L, RPC_RESPONSE, id);
    push_packed(L, error, who, "error");
    push_packed(L, result, who, "result");
    lua_concat(L, 3);
}

void rpc_push_notification(lua_State *L, int method, int params,
                           const char *who)
{
    push_head(L, RPC_NOTIFICATION, 0);
    push_method(L, method, who);
    push_params(L, params, who);
    lua_concat(L, 3);
}
