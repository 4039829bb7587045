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
      "not a well-formed packet, claim or item; nothing of it was applied")    \
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
      "the identity is invalid, or a question about it failed; it was not "    \
      "used")                                                                  \
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
 * shoal_set_diagnostics() asks for them. X(NAME, value, "name", diagnostic,
 * what it carries (shoal_carries), level of its line in the log, the line (NULL:
 * none), "text") */
#define SHOAL_EVENTS(X)                                                        \
    X(MEMBER_UP, 0, "member_up", 0, MEMBER, INFO, "member up",                 \
      "a member joined, or came back")                                         \
    X(MEMBER_DOWN, 1, "member_down", 0, MEMBER, INFO, "member down",           \
      "it is down; its `reason` says why")                                     \
    X(RENAME, 2, "rename", 0, BOTH, INFO,                                      \
      "member replaced by a newer identity",                                   \
      "the member at this address has a new identity; `before` is the old one")\
    X(ACTIVE, 3, "active", 0, NOTHING, INFO, "active",                         \
      "the first other member is up")                                          \
    X(IDLE, 4, "idle", 0, NOTHING, INFO, "idle",                               \
      "the last other member is down")                                         \
    X(DEFUNCT, 5, "defunct", 0, NOTHING, INFO, "defunct",                      \
      "we left, or were declared down and can neither refute nor renew")       \
    X(REJOIN, 6, "rejoin", 0, OURSELVES, INFO,                                 \
      "rejoining with a renewed identity",                                     \
      "we took this new identity: another member claimed our address, or we "  \
      "could not refute")                                                      \
    X(SUSPECT, 7, "suspect", 1, MEMBER, DEBUG, "suspect", "it is suspected")   \
    X(REFUTED, 8, "refuted", 1, MEMBER, DEBUG, "suspicion refuted",            \
      "a suspicion against it (or against us) was refuted")                    \
    X(CONFLICT, 9, "conflict", 1, MEMBER, WARN,                                \
      "another node claims our address", "this identity claims our address")   \
    X(PROBE_STARTED, 10, "probe_started", 1, MEMBER, DEBUG, "probe started",   \
      "it is being probed")                                                    \
    X(PROBE_FAILED, 11, "probe_failed", 1, MEMBER, DEBUG, "probe failed",      \
      "it answered neither us nor the members that we asked")                  \
    X(PACKET_RECEIVED, 12, "packet_received", 1, PACKET, TRACE,                \
      "packet received", "a packet was accepted")                              \
    X(PACKET_SENT, 13, "packet_sent", 1, PACKET, OFF, NULL,                    \
      "a packet was sent")                                                     \
    X(MEMBER_FORGOTTEN, 14, "member_forgotten", 0, MEMBER, DEBUG,              \
      "down member forgotten", "it was down, and is remembered no longer")     \
    X(RETURNED, 15, "returned", 0, OURSELVES, INFO,                            \
      "others declared us down, which we have refuted",                        \
      "we were declared down, and have refuted it; our identity is as before") \
    X(FULL, 16, "full", 1, MEMBER, WARN,                                       \
      "no room for a new member: max_members is reached, raise it",            \
      "there is no room for it here: `max_members` is reached")                \
    X(REFUSED, 17, "refused", 1, MEMBER, WARN,                                 \
      "a member refuses us, its table is full: raise max_members there",       \
      "it has no room for us")                                                 \
    X(ITEM_DROPPED, 18, "item_dropped", 1, ITEM, WARN,                         \
      "a broadcast was dropped",                                               \
      "a broadcast that waited was dropped: `too_big` (it fits into no "       \
      "packet any more) or `backlog_full` (`max_broadcasts` newer ones wait)")

/* Why packets, updates and items were dropped. X(NAME, "name", "text") */
#define SHOAL_DROPS(X)                                                         \
    X(MALFORMED, "malformed",                                                  \
      "not a packet of ours: another program, or a broken network")            \
    X(TOO_BIG, "too_big",                                                      \
      "larger than our `max_packet_size`; a broadcast, or an identity, that "  \
      "does not fit into a packet")                                            \
    X(UNSUPPORTED, "unsupported", "of a newer release")                        \
    X(CODEC, "codec",                                                          \
      "a codec function of the script failed: the log has the traceback")      \
    X(FROM_OURSELVES, "from_ourselves",                                        \
      "the sender claims our address: two members have one address")           \
    X(INDIRECT_FOR_OURSELVES, "indirect_for_ourselves",                        \
      "an indirect probe that names us as the far end")                        \
    X(NOT_FOR_US, "not_for_us",                                                \
      "for an identity that we had, or for one that had our address. The "     \
      "sender is answered who is here now")                                    \
    X(DOWN_SENDER, "down_sender",                                              \
      "from a member that is down; it is answered that it is")                 \
    X(REPLACED, "replaced", "from an identity that a newer one has replaced")  \
    X(FULL, "full",                                                            \
      "a newcomer beyond `max_members`; it is notified, and both log it")      \
    X(IDENTITY, "identity",                                                    \
      "an identity that is not valid (no address, not written canonically: "   \
      "junk), or an identity function of the script failed")                   \
    X(NO_HANDLER, "no_handler",                                                \
      "a broadcast, and the script has no `broadcast`")                        \
    X(BROADCAST, "broadcast",                                                  \
      "a broadcast function of the script failed: the log has the traceback")  \
    X(BACKLOG, "backlog_full", "a broadcast beyond `max_broadcasts`")          \
    X(NOMEM, "no_memory", "out of memory")

/* What an engine counts since shoal_new(). X(member, "text") */
#define SHOAL_COUNTERS(X)                                                      \
    X(packets_received, "packets that arrived, well-formed or not")            \
    X(bytes_received, "their bytes")                                           \
    X(packets_sent, "packets that were sent")                                  \
    X(bytes_sent, "their bytes")                                               \
    X(probes, "members probed")                                                \
    X(probes_failed, "probes that nobody answered")                            \
    X(suspicions, "suspicions of ours against a member")                       \
    X(refutations, "suspicions and verdicts against us that we refuted")       \
    X(renewals, "new identities that we took by ourselves")                    \
    X(conflicts, "claims of others to our address")                            \
    X(memory_bytes, "memory that the engine has now")                          \
    X(local_health, "0 is fine; up to `max_local_health`, now")

/* clang-format on */

#endif
