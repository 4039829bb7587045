/* SPDX-License-Identifier: MIT */
#include "../base/clock.h"
#include "../base/thread.h"
#include "deputy_parts.h"

#include <errno.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

enum {
    /* Handlers that are back by then need no deputy. */
    PATIENCE_US = 50 * 1000,
    /* Handlers that follow each other are one for so long. It is less than the
     * deputy's patience: whenever it may have stood in, it is told. */
    SERIES_US = PATIENCE_US / 2,
    /* So long it waits for packets before it looks at the clock. */
    LOOK_UP_MS = 50
};

/* Of the nodes that were started in this thread. */
static _Thread_local struct deputy *here;

uint64_t deputy_now(void)
{
    return clock_monotonic_us();
}

/* ---- The thread ---- */

static void sleep_until(struct deputy *deputy, uint64_t due_us)
{
    struct timespec due = {.tv_sec = (time_t)(due_us / 1000000),
                           .tv_nsec = (long)(due_us % 1000000) * 1000};

    (void)pthread_cond_timedwait(&deputy->news, &deputy->mutex, &due);
}

static void park(struct deputy *deputy)
{
    deputy->parked = true;
    pthread_cond_wait(&deputy->news, &deputy->mutex);
    deputy->parked = false;
}

/* Waits for packets and sees to one round of them. The nodes, and whether a
 * handler runs at all, may be others after the wait. */
static void stand_in(struct deputy *deputy)
{
    uint64_t since_us = deputy->since_us;
    bool troubled = false;
    size_t count;

    if (!deputy_prepare(deputy)) {
        sleep_until(deputy, deputy_now() + PATIENCE_US);
        return;
    }
    count = deputy_watch(deputy);
    if (count == 0) {
        deputy->spent_us = since_us;
        return;
    }
    pthread_mutex_unlock(&deputy->mutex);
    if (poll(deputy->watched, count, LOOK_UP_MS) < 0)
        troubled = errno != EINTR; /* it would not wait the next time either */
    pthread_mutex_lock(&deputy->mutex);
    if (deputy->since_us != since_us)
        return;
    if (!deputy_read(deputy) || troubled)
        sleep_until(deputy, deputy_now() + PATIENCE_US);
}

static void *work(void *argument)
{
    struct deputy *deputy = argument;

    pthread_mutex_lock(&deputy->mutex);
    while (!deputy->ending) {
        uint64_t since_us = deputy->since_us;

        if (since_us == 0 || since_us == deputy->spent_us)
            park(deputy);
        else if (since_us != deputy->hurried_us &&
                 deputy_now() < since_us + PATIENCE_US)
            sleep_until(deputy, since_us + PATIENCE_US);
        else
            stand_in(deputy);
    }
    pthread_mutex_unlock(&deputy->mutex);
    return NULL;
}

/* Without a thread the nodes do as well as they can. */
static void start_thread(struct deputy *deputy)
{
    int error = thread_start(&deputy->thread, work, deputy);

    deputy->has_thread = error == 0;
    deputy->has_failed = error != 0;
    deputy->process = getpid();
    if (error != 0)
        log_node_no_deputy(deputy->nodes, error);
}

/* ---- Its life ---- */

static bool init_sync(struct deputy *deputy)
{
    pthread_condattr_t monotonic;
    bool made;

    if (pthread_condattr_init(&monotonic) != 0)
        return false;
    made = pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC) == 0 &&
           pthread_cond_init(&deputy->news, &monotonic) == 0;
    pthread_condattr_destroy(&monotonic);
    if (!made)
        return false;
    if (pthread_mutex_init(&deputy->mutex, NULL) == 0)
        return true;
    pthread_cond_destroy(&deputy->news);
    return false;
}

static struct deputy *deputy_new(void)
{
    struct deputy *deputy = calloc(1, sizeof *deputy);

    if (deputy && udp_outbox_init(&deputy->outbox) && init_sync(deputy))
        return deputy;
    if (deputy)
        udp_outbox_clear(&deputy->outbox);
    free(deputy);
    return NULL;
}

static void end_thread(struct deputy *deputy)
{
    pthread_mutex_lock(&deputy->mutex);
    deputy->ending = true;
    pthread_cond_signal(&deputy->news);
    pthread_mutex_unlock(&deputy->mutex);
    pthread_join(deputy->thread, NULL);
}

static void deputy_free(struct deputy *deputy)
{
    if (here == deputy)
        here = NULL;
    if (deputy->has_thread && deputy->process != getpid())
        return; /* what the thread held at the fork is held for ever */
    if (deputy->has_thread)
        end_thread(deputy);
    pthread_mutex_destroy(&deputy->mutex);
    pthread_cond_destroy(&deputy->news);
    udp_inbox_clear(&deputy->inbox);
    udp_outbox_clear(&deputy->outbox);
    free(deputy->watched);
    free(deputy);
}

/* ---- Nodes come and go ---- */

static void refresh(host *node)
{
    deputy_reply_learn(&node->post.reply, node->engine);
    if (node->log)
        node->post.log = *node->log;
    node->post.log.sink = NULL; /* it must not be called from the thread */
}

void deputy_note(host *node)
{
    struct deputy *deputy = node->post.deputy;

    if (!deputy || node->post.stale)
        return;
    node->post.stale = true;
    node->post.next_stale = deputy->stale;
    deputy->stale = node;
}

/* A handler that an engine asks is called in the middle of what may change it
 * further, but while effects are carried out nothing of it is on the stack. */
static void refresh_stale(struct deputy *deputy)
{
    host *node = deputy->stale, *next;

    deputy->stale = NULL;
    for (; node; node = next) {
        next = node->post.next_stale;
        node->post.stale = false;
        refresh(node);
        if (node->depth > 0 && !node->draining)
            deputy_note(node);
    }
}

static void forget_stale(struct deputy *deputy, const host *node)
{
    host **place = &deputy->stale;

    while (*place && *place != node)
        place = &(*place)->post.next_stale;
    if (*place)
        *place = node->post.next_stale;
}

bool deputy_add(host *node, uint64_t busy_limit_us)
{
    if (busy_limit_us == 0)
        return true;
    if (!here)
        here = deputy_new();
    if (!here)
        return false;
    node->post.deputy = here;
    node->post.limit_us = busy_limit_us;
    refresh(node);
    pthread_mutex_lock(&here->mutex);
    node->post.next = here->nodes;
    here->nodes = node;
    pthread_mutex_unlock(&here->mutex);
    return true;
}

void deputy_remove(host *node)
{
    struct deputy *deputy = node->post.deputy;
    host **place;

    if (!deputy)
        return;
    pthread_mutex_lock(&deputy->mutex);
    for (place = &deputy->nodes; *place != node;)
        place = &(*place)->post.next;
    *place = node->post.next;
    pthread_mutex_unlock(&deputy->mutex);
    forget_stale(deputy, node);
    node->post.deputy = NULL;
    if (!deputy->nodes)
        deputy_free(deputy);
    deputy_queue_clear(&node->post.queue);
}

/* ---- Handlers come and go ---- */

bool host_handler_begins(uint64_t now_us)
{
    struct deputy *deputy = here;

    if (!deputy || deputy->since_us != 0)
        return false;
    if (!deputy->has_thread && !deputy->has_failed)
        start_thread(deputy);
    pthread_mutex_lock(&deputy->mutex);
    refresh_stale(deputy);
    deputy->since_us = now_us ? now_us : deputy_now();
    if (deputy->parked)
        pthread_cond_signal(&deputy->news);
    pthread_mutex_unlock(&deputy->mutex);
    return true;
}

bool deputy_hurry(void)
{
    bool begun = host_handler_begins(0);
    struct deputy *deputy = here;

    if (!deputy || deputy->since_us == 0)
        return begun;
    pthread_mutex_lock(&deputy->mutex);
    deputy->hurried_us = deputy->since_us;
    pthread_cond_signal(&deputy->news);
    pthread_mutex_unlock(&deputy->mutex);
    return begun;
}

/* Nodes that no event is under way for must be told that packets wait. What
 * they were made to say meanwhile is forgotten if the packets are. */
static void resume(host *node, uint64_t since_us)
{
    deputy_note(node);
    if (node->post.stood_in_us == since_us)
        log_node_deputy(node, (double)(deputy_now() - since_us) / 1e6);
    if (node->post.queue.first)
        host_wake(node);
}

bool host_handler_ended(void)
{
    struct deputy *deputy = here;
    uint64_t since_us;
    bool stood_in;
    host *node;

    if (!deputy || deputy->since_us == 0)
        return false;
    pthread_mutex_lock(&deputy->mutex);
    since_us = deputy->since_us;
    stood_in = deputy->stood_in_us == since_us;
    deputy->since_us = 0;
    pthread_mutex_unlock(&deputy->mutex);
    if (!stood_in)
        return true;
    for (node = deputy->nodes; node; node = node->post.next)
        resume(node, since_us);
    return true;
}

bool host_handler_follows(uint64_t now_us)
{
    struct deputy *deputy = here;

    if (!deputy || deputy->since_us == 0)
        return false;
    if (!deputy->stale && now_us - deputy->since_us < SERIES_US &&
        deputy->since_us != deputy->hurried_us)
        return true;
    (void)host_handler_ended();
    return false;
}

void deputy_take_back(host *node)
{
    if (node->post.deputy && node->post.deputy->since_us != 0)
        (void)host_handler_ended();
}

void deputy_add_stats(const host *node, host_stats *stats)
{
    struct deputy *deputy = node->post.deputy;
    struct post_counts counts;

    if (!deputy)
        return;
    pthread_mutex_lock(&deputy->mutex);
    counts = node->post.counts;
    pthread_mutex_unlock(&deputy->mutex);
    stats->deputy_takeovers = counts.takeovers;
    stats->deputy_answered = counts.answered;
    stats->deputy_kept = counts.kept;
    stats->deputy_dropped = counts.dropped;
    stats->datagrams_sent += counts.sent;
    stats->bytes_sent += counts.bytes_sent;
    stats->send_errors += counts.send_errors;
    stats->receive_errors += counts.receive_errors;
}
