/* SPDX-License-Identifier: MIT */
/*
 * What an engine does how often, and how long it waits. Included by shoal.h,
 * which has the presets and the check of a config.
 *
 * Durations are microseconds, at most 366 days. Every field can be changed
 * while the engine runs (shoal_set_config()). docs/operating.md has the values
 * of the presets.
 */
#ifndef SHOAL_CONFIG_H
#define SHOAL_CONFIG_H

#include <stdbool.h>
#include <stdint.h>

/* Something done every `every_us`, at least 1 ms, to `members` random members,
 * 1 to 255. every_us 0: not at all. */
typedef struct shoal_periodic {
    uint64_t every_us;
    uint32_t members;
} shoal_periodic;

typedef struct shoal_config {
    /* ---- Failure detection (SWIM 3.1, 4.2) ---- */

    /* One member is probed in each (SWIM's T'). At least 1 ms. */
    uint64_t probe_period_us;
    /* Without an ack by then, others are asked to ping it, too. Shorter than
     * probe_period. */
    uint64_t probe_rtt_us;
    /* How many are asked, and how many members a gossip goes to (SWIM's k). 1
     * to 255. */
    uint32_t num_indirect_probes;
    uint64_t suspect_to_down_after_us;
    /* How long a down identity is remembered, and refused. */
    uint64_t remove_down_after_us;
    bool notify_down_members; /* tell one that talks to us (turn_undead) */

    /* ---- Dissemination (SWIM 4.1) ---- */

    /* How often an update or broadcast is sent before it leaves the backlog. 1
     * to 255. */
    uint32_t max_transmissions;
    /* The same for members that come or go, and for broadcasts. 0 to 255; 0: as
     * max_transmissions. */
    uint32_t news_transmissions;
    shoal_periodic gossip;           /* spread what waits */
    shoal_periodic announce;         /* ask members for more members */
    shoal_periodic announce_to_down; /* ask down ones, to heal partitions */
    bool compare_members;            /* in each ping a digest of whom we know */

    /* ---- Limits ---- */

    /* Bytes, of what is sent and of what is received. 256 to SHOAL_MAX_PACKET.
     */
    uint32_t max_packet_size;
    uint32_t max_members; /* known members, down ones included; at least 1 */
    /* Items that wait to be sent; the one that was sent most often makes room.
     * At least 1. */
    uint32_t max_broadcasts;

    /* ---- Lifeguard ----
     *
     * Dadgar, Phillips, Currey: "Lifeguard: Local Health Awareness for More
     * Accurate Failure Detection", 2018.
     */

    /* A member whose own probes fail, or that must refute, slows down: period
     * and rtt are multiplied by 1 + its local health score, which goes up to
     * this (4.A). 0 to 255; 0 switches it off. */
    uint32_t max_local_health;
    /* A suspicion lasts suspicion_max_factor times suspect_to_down_after; each
     * of this many independent confirmations shortens it, the last one to
     * suspect_to_down_after itself (4.B). 0 to SHOAL_MAX_CONFIRMATIONS; 0: it
     * lasts suspect_to_down_after. */
    uint32_t suspicion_confirmations;
    uint32_t suspicion_max_factor; /* 1 to 255 */
    bool tell_suspects;            /* in the very ping that probes them (4.C) */
    bool second_look;              /* probe once more before suspecting */

    /* What the preset was scaled to. A cluster that has grown beyond it gets
     * more transmissions and longer suspicions, as the preset would scale them
     * today. 0: never. */
    uint32_t cluster_size;
} shoal_config;

#endif
