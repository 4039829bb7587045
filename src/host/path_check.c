/* SPDX-License-Identifier: MIT */
#include "path_check.h"

#include "node.h"
#include "padded_ping.h"

#include <stdlib.h>
#include <string.h>

static const double PAUSE = 1.; /* seconds */
static const uint64_t REMEMBERED_US = 600 * UINT64_C(1000000);

static shoal_bytes endpoint_of(const struct path *path)
{
    return (shoal_bytes){(const uint8_t *)path->endpoint, path->length};
}

/* ---- What is known ---- */

static uint32_t hash(shoal_bytes bytes)
{
    uint32_t h = 2166136261u; /* FNV-1a */
    size_t i;

    for (i = 0; i < bytes.size; i++)
        h = (h ^ bytes.data[i]) * 16777619u;
    return h;
}

/* Its place, which another one may have. NULL: no memory. */
static struct path_known *place_of(struct path_check *check,
                                   shoal_bytes endpoint)
{
    if (!check->known)
        check->known = calloc(PATH_KNOWN, sizeof *check->known);
    return check->known ? &check->known[hash(endpoint) % PATH_KNOWN] : NULL;
}

static bool is_known(host *node, shoal_bytes endpoint, size_t size)
{
    const struct path_known *place = place_of(&node->path, endpoint);

    return !place || (place->hash == hash(endpoint) && size <= place->size &&
                      host_now(node) < place->until_us);
}

static void remember(host *node, const struct path *path)
{
    struct path_known *place = place_of(&node->path, endpoint_of(path));

    if (place)
        *place = (struct path_known){hash(endpoint_of(path)), path->size,
                                     host_now(node) + REMEMBERED_US};
}

/* ---- Who waits ---- */

static bool is_path(const struct path *path, shoal_bytes endpoint)
{
    return path->length == endpoint.size &&
           memcmp(path->endpoint, endpoint.data, endpoint.size) == 0;
}

/* NULL: it does not wait. */
static struct path *find_waiting(struct path_check *check, shoal_bytes endpoint)
{
    unsigned i;

    for (i = 0; i < check->num_waiting; i++) {
        struct path *path = &check->waiting[(check->first + i) % PATH_WAITING];

        if (is_path(path, endpoint))
            return path;
    }
    return NULL;
}

/* When there is no room it is for the next large packet to it. */
static void add_waiting(struct path_check *check, shoal_bytes endpoint,
                        size_t size)
{
    struct path *path = find_waiting(check, endpoint);

    if (!path && check->num_waiting == PATH_WAITING)
        return;
    if (!path) {
        path = &check->waiting[(check->first + check->num_waiting++) %
                               PATH_WAITING];
        path->length = (uint8_t)endpoint.size;
        memcpy(path->endpoint, endpoint.data, endpoint.size);
        path->size = 0;
    }
    if (size > path->size)
        path->size = (uint32_t)size;
}

static void start_next(struct path_check *check)
{
    if (check->num_waiting == 0)
        return;
    check->now = check->waiting[check->first];
    check->first = (check->first + 1) % PATH_WAITING;
    check->num_waiting--;
    check->tries = check->large = check->signs = 0;
    check->running = true;
}

/* ---- A check ---- */

static void ping(host *node, shoal_bytes to, uint8_t number, size_t size)
{
    const struct address *address =
        endpoint_cache_find(&node->endpoints, endpoint_of(&node->path.now), 0);
    uint8_t *packet = address ? malloc(size) : NULL;

    if (!packet)
        return;
    size = padded_ping(node->engine, to, number, packet, size);
    if (size > 0)
        outbound_send(node, (shoal_bytes){packet, size}, address);
    free(packet);
}

static void finish(host *node)
{
    struct path_check *check = &node->path;

    remember(node, &check->now);
    check->running = false;
}

/* One more try, unless it is over. What is large is only for a member that
 * answers: a stranger could have told us any address. */
static void go_on(host *node)
{
    struct path_check *check = &node->path;
    shoal_member member;

    if (check->large == PATH_TRIES && check->signs >= PATH_SIGNS) {
        node->stats.small_paths++;
        log_node_small_path(node, endpoint_of(&check->now), check->now.size);
    }
    if (check->large == PATH_TRIES ||
        (check->large == 0 && check->tries == PATH_TRIES) ||
        !shoal_find_endpoint(node->engine, endpoint_of(&check->now), &member)) {
        finish(node);
        return;
    }
    check->tries++;
    check->number += 2;
    ping(node, member.id, check->number, PATH_SMALL / 2);
    if (check->signs == 0)
        return;
    check->large++;
    ping(node, member.id, (uint8_t)(check->number + 1), check->now.size);
}

static void arm(host *node)
{
    struct path_check *check = &node->path;

    if (check->armed || (!check->running && check->num_waiting == 0))
        return;
    ev_now_update(node->loop);
    ev_timer_set(&check->again, PAUSE, 0.);
    ev_timer_start(node->loop, &check->again);
    check->armed = true;
}

static void on_due(struct ev_loop *loop, ev_timer *watcher, int events)
{
    host *node = watcher->data;
    struct path_check *check = &node->path;

    (void)loop, (void)events;
    host_enter(node);
    check->armed = false;
    if (!check->running)
        start_next(check);
    if (check->running && !node->closing)
        go_on(node);
    arm(node);
    host_leave(node);
}

void path_heard(host *node, shoal_bytes packet)
{
    struct path_check *check = &node->path;
    shoal_codec codec = shoal_default_codec();
    shoal_header header;
    shoal_member member;
    size_t used;

    if (!check->running ||
        codec.decode_header(codec.context, packet, &header, &used) != 0 ||
        header.kind != SHOAL_MSG_ACK ||
        !shoal_find_identity(node->engine, header.src, &member) ||
        !is_path(&check->now, member.endpoint))
        return;
    if (header.number == check->number) {
        check->signs++;
    } else if (header.number == (uint8_t)(check->number + 1)) {
        remember(node, &check->now);
        check->running = false;
    }
}

void path_sent(host *node, shoal_bytes endpoint, size_t size)
{
    struct path_check *check = &node->path;

    if (size <= PATH_SMALL || endpoint.size > PATH_ENDPOINT ||
        !padded_ping_is_possible(node->engine) ||
        (check->running && is_path(&check->now, endpoint)) ||
        is_known(node, endpoint, size))
        return;
    add_waiting(check, endpoint, size);
    arm(node);
}

void path_init(host *node)
{
    ev_init(&node->path.again, on_due);
    node->path.again.data = node;
}

void path_clear(host *node)
{
    ev_timer_stop(node->loop, &node->path.again);
    free(node->path.known);
    node->path.known = NULL;
}
