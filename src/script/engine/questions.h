/* SPDX-License-Identifier: MIT */
/*
 * The engine's questions (shoal_handlers), answered by Lua functions.
 *
 * A set of questions is made of a handlers table:
 *   identity   { new=, addr=, endpoint=, at=, renew=, wins= }
 *   broadcast  { receive=, invalidates=, wanted_by= }
 *   check_tags, admit
 *   codec      { encode_header=, decode_header=, encode_member=,
 *                decode_member= }
 * Every field is optional. Without identity.addr the stock identity answers all
 * identity questions in C, and then only identity.new may be given; with it, a
 * missing endpoint is the address (if a string), a missing renew "none", a
 * missing wins "no". `codec` has all four functions or is absent.
 *
 * What broken functions do: they throw, return the wrong type, an identity that
 * is too large: the question fails (an error to the engine, which drops what
 * needed the answer and counts it), the caller counts and reports it.
 *
 * Changing the answers of a running engine (set_handlers, a reload) is
 *     shoal_handlers handlers = questions_handlers(fresh);
 *     shoal_set_handlers(engine, &handlers);
 * which is one swap: no question is asked of both sets, and it fails only when
 * called from inside a question.
 *
 * Life: the set is a Lua userdata; whoever uses it keeps that value referenced
 * (the registry, a uservalue) and thereby the functions. It holds no memory
 * besides, so it needs no clearing.
 */
#ifndef SHOAL_SCRIPT_ENGINE_QUESTIONS_H
#define SHOAL_SCRIPT_ENGINE_QUESTIONS_H

#include "../../base/error.h"
#include "../../lua/protected_call.h"
#include "../../shoal.h"

#include <lua.h>

/* X(NAME, "table", "function"); "": a function of the handlers themselves */
#define QUESTIONS(X)                                                           \
    X(NEW, "identity", "new")                                                  \
    X(ADDR, "identity", "addr")                                                \
    X(ENDPOINT, "identity", "endpoint")                                        \
    X(AT, "identity", "at")                                                    \
    X(RENEW, "identity", "renew")                                              \
    X(WINS, "identity", "wins")                                                \
    X(RECEIVE, "broadcast", "receive")                                         \
    X(INVALIDATES, "broadcast", "invalidates")                                 \
    X(WANTED_BY, "broadcast", "wanted_by")                                     \
    X(CHECK_TAGS, "", "check_tags")                                            \
    X(ADMIT, "", "admit")                                                      \
    X(ENCODE_HEADER, "codec", "encode_header")                                 \
    X(DECODE_HEADER, "codec", "decode_header")                                 \
    X(ENCODE_MEMBER, "codec", "encode_member")                                 \
    X(DECODE_MEMBER, "codec", "decode_member")

typedef enum question_id {
#define QUESTION_ENUM(NAME, table, function) QUESTION_##NAME,
    QUESTIONS(QUESTION_ENUM)
#undef QUESTION_ENUM
        NUM_QUESTIONS
} question_id;

/* What a node decides before a script is asked. */
typedef struct questions_door {
    /* Can anybody send to `endpoint`? 0, or -1 and `error`: then it is no
     * identity. */
    int (*check_place)(void *context, shoal_bytes endpoint, bool is_stock,
                       struct error *error);
    /* Else it is not admitted. */
    bool (*allows)(void *context, shoal_bytes endpoint);
} questions_door;

typedef struct questions {
    /* The thread to ask on: the one that runs now. Whoever calls an entry point
     * from Lua sets it for the call (questions_use()); a node's set has its
     * version's main thread otherwise. */
    lua_State *L;
    protected_caller *caller; /* borrowed for life */
    int sets, id;             /* where the state finds the userdata again */
    bool has[NUM_QUESTIONS];
    bool lifeguard; /* its codec carries what that needs */
    /* What members look like to wanted_by: added to `since`, see view.h. */
    int64_t clock_offset_us;
    const questions_door *door; /* NULL: everybody may come */
    void *door_context;
    int decoded;        /* identities kept of the packet, see codec.c */
    struct error error; /* of the last failing question, "" before any */
} questions;

/* Makes a set of the table at `handlers` (or nothing there: all defaults) and
 * pushes the userdata. `self` is the index of the first argument of receive
 * and wanted_by (the node or engine; kept alive by the set). Raises for
 * misuse: a field that is no function, an unknown or a missing one; `who` is
 * the name in front of the message ("core.new", "service.lua"). Other fields
 * of the handlers table than these are not looked at. L is the thread of
 * the call until questions_use() says otherwise. */
questions *questions_new(lua_State *L, int handlers, int self,
                         protected_caller *caller, const char *who);

/* What they lack for a node to start with them, as a sentence; NULL: nothing.
 */
const char *questions_missing(const questions *q);

/* The C side of it. Contexts are `q`. */
shoal_handlers questions_handlers(questions *q);

/* From now on ask on `L`; returns the thread before, to be given back after the
 * entry point. Raises when L has no stack left. */
lua_State *questions_use(questions *q, lua_State *L);

/* Pushes the function, or nil. Raises: to be called inside a region. */
void questions_push(questions *q, lua_State *L, question_id which);

/* identity.at(endpoint): writes an identity that stands for whoever answers
 * there into `out` (SHOAL_MAX_IDENTITY bytes). The stock identity with bump 0
 * when there is no such function and the identity is the stock one. 0, or
 * SHOAL_ERR_IDENTITY or NOMEM with `q->error` filled. Never raises. */
int questions_at(questions *q, const char *endpoint, uint8_t *out,
                 size_t *size);

#endif
