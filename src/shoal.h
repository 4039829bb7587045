/* SPDX-License-Identifier: MIT */
/*
 * shoal: SWIM cluster membership as a sans-I/O engine.
 *
 * The engine keeps the list of a cluster's members with the SWIM protocol (Das,
 * Gupta, Motivala: "SWIM: Scalable Weakly-consistent Infection-style Process
 * Group Membership Protocol", 2002). It opens no socket, reads no clock, starts
 * no thread and calls no rand(). The *host* does:
 *
 *     a packet arrived       shoal_receive(engine, now, packet)
 *     the deadline passed    shoal_tick(engine, now)
 *     the program wants      shoal_announce(), shoal_add_broadcast(), ...
 *
 * and after each of them it drains the effects and arms its one timer:
 *
 *     while (shoal_next_effect(engine, &effect))
 *         if (effect.kind == SHOAL_SEND) send effect.packet to effect.endpoint
 *         else                           tell the program about effect.event
 *     arm the timer for shoal_next_deadline(engine)
 *
 * Same options, same inputs, same order: same effects, bit for bit.
 *
 * Concepts
 *
 * - identity: who a member is, an opaque byte string of 1 to
 *   SHOAL_MAX_IDENTITY bytes, compared bytewise. shoal's own hosts put one
 *   canonical MessagePack value in it.
 * - address: the part of an identity that is unique in the cluster. Two
 *   identities with one address are a conflict, which the `wins` question
 *   decides (a restarted process has its old address and a newer identity).
 * - endpoint: where packets for an identity go, as the host understands it
 *   ("host:port").
 * - incarnation: a counter that only the member itself raises, to refute a
 *   suspicion (SWIM 4.2).
 * - active: alive or suspect.
 *
 * Questions
 *
 * The engine asks its embedder a handful of things synchronously
 * (shoal_handlers). A question must not call an entry point of the same
 * engine: that returns SHOAL_ERR_REENTRANT. Queries (the functions that take a
 * const shoal *) are allowed. Answers about an identity are cached with it.
 *
 * Ownership
 *
 * Every pointer parameter says one of: "copied" (yours again after the call),
 * "borrowed until ..." (ours, do not free). Nothing takes ownership.
 *
 * Time is microseconds of any monotonic clock, as uint64_t; it must not run
 * backwards (an earlier `now` is taken as the latest seen). An engine may be
 * moved between threads but not shared.
 */
#ifndef SHOAL_H
#define SHOAL_H

#include "shoal_config.h"
#include "shoal_tables.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define SHOAL_API __attribute__((visibility("default")))
#else
#define SHOAL_API
#endif

typedef struct shoal shoal;

/* Bytes that somebody else owns. `data` may be NULL when `size` is 0. */
typedef struct shoal_bytes {
    const uint8_t *data;
    size_t size;
} shoal_bytes;

enum {
    /* Bytes: a peer cannot make us keep much per member. */
    SHOAL_MAX_IDENTITY = 512,
    SHOAL_MAX_INCARNATION = 65535,
    /* Of a member that is down because it said so: final for its identity. A
     * living one has less. */
    SHOAL_INCARNATION_LEFT = SHOAL_MAX_INCARNATION,
    SHOAL_MAX_CONFIRMATIONS = 8, /* that a suspicion can wait for */
    SHOAL_MAX_PACKET = 65507     /* what a UDP datagram over IPv4 can carry */
};

#define SHOAL_NEVER UINT64_MAX

/* ---- Errors ----
 *
 * SHOAL_ERR_<NAME> is a negative int; the names and texts are in
 * shoal_tables.h, and so are those of messages, events and drops.
 */

typedef enum shoal_error {
#define SHOAL_ERROR_ENUM(NAME, VALUE, name, text) SHOAL_ERR_##NAME = VALUE,
    SHOAL_ERRORS(SHOAL_ERROR_ENUM)
#undef SHOAL_ERROR_ENUM
} shoal_error;

/* "no_memory" for SHOAL_ERR_NOMEM, and so on; "ok" for 0, "unknown" otherwise.
 * Static. */
SHOAL_API const char *shoal_error_name(int error);
/* One sentence that says what went wrong and what state is left. Static. */
SHOAL_API const char *shoal_error_text(int error);
/* What exactly the last failing call tripped over (the config field, the broken
 * bytes, the codec's own message), or "". Borrowed until the next call with
 * this engine. */
SHOAL_API const char *shoal_error_detail(const shoal *engine);

/* "1.2.3": the release. Static. */
SHOAL_API const char *shoal_version(void);

/* ---- Members and messages ---- */

typedef enum shoal_state {
    SHOAL_ALIVE = 0,
    SHOAL_SUSPECT = 1,
    SHOAL_DOWN = 2
} shoal_state;

/* Why a member is down. */
typedef enum shoal_reason {
#define SHOAL_REASON_ENUM(NAME, VALUE, name) SHOAL_REASON_##NAME = VALUE,
    SHOAL_REASONS(SHOAL_REASON_ENUM)
#undef SHOAL_REASON_ENUM
} shoal_reason;

/* A claim about a member, as it travels: SWIM 4.2's (state, incarnation). */
typedef struct shoal_update {
    shoal_bytes id;
    uint16_t incarnation;
    uint8_t state; /* shoal_state */
    /* SHOAL_SUSPECT: the identity of who suspects it, so that independent
     * suspicions can be counted (Lifeguard 4.B); empty: not known. SHOAL_DOWN
     * with SHOAL_INCARNATION_LEFT: who it is now, at another address; empty: it
     * has left. */
    shoal_bytes from;
} shoal_update;

/* What is known of a member. All bytes are borrowed until the next entry point.
 */
typedef struct shoal_member {
    shoal_bytes id;
    shoal_bytes addr;
    shoal_bytes endpoint;
    uint16_t incarnation;
    uint8_t state;     /* shoal_state */
    uint8_t reason;    /* shoal_reason, of a down one */
    uint64_t since_us; /* when it entered this state, on our clock */
} shoal_member;

/* What kind of thing the engine is: idle knows no active member, defunct has
 * been declared down (or left) and waits for shoal_change_identity() or
 * shoal_reuse_down_identity(). */
typedef enum shoal_connection {
    SHOAL_CONNECTION_IDLE,
    SHOAL_CONNECTION_ACTIVE,
    SHOAL_CONNECTION_DEFUNCT
} shoal_connection;

/* Message kinds; the values are on the wire. */
typedef enum shoal_message {
#define SHOAL_MESSAGE_ENUM(NAME, VALUE, ...) SHOAL_MSG_##NAME = VALUE,
    SHOAL_MESSAGES(SHOAL_MESSAGE_ENUM)
#undef SHOAL_MESSAGE_ENUM
        SHOAL_NUM_MESSAGES
} shoal_message;

/* "ping" and so on; "alive", ...; "idle", ... Static. */
SHOAL_API const char *shoal_message_name(int kind);
SHOAL_API const char *shoal_state_name(int state);
SHOAL_API const char *shoal_reason_name(int reason);
SHOAL_API const char *shoal_connection_name(int connection);

/* How many members, and the xor of their hashes (docs/wire.md). */
typedef struct shoal_digest {
    uint32_t members, sum;
} shoal_digest;

/* What a packet begins with. */
typedef struct shoal_header {
    uint8_t kind;   /* shoal_message */
    uint8_t number; /* of the probe, for the kinds that have one; else 0 */
    uint16_t src_incarnation;
    shoal_bytes src;
    shoal_bytes dst;
    shoal_bytes peer; /* of the indirect kinds: target or origin; else empty */
    bool wants_nack;  /* ping_req: tell us if the target does not answer */
    bool has_digest;  /* ping, ack: whom the sender knows, to compare */
    shoal_digest digest;
} shoal_header;

/* ---- Memory ----
 *
 * One function, as Lua's: size 0 frees (and returns NULL), ptr NULL allocates,
 * else it moves. A NULL answer to anything but a free makes the call return
 * SHOAL_ERR_NOMEM. A shrink must not fail.
 */
typedef struct shoal_allocator {
    void *context;
    void *(*realloc)(void *context, void *ptr, size_t old_size,
                     size_t new_size); /* NULL: libc's */
} shoal_allocator;

/* ---- Questions ---- */

/* Who is who. All four must be there. shoal_stock_identity() answers for the
 * stock identity. */
typedef struct shoal_identity_questions {
    void *context;
    /* The address and the endpoint of `id`. The answers may point into `id`, or
     * at memory that stays until the next question. 0, or an error: then the
     * packet or update that named it is dropped. */
    int (*addr)(void *context, shoal_bytes id, shoal_bytes *addr,
                shoal_bytes *endpoint);
    /* An identity to go on with, since `id` was declared down or (`adversary`
     * is not empty) has met one with its address that wins against it: writes
     * one that wins against both into `out` (SHOAL_MAX_IDENTITY bytes) and
     * returns 1. 0: there is none. An error counts as none. */
    int (*renew)(void *context, shoal_bytes id, shoal_bytes adversary,
                 uint8_t *out, size_t *size);
    /* Does `id` replace `adversary`, which has the same address? 1, 0, or an
     * error (counts as 0). */
    int (*wins)(void *context, shoal_bytes id, shoal_bytes adversary);
} shoal_identity_questions;

/* Custom data that travels with the gossip. `receive` NULL: none of it. */
typedef struct shoal_broadcast_questions {
    void *context;
    /* Is `data` news? 1 and its key (memory that stays until the next
     * question), or 0, or an error (the item is dropped and counted). `sender`
     * is empty when the item is our own. */
    int (*receive)(void *context, shoal_bytes data, shoal_bytes sender,
                   shoal_bytes *key);
    /* Does a new item with `key` make the waiting one with `other` useless?
     * NULL: the same key does. */
    int (*invalidates)(void *context, shoal_bytes key, shoal_bytes other);
    /* Shall `member` get items? Asked only when items wait. NULL: everyone
     * does. */
    int (*wanted_by)(void *context, const shoal_member *member);
} shoal_broadcast_questions;

/* How headers and members look on the wire. shoal_default_codec() is
 * MessagePack (docs/wire.md). Encoders write at most `room` bytes and say how
 * many, or return SHOAL_ERR_TOO_BIG (there was no room) or another error.
 * Decoders say how many bytes they used; the identities they find may point
 * into the packet, or at memory that stays until the next decode_header. */
typedef struct shoal_codec {
    void *context;
    int (*encode_header)(void *context, const shoal_header *header,
                         uint8_t *out, size_t room, size_t *size);
    int (*decode_header)(void *context, shoal_bytes packet, shoal_header *out,
                         size_t *used);
    int (*encode_member)(void *context, const shoal_update *member,
                         uint8_t *out, size_t room, size_t *size);
    int (*decode_member)(void *context, shoal_bytes bytes, shoal_update *out,
                         size_t *used);
    /* Of the last failure; may be NULL. */
    const char *(*error_detail)(void *context);
    /* The `src` in a packet's header, as a span of the packet, or nothing: for
     * shoal_look_ahead(), so it need not be right but cheap. May be NULL. */
    shoal_bytes (*peek_source)(void *context, shoal_bytes packet);
    /* It carries what Lifeguard needs: header.wants_nack, the nack message and
     * update.from. Else the engine does without. */
    bool lifeguard;
} shoal_codec;

typedef struct shoal_handlers {
    shoal_identity_questions identity;
    shoal_broadcast_questions broadcast;
    shoal_codec codec;
} shoal_handlers;

SHOAL_API shoal_codec shoal_default_codec(void);

/* ---- The stock identity ----
 *
 * A canonical MessagePack map {"addr": "host:port", "bump": uint, ...}: further
 * keys (name, meta) are the embedder's. Its address and its endpoint are
 * `addr`; it is renewed by bump + 1; the larger bump wins. A bump is at most
 * SHOAL_MAX_BUMP; among those the larger "life" (none: 0) wins, and between
 * equal ones the bytewise larger identity.
 */
/* 2^53 - 1: some readers have doubles for numbers, and who could not read a
 * bump could not renew it. */
#define SHOAL_MAX_BUMP UINT64_C(9007199254740991)
SHOAL_API shoal_identity_questions shoal_stock_identity(void);
/* Writes one without further keys into `out` (SHOAL_MAX_IDENTITY bytes). 0, or
 * SHOAL_ERR_IDENTITY when `addr` is empty or too long, or `bump` too large. */
SHOAL_API int shoal_stock_identity_new(shoal_bytes addr, uint64_t bump,
                                       uint8_t *out, size_t *size);

/* ---- Config ----
 *
 * Its fields are in shoal_config.h.
 */

/* Presets; `n` is the expected number of members (at least 1).
 * - simple: plain SWIM, no extension
 * - lan, wan: memberlist's default timings as foca scales them, Lifeguard
 * - loopback: for many nodes on one machine and for tests, a quarter of lan's
 *   period */
SHOAL_API shoal_config shoal_config_simple(void);
SHOAL_API shoal_config shoal_config_lan(uint32_t n);
SHOAL_API shoal_config shoal_config_wan(uint32_t n);
SHOAL_API shoal_config shoal_config_loopback(uint32_t n);
/* NULL when every field is in range; else the name of the first that is not,
 * with `*problem` (static) saying what it must be ("must be shorter than
 * probe_period"). */
SHOAL_API const char *shoal_config_check(const shoal_config *config,
                                         const char **problem);

/* ---- Lifecycle ---- */

typedef struct shoal_options {
    shoal_bytes identity;    /* ours; copied */
    uint64_t seed;           /* of every random choice */
    shoal_config config;     /* copied */
    shoal_handlers handlers; /* copied; the contexts must outlive the engine */
    shoal_allocator allocator; /* copied */
} shoal_options;

/* A new engine, idle and alone. 0 and `*out`, or INVALID_CONFIG, IDENTITY,
 * NOMEM; then `*out` is NULL and `*detail` (may be NULL) names the field or the
 * reason (static). */
SHOAL_API int shoal_new(const shoal_options *options, shoal **out,
                        const char **detail);
/* Frees all. NULL is fine. Not from inside a question, nor while an effect of
 * it is in use. */
SHOAL_API void shoal_free(shoal *engine);
/* Other answers from now on; cached ones stay. REENTRANT. */
SHOAL_API int shoal_set_handlers(shoal *engine, const shoal_handlers *handlers);

/* ---- Inputs ----
 *
 * Each returns 0 or a negative shoal_error and leaves effects behind. All may
 * return NOMEM and REENTRANT.
 */

/* A packet arrived. `packet` is copied where needed. TOO_BIG, MALFORMED,
 * UNSUPPORTED, FROM_OURSELVES, INDIRECT_FOR_OURSELVES, CODEC, IDENTITY. A
 * packet for somebody else, or from a member that is down or has been replaced,
 * is ignored and counted: 0. */
SHOAL_API int shoal_receive(shoal *engine, uint64_t now_us, shoal_bytes packet);
/* A hint before shoal_receive() gets these packets, which arrived at once, one
 * after the other: what is known of their senders comes into the processor's
 * cache, for all (32 at most) at the same time. In a large cluster a packet
 * mostly waits for that. Takes any bytes, decides and changes nothing, and may
 * be left out; for a single packet it should be. */
SHOAL_API void shoal_look_ahead(const shoal *engine,
                                const shoal_bytes packets[], size_t count);
/* Does what is due. Early and late calls are fine. */
SHOAL_API int shoal_tick(shoal *engine, uint64_t now_us);
/* When to call shoal_tick(); SHOAL_NEVER: there is nothing to wait for. */
SHOAL_API uint64_t shoal_next_deadline(const shoal *engine);

/* Ask `id`, or whoever has its address, to let us join. IDENTITY: it is
 * invalid, or has our own address. */
SHOAL_API int shoal_announce(shoal *engine, uint64_t now_us, shoal_bytes id);
/* Send updates (and broadcasts) to num_indirect_probes random members now. */
SHOAL_API int shoal_gossip(shoal *engine, uint64_t now_us);
/* Send waiting broadcasts alone to random members that want them now. */
SHOAL_API int shoal_broadcast(shoal *engine, uint64_t now_us);
/* Queue an item of ours: asks `receive` (with no sender) for its key. 1 when
 * queued, 0 when the handler did not want it; MALFORMED (empty), TOO_BIG,
 * NO_HANDLER, BROADCAST. `data` is copied. */
SHOAL_API int shoal_add_broadcast(shoal *engine, uint64_t now_us,
                                  shoal_bytes data);
/* Tell some members that we are going, and be defunct. */
SHOAL_API int shoal_leave(shoal *engine, uint64_t now_us);
/* Tell somebody who need not be a member that we have left: a seed that we
 * asked and have not heard from. Only after shoal_leave(); else it does
 * nothing. IDENTITY. */
SHOAL_API int shoal_leave_to(shoal *engine, uint64_t now_us, shoal_bytes id);
/* Be somebody else; the old identity is gossiped as down. Ends defunct.
 * SAME_IDENTITY, IDENTITY; LOSES, when it has our address and does not win
 * against ours; ADDRESS_IN_USE, when an active member has its address; TOO_BIG,
 * when max_packet_size leaves no room for it. */
SHOAL_API int shoal_change_identity(shoal *engine, uint64_t now_us,
                                    shoal_bytes id);
/* Be alive again under the identity that was declared down (peers that remember
 * it as down will go on ignoring it). NOT_DEFUNCT. */
SHOAL_API int shoal_reuse_down_identity(shoal *engine, uint64_t now_us);
/* Take claims as if a packet had brought them: a saved state. With `broadcast`
 * the changes are gossiped, else the backlog stays as it is. Stops at the first
 * that is refused: IDENTITY, FULL, MALFORMED (there is no such state). Those
 * before it are applied, `*applied` (may be NULL) in number. */
SHOAL_API int shoal_apply(shoal *engine, uint64_t now_us,
                          const shoal_update *updates, size_t count,
                          bool broadcast, size_t *applied);
/* Forget the down member with that address before remove_down_after does.
 * NOT_FOUND, NOT_DOWN. */
SHOAL_API int shoal_forget(shoal *engine, uint64_t now_us, shoal_bytes addr);
/* At run time; timers are re-armed. INVALID_CONFIG, the field in the detail;
 * also when our identity does not fit into packets of that size. */
SHOAL_API int shoal_set_config(shoal *engine, uint64_t now_us,
                               const shoal_config *config);

/* ---- Effects ---- */

/* What a program may want to know. Some are diagnostics, off until
 * shoal_set_diagnostics() asks for them. */
typedef enum shoal_event {
#define SHOAL_EVENT_ENUM(NAME, VALUE, ...) SHOAL_EVENT_##NAME = VALUE,
    SHOAL_EVENTS(SHOAL_EVENT_ENUM)
#undef SHOAL_EVENT_ENUM
        SHOAL_NUM_EVENTS
} shoal_event;

SHOAL_API const char *shoal_event_name(int event);

/* A mask of 1u << SHOAL_EVENT_<NAME> of all diagnostics. */
#define SHOAL_DIAGNOSTIC_BIT(NAME, VALUE, name, DIAGNOSTIC, ...)               \
    | (uint32_t)DIAGNOSTIC << VALUE
#define SHOAL_DIAGNOSTICS (0u SHOAL_EVENTS(SHOAL_DIAGNOSTIC_BIT))

static inline bool shoal_event_is_diagnostic(shoal_event event)
{
    return SHOAL_DIAGNOSTICS >> event & 1;
}

/* What is in its effect besides the event. */
typedef enum shoal_carries {
    SHOAL_CARRIES_NOTHING,
    SHOAL_CARRIES_MEMBER,
    SHOAL_CARRIES_OURSELVES, /* as a member */
    SHOAL_CARRIES_BOTH,      /* a member, and its identity before */
    SHOAL_CARRIES_PACKET,    /* its other side, message, updates and size */
    SHOAL_CARRIES_ITEM       /* its size, and why it was dropped */
} shoal_carries;

SHOAL_API shoal_carries shoal_event_carries(shoal_event event);

typedef enum shoal_effect_kind { SHOAL_SEND, SHOAL_NOTIFY } shoal_effect_kind;

typedef struct shoal_effect {
    shoal_effect_kind kind;
    /* SHOAL_SEND: the packet and who gets it. SHOAL_NOTIFY PACKET_*: the other
     * side in `member.id`. */
    uint8_t message;    /* shoal_message */
    uint16_t updates;   /* how many the packet carries */
    shoal_bytes packet; /* SEND only */
    /* SHOAL_NOTIFY */
    shoal_event event;
    shoal_member member; /* SEND: id, addr and endpoint of the receiver */
    /* RENAME: the identity that was replaced. CONFLICT: ours, when the claim
     * came; shoal_self() is another one if we have taken the address back. */
    shoal_bytes before;
    size_t size;  /* bytes of the packet, for SEND and PACKET_*; of the item */
    uint8_t drop; /* ITEM_DROPPED: why; a shoal_drop */
} shoal_effect;

/* Takes the oldest effect out: true and `*out`, whose bytes are borrowed until
 * the next call of this function or shoal_free(); entry points may be called
 * meanwhile. */
SHOAL_API bool shoal_next_effect(shoal *engine, shoal_effect *out);
/* Which diagnostics to queue: a mask of 1u << SHOAL_EVENT_*. */
SHOAL_API void shoal_set_diagnostics(shoal *engine, uint32_t mask);

/* ---- Queries ---- */

/* Is a question being asked? Entry points return REENTRANT then. */
SHOAL_API bool shoal_is_asking(const shoal *engine);
/* Ourselves; `state` is SHOAL_DOWN while defunct. */
SHOAL_API shoal_member shoal_self(const shoal *engine);
SHOAL_API shoal_connection shoal_get_connection(const shoal *engine);
/* The codec in use; borrowed until shoal_set_handlers(). */
SHOAL_API const shoal_codec *shoal_get_codec(const shoal *engine);
SHOAL_API size_t shoal_num_members(const shoal *engine); /* active ones */
SHOAL_API size_t shoal_num_known(const shoal *engine); /* down ones included */
/* The member with that address, or that identity. */
SHOAL_API bool shoal_find(const shoal *engine, shoal_bytes addr,
                          shoal_member *out);
SHOAL_API bool shoal_find_identity(const shoal *engine, shoal_bytes id,
                                   shoal_member *out);
/* An active member that packets to `endpoint` reach. Quick when its address is
 * its endpoint, as the stock identity's is; else all are looked at. */
SHOAL_API bool shoal_find_endpoint(const shoal *engine, shoal_bytes endpoint,
                                   shoal_member *out);
/* Walks all known members, down ones included, ourselves excluded. Start with
 * *cursor 0; false at the end. An entry point called between two steps may make
 * the walk miss or repeat members. */
SHOAL_API bool shoal_next_member(const shoal *engine, uint32_t *cursor,
                                 shoal_member *out);
/* What waits in the backlogs. */
SHOAL_API size_t shoal_num_updates(const shoal *engine);
SHOAL_API size_t shoal_num_broadcasts(const shoal *engine);
/* Borrowed until shoal_set_config(). */
SHOAL_API const shoal_config *shoal_get_config(const shoal *engine);

/* Why packets, updates and items were dropped. */
typedef enum shoal_drop {
#define SHOAL_DROP_ENUM(NAME, ...) SHOAL_DROP_##NAME,
    SHOAL_DROPS(SHOAL_DROP_ENUM)
#undef SHOAL_DROP_ENUM
        SHOAL_NUM_DROPS
} shoal_drop;

SHOAL_API const char *shoal_drop_name(int drop);

/* Since shoal_new(). */
typedef struct shoal_stats {
#define SHOAL_COUNTER(member, text) uint64_t member;
    SHOAL_COUNTERS(SHOAL_COUNTER)
#undef SHOAL_COUNTER
    uint64_t sent[SHOAL_NUM_MESSAGES];
    uint64_t received[SHOAL_NUM_MESSAGES]; /* and accepted */
    uint64_t dropped[SHOAL_NUM_DROPS];
} shoal_stats;

SHOAL_API shoal_stats shoal_get_stats(const shoal *engine);

#ifdef __cplusplus
}
#endif

#endif
