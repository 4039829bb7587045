/* SPDX-License-Identifier: MIT */
#include "cluster.h"

#include "core/engine.h"
#include "wire/wire.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { OURSELVES = 0xffffff, BATCH = 1000 };

struct id {
    size_t size;
    uint8_t bytes[SHOAL_MAX_IDENTITY];
};

static shoal_bytes id_of(const struct cluster *cluster, uint32_t member,
                         struct id *id)
{
    char addr[32];
    uint64_t bump = 1795416443; /* a wall clock */
    if (cluster->ids == CLUSTER_HOSTS) {
        snprintf(addr, sizeof addr, "10.%u.%u.%u:7946", member >> 16 & 255,
                 member >> 8 & 255, member & 255);
    } else {
        snprintf(addr, sizeof addr, "%08x:80", member);
        bump = 1;
    }
    shoal_bytes bytes = {(const uint8_t *)addr, strlen(addr)};
    bench_check(shoal_stock_identity_new(bytes, bump, id->bytes, &id->size),
                "identity");
    return (shoal_bytes){id->bytes, id->size};
}

void cluster_init(struct cluster *cluster, uint32_t size, enum cluster_ids ids)
{
    *cluster = (struct cluster){.size = size, .ids = ids};
    cluster->incarnations = calloc(size, sizeof *cluster->incarnations);
    struct id id;
    shoal_options options = {
        .identity = id_of(cluster, OURSELVES, &id),
        .seed = 1,
        .config = shoal_config_lan(size),
        .handlers = {.identity = shoal_stock_identity(),
                     .codec = shoal_default_codec()},
        .allocator = bench_allocator(),
    };
    options.config.max_members = size;
    bench_check(cluster->incarnations ? 0 : SHOAL_ERR_NOMEM, "memory");
    bench_check(shoal_new(&options, &cluster->engine, NULL), "shoal_new");
}

void cluster_clear(struct cluster *cluster)
{
    shoal_free(cluster->engine);
    free(cluster->incarnations);
}

void cluster_drain(struct cluster *cluster)
{
    shoal_effect effect;
    while (shoal_next_effect(cluster->engine, &effect))
        ;
}

void cluster_apply(struct cluster *cluster, shoal_state state, bool broadcast)
{
    static struct id ids[BATCH];
    static shoal_update updates[BATCH];
    for (uint32_t done = 0; done < cluster->size;) {
        uint32_t n = cluster->size - done;
        n = n < BATCH ? n : BATCH;
        for (uint32_t i = 0; i < n; i++)
            updates[i] =
                (shoal_update){.id = id_of(cluster, done + i, &ids[i]),
                               .incarnation = cluster->incarnations[done + i],
                               .state = (uint8_t)state};
        bench_check(
            shoal_apply(cluster->engine, 1, updates, n, broadcast, NULL),
            "shoal_apply");
        cluster_drain(cluster);
        done += n;
    }
}

enum { PROBE = 7 };

static void put_header(struct cluster *cluster, struct packet *packet)
{
    shoal_codec codec = shoal_default_codec();
    struct id src, dst;
    shoal_header header = {
        .kind = SHOAL_MSG_PING,
        .number = PROBE,
        .has_digest = true, /* the same as ours, as mostly */
        .digest = digest_of_all(cluster->engine),
        .src = id_of(cluster, bench_random(cluster->size), &src),
        .dst_hash = wire_hash(id_of(cluster, OURSELVES, &dst)),
    };
    bench_check(codec.encode_header(NULL, &header, packet->bytes,
                                    sizeof packet->bytes, &packet->size),
                "header");
}

static void put_claim(struct cluster *cluster, struct packet *packet,
                      bool fresh)
{
    shoal_codec codec = shoal_default_codec();
    uint32_t member = bench_random(cluster->size);
    struct id id;
    size_t size;
    cluster->incarnations[member] += fresh;
    shoal_update claim = {.id = id_of(cluster, member, &id),
                          .incarnation = cluster->incarnations[member]};
    bench_check(codec.encode_member(NULL, &claim, packet->bytes + packet->size,
                                    sizeof packet->bytes - packet->size, &size),
                "claim");
    packet->size += size;
}

void cluster_ping(struct cluster *cluster, struct packet *packet,
                  unsigned claims, bool fresh)
{
    put_header(cluster, packet);
    packet->bytes[packet->size++] = (uint8_t)(claims >> 8);
    packet->bytes[packet->size++] = (uint8_t)claims;
    for (unsigned i = 0; i < claims; i++)
        put_claim(cluster, packet, fresh);
}
