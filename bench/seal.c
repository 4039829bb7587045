/* SPDX-License-Identifier: MIT */
/*
 * What sealing costs: shoal-bench-seal NAME MEMBERS REPETITIONS, as
 * bench/engine.c.
 *
 *   ping_ack_sealed  a sealed ping is opened, the engine answers it, and the
 *                    ack is sealed
 *   reject           a datagram that was changed on its way is refused
 */
#include "cluster.h"

#include "seal/seal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PACKETS = 64, LATER_US = 60 * 1000 * 1000, ACK = 64, FOREIGN = 256 };

struct sealed {
    uint8_t bytes[sizeof((struct packet *)0)->bytes + SEAL_OVERHEAD];
    size_t size;
};

struct task {
    struct cluster cluster;
    struct seal *theirs, *ours;
    struct sealed packets[PACKETS];
    uint32_t batches;
};

/* All clocks agree, and everybody has run for long. */
static struct seal_time later(void)
{
    return (struct seal_time){600ull * 1000000, 1767225600ull * 1000000};
}

static struct seal *make_seal(void)
{
    static const char key[] = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
    struct seal_keys keys = {0};
    struct seal_options options = {.keys = &keys, .skew_us = SEAL_SKEW_US};
    struct error error;
    struct seal *seal = NULL;
    if (seal_keys_add(&keys, key, strlen(key), &error) == 0)
        seal = seal_new(&options, &error);
    bench_check(seal ? 0 : -1, seal_problem());
    return seal;
}

static void put(struct task *task, unsigned k, shoal_bytes packet)
{
    seal_packet(task->theirs, later(), packet, task->packets[k].bytes);
    task->packets[k].size = packet.size + SEAL_OVERHEAD;
}

static seal_verdict take(struct task *task, unsigned k,
                         struct seal_arrival *arrival)
{
    const uint8_t from = 1;
    return seal_open(task->ours, later(), task->packets[k].bytes,
                     task->packets[k].size, (shoal_bytes){&from, 1}, arrival);
}

/* ---- ping_ack_sealed ---- */

static void prepare_pings(struct task *task)
{
    cluster_apply(&task->cluster, SHOAL_ALIVE, false);
}

static void make_pings(struct task *task)
{
    for (unsigned k = 0; k < PACKETS; k++) {
        struct packet packet;
        cluster_ping(&task->cluster, &packet, 0, false);
        put(task, k, (shoal_bytes){packet.bytes, packet.size});
    }
}

static uint64_t answer_all(void *context)
{
    static const uint8_t ack[ACK];
    struct task *task = context;
    for (unsigned k = 0; k < PACKETS; k++) {
        uint8_t out[ACK + SEAL_OVERHEAD];
        struct seal_arrival arrival;
        bench_check(take(task, k, &arrival) == SEAL_PACKET ? 0 : -1,
                    "seal_open");
        bench_check(
            shoal_receive(task->cluster.engine, LATER_US, arrival.packet),
            "shoal_receive");
        cluster_drain(&task->cluster);
        seal_packet(task->ours, later(), (shoal_bytes){ack, ACK}, out);
    }
    return PACKETS;
}

/* ---- reject ---- */

static void prepare_nothing(struct task *task)
{
    (void)task;
}

static void make_foreign(struct task *task)
{
    static const uint8_t packet[FOREIGN];
    for (unsigned k = 0; k < PACKETS; k++) {
        put(task, k, (shoal_bytes){packet, FOREIGN});
        task->packets[k].bytes[100] ^= 1;
    }
}

static uint64_t reject_all(void *context)
{
    struct task *task = context;
    for (unsigned k = 0; k < PACKETS; k++) {
        struct seal_arrival arrival;
        bench_check(take(task, k, &arrival) == SEAL_UNAUTHENTIC ? 0 : -1,
                    "seal_open");
    }
    return PACKETS;
}

/* ---- Both ---- */

static const struct {
    const char *name;
    void (*prepare)(struct task *task);
    void (*make)(struct task *task);
    bench_work *work;
} cases[] = {
    {"ping_ack_sealed", prepare_pings, make_pings, answer_all},
    {"reject", prepare_nothing, make_foreign, reject_all},
};

static void run(unsigned index, uint32_t members, long repetitions)
{
    static struct task task;
    task.theirs = make_seal();
    task.ours = make_seal();
    cluster_init(&task.cluster, members, CLUSTER_HOSTS);
    cases[index].prepare(&task);
    for (long i = repetitions > 1 ? -1 : 0; i < repetitions; i++) {
        struct bench bench = {0};
        for (unsigned batch = 0; batch < 300; batch++) {
            cases[index].make(&task);
            bench_measure(&bench, cases[index].work, &task);
        }
        if (i < 0)
            continue; /* that was the warm-up */
        printf("%.9g %.6g %llu\n",
               bench.seconds / (double)bench.operations * 1e9,
               (double)bench.allocations / (double)bench.operations,
               (unsigned long long)bench.operations);
    }
    cluster_clear(&task.cluster);
    seal_free(task.theirs);
    seal_free(task.ours);
}

int main(int argc, char **argv)
{
    long members = argc == 4 ? strtol(argv[2], NULL, 10) : 0;
    long repetitions = argc == 4 ? strtol(argv[3], NULL, 10) : 0;
    for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++) {
        if (members < 1 || members > 1000000 || repetitions < 1 ||
            strcmp(argv[1], cases[i].name) != 0)
            continue;
        run(i, (uint32_t)members, repetitions);
        return 0;
    }
    fprintf(stderr, "usage: shoal-bench-seal NAME MEMBERS REPETITIONS\n");
    return 2;
}
