/* SPDX-License-Identifier: MIT */
#include "endpoint_cache.h"

#include "../base/hash.h"

#include <stdlib.h>
#include <string.h>

/* A name and what is known of it. It is freed only while no lookup runs. */
struct endpoint_name {
    struct endpoint_name *next; /* in its bucket, the last used first */
    struct endpoint_cache *owner;
    bool looking;
    bool heard;     /* a datagram came from the address in use */
    bool asked;     /* a question is open, */
    bool repeated;  /* and it was asked twice */
    bool awaited;   /* it is in owner->awaited */
    uint8_t in_use; /* which of the addresses */
    uint8_t count;  /* of addresses; 0: they are not known */
    struct address addresses[ENDPOINTS_ADDRESSES];
    uint64_t checked_us; /* when the last lookup ended */
    uint64_t due_us;     /* when the answer was expected */
    uint16_t port;
    char name[ADDRESS_MAX_HOST];
};

void endpoint_cache_init(struct endpoint_cache *endpoints,
                         struct address_reach reach, struct resolver *resolver,
                         uint64_t (*now)(void), endpoints_failed_fn *failed,
                         void *context)
{
    memset(endpoints, 0, sizeof *endpoints);
    endpoints->reach = reach;
    endpoints->resolver = resolver;
    endpoints->now = now;
    endpoints->failed = failed;
    endpoints->context = context;
}

void endpoint_cache_clear(struct endpoint_cache *endpoints)
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

/* ---- The addresses of a name ---- */

/* false: it is none of them. */
static bool find_among(const struct endpoint_name *name,
                       const struct address *address, uint8_t *index)
{
    struct address plain = address_plain(address);
    uint8_t i;

    for (i = 0; i < name->count; i++) {
        struct address each = address_plain(&name->addresses[i]);

        if (!address_equal(&each, &plain))
            continue;
        *index = i;
        return true;
    }
    return false;
}

static void use_address(struct endpoint_name *name, uint8_t index, bool heard)
{
    name->in_use = index;
    name->heard = heard;
    name->asked = name->repeated = false;
}

/* The one in use stays in use if it is still there. */
static void take_addresses(struct endpoint_name *name,
                           const struct addresses *found)
{
    bool had_one = name->count > 0;
    struct address before = name->addresses[name->in_use];
    uint8_t index;

    name->count = found->count < ENDPOINTS_ADDRESSES ? (uint8_t)found->count
                                                     : ENDPOINTS_ADDRESSES;
    memcpy(name->addresses, found->list, name->count * sizeof *found->list);
    if (had_one && find_among(name, &before, &index))
        name->in_use = index;
    else
        use_address(name, 0, false);
}

static void forget_awaited(struct endpoint_name *name)
{
    struct endpoint_cache *owner = name->owner;
    unsigned i;

    for (i = 0; name->awaited && i < ENDPOINTS_AWAITED; i++) {
        if (owner->awaited[i] != name)
            continue;
        owner->awaited[i] = NULL;
        owner->num_awaited--;
        name->awaited = false;
    }
}

/* When all places are taken the oldest is. */
static void await(struct endpoint_name *name)
{
    struct endpoint_cache *owner = name->owner;
    struct endpoint_name **place =
        &owner->awaited[owner->next_awaited++ % ENDPOINTS_AWAITED];

    if (*place)
        (*place)->awaited = false;
    else
        owner->num_awaited++;
    *place = name;
    name->awaited = true;
}

/* An address that has been heard may have lost one packet. */
static bool is_silent(const struct endpoint_name *name, uint64_t now_us)
{
    return name->asked && now_us >= name->due_us &&
           (name->repeated || !name->heard);
}

static const struct address *address_in_use(struct endpoint_name *name,
                                            uint64_t answer_within_us)
{
    uint64_t now_us;

    if (name->count <= 1)
        return name->count ? &name->addresses[0] : NULL;
    now_us = name->owner->now();
    if (is_silent(name, now_us))
        use_address(name, (uint8_t)((name->in_use + 1) % name->count), false);
    if (answer_within_us > 0) {
        if (!name->asked)
            name->due_us = now_us + answer_within_us;
        else if (now_us >= name->due_us)
            name->repeated = true;
        name->asked = true;
    }
    if (!name->awaited)
        await(name);
    return &name->addresses[name->in_use];
}

void endpoint_cache_heard(struct endpoint_cache *endpoints,
                          const struct address *from)
{
    unsigned i;
    uint8_t index;

    for (i = 0; endpoints->num_awaited > 0 && i < ENDPOINTS_AWAITED; i++) {
        struct endpoint_name *name = endpoints->awaited[i];

        if (!name || !find_among(name, from, &index))
            continue;
        use_address(name, index, true);
        forget_awaited(name);
    }
}

/* ---- Names ---- */

static void on_resolved(void *context, const struct addresses *addresses,
                        const char *error)
{
    struct endpoint_name *name = context;
    struct endpoint_cache *owner = name->owner;

    name->looking = false;
    name->checked_us = owner->now();
    if (addresses)
        take_addresses(name, addresses);
    else
        owner->failed(owner->context, name->name, error);
}

static bool is_due(const struct endpoint_name *name, uint64_t now_us)
{
    uint64_t after_us = name->count ? ENDPOINTS_FRESH_US : ENDPOINTS_RETRY_US;

    if (name->looking)
        return false;
    return name->checked_us == 0 || now_us >= name->checked_us + after_us;
}

static void look_up_if_due(struct endpoint_name *name)
{
    struct endpoint_cache *owner = name->owner;
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

static struct endpoint_name *make_name(struct endpoint_cache *owner,
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
static struct endpoint_name *use_name(struct endpoint_cache *endpoints,
                                      const struct endpoint *endpoint)
{
    uint32_t bucket =
        hash_short((const uint8_t *)endpoint->name, strlen(endpoint->name));
    struct endpoint_name **first, **oldest, *name;
    size_t count;

    first = &endpoints->names[bucket % ENDPOINTS_NAME_BUCKETS];
    name = unlink_name(first, endpoint, &count, &oldest);
    if (!name && count >= ENDPOINTS_NAMES_EACH) {
        struct endpoint_name *gone = oldest ? *oldest : NULL;

        if (!gone)
            return NULL;
        *oldest = gone->next;
        forget_awaited(gone);
        free(gone);
    }
    if (!name && !(name = make_name(endpoints, endpoint)))
        return NULL;
    name->next = *first;
    *first = name;
    return name;
}

/* NULL: no room or no memory. */
static struct endpoint_name *find_name(struct endpoint_cache *endpoints,
                                       const struct endpoint *endpoint)
{
    struct endpoint_name *name;

    if (!endpoints->names)
        endpoints->names =
            calloc(ENDPOINTS_NAME_BUCKETS, sizeof(struct endpoint_name *));
    if (!endpoints->names)
        return NULL;
    name = use_name(endpoints, endpoint);
    if (name)
        look_up_if_due(name);
    return name;
}

static const struct address *find_address(struct endpoint_cache *endpoints,
                                          const struct endpoint *endpoint,
                                          uint64_t answer_within_us)
{
    struct endpoint_name *name =
        endpoint->port ? find_name(endpoints, endpoint) : NULL;

    return name ? address_in_use(name, answer_within_us) : NULL;
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

const struct address *endpoint_cache_find(struct endpoint_cache *endpoints,
                                          shoal_bytes text,
                                          uint64_t answer_within_us)
{
    struct endpoint_slot *slot;
    struct endpoint endpoint;

    if (text.size == 0)
        return NULL;
    slot =
        &endpoints->slots[hash_short(text.data, text.size) % ENDPOINTS_SLOTS];
    if (!slot_has(slot, text)) {
        if (address_parse_endpoint(text, &endpoint, NULL) != 0)
            return NULL;
        if (endpoint.is_name)
            return find_address(endpoints, &endpoint, answer_within_us);
        if (text.size > sizeof slot->key)
            return NULL; /* longer than any address of ours is written */
        fill_slot(slot, text, &endpoint, endpoints->reach);
    }
    return slot->reachable ? &slot->address : NULL;
}

bool endpoint_cache_has(struct endpoint_cache *endpoints, shoal_bytes text,
                        const struct address *address)
{
    struct address ours, theirs = address_plain(address);
    const struct address *found;
    struct endpoint_name *name;
    struct endpoint endpoint;
    uint8_t index;

    if (address_parse_endpoint(text, &endpoint, NULL) == 0 &&
        endpoint.is_name) {
        name = endpoint.port ? find_name(endpoints, &endpoint) : NULL;
        return name && find_among(name, address, &index);
    }
    found = endpoint_cache_find(endpoints, text, 0);
    if (!found)
        return false;
    ours = address_plain(found);
    return address_equal(&ours, &theirs);
}
