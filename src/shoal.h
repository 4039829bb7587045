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
 *         else                           notify the program of effect.event
 *     arm the timer for shoal_next_deadline(engine)
 *
 * The same options and inputs in the same order give the same effects, bit for
 * bit.
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
 * - question: what the engine asks its embedder, synchronously
 *   (shoal_handlers.h).
 *
 * Every pointer parameter is "copied" (yours again after the call) or "borrowed
 * until ..." (ours, do not free). No function takes ownership.
 *
 * Time is in microseconds of any monotonic clock. It must not run backwards (an
 * earlier `now` counts as the latest one seen). An engine may be moved between
 * threads but not shared.
 */
#ifndef SHOAL_H
#define SHOAL_H

#include "shoal_config.h"
#include "shoal_handlers.h"
#include "shoal_tables.h"
#include "shoal_types.h"

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define SHOAL_API __attribute__((visibility("default")))
#else
#define SHOAL_API
#endif

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
/* Details of the last call that failed (the config field, the invalid bytes,
 * the codec's own message), or "". Borrowed until the next call with this
 * engine. */
SHOAL_API const char *shoal_error_detail(const shoal *engine);

/* The release: "1.2.3". Static. */
SHOAL_API const char *shoal_version(void);

/* ---- Names ---- */

/* idle: it knows no active member. defunct: it was declared down, or left, and
 * waits for shoal_change_identity() or shoal_reuse_down_identity(). */
typedef enum shoal_connection {
    SHOAL_CONNECTION_IDLE,
    SHOAL_CONNECTION_ACTIVE,
    SHOAL_CONNECTION_DEFUNCT
} shoal_connection;

/* "ping", "alive", "failed", "idle" and so on. Static. */
SHOAL_API const char *shoal_message_name(int kind);
SHOAL_API const char *shoal_state_name(int state);
SHOAL_API const char *shoal_reason_name(int reason);
SHOAL_API const char *shoal_connection_name(int connection);

/* MessagePack, as docs/wire.md describes it. */
SHOAL_API shoal_codec shoal_default_codec(void);

/* ---- The stock identity ----
 *
 * A canonical MessagePack map {"addr": "host:port", "bump": uint, ...}: further
 * keys (name, meta) are the embedder's. Its address and its endpoint are
 * `addr`; it is renewed by bump + 1; the larger bump wins. A bump is at most
 * SHOAL_MAX_BUMP; among those the larger "life" (none: 0) wins, and between
 * equal ones the bytewise larger identity.
 *
 * With an IP address, a bump below 2^48 and no other key but a name it has a
 * compact form, of 15 bytes without the name, and no other one (docs/wire.md).
 */
/* 2^53 - 1: in some languages all numbers are doubles, and a member that cannot
 * read a bump cannot renew it. */
#define SHOAL_MAX_BUMP UINT64_C(9007199254740991)
SHOAL_API shoal_identity_questions shoal_stock_identity(void);
/* Writes one without further keys, in its one form, into `out`
 * (SHOAL_MAX_IDENTITY bytes). 0, or SHOAL_ERR_IDENTITY when `addr` is empty or
 * too long or begins with byte c1, or `bump` is too large. */
SHOAL_API int shoal_stock_identity_new(shoal_bytes addr, uint64_t bump,
                                       uint8_t *out, size_t *size);

/* ---- Config (shoal_config.h has its fields) ---- */

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
 * NOMEM; then `*out` is NULL and `*detail` (static; `detail` may be NULL) names
 * the field or the reason. */
SHOAL_API int shoal_new(const shoal_options *options, shoal **out,
                        const char **detail);
/* NULL is fine. Do not call it from inside a question, or while an effect of
 * this engine is in use. */
SHOAL_API void shoal_free(shoal *engine);
/* Replaces the handlers; cached answers stay. REENTRANT. */
SHOAL_API int shoal_set_handlers(shoal *engine, const shoal_handlers *handlers);

/* ---- Inputs ----
 *
 * Each returns 0 or a negative shoal_error and leaves effects behind. All may
 * return NOMEM and REENTRANT.
 */

/* A packet arrived. `packet` is copied where needed. TOO_BIG, MALFORMED,
 * UNSUPPORTED, FROM_OURSELVES, INDIRECT_FOR_OURSELVES, CODEC, IDENTITY. A
 * packet for another identity, or from a member that is down or was replaced,
 * is ignored and counted: 0. */
SHOAL_API int shoal_receive(shoal *engine, uint64_t now_us, shoal_bytes packet);
/* A hint: shoal_receive() is about to get these packets, which arrived
 * together. Loads what is known of their senders (of the first 32) into the
 * processor's cache: in a large cluster a packet spends most of its time
 * waiting for that memory. Takes any bytes and changes no state. Optional; not
 * worth it for a single packet. */
SHOAL_API void shoal_look_ahead(const shoal *engine,
                                const shoal_bytes packets[], size_t count);
/* Runs the timers that are due. Early and late calls are fine. */
SHOAL_API int shoal_tick(shoal *engine, uint64_t now_us);
/* When to call shoal_tick(); SHOAL_NEVER: no timer is armed. */
SHOAL_API uint64_t shoal_next_deadline(const shoal *engine);

/* Ask `id`, or the member at its address, to let us join. IDENTITY: it is
 * invalid, or has our own address. */
SHOAL_API int shoal_announce(shoal *engine, uint64_t now_us, shoal_bytes id);
/* Send updates (and broadcasts) to num_indirect_probes random members now. */
SHOAL_API int shoal_gossip(shoal *engine, uint64_t now_us);
/* Send queued broadcasts, without updates, to random members that want them. */
SHOAL_API int shoal_broadcast(shoal *engine, uint64_t now_us);
/* What we say of ourselves from now on: a MessagePack map of 1 to max_tags_size
 * bytes, copied, in canonical form, whose keys are str of 1 to 64 bytes
 * (docs/wire.md, Members). Others are told within 0.2 seconds, of the last of
 * several. TOO_BIG; MALFORMED: it is not such a map, the detail says why;
 * NO_LIFEGUARD: the codec does not carry it; NOMEM; else 0. */
SHOAL_API int shoal_set_tags(shoal *engine, uint64_t now_us, shoal_bytes tags);
/* Send `data` to the active member with the identity `id`, again and again
 * until it has acknowledged it (MESSAGE_ACKNOWLEDGED) or is no active member
 * any more (MESSAGE_FAILED); these events have your `ticket`.
 * It notifies its program (MESSAGE) at most once. `flags` mean nothing here.
 * Several messages may overtake each other. `data` is copied. Ourselves:
 * notified at once. NOT_A_MEMBER, DEFUNCT, NO_LIFEGUARD; TOO_BIG: the detail
 * says how much fits; FULL: 64 messages to that member are under way, or 16,384
 * in all, or 16 MiB.
 */
SHOAL_API int shoal_send_to(shoal *engine, uint64_t now_us, shoal_bytes id,
                            uint8_t flags, shoal_bytes data, uint64_t ticket);
/* Say something to all members, once and in order: `data` of at most 65,536
 * bytes on a topic of 1 to 64, both copied; docs/wire.md says how. We hear it,
 * too. `*number` (may be NULL) is that of its last part: from 1 on, for each of
 * our topics. FULL: too much waits to be sent, or there are too many topics.
 * UNSUPPORTED: compare_members is off. MALFORMED: the topic; NO_LIFEGUARD,
 * TOO_BIG, DEFUNCT, NOMEM; then nothing was said. */
SHOAL_API int shoal_publish(shoal *engine, uint64_t now_us, shoal_bytes topic,
                            shoal_bytes data, uint64_t *number);
/* Queue an item of ours: asks `receive` (with an empty sender) for its key. 1:
 * queued; 0: the handler does not want it; MALFORMED (empty), TOO_BIG,
 * NO_HANDLER, BROADCAST. `data` is copied. */
SHOAL_API int shoal_add_broadcast(shoal *engine, uint64_t now_us,
                                  shoal_bytes data);
/* Notify some members that we leave. We are defunct after that. */
SHOAL_API int shoal_leave(shoal *engine, uint64_t now_us);
/* Notify `id`, which need not be a member, that we have left: a seed that we
 * asked and that has not answered. Does nothing before shoal_leave(). IDENTITY.
 */
SHOAL_API int shoal_leave_to(shoal *engine, uint64_t now_us, shoal_bytes id);
/* Replace our identity; the old one is gossiped as down. We are not defunct
 * after that. SAME_IDENTITY, IDENTITY; LOSES: it has our address and does not
 * win against ours; ADDRESS_IN_USE: an active member has its address; TOO_BIG:
 * it does not fit into packets of max_packet_size. */
SHOAL_API int shoal_change_identity(shoal *engine, uint64_t now_us,
                                    shoal_bytes id);
/* Be alive again with the identity that was declared down. Members that
 * remember it as down go on ignoring it. NOT_DEFUNCT. */
SHOAL_API int shoal_reuse_down_identity(shoal *engine, uint64_t now_us);
/* Apply claims, for example of a saved state, as if a packet had brought them.
 * With `broadcast` the changes are gossiped. Stops at the first claim that is
 * refused: IDENTITY, FULL, MALFORMED (an unknown state). `*applied` (may be
 * NULL) claims before it are applied. */
SHOAL_API int shoal_apply(shoal *engine, uint64_t now_us,
                          const shoal_update *updates, size_t count,
                          bool broadcast, size_t *applied);
/* Forget the down member with that address before remove_down_after does.
 * NOT_FOUND, NOT_DOWN. */
SHOAL_API int shoal_forget(shoal *engine, uint64_t now_us, shoal_bytes addr);
/* Change the config; timers are re-armed. INVALID_CONFIG: the detail names the
 * field; also when our identity does not fit into packets of that size. */
SHOAL_API int shoal_set_config(shoal *engine, uint64_t now_us,
                               const shoal_config *config);

/* ---- A life before ----
 *
 * For an embedder that remembers what it was before it was started again: right
 * after shoal_new(), before tags are set and anything is published.
 */

/* We had our identity before, with an incarnation up to that and tags up to
 * that version (0: none): what we say from now on is above it. For another
 * identity there is nothing to resume. REENTRANT, NOMEM. */
SHOAL_API int shoal_resume(shoal *engine, uint64_t now_us, uint16_t incarnation,
                           uint64_t tags_version);
/* We have published on that topic. Members that follow it are notified that
 * something may be missing. If it was with our present identity: `number` is
 * the largest that we can have used (our next one is above it), else 0. An
 * empty topic stands for all that are not named so: we may have published on
 * them with our present identity. Errors as in shoal_publish(). */
SHOAL_API int shoal_resume_topic(shoal *engine, uint64_t now_us,
                                 shoal_bytes topic, uint64_t number);
/* The number that was given for all topics that are not named; 0. */
SHOAL_API uint64_t shoal_topic_floor(const shoal *engine);
/* Iterates over the topics that we have published on, and the largest number on
 * each. Start with *cursor 0; false at the end. Borrowed until the next entry
 * point. */
SHOAL_API bool shoal_next_topic(const shoal *engine, uint32_t *cursor,
                                shoal_bytes *topic, uint64_t *number);
/* The tags that the member with that identity had when it was active last,
 * also while it is down; empty: none are known. Borrowed until the next entry
 * point. */
SHOAL_API shoal_bytes shoal_last_tags(const shoal *engine, shoal_bytes id);

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

/* A mask of 1u << SHOAL_EVENT_<NAME> of all that are off until they are asked
 * for: the diagnostics, VIEW and STABLE. */
#define SHOAL_DIAGNOSTIC_BIT(NAME, VALUE, name, DIAGNOSTIC, ...)               \
    | (uint32_t)(DIAGNOSTIC > 0) << VALUE
#define SHOAL_DIAGNOSTICS (0u SHOAL_EVENTS(SHOAL_DIAGNOSTIC_BIT))

static inline bool shoal_event_is_diagnostic(shoal_event event)
{
    return SHOAL_DIAGNOSTICS >> event & 1;
}

/* What its effect has besides the event. */
typedef enum shoal_carries {
    SHOAL_CARRIES_NOTHING,
    SHOAL_CARRIES_MEMBER,
    SHOAL_CARRIES_OURSELVES, /* our own member */
    SHOAL_CARRIES_BOTH,      /* a member, and its identity before */
    SHOAL_CARRIES_PACKET,    /* the other member, message, updates and size */
    SHOAL_CARRIES_ITEM,      /* its size, and why it was dropped */
    SHOAL_CARRIES_TAGS,      /* a member, and its tags before */
    SHOAL_CARRIES_MESSAGE,   /* the sender, data and flags */
    SHOAL_CARRIES_OUTCOME,   /* the receiver, ticket and error */
    SHOAL_CARRIES_IGNORED,   /* a member, the size of its tags, and why */
    SHOAL_CARRIES_PUBLISHED, /* a member, topic, data and numbers */
    SHOAL_CARRIES_MISSED,    /* a member, topic and numbers */
    SHOAL_CARRIES_REASON,    /* who need not be a member, and why */
    SHOAL_CARRIES_CHANGES    /* nothing; a node in Lua adds the members */
} shoal_carries;

SHOAL_API shoal_carries shoal_event_carries(shoal_event event);

typedef enum shoal_effect_kind { SHOAL_SEND, SHOAL_NOTIFY } shoal_effect_kind;

typedef struct shoal_effect {
    shoal_effect_kind kind;
    shoal_event event; /* NOTIFY */
    /* SEND: id, addr and endpoint of the receiver. NOTIFY: the member that the
     * event is about; of PACKET_* only the id of the other side, and the
     * incarnation of the packet's sender. */
    shoal_member member;
    /* RENAME: the identity that was replaced. CONFLICT: ours when the claim
     * arrived; shoal_self() differs if we have taken the address back.
     * PACKET_*: the peer, of the kinds that have one. TAGS: the former tags;
     * empty: none were known. PUBLISHED, MISSED: the topic. */
    shoal_bytes before;
    shoal_bytes packet;   /* SEND */
    uint64_t first, last; /* PUBLISHED, MISSED: numbers */
    size_t size;          /* bytes of the packet, or (ITEM_DROPPED,
                             TAGS_IGNORED) of what was dropped */
    uint16_t updates;     /* how many the packet carries */
    uint8_t message;      /* of the packet: shoal_message */
    uint8_t number;   /* PACKET_*: of the probe, of the kinds that have one */
    uint8_t drop;     /* ITEM_DROPPED, TAGS_IGNORED, TURNED_AWAY: why; a
                         shoal_drop */
    uint8_t flags;    /* MESSAGE: as its sender gave them */
    shoal_bytes data; /* MESSAGE, PUBLISHED */
    uint64_t ticket;  /* MESSAGE_*: as shoal_send_to() got it */
    /* MESSAGE_FAILED: MEMBER_DOWN (`member` says why), DEFUNCT, TOO_BIG (our
     * identity or the config has changed). */
    int error;
    /* RENAME: of the identity that was replaced. */
    bool was_active;
    uint16_t was_incarnation;
} shoal_effect;

/* Takes the oldest effect out; false: there is none. The bytes of `*out` are
 * borrowed until the next call of this function or shoal_free(); entry points
 * may be called meanwhile. */
SHOAL_API bool shoal_next_effect(shoal *engine, shoal_effect *out);
/* Which diagnostics to queue, and whether VIEW and STABLE, which need deadlines
 * of their own: a mask of 1u << SHOAL_EVENT_*. */
SHOAL_API void shoal_set_diagnostics(shoal *engine, uint32_t mask);

/* ---- Queries ---- */

/* Is a question being asked? If so, entry points return REENTRANT. */
SHOAL_API bool shoal_is_asking(const shoal *engine);
/* Our own member; `state` is SHOAL_DOWN while we are defunct. */
SHOAL_API shoal_member shoal_self(const shoal *engine);
SHOAL_API shoal_connection shoal_get_connection(const shoal *engine);
/* The codec in use; borrowed until shoal_set_handlers(). */
SHOAL_API const shoal_codec *shoal_get_codec(const shoal *engine);
SHOAL_API size_t shoal_num_members(const shoal *engine); /* active ones */
SHOAL_API size_t shoal_num_known(const shoal *engine); /* down ones included */
/* Grows whenever an active member joins, leaves, gets another identity or other
 * tags, or becomes suspect or alive, and when we do: while it is the same, so
 * are the active members, our own tags, and what can be computed from them. */
SHOAL_API uint64_t shoal_view(const shoal *engine);
/* The member with that address, or with that identity. */
SHOAL_API bool shoal_find(const shoal *engine, shoal_bytes addr,
                          shoal_member *out);
SHOAL_API bool shoal_find_identity(const shoal *engine, shoal_bytes id,
                                   shoal_member *out);
/* An active member with that endpoint. Fast if its endpoint is its address, as
 * the stock identity's is; otherwise all members are searched. */
SHOAL_API bool shoal_find_endpoint(const shoal *engine, shoal_bytes endpoint,
                                   shoal_member *out);
/* Iterates over all known members, including down ones, without our own. Start
 * with *cursor 0; false at the end. If an entry point is called between two
 * steps, members may be missed or repeated. */
SHOAL_API bool shoal_next_member(const shoal *engine, uint32_t *cursor,
                                 shoal_member *out);
/* How many are queued. */
SHOAL_API size_t shoal_num_updates(const shoal *engine);
SHOAL_API size_t shoal_num_broadcasts(const shoal *engine);
/* How many messages wait for their receipts. */
SHOAL_API size_t shoal_num_messages(const shoal *engine);
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

/* How long pings took that were answered: up to 1, 10, 100 ms, and longer. */
enum { SHOAL_RTT_CLASSES = 4 };

/* Since shoal_new(). */
typedef struct shoal_stats {
#define SHOAL_COUNTER(member, text) uint64_t member;
    SHOAL_COUNTERS(SHOAL_COUNTER)
#undef SHOAL_COUNTER
    uint64_t sent[SHOAL_NUM_MESSAGES];
    uint64_t received[SHOAL_NUM_MESSAGES]; /* and accepted */
    uint64_t dropped[SHOAL_NUM_DROPS];
    uint64_t rtt_us;                  /* of all answered pings ... */
    uint64_t rtts[SHOAL_RTT_CLASSES]; /* ... and how many in each class */
} shoal_stats;

SHOAL_API shoal_stats shoal_get_stats(const shoal *engine);

#ifdef __cplusplus
}
#endif

#endif
