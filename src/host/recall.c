/* SPDX-License-Identifier: MIT */
#include "recall.h"

#include "../base/bytes.h"
#include "../base/clock.h"
#include "../base/error.h"
#include "node.h"

#include <stdlib.h>
#include <string.h>

enum {
    AT_ONCE = 3,
    IN_A_ROUND = 16,
    ADDRESSES = 3, /* of a name */
    FIRST_US = 250 * 1000,
    SECOND_US = 1000 * 1000,
    EARLY_US = 10 * SECOND_US,
    LAST_US = 30 * SECOND_US
};

struct recalled {
    host *node;
    struct endpoint endpoint;
    bool looking; /* its name is looked up: the resolver has it */
    char text[];
};

/* ---- Asking ---- */

static void ask_address(host *node, const char *address)
{
    struct error error;

    if (join_announce(node, address, &error) != 0)
        log_node_lost_seed(node, NULL, address, error.text);
    else
        log_node_recalled(node, address);
}

static void on_resolved(void *context, const struct addresses *addresses,
                        const char *error)
{
    struct recalled *entry = context;
    host *node = entry->node;
    char address[ADDRESS_MAX_ENDPOINT];

    (void)error; /* it is tried again */
    entry->looking = false;
    host_enter(node);
    for (size_t i = 0; addresses && i < addresses->count && i < ADDRESSES;
         i++) {
        struct address plain = address_plain(&addresses->list[i]);

        address_format(&plain, address);
        if (!node->closing && seed_standing_of(node, address) == SEEDS_STRANGER)
            ask_address(node, address);
    }
    host_leave(node);
}

static void ask(struct recalled *entry)
{
    const struct endpoint *endpoint = &entry->endpoint;

    if (!endpoint->is_name)
        ask_address(entry->node, entry->text);
    else if (!entry->looking)
        entry->looking = resolver_ask(entry->node->resolver, endpoint->name,
                                      endpoint->port, on_resolved, entry) == 0;
}

/* A member with that endpoint, or we ourselves. */
static bool is_found(host *node, const struct recalled *entry)
{
    return seed_standing_of(node, entry->text) != SEEDS_STRANGER;
}

static void drop(struct recall *recall, size_t i)
{
    free(recall->list[i]);
    recall->list[i] = recall->list[--recall->count];
}

static void drop_found(host *node)
{
    struct recall *recall = &node->recall;

    for (size_t i = recall->count; i-- > 0;)
        if (!recall->list[i]->looking && is_found(node, recall->list[i]))
            drop(recall, i);
}

/* ---- When ---- */

static bool is_idle(const host *node)
{
    return shoal_get_connection(node->engine) == SHOAL_CONNECTION_IDLE;
}

static bool is_early(const host *node)
{
    return host_now(node) - node->recall.begun_us < EARLY_US;
}

static size_t num_asked(const host *node)
{
    if (node->recall.rounds == 0)
        return AT_ONCE;
    return is_early(node) || is_idle(node) ? IN_A_ROUND : 1;
}

static uint64_t next_wait_us(host *node)
{
    struct recall *recall = &node->recall;
    uint64_t most_us = is_early(node) ? SECOND_US : LAST_US;

    recall->wait_us *= 2;
    if (!is_early(node) && !is_idle(node))
        recall->wait_us = LAST_US;
    if (recall->wait_us > most_us)
        recall->wait_us = most_us;
    if (is_early(node))
        return recall->wait_us;
    return recall->wait_us / 2 +
           rng_below(&recall->rng, (uint32_t)recall->wait_us);
}

static void arm(host *node, uint64_t wait_us)
{
    ev_timer_stop(node->loop, &node->recall.again);
    ev_now_update(node->loop);
    ev_timer_set(&node->recall.again, (double)wait_us / 1e6, 0.);
    ev_timer_start(node->loop, &node->recall.again);
}

static void shuffle(struct recall *recall)
{
    for (size_t i = recall->count; i > 1; i--) {
        size_t other = rng_below(&recall->rng, (uint32_t)i);
        struct recalled *entry = recall->list[i - 1];

        recall->list[i - 1] = recall->list[other];
        recall->list[other] = entry;
    }
}

static void begin(host *node)
{
    struct recall *recall = &node->recall;

    recall->begun_us = host_now(node);
    recall->wait_us = FIRST_US / 2;
    shuffle(recall);
}

static void go_round(host *node)
{
    struct recall *recall = &node->recall;
    size_t count = num_asked(node);

    drop_found(node);
    recall->rounds++;
    if (count > recall->count)
        count = recall->count;
    for (; count > 0 && !node->closing; count--) {
        recall->turn = (recall->turn + 1) % recall->count;
        ask(recall->list[recall->turn]);
    }
    if (recall->count > 0 && !node->closing)
        arm(node, next_wait_us(node));
}

static void on_again(struct ev_loop *loop, ev_timer *watcher, int events)
{
    host *node = watcher->data;

    (void)loop, (void)events;
    host_enter(node);
    if (node->recall.rounds == 0)
        begin(node);
    if (shoal_get_connection(node->engine) != SHOAL_CONNECTION_DEFUNCT)
        go_round(node);
    else
        arm(node, LAST_US);
    host_leave(node);
}

/* ---- Whom ---- */

static bool has_room(struct recall *recall)
{
    size_t room = recall->room ? 2 * recall->room : 16;
    struct recalled **list;

    if (recall->count < recall->room)
        return true;
    list = realloc(recall->list, room * sizeof *list);
    if (!list)
        return false;
    recall->list = list;
    recall->room = room;
    return true;
}

int host_recall(host *node, const char *text, struct error *error)
{
    struct recall *recall = &node->recall;
    struct endpoint endpoint;
    struct recalled *entry;
    size_t size = strlen(text) + 1;

    if (address_parse_endpoint(bytes_of_text(text), &endpoint, error) != 0)
        return -1;
    if (endpoint.port == 0 || !join_reaches(node, &endpoint))
        return error_fail(error, "cannot reach %s from %s", text, node->bound);
    entry = has_room(recall) ? malloc(sizeof *entry + size) : NULL;
    if (!entry)
        return error_fail(error, "cannot recall %s: out of memory", text);
    *entry = (struct recalled){.node = node, .endpoint = endpoint};
    memcpy(entry->text, text, size);
    recall->list[recall->count++] = entry;
    if (recall->rounds == 0)
        arm(node, 0);
    return 0;
}

void host_recall_end(host *node)
{
    struct recall *recall = &node->recall;

    ev_timer_stop(node->loop, &recall->again);
    for (size_t i = recall->count; i-- > 0;)
        if (!recall->list[i]->looking)
            drop(recall, i);
}

void recall_init(host *node)
{
    node->recall = (struct recall){.list = NULL};
    node->recall.rng.state = clock_monotonic_us() ^ (uintptr_t)node;
    ev_init(&node->recall.again, on_again);
    node->recall.again.data = node;
}

/* The resolver is gone: what it looked up will not come. */
void recall_clear(host *node)
{
    struct recall *recall = &node->recall;

    ev_timer_stop(node->loop, &recall->again);
    for (size_t i = 0; i < recall->count; i++)
        free(recall->list[i]);
    free(recall->list);
}
