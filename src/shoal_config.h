/* SPDX-License-Identifier: MIT */
/*
 * What an engine does how often, and how long it waits: one row for each field.
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
      "without an ack by then, other members are asked to ping it; shorter "   \
      "than `probe_period`")                                                   \
    X(num_indirect_probes, "num_indirect_probes", COUNT, 1, 255,               \
      "how many members are asked, and how many a gossip goes to (SWIM's k)")  \
    X(suspect_to_down_after_us, "suspect_to_down_after", SECONDS,              \
      0.000001, 31622400,                                                      \
      "how long a suspect has to refute, once others suspect it too")          \
    X(remove_down_after_us, "remove_down_after", SECONDS, 0.000001, 31622400,  \
      "how long a down member is remembered, and asked whether it is back "    \
      "unless it left")                                                        \
    X(notify_down_members, "notify_down_members", FLAG, 0, 1,                  \
      "answer a down member that it is down, so that it can refute that; "     \
      "without it down is final")                                              \
    /* ---- Dissemination (SWIM 4.1) ---- */                                   \
    X(max_transmissions, "max_transmissions", COUNT, 1, 255,                   \
      "how often each member passes on a suspicion or its refutation")         \
    X(news_transmissions, "news_transmissions", COUNT, 0, 255,                 \
      "the same for members that come or go, and for broadcasts; raise it on " \
      "a lossy network. 0: as `max_transmissions`")                            \
    X(gossip, "gossip", PERIODIC, 1, 255,                                      \
      "send waiting updates and broadcasts to random members")                 \
    X(announce, "announce", PERIODIC, 1, 255,                                  \
      "ask random members for more members")                                   \
    X(announce_to_down, "announce_to_down", PERIODIC, 1, 255,                  \
      "ask down members whether they are back, which heals a divided cluster") \
    X(compare_members, "compare_members", FLAG, 0, 1,                          \
      "each ping carries a digest of the members that its sender knows, so "   \
      "that the receiver can send what is missing")                            \
    /* ---- Limits ---- */                                                     \
    X(max_packet_size, "max_packet_size", BYTES, 256, 65507,                   \
      "of a packet, sent or received. Three of the member's own identity must "\
      "fit")                                                                   \
    X(max_members, "max_members", COUNT, 1, 16777214,                          \
      "known members, down ones included. The one that has been down longest " \
      "makes room for a newcomer; when all are up the newcomer is refused, "   \
      "and is notified")                                                       \
    X(max_broadcasts, "max_broadcasts", COUNT, 1, 4294967295,                  \
      "broadcasts that wait to be sent. Beyond it the one that was sent most " \
      "often is dropped, the oldest of those")                                 \
    /* ---- Lifeguard ---- */                                                  \
    X(max_local_health, "max_local_health", COUNT, 0, 255,                     \
      "a member whose own probes fail, or that must refute, multiplies its "   \
      "`probe_period` and `probe_rtt` by up to 1 + this (Lifeguard 4.A). 0: "  \
      "never")                                                                 \
    X(suspicion_confirmations, "suspicion_confirmations", COUNT, 0, 8,         \
      "how many others must suspect a member too before it has no more than "  \
      "`suspect_to_down_after`; with fewer it has longer (Lifeguard 4.B). 0: " \
      "it never has longer")                                                   \
    X(suspicion_max_factor, "suspicion_max_factor", COUNT, 1, 255,             \
      "how many times longer at most")                                         \
    X(tell_suspects, "tell_suspects", FLAG, 0, 1,                              \
      "tell a suspect in the ping that probes it (Lifeguard 4.C)")             \
    X(second_look, "second_look", FLAG, 0, 1,                                  \
      "probe a member once more before it is suspected, unless no member that "\
      "was asked reaches it either")                                           \
    X(cluster_size, "cluster_size", COUNT, 0, 4294967295,                      \
      "how many members the preset was scaled to. A cluster that has grown "   \
      "beyond it gets more transmissions and longer suspicions, as the preset "\
      "would have them today. 0: it does not")

/* clang-format on */

typedef struct shoal_config {
#define SHOAL_CONFIG_MEMBER(member, name, KIND, ...) SHOAL_CONFIG_##KIND member;
    SHOAL_CONFIG_FIELDS(SHOAL_CONFIG_MEMBER)
#undef SHOAL_CONFIG_MEMBER
} shoal_config;

#endif
