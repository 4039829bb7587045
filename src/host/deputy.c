/* SPDX-License-Identifier: MIT */
#include "node.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum {
    /* Handlers that are back by then need no deputy. */
    PATIENCE_US = 50 * 1000,
    /* So long it waits for packets before it looks at the clock. */
    LOOK_UP_MS = 50
};

struct deputy {
    pthread_t thread;
    pid_t process; /* whose thread that is: a fork has none */
    bool has_thread, has_failed;

    pthread_mutex_t mutex;
    pthread_cond_t news;
    /* Under the mutex. */
    host *nodes;
    uint64_t since_us; /* when the handler began; 0: none runs */
    uint64_t spent_us; /* the `since_us` that is not to be seen to any more */
    bool parked, ending;

    /* The thread's own. */
    struct udp_inbox inbox;
    struct udp_outbox outbox;
    struct pollfd *watched;
    size_t watched_room;
};

/* Of the nodes that were started in this thread. */
static _Thread_local struct deputy *here;

static uint64_t monotonic_us(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

/* ---- Standing in for one node ---- */

static bool within_limit(const struct deputy *deputy, const host *node,
                         uint64_t now_us)
{
    return now_us - deputy->since_us < node->post.limit_us;
}

static void on_send_failed(void *context, const struct address *to, int number)
{
    host *node = context;

    (void)to, (void)number;
    node->post.counts.send_errors++;
}

static void flush(struct deputy *deputy, host *node)
{
    struct udp_sent sent =
        udp_flush(&node->udp, &deputy->outbox, on_send_failed, node);

    node->post.counts.answered += sent.datagrams;
    node->post.counts.bytes_sent += sent.bytes;
}

/* To where it came from: an endpoint is a question that nobody can answer now.
 */
static void answer(struct deputy *deputy, host *node, shoal_bytes datagram,
                   const struct address *from)
{
    uint8_t out[STANDIN_MAX_ANSWER];
    shoal_bytes prefix = {node->envelope.prefix, node->envelope.size};
    shoal_bytes packet, reply = {out, 0};

    if (!envelope_open(&node->envelope, datagram, &packet))
        return;
    reply.size = standin_answer(&node->post.standin, packet, out);
    if (reply.size == 0)
        return;
    if (udp_outbox_add(&deputy->outbox, prefix, reply, from))
        return;
    flush(deputy, node);
    (void)udp_outbox_add(&deputy->outbox, prefix, reply,
                         from); /* it is empty */
}

/* The node was interrupted in the middle of a batch. The first of it may have
 * been answered: once more does no harm. */
static void answer_batch(struct deputy *deputy, host *node)
{
    int i, count = node->batch;

    node->batch = 0;
    for (i = 0; i < count; i++) {
        bool truncated;
        shoal_bytes datagram = udp_datagram(&node->inbox, i, &truncated);

        if (!truncated)
            answer(deputy, node, datagram, udp_sender(&node->inbox, i));
    }
    flush(deputy, node);
}

static void take_datagram(struct deputy *deputy, host *node, int i)
{
    bool truncated;
    shoal_bytes datagram = udp_datagram(&deputy->inbox, i, &truncated);

    if (kept_push(&node->post.kept, datagram, truncated))
        node->post.counts.kept++;
    else
        node->post.counts.dropped++;
    if (!truncated)
        answer(deputy, node, datagram, udp_sender(&deputy->inbox, i));
}

/* One batch, so that the handler's thread is not kept waiting. false: the
 * socket is in trouble. */
static bool read_batch(struct deputy *deputy, host *node)
{
    int i, count = udp_receive(&node->udp, &deputy->inbox);

    if (count < 0) {
        node->post.counts.receive_errors++;
        return errno == ECONNREFUSED; /* which is of an earlier send */
    }
    for (i = 0; i < count; i++)
        take_datagram(deputy, node, i);
    flush(deputy, node);
    return true;
}

/* ---- Standing in for all of them ---- */

static void give_up(struct deputy *deputy, host *node, uint64_t now_us)
{
    uint64_t busy_us = now_us - deputy->since_us;

    if (node->post.gave_up)
        return;
    node->post.gave_up = true;
    log_line(&node->post.log, LOG_ERROR, LOG_HOST,
             "a handler does not return: the node answers no more",
             log_num("seconds", (double)busy_us / 1e6),
             log_str("bind", node->bound));
}

static void take_over(struct deputy *deputy, host *node)
{
    if (node->post.stood_in_us == deputy->since_us)
        return;
    node->post.stood_in_us = deputy->since_us;
    node->post.gave_up = false;
    node->post.counts.takeovers++;
    answer_batch(deputy, node);
}

static bool make_room(struct deputy *deputy, size_t count, size_t packet)
{
    struct pollfd *watched;

    if (packet > deputy->inbox.room &&
        !udp_inbox_reserve(&deputy->inbox, packet))
        return false;
    if (count <= deputy->watched_room)
        return true;
    watched = realloc(deputy->watched, 2 * count * sizeof *watched);
    if (!watched)
        return false;
    deputy->watched = watched;
    deputy->watched_room = 2 * count;
    return true;
}

/* Room for what all nodes have. false: no memory. */
static bool prepare(struct deputy *deputy)
{
    size_t count = 0, packet = 0;
    host *node;

    for (node = deputy->nodes; node; node = node->post.next, count++)
        if (node->post.standin.max_packet_size + ENVELOPE_MAX > packet)
            packet = node->post.standin.max_packet_size + ENVELOPE_MAX;
    return make_room(deputy, count, packet);
}

/* Fills `watched` with the sockets of those that are still answered for. */
static size_t watch(struct deputy *deputy)
{
    uint64_t now_us = monotonic_us();
    size_t count = 0;
    host *node;

    for (node = deputy->nodes; node; node = node->post.next) {
        if (!within_limit(deputy, node, now_us)) {
            give_up(deputy, node, now_us);
            continue;
        }
        take_over(deputy, node);
        deputy->watched[count++] =
            (struct pollfd){.fd = node->udp.fd, .events = POLLIN};
    }
    return count;
}

static bool read_all(struct deputy *deputy)
{
    uint64_t now_us = monotonic_us();
    bool fine = true;
    host *node;

    for (node = deputy->nodes; node; node = node->post.next)
        if (within_limit(deputy, node, now_us))
            fine &= read_batch(deputy, node);
    return fine;
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
    size_t count;

    if (!prepare(deputy)) {
        sleep_until(deputy, monotonic_us() + PATIENCE_US);
        return;
    }
    count = watch(deputy);
    if (count == 0) {
        deputy->spent_us = since_us;
        return;
    }
    pthread_mutex_unlock(&deputy->mutex);
    (void)poll(deputy->watched, count, LOOK_UP_MS);
    pthread_mutex_lock(&deputy->mutex);
    if (deputy->since_us == since_us && !read_all(deputy))
        sleep_until(deputy, monotonic_us() + PATIENCE_US);
}

static void *work(void *argument)
{
    struct deputy *deputy = argument;

    pthread_mutex_lock(&deputy->mutex);
    while (!deputy->ending) {
        uint64_t since_us = deputy->since_us;

        if (since_us == 0 || since_us == deputy->spent_us)
            park(deputy);
        else if (monotonic_us() < since_us + PATIENCE_US)
            sleep_until(deputy, since_us + PATIENCE_US);
        else
            stand_in(deputy);
    }
    pthread_mutex_unlock(&deputy->mutex);
    return NULL;
}

/* With every signal blocked: signals are for the program's own threads. Without
 * a thread the nodes do as well as they can. */
static void start_thread(struct deputy *deputy)
{
    sigset_t all, before;
    int error;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    error = pthread_create(&deputy->thread, NULL, work, deputy);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    deputy->has_thread = error == 0;
    deputy->has_failed = error != 0;
    deputy->process = getpid();
    if (error != 0)
        narrate_no_deputy(deputy->nodes, error);
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
    standin_learn(&node->post.standin, node->engine);
    if (node->log)
        node->post.log = *node->log;
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
    node->post.deputy = NULL;
    if (!deputy->nodes)
        deputy_free(deputy);
    kept_clear(&node->post.kept);
}

/* ---- Handlers come and go ---- */

bool host_handler_begins(void)
{
    struct deputy *deputy = here;
    host *node;

    if (!deputy || deputy->since_us != 0)
        return false;
    if (!deputy->has_thread && !deputy->has_failed)
        start_thread(deputy);
    pthread_mutex_lock(&deputy->mutex);
    for (node = deputy->nodes; node; node = node->post.next)
        refresh(node);
    deputy->since_us = monotonic_us();
    if (deputy->parked)
        pthread_cond_signal(&deputy->news);
    pthread_mutex_unlock(&deputy->mutex);
    return true;
}

/* Nodes that no event is under way for must be told that packets wait. */
static void resume(host *node, uint64_t since_us)
{
    if (node->post.stood_in_us == since_us)
        narrate_deputy(node, (double)(monotonic_us() - since_us) / 1e6);
    if (node->post.kept.first)
        host_wake(node);
}

bool host_handler_ended(void)
{
    struct deputy *deputy = here;
    uint64_t since_us;
    host *node;

    if (!deputy || deputy->since_us == 0)
        return false;
    pthread_mutex_lock(&deputy->mutex);
    since_us = deputy->since_us;
    deputy->since_us = 0;
    pthread_mutex_unlock(&deputy->mutex);
    for (node = deputy->nodes; node; node = node->post.next)
        resume(node, since_us);
    return true;
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
    stats->datagrams_sent += counts.answered;
    stats->bytes_sent += counts.bytes_sent;
    stats->send_errors += counts.send_errors;
    stats->receive_errors += counts.receive_errors;
}
