/* SPDX-License-Identifier: MIT */
#include "seeds.h"

#include <stdlib.h>
#include <string.h>

/* ---- The list ---- */

void seeds_init(struct seeds *seeds, uint64_t random,
                seeds_standing_fn *standing, void *context)
{
    memset(seeds, 0, sizeof *seeds);
    seeds->rng.state = random;
    seeds->standing = standing;
    seeds->context = context;
    seeds->connection = SHOAL_CONNECTION_DEFUNCT; /* until seeds_update() */
    seeds->due_us = SHOAL_NEVER;
}

void seeds_clear(struct seeds *seeds)
{
    for (size_t i = 0; i < seeds->count; i++) {
        free(seeds->list[i]->addresses);
        free(seeds->list[i]);
    }
    free(seeds->list);
    seeds->list = NULL;
    seeds->count = seeds->capacity = 0;
}

struct seed *seeds_find(const struct seeds *seeds, const char *text)
{
    for (size_t i = 0; i < seeds->count; i++)
        if (strcmp(seeds->list[i]->text, text) == 0)
            return seeds->list[i];
    return NULL;
}

static struct seed *make_seed(const char *text, const char *address)
{
    size_t size = strlen(text) + 1;
    struct seed *seed = calloc(1, sizeof *seed + size);
    if (!seed)
        return NULL;
    memcpy(seed->text, text, size);
    seed->is_name = !address;
    seed->looked_us = SHOAL_NEVER;
    if (!address)
        return seed;
    size = strlen(address) + 1;
    seed->addresses = malloc(size);
    if (!seed->addresses) {
        free(seed);
        return NULL;
    }
    memcpy(seed->addresses, address, size);
    seed->num_addresses = 1;
    return seed;
}

static bool has_room(struct seeds *seeds)
{
    if (seeds->count < seeds->capacity)
        return true;
    size_t capacity = seeds->capacity ? 2 * seeds->capacity : 4;
    struct seed **list = realloc(seeds->list, capacity * sizeof(struct seed *));
    if (!list)
        return false;
    seeds->list = list;
    seeds->capacity = capacity;
    return true;
}

struct seed *seeds_add(struct seeds *seeds, const char *text,
                       const char *address)
{
    struct seed *seed = has_room(seeds) ? make_seed(text, address) : NULL;
    if (seed)
        seeds->list[seeds->count++] = seed;
    return seed;
}

/* ---- When ---- */

/* Times 0.5 to 1.5. */
static uint64_t jitter(struct seeds *seeds, uint32_t us)
{
    return us / 2 + rng_below(&seeds->rng, us + 1);
}

static uint32_t backoff(unsigned rounds)
{
    uint32_t wait_us = SEEDS_FIRST_US;
    while (rounds-- > 0 && wait_us < SEEDS_LAST_US)
        wait_us *= 2;
    return wait_us < SEEDS_LAST_US ? wait_us : SEEDS_LAST_US;
}

/* The next round, seen from `now_us`. */
static void arm(struct seeds *seeds, uint64_t now_us)
{
    switch (seeds->connection) {
    case SHOAL_CONNECTION_DEFUNCT:
        seeds->due_us = SHOAL_NEVER;
        break;
    case SHOAL_CONNECTION_IDLE:
        seeds->due_us = now_us + jitter(seeds, backoff(seeds->rounds));
        break;
    case SHOAL_CONNECTION_ACTIVE:
        seeds->due_us = now_us + jitter(seeds, SEEDS_ACTIVE_US);
        break;
    }
}

void seeds_update(struct seeds *seeds, uint64_t now_us,
                  shoal_connection connection)
{
    if (connection == seeds->connection)
        return;
    seeds->connection = connection;
    seeds->since_us = now_us;
    seeds->rounds = 0;
    seeds->searching = false;
    for (size_t i = 0; i < seeds->count; i++)
        seeds->list[i]->in_round = false;
    arm(seeds, now_us);
}

static bool is_due(const struct seed *seed)
{
    return (seed->wanted || seed->in_round) &&
           (!seed->looking || seed->is_late);
}

/* The search waits for the lookup of the seed whose turn it is. */
static bool is_waiting(const struct seeds *seeds)
{
    const struct seed *seed = seeds->list[seeds->turn];
    return seed->looking && !seed->is_late;
}

uint64_t seeds_due(const struct seeds *seeds)
{
    if (seeds->count == 0)
        return SHOAL_NEVER;
    for (size_t i = 0; i < seeds->count; i++)
        if (is_due(seeds->list[i]))
            return 0;
    return seeds->searching && !is_waiting(seeds) ? 0 : seeds->due_us;
}

static void begin_turn(struct seed *seed)
{
    seed->tried = seed->asked = 0;
}

static void pass_turn(struct seeds *seeds)
{
    seeds->turn = (seeds->turn + 1) % seeds->count;
    begin_turn(seeds->list[seeds->turn]);
}

/* All, or the next so many. */
static void begin_idle_round(struct seeds *seeds)
{
    for (size_t i = 0; i < seeds->count && i < SEEDS_AT_ONCE; i++) {
        seeds->list[seeds->turn]->in_round = true;
        pass_turn(seeds);
    }
}

static void begin_search(struct seeds *seeds)
{
    seeds->passed = seeds->lookups = seeds->judged = 0;
    seeds->searching = true;
    begin_turn(seeds->list[seeds->turn]);
}

static void begin_round(struct seeds *seeds, uint64_t now_us)
{
    for (size_t i = 0; i < seeds->count; i++)
        seeds->list[i]->is_late = seeds->list[i]->looking;
    seeds->rounds++;
    arm(seeds, now_us);
    if (seeds->connection == SHOAL_CONNECTION_IDLE)
        begin_idle_round(seeds);
    else
        begin_search(seeds);
}

void seeds_ask(struct seeds *seeds, uint64_t now_us, struct seed *seed)
{
    begin_turn(seed);
    seed->wanted = true;
    if (seeds->connection != SHOAL_CONNECTION_IDLE)
        return;
    seeds->rounds = 0;
    arm(seeds, now_us);
}

/* ---- Whom ---- */

static const char *address_at(const struct seed *seed, size_t i)
{
    const char *address = seed->addresses;
    while (i-- > 0)
        address += strlen(address) + 1;
    return address;
}

static enum seeds_standing standing(const struct seeds *seeds,
                                    const char *address)
{
    return seeds->standing(seeds->context, address);
}

/* The next address of the seed that has not been tried this time. NULL: there
 * is none. */
static const char *take_address(struct seed *seed)
{
    if (seed->tried >= seed->num_addresses)
        return NULL;
    const char *address = address_at(seed, seed->turn);
    seed->turn = (seed->turn + 1) % seed->num_addresses;
    seed->tried++;
    return address;
}

static const char *take_other(struct seeds *seeds, struct seed *seed)
{
    const char *address;
    while (seed->asked < SEEDS_ADDRESSES && (address = take_address(seed)))
        if (standing(seeds, address) != SEEDS_OURS)
            return address;
    return NULL;
}

static const char *take_stranger(struct seeds *seeds, struct seed *seed)
{
    const char *address;
    while (seeds->judged++ < SEEDS_JUDGED && (address = take_address(seed)))
        if (standing(seeds, address) == SEEDS_STRANGER)
            return address;
    return NULL;
}

static bool needs_lookup(const struct seed *seed, uint64_t now_us)
{
    if (!seed->is_name || seed->looking)
        return false;
    return seed->looked_us == SHOAL_NEVER ||
           now_us - seed->looked_us >= SEEDS_FRESH_US;
}

static void start_lookup(struct seed *seed, struct seeds_task *out)
{
    seed->looking = true;
    seed->is_late = false;
    *out = (struct seeds_task){seed, NULL};
}

/* One that is asked whoever else is known. false: that is done, or waits for a
 * lookup. */
static bool visit(struct seeds *seeds, struct seed *seed, uint64_t now_us,
                  struct seeds_task *out)
{
    if (needs_lookup(seed, now_us)) {
        start_lookup(seed, out);
        return true;
    }
    *out = (struct seeds_task){seed, take_other(seeds, seed)};
    if (out->address)
        return true;
    seed->is_late = false;
    if (!seed->looking)
        seed->wanted = seed->in_round = false;
    return false;
}

/* A name that is an active member's own is not looked up. */
static bool is_settled(const struct seeds *seeds, const struct seed *seed)
{
    return seed->is_name && standing(seeds, seed->text) != SEEDS_STRANGER;
}

/* While active. Seeds are passed until one has a stranger among its addresses,
 * or must be looked up to know. */
static bool search(struct seeds *seeds, uint64_t now_us, struct seeds_task *out)
{
    while (seeds->passed < seeds->count && seeds->judged < SEEDS_JUDGED) {
        struct seed *seed = seeds->list[seeds->turn];
        if (is_waiting(seeds))
            return false;
        bool settled = is_settled(seeds, seed);
        if (!settled && needs_lookup(seed, now_us) &&
            seeds->lookups++ < SEEDS_LOOKUPS) {
            start_lookup(seed, out);
            return true;
        }
        const char *address = settled ? NULL : take_stranger(seeds, seed);
        seeds->passed++;
        pass_turn(seeds);
        if (address) {
            seeds->searching = false;
            *out = (struct seeds_task){seed, address};
            return true;
        }
    }
    seeds->searching = false;
    return false;
}

static bool find_task(struct seeds *seeds, uint64_t now_us,
                      struct seeds_task *out)
{
    for (size_t i = 0; i < seeds->count; i++)
        if (is_due(seeds->list[i]) && visit(seeds, seeds->list[i], now_us, out))
            return true;
    return seeds->searching && search(seeds, now_us, out);
}

bool seeds_next(struct seeds *seeds, uint64_t now_us, struct seeds_task *out)
{
    if (seeds->count > 0 && now_us >= seeds->due_us)
        begin_round(seeds, now_us);
    if (!find_task(seeds, now_us, out))
        return false;
    if (!out->address)
        return true;
    out->seed->asked++;
    asked_note(&seeds->asked, now_us, out->address);
    return true;
}

/* ---- Lookups ---- */

void seeds_failed(struct seed *seed, uint64_t now_us)
{
    seed->looking = seed->is_late = false;
    seed->looked_us = now_us;
}

void seeds_found(struct seeds *seeds, uint64_t now_us, struct seed *seed,
                 char *addresses, size_t count)
{
    bool is_first = seed->num_addresses == 0;
    seeds_failed(seed, now_us);
    free(seed->addresses);
    seed->addresses = addresses;
    seed->num_addresses = count;
    seed->turn =
        is_first ? rng_below(&seeds->rng, (uint32_t)count) : seed->turn % count;
    begin_turn(seed);
}

/* ---- Who it is ---- */

bool seeds_is_ours(const struct seeds *seeds, const struct seed *seed)
{
    if (seed->num_addresses == 0)
        return standing(seeds, seed->text) == SEEDS_OURS;
    for (size_t i = 0; i < seed->num_addresses; i++)
        if (standing(seeds, address_at(seed, i)) != SEEDS_OURS)
            return false;
    return true;
}

const char *seeds_next_asked(const struct seeds *seeds, uint64_t now_us,
                             size_t *cursor)
{
    const char *address;
    while ((address = asked_next(&seeds->asked, now_us, cursor)))
        if (standing(seeds, address) == SEEDS_STRANGER)
            return address;
    return NULL;
}
