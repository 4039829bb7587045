/* SPDX-License-Identifier: MIT */
/*
 * How often an engine acts and how long it waits: one row for each field.
 * Included by shoal.h, which has the presets and the check of a config.
 *
 * A field can be changed while the engine runs (shoal_set_config()).
 * docs/operating.md has the values of the presets. The struct, the check, the
 * names and ranges that Lua and `shoal run --set` know, and the tables of the
 * documents (`make tables`) come from here.
 *
 * "Lifeguard" is Dadgar, Phillips, Currey: "Lifeguard: Local Health Awareness
 * for More Accurate Failure Detection", 2018.
 */
#ifndef SHOAL_CONFIG_H
#define SHOAL_CONFIG_H

#include <stdbool.h>
#include <stdint.h>

/* Something done every `every_us`, 1 ms to 366 days, to `members` random
 * members. every_us 0: not at all. */
typedef struct shoal_periodic {
    uint64_t every_us;
    uint32_t members;
} shoal_periodic;

/* Of which type a field is. Ranges of SECONDS are in seconds, the field is in
 * microseconds. */
typedef uint64_t SHOAL_CONFIG_SECONDS;
typedef uint32_t SHOAL_CONFIG_COUNT;
typedef uint32_t SHOAL_CONFIG_BYTES;
typedef bool SHOAL_CONFIG_FLAG;
typedef shoal_periodic SHOAL_CONFIG_PERIODIC; /* the range is of `members` */

/* clang-format off */

/* X(member, "name", KIND, least, most, "what it is") */
#define SHOAL_CONFIG_FIELDS(X)                                                 \
    /* ---- Failure detection (SWIM 3.1, 4.2) ---- */                          \
    X(probe_period_us, "probe_period", SECONDS, 0.001, 31622400,               \
      "one member is probed in each period (SWIM's T')")                       \
    X(probe_rtt_us, "probe_rtt", SECONDS, 0.000001, 31622400,                  \
      "how long to wait for an ack before other members are asked to ping "    \
      "the target; shorter than `probe_period`")                               \
    X(num_indirect_probes, "num_indirect_probes", COUNT, 1, 255,               \
      "how many members are asked for an indirect probe, and how many each "   \
      "gossip goes to (SWIM's k)")                                             \
    X(suspect_to_down_after_us, "suspect_to_down_after", SECONDS,              \
      0.000001, 31622400,                                                      \
      "how long a suspect has to refute a suspicion that other members have "  \
      "confirmed")                                                             \
    X(remove_down_after_us, "remove_down_after", SECONDS, 0.000001, 31622400,  \
      "how long a down member is remembered. Unless it left, it is asked "     \
      "during that time whether it is back")                                   \
    X(notify_down_members, "notify_down_members", FLAG, 0, 1,                  \
      "reply to a down member that it is down, so that it can refute that. "   \
      "If false, down is final")                                               \
    /* ---- Dissemination (SWIM 4.1) ---- */                                   \
    X(max_transmissions, "max_transmissions", COUNT, 1, 255,                   \
      "how many times each member passes on a suspicion or a refutation")      \
    X(news_transmissions, "news_transmissions", COUNT, 0, 255,                 \
      "the same for members that leave or fail, and for broadcasts. Raise it " \
      "on a lossy network. 0: use `max_transmissions`. Members that join are " \
      "found by comparing; without `compare_members`, it is for them, too")    \
    X(gossip, "gossip", PERIODIC, 1, 255,                                      \
      "send queued updates and broadcasts to random members")                  \
    X(announce, "announce", PERIODIC, 1, 255,                                  \
      "ask random members which members they know. Not sent where members "    \
      "are compared (`compare_members`)")                                      \
    X(announce_to_down, "announce_to_down", PERIODIC, 1, 255,                  \
      "ask down members whether they are back; this heals a split cluster")    \
    X(compare_members, "compare_members", FLAG, 0, 1,                          \
      "add a digest of what the sender knows to each ping. Two members that "  \
      "differ exchange what is missing")                                       \
    X(check_strangers, "check_strangers", FLAG, 0, 1,                          \
      "an unknown sender becomes a member only when it has shown that it "     \
      "receives what is sent to its address. Until then it gets at most "      \
      "three bytes for each of its own")                                       \
    X(newcomers_per_minute, "newcomers_per_minute", COUNT, 0, 1000000,         \
      "how many new members one host (an IP address) may bring, all at once "  \
      "or one after the other. Further ones have to wait. 0: any number")      \
    X(announces_per_minute, "announces_per_minute", COUNT, 0, 1000000,         \
      "how often one host may ask for all members. 0: any number")             \
    X(renewals_per_minute, "renewals_per_minute", COUNT, 0, 1000000,           \
      "how often the identity at one address may be replaced by a newer one. " \
      "Further ones have to wait. 0: any number")                              \
    /* ---- The view ---- */                                                   \
    X(view_quiet_us, "view_quiet", SECONDS, 0.001, 31622400,                   \
      "`on_view` is called when nothing has changed for this long, and at "    \
      "the latest after five times as long")                                   \
    X(stable_after_us, "stable_after", SECONDS, 0.001, 31622400,               \
      "`on_stable` is called when nothing has changed for this long")          \
    /* ---- Limits ---- */                                                     \
    X(max_packet_size, "max_packet_size", BYTES, 256, 65507,                   \
      "of the largest packet, sent or received. The member's own identity "    \
      "must fit into it three times")                                          \
    X(max_tags_size, "max_tags_size", BYTES, 1, 16384,                         \
      "of a member's own tags, as MessagePack. Other members fetch what does " \
      "not fit into a packet in parts")                                                     \
    X(max_tags_memory, "max_tags_memory", BYTES, 0, 4294967295,                \
      "of the tags of all members that one engine keeps. Tags beyond it are "  \
      "ignored")                                                               \
    X(max_topics_memory, "max_topics_memory", BYTES, 65536, 1073741824,        \
      "of what was published lately and is kept for members that missed it")   \
    X(max_members, "max_members", COUNT, 1, 16777214,                          \
      "known members, including down ones. A new member replaces the one "     \
      "that has been down longest. If all are up, the new member is refused "  \
      "and notified")                                                          \
    X(max_broadcasts, "max_broadcasts", COUNT, 1, 4294967295,                  \
      "queued broadcasts. When the queue is full, the broadcast that was "     \
      "sent most often is dropped (the oldest of several)")                    \
    /* ---- Lifeguard ---- */                                                  \
    X(max_local_health, "max_local_health", COUNT, 0, 255,                     \
      "a member whose own probes fail, or that has to refute a suspicion, "    \
      "multiplies its `probe_period` and `probe_rtt` by at most 1 + this "     \
      "value (Lifeguard 4.A). 0: never")                                       \
    X(suspicion_confirmations, "suspicion_confirmations", COUNT, 0, 8,         \
      "how many other members must confirm a suspicion before it lasts only "  \
      "`suspect_to_down_after`. With fewer confirmations it lasts longer "     \
      "(Lifeguard 4.B). Without any, a member that was itself suspected in "   \
      "the meantime lets its suspicion begin anew, up to three times: its "    \
      "own packets may be lost. 0: it never lasts longer")                     \
    X(suspicion_max_factor, "suspicion_max_factor", COUNT, 1, 255,             \
      "how many times longer an unconfirmed suspicion lasts, at most")         \
    X(tell_suspects, "tell_suspects", FLAG, 0, 1,                              \
      "notify a suspect in the ping that probes it (Lifeguard 4.C)")           \
    X(second_look, "second_look", FLAG, 0, 1,                                  \
      "probe a member a second time before it is suspected, unless no member " \
      "that was asked for an indirect probe can reach it")                     \
    X(cluster_size, "cluster_size", COUNT, 0, 4294967295,                      \
      "the number of members that the preset was scaled for. A larger "        \
      "cluster gets the transmissions and suspicions that the preset has for " \
      "its real size. 0: it does not")

/* clang-format on */

typedef struct shoal_config {
#define SHOAL_CONFIG_MEMBER(member, name, KIND, ...) SHOAL_CONFIG_##KIND member;
    SHOAL_CONFIG_FIELDS(SHOAL_CONFIG_MEMBER)
#undef SHOAL_CONFIG_MEMBER
} shoal_config;

#endif
