/* SPDX-License-Identifier: MIT */
/*
 * The engine's benchmarks: shoal-bench NAME MEMBERS REPETITIONS
 *
 * After a warm-up prints a line for each repetition:
 *
 *   value allocations operations
 *
 * The value is in nanoseconds per operation; seconds for `apply`, bytes per
 * member for `member_bytes`. Allocations are those of one operation. Under
 * callgrind one repetition is enough, and the warm-up is left out.
 */
#include "cluster.h"

#include "core/engine.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    PACKETS = 64,                /* prepared at once */
    ARRIVING = 32,               /* at once: what the host's recvmmsg takes */
    LATER_US = 60 * 1000 * 1000, /* when all is settled */
    PICKS = 1000,
    PICKED = 3
};

struct task {
    struct cluster cluster;
    uint32_t batches; /* in a repetition */
    unsigned claims;
    bool fresh;
    struct packet packets[PACKETS];
};

/* ---- ping_ack, ping_ack_stale20, ping_ack_fresh20 ---- */

/* As the host does with what one recvmmsg brought. */
static void receive_batch(struct cluster *cluster, const struct packet *packets)
{
    shoal_bytes bytes[ARRIVING];
    for (unsigned i = 0; i < ARRIVING; i++)
        bytes[i] = (shoal_bytes){packets[i].bytes, packets[i].size};
    shoal_look_ahead(cluster->engine, bytes, ARRIVING);
    for (unsigned i = 0; i < ARRIVING; i++) {
        bench_check(shoal_receive(cluster->engine, LATER_US, bytes[i]),
                    "shoal_receive");
        cluster_drain(cluster);
    }
}

static uint64_t receive_all(void *context)
{
    struct task *task = context;
    for (unsigned i = 0; i < PACKETS; i += ARRIVING)
        receive_batch(&task->cluster, &task->packets[i]);
    return PACKETS;
}

static double run_pings(struct task *task, struct bench *bench)
{
    for (uint32_t i = 0; i < task->batches; i++) {
        for (unsigned k = 0; k < PACKETS; k++)
            cluster_ping(&task->cluster, &task->packets[k], task->claims,
                         task->fresh);
        bench_measure(bench, receive_all, task);
    }
    return bench->seconds / (double)bench->operations * 1e9;
}

static void prepare_pings(struct task *task)
{
    cluster_apply(&task->cluster, SHOAL_ALIVE, task->fresh);
}

static void prepare_stale20(struct task *task)
{
    task->claims = CLUSTER_CLAIMS;
    prepare_pings(task);
}

static void prepare_fresh20(struct task *task)
{
    task->fresh = true;
    prepare_stale20(task);
}

/* ---- apply ---- */

struct state {
    shoal_update *updates;
    uint8_t (*ids)[40];
    struct cluster *cluster;
};

static uint64_t apply_all(void *context)
{
    struct state *state = context;
    struct cluster *cluster = state->cluster;
    bench_check(shoal_apply(cluster->engine, 1, state->updates, cluster->size,
                            false, NULL),
                "shoal_apply");
    return 1;
}

/* What one engine knows, into a new one. */
static double run_apply(struct task *task, struct bench *bench)
{
    uint32_t size = task->cluster.size, cursor = 0, n = 0;
    struct state state = {.updates = calloc(size, sizeof *state.updates),
                          .ids = calloc(size, sizeof *state.ids)};
    bench_check(state.updates && state.ids ? 0 : SHOAL_ERR_NOMEM, "memory");
    shoal_member member;
    while (shoal_next_member(task->cluster.engine, &cursor, &member)) {
        memcpy(state.ids[n], member.id.data, member.id.size);
        state.updates[n].id = (shoal_bytes){state.ids[n], member.id.size};
        n++;
    }
    struct cluster fresh;
    cluster_init(&fresh, size, CLUSTER_HOSTS);
    state.cluster = &fresh;
    bench_measure(bench, apply_all, &state);
    cluster_clear(&fresh);
    free(state.updates);
    free(state.ids);
    return bench->seconds;
}

/* ---- member_bytes, member_bytes_queued ---- */

static double run_bytes(struct task *task, struct bench *bench)
{
    bench->operations = 1;
    return (double)shoal_get_stats(task->cluster.engine).memory_bytes /
           task->cluster.size;
}

static void prepare_bytes(struct task *task)
{
    task->cluster.ids = CLUSTER_HOSTS;
    prepare_pings(task);
}

static void prepare_bytes_queued(struct task *task)
{
    task->cluster.ids = CLUSTER_HOSTS;
    cluster_apply(&task->cluster, SHOAL_ALIVE, true);
}

/* ---- pick ---- */

static uint64_t pick_all(void *context)
{
    struct task *task = context;
    shoal *engine = task->cluster.engine;
    struct member *picked[PICKED];
    for (unsigned i = 0; i < PICKS; i++) {
        members_next(&engine->members, &engine->members.active, &engine->rng);
        members_pick(&engine->members, &engine->members.active, &engine->rng,
                     PICKED, NULL, NULL, picked);
    }
    return PICKS;
}

static double run_pick(struct task *task, struct bench *bench)
{
    for (uint32_t i = 0; i < task->batches; i++)
        bench_measure(bench, pick_all, task);
    return bench->seconds / (double)bench->operations * 1e9;
}

/* Half of them are down. */
static void prepare_pick(struct task *task)
{
    uint32_t all = task->cluster.size;
    cluster_apply(&task->cluster, SHOAL_ALIVE, false);
    task->cluster.size = all / 2;
    cluster_apply(&task->cluster, SHOAL_DOWN, false);
    task->cluster.size = all;
}

/* ---- All of them ---- */

static const struct {
    const char *name;
    void (*prepare)(struct task *task);
    double (*run)(struct task *task, struct bench *bench);
    uint32_t batches;
} cases[] = {
    {"ping_ack", prepare_pings, run_pings, 1000},
    {"ping_ack_stale20", prepare_stale20, run_pings, 150},
    {"ping_ack_fresh20", prepare_fresh20, run_pings, 150},
    {"apply", prepare_pings, run_apply, 1},
    {"member_bytes", prepare_bytes, run_bytes, 1},
    {"member_bytes_queued", prepare_bytes_queued, run_bytes, 1},
    {"pick", prepare_pick, run_pick, 500},
};

static void run(unsigned index, uint32_t members, long repetitions)
{
    static struct task task;
    task.batches = cases[index].batches;
    cluster_init(&task.cluster, members, CLUSTER_HOSTS);
    cases[index].prepare(&task);
    for (long i = repetitions > 1 ? -1 : 0; i < repetitions; i++) {
        struct bench bench = {0};
        double value = cases[index].run(&task, &bench);
        if (i < 0)
            continue; /* that was the warm-up */
        printf("%.9g %.6g %llu\n", value,
               (double)bench.allocations / (double)bench.operations,
               (unsigned long long)bench.operations);
    }
    cluster_clear(&task.cluster);
}

int main(int argc, char **argv)
{
    long members = argc == 4 ? strtol(argv[2], NULL, 10) : 0;
    long repetitions = argc == 4 ? strtol(argv[3], NULL, 10) : 0;
    for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++) {
        if (members < 1 || members > INDEX_MAX_SLOT || repetitions < 1 ||
            strcmp(argv[1], cases[i].name) != 0)
            continue;
        run(i, (uint32_t)members, repetitions);
        return 0;
    }
    fprintf(stderr, "usage: shoal-bench NAME MEMBERS REPETITIONS\n");
    return 2;
}
