/* SPDX-License-Identifier: MIT */
#include "endpoint_cache.h"

#include <stdlib.h>
#include <string.h>

/* A name and what is known of it. It is freed only while no lookup runs. */
struct endpoint_name {
    struct endpoint_name *next; /* in its bucket, the last used first */
    struct endpoints *owner;
    bool looking, known;
    struct address address;
    uint64_t checked_us; /* when the last lookup ended */
    uint16_t port;
    char name[ADDRESS_MAX_HOST];
};

static uint32_t hash(const uint8_t *bytes, size_t size)
{
    uint32_t h = 2166136261u; /* FNV-1a */

    while (size-- > 0)
        h = (h ^ *bytes++) * 16777619u;
    return h ^ h >> 15;
}

void endpoints_init(struct endpoints *endpoints, struct address_reach reach,
                    struct resolver *resolver, uint64_t (*now)(void),
                    endpoints_failed_fn *failed, void *context)
{
    memset(endpoints, 0, sizeof *endpoints);
    endpoints->reach = reach;
    endpoints->resolver = resolver;
    endpoints->now = now;
    endpoints->failed = failed;
    endpoints->context = context;
}

void endpoints_clear(struct endpoints *endpoints)
{
    struct endpoint_name *name, *next;
    size_t i;

    for (i = 0; endpoints->names && i < ENDPOINTS_NAME_BUCKETS; i++) {
        for (name = endpoints->names[i]; name; name = next) {
            next = name->next;
            free(name);
        }
    }
    free(endpoints->names);
    endpoints->names = NULL;
}

/* ---- Names ---- */

static void on_resolved(void *context, const struct addresses *addresses,
                        const char *error)
{
    struct endpoint_name *name = context;
    struct endpoints *owner = name->owner;

    name->looking = false;
    name->checked_us = owner->now();
    if (addresses) {
        name->address = addresses->list[0];
        name->known = true;
    } else {
        owner->failed(owner->context, name->name, error);
    }
}

static bool is_due(const struct endpoint_name *name, uint64_t now_us)
{
    uint64_t after_us = name->known ? ENDPOINTS_FRESH_US : ENDPOINTS_RETRY_US;

    if (name->looking)
        return false;
    return name->checked_us == 0 || now_us >= name->checked_us + after_us;
}

static void look_up_if_due(struct endpoint_name *name)
{
    struct endpoints *owner = name->owner;
    uint64_t now_us = owner->now();

    if (!is_due(name, now_us))
        return;
    if (resolver_ask(owner->resolver, name->name, name->port, on_resolved,
                     name) == 0)
        name->looking = true;
    else
        name->checked_us = now_us; /* no memory or thread: not at once again */
}

/* Unlinks the name from its bucket. NULL: it is not there. `*count` is how many
 * the bucket holds; `*oldest` the place of the least recently used one that may
 * be freed. */
static struct endpoint_name *unlink_name(struct endpoint_name **place,
                                         const struct endpoint *endpoint,
                                         size_t *count,
                                         struct endpoint_name ***oldest)
{
    struct endpoint_name *name;

    *oldest = NULL;
    for (*count = 0; (name = *place); place = &name->next, ++*count) {
        if (name->port == endpoint->port &&
            strcmp(name->name, endpoint->name) == 0) {
            *place = name->next;
            return name;
        }
        if (!name->looking)
            *oldest = place;
    }
    return NULL;
}

static struct endpoint_name *make_name(struct endpoints *owner,
                                       const struct endpoint *endpoint)
{
    struct endpoint_name *name = calloc(1, sizeof *name);

    if (!name)
        return NULL;
    name->owner = owner;
    name->port = endpoint->port;
    memcpy(name->name, endpoint->name, sizeof name->name);
    return name;
}

/* The name, moved or put to the front of its bucket. NULL: no room (all of the
 * bucket is being looked up) or no memory. */
static struct endpoint_name *use_name(struct endpoints *endpoints,
                                      const struct endpoint *endpoint)
{
    uint32_t bucket =
        hash((const uint8_t *)endpoint->name, strlen(endpoint->name));
    struct endpoint_name **first, **oldest, *name;
    size_t count;

    first = &endpoints->names[bucket % ENDPOINTS_NAME_BUCKETS];
    name = unlink_name(first, endpoint, &count, &oldest);
    if (!name && count >= ENDPOINTS_NAMES_EACH) {
        struct endpoint_name *gone = oldest ? *oldest : NULL;

        if (!gone)
            return NULL;
        *oldest = gone->next;
        free(gone);
    }
    if (!name && !(name = make_name(endpoints, endpoint)))
        return NULL;
    name->next = *first;
    *first = name;
    return name;
}

static const struct address *find_name(struct endpoints *endpoints,
                                       const struct endpoint *endpoint)
{
    struct endpoint_name *name;

    if (!endpoints->names)
        endpoints->names =
            calloc(ENDPOINTS_NAME_BUCKETS, sizeof(struct endpoint_name *));
    if (!endpoints->names)
        return NULL;
    name = use_name(endpoints, endpoint);
    if (!name)
        return NULL;
    look_up_if_due(name);
    return name->known ? &name->address : NULL;
}

/* ---- Addresses ---- */

static void fill_slot(struct endpoint_slot *slot, shoal_bytes text,
                      const struct endpoint *endpoint,
                      struct address_reach reach)
{
    slot->size = (uint8_t)text.size;
    memcpy(slot->key, text.data, text.size);
    slot->address = endpoint->address;
    slot->reachable =
        endpoint->port != 0 && address_adapt(&slot->address, reach);
}

static bool slot_has(const struct endpoint_slot *slot, shoal_bytes text)
{
    return slot->size == text.size &&
           memcmp(slot->key, text.data, text.size) == 0;
}

const struct address *endpoints_find(struct endpoints *endpoints,
                                     shoal_bytes text)
{
    struct endpoint_slot *slot;
    struct endpoint endpoint;

    if (text.size == 0)
        return NULL;
    slot = &endpoints->slots[hash(text.data, text.size) % ENDPOINTS_SLOTS];
    if (!slot_has(slot, text)) {
        if (endpoint_parse(text, &endpoint, NULL) != 0)
            return NULL;
        if (endpoint.is_name)
            return endpoint.port ? find_name(endpoints, &endpoint) : NULL;
        if (text.size > sizeof slot->key)
            return NULL; /* longer than any address of ours is written */
        fill_slot(slot, text, &endpoint, endpoints->reach);
    }
    return slot->reachable ? &slot->address : NULL;
}
