/* SPDX-License-Identifier: MIT */
/* What a host counts: one row for each, which is in `shoal info` and in
 * docs/operating.md as it is here. */
#ifndef SHOAL_HOST_COUNTERS_H
#define SHOAL_HOST_COUNTERS_H

#include <stdint.h>

/* clang-format off */

/* Packets that were dropped outside of the engine. X(name, "text") */
#define HOST_DROPS(X)                                                          \
    X(foreign_cluster,                                                         \
      "a packet with another cluster's label, or without one")                 \
    X(not_allowed,                                                             \
      "a packet from, or for, an address outside of `--allow`")                \
    X(foreign_key,                                                             \
      "a packet sealed with a key that this member does not have")             \
    X(unauthentic,                                                             \
      "a packet that is not sealed, or was not sealed by a holder of the key, "\
      "or has another cluster's label")                                        \
    X(replayed, "a sealed packet that came before, or is too old to tell")     \
    X(unproven,                                                                \
      "a sealed packet whose sender was unknown and did not show that it is "  \
      "fresh")                                                                 \
    X(truncated,                                                               \
      "a datagram larger than `max_packet_size` plus the label or the seal")   \
    X(unresolved,                                                              \
      "not sent: the endpoint is not an address, or a name that is not "       \
      "resolved yet")

/* All of them. X(name, "text") */
#define HOST_COUNTERS(X)                                                       \
    X(datagrams_received, "datagrams that arrived, labels included")           \
    X(datagrams_sent, "datagrams that were sent")                              \
    X(bytes_received, "their bytes")                                           \
    X(bytes_sent, "their bytes")                                               \
    X(send_errors, "datagrams that the system could not send")                 \
    X(small_paths,                                                             \
      "checks that found that large packets do not reach a member")            \
    X(receive_errors, "failed attempts to receive")                            \
    HOST_DROPS(X)                                                              \
    X(challenges,                                                              \
      "unknown senders of sealed packets that were asked to show that they "   \
      "are fresh")                                                             \
    X(challenges_dropped,                                                      \
      "unknown senders that were not asked: their address had been asked too " \
      "often in that second")                                                  \
    X(wakeups, "how many times the socket became readable")                    \
    X(deputy_takeovers,                                                        \
      "times that the deputy took over: a handler blocked, or a program was "   \
      "started")                                                               \
    X(deputy_answered,                                                         \
      "pings that the deputy answered, also counted in `datagrams_sent`")      \
    X(deputy_kept,                                                             \
      "datagrams that the deputy kept until the handler returned")             \
    X(deputy_dropped, "datagrams beyond what the deputy may keep")

/* clang-format on */

typedef struct host_stats {
#define HOST_COUNTER(name, text) uint64_t name;
    HOST_COUNTERS(HOST_COUNTER)
#undef HOST_COUNTER
} host_stats;

#define HOST_ONE(name, text) +1
enum {
    HOST_NUM_DROPS = HOST_DROPS(HOST_ONE),
    HOST_NUM_COUNTERS = HOST_COUNTERS(HOST_ONE)
};
#undef HOST_ONE

#endif
