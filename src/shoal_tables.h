/* SPDX-License-Identifier: MIT */
/*
 * The tables behind shoal.h's enumerations: one row for each error, message,
 * event and reason to drop, with its name and what it means.
 *
 * A row is X(NAME, value, "name"[, "text"]) or X(NAME, "name"). Programs use
 * the enumerations and the shoal_*_name() functions.
 */
#ifndef SHOAL_TABLES_H
#define SHOAL_TABLES_H

/* clang-format off */

/* The text says what state is left. X(NAME, value, "name", "text") */
#define SHOAL_ERRORS(X)                                                        \
    X(NOMEM, -1, "no_memory",                                                  \
      "out of memory; what was done before it is kept, the rest is as before") \
    X(TOO_BIG, -2, "too_big",                                                  \
      "larger than max_packet_size allows; nothing changed")                   \
    X(MALFORMED, -3, "malformed",                                              \
      "not a well-formed packet or item; nothing of it was applied")           \
    X(UNSUPPORTED, -4, "unsupported",                                          \
      "a protocol version or message of a newer release; nothing changed")     \
    X(FROM_OURSELVES, -5, "from_ourselves",                                    \
      "the packet's sender has our own address; nothing changed")              \
    X(INDIRECT_FOR_OURSELVES, -6, "indirect_for_ourselves",                    \
      "an indirect probe that names ourselves as the far end; nothing "        \
      "changed")                                                               \
    X(SAME_IDENTITY, -7, "same_identity",                                      \
      "that is the identity in use already; nothing changed")                  \
    X(NOT_DEFUNCT, -8, "not_defunct",                                          \
      "only a defunct engine can reuse its identity; nothing changed")         \
    X(INVALID_CONFIG, -9, "invalid_config",                                    \
      "a config field is out of range; the config is as before")               \
    X(REENTRANT, -10, "reentrant",                                             \
      "called from inside a question; nothing changed")                        \
    X(CODEC, -11, "codec",                                                     \
      "the codec failed: the packet was dropped or not sent, or a claim is "   \
      "believed but not gossiped; the rest was done")                          \
    X(NO_HANDLER, -12, "no_handler",                                           \
      "there is no broadcast handler; nothing changed")                        \
    X(BROADCAST, -13, "broadcast",                                             \
      "the broadcast handler failed; the item was dropped")                    \
    X(IDENTITY, -14, "identity",                                               \
      "the identity is invalid, or a question about it failed; nothing "       \
      "changed")                                                               \
    X(FULL, -15, "full",                                                       \
      "max_members are known already; the newcomer was dropped")               \
    X(LOSES, -16, "loses",                                                     \
      "the identity does not replace the one in use at its address; nothing "  \
      "changed")                                                               \
    X(ADDRESS_IN_USE, -17, "address_in_use",                                   \
      "another living member has that address; nothing changed")               \
    X(NOT_FOUND, -18, "not_found",                                             \
      "no member has that address; nothing changed")                           \
    X(NOT_DOWN, -19, "not_down",                                               \
      "the member is active, and only a down one can be forgotten; nothing "   \
      "changed")

/* Message kinds; the values are on the wire, and so is whether a header has a
 * number and a peer, and whether claims (with their count) and items may follow
 * it. X(NAME, value, "name", number, peer, claims, items) */
#define SHOAL_MESSAGES(X)                                                      \
    /* are you there? */                                                       \
    X(PING, 0, "ping", 1, 0, 1, 1)                                             \
    /* I am */                                                                 \
    X(ACK, 1, "ack", 1, 0, 1, 1)                                               \
    /* ask `peer` (the target) for me */                                       \
    X(PING_REQ, 2, "ping_req", 1, 1, 1, 1)                                     \
    /* are you there? `peer` (the origin) asks */                              \
    X(INDIRECT_PING, 3, "indirect_ping", 1, 1, 1, 1)                           \
    /* I am; tell `peer` (the origin of the question) */                       \
    X(INDIRECT_ACK, 4, "indirect_ack", 1, 1, 1, 1)                             \
    /* `peer` (the target) is there, it told me */                             \
    X(FORWARDED_ACK, 5, "forwarded_ack", 1, 1, 1, 1)                           \
    /* let me join */                                                          \
    X(ANNOUNCE, 6, "announce", 0, 0, 0, 0)                                     \
    /* these are members */                                                    \
    X(FEED, 7, "feed", 0, 0, 1, 1)                                             \
    /* only updates and broadcasts */                                          \
    X(GOSSIP, 8, "gossip", 0, 0, 1, 1)                                         \
    /* only broadcasts */                                                      \
    X(BROADCAST, 9, "broadcast", 0, 0, 0, 1)                                   \
    /* the cluster thinks that you are down */                                 \
    X(TURN_UNDEAD, 10, "turn_undead", 0, 0, 0, 0)                              \
    /* `peer` (the target) does not answer me (Lifeguard) */                   \
    X(NACK, 11, "nack", 1, 1, 1, 1)                                            \
    /* our table is full: you are not a member here */                         \
    X(REFUSED, 12, "refused", 0, 0, 0, 0)

/* Why a member is down. X(NAME, value, "name") */
#define SHOAL_REASONS(X)                                                       \
    /* it is not down */                                                       \
    X(NONE, 0, "none")                                                         \
    /* it did not answer, or somebody else found so */                         \
    X(FAILED, 1, "failed")                                                     \
    /* it said so itself, and that is final for its identity */                \
    X(LEFT, 2, "left")                                                         \
    /* it is somebody else now, at another address; or somebody else is here */ \
    X(REPLACED, 3, "replaced")

/* What a program may want to know; diagnostics are off until
 * shoal_set_diagnostics() asks for them. X(NAME, value, "name", diagnostic) */
#define SHOAL_EVENTS(X)                                                        \
    X(MEMBER_UP, 0, "member_up", 0)                                            \
    /* `reason` says why */                                                    \
    X(MEMBER_DOWN, 1, "member_down", 0)                                        \
    /* `before` was replaced by `member`, at the same address */               \
    X(RENAME, 2, "rename", 0)                                                  \
    /* from no active member to one, and back */                               \
    X(ACTIVE, 3, "active", 0)                                                  \
    X(IDLE, 4, "idle", 0)                                                      \
    /* declared down (or left), not renewable */                               \
    X(DEFUNCT, 5, "defunct", 0)                                                \
    /* renewed: `member` is what we are now */                                 \
    X(REJOIN, 6, "rejoin", 0)                                                  \
    X(SUSPECT, 7, "suspect", 1)                                                \
    /* a suspicion against `member` (or ourselves) was refuted */              \
    X(REFUTED, 8, "refuted", 1)                                                \
    /* `member` claims our address */                                          \
    X(CONFLICT, 9, "conflict", 1)                                              \
    X(PROBE_STARTED, 10, "probe_started", 1)                                   \
    X(PROBE_FAILED, 11, "probe_failed", 1)                                     \
    X(PACKET_RECEIVED, 12, "packet_received", 1)                               \
    X(PACKET_SENT, 13, "packet_sent", 1)                                       \
    /* a down member is remembered no longer */                                \
    X(MEMBER_FORGOTTEN, 14, "member_forgotten", 0)                             \
    /* we had been declared down, and have refuted it */                       \
    X(RETURNED, 15, "returned", 0)                                             \
    /* no room for `member` here */                                            \
    X(FULL, 16, "full", 1)                                                     \
    /* no room for us at `member` */                                           \
    X(REFUSED, 17, "refused", 1)                                               \
    /* an item of `size` bytes fits into no packet (any more), or the backlog  \
     * was full */                                                             \
    X(ITEM_DROPPED, 18, "item_dropped", 1)

/* Why packets, updates and items were dropped. X(NAME, "name") */
#define SHOAL_DROPS(X)                                                         \
    X(MALFORMED, "malformed")                                                  \
    X(TOO_BIG, "too_big")                                                      \
    X(UNSUPPORTED, "unsupported")                                              \
    X(CODEC, "codec")                                                          \
    X(FROM_OURSELVES, "from_ourselves")                                        \
    X(INDIRECT_FOR_OURSELVES, "indirect_for_ourselves")                        \
    /* for another identity, or an older one of ours */                        \
    X(NOT_FOR_US, "not_for_us")                                                \
    /* from a member that is down */                                           \
    X(DOWN_SENDER, "down_sender")                                              \
    /* from an identity that another one replaced */                           \
    X(REPLACED, "replaced")                                                    \
    /* a newcomer beyond max_members */                                        \
    X(FULL, "full")                                                            \
    /* a question about an identity failed */                                  \
    X(IDENTITY, "identity")                                                    \
    /* an item without a broadcast handler */                                  \
    X(NO_HANDLER, "no_handler")                                                \
    /* an item whose handler failed */                                         \
    X(BROADCAST, "broadcast")                                                  \
    /* an item that waited made room for a newer one */                        \
    X(BACKLOG, "backlog_full")                                                 \
    X(NOMEM, "no_memory")

/* clang-format on */

#endif
