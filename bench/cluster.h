/* SPDX-License-Identifier: MIT */
/* An engine that knows a cluster, and packets of that cluster's members. */
#ifndef SHOAL_BENCH_CLUSTER_H
#define SHOAL_BENCH_CLUSTER_H

#include "bench.h"

enum { CLUSTER_CLAIMS = 20 /* in a packet that has some */ };

enum cluster_ids {
    CLUSTER_HOSTS, /* as in a network: 15 bytes */
    CLUSTER_SHORT  /* 24 bytes */
};

struct cluster {
    shoal *engine;
    uint32_t size;
    enum cluster_ids ids;
    uint16_t *incarnations; /* the newest that a packet has claimed */
};

/* One packet, as it lies in a receive buffer. */
struct packet {
    size_t size;
    uint8_t bytes[1400];
};

void cluster_init(struct cluster *cluster, uint32_t size, enum cluster_ids ids);
void cluster_clear(struct cluster *cluster);
/* Tells the engine of all members, in one state. With `broadcast` the backlog
 * is full of them afterwards. */
void cluster_apply(struct cluster *cluster, shoal_state state, bool broadcast);
/* Takes all effects out, as a host does. */
void cluster_drain(struct cluster *cluster);

/* A ping of a random member with `claims` about random members that are no
 * news (incarnations as the engine knows them), or all `fresh`. */
void cluster_ping(struct cluster *cluster, struct packet *packet,
                  unsigned claims, bool fresh);

#endif
