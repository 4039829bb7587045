/* SPDX-License-Identifier: MIT */
/*
 * The resolver outlives its owner when a thread is still inside getaddrinfo():
 * it is counted (`holders`), and whoever lets go last frees it. Everything
 * below the mutex in `struct resolver` belongs to the mutex.
 */
#include "resolve.h"

#include "../base/thread.h"

#include <netdb.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

struct resolver_question {
    struct resolver_question *next;
    resolve_fn *done;
    void *context;
    uint16_t port;
    struct addresses answer;
    const char *error; /* static; NULL: there is an answer */
    char name[ADDRESS_MAX_HOST];
};

struct resolver_queue {
    struct resolver_question *first, **last;
};

struct resolver {
    struct ev_loop *loop;
    ev_async answered;
    struct address_reach reach;
    resolve_lookup_fn *lookup;
    unsigned open; /* questions not answered; the loop's thread only */

    pthread_mutex_t mutex;
    bool closed;
    unsigned holders, threads;
    struct resolver_queue waiting, finished;
};

/* ---- Queues of questions ---- */

static void queue_init(struct resolver_queue *queue)
{
    queue->first = NULL;
    queue->last = &queue->first;
}

static void queue_push(struct resolver_queue *queue,
                       struct resolver_question *question)
{
    question->next = NULL;
    *queue->last = question;
    queue->last = &question->next;
}

static struct resolver_question *queue_pop(struct resolver_queue *queue)
{
    struct resolver_question *question = queue->first;

    if (question && !(queue->first = question->next))
        queue->last = &queue->first;
    return question;
}

static void question_free(struct resolver_question *question)
{
    addresses_clear(&question->answer);
    free(question);
}

static void queue_clear(struct resolver_queue *queue)
{
    struct resolver_question *question;

    while ((question = queue_pop(queue)))
        question_free(question);
}

/* ---- The lookup ---- */

static const char *take_all(const struct addrinfo *list, uint16_t port,
                            struct address_reach reach, struct addresses *out)
{
    struct address address;

    for (; list; list = list->ai_next) {
        if (list->ai_addrlen > sizeof address.as)
            continue;
        memset(&address, 0, sizeof address);
        memcpy(&address.as, list->ai_addr, list->ai_addrlen);
        address.size = list->ai_addrlen;
        address_set_port(&address, port);
        if (address_adapt(&address, reach) && !addresses_add(out, &address))
            return "out of memory";
    }
    return out->count > 0 ? NULL
                          : "no address that this node's socket can reach";
}

static bool is_without_address(int error)
{
#ifdef EAI_ADDRFAMILY
    if (error == EAI_ADDRFAMILY)
        return true;
#endif
#ifdef EAI_NODATA
    if (error == EAI_NODATA)
        return true;
#endif
    return error == EAI_NONAME;
}

/* A name that has addresses, only of the other family, is not unknown. */
static const char *explain(const char *name, int error, sa_family_t family)
{
    struct addrinfo hints = {0}, *list = NULL;

    hints.ai_family = family == AF_INET ? AF_INET6 : AF_INET;
    hints.ai_socktype = SOCK_DGRAM;
    if (!is_without_address(error) ||
        getaddrinfo(name, NULL, &hints, &list) != 0)
        return gai_strerror(error);
    freeaddrinfo(list);
    return family == AF_INET ? "it has no IPv4 address, and this node's socket "
                               "is bound to IPv4"
                             : "it has no IPv6 address, and this node's socket "
                               "is bound to IPv6";
}

const char *resolve_blocking(const char *name, uint16_t port,
                             struct address_reach reach, struct addresses *out)
{
    struct addrinfo hints = {0}, *list = NULL;
    const char *problem;
    int error;

    hints.ai_family = reach.dual ? AF_UNSPEC : reach.family;
    hints.ai_socktype = SOCK_DGRAM;
    error = getaddrinfo(name, NULL, &hints, &list);
    if (error != 0)
        return reach.dual ? gai_strerror(error)
                          : explain(name, error, reach.family);
    problem = take_all(list, port, reach, out);
    freeaddrinfo(list);
    return problem;
}

const char *resolve_first_blocking(const char *name, uint16_t port,
                                   struct address_reach reach,
                                   struct address *out)
{
    struct addresses found = {0};
    const char *problem = resolve_blocking(name, port, reach, &found);

    if (!problem)
        *out = found.list[0];
    addresses_clear(&found);
    return problem;
}

/* ---- Lifetime ---- */

/* Gives up one hold; unlocks. */
static void release(struct resolver *resolver)
{
    bool last = --resolver->holders == 0;

    pthread_mutex_unlock(&resolver->mutex);
    if (!last)
        return;
    queue_clear(&resolver->waiting);
    queue_clear(&resolver->finished);
    pthread_mutex_destroy(&resolver->mutex);
    free(resolver);
}

static void on_answered(struct ev_loop *loop, ev_async *watcher, int events);

struct resolver *resolver_new(struct ev_loop *loop, struct address_reach reach,
                              resolve_lookup_fn *lookup)
{
    struct resolver *resolver = calloc(1, sizeof *resolver);

    if (!resolver)
        return NULL;
    if (pthread_mutex_init(&resolver->mutex, NULL) != 0) {
        free(resolver);
        return NULL;
    }
    resolver->loop = loop;
    resolver->reach = reach;
    resolver->lookup = lookup;
    resolver->holders = 1;
    queue_init(&resolver->waiting);
    queue_init(&resolver->finished);
    ev_async_init(&resolver->answered, on_answered);
    resolver->answered.data = resolver;
    return resolver;
}

void resolver_free(struct resolver *resolver)
{
    if (!resolver)
        return;
    ev_async_stop(resolver->loop, &resolver->answered);
    pthread_mutex_lock(&resolver->mutex);
    resolver->closed = true;
    release(resolver);
}

/* ---- The threads ---- */

static void *look_up_all(void *argument)
{
    struct resolver *resolver = argument;
    struct resolver_question *question;

    pthread_mutex_lock(&resolver->mutex);
    while (!resolver->closed && (question = queue_pop(&resolver->waiting))) {
        pthread_mutex_unlock(&resolver->mutex);
        question->error = resolver->lookup(question->name, question->port,
                                           resolver->reach, &question->answer);
        pthread_mutex_lock(&resolver->mutex);
        queue_push(&resolver->finished, question);
        if (!resolver->closed) /* else the loop may be gone */
            ev_async_send(resolver->loop, &resolver->answered);
    }
    resolver->threads--;
    release(resolver);
    return NULL;
}

static bool start_thread(struct resolver *resolver)
{
    pthread_t thread;

    if (thread_start(&thread, look_up_all, resolver) != 0)
        return false;
    pthread_detach(thread);
    return true;
}

/* Puts the question where a thread finds it. Every waiting question has a
 * thread that will come for it: a thread only ends when none waits. */
static bool enqueue(struct resolver *resolver,
                    struct resolver_question *question)
{
    bool served = true;

    pthread_mutex_lock(&resolver->mutex);
    if (resolver->threads < RESOLVE_THREADS && start_thread(resolver)) {
        resolver->threads++;
        resolver->holders++;
    }
    if (resolver->threads > 0)
        queue_push(&resolver->waiting, question);
    else
        served = false;
    pthread_mutex_unlock(&resolver->mutex);
    return served;
}

/* The watcher is on while questions are open, so that a loop with nothing else
 * to wait for is not kept running. */
static void expect_answer(struct resolver *resolver)
{
    if (resolver->open++ == 0)
        ev_async_start(resolver->loop, &resolver->answered);
}

static void got_answer(struct resolver *resolver)
{
    if (--resolver->open == 0)
        ev_async_stop(resolver->loop, &resolver->answered);
}

bool resolver_is_busy(const struct resolver *resolver)
{
    return resolver->open > 0;
}

int resolver_ask(struct resolver *resolver, const char *name, uint16_t port,
                 resolve_fn *done, void *context)
{
    size_t size = strlen(name) + 1;
    struct resolver_question *question;

    if (size > sizeof question->name)
        return -1;
    question = calloc(1, sizeof *question);
    if (!question)
        return -1;
    memcpy(question->name, name, size);
    question->port = port;
    question->done = done;
    question->context = context;
    expect_answer(resolver); /* first: the thread may be that quick */
    if (enqueue(resolver, question))
        return 0;
    got_answer(resolver);
    free(question);
    return -1;
}

/* ---- The answers ---- */

static struct resolver_question *take_finished(struct resolver *resolver)
{
    struct resolver_question *question = NULL;

    pthread_mutex_lock(&resolver->mutex);
    if (!resolver->closed)
        question = queue_pop(&resolver->finished);
    pthread_mutex_unlock(&resolver->mutex);
    return question;
}

/* `done` may free the resolver, so that this holds it meanwhile. */
static void on_answered(struct ev_loop *loop, ev_async *watcher, int events)
{
    struct resolver *resolver = watcher->data;
    struct resolver_question *question;

    (void)loop, (void)events;
    pthread_mutex_lock(&resolver->mutex);
    resolver->holders++;
    pthread_mutex_unlock(&resolver->mutex);
    while ((question = take_finished(resolver))) {
        got_answer(resolver);
        question->done(question->context,
                       question->error ? NULL : &question->answer,
                       question->error);
        question_free(question);
    }
    pthread_mutex_lock(&resolver->mutex);
    release(resolver);
}
