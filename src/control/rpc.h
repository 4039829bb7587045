/* SPDX-License-Identifier: MIT */
/*
 * MessagePack-RPC messages, as the published spec has them:
 *
 *   request       [0, id, method, params]
 *   response      [1, id, error, result]
 *   notification  [2, method, params]
 *
 * id is a uint32, method a string, params an array; error and result any value,
 * nil when there is none. (A Lua list has no nil in it, so these are not made
 * of Lua tables.)
 */
#ifndef SHOAL_CONTROL_RPC_H
#define SHOAL_CONTROL_RPC_H

#include "../shoal.h"

#include <lua.h>

enum rpc_kind { RPC_REQUEST = 0, RPC_RESPONSE = 1, RPC_NOTIFICATION = 2 };

/* What was found in a message; bytes are borrowed from it. */
struct rpc_message {
    enum rpc_kind kind;
    uint32_t id;           /* request, response */
    shoal_bytes method;    /* request, notification: the text itself */
    shoal_bytes values[2]; /* request, notification: params; response: error
                              and result; MessagePack */
};

/* Takes one well-formed MessagePack value apart; false: it is none of the
 * three. */
bool rpc_read(shoal_bytes bytes, struct rpc_message *out);

/* Writes the response to a request that failed into `out` (RPC_MAX_FAILURE
 * bytes) and returns its size. `text` is cut at 500 bytes. */
enum { RPC_MAX_FAILURE = 512 };
size_t rpc_write_failure(uint8_t *out, uint32_t id, const char *text);

/* Push a message as a string. Values are those at the given indexes; params
 * must be a list. Raise when they cannot be carried, with `who` in front. */
void rpc_push_request(lua_State *L, uint32_t id, int method, int params,
                      const char *who);
void rpc_push_response(lua_State *L, uint32_t id, int error, int result,
                       const char *who);
void rpc_push_notification(lua_State *L, int method, int params,
                           const char *who);

#endif
