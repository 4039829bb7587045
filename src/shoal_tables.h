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
      "out of memory; what was already done is kept, the rest is unchanged")   \
    X(TOO_BIG, -2, "too_big",                                                  \
      "too large; nothing changed")                   \
    X(MALFORMED, -3, "malformed",                                              \
      "not a well-formed packet, claim or item, or not a map of tags; nothing " \
      "of it was applied")                                                     \
    X(UNSUPPORTED, -4, "unsupported",                                          \
      "not possible with this config, or from a newer release; nothing "       \
      "changed")   \
    X(FROM_OURSELVES, -5, "from_ourselves",                                    \
      "the sender of the packet has our address; nothing changed")             \
    X(INDIRECT_FOR_OURSELVES, -6, "indirect_for_ourselves",                    \
      "an indirect probe that names us as its other end; nothing changed")     \
    X(SAME_IDENTITY, -7, "same_identity",                                      \
      "the identity is the current one; nothing changed")                      \
    X(NOT_DEFUNCT, -8, "not_defunct",                                          \
      "only a defunct engine can reuse its identity; nothing changed")         \
    X(INVALID_CONFIG, -9, "invalid_config",                                    \
      "a config field is out of range; the config is unchanged")               \
    X(REENTRANT, -10, "reentrant",                                             \
      "called from an identity, broadcast or codec function; nothing changed") \
    X(CODEC, -11, "codec",                                                     \
      "the codec failed; the packet was dropped or not sent, or an update "    \
      "was applied but not gossiped; the rest was done")                       \
    X(NO_HANDLER, -12, "no_handler",                                           \
      "there is no broadcast handler; nothing changed")                        \
    X(BROADCAST, -13, "broadcast",                                             \
      "the broadcast handler failed; the item was dropped")                    \
    X(IDENTITY, -14, "identity",                                               \
      "the identity is invalid, or an identity function failed; it was not "   \
      "used")                                                                  \
    X(FULL, -15, "full",                                                       \
      "a table or queue is full: members (max_members), messages under way, "  \
      "or what was published and waits; the new one was dropped")              \
    X(LOSES, -16, "loses",                                                     \
      "the identity does not win against the current one at its address; "     \
      "nothing changed")                                                       \
    X(ADDRESS_IN_USE, -17, "address_in_use",                                   \
      "another living member has that address; nothing changed")               \
    X(NOT_FOUND, -18, "not_found",                                             \
      "no member has that address; nothing changed")                           \
    X(NOT_DOWN, -19, "not_down",                                               \
      "the member is active; only a down member can be forgotten; nothing "    \
      "changed")                                                               \
    X(NOT_A_MEMBER, -20, "not_a_member",                                       \
      "not an active member; nothing was sent")                                \
    X(MEMBER_DOWN, -21, "member_down",                                         \
      "the member went down, or was replaced, before it acknowledged the "     \
      "message; it may have arrived")                                          \
    X(DEFUNCT, -22, "defunct",                                                 \
      "we have left, or were declared down; nothing more is sent")             \
    X(NO_LIFEGUARD, -23, "no_lifeguard",                                       \
      "the codec does not carry it, as it has no `lifeguard`; nothing changed") \
    X(NOT_ADMITTED, -24, "not_admitted",                                       \
      "the identity may not become a member (`admit`), or its address has "    \
      "brought too many new ones lately; nothing changed")

/* Message kinds; the values are on the wire, and so is whether a header has a
 * number and a peer, and whether claims (with their count) and items may follow
 * it. X(NAME, value, "name", number, peer, claims, items) */
#define SHOAL_MESSAGES(X)                                                      \
    /* are you there? */                                                       \
    X(PING, 0, "ping", 1, 0, 1, 1)                                             \
    /* I am */                                                                 \
    X(ACK, 1, "ack", 1, 0, 1, 1)                                               \
    /* ping `peer` (the target) for me */                                      \
    X(PING_REQ, 2, "ping_req", 1, 1, 1, 1)                                     \
    /* are you there? `peer` (the origin) asks */                              \
    X(INDIRECT_PING, 3, "indirect_ping", 1, 1, 1, 1)                           \
    /* I am; forward it to `peer` (the origin of the probe) */                 \
    X(INDIRECT_ACK, 4, "indirect_ack", 1, 1, 1, 1)                             \
    /* `peer` (the target) answered me */                                      \
    X(FORWARDED_ACK, 5, "forwarded_ack", 1, 1, 1, 1)                           \
    /* let me join */                                                          \
    X(ANNOUNCE, 6, "announce", 0, 0, 0, 0)                                     \
    /* these are members */                                                    \
    X(FEED, 7, "feed", 0, 0, 1, 1)                                             \
    /* only updates and broadcasts */                                          \
    X(GOSSIP, 8, "gossip", 0, 0, 1, 1)                                         \
    /* only broadcasts */                                                      \
    X(BROADCAST, 9, "broadcast", 0, 0, 0, 1)                                   \
    /* the cluster considers you down */                                       \
    X(TURN_UNDEAD, 10, "turn_undead", 0, 0, 0, 0)                              \
    /* `peer` (the target) does not answer me (Lifeguard) */                   \
    X(NACK, 11, "nack", 1, 1, 1, 1)                                            \
    /* our table is full: you are not a member here */                         \
    X(REFUSED, 12, "refused", 0, 0, 0, 0)                                      \
    /* what we know, compared with what you know */                            \
    X(EXCHANGE, 13, "exchange", 0, 0, 1, 1)

/* Why a member is down. X(NAME, value, "name") */
#define SHOAL_REASONS(X)                                                       \
    /* it is not down */                                                       \
    X(NONE, 0, "none")                                                         \
    /* it did not answer us, or another member */                              \
    X(FAILED, 1, "failed")                                                     \
    /* it announced that it left: final for its identity */                    \
    X(LEFT, 2, "left")                                                         \
    /* it has a new identity at another address, or its address a new member */\
    X(REPLACED, 3, "replaced")

/* What a program may want to know. X(NAME, value, "name", kind, what it carries
 * (shoal_carries), level of its line in the log, the line (NULL: none), "text").
 * Kind 0: always. 1: a diagnostic, off until shoal_set_diagnostics() asks for
 * it. 2: the same, but handlers are called for it like for the others. */
#define SHOAL_EVENTS(X)                                                        \
    X(MEMBER_UP, 0, "member_up", 0, MEMBER, INFO, "member up",                 \
      "a member joined or came back")                                          \
    X(MEMBER_DOWN, 1, "member_down", 0, MEMBER, INFO, "member down",           \
      "a member is down; `reason` says why")                                   \
    X(RENAME, 2, "rename", 0, BOTH, INFO,                                      \
      "member replaced by a newer identity",                                   \
      "the member at this address has a new identity; `before` is the old one")\
    X(ACTIVE, 3, "active", 0, NOTHING, INFO, "active",                         \
      "the first other member is up")                                          \
    X(IDLE, 4, "idle", 0, NOTHING, INFO, "idle",                               \
      "the last other member is down")                                         \
    X(DEFUNCT, 5, "defunct", 0, NOTHING, INFO, "defunct",                      \
      "we left, or were declared down and could neither refute nor renew")     \
    X(REJOIN, 6, "rejoin", 0, OURSELVES, INFO,                                 \
      "rejoining with a renewed identity",                                     \
      "we took this new identity, because another member claimed our address " \
      "or we could not refute")                                                \
    X(SUSPECT, 7, "suspect", 1, MEMBER, DEBUG, "suspect",                      \
      "a member is suspected")                                                 \
    X(REFUTED, 8, "refuted", 1, MEMBER, DEBUG, "suspicion refuted",            \
      "a suspicion of this member, or of us, was refuted")                     \
    X(CONFLICT, 9, "conflict", 1, MEMBER, WARN,                                \
      "another node claims our address", "this identity claims our address")   \
    X(PROBE_STARTED, 10, "probe_started", 1, MEMBER, DEBUG, "probe started",   \
      "a member is probed")                                                    \
    X(PROBE_FAILED, 11, "probe_failed", 1, MEMBER, DEBUG, "probe failed",      \
      "a member answered neither us nor the members we asked to ping it")      \
    X(PACKET_RECEIVED, 12, "packet_received", 1, PACKET, TRACE,                \
      "packet received", "a packet was accepted")                              \
    X(PACKET_SENT, 13, "packet_sent", 1, PACKET, OFF, NULL,                    \
      "a packet was sent")                                                     \
    X(MEMBER_FORGOTTEN, 14, "member_forgotten", 0, MEMBER, DEBUG,              \
      "down member forgotten", "a down member was forgotten")                  \
    X(RETURNED, 15, "returned", 0, OURSELVES, INFO,                            \
      "we were declared down and have refuted it",                             \
      "we were declared down and have refuted it; our identity is unchanged")  \
    X(FULL, 16, "full", 1, MEMBER, WARN,                                       \
      "no room for a new member: raise max_members",                           \
      "there is no room for this member: `max_members` is reached")            \
    X(REFUSED, 17, "refused", 1, MEMBER, WARN,                                 \
      "refused by a member whose table is full: raise max_members there",      \
      "a member has no room for us")                                           \
    X(ITEM_DROPPED, 18, "item_dropped", 1, ITEM, WARN,                         \
      "a broadcast was dropped",                                               \
      "a queued broadcast was dropped: `too_big` (it no longer fits into a "   \
      "packet) or `backlog_full` (`max_broadcasts` newer ones are queued)")    \
    X(VIEW, 19, "view", 2, CHANGES, OFF, NULL,                                 \
      "members joined, left or changed, or our own tags did, and nothing has " \
      "changed since for `view_quiet`")                                        \
    X(STABLE, 20, "stable", 2, NOTHING, OFF, NULL,                             \
      "nothing has changed for `stable_after`")                                \
    X(TAGS, 21, "tags", 0, TAGS, DEBUG, "tags changed",                        \
      "what a member says of itself has changed")                              \
    X(PUBLISHED, 22, "published", 0, PUBLISHED, TRACE, "published",            \
      "a member published something on a topic")                               \
    X(MISSED, 23, "missed", 0, MISSED, INFO, "missed what was published",      \
      "messages of a member's topic did not arrive, and nobody has them any "  \
      "more; or the member was started again, and some may have been lost")    \
    X(MESSAGE, 25, "message", 0, MESSAGE, TRACE, "message received",           \
      "a member has sent us a message")                                        \
    X(MESSAGE_ACKNOWLEDGED, 26, "message_acknowledged", 1, OUTCOME, TRACE,     \
      "message acknowledged", "a message of ours has arrived")                 \
    X(MESSAGE_FAILED, 27, "message_failed", 1, OUTCOME, DEBUG,                 \
      "message failed",                                                        \
      "a message of ours was not acknowledged before its receiver went down, " \
      "or we left")                                                            \
    X(TAGS_IGNORED, 28, "tags_ignored", 1, IGNORED, WARN,                      \
      "tags were ignored",                                                     \
      "a version of this member's tags was ignored, or not passed on; "        \
      "`reason` is that of the counter")                                       \
    X(TURNED_AWAY, 29, "turned_away", 1, REASON, WARN, "turned away",          \
      "somebody was not let in, or not answered: `not_admitted`, "             \
      "`newcomers`, `announces` or `renewals`, as the counters say")

/* Why packets, updates and items were dropped. X(NAME, "name", "text") */
#define SHOAL_DROPS(X)                                                         \
    X(MALFORMED, "malformed",                                                  \
      "not a shoal packet: another program sent it, or the network damaged "   \
      "it")                                                                    \
    X(TOO_BIG, "too_big",                                                      \
      "a packet larger than our `max_packet_size`, or a broadcast or "         \
      "identity that does not fit into a packet")                              \
    X(UNSUPPORTED, "unsupported", "from a newer release")                      \
    X(CODEC, "codec",                                                          \
      "a codec function of the script failed; the log has the traceback")      \
    X(FROM_OURSELVES, "from_ourselves",                                        \
      "the sender claims our address; two members have the same address")      \
    X(INDIRECT_FOR_OURSELVES, "indirect_for_ourselves",                        \
      "an indirect probe that names us as its other end")                      \
    X(NOT_FOR_US, "not_for_us",                                                \
      "addressed to an identity that we had before, or that had our address "  \
      "before. The reply says who is here now")                                \
    X(DOWN_SENDER, "down_sender",                                              \
      "from a member that is down; the reply says so")                         \
    X(REPLACED, "replaced", "from an identity that a newer one has replaced")  \
    X(STRANGER, "stranger",                                                    \
      "from a sender that is not yet a member; the reply asks it to show "     \
      "that it receives packets (`check_strangers`)")                          \
    X(FULL, "full",                                                            \
      "a new member beyond `max_members`; it is notified, and both members "   \
      "log it")                                                                \
    X(IDENTITY, "identity",                                                    \
      "an invalid identity (no address, or not in canonical form), or an "     \
      "identity function of the script failed")                                \
    X(NO_HANDLER, "no_handler",                                                \
      "a broadcast, but the script has no `broadcast`")                        \
    X(BROADCAST, "broadcast",                                                  \
      "a broadcast function of the script failed; the log has the traceback")  \
    X(BACKLOG, "backlog_full", "a broadcast beyond `max_broadcasts`")          \
    X(REPEATED, "repeated",                                                    \
      "a message that had arrived before: its receipt was lost or late")       \
    X(TAGS, "tags", "tags that were damaged on their way")                     \
    X(TAGS_MALFORMED, "tags_malformed",                                        \
      "tags that are not a map as docs/wire.md describes it: another program " \
      "made them")                                                             \
    X(TAGS_STALE, "tags_stale", "tags older than those that we know")          \
    X(TAGS_VETOED, "tags_vetoed",                                              \
      "tags that `check_tags` did not accept, or on which it failed")          \
    X(TAGS_MEMORY, "tags_memory", "tags beyond `max_tags_memory`")             \
    X(TAGS_UNFINISHED, "tags_unfinished",                                      \
      "tags larger than a packet that did not all arrive. They are asked for " \
      "again later")                                                           \
    X(TAGS_RATE, "tags_rate",                                                  \
      "tags that we did not pass on, because their owner changes them more "   \
      "than ten times a second")                                               \
    X(TOPICS, "topics",                                                        \
      "an item of a topic by somebody who is not known (yet), or beyond the "  \
      "limits of topics")                                                      \
    X(NOT_ADMITTED, "not_admitted",                                            \
      "a new identity that `admit` of the script, or `--allow`, refuses")      \
    X(NEWCOMERS, "newcomers",                                                  \
      "a new member of a host that has brought more than "                     \
      "`newcomers_per_minute`")                                                \
    X(ANNOUNCES, "announces",                                                  \
      "an announce from a host that has sent more than "                       \
      "`announces_per_minute`")                                                \
    X(RENEWALS, "renewals",                                                    \
      "a new identity at an address that has had more than "                   \
      "`renewals_per_minute`")                                                 \
    X(NOMEM, "no_memory", "out of memory")

/* What an engine counts since shoal_new(). X(member, "text") */
#define SHOAL_COUNTERS(X)                                                      \
    X(packets_received, "packets that arrived, including malformed ones")      \
    X(bytes_received, "their bytes")                                           \
    X(packets_sent, "packets that were sent")                                  \
    X(bytes_sent, "their bytes")                                               \
    X(probes, "members probed")                                                \
    X(probes_failed, "probes that were not answered")                          \
    X(suspicions, "suspicions that we raised against a member")                \
    X(refutations, "suspicions and verdicts against us that we refuted")       \
    X(renewals, "identities that we renewed")                                  \
    X(conflicts, "claims to our address by other members")                     \
    X(messages_sent, "messages sent with `send`, answers included")            \
    X(messages_repeated, "times that one of them was sent again")              \
    X(messages_failed, "messages whose receiver went down first")              \
    X(messages_refused, "messages not accepted: too many were under way")      \
    X(messages_received, "messages that arrived, each counted once")           \
    X(items_published, "packets' worth of what we published")                  \
    X(items_repaired, "items of topics that came only when we asked for them") \
    X(items_missed, "items of topics that nobody had any more")                \
    X(member_repairs, "packets sent to compare and repair who is a member")    \
    X(member_repair_bytes, "their bytes")                                      \
    X(tag_repairs, "packets sent to fetch tags that do not fit into a claim")  \
    X(tag_repair_bytes, "their bytes")                                         \
    X(topic_repairs, "packets sent to compare and repair topics")              \
    X(topic_repair_bytes, "their bytes")                                       \
    X(memory_bytes, "memory that the engine uses now")                         \
    X(local_health, "current local health, from 0 (good) to `max_local_health`")

/* clang-format on */

#endif
